package knowledge

const (
	volumes   = "https://kubernetes.io/docs/concepts/storage/volumes/"
	podSpec   = "https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec"
	userSpace = "https://kubernetes.io/docs/concepts/workloads/pods/user-namespaces/"
	sysctls   = "https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/"
	resources = "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#how-pods-with-resource-limits-are-run"
	appArmor  = "https://kubernetes.io/docs/tutorials/security/apparmor/"
)

func fs() []entry {
	return []entry{
		{"fs/read-only-root", "readOnlyRootFilesystem keeps a container from writing to its image or not: hardened pods rest on it, and volumes must stay writable.", containerFields, nil},
		{"fs/read-only-root-etc-files", "/etc/hosts, /etc/resolv.conf, /etc/hostname and /dev/termination-log are writable or not: entrypoints that edit them, often under a read-only root, fail.", containerFields, writableFiles},
		{"fs/image-volume-dir", "Directories that an image declares as VOLUME are writable under a read-only root on one side only: databases and caches fail with EROFS until the pod mounts an emptyDir or a claim there.", "https://github.com/opencontainers/image-spec/blob/main/config.md#properties", imageVolumeDir},
		{"fs/extra-files", "Containers find files that nobody asked for, or miss them: programs that look at them to tell where they run, or that get entitlements from them, behave differently.", runtimeAPI, parts("", "The path")},
		{"fs/masked-paths", "Other paths of /proc and /sys are hidden: monitoring that reads one that is masked now gets nothing, and one that is open now tells about the node.", linuxSecurity, masked},
		{"fs/read-only-paths", "Other paths of /proc are read-only: tools that set kernel values in a container work or fail.", linuxSecurity, masked},
		{"fs/proc-mount-unmasked", "procMount: Unmasked opens /proc or not: building images and nested containers in pods with a user namespace depend on it.", securityContext + "#proc-access", nil},
		{"fs/mounts", "Mounts have other types or options: programs that execute from, keep device files on or remount such a path are touched; most workloads are not.", "https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html", mounts},
		{"fs/dev-shm", "/dev/shm has another size or other options: PostgreSQL, browsers and machine learning frameworks fail when it is too small; mount an emptyDir in memory there.", "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#default-filesystems", nil},
		{"fs/mount-propagation", "mountPropagation works differently: storage plugins whose mounts must reach the node or other pods fail.", volumes + "#mount-propagation", nil},
		{"fs/recursive-read-only", "recursiveReadOnly is honoured, ignored or refused: where it is ignored, mounts below a read-only volume can be written.", volumes + "#read-only-mounts", nil},
		{"fs/host-path-symlink", "A hostPath that is a symbolic link leads to another directory: node agents read the wrong files.", volumes + "#hostpath", nil},
		{"fs/sub-path", "subPath mounts show another part of the volume, or follow links out of it.", volumes + "#using-subpath", nil},
		{"fs/empty-dir-memory", "emptyDir in memory has another size or none: a program can fill the node's memory, or fails too early.", volumes + "#emptydir", nil},
		{"fs/projected-files", "Files of secrets, config maps, the downward API or service account tokens have other content, modes or owners: programs that are not root cannot read them.", "https://kubernetes.io/docs/concepts/storage/projected-volumes/", nil},
		{"fs/image-volume", "Volumes from images are mounted, refused or silently empty: models and plugins delivered as images are missing.", volumes + "#image", nil},
		{"fs/setuid-on-volume", "Setuid programs on volumes gain rights or not (nosuid).", "https://man7.org/linux/man-pages/man8/mount.8.html", nil},
		{"fs/dns-and-hosts", "/etc/hosts or /etc/resolv.conf do not follow hostAliases, dnsPolicy or dnsConfig: names do not resolve, or resolve elsewhere.", "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/", nil},
	}
}

func ns() []entry {
	return []entry{
		{"ns/isolation", "Pods share a namespace with one another or with the node that they should not, or containers of a pod do not share what they should: processes, sockets or shared memory are visible, or localhost does not work inside the pod.", runtimeAPI + "#L303", nil},
		{"ns/host-network", "hostNetwork pods do or do not have the node's network: node agents bind the wrong address, or ordinary pods reach the node's interfaces.", podSpec, nil},
		{"ns/host-pid", "hostPID shows the node's processes or not: monitoring and security agents see nothing, or ordinary pods see too much.", podSpec, nil},
		{"ns/host-ipc", "hostIPC shares the node's IPC namespace or not: shared-memory tools fail, or ordinary pods see the node's segments.", podSpec, nil},
		{"ns/share-process-namespace", "Containers of a pod with shareProcessNamespace see one another's processes or not: debuggers and sidecars that signal the main process fail; PID 1 may be another.", "https://kubernetes.io/docs/tasks/configure-pod-container/share-process-namespace/", nil},
		{"ns/sandbox", "Pods have a pause process or not, and hostNetwork pods the node's UTS namespace or their own: agents that find pods by their pause process miss some, and a host name set in the pod is the node's or stays in the pod.", podSpec, nil},
		{"ns/hostname", "The pod's host name is another: clustered programs that find their identity in it (StatefulSets) form other members.", "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-hostname-and-subdomain-fields", nil},
		{"ns/cgroup-namespace", "Containers see their cgroup as the root or under its path on the node: programs that read their limits from /sys/fs/cgroup (JVM, Go, Node.js) or agents that find pods by path read something else.", "https://man7.org/linux/man-pages/man7/cgroup_namespaces.7.html", nil},
		{"ns/time-namespace", "Containers have a time namespace of their own or not: clocks since boot differ from the node's.", "https://man7.org/linux/man-pages/man7/time_namespaces.7.html", nil},
		{"ns/host-users-false", "hostUsers: false gives a user namespace, is ignored or refused: where it is ignored, root in the pod is root on the node.", userSpace, nil},
		{"ns/host-users-false-capabilities", "Capabilities in a pod with a user namespace reach the node or not.", userSpace, nil},
		{"ns/host-port", "hostPort reaches the container or not from the addresses tried: ingress controllers and node agents that are called at the node's address or at 127.0.0.1 are touched.", podSpec, hostPort},
	}
}

