package selftest

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/workload"
)

func lifeFaults() []Fault {
	touched := []string{"life/*"}
	return []Fault{
		{
			Name: "exit-code-changed", Means: "The exit code of a container that failed is another than its command's.",
			About: []string{"life/exit-code"}, Touches: append(touched, "ping/crash-loop"),
		},
		{
			Name: "termination-log-lost", Means: "What a container writes to its termination log goes nowhere.",
			About: []string{"life/termination-message"}, Touches: touched,
		},
		{
			Name: "stop-signal-ignored", Means: "The stop signal is not sent.",
			About: []string{"life/stop-signal"}, Touches: touched,
		},
		{
			Name: "output-cut", Means: "Long lines are cut, every thousandth is lost, and so are bytes outside of ASCII.",
			About: []string{"life/log-lines", "life/log-binary", "life/log-flood", "life/attach"}, Touches: append(touched, "ping/*"),
		},
		{
			Name: "exec-does-nothing", Means: "exec succeeds and does nothing.",
			About: []string{"life/prestop"}, Touches: touched,
		},
		{
			Name: "exec-hangs", Means: "What is started with exec runs, and does nothing.",
			About: []string{"cgroup/stats"}, Touches: touched,
		},
		{
			Name: "exec-first-fails", Means: "What is started with exec fails at once, the first time.",
			About: []string{"life/exec-probe-timeout"}, Touches: touched,
		},
		{
			Name: "exec-many-lost", Means: "From the eleventh on, exec does nothing.",
			About: []string{"life/exec-many"}, Touches: touched,
		},
		{
			Name: "exec-once", Means: "From the second on, exec does nothing.",
			About: []string{"life/static-pod-and-restart-runtime"}, Touches: touched, Alone: true,
		},
		{
			Name: "exec-exit-code-lost", Means: "The exit code of what is started with exec is 0.",
			About: []string{"life/exec", "life/poststart"}, Touches: touched,
		},
		{
			Name: "hooks-lost", Means: "The hooks of a container's life are ignored.",
			About: []string{"life/prestop", "life/poststart"}, Touches: touched,
			Lose: eachContainer(func(c *corev1.Container) {
				if c.Lifecycle != nil {
					c.Lifecycle.PreStop, c.Lifecycle.PostStart = nil, nil
				}
			}),
		},
		{
			Name: "pull-policy-lost", Means: "imagePullPolicy Never is ignored.",
			About: []string{"life/image-pull-errors"}, Touches: touched,
			Lose: eachContainer(func(c *corev1.Container) {
				if c.ImagePullPolicy == corev1.PullNever {
					c.ImagePullPolicy = corev1.PullIfNotPresent
				}
			}),
		},
		{
			Name: "last-argument-lost", Means: "The last argument of a command is lost.",
			About: []string{"life/command-and-args"}, Touches: append(touched, "ping/*"),
		},
		{
			Name: "working-dir-ignored", Means: "Every process starts in the root directory.",
			About: []string{"life/working-dir"}, Touches: touched,
		},
		{
			Name: "environment-lost", Means: "The variables that a container asks for are lost.",
			About: []string{"life/env"}, Touches: touched,
		},
		{
			Name: "restart-lost", Means: "A container that ended is not started again.",
			About: []string{"life/restart"}, Touches: touched,
			Lose: func(pod *corev1.Pod) { pod.Spec.RestartPolicy = corev1.RestartPolicyNever },
		},
	}
}

func admissionFaults() []Fault {
	return []Fault{
		{
			Name: "runtime-class-lost", Means: "runtimeClassName is ignored.",
			About:   []string{"class/unknown-handler", "class/missing-class", "class/handler", "class/overhead"},
			Touches: []string{"class/*"},
			Lose:    func(pod *corev1.Pod) { pod.Spec.RuntimeClassName, pod.Spec.Overhead = nil, nil },
		},
		{
			Name: "pod-security-off", Means: "Pod Security Admission refuses nothing.",
			About:   []string{"psa/baseline", "psa/restricted"},
			Touches: []string{"psa/*"},
			Lose: func(pod *corev1.Pod) {
				for _, level := range []string{"baseline", "restricted"} {
					if strings.HasSuffix(pod.Namespace, workload.EnforcingNamespace("", level)) {
						satisfy(pod)
					}
				}
			},
		},
	}
}

// satisfy makes a pod of one that Pod Security Admission has nothing against, which looks like an
// admission that lets everything through.
// Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
func satisfy(pod *corev1.Pod) {
	const user int64 = 1000
	spec := &pod.Spec
	spec.HostPID, spec.HostIPC, spec.HostNetwork, spec.HostUsers = false, false, false, nil
	pod.Annotations = nil
	spec.SecurityContext = &corev1.PodSecurityContext{
		RunAsNonRoot: new(true), RunAsUser: new(user),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	for i := range spec.Volumes {
		spec.Volumes[i].VolumeSource = corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	}
	eachContainer(func(c *corev1.Container) {
		for i := range c.Ports {
			c.Ports[i].HostPort, c.Ports[i].HostIP = 0, ""
		}
		c.SecurityContext = &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		}
		for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
			if probe != nil && probe.HTTPGet != nil {
				probe.HTTPGet.Host = ""
			}
			if probe != nil && probe.TCPSocket != nil {
				probe.TCPSocket.Host = ""
			}
		}
		c.Lifecycle = nil
	})(pod)
}
