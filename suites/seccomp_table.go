package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
	"assay/framework/syscalls"
)

// table asks the container's filter about every system call.
func table() probe.Action { return probe.Do(probe.OpSyscallTable) }

// tableTrials are the trials of all that is read in the table of RuntimeDefault. The container stays, so
// that its filter can be read on the node and compared with the table.
func tableTrials() []check.Trial {
	return []check.Trial{
		{Name: "RuntimeDefault", Container: holding(withProfile(runtimeDefault())), Action: table()},
		{Name: "Unconfined", Control: true, Container: container(nothingConfined()), Action: table(), Want: check.NothingBlocked{}},
	}
}

// openers are the capabilities that profiles are known to look at.
func openers() []corev1.Capability {
	return []corev1.Capability{
		"SYS_ADMIN", "SYS_PTRACE", "SYSLOG", "NET_ADMIN", "BPF", "PERFMON", "SYS_NICE", "SYS_BOOT", "SYS_CHROOT", "AUDIT_WRITE",
	}
}

// seccompTable are the checks of the table of RuntimeDefault as a whole.
func seccompTable() []check.Check {
	opened := check.Check{
		ID:     "seccomp/table-with-capability",
		Level:  check.Info,
		Claim:  "Records which system calls RuntimeDefault answers otherwise to a container with a capability added.",
		Source: seccompReference,
		Trials: tableTrials(),
	}
	for _, capability := range openers() {
		with := corev1.SecurityContext{SeccompProfile: runtimeDefault(), Capabilities: capabilities([]corev1.Capability{capability}, nil)}
		opened.Trials = append(opened.Trials, check.Trial{
			Name: string(capability), Container: holding(container(with)), Action: table(),
		})
		opened.Record = append(opened.Record, check.Record{
			Trial: string(capability), What: check.RecordSyscalls, Against: "RuntimeDefault", As: string(capability),
		})
	}
	clone3 := tableTrials()
	clone3[0].Want = check.Answers{"clone3": {syscalls.Allow, "ENOSYS"}}
	return []check.Check{
		{
			ID:     "seccomp/syscall-table",
			Level:  check.Info,
			Claim:  "Records what the filter of RuntimeDefault answers to every system call of the architecture.",
			Source: seccompReference,
			Trials: tableTrials(),
			Record: []check.Record{{Trial: "RuntimeDefault", What: check.RecordSyscalls}},
		},
		opened,
		{
			ID:     "seccomp/unknown-syscall-errno",
			Level:  check.Info,
			Claim:  "Records what RuntimeDefault answers to numbers that no profile knows, and the first of them.",
			Source: "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp",
			Trials: tableTrials(),
			Record: []check.Record{{Trial: "RuntimeDefault", What: check.RecordUnknownCalls}},
		},
		{
			ID:     "seccomp/clone3-enosys",
			Level:  check.Must,
			Claim:  "Where RuntimeDefault blocks clone3 it says ENOSYS, so that the C library takes clone instead.",
			Source: "https://man7.org/linux/man-pages/man2/clone.2.html",
			Trials: clone3,
			Record: []check.Record{{Trial: "RuntimeDefault", What: check.RecordSyscalls, Only: []string{"clone3"}}},
		},
	}
}

// seccompRows are the checks of the calls that people ask for by name.
func seccompRows() []check.Check {
	manual := func(page string) string { return "https://man7.org/linux/man-pages/man2/" + page + ".2.html" }
	row := func(id, claim, source string, calls ...string) check.Check {
		return check.Check{
			ID: id, Level: check.Info, Claim: claim, Source: source, Trials: tableTrials(),
			Record: []check.Record{{Trial: "RuntimeDefault", What: check.RecordSyscalls, Only: calls}},
		}
	}
	call := func(id, name string) check.Check {
		return row(id, "Records what RuntimeDefault answers to "+name+".", manual(name), name)
	}
	socket := func(id, family, condition string) check.Check {
		return row(id, "Records what RuntimeDefault answers to a socket of "+family+".", manual("socket"), "socket "+condition)
	}
	return []check.Check{
		call("seccomp/keyctl", "keyctl"),
		row("seccomp/add-key", "Records what RuntimeDefault answers to add_key and request_key.", manual("add_key"), "add_key", "request_key"),
		row("seccomp/io-uring", "Records what RuntimeDefault answers to the calls of io_uring.", manual("io_uring_setup"),
			"io_uring_setup", "io_uring_enter", "io_uring_register"),
		socket("seccomp/af-alg", "AF_ALG", "family=38"),
		socket("seccomp/af-vsock", "AF_VSOCK", "family=40"),
		socket("seccomp/netlink-audit", "NETLINK_AUDIT", "family=16,protocol=9"),
		row("seccomp/personality", "Records the values of personality that RuntimeDefault allows.", manual("personality"),
			"personality persona=0x0", "personality persona=0x8", "personality persona=0x20000", "personality persona=0x20008",
			"personality persona=0xffffffff", "personality persona=0x40000", "personality persona=0x400000"),
		row("seccomp/x32-and-i386", "Records what RuntimeDefault answers to getpid through the x32 ABI and through int 0x80.", manual("syscall"),
			"getpid", "getpid abi=x32", "getpid abi=i386"),
		call("seccomp/syslog", "syslog"),
		call("seccomp/reboot", "reboot"),
		row("seccomp/setns", "Records what RuntimeDefault answers to setns.", manual("setns"),
			"setns", "setns type=NEWUSER", "setns type=NEWNS", "setns type=NEWNET"),
		row("seccomp/ptrace", "Records what RuntimeDefault answers to ptrace and to the calls that reach into another process.", manual("ptrace"),
			"ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp"),
		call("seccomp/bpf", "bpf"),
		call("seccomp/userfaultfd", "userfaultfd"),
		call("seccomp/perf-event-open", "perf_event_open"),
	}
}
