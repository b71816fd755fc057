package probe

import (
	"slices"
	"strings"
)

// The operations. Each undoes what it did. Every one that ends in one decisive system call reports
// Syscall, Errno, Filter and Capability.
const (
	// OpSocket opens socket(ARG0 family: inet|inet6|packet|alg|vsock|netlink, ARG1 type:
	// raw|dgram|stream|seqpacket, ARG2 protocol: icmp|icmpv6|tcp|udp|all|route|audit or a number, 0 when
	// it is not there) and closes it. A family that the kernel lacks is Broken.
	OpSocket Op = "socket"
	// OpICMP sends one ICMP echo through a SOCK_DGRAM socket to ARG0 (an address or $PEER_IP) and
	// waits for the reply. Denied is the socket; a peer that does not reply is Broken.
	OpICMP Op = "icmp"
	// OpLinkAdd makes a network link without a device behind it in the container's network namespace and
	// removes it: a dummy, or another kind where the kernel lacks it. Values["kind"].
	OpLinkAdd Op = "link-add"
	// OpClockAdjtime calls clock_adjtime with ADJ_SETOFFSET and a zero offset: the time stays.
	OpClockAdjtime Op = "clock-adjtime"
	// OpChown gives a new file in directory ARG0 to uid ARG1, by fchownat.
	OpChown Op = "chown"
	// OpChmod changes the mode of a new file in directory ARG0, by fchmodat.
	OpChmod Op = "chmod"
	// OpMknod makes a character device 1:3 (null) in directory ARG0, by mknodat, and removes it.
	OpMknod Op = "mknod"
	// OpMount mounts a tmpfs on a new directory in directory ARG0 and unmounts it.
	OpMount Op = "mount"
	// OpSethostname sets the host name to the one it has.
	OpSethostname Op = "sethostname"
	// OpUnshare calls unshare(ARG0: user|mount|net|ipc|uts|cgroup|pid) in a thread, or for user in a
	// process, that ends.
	OpUnshare Op = "unshare"
	// OpWriteFile creates and removes a file in directory ARG0.
	OpWriteFile Op = "write-file"
	// OpReadFile reads ARG0 up to 16 KiB; Values["content"]. A file that is not there is Broken.
	OpReadFile Op = "read-file"
	// OpBind binds and listens on TCP port ARG0 of all addresses. A port that is taken is Broken.
	OpBind Op = "bind"
	// OpRun runs the command ARGS with the probe's credentials: Allowed when it exits with 0, Denied
	// when it ran and exits with another code or by a signal, Broken when it could not be started for
	// want of the file or did not end within 10 seconds. An exec refused by the kernel (EPERM, EACCES) is
	// Denied with that Errno. A command without a slash is looked for in /bin; $PEER_IP, ${PEER_IP} and
	// $(PEER_IP) in the words are the peer's address.
	OpRun Op = "run"
	// OpRunProbe runs the probe's copy at path ARG0 (set-uid, say) with "credentials": Values are the
	// uid, euid, gid, egid, noNewPrivs and (as in /proc/self/status) effective and permitted of the new
	// process.
	OpRunProbe Op = "run-probe"
	// OpProcesses lists /proc: Values["count"], Values["pid1"] the command of PID 1,
	// Values["foreign"] "true" when a kubelet or an init of the node is visible.
	OpProcesses Op = "processes"
	// OpSysctls reads the sysctls ARGS (all of the probe's own list when there are none): Values by
	// dotted name; one that is not there is left out.
	OpSysctls Op = "sysctls"
	// OpSyscallTable asks the container's own seccomp filter about every system call, by user
	// notification: Values by number and condition ("165", "41:family=38") are "allow", the errno's name,
	// or "kill" (which is also a SIGSYS). Nothing is executed. Numbers are 0 to 511 and 1023, which no
	// profile knows; those that the kernel itself owns are left out. Conditions are family=N and
	// family=16,protocol=9 of socket, flags=NEWUSER ... of clone and unshare, type=NEWUSER ... of setns,
	// persona=0x... of personality, request=TIOCSTI of ioctl, abi=x32 and abi=i386 of getpid (also
	// "not in this kernel").
	OpSyscallTable Op = "syscall-table"
	// OpNotifier installs a seccomp listener on a thread that ends: Denied with EBUSY where the
	// filter chain has one already.
	OpNotifier Op = "notifier"
	// OpSeccompLog looks in the kernel log for a call of fchmodat that the container's filter is to log:
	// Values["logged"] is true or false. Denied with the errno of syslog where the log cannot be read, with
	// ENODATA where it does not show either what a filter of the probe's own logs.
	OpSeccompLog Op = "seccomp-log"
	// OpMounts reads /proc/self/mountinfo: Values by mount point are the sorted options of the mount, its
	// type ("type=tmpfs") and, of the file system's own options, size, mode and the like.
	OpMounts Op = "mounts"

	// OpMasks looks whether the paths ARGS are hidden: Values by path are "masked" (the null device, or an
	// empty read-only directory of its own), "readable", "empty", "absent" or the errno of reading. Without
	// ARGS the paths are all mount points below /proc and /sys, cgroups aside, and those that are not
	// masked are "ro" or "rw" as they are mounted.
	OpMasks Op = "masks"
	// OpReadOnly tries to open the files ARGS for writing, and to make a directory in the directories
	// ARGS: Values by path are "ro" (EROFS), "rw", "absent" or the errno of a file. Nothing is written. A
	// directory that refuses for another reason (as those of /proc do) is what its mount says.
	OpReadOnly Op = "read-only"
	// OpFiles looks at the files ARGS: Values by path are "file mode=0644 uid=0 gid=0" (or directory,
	// device, other), links followed, or "absent".
	OpFiles Op = "files"
	// OpFileID identifies the file ARG0 on this node: Values["id"] is its device and inode.
	OpFileID Op = "file-id"
	// OpFileSystem says on what ARG0 lies: Values type, options (sorted) and, of a tmpfs, size (bytes).
	OpFileSystem Op = "file-system"
	// OpFill writes ARG1 bytes into a new file in directory ARG0 and removes it.
	OpFill Op = "fill"
	// OpExtraFiles lists what the container's own file system has besides what the probe's image brought:
	// Values by path are "file", "directory", "device" or "link to TARGET". /proc, /sys and /dev's standard devices
	// are left out.
	OpExtraFiles Op = "extra-files"
	// OpMountKeep mounts a tmpfs on a directory of the pod's host name in directory ARG0, where it stays until the
	// probe ends: for containers that hold.
	OpMountKeep Op = "mount-keep"
	// OpMounted says in Values["mounted"] whether something is mounted on the directory of the pod's
	// host name in directory ARG0.
	OpMounted Op = "mounted"
	// OpCgroup reads the container's cgroup: Values version (1 or 2), memory.limit (bytes or max), cpu.quota
	// (microseconds or max), cpu.period, cpu.shares (version 1), cpu.weight (version 2), pids.limit and
	// hugetlb.SIZE.limit; those of ARGS only where there are any. What the node has no controller for is left
	// out; where nothing is left the action is denied with ENOENT.
	OpCgroup Op = "cgroup"
	// OpNodeCgroup finds the container's cgroup in the node's hierarchy, which is mounted at ARG0: Values
	// version, driver (systemd or cgroupfs), path (<uid> and <id> in the place of the pod's and
	// the container's), and what OpCgroup reads with the prefixes "container." and "pod.".
	// ARGS after the first select.
	OpNodeCgroup Op = "node-cgroup"
	// OpProcessLimit starts processes until the pids limit of the container or its pod refuses one:
	// Values["reached"] is the errno, "no limit" where there is none below 8192, or "beyond the limit".
	// ARG0 is where the node's cgroups are mounted.
	OpProcessLimit Op = "process-limit"
	// OpRlimits reads the resource limits that a program in the container gets: Values by the kernel's
	// name ("Max open files") are "soft hard unit".
	OpRlimits Op = "rlimits"
	// OpLSM reads the process's label of the security module ARG0 (apparmor, selinux): Values label and,
	// for AppArmor, profile and mode. Denied with ENOENT or EINVAL where the kernel does not have it.
	OpLSM Op = "lsm"
)

