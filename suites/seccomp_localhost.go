package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/fixtures/seccomp"
	"assay/framework/check"
	"assay/framework/probe"
	"assay/framework/syscalls"
)

// ociSeccomp is the text that says what a profile means.
const ociSeccomp = "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp"

// sigsys is SIGSYS.
const sigsys = 31

// runsChmod is what chmodCommand says before it runs it.
const runsChmod = "runs chmod"

// sideBySide is the pod of containers that have each a profile of their own.
func sideBySide() check.Pod { return check.Pod{Alone: "seccomp profiles side by side"} }

// chmodCommand is a container whose command runs chmod.
func chmodCommand(context corev1.SecurityContext) check.Container {
	c := container(context)
	c.Command = []string{"/bin/sh", "-c", "echo " + runsChmod + "; exec /bin/chmod 1777 " + probe.WritableDirectory}
	return c
}

// seccompLocalhost are the checks of what the rules of a Localhost profile do.
func seccompLocalhost() []check.Check {
	chmod := probe.Do(probe.OpChmod, probe.WritableDirectory)
	sethostname := probe.Do(probe.OpSethostname)
	netlink := probe.Do(probe.OpSocket, "netlink", "raw", "route")
	inet := probe.Do(probe.OpSocket, "inet", "stream", "0")
	log := probe.Do(probe.OpSeccompLog)
	allowed, eperm := []string{syscalls.Allow}, []string{"EPERM"}
	return []check.Check{
		{
			ID:     "seccomp/localhost-sys-admin",
			Level:  check.Must,
			Claim:  "A Localhost profile that denies sethostname denies it to a container with SYS_ADMIN, too.",
			Source: seccompReference,
			Trials: []check.Trial{
				{
					Name: "Localhost", Container: container(confinedBy(seccomp.DenySethostname, "SYS_ADMIN")), Action: sethostname,
					Want: check.Denied{Errnos: eperm},
				},
				{Name: "Unconfined", Control: true, Container: container(nothingConfinedWith("SYS_ADMIN")), Action: sethostname, Want: check.Allowed{}},
			},
			Record: []check.Record{
				{Trial: "Localhost", What: check.RecordOutcome, As: "outcome"},
				{Trial: "Localhost", What: check.RecordDeniedBy, As: "denied by"},
			},
		},
		{
			ID:     "seccomp/localhost-errno",
			Level:  check.Must,
			Claim:  "A process sees the errno that the rule of a Localhost profile names, and EPERM where it names none.",
			Source: ociSeccomp,
			Trials: []check.Trial{
				{Name: "Localhost", Pod: sideBySide(), Container: container(confinedBy(seccomp.Errnos)), Action: chmod, Want: check.Denied{Errnos: []string{"ESTALE"}}},
				{Name: "Unconfined", Control: true, Pod: sideBySide(), Container: container(nothingConfined()), Action: chmod, Want: check.Allowed{}},
				{Name: "Localhost, filter", Pod: sideBySide(), Container: container(confinedBy(seccomp.Errnos)), Action: table(), Want: check.Answers{
					"keyctl": {"ENOTTY"}, "request_key": {"ENOSYS"}, "add_key": eperm, "mount": allowed,
				}},
			},
		},
		{
			ID:     "seccomp/localhost-args",
			Level:  check.Must,
			Claim:  "A rule of a Localhost profile with conditions on arguments matches only calls that meet all of them.",
			Source: ociSeccomp,
			Trials: []check.Trial{
				{Name: "netlink socket", Container: container(confinedBy(seccomp.Arguments)), Action: netlink, Want: check.Denied{Errnos: []string{"EACCES"}}},
				{Name: "netlink socket, Unconfined", Control: true, Container: container(nothingConfined()), Action: netlink, Want: check.Allowed{}},
				{Name: "IPv4 socket", Container: container(confinedBy(seccomp.Arguments)), Action: inet, Want: check.Allowed{}},
				{Name: "filter", Container: container(confinedBy(seccomp.Arguments)), Action: table(), Want: check.Answers{
					"socket family=16": {"EACCES"}, "socket family=2": allowed, "socket family=40": eperm, "socket family=44": allowed,
					"personality persona=0x0": allowed, "personality persona=0x8": allowed, "personality persona=0x40000": allowed,
					"personality persona=0x20000": eperm, "personality persona=0x20008": eperm,
				}},
			},
		},
		{
			ID:     "seccomp/localhost-log",
			Level:  check.Must,
			Claim:  "A Localhost profile with SCMP_ACT_LOG lets everything through, and the kernel logs the call.",
			Source: ociSeccomp,
			Trials: []check.Trial{
				{Name: "Localhost", Container: container(confinedBy(seccomp.Log, "SYSLOG")), Action: chmod, Want: check.All{check.Allowed{}, filtered(true)}},
				{Name: "Localhost, filter", Container: container(confinedBy(seccomp.Log, "SYSLOG")), Action: table(), Want: check.NothingBlocked{}},
				{Name: "Localhost, kernel log", Container: container(confinedBy(seccomp.Log, "SYSLOG")), Action: log, Want: check.Values{"logged": "true"}},
				{
					Name: "Unconfined, kernel log", Control: true, Container: container(nothingConfinedWith("SYSLOG")), Action: log,
					Want: check.Values{"logged": "false"},
				},
			},
			Unsupported: []check.Unsupported{
				{Errno: "EPERM", Reason: "the kernel log cannot be read: syslog EPERM"},
				{Errno: "ENODATA", Reason: "the kernel log does not show what a filter of the probe's own logs"},
			},
		},
		{
			ID:     "seccomp/localhost-kill",
			Level:  check.Must,
			Claim:  "A Localhost profile with SCMP_ACT_KILL_PROCESS ends the process that makes the call with SIGSYS, exit 159.",
			Source: ociSeccomp,
			Trials: []check.Trial{
				{Name: "Localhost", Container: chmodCommand(confinedBy(seccomp.Kill)), Want: check.Killed{Signal: sigsys}},
				{Name: "Unconfined", Control: true, Container: chmodCommand(nothingConfined()), Want: check.Exited{}},
				{Name: "Localhost, filter", Container: container(confinedBy(seccomp.Kill)), Action: table(), Want: check.Answers{
					"chmod": {syscalls.Kill}, "fchmod": {syscalls.Kill}, "fchmodat": {syscalls.Kill}, "mount": allowed,
				}},
			},
		},
	}
}

