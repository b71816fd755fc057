package existing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"assay/framework/target"
	"assay/framework/workload"
	"assay/reports/results"
)

const (
	// nodesAtOnce bounds the nodes that are asked at the same time.
	nodesAtOnce = 16
	// askTimeout is how long a node may take, with the time to pull the probe's image.
	askTimeout = 3 * time.Minute
	// removeTimeout is how long the namespaces may take to go.
	removeTimeout = 3 * time.Minute
	pollInterval  = 500 * time.Millisecond
	// removeInterval is the time between two looks at the namespaces that are to go.
	removeInterval = time.Second
	// mostTogether is how many nodes a column may have that answer together: two are needed by some checks.
	mostTogether = 2
)

// Prepare has a pod on each node of the column show that the node can run the probe's image, and where the
// cluster allows it tell what the node's first process may do. It returns the target, also with an error, and
// the facts of the nodes. The namespaces of the ID are made for it. Of more than two nodes each is to answer for
// itself, and one that cannot be used is no error as long as another one can.
func (c Column) Prepare(ctx context.Context, id, image string) (target.Target, []results.Node, error) {
	to := target.Target{
		Column: c.Name, Client: c.Client, Config: c.Config, ProbeImage: image, RuntimeClass: c.RuntimeClass, Shared: true,
		Sweep: len(c.Nodes) > mostTogether,
	}
	facts := make([]results.Node, len(c.Nodes))
	to.Nodes = make([]target.Node, len(c.Nodes))
	for i, node := range c.Nodes {
		info := node.Status.NodeInfo
		facts[i] = results.Node{Name: node.Name, OS: info.OSImage, Kernel: info.KernelVersion, Runtime: info.ContainerRuntimeVersion}
		to.Nodes[i] = target.Node{Name: node.Name}
	}
	namespace := prefix(id)
	_, err := c.Client.CoreV1().Namespaces().Create(ctx, workload.Namespace(namespace, ""), metav1.CreateOptions{})
	if err != nil {
		return to, facts, fmt.Errorf("create namespace %s: %w", namespace, err)
	}
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(nodesAtOnce)
	for i := range c.Nodes {
		group.Go(func() error {
			bounding, err := askNode(asking, to, namespace, i)
			if err == nil && bounding != "" {
				facts[i].BoundingSet = bounding
				err = to.Nodes[i].Bounding.UnmarshalText([]byte(bounding))
			}
			if to.Sweep && asking.Err() == nil {
				to.Nodes[i].Unusable = err
				return nil
			}
			return err
		})
	}
	err = group.Wait()
	if !slices.ContainsFunc(to.Nodes, func(node target.Node) bool { return node.Unusable == nil }) {
		err = cmp.Or(err, to.Nodes[0].Unusable)
	}
	return to, facts, err
}

// askNode runs a pod on a node. It returns the bounding set of the node's first process in hexadecimal, empty
// where the node does not say it.
func askNode(ctx context.Context, to target.Target, namespace string, index int) (bounding string, err error) {
	node := to.Nodes[index].Name
	asking := workload.Base(to, namespace, fmt.Sprintf("node-%d", index+1), node)
	asking.Spec.HostPID = true
	// This is about the node, not about what a class makes of it.
	asking.Spec.RuntimeClassName = nil
	asking.Spec.Containers = []corev1.Container{{
		Name: "ask", Image: to.ProbeImage, ImagePullPolicy: corev1.PullIfNotPresent,
		Command:         []string{"/bin/sed", "-n", `s/^CapBnd:[[:space:]]*//p`, "/proc/1/status"},
		SecurityContext: &corev1.SecurityContext{Privileged: new(true)},
	}}
	said, err := runOnce(ctx, to, asking)
	if err == nil {
		return strings.TrimSpace(said), nil
	}
	if to.Forbids(err) == "" && !errors.Is(err, errNotDone) {
		return "", fmt.Errorf("node %s: %w", node, err)
	}
	plain := workload.Base(to, namespace, fmt.Sprintf("node-%d-plain", index+1), node)
	plain.Spec.Containers = []corev1.Container{{
		Name: "ask", Image: to.ProbeImage, ImagePullPolicy: corev1.PullIfNotPresent, Command: []string{"/bin/true"},
	}}
	if _, err := runOnce(ctx, to, plain); err != nil {
		return "", fmt.Errorf("node %s: %w", node, err)
	}
	return "", nil
}

