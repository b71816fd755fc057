package knowledge

const (
	seccompNode = "https://kubernetes.io/docs/reference/node/seccomp/"
	ociSeccomp  = "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp"
)

func seccomp() []entry {
	return []entry{
		{"seccomp/unconfined", "seccompProfile: Unconfined does or does not take the filter away, at the pod or the container.", seccompNode, nil},
		{"seccomp/runtime-default", "RuntimeDefault is applied or not: pods that the restricted level admits run without a filter, or with more than one.", seccompNode, nil},
		{"seccomp/unset", "Pods that name no profile run with a filter or without one (the kubelet's seccompDefault): where there is one now, calls that it blocks fail in pods that were never confined.", "https://kubernetes.io/docs/tutorials/security/seccomp/#enable-the-use-of-runtimedefault-as-the-default-seccomp-profile-for-all-workloads", nil},
		{"seccomp/mount", "mount is refused to pods without SYS_ADMIN in either case, but by another author: where seccomp no longer does it, only the capability is between a pod and mount, and adding SYS_ADMIN is enough.", "https://man7.org/linux/man-pages/man2/mount.2.html", nil},
		{"seccomp/mount-sys-admin", "Pods that add SYS_ADMIN to mount can or cannot do so under RuntimeDefault: storage and FUSE pods need Unconfined where they cannot.", "https://man7.org/linux/man-pages/man2/mount.2.html", nil},
		{"seccomp/unshare-user", "Making a user namespace under RuntimeDefault gives another answer: sandboxes of browsers and rootless builders read EPERM as a refusal and ENOSYS as a kernel that lacks it; neither works.", "https://man7.org/linux/man-pages/man7/user_namespaces.7.html", nil},
		{"seccomp/localhost", "Localhost profiles are enforced or not: pods run without their own filter, or do not start.", seccompNode, nil},
		{"seccomp/localhost-sys-admin", "A Localhost profile holds or not against a container that has the capability for the call.", seccompNode, nil},
		{"seccomp/localhost-errno", "The errno that a Localhost profile asks for is what programs see, or not: profiles that answer ENOSYS for the sake of fallbacks stop working.", ociSeccomp, nil},
		{"seccomp/localhost-args", "Rules of a Localhost profile that look at arguments match or not: a socket family or a flag that should be blocked is open, or all calls are blocked.", ociSeccomp, nil},
		{"seccomp/localhost-log", "Profiles that only log (SCMP_ACT_LOG) let calls through or not: recording a profile from a running pod depends on it.", ociSeccomp, nil},
		{"seccomp/localhost-kill", "Profiles that kill end a process with SIGSYS or not: exit code 159 and its alerts change.", ociSeccomp, nil},
		{"seccomp/localhost-deny-all", "A profile that forbids everything keeps the container from starting or not, with or without a reason in its status.", ociSeccomp, nil},
		{"seccomp/localhost-missing-file", "A profile whose file is not on the node keeps the pod from starting or not: where it starts, it runs unconfined.", seccompNode, nil},
		{"seccomp/localhost-malformed", "Profiles with errors are refused or accepted in another way: a typing error in a profile stops the pod on one side only, or shows another reason in its status.", ociSeccomp, startedValues},
		{"seccomp/localhost-docker-dialect", "Profiles in the dialect of Docker and of containers/common (archMap, includes, excludes) mean another filter: rewrite them as plain OCI profiles, which mean the same everywhere.", ociSeccomp, calls("A Localhost profile in Docker's dialect")},
		{"seccomp/two-containers", "Containers of one pod have their own profiles or share one.", seccompNode, nil},
		{"seccomp/exec-inherits", "Processes started by kubectl exec and by exec probes are under the container's filter or not.", runtimeAPI, nil},
		{"seccomp/notify-free", "A program in the container can or cannot install a user-notification filter of its own: sandboxes and some rootless tools need it.", "https://man7.org/linux/man-pages/man2/seccomp_unotify.2.html", nil},
		{"seccomp/syscall-table", "RuntimeDefault answers some system calls differently: pods under RuntimeDefault gain or lose them, or see another error.", seccompNode, calls("Under RuntimeDefault")},
		{"seccomp/table-with-capability", "A capability that a pod adds opens other system calls under RuntimeDefault: where the profile no longer looks at it, it either allows the call to all or to none.", seccompNode, opened},
		{"seccomp/unknown-syscall-errno", "Calls newer than the profile get another errno, or from another number on: programs built for new kernels fall back on ENOSYS and may take EPERM as fatal.", ociSeccomp, unknownCalls},
		{"seccomp/clone3-enosys", "Where clone3 is blocked with anything but ENOSYS, programs linked with a recent glibc cannot make threads and fail at once.", "https://man7.org/linux/man-pages/man2/clone.2.html", calls("Under RuntimeDefault")},
	}
}

// seccompRows are the rows of the table of RuntimeDefault that people ask for by name.
func seccompRows() []entry {
	manual := func(page string) string { return "https://man7.org/linux/man-pages/man2/" + page + ".2.html" }
	row := calls("Under RuntimeDefault")
	return []entry{
		{"seccomp/keyctl", "Programs that keep keys in the kernel (Kerberos credential caches, container engines) can or cannot under RuntimeDefault.", manual("keyctl"), row},
		{"seccomp/add-key", "Adding and requesting kernel keys under RuntimeDefault gives another answer: Kerberos keyring caches and CIFS are touched.", manual("add_key"), row},
		{"seccomp/io-uring", "Databases and storage that use io_uring can or cannot under RuntimeDefault, or see another errno before they fall back.", manual("io_uring_setup"), row},
		{"seccomp/af-alg", "Programs that use the kernel's cryptography (AF_ALG sockets) can or cannot under RuntimeDefault; closing it removes an attack surface that had serious bugs.", manual("socket"), row},
		{"seccomp/af-vsock", "Programs that talk to the hypervisor (AF_VSOCK sockets: KubeVirt, guest agents) can or cannot under RuntimeDefault.", manual("socket"), row},
		{"seccomp/netlink-audit", "sshd, su, sudo and cron write logins to the audit log through NETLINK_AUDIT: they can or cannot open it, and PAM may refuse the login when they cannot.", manual("socket"), row},
		{"seccomp/personality", "setarch, 32-bit programs and debuggers set a personality: other values are allowed, or refused with another errno.", manual("personality"), row},
		{"seccomp/x32-and-i386", "32-bit programs run or not under RuntimeDefault.", manual("syscall"), row},
		{"seccomp/syslog", "dmesg and log readers in pods under RuntimeDefault are stopped by the profile or only by the missing capability SYSLOG.", manual("syslog"), row},
		{"seccomp/reboot", "reboot inside a pod is stopped by the profile or only by the missing capability SYS_BOOT.", manual("reboot"), row},
		{"seccomp/setns", "Entering namespaces is stopped by the profile or only by the missing capability: nsenter in pods with SYS_ADMIN works or not.", manual("setns"), row},
		{"seccomp/ptrace", "Debuggers and profilers (strace, gdb, dlv) under RuntimeDefault can or cannot look into other processes of the pod.", manual("ptrace"), row},
		{"seccomp/bpf", "Pods that load BPF programs under RuntimeDefault need other capabilities or Unconfined.", manual("bpf"), row},
		{"seccomp/userfaultfd", "Emulators and live migration that use userfaultfd can or cannot under RuntimeDefault.", manual("userfaultfd"), row},
		{"seccomp/perf-event-open", "Profilers that use performance counters can or cannot under RuntimeDefault.", manual("perf_event_open"), row},
	}
}
