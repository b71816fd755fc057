// Package workload packs the trials of checks into pods. Trials that need the same container share one
// container and its one document, containers that need the same pod share pods, and everything else
// stays apart.
package workload

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/framework/check"
	"assay/framework/probe"
	"assay/framework/target"
)

// containersPerPod bounds a pod: a kubelet starts the containers of a pod one after the other, but
// the pods side by side.
const containersPerPod = 6

// Key names a trial among all checks.
type Key struct{ Check, Trial string }

// Pod is one pod to be made, and what its containers are for.
type Pod struct {
	Object *corev1.Pod
	// NeedsPeer says that the pod has to know the address of a pod on another node; see WithPeer.
	NeedsPeer bool
	// Placements say which container is a trial's.
	Placements []Placement
}

// Placement puts a trial into a container.
type Placement struct {
	Key       Key
	Trial     check.Trial
	Container string
}

// Pack plans the pods of the checks in a namespace. Pods are spread over the nodes of the target.
// An error means that a check is wrong, not the cluster.
func Pack(checks []check.Check, to target.Target, namespace string) ([]Pod, error) {
	shapes, err := group(checks)
	if err != nil {
		return nil, err
	}
	var pods []Pod
	for _, shape := range shapes {
		for containers := range slices.Chunk(shape.containers, containersPerPod) {
			pod, err := build(shape.pod, containers, to, namespace, len(pods))
			if err != nil {
				return nil, err
			}
			pods = append(pods, pod)
		}
	}
	return pods, nil
}

// podShape is the trials that may share a pod.
type podShape struct {
	pod        check.Pod
	containers []*containerShape
}

// containerShape is the trials that share a container.
type containerShape struct {
	container check.Container
	trials    []Placement
	actions   []probe.Action
}

// group keeps the order of the checks, so that equal input makes equal pods.
func group(checks []check.Check) ([]*podShape, error) {
	var order []*podShape
	pods := map[string]*podShape{}
	containers := map[string]*containerShape{}
	for _, c := range checks {
		for _, trial := range c.Trials {
			podKey, err := json.Marshal(trial.Pod)
			if err != nil {
				return nil, fmt.Errorf("%s, trial %q: the pod cannot be written as JSON: %w", c.ID, trial.Name, err)
			}
			containerKey, err := json.Marshal(trial.Container)
			if err != nil {
				return nil, fmt.Errorf("%s, trial %q: the container cannot be written as JSON: %w", c.ID, trial.Name, err)
			}
			shape, known := pods[string(podKey)]
			if !known {
				shape = &podShape{pod: trial.Pod}
				pods[string(podKey)] = shape
				order = append(order, shape)
			}
			inPod := string(podKey) + "\x00" + string(containerKey)
			container, known := containers[inPod]
			if !known {
				container = &containerShape{container: trial.Container}
				containers[inPod] = container
				shape.containers = append(shape.containers, container)
			}
			container.add(Placement{Key: Key{Check: c.ID, Trial: trial.Name}, Trial: trial})
		}
	}
	return order, nil
}

func (s *containerShape) add(placement Placement) {
	s.trials = append(s.trials, placement)
	action := placement.Trial.Action
	if action.IsZero() || slices.ContainsFunc(s.actions, func(a probe.Action) bool { return a.Key() == action.Key() }) {
		return
	}
	s.actions = append(s.actions, action)
}

func build(shape check.Pod, containers []*containerShape, to target.Target, namespace string, index int) (Pod, error) {
	object := Base(to, namespace, fmt.Sprintf("probe-%02d", index+1), to.Nodes[index%len(to.Nodes)].Name)
	object.Spec.SecurityContext = shape.SecurityContext
	object.Spec.HostPID = shape.HostPID
	object.Spec.HostIPC = shape.HostIPC
	object.Spec.HostNetwork = shape.HostNetwork
	object.Spec.HostUsers = shape.HostUsers
	object.Spec.ShareProcessNamespace = shape.ShareProcessNamespace
	object.Spec.Volumes = shape.Volumes
	if shape.RuntimeClassName != nil {
		object.Spec.RuntimeClassName = shape.RuntimeClassName
	}
	pod := Pod{Object: object}
	for i, c := range containers {
		container := corev1.Container{
			Name:            fmt.Sprintf("c%d", i+1),
			Image:           to.ProbeImage,
			ImagePullPolicy: corev1.PullIfNotPresent,
			SecurityContext: c.container.SecurityContext,
			Resources:       c.container.Resources,
			VolumeMounts:    c.container.VolumeMounts,
		}
		if len(c.container.Command) > 0 {
			container.Command = c.container.Command
		} else {
			request, err := json.Marshal(probe.Request{Version: probe.Version, Actions: c.actions})
			if err != nil {
				return Pod{}, fmt.Errorf("write the probe's request: %w", err)
			}
			// Kubernetes would expand $(NAME) in the value of a variable; the probe does that itself.
			container.Env = []corev1.EnvVar{{
				Name:  probe.RequestVariable,
				Value: strings.ReplaceAll(string(request), "$(", "$$("),
			}}
		}
		if c.needsPeer() {
			pod.NeedsPeer = true
		}
		for _, placement := range c.trials {
			placement.Container = container.Name
			pod.Placements = append(pod.Placements, placement)
		}
		object.Spec.Containers = append(object.Spec.Containers, container)
	}
	return pod, nil
}

func (s *containerShape) needsPeer() bool {
	named := func(argument string) bool { return strings.Contains(argument, probe.PeerVariable) }
	return slices.ContainsFunc(s.container.Command, named) ||
		slices.ContainsFunc(s.actions, func(a probe.Action) bool { return slices.ContainsFunc(a.Args, named) })
}

// Base is a pod on a node with what all pods of the suite have in common: no service account token, no
// service variables, no restarts, no grace period to wait for.
func Base(to target.Target, namespace, name, node string) *corev1.Pod {
	no, zero := false, int64(0)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: map[string]string{Label: "pod"}},
		Spec: corev1.PodSpec{
			NodeName:                      node,
			RestartPolicy:                 corev1.RestartPolicyNever,
			AutomountServiceAccountToken:  &no,
			EnableServiceLinks:            &no,
			TerminationGracePeriodSeconds: &zero,
			// Clusters of a column may be tainted, as their control plane is.
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
		},
	}
	if to.RuntimeClass != "" {
		pod.Spec.RuntimeClassName = &to.RuntimeClass
	}
	return pod
}

// Label marks every object that the suite makes.
const Label = "assay.dev/made-by-assay"

// Server is a long-lived pod that runs the probe as a server.
func Server(to target.Target, namespace, name, node string) *corev1.Pod {
	pod := Base(to, namespace, name, node)
	pod.Spec.Containers = []corev1.Container{{
		Name:            "server",
		Image:           to.ProbeImage,
		ImagePullPolicy: corev1.PullIfNotPresent,
		Args:            []string{probe.CommandServe},
	}}
	return pod
}

// WithPeer is the pod with the address of a pod on another node for its containers.
func (p Pod) WithPeer(address string) Pod {
	p.Object = p.Object.DeepCopy()
	for i := range p.Object.Spec.Containers {
		container := &p.Object.Spec.Containers[i]
		// In front, so that the container's command can use it.
		container.Env = append([]corev1.EnvVar{{Name: probe.PeerVariable, Value: address}}, container.Env...)
	}
	return p
}

// Again is the same pod under another name, for a second attempt.
func (p Pod) Again(attempt int) Pod {
	p.Object = p.Object.DeepCopy()
	p.Object.Name = fmt.Sprintf("%s-attempt-%d", p.Object.Name, attempt)
	return p
}