func sysctl() []entry {
	return []entry{
		{"sysctl/safe", "Safe sysctls of a pod take effect or not: tuned pods run with the node's values.", sysctls + "#setting-sysctls-for-a-pod", nil},
		{"sysctl/defaults", "Pods start with other kernel settings: what a pod does not set in securityContext.sysctls is another value.", sysctls, sysctlValues},
		{"sysctl/unprivileged-defaults", "Pods with hostNetwork or a user namespace start with other limits on ping and low ports than ordinary ones: what works in one pod is refused in another.", sysctls, sysctlValues},
		{"sysctl/low-port-nonroot", "Containers that are not root can or cannot bind ports below 1024: set net.ipv4.ip_unprivileged_port_start for the pod, or listen on a higher port.", "https://docs.kernel.org/networking/ip-sysctl.html", lowPort},
		{"sysctl/unsafe-forbidden", "Unsafe sysctls that the node does not allow keep a pod from starting or not: where it starts, they were ignored or reached the node.", sysctls + "#enabling-unsafe-sysctls", nil},
		{"sysctl/unsafe-allowed", "Unsafe sysctls that the node allows take effect in the pod or not.", sysctls + "#enabling-unsafe-sysctls", nil},
		{"sysctl/host-network", "Network sysctls of a hostNetwork pod are refused or change the node.", sysctls + "#setting-sysctls-for-a-pod", nil},
	}
}

func cgroup() []entry {
	return []entry{
		{"cgroup/memory-limit", "Memory limits hold or not: a pod over its limit is killed with OOMKilled, or takes the node's memory.", resources, nil},
		{"cgroup/memory-floor", "Containers with very small memory limits start or not: tiny sidecars and pause-like containers need a higher limit.", "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/", memoryFloor},
		{"cgroup/cpu-limit", "CPU limits hold or not: throttling appears or goes.", resources, nil},
		{"cgroup/cpu-request", "CPU requests have another weight: under load pods get another share.", resources, nil},
		{"cgroup/pids-limit", "Containers may have another number of processes and threads: JVMs, databases and CI runners get EAGAIN when they reach it.", "https://kubernetes.io/docs/concepts/policy/pid-limiting/", parts("", "The limit of processes")},
		{"cgroup/oom-score-adj", "Pods are killed in another order when the node runs out of memory.", "https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#node-out-of-memory-behavior", nil},
		{"cgroup/rlimits", "Processes start with other resource limits: databases, search engines and proxies that need many open files or locked memory refuse to start or stall.", "https://man7.org/linux/man-pages/man2/getrlimit.2.html", parts("", "The limit")},
		{"cgroup/driver", "Containers lie elsewhere in the cgroup tree: monitoring agents that find pods by the path of their cgroup need to know the new one; workloads do not notice.", "https://kubernetes.io/docs/setup/production-environment/container-runtimes/#cgroup-drivers", parts("", "The cgroup's")},
		{"cgroup/hugepages", "Containers without a request for huge pages may use them or not: databases with huge_pages=try behave differently.", "https://kubernetes.io/docs/tasks/manage-hugepages/scheduling-hugepages/", nil},
		{"cgroup/resize-in-place", "Resizing a running pod changes its limits without a restart, or not: vertical autoscaling in place depends on it.", "https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/", nil},
		{"cgroup/stats", "The kubelet reports CPU and memory of containers or not: autoscaling, kubectl top and eviction are blind without.", "https://kubernetes.io/docs/reference/instrumentation/node-metrics/", nil},
	}
}

func lsm() []entry {
	return []entry{
		{"lsm/apparmor-profile", "Containers run under a default AppArmor profile of another name, mode or content: policies and tools that name it, and rules that it brings, change.", appArmor, nil},
		{"lsm/apparmor-localhost", "Localhost AppArmor profiles are enforced or not.", appArmor, nil},
		{"lsm/apparmor-unconfined", "Pods can leave AppArmor (Unconfined) or not, or RuntimeDefault is not applied.", appArmor, nil},
		{"lsm/apparmor-unloaded", "A pod whose AppArmor profile is not on the node is refused or runs unconfined.", appArmor + "#securing-a-pod", nil},
		{"lsm/selinux-level", "seLinuxOptions decide the label of the process or not: volumes with labels become unreadable, or separation of tenants goes.", securityContext + "#assign-selinux-labels-to-a-container", nil},
	}
}