// seccompFiles are the checks of profile files that cannot be used.
func seccompFiles() []check.Check {
	chmod := probe.Do(probe.OpChmod, probe.WritableDirectory)
	pod := refusedPod()
	sibling := check.Trial{Name: "sibling, Unconfined", Control: true, Pod: pod, Container: chmodCommand(nothingConfined()), Want: check.Exited{Log: runsChmod}}
	refused := func(name, file string, messages ...string) check.Trial {
		return check.Trial{Name: name, Pod: pod, Container: chmodCommand(confinedBy(file)), Want: check.NotStarted{Messages: messages}}
	}
	denyAll := refused("deny all", seccomp.DenyAll)
	denyAll.Want = check.NeverRan{Says: runsChmod}
	dialect := []string{"keyctl", "add_key", "request_key", "acct", "swapon"}
	return []check.Check{
		{
			ID:     "seccomp/localhost-deny-all",
			Level:  check.Must,
			Claim:  "A container whose profile allows nothing does not start, its status says why, and its sibling is unharmed.",
			Source: ociSeccomp,
			Trials: []check.Trial{denyAll, sibling},
			// When the OCI runtime's process dies, and so the state of the container, is a matter of chance.
			Record: []check.Record{{Trial: "sibling, Unconfined", What: check.RecordOutcome, As: "sibling"}},
		},
		{
			ID:     "seccomp/localhost-missing-file",
			Level:  check.Must,
			Claim:  "A container whose profile file is missing does not start, and the message names the file.",
			Source: seccompReference,
			Trials: []check.Trial{refused("missing", seccomp.Missing, seccomp.Localhost(seccomp.Missing)), sibling},
			Record: []check.Record{{Trial: "missing", What: check.RecordStarted}},
		},
		{
			ID:     "seccomp/localhost-malformed",
			Level:  check.Must,
			Claim:  "A container whose profile cannot be read does not start, and the name of a call that does not exist hides no other.",
			Source: ociSeccomp,
			Trials: []check.Trial{
				refused("not JSON", seccomp.NotJSON, "JSON"),
				refused("unknown action", seccomp.UnknownAction, "SCMP_ACT_REFUSE"),
				sibling,
				{
					Name: "unknown call", Container: container(confinedBy(seccomp.UnknownCall)), Action: chmod,
					Want: check.EnforcedOrRefused{Errnos: []string{"EPERM"}},
				},
				{Name: "unknown call, Unconfined", Control: true, Container: container(nothingConfined()), Action: chmod, Want: check.Allowed{}},
			},
			Record: []check.Record{
				{Trial: "not JSON", What: check.RecordStarted, As: "not JSON"},
				{Trial: "unknown action", What: check.RecordStarted, As: "unknown action"},
				{Trial: "unknown call", What: check.RecordOutcome, As: "unknown call"},
			},
		},
		{
			ID:     "seccomp/localhost-docker-dialect",
			Level:  check.Info,
			Claim:  "Records what becomes of a profile in Docker's dialect (archMap, includes, excludes) in a container without SYS_ADMIN.",
			Source: ociSeccomp,
			Trials: []check.Trial{
				{Name: "Docker's dialect", Container: container(confinedBy(seccomp.Docker)), Action: table()},
				{Name: "Unconfined", Control: true, Container: container(nothingConfined()), Action: table(), Want: check.NothingBlocked{}},
			},
			Record: []check.Record{{Trial: "Docker's dialect", What: check.RecordSyscalls, Only: dialect}},
		},
	}
}

