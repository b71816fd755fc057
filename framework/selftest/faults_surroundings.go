package selftest

import corev1 "k8s.io/api/core/v1"

func fileFaults() []Fault {
	touched := []string{"fs/*"}
	return []Fault{
		{
			Name: "root-writable", Means: "readOnlyRootFilesystem is ignored.",
			About: []string{"fs/read-only-root"}, Touches: touched,
		},
		{
			Name: "masks-lost", Means: "No path of /proc and /sys is masked.",
			About: []string{"fs/masked-paths", "priv/no-masks"}, Touches: append(touched, "priv/*"),
		},
		{
			Name: "read-only-paths-lost", Means: "No path of /proc is read-only.",
			About: []string{"fs/read-only-paths", "priv/no-masks"}, Touches: append(touched, "priv/*"),
		},
		{
			Name: "masks-added", Means: "Privileged and unmasked containers have masks, too.",
			About: []string{"priv/no-masks", "fs/proc-mount-unmasked"}, Touches: append(touched, "priv/*"),
		},
		{
			Name: "proc-mount-lost", Means: "procMount is accepted and ignored.",
			About: []string{"fs/proc-mount-unmasked"}, Touches: touched,
			Lose: eachContainer(func(c *corev1.Container) {
				if c.SecurityContext != nil {
					c.SecurityContext.ProcMount = nil
				}
			}),
		},
		{
			Name: "propagation-private", Means: "What the node mounts does not show in a container that asks for HostToContainer.",
			About: []string{"fs/mount-propagation"}, Touches: touched,
		},
		{
			Name: "propagation-unchecked", Means: "Bidirectional is accepted of a container that is not privileged.",
			About: []string{"fs/mount-propagation"}, Touches: touched,
			Lose: eachContainer(func(c *corev1.Container) {
				if c.SecurityContext != nil && c.SecurityContext.Privileged != nil && *c.SecurityContext.Privileged {
					return
				}
				for i := range c.VolumeMounts {
					c.VolumeMounts[i].MountPropagation = nil
				}
			}),
		},
		{
			Name: "recursive-read-only-lost", Means: "A mount below a read-only mount is writable.",
			About: []string{"fs/recursive-read-only"}, Touches: touched,
		},
		{
			Name: "recursive-field-lost", Means: "recursiveReadOnly is accepted and ignored.",
			About: []string{"fs/recursive-read-only"}, Touches: touched,
			Lose: eachMount(func(m *corev1.VolumeMount) { m.RecursiveReadOnly = nil }),
		},
		{
			Name: "shm-not-shared", Means: "Every container has a /dev/shm of its own.",
			About: []string{"fs/dev-shm"}, Touches: touched,
		},
		{
			Name: "volume-empty", Means: "Every volume is an empty one.",
			About: []string{
				"fs/projected-files", "fs/image-volume", "fs/host-path-symlink", "fs/empty-dir-memory",
			},
			Touches: append(touched, "user/fsgroup-*"),
		},
		{
			Name: "volume-writable", Means: "Every volume is writable.",
			About: []string{"fs/image-volume"}, Touches: touched,
		},
		{
			Name: "sub-path-expr-lost", Means: "subPathExpr is ignored.",
			About: []string{"fs/sub-path"}, Touches: touched,
			Lose: eachMount(func(m *corev1.VolumeMount) { m.SubPathExpr = "" }),
		},
		{
			Name: "hosts-lost", Means: "The container has neither the pod's /etc/hosts nor its /etc/resolv.conf.",
			About: []string{"fs/dns-and-hosts"}, Touches: touched,
		},
	}
}

// eachMount changes the volume mounts of a pod's containers.
func eachMount(change func(*corev1.VolumeMount)) func(*corev1.Pod) {
	return eachContainer(func(c *corev1.Container) {
		for i := range c.VolumeMounts {
			change(&c.VolumeMounts[i])
		}
	})
}

