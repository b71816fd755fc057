package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/framework/column"
)

// state is what a wait looks at: whether it is over, and what it saw last.
type state func(ctx context.Context) (over bool, seen string)

// wait polls until the state is reached. When the context ends first, the error says what was seen last.
func (c *Cluster) wait(ctx context.Context, what string, reached state) error {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		over, seen := c.look(ctx, reached)
		if over {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; last seen: %s", what, context.Cause(ctx), seen)
		case <-ticker.C:
		}
	}
}

func (c *Cluster) look(ctx context.Context, reached state) (bool, string) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return reached(ctx)
}

// addressed says whether all nodes of the engine are nodes of Kubernetes with an address and a subnet.
func (c *Cluster) addressed(ctx context.Context) (bool, string) {
	list, err := c.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, err.Error()
	}
	take(c.all, list.Items)
	var missing []string
	for _, node := range c.all {
		// A network of the user's own may do without the subnets of Kubernetes.
		if node.Address == "" || node.PodCIDR == "" && c.column.Network == column.KubeRouter {
			missing = append(missing, fmt.Sprintf("%s has address %q and pod subnet %q", node.Name, node.Address, node.PodCIDR))
		}
	}
	return len(missing) == 0, strings.Join(missing, "; ")
}

// ready says whether the nodes are ready and the pods of the network run on them. CoreDNS is not waited for:
// the checks do not use it, and it becomes ready on the way.
func (c *Cluster) ready(ctx context.Context) (bool, string) {
	nodes, err := c.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, err.Error()
	}
	var missing []string
	for _, node := range nodes.Items {
		if c.requires(node.Name) && !nodeReady(node) {
			missing = append(missing, fmt.Sprintf("node %s: %s", node.Name, conditions(node)))
		}
	}
	network, err := c.networkReady(ctx)
	if err != nil {
		return false, err.Error()
	}
	missing = append(missing, network...)
	if len(missing) == 0 {
		return true, ""
	}
	return false, strings.Join(append(missing, c.warnings(ctx)...), "; ")
}

// warnings are the latest warnings among the cluster's events.
func (c *Cluster) warnings(ctx context.Context) []string {
	const most = 5
	events, err := c.Client.CoreV1().Events(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "type=Warning"})
	if err != nil {
		return nil
	}
	slices.SortFunc(events.Items, func(a, b corev1.Event) int { return b.LastTimestamp.Compare(a.LastTimestamp.Time) })
	var texts []string
	for _, event := range events.Items {
		text := fmt.Sprintf("%s %s: %s", event.InvolvedObject.Name, event.Reason, event.Message)
		if len(texts) < most && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return texts
}

func nodeReady(node corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// conditions are those of a node's conditions that are not as they should be.
func conditions(node corev1.Node) string {
	var texts []string
	for _, condition := range node.Status.Conditions {
		good := corev1.ConditionFalse
		if condition.Type == corev1.NodeReady {
			good = corev1.ConditionTrue
		}
		if condition.Status != good {
			texts = append(texts, fmt.Sprintf("%s is %s (%s: %s)", condition.Type, condition.Status, condition.Reason, condition.Message))
		}
	}
	if len(texts) == 0 {
		return "it has reported no conditions"
	}
	return strings.Join(texts, ", ")
}

func podReady(pod corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// describePod is a pod's phase and the states of its containers.
func describePod(pod corev1.Pod) string {
	text := fmt.Sprintf("pod %s on %s is %s", pod.Name, pod.Spec.NodeName, pod.Status.Phase)
	for _, container := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		switch {
		case container.State.Waiting != nil:
			text += fmt.Sprintf(", %s waits: %s %s", container.Name, container.State.Waiting.Reason, container.State.Waiting.Message)
		case container.State.Terminated != nil:
			text += fmt.Sprintf(", %s ended: %s, exit code %d", container.Name, container.State.Terminated.Reason, container.State.Terminated.ExitCode)
		case !container.Ready:
			text += fmt.Sprintf(", %s runs but is not ready", container.Name)
		}
		if last := container.LastTerminationState.Terminated; last != nil {
			text += fmt.Sprintf(" (before: %s, exit code %d)", last.Reason, last.ExitCode)
		}
	}
	return text
}