// seccompProcesses are the checks of whose filter a process has.
func seccompProcesses() []check.Check {
	chmod := probe.Do(probe.OpChmod, probe.WritableDirectory)
	notifier := probe.Do(probe.OpNotifier)
	denied := func(errno string) check.Want { return check.Denied{Errnos: []string{errno}} }
	return []check.Check{
		{
			ID:     "seccomp/two-containers",
			Level:  check.Must,
			Claim:  "Containers of a pod have each their own profile.",
			Source: seccompReference,
			Trials: []check.Trial{
				{Name: "EPERM", Pod: sideBySide(), Container: container(chmodDenied()), Action: chmod, Want: denied("EPERM")},
				{Name: "ESTALE", Pod: sideBySide(), Container: container(confinedBy(seccomp.Errnos)), Action: chmod, Want: denied("ESTALE")},
				{Name: "Unconfined", Control: true, Pod: sideBySide(), Container: container(nothingConfined()), Action: chmod, Want: check.Allowed{}},
			},
		},
		{
			ID:     "seccomp/exec-inherits",
			Level:  check.Must,
			Claim:  "A process started with exec is under the filter of its container.",
			Source: runtimeInterface,
			Trials: []check.Trial{
				{
					Name: "Localhost", Pod: sideBySide(), Container: holding(container(chmodDenied())), Exec: true, Action: chmod,
					Want: check.All{denied("EPERM"), oneFilter()},
				},
				{
					Name: "Unconfined", Control: true, Pod: sideBySide(), Container: holding(container(nothingConfined())), Exec: true, Action: chmod,
					Want: check.All{check.Allowed{}, filtered(false)},
				},
				{Name: "RuntimeDefault", Container: holding(withProfile(runtimeDefault())), Exec: true, Want: oneFilter()},
			},
		},
		{
			ID:     "seccomp/notify-free",
			Level:  check.Should,
			Claim:  "No listener occupies the filter chain of RuntimeDefault: a process can install one of its own.",
			Source: "https://man7.org/linux/man-pages/man2/seccomp_unotify.2.html",
			Trials: []check.Trial{
				{Name: "RuntimeDefault", Container: withProfile(runtimeDefault()), Action: notifier, Want: check.Allowed{}},
				{Name: "Unconfined", Control: true, Container: container(nothingConfined()), Action: notifier, Want: check.Allowed{}},
			},
		},
	}
}
