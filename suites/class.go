package suites

import (
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"assay/framework/check"
	"assay/framework/probe"
)

const runtimeClassManual = "https://kubernetes.io/docs/concepts/containers/runtime-class/"

// runtimeClass is a class for a handler, of the same name.
func runtimeClass(handler string) *nodev1.RuntimeClass {
	return &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: handler}, Handler: handler}
}

func class() []check.Check {
	const missing, unknown = "assay-no-such-class", "assay-no-such-handler"
	of := func(name string) check.Pod { return check.Pod{RuntimeClassName: &name, Alone: "RuntimeClass"} }

	who := probe.Do(probe.OpOCIRuntime)
	handler := check.Check{
		ID:     "class/handler",
		Level:  check.Must,
		Claim:  "A pod with a RuntimeClass is run by the OCI runtime of the class's handler.",
		Source: runtimeClassManual,
	}
	for _, name := range []string{"runc", "crun"} {
		pod := of(name)
		pod.HostPID = true
		handler.Objects = append(handler.Objects, runtimeClass(name))
		handler.Trials = append(handler.Trials, check.Trial{
			Name: name, Pod: pod, Container: nodeContainer(), Action: who, Want: check.Values{"runtime": name},
		})
		for _, message := range []string{"no runtime for", "failed to find runtime handler"} {
			handler.Unsupported = append(handler.Unsupported, check.Unsupported{
				Trial: name, Message: message, Reason: "the node has no handler " + name,
			})
		}
	}

	return []check.Check{
		handler,
		{
			ID:      "class/unknown-handler",
			Level:   check.Must,
			Claim:   "A pod whose RuntimeClass has a handler that the node lacks never starts, and an event names the handler.",
			Source:  runtimeClassManual,
			Objects: []runtime.Object{runtimeClass("runc"), runtimeClass(unknown)},
			Trials: []check.Trial{
				{Name: "unknown handler", Pod: of(unknown), Container: unset(), Want: check.NotStarted{Messages: []string{unknown}}},
				{Name: "handler runc", Control: true, Pod: of("runc"), Container: unset(), Want: check.Started{}},
			},
			Unsupported: []check.Unsupported{
				{Trial: "handler runc", Message: "no runtime for", Reason: "the node has no handler runc"},
				{Trial: "handler runc", Message: "failed to find runtime handler", Reason: "the node has no handler runc"},
			},
		},
		{
			ID:      "class/missing-class",
			Level:   check.Must,
			Claim:   "A pod that names a RuntimeClass that is not there is rejected.",
			Source:  runtimeClassManual,
			Objects: []runtime.Object{runtimeClass("runc")},
			Trials: []check.Trial{
				{Name: "missing class", Pod: of(missing), Container: unset(), Want: check.Rejected{Messages: []string{missing}}},
				{Name: "class runc", Control: true, Pod: of("runc"), Container: unset(), Want: check.Admitted{}},
			},
		},
		classOverhead(),
	}
}

// classOverhead looks at the pod's cgroup from the node: its own is all that a container sees.
func classOverhead() check.Check {
	const uidVariable = "POD_UID"
	class := runtimeClass("runc")
	class.Name = "overhead"
	class.Overhead = &nodev1.Overhead{PodFixed: corev1.ResourceList{
		corev1.ResourceMemory: resource.MustParse("32Mi"), corev1.ResourceCPU: resource.MustParse("50m"),
	}}
	limited := check.Container{
		Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{
			corev1.ResourceMemory: resource.MustParse("64Mi"), corev1.ResourceCPU: resource.MustParse("100m"),
		}},
		VolumeMounts: []corev1.VolumeMount{{Name: "cgroup", MountPath: nodeCgroupPath, ReadOnly: true}},
		Extra:        corev1.Container{Env: []corev1.EnvVar{fromPod(uidVariable, "metadata.uid")}},
	}
	pod := check.Pod{Alone: "overhead", Volumes: []corev1.Volume{hostPath("cgroup", "/sys/fs/cgroup", corev1.HostPathDirectory)}}
	with := pod
	with.RuntimeClassName = &class.Name
	look := probe.Do(probe.OpPodCgroup, nodeCgroupPath, uidVariable)
	return check.Check{
		ID:      "class/overhead",
		Level:   check.Must,
		Claim:   "The pod's cgroup has the sum of its containers' limits and of the overhead of its RuntimeClass.",
		Source:  "https://kubernetes.io/docs/concepts/scheduling-eviction/pod-overhead/",
		Objects: []runtime.Object{class},
		Trials: []check.Trial{
			{Name: "overhead 32Mi, 50m", Pod: with, Container: limited, Action: look, Want: check.Values{"memory": "100663296", "cpu": "15000"}},
			{Name: "no RuntimeClass", Control: true, Pod: pod, Container: limited, Action: look, Want: check.Values{"memory": "67108864", "cpu": "10000"}},
		},
		Unsupported: []check.Unsupported{
			{Trial: "overhead 32Mi, 50m", Message: "no runtime for", Reason: "the node has no handler runc"},
			{Trial: "overhead 32Mi, 50m", Message: "failed to find runtime handler", Reason: "the node has no handler runc"},
		},
	}
}
