package knowledge

const (
	securityContext = "https://kubernetes.io/docs/tasks/configure-pod-container/security-context/"
	capabilities    = "https://man7.org/linux/man-pages/man7/capabilities.7.html"
	linuxSecurity   = "https://kubernetes.io/docs/concepts/security/linux-kernel-security-constraints/"
	noNewPrivs      = "https://docs.kernel.org/userspace-api/no_new_privs.html"
	containerFields = "https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#security-context-1"
	runtimeAPI      = "https://github.com/kubernetes/cri-api/blob/v0.36.0/pkg/apis/runtime/v1/api.proto"
)

func caps() []entry {
	const set = securityContext + "#set-capabilities-for-a-container"
	return []entry{
		{"caps/default-set", "Containers that run as root and say nothing of capabilities have another set: programs that need one which is gone fail unless the pod adds it.", set, defaultSet},
		{"caps/inheritable-empty", "Where inheritable capabilities are not empty, a program with inheritable file capabilities gains rights that the container's user should not have.", "https://github.com/containerd/containerd/security/advisories/GHSA-c9cp-9c75-9v8c", nil},
		{"caps/add-net-admin", "Pods that add NET_ADMIN (network plugins, VPN clients, service-mesh init containers) can or cannot change their interfaces and rules.", set, nil},
		{"caps/add-sys-time", "Pods that add SYS_TIME (time daemons) can or cannot set the node's clock.", "https://man7.org/linux/man-pages/man2/clock_adjtime.2.html", nil},
		{"caps/drop-net-raw", "Dropping NET_RAW does or does not keep a pod from raw sockets, with which it can forge packets of its neighbours.", "https://man7.org/linux/man-pages/man7/raw.7.html", nil},
		{"caps/drop-chown", "Dropping CHOWN does or does not keep root in the container from giving files away.", "https://man7.org/linux/man-pages/man2/chown.2.html", nil},
		{"caps/drop-mknod", "Dropping MKNOD does or does not keep a container from making device files; adding it is what image builders need.", "https://man7.org/linux/man-pages/man2/mknod.2.html", nil},
		{"caps/drop-all", "drop: [ALL], which the restricted level demands, does or does not take every capability: hardened pods rest on it.", "https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted", nil},
		{"caps/add-all", "Pods that add ALL have more or fewer capabilities than the node could give.", set, nil},
		{"caps/drop-all-add-one", "Pods that drop ALL and add one capability have another set than they name: servers on low ports fail, or hardened pods have too much.", "https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted", nil},
		{"caps/add-all-drop-one", "A capability that is dropped after adding ALL is or is not gone: pods that exclude SYS_ADMIN that way rely on it.", set, nil},
		{"caps/nonroot-add", "Capabilities that a pod adds reach, or do not reach, a process that is not root: with an empty effective set they work only through file capabilities of the program.", "https://github.com/kubernetes/kubernetes/issues/56374", nonRoot},
		{"caps/exec-same-sets", "kubectl exec and exec probes run with more or fewer capabilities than the container: a probe may fail, or a shell may be stronger than the pod is meant to be.", runtimeAPI, nil},
		{"caps/init-container", "Capabilities named for init containers, sidecars or ephemeral containers do or do not hold there: debugging with kubectl debug and mesh init containers depend on them.", set, nil},
		{"caps/unknown-name", "A pod that adds a capability which the runtime does not know either starts without it, and without a word, or does not start: manifests with a typing error show up only on the strict side.", set, unknownCapability},
		{"caps/prefix-and-case", "Capabilities written with the CAP_ prefix or in lower case are honoured by one side and ignored by the other: write them in upper case without the prefix.", set, spelling},
		{"caps/file-capability", "Programs with file capabilities (ping, servers on low ports) run by a user that is not root gain their capability, or are refused, depending on the bounding set.", capabilities, nil},
		{"caps/file-capability-no-new-privs", "allowPrivilegeEscalation: false does or does not keep file capabilities from adding rights.", noNewPrivs, nil},
		{"caps/setuid-binary", "Setuid programs (sudo, su, passwd) make root of a user, or do not, as allowPrivilegeEscalation says.", noNewPrivs, nil},
		{"caps/privileged-nonroot", "A privileged container that does not run as root has all capabilities or none: what it does as an administrator works on one side only.", "https://github.com/kubernetes/kubernetes/issues/56374", gainedOrLost("A privileged container that does not run as root")},
	}
}

func ping() []entry {
	const icmp = "https://man7.org/linux/man-pages/man7/icmp.7.html"
	return []entry{
		{"ping/default", "ping in a pod without a securityContext works or fails: health checks, init containers and scripts that wait for a host with ping are touched; add NET_RAW, or open net.ipv4.ping_group_range for the pod.", "https://man7.org/linux/man-pages/man7/raw.7.html", pingDefault},
		{"ping/without-net-raw", "A pod that drops NET_RAW and closes ping_group_range can or cannot ping: what its manifest forbids does or does not hold.", "https://man7.org/linux/man-pages/man7/raw.7.html", nil},
		{"ping/unprivileged-icmp", "Pods without NET_RAW can or cannot ping through ICMP datagram sockets; the pod's sysctl net.ipv4.ping_group_range decides and can be set in the manifest.", icmp, sysctlValues},
		{"ping/group-range-sysctl", "The pod's sysctl net.ipv4.ping_group_range, the way to ping without a capability, does or does not take effect.", "https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/#safe-and-unsafe-sysctls", nil},
		{"ping/crash-loop", "A pod whose command is a ping that is refused ends with another exit code or without its text in the log: alerts on crash loops see something else.", "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-state-terminated", nil},
	}
}