func namespaceFaults() []Fault {
	touched := []string{"ns/*"}
	return []Fault{
		{
			Name: "pid-of-node", Means: "Containers are in the node's pid namespace.",
			About: []string{"ns/host-pid", "ns/isolation", "ns/share-process-namespace"}, Touches: touched,
		},
		{
			Name: "ipc-of-node", Means: "Containers are in the node's ipc namespace.",
			About: []string{"ns/isolation", "ns/host-ipc"}, Touches: touched,
		},
		{
			Name: "net-of-node", Means: "Containers are in the node's network namespace.",
			About: []string{"ns/isolation", "ns/host-network", "life/port-forward"}, Touches: touched,
		},
		{
			Name: "uts-of-node", Means: "Containers are in the node's uts namespace.",
			About: []string{"ns/isolation", "ns/hostname"}, Touches: touched,
		},
		{
			Name: "pid-not-shared", Means: "shareProcessNamespace is ignored, and so is the target of an ephemeral container.",
			About: []string{"ns/share-process-namespace", "life/ephemeral-container"}, Touches: append(touched, "life/*"),
		},
		{
			Name: "ipc-not-shared", Means: "The containers of a pod do not share an ipc namespace.",
			About: []string{"ns/isolation"}, Touches: touched,
		},
		{
			Name: "uts-not-shared", Means: "The containers of a pod do not share a uts namespace.",
			About: []string{"ns/isolation", "ns/hostname"}, Touches: touched,
		},
		{
			Name: "hostname-lost", Means: "The host name is localhost.",
			About: []string{"ns/hostname"}, Touches: touched,
		},
		{
			Name: "host-users-ignored", Means: "A container of a pod with hostUsers false is in the node's user namespace.",
			About:   []string{"ns/host-users-false", "ns/host-users-false-capabilities"},
			Touches: append(touched, "fs/proc-mount-unmasked"),
		},
		{
			Name: "host-users-lost", Means: "hostUsers is accepted and ignored.",
			About:   []string{"ns/host-users-false", "ns/host-users-false-capabilities"},
			Touches: append(touched, "fs/proc-mount-unmasked"),
			Lose:    func(pod *corev1.Pod) { pod.Spec.HostUsers = nil },
		},
		{
			Name: "host-port-lost", Means: "hostPort is ignored.",
			About: []string{"ns/host-port"}, Touches: touched,
			Lose: eachContainer(func(c *corev1.Container) {
				for i := range c.Ports {
					c.Ports[i].HostPort, c.Ports[i].HostIP = 0, ""
				}
			}),
		},
		{
			Name: "sysctl-ignored", Means: "The sysctls of a pod are the runtime's.",
			About:   []string{"sysctl/safe", "sysctl/unsafe-allowed", "ping/group-range-sysctl"},
			Touches: []string{"sysctl/*", "ping/*", "caps/file-capability"},
		},
		{
			Name: "sysctls-lost", Means: "The sysctls of a pod are accepted and ignored.",
			About:   []string{"sysctl/unsafe-forbidden", "sysctl/unsafe-allowed", "sysctl/safe"},
			Touches: []string{"sysctl/*", "ping/*", "caps/file-capability"},
			Lose: func(pod *corev1.Pod) {
				if pod.Spec.SecurityContext != nil {
					pod.Spec.SecurityContext.Sysctls = nil
				}
			},
		},
		{
			Name: "node-sysctls-lost", Means: "The sysctls of a pod in the node's network are accepted and ignored.",
			About: []string{"sysctl/host-network"}, Touches: []string{"sysctl/*"},
			Lose: func(pod *corev1.Pod) {
				if pod.Spec.HostNetwork && pod.Spec.SecurityContext != nil {
					pod.Spec.SecurityContext.Sysctls = nil
				}
			},
		},
	}
}

func resourceFaults() []Fault {
	touched := []string{"cgroup/*"}
	return []Fault{
		{
			Name: "memory-limit-lost", Means: "The container's memory limit is ignored.",
			About: []string{"cgroup/memory-limit"}, Touches: touched,
		},
		{
			Name: "cpu-quota-lost", Means: "The container's CPU limit is ignored.",
			About: []string{"cgroup/cpu-limit"}, Touches: touched,
		},
		{
			Name: "cpu-request-lost", Means: "The container's CPU request is ignored.",
			About: []string{"cgroup/cpu-request"}, Touches: touched,
		},
		{
			Name: "pids-limit-changed", Means: "The pids limit is lost where there is one, and 99 where there is none.",
			Records: []string{"cgroup/pids-limit"}, Touches: touched,
		},
		{
			Name: "oom-score-lost", Means: "oom_score_adj is not set.",
			About: []string{"cgroup/oom-score-adj"}, Touches: touched,
		},
		{
			Name: "rlimits-changed", Means: "A process may open 256 files.",
			Records: []string{"cgroup/rlimits"}, Touches: touched,
		},
		{
			Name: "resize-ignored", Means: "A resize succeeds and changes nothing.",
			About: []string{"cgroup/resize-in-place"}, Touches: touched,
		},
	}
}
