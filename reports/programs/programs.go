// Package programs knows which programs need what the kernel gives to one process and refuses to another:
// capabilities and system calls. It is what makes a difference between runtimes a difference for workloads.
package programs

import "slices"

// Need is a capability or a family of system calls with what is known to need it.
type Need struct {
	// Name is the capability without the CAP_ prefix, or the family's.
	Name string
	// Lets says what one can do with it: "opens raw and packet sockets".
	Lets string
	// Commands are names of programs that fail without it, Maybe those that may: it depends on how they are
	// built or used.
	Commands, Maybe []string
	// Images are the last parts of names of images whose programs use it, without registry and tag.
	Images []string
	// Calls are the system calls of a family, as the table of system calls names them.
	Calls []string
	// Fallback says what programs do that cannot have it, where that is known.
	Fallback string
	// Link is the upstream text.
	Link string
}

const capabilitiesManual = "https://man7.org/linux/man-pages/man7/capabilities.7.html"

// Capabilities lists the capabilities that runtimes are known to give by default, or not to.
func Capabilities() []Need {
	return []Need{
		{
			Name: "NET_RAW", Lets: "opening raw and packet sockets",
			Commands: []string{"ping", "ping6", "fping", "arping", "tcpdump", "tshark", "dumpcap", "keepalived", "mtr", "nmap", "nping", "hping3", "arp-scan", "dhclient", "udhcpc", "tcptraceroute", "ndisc6", "masscan", "zmap", "snort", "suricata"},
			Images:   []string{"keepalived", "keepalived-vip", "kube-vip", "netshoot", "tcpdump", "speaker", "smokeping", "suricata", "nmap"},
			Link:     "https://man7.org/linux/man-pages/man7/raw.7.html",
		},
		{
			Name: "SYS_CHROOT", Lets: "chroot and entering mount namespaces",
			Commands: []string{"sshd", "chroot", "vsftpd"}, Maybe: []string{"postfix", "master", "dovecot", "named", "nsenter"},
			Images: []string{"openssh-server", "sftp", "docker-mailserver", "postfix", "mailserver", "dovecot", "vsftpd"},
			Link:   "https://man7.org/linux/man-pages/man2/chroot.2.html",
		},
		{
			Name: "AUDIT_WRITE", Lets: "writing records of logins to the kernel's audit log",
			Maybe:  []string{"sshd", "su", "sudo", "login", "cron", "crond", "passwd", "chpasswd", "useradd", "runuser"},
			Images: []string{"openssh-server", "sftp", "docker-mailserver", "cron", "xrdp", "webtop"},
			Link:   capabilitiesManual,
		},
		{
			Name: "MKNOD", Lets: "making device files",
			Commands: []string{"mknod", "debootstrap"}, Maybe: []string{"buildah", "buildkitd", "executor", "podman", "openvpn"},
			Images: []string{"executor", "kaniko", "buildah", "buildkit", "podman", "docker", "img"},
			Link:   "https://man7.org/linux/man-pages/man2/mknod.2.html",
		},
		{
			Name: "SETFCAP", Lets: "setting file capabilities, also while an image is unpacked or a package is installed",
			Commands: []string{"setcap"}, Maybe: []string{"buildah", "buildkitd", "executor", "podman"},
			Images: []string{"executor", "kaniko", "buildah", "buildkit", "podman", "docker", "img"},
			Link:   capabilitiesManual,
		},
		{
			Name: "CHOWN", Lets: "giving files to other users",
			Commands: []string{"chown", "chgrp"}, Images: []string{"postgres", "mysql", "mariadb", "redis", "mongo", "rabbitmq"},
			Link: "https://man7.org/linux/man-pages/man2/chown.2.html",
		},
		{
			Name: "SETUID", Lets: "changing the user of a process",
			Commands: []string{"su", "sudo", "gosu", "su-exec", "setpriv", "nginx", "sshd", "cron", "crond", "haproxy"},
			Images:   []string{"nginx", "httpd", "postgres", "mysql", "mariadb", "redis", "mongo", "haproxy", "openssh-server"},
			Link:     capabilitiesManual,
		},
		{
			Name: "SETGID", Lets: "changing the groups of a process",
			Commands: []string{"su", "sudo", "gosu", "su-exec", "setpriv", "nginx", "sshd", "cron", "crond", "haproxy"},
			Images:   []string{"nginx", "httpd", "postgres", "mysql", "mariadb", "redis", "mongo", "haproxy", "openssh-server"},
			Link:     capabilitiesManual,
		},
		{
			Name: "NET_BIND_SERVICE", Lets: "binding ports below net.ipv4.ip_unprivileged_port_start",
			Commands: []string{"nginx", "httpd", "apache2", "haproxy", "coredns", "sshd"},
			Images:   []string{"nginx", "httpd", "haproxy", "coredns", "traefik", "caddy"},
			Link:     capabilitiesManual,
		},
		{Name: "DAC_OVERRIDE", Lets: "reading and writing files of other users as root", Link: capabilitiesManual},
		{Name: "FOWNER", Lets: "changing the mode and the times of files of other users", Commands: []string{"chmod", "touch"}, Link: capabilitiesManual},
		{Name: "FSETID", Lets: "keeping setuid and setgid bits of changed files", Link: capabilitiesManual},
		{Name: "KILL", Lets: "sending signals to processes of other users", Commands: []string{"kill", "pkill", "supervisord"}, Images: []string{"supervisord"}, Link: capabilitiesManual},
		{Name: "SETPCAP", Lets: "dropping capabilities from the bounding set", Commands: []string{"capsh", "setpriv"}, Link: capabilitiesManual},
	}
}

