// Package workload packs the trials of checks into pods. Trials that need the same container share one
// container and its one document, containers that need the same pod share pods, and everything else
// stays apart.
package workload

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/framework/check"
	"assay/framework/probe"
	"assay/framework/target"
)

// containersPerPod bounds a pod: a kubelet starts the containers of a pod one after the other, but the pods
// side by side. More would save sandboxes, and have one retry do more again.
const containersPerPod = 12

// Key names a trial among all checks.
type Key struct{ Check, Trial string }

// Pod is one pod to be made, and what its containers are for.
type Pod struct {
	Object *corev1.Pod
	// NeedsPeer says that the pod has to know the address of a pod on another node; see WithPeer.
	NeedsPeer bool
	// Ephemeral are the containers that are added once the others run.
	Ephemeral []corev1.EphemeralContainer
	// Exec is what is asked of a process started with exec, by container.
	Exec map[string]probe.Request
	// Placements say which container is a trial's.
	Placements []Placement
	// holding are the containers that stay when their probe has said what it saw.
	holding []string
	// shape, sets and to are what the pod was made of, and peer is the address that it was given; see Split.
	shape check.Pod
	sets  []*containerSet
	to    target.Target
	peer  string
}

// Placement puts a trial into a container.
type Placement struct {
	Key       Key
	Trial     check.Trial
	Container string
	// Unsupported are the ways in which its check learns of a lack.
	Unsupported []check.Unsupported
}

// Lacks says that the runtime or the kernel declares by what was observed that it lacks what the trial is about.
func (p Placement) Lacks(o check.Observation) bool {
	return slices.ContainsFunc(p.Unsupported, func(u check.Unsupported) bool { return u.Shows(p.Key.Trial, o) })
}

// Pack plans the pods of the checks in a namespace. Pods are spread over the nodes of the target, or are on the
// first where it is the one in question. An error means that a check is wrong, not the cluster.
func Pack(checks []check.Check, to target.Target, namespace string) ([]Pod, error) {
	shapes, err := group(checks, namespace)
	if err != nil {
		return nil, err
	}
	var pods []Pod
	for _, shape := range shapes {
		for _, sets := range shape.spread() {
			node := len(pods)
			switch {
			case shape.pod.Node > 0:
				node = shape.pod.Node - 1
			case to.First:
				node = 0
			}
			object := Base(to, EnforcingNamespace(namespace, shape.pod.EnforceLevel), fmt.Sprintf("probe-%02d", len(pods)+1), to.Nodes[node%len(to.Nodes)].Name)
			pod, err := build(object, shape.pod, sets, to)
			if err != nil {
				return nil, err
			}
			pods = append(pods, pod)
		}
	}
	return pods, nil
}

// podShape is the trials that may share a pod: those that ask the same of it, but for volumes.
type podShape struct {
	pod  check.Pod
	sets []*containerSet
}

// containerSet is containers that stay together, for they share volumes or are kept alone; another is a set by
// itself.
type containerSet struct {
	volumes    []corev1.Volume
	containers []*containerShape
}

// spread puts the sets into pods, each into the first that has room for it.
func (s *podShape) spread() [][]*containerSet {
	var pods [][]*containerSet
	var sizes []int
	for _, set := range s.sets {
		size := len(set.containers)
		i := slices.IndexFunc(sizes, func(taken int) bool { return taken+size <= containersPerPod })
		if i < 0 {
			i, pods, sizes = len(pods), append(pods, nil), append(sizes, 0)
		}
		pods[i] = append(pods[i], set)
		sizes[i] += size
	}
	return pods
}

// containerShape is the trials that share a container, which holds where one of them has it hold.
type containerShape struct {
	container check.Container
	trials    []Placement
	// actions are those of the first process, exec those of a process started with exec.
	actions, exec []probe.Action
	hasExec       bool
}