// The operations that look at namespaces and at the node. Those of the node need hostPID and a
// privileged container, and are Broken where the first process is not the node's.
const (
	// OpCgroupView: Values["version"] of the cgroup hierarchy, v1 (hybrid included) or v2; Values["view"]
	// private where the container sees its own cgroup as the root, host otherwise.
	OpCgroupView Op = "cgroup-view"
	// OpTimeNamespace: Values["namespace"] is "the machine's", "of its own" or "none"; Values["offsets"].
	OpTimeNamespace Op = "time-namespace"
	// OpIDMappings reads the ID maps: Values "uid identity", "uid count", "uid first" (the ID on the node of
	// the container's root), "uid aligned" (first is a multiple of 65536), the same of gid, and for each path
	// of ARGS "owner of PATH" and, where a file can be made in it, "owner of a new file in PATH" as UID:GID.
	OpIDMappings Op = "id-mappings"
	// OpNodeAdmin asks the kernel for something that only SYS_ADMIN in the machine's own user namespace
	// permits, and that then does nothing: swapoff of a file that is not there.
	OpNodeAdmin Op = "node-admin"
	// OpSiblings: Values["sibling"] "true" when another probe is visible, Values["pid1"] the name of PID 1.
	OpSiblings Op = "siblings"
	// OpHostname: Values["hostname"] of uname, Values["HOSTNAME"] of the environment,
	// Values["/etc/hostname"], each "the pod's name" or "the node's name" where it is that (see
	// PodNameVariable), and Values["name in the cluster"] that /etc/hosts has, up to the namespace.
	OpHostname Op = "hostname"
	// OpHasAddress: Values["has"] "true" when an interface has the address ARG0, which may be $HOST_IP.
	OpHasAddress Op = "has-address"
	// OpNodeNamespaces reads the node's namespaces: Values by the names of the facts ("ns/net").
	OpNodeNamespaces Op = "node-namespaces"
	// OpNodeSandbox looks at the container's pod from the node: Values["pause"] "true" when a process of that
	// name is in its IPC namespace, Values["uts"] "the node's" or "of its own".
	OpNodeSandbox Op = "node-sandbox"
	// OpNodeSysctls is OpSysctls of ARGS in the node's network and IPC namespaces.
	OpNodeSysctls Op = "node-sysctls"
	// OpNodeConnect serves the ports ARG3... of the container by TCP and UDP, each answering with its own
	// number, and connects by ARG0 (tcp, udp) to ARG1 ("$HOST_IP:18081") from ARG2 ("$HOST_IP") in the
	// node's network namespace: Values["answer"] is the number, or how the connection ended (see Connection).
	OpNodeConnect Op = "node-connect"
)

// Do makes an action.
func Do(op Op, args ...string) Action { return Action{Op: op, Args: args} }

// Run is the action of running a real command.
func Run(command ...string) Action { return Do(OpRun, command...) }

// String is the action as a reader would type it.
func (a Action) String() string {
	if a.IsZero() {
		return "read the facts of the process"
	}
	if len(a.Args) == 0 {
		return string(a.Op)
	}
	return string(a.Op) + " " + strings.Join(slices.Clone(a.Args), " ")
}