// Capability is what is known about a capability; of one that is not known only the name and a link.
func Capability(name string) Need {
	for _, need := range Capabilities() {
		if need.Name == name {
			return need
		}
	}
	return Need{Name: name, Lets: "what capabilities(7) lists under CAP_" + name, Link: capabilitiesManual}
}

// Families lists the families of system calls that programs and people ask for by name.
func Families() []Need {
	manual := func(page string) string { return "https://man7.org/linux/man-pages/man2/" + page + ".2.html" }
	return []Need{
		{
			Name: "io_uring", Lets: "asynchronous input and output through rings",
			Calls:    []string{"io_uring_setup", "io_uring_enter", "io_uring_register"},
			Commands: []string{"scylla", "redpanda", "mariadbd", "mysqld", "postgres", "qemu-system-x86_64", "fio", "ceph-osd", "tigerbeetle"},
			Images:   []string{"scylla", "redpanda", "mariadb", "postgres", "tigerbeetle", "fio", "ceph", "virt-launcher"},
			Fallback: "most programs fall back to epoll or threads", Link: manual("io_uring_setup"),
		},
		{
			Name: "Linux AIO with signals", Lets: "waiting for asynchronous input and output with a signal mask",
			Calls:    []string{"io_pgetevents"},
			Commands: []string{"scylla", "redpanda"}, Images: []string{"scylla", "redpanda"},
			Fallback: "Seastar falls back to io_getevents", Link: manual("io_getevents"),
		},
		{
			Name: "kernel keyrings", Lets: "keeping keys in the kernel",
			Calls:    []string{"keyctl", "add_key", "request_key"},
			Commands: []string{"keyctl", "kinit", "sssd", "cifs.upcall", "dockerd", "buildkitd"},
			Images:   []string{"docker", "sssd", "krb5", "kerberos", "buildkit"},
			Fallback: "Kerberos needs a credential cache in a file", Link: manual("keyctl"),
		},
		{
			Name: "AF_ALG sockets", Lets: "the kernel's cryptography",
			Calls:    []string{"socket family=38"},
			Commands: []string{"cryptsetup", "kcapi-enc", "kcapi-dgst", "iwd", "bluetoothd"}, Images: []string{"cryptsetup", "iwd"},
			Fallback: "OpenSSL without its afalg engine needs none", Link: "https://docs.kernel.org/crypto/userspace-if.html",
		},
		{
			Name: "AF_VSOCK sockets", Lets: "talking to the hypervisor and to virtual machines",
			Calls:    []string{"socket family=40"},
			Commands: []string{"qemu-system-x86_64", "qemu-ga", "firecracker", "cloud-hypervisor", "virtiofsd"},
			Images:   []string{"virt-launcher", "virt-handler", "firecracker"}, Link: "https://man7.org/linux/man-pages/man7/vsock.7.html",
		},
		{
			Name: "NETLINK_AUDIT sockets", Lets: "records of logins for the audit log",
			Calls:    []string{"socket family=16,protocol=9"},
			Commands: []string{"sshd", "su", "sudo", "login", "cron", "crond", "auditd"}, Images: []string{"openssh-server", "sftp", "auditbeat"},
			Link: "https://man7.org/linux/man-pages/man7/netlink.7.html",
		},
		{
			Name: "mounting", Lets: "mounting file systems (SYS_ADMIN is needed besides)",
			Calls:    []string{"mount", "umount2", "pivot_root", "fsopen", "fsconfig", "fsmount", "fspick", "open_tree", "move_mount", "mount_setattr"},
			Commands: []string{"mount", "umount", "mount.nfs", "mount.cifs", "fusermount", "s3fs", "buildkitd", "runc", "crun", "bwrap"},
			Images:   []string{"nfs-server", "s3fs", "buildkit", "docker", "podman", "csi-node-driver-registrar"}, Link: manual("mount"),
		},
		{
			Name: "namespaces", Lets: "making and entering namespaces",
			Calls:    []string{"unshare", "setns", "clone flags="},
			Commands: []string{"unshare", "nsenter", "bwrap", "chrome", "chromium", "google-chrome", "firefox", "podman", "buildah", "rootlesskit", "ip"},
			Images:   []string{"chrome", "standalone-chrome", "chromium", "podman", "buildah", "buildkit", "node-chrome", "browserless", "playwright", "puppeteer"},
			Fallback: "browsers need --no-sandbox, rootless builders their chroot isolation", Link: "https://man7.org/linux/man-pages/man7/namespaces.7.html",
		},
		{
			Name: "chroot", Lets: "changing the root directory (SYS_CHROOT is needed besides)", Calls: []string{"chroot"},
			Commands: []string{"sshd", "chroot", "vsftpd"}, Images: []string{"openssh-server", "sftp"}, Link: manual("chroot"),
		},
		{
			Name: "NUMA policy", Lets: "placing memory on NUMA nodes", Calls: []string{"mbind", "set_mempolicy", "get_mempolicy", "set_mempolicy_home_node", "migrate_pages", "move_pages"},
			Commands: []string{"numactl", "mysqld", "java"}, Images: []string{"mysql", "mariadb", "scylla"},
			Fallback: "programs run on without the policy and warn", Link: manual("set_mempolicy"),
		},
		{
			Name: "fast user-space locks", Lets: "waiting for several locks at once", Calls: []string{"futex_waitv", "futex_wait", "futex_wake", "futex_requeue"},
			Commands: []string{"wine", "proton"}, Images: []string{"wine", "steam"},
			Fallback: "Wine falls back to its own server", Link: manual("futex"),
		},
		{
			Name: "process inspection", Lets: "looking into other processes",
			Calls:    []string{"ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp"},
			Commands: []string{"strace", "gdb", "dlv", "ltrace", "perf", "py-spy", "async-profiler", "rr"}, Images: []string{"strace", "gdb", "delve"}, Link: manual("ptrace"),
		},
		{
			Name: "BPF and tracing", Lets: "loading BPF programs and performance counters",
			Calls:    []string{"bpf", "perf_event_open"},
			Commands: []string{"bpftrace", "bpftool", "perf", "cilium-agent", "falco", "tetragon", "parca-agent"},
			Images:   []string{"cilium", "falco", "tetragon", "pixie", "parca-agent", "inspektor-gadget", "bpftrace"}, Link: manual("bpf"),
		},
		{
			Name: "userfaultfd", Lets: "handling page faults in user space", Calls: []string{"userfaultfd"},
			Commands: []string{"qemu-system-x86_64", "criu", "firecracker"}, Images: []string{"virt-launcher", "firecracker"}, Link: manual("userfaultfd"),
		},
		{
			Name: "kernel log", Lets: "reading the kernel's log", Calls: []string{"syslog"},
			Commands: []string{"dmesg", "node-problem-detector"}, Images: []string{"node-problem-detector"}, Link: manual("syslog"),
		},
		{
			Name: "newest calls", Lets: "what the newest kernels added: statmount, listmount, mseal, extended attributes at a directory, security modules",
			Calls:    []string{"statmount", "listmount", "mseal", "getxattrat", "setxattrat", "listxattrat", "removexattrat", "lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules", "cachestat", "map_shadow_stack"},
			Fallback: "programs built for older kernels do not know them", Link: "https://man7.org/linux/man-pages/man2/syscalls.2.html",
		},
		{
			Name: "C library calls with a fallback", Lets: "what the C library tries first, and does otherwise when the answer is ENOSYS",
			Calls:    Fallbacks(),
			Fallback: "with EPERM instead of ENOSYS the C library does not fall back, and programs fail at once", Link: manual("clone"),
		},
		{
			Name: "personality", Lets: "other execution domains", Calls: []string{"personality persona="},
			Commands: []string{"setarch", "linux32", "i386", "gdb"}, Link: manual("personality"),
		},
		{
			Name: "reboot", Lets: "ending the pod's PID namespace (SYS_BOOT is needed besides)", Calls: []string{"reboot"},
			Commands: []string{"reboot", "poweroff", "halt"}, Images: []string{"kured"}, Link: manual("reboot"),
		},
		{
			Name: "splicing", Lets: "moving memory into pipes", Calls: []string{"vmsplice"},
			Commands: []string{"criu", "fio"}, Link: manual("vmsplice"),
		},
		{
			Name: "file system watches", Lets: "fanotify", Calls: []string{"fanotify_init", "fanotify_mark"},
			Commands: []string{"fatrace", "clamonacc", "falcon-sensor"}, Images: []string{"clamav", "falcon-sensor"}, Link: manual("fanotify_init"),
		},
		{
			Name: "obsolete calls", Lets: "calls that the kernel itself no longer has",
			Calls: []string{"_sysctl", "afs_syscall", "create_module", "get_kernel_syms", "getpmsg", "putpmsg", "security", "tuxcall", "vserver", "uselib", "query_module", "nfsservctl", "epoll_ctl_old", "epoll_wait_old"},
			Link:  "https://man7.org/linux/man-pages/man2/unimplemented.2.html",
		},
		{
			Name: "numbers without a call", Lets: "calls that do not exist yet", Calls: []string{"number "},
			Fallback: "ENOSYS is what programs expect of an old kernel; EPERM they may take for a refusal", Link: "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp",
		},
	}
}

// Fallbacks are the calls which C libraries try first, and replace when the answer is ENOSYS.
func Fallbacks() []string {
	return []string{"clone3", "faccessat2", "openat2", "statx", "rseq", "close_range", "epoll_pwait2", "fchmodat2", "membarrier", "getrandom", "copy_file_range"}
}

// HasCall says whether a row of the table of system calls belongs to the family: a call by its name with
// whatever arguments, or the very condition.
func (n Need) HasCall(row string) bool {
	return slices.ContainsFunc(n.Calls, func(call string) bool {
		if row == call {
			return true
		}
		if last := call[len(call)-1]; last == '=' || last == ' ' {
			return len(row) > len(call) && row[:len(call)] == call
		}
		return len(row) > len(call) && row[:len(call)] == call && row[len(call)] == ' ' && call != "socket"
	})
}