// group keeps the order of the checks, so that equal input makes equal pods.
func group(checks []check.Check, namespace string) ([]*podShape, error) {
	var order []*podShape
	shapes := map[string]*podShape{}
	sets := map[string]*containerSet{}
	containers := map[string]*containerShape{}
	for _, c := range checks {
		for _, trial := range c.Trials {
			trial.Pod.RuntimeClassName = ownClass(c, trial.Pod.RuntimeClassName, namespace)
			shared, same := trial.Pod, trial.Container
			shared.Volumes, same.Hold = nil, false
			shapeKey, err := key(shared, ownClassOfService(trial))
			podKey, podErr := key(trial.Pod)
			inPod, containerErr := key(trial.Pod, same)
			if err := errors.Join(err, podErr, containerErr); err != nil {
				return nil, fmt.Errorf("%s, trial %q: %w", c.ID, trial.Name, err)
			}
			shape, known := shapes[shapeKey]
			if !known {
				shape = &podShape{pod: shared}
				shapes[shapeKey] = shape
				order = append(order, shape)
			}
			container, known := containers[inPod]
			if !known {
				container = &containerShape{container: same}
				containers[inPod] = container
				set, known := sets[podKey]
				if !known || len(trial.Pod.Volumes) == 0 && trial.Pod.Alone == "" {
					set = &containerSet{volumes: trial.Pod.Volumes}
					sets[podKey] = set
					shape.sets = append(shape.sets, set)
				}
				set.containers = append(set.containers, container)
			}
			container.add(Placement{Key: Key{Check: c.ID, Trial: trial.Name}, Trial: trial, Unsupported: c.Unsupported})
		}
	}
	return order, nil
}

// ownClassOfService says whether the container takes its pod, and with it all others in it, out of the QoS class
// BestEffort: the kernel treats them differently. What is kept together has the class that it wants.
// Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
func ownClassOfService(trial check.Trial) bool {
	resources := trial.Container.Resources
	return trial.Pod.Alone == "" && len(trial.Pod.Volumes) == 0 && len(resources.Requests)+len(resources.Limits) > 0
}

// key is equal for equal shapes.
func key(parts ...any) (string, error) {
	text, err := json.Marshal(parts)
	if err != nil {
		return "", fmt.Errorf("write the shape as JSON: %w", err)
	}
	return string(text), nil
}

// ownClass is the name of a RuntimeClass in the cluster: one that the check declares has the run's own.
func ownClass(c check.Check, asked *string, namespace string) *string {
	for _, object := range c.Objects {
		if class, ok := object.(*nodev1.RuntimeClass); ok && asked != nil && class.Name == *asked {
			return new(ClusterName(namespace, class.Name))
		}
	}
	return asked
}

// ClusterName is the name in the cluster of an object of a check that is in no namespace.
func ClusterName(namespace, name string) string { return namespace + "-" + name }

// EnforcingNamespace is the namespace of pods that are to meet with Pod Security Admission.
func EnforcingNamespace(namespace, level string) string {
	if level == "" {
		return namespace
	}
	return namespace + "-" + level
}

func (s *containerShape) add(placement Placement) {
	s.trials = append(s.trials, placement)
	s.container.Hold = s.container.Hold || placement.Trial.Container.Hold
	actions := &s.actions
	if placement.Trial.Exec {
		actions, s.hasExec = &s.exec, true
	}
	action := placement.Trial.Action
	if action.IsZero() || slices.ContainsFunc(*actions, func(a probe.Action) bool { return a.Key() == action.Key() }) {
		return
	}
	*actions = append(*actions, action)
}

// build puts the sets into a pod that is as Base makes it.
func build(object *corev1.Pod, shape check.Pod, sets []*containerSet, to target.Target) (Pod, error) {
	object.Labels[PolicyLabel] = NoPolicy
	shapePod(object, shape)
	var containers []*containerShape
	var mounts []map[string]string
	for _, set := range sets {
		names := addVolumes(object, set.volumes, to.ProbeImage)
		for _, container := range set.containers {
			containers, mounts = append(containers, container), append(mounts, names)
		}
	}
	pod := Pod{Object: object, Exec: map[string]probe.Request{}, shape: shape, sets: sets, to: to}
	for i, c := range containers {
		holds := c.container.Hold || to.Roomy && c.mayHold()
		container, err := shapeContainer(c, to.ProbeImage, mounts[i], holds)
		if err != nil {
			return Pod{}, err
		}
		container.Name = containerName(i)
		if holds {
			pod.holding = append(pod.holding, container.Name)
		}
		switch c.container.Kind {
		case check.Init:
			object.Spec.InitContainers = append(object.Spec.InitContainers, container)
		case check.Sidecar:
			always := corev1.ContainerRestartPolicyAlways
			container.RestartPolicy = &always
			object.Spec.InitContainers = append(object.Spec.InitContainers, container)
		case check.Ephemeral:
			pod.Ephemeral = append(pod.Ephemeral, corev1.EphemeralContainer{
				EphemeralContainerCommon: corev1.EphemeralContainerCommon(container),
				TargetContainerName:      targetName(containers, c.container.Target),
			})
		default:
			object.Spec.Containers = append(object.Spec.Containers, container)
		}
		if c.hasExec {
			pod.Exec[container.Name] = probe.Request{Version: probe.Version, Actions: c.exec}
		}
		if c.needsPeer() {
			pod.NeedsPeer = true
		}
		for _, placement := range c.trials {
			placement.Container = container.Name
			pod.Placements = append(pod.Placements, placement)
		}
	}
	return pod, nil
}