func priv() []entry {
	const privileged = linuxSecurity + "#privileged-containers"
	return []entry{
		{"priv/can-mount", "Privileged containers can or cannot mount, or unprivileged ones can: storage plugins and node agents need it, everything else must not have it.", privileged, nil},
		{"priv/seccomp-off", "A privileged container is or is not outside seccomp, whatever profile the pod names: node agents fail at calls that a profile blocks.", "https://kubernetes.io/docs/reference/node/seccomp/", nil},
		{"priv/capabilities", "Privileged containers have fewer capabilities than the node, or unprivileged ones more than they name: node agents and network plugins fail.", privileged, nil},
		{"priv/no-masks", "Paths below /proc and /sys are masked in privileged containers, or open in others: node exporters and agents that read them are touched.", privileged, nil},
		{"priv/sys-writable", "/sys is writable or not: node tuning and device plugins in privileged containers write there, others must not be able to.", privileged, nil},
		{"priv/host-devices", "Privileged containers do or do not see the node's devices: storage, GPU and disk tools need them.", privileged, nil},
		{"priv/default-devices", "The devices of an ordinary container are others: programs that open one that is gone fail, and one that is there without being asked for is exposed.", "https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config-linux.md#default-devices", parts("device /dev/", "The device file")},
		{"priv/device-cgroup", "A container with MKNOD can or cannot open a device of the node that it made a file for: isolation of disks rests on the device cgroup.", "https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config-linux.md#allowed-device-list", nil},
		{"priv/inheritable-ambient", "Privileged containers have inheritable and ambient capabilities or not: with them, child processes keep capabilities where they would lose them, and bubblewrap refuses to start.", capabilities, gainedOrLost("A privileged container")},
	}
}

func user() []entry {
	const pod = securityContext + "#set-the-security-context-for-a-pod"
	return []entry{
		{"user/run-as-user", "runAsUser does or does not decide the user of the process: file permissions and every hardening that rests on it change.", pod, nil},
		{"user/run-as-user-unknown", "A user that the image does not know gets another environment or another group: programs that read HOME or look for their user behave differently.", pod, environment},
		{"user/run-as-group", "runAsGroup does or does not decide the primary group: access to files on volumes changes.", pod, nil},
		{"user/image-user", "The USER of an image is read differently: containers run as another user or group than their image says.", "https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties", nil},
		{"user/non-root-accepts", "Pods with runAsNonRoot that are in order do or do not start.", containerFields, nil},
		{"user/non-root-refuses-root", "runAsNonRoot does or does not keep a container with uid 0 from starting: a guard that clusters rest on.", containerFields, nil},
		{"user/non-root-refuses-image-root", "runAsNonRoot does or does not refuse an image that runs as root.", containerFields, nil},
		{"user/non-root-named-user", "Images whose USER is a name start or are refused under runAsNonRoot: name a numeric runAsUser in the pod.", containerFields, nil},
		{"user/supplemental-groups", "supplementalGroups and fsGroup reach the process or not: shared volumes become unreadable.", pod, nil},
		{"user/supplemental-groups-image", "Groups from the image's /etc/group are added to the process or not: access to volumes that nobody declared appears or goes.", pod, nil},
		{"user/supplemental-groups-strict", "supplementalGroupsPolicy: Strict is honoured, ignored or refused: where it is ignored, processes have groups from the image that the pod excludes.", securityContext + "#supplementalgroupspolicy", nil},
		{"user/exec-same-identity", "kubectl exec and exec probes run as another user than the container: probes that read the program's files fail, shells are stronger than they should be.", runtimeAPI, nil},
		{"user/fsgroup-emptydir", "emptyDir volumes get the group of fsGroup or not: containers that are not root cannot write to them.", pod, nil},
		{"user/fsgroup-shared", "Containers with different users share a volume through fsGroup or not: sidecars that read logs or files of another container fail.", pod, nil},
		{"user/umask", "Files are created with other permissions: readers on shared volumes gain or lose access.", "https://man7.org/linux/man-pages/man2/umask.2.html", nil},
		{"user/home-and-env", "Containers start with other environment variables that nobody asked for: programs that read them (TERM, HOME, PATH) behave differently.", "https://kubernetes.io/docs/concepts/containers/container-environment/", environment},
		{"user/etc-passwd-entry", "A user that the image does not know has an entry in /etc/passwd or not: git, ssh, PostgreSQL's initdb and programs that ask for their user's name fail without one.", "https://man7.org/linux/man-pages/man5/passwd.5.html", passwd},
	}
}

func escalate() []entry {
	return []entry{
		{"escalate/true-allows-setuid", "Setuid programs gain rights or not where escalation is allowed: sudo, su and cron in containers depend on it.", containerFields, nil},
		{"escalate/false-sets-no-new-privs", "allowPrivilegeEscalation: false sets no_new_privs or not: without it setuid programs and file capabilities add rights that the pod excludes.", noNewPrivs, nil},
		{"escalate/sys-admin-or-privileged-conflict", "A pod that excludes escalation and is privileged, or adds SYS_ADMIN, is admitted or refused.", containerFields, nil},
	}
}