// errNotDone says that the container did not do what it was to do, although its image was there.
var errNotDone = errors.New("the container did not end well")

// runOnce runs a pod of one container to its end, returns its log and deletes it.
func runOnce(ctx context.Context, to target.Target, pod *corev1.Pod) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, fmt.Errorf("not done after %s", askTimeout))
	defer cancel()
	pods := to.Client.CoreV1().Pods(pod.Namespace)
	if err := to.CreatePod(ctx, pod, askTimeout); err != nil {
		return "", fmt.Errorf("create pod %s: %w", pod.Name, err)
	}
	defer func() { _ = pods.Delete(context.WithoutCancel(ctx), pod.Name, metav1.DeleteOptions{}) }()
	var seen *corev1.Pod
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		now, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		seen = now
		for _, status := range seen.Status.ContainerStatuses {
			if waiting := status.State.Waiting; waiting != nil && strings.Contains(waiting.Reason, "Image") && waiting.Message != "" {
				return false, fmt.Errorf("the image %s cannot be had: %s: %s; `assay image push` puts it into a registry",
					to.ProbeImage, waiting.Reason, waiting.Message)
			}
		}
		return seen.Status.Phase == corev1.PodSucceeded || seen.Status.Phase == corev1.PodFailed, nil
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return "", fmt.Errorf("pod %s: %w; last seen: %s", pod.Name, context.Cause(ctx), lastSeen(seen))
	case err != nil:
		return "", fmt.Errorf("pod %s: %w", pod.Name, err)
	case seen.Status.Phase == corev1.PodFailed:
		return "", fmt.Errorf("pod %s: %w: %s", pod.Name, errNotDone, lastSeen(seen))
	}
	log, err := pods.GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
	if err != nil {
		return "", fmt.Errorf("read the log of pod %s: %w", pod.Name, err)
	}
	return string(log), nil
}

func lastSeen(pod *corev1.Pod) string {
	if pod == nil {
		return "nothing"
	}
	text := strings.TrimSpace(fmt.Sprintf("phase %s %s %s", pod.Status.Phase, pod.Status.Reason, pod.Status.Message))
	for _, status := range pod.Status.ContainerStatuses {
		switch {
		case status.State.Waiting != nil:
			text += fmt.Sprintf(", waiting: %s %s", status.State.Waiting.Reason, status.State.Waiting.Message)
		case status.State.Terminated != nil:
			text += fmt.Sprintf(", ended with %d: %s", status.State.Terminated.ExitCode, status.State.Terminated.Message)
		}
	}
	return text
}

// prefix begins the names of the namespaces of a run in the cluster; the runner makes them of its RunID.
func prefix(id string) string { return "assay-" + id }

// Remove deletes the namespaces of an ID and waits until they are gone. It returns the names of those that are
// not when the time is over, as far as they are known, and what it met with last.
func Remove(ctx context.Context, client kubernetes.Interface, id string) (left []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	namespaces := client.CoreV1().Namespaces()
	var last error
	err = wait.PollUntilContextCancel(ctx, removeInterval, true, func(ctx context.Context) (bool, error) {
		made, err := namespaces.List(ctx, metav1.ListOptions{LabelSelector: workload.Label + "=namespace"})
		if err != nil {
			last = fmt.Errorf("list the namespaces: %w", err)
			return false, nil
		}
		left, last = nil, nil
		for _, namespace := range made.Items {
			if namespace.Name != prefix(id) && !strings.HasPrefix(namespace.Name, prefix(id)+"-") {
				continue
			}
			left = append(left, namespace.Name)
			if namespace.DeletionTimestamp == nil {
				err := namespaces.Delete(ctx, namespace.Name, metav1.DeleteOptions{})
				if err != nil && !apierrors.IsNotFound(err) {
					last = fmt.Errorf("delete namespace %s: %w", namespace.Name, err)
				}
			}
		}
		return len(left) == 0, nil
	})
	return left, cmp.Or(last, err)
}