// targetName is the name in the pod of the container that stands apart by this name; empty for none.
func targetName(containers []*containerShape, apart string) string {
	for i, c := range containers {
		if apart != "" && c.container.Apart == apart {
			return containerName(i)
		}
	}
	return ""
}

func containerName(index int) string { return fmt.Sprintf("c%d", index+1) }

// shapePod gives the pod what its trials ask for.
func shapePod(object *corev1.Pod, shape check.Pod) {
	base := object.Spec
	object.Annotations = shape.Annotations
	object.Spec = *shape.Extra.DeepCopy()
	object.Spec.NodeName = base.NodeName
	object.Spec.AutomountServiceAccountToken = cmp.Or(shape.Extra.AutomountServiceAccountToken, base.AutomountServiceAccountToken)
	object.Spec.EnableServiceLinks = cmp.Or(shape.Extra.EnableServiceLinks, base.EnableServiceLinks)
	object.Spec.TerminationGracePeriodSeconds = cmp.Or(shape.Extra.TerminationGracePeriodSeconds, base.TerminationGracePeriodSeconds)
	object.Spec.RestartPolicy = cmp.Or(shape.Extra.RestartPolicy, base.RestartPolicy)
	object.Spec.Tolerations = append(base.Tolerations, shape.Extra.Tolerations...)
	object.Spec.RuntimeClassName = cmp.Or(shape.RuntimeClassName, shape.Extra.RuntimeClassName, base.RuntimeClassName)
	object.Spec.SecurityContext = cmp.Or(shape.SecurityContext, shape.Extra.SecurityContext)
	object.Spec.HostPID = shape.HostPID || shape.Extra.HostPID
	object.Spec.HostIPC = shape.HostIPC || shape.Extra.HostIPC
	object.Spec.HostNetwork = shape.HostNetwork || shape.Extra.HostNetwork
	object.Spec.HostUsers = cmp.Or(shape.HostUsers, shape.Extra.HostUsers)
	object.Spec.ShareProcessNamespace = cmp.Or(shape.ShareProcessNamespace, shape.Extra.ShareProcessNamespace)
}

// addVolumes gives the pod the volumes of a set and returns their names in the pod by those in the set: sets do
// not share volumes. A volume of an image without a name is of the probe's.
func addVolumes(object *corev1.Pod, volumes []corev1.Volume, image string) map[string]string {
	names := map[string]string{}
	for _, volume := range volumes {
		own := volume.Name
		taken := func(v corev1.Volume) bool { return v.Name == volume.Name }
		for i := 2; slices.ContainsFunc(object.Spec.Volumes, taken); i++ {
			volume.Name = fmt.Sprintf("%s-%d", own, i)
		}
		names[own] = volume.Name
		if volume.Image != nil {
			volume.Image = volume.Image.DeepCopy()
			volume.Image.Reference = probe.ImageReference(volume.Image.Reference, image)
		}
		object.Spec.Volumes = append(object.Spec.Volumes, volume)
	}
	return names
}

// shapeContainer is the container that its trials ask for, with the probe's request in it and the volumes by
// their names in the pod.
func shapeContainer(c *containerShape, image string, volumes map[string]string, holds bool) (corev1.Container, error) {
	shape := c.container
	container := *shape.Extra.DeepCopy()
	container.Image = probe.ImageReference(container.Image, image)
	container.ImagePullPolicy = cmp.Or(container.ImagePullPolicy, corev1.PullIfNotPresent)
	container.SecurityContext = cmp.Or(shape.SecurityContext, container.SecurityContext)
	if len(shape.Resources.Limits)+len(shape.Resources.Requests) > 0 {
		container.Resources = shape.Resources
	}
	container.VolumeMounts = slices.Concat(shape.VolumeMounts, container.VolumeMounts)
	for i, mount := range container.VolumeMounts {
		container.VolumeMounts[i].Name = cmp.Or(volumes[mount.Name], mount.Name)
	}
	if len(shape.Command) > 0 {
		container.Command = shape.Command
		return container, nil
	}
	request, err := json.Marshal(probe.Request{Version: probe.Version, Actions: c.actions, Hold: holds})
	if err != nil {
		return container, fmt.Errorf("write the probe's request: %w", err)
	}
	container.Env = append(container.Env, corev1.EnvVar{
		Name: probe.RequestVariable,
		// Kubernetes would expand $(NAME) in the value of a variable; the probe does that itself.
		Value: strings.ReplaceAll(string(request), "$(", "$$("),
	})
	return container, nil
}

// mayHold says whether nothing is amiss when the container stays: the pod's end does not wait for it, and
// it keeps no port of the node.
func (s *containerShape) mayHold() bool {
	return s.container.Kind == "" && len(s.container.Command) == 0 &&
		!slices.ContainsFunc(s.container.Extra.Ports, func(port corev1.ContainerPort) bool { return port.HostPort != 0 })
}

func (s *containerShape) needsPeer() bool {
	named := func(argument string) bool { return strings.Contains(argument, probe.PeerVariable) }
	return slices.ContainsFunc(s.container.Command, named) ||
		slices.ContainsFunc(slices.Concat(s.actions, s.exec), func(a probe.Action) bool { return slices.ContainsFunc(a.Args, named) })
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

// Namespace is one where Pod Security Admission enforces a level; empty is privileged: the probes are what the
// other levels exist to refuse.
// Source: https://kubernetes.io/docs/concepts/security/pod-security-admission/
func Namespace(name, level string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		Label:                                "namespace",
		"pod-security.kubernetes.io/enforce": cmp.Or(level, "privileged"),
	}}}
}

// PolicyLabel with the value NoPolicy marks pods that no NetworkPolicy is ever about: a network may spare
// itself the work of looking at them.
const (
	PolicyLabel = "assay.dev/network-policy"
	NoPolicy    = "none"
)

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

// Holding says whether the container stays when its probe has said what it saw.
func (p Pod) Holding(container string) bool { return slices.Contains(p.holding, container) }

// Procedures are those of a trial's container, each once, by what they are and where.
func (p Pod) Procedures() []Placement {
	var procedures []Placement
	for _, each := range p.Placements {
		same := func(other Placement) bool {
			return other.Container == each.Container && other.Trial.Procedure.String() == each.Trial.Procedure.String()
		}
		if !each.Trial.Procedure.IsZero() && !slices.ContainsFunc(procedures, same) {
			procedures = append(procedures, each)
		}
	}
	return procedures
}

// Enough says whether it is enough that the container started: it holds, or all that is left of its
// trials is in the hands of the suite.
func (p Pod) Enough(container string) bool {
	return p.Holding(container) || !slices.ContainsFunc(p.Placements, func(each Placement) bool {
		return each.Container == container && each.Trial.Procedure.IsZero()
	})
}

// Compared says whether the pod has to be there as long as others are: the kernel gives the number of a
// namespace that is gone to the next.
func (p Pod) Compared() bool {
	return slices.ContainsFunc(p.Placements, func(each Placement) bool { return each.Trial.Container.Hold })
}

// Split is the containers of the pod in pods of their own, on the same node; those that have to be together stay
// so. There are none where the pod is one such set.
func (p Pod) Split() ([]Pod, error) {
	if len(p.sets) < 2 {
		return nil, nil
	}
	parts := make([]Pod, 0, len(p.sets))
	for i, set := range p.sets {
		object := Base(p.to, p.Object.Namespace, fmt.Sprintf("%s-%d", p.Object.Name, i+1), p.Object.Spec.NodeName)
		part, err := build(object, p.shape, []*containerSet{set}, p.to)
		if err != nil {
			return nil, err
		}
		if part.NeedsPeer && p.peer != "" {
			part = part.WithPeer(p.peer)
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// WithPeer is the pod with the address of a pod on another node for its containers.
func (p Pod) WithPeer(address string) Pod {
	p.peer = address
	p.Object = p.Object.DeepCopy()
	for i := range p.Object.Spec.InitContainers {
		container := &p.Object.Spec.InitContainers[i]
		container.Env = append([]corev1.EnvVar{{Name: probe.PeerVariable, Value: address}}, container.Env...)
	}
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
