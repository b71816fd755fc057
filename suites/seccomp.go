package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/fixtures/seccomp"
	"assay/framework/check"
	"assay/framework/probe"
)

// denyChmod is the profile of the suite that denies chmod.
func denyChmod() *corev1.SeccompProfile {
	return &corev1.SeccompProfile{
		Type:             corev1.SeccompProfileTypeLocalhost,
		LocalhostProfile: new(seccomp.Localhost(seccomp.DenyChmod)),
	}
}

// chmodDenied is nothingConfined but for denyChmod.
func chmodDenied() corev1.SecurityContext {
	denied := nothingConfined()
	denied.SeccompProfile = denyChmod()
	return denied
}

func withProfile(profile *corev1.SeccompProfile) check.Container {
	return container(corev1.SecurityContext{SeccompProfile: profile})
}

// filtered wants a seccomp filter, or none, in the words of /proc/self/status.
// Source: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
func filtered(yes bool) check.Want {
	if yes {
		return check.Fact{Name: "Seccomp", Value: "2"}
	}
	return check.Fact{Name: "Seccomp", Value: "0"}
}

// oneFilter wants exactly one filter.
func oneFilter() check.Want {
	return check.All{filtered(true), check.Fact{Name: "Seccomp_filters", Value: "1"}}
}

// seccompProfiles are the checks of which profile a container has.
func seccompProfiles() []check.Check {
	defaultPod := check.Pod{SecurityContext: &corev1.PodSecurityContext{SeccompProfile: runtimeDefault()}}
	chmod := probe.Do(probe.OpChmod, probe.WritableDirectory)
	return []check.Check{
		{
			ID:     "seccomp/unconfined",
			Level:  check.Must,
			Claim:  "Unconfined means no seccomp filter, for the pod or for a container that overrides its pod.",
			Source: seccompReference,
			Trials: []check.Trial{
				{Name: "container Unconfined", Container: container(nothingConfined()), Want: filtered(false)},
				{Name: "pod Unconfined", Pod: pingForNobody(), Container: addNetRaw(), Want: filtered(false)},
				{Name: "pod RuntimeDefault, container Unconfined", Pod: defaultPod, Container: withProfile(unconfined()), Want: filtered(false)},
				{Name: "pod RuntimeDefault", Control: true, Pod: defaultPod, Container: unset(), Want: filtered(true)},
			},
		},
		{
			ID:     "seccomp/runtime-default",
			Level:  check.Must,
			Claim:  "RuntimeDefault means exactly one seccomp filter, whether the pod or the container asks for it.",
			Source: seccompReference,
			Trials: []check.Trial{
				{Name: "pod RuntimeDefault", Pod: defaultPod, Container: unset(), Want: oneFilter()},
				{Name: "container RuntimeDefault", Container: withProfile(runtimeDefault()), Want: oneFilter()},
				{Name: "pod RuntimeDefault, container Unconfined", Control: true, Pod: defaultPod, Container: withProfile(unconfined()), Want: filtered(false)},
			},
		},
		{
			ID:     "seccomp/localhost",
			Level:  check.Must,
			Claim:  "A Localhost profile that denies chmod with EPERM does so.",
			Source: seccompReference,
			Trials: []check.Trial{
				{Name: "Localhost", Container: container(chmodDenied()), Action: chmod, Want: check.Denied{Errnos: []string{"EPERM"}}},
				{Name: "Unconfined", Control: true, Container: container(nothingConfined()), Action: chmod, Want: check.Allowed{}},
			},
		},
	}
}

// seccompCalls are the checks of what RuntimeDefault lets through.
func seccompCalls() []check.Check {
	mount := probe.Do(probe.OpMount, probe.WritableDirectory)
	table := probe.Do(probe.OpSyscallTable)
	// AppArmor stays out of it: its default profiles deny mount even with the capability.
	sysAdmin := func(add, drop []corev1.Capability) check.Container {
		return container(corev1.SecurityContext{
			SeccompProfile: runtimeDefault(), AppArmorProfile: noAppArmor(), Capabilities: capabilities(add, drop),
		})
	}
	return []check.Check{
		{
			ID:     "seccomp/mount",
			Level:  check.Must,
			Claim:  "Under RuntimeDefault a container mounts with SYS_ADMIN and not without it.",
			Source: "https://man7.org/linux/man-pages/man2/mount.2.html",
			Trials: []check.Trial{
				{
					Name: "drop SYS_ADMIN", Container: sysAdmin(nil, []corev1.Capability{"SYS_ADMIN"}),
					Action: mount, Want: check.Denied{Errnos: []string{"EPERM", "EACCES", "ENOSYS"}},
				},
				{
					Name: "add SYS_ADMIN", Control: true, Container: sysAdmin([]corev1.Capability{"SYS_ADMIN"}, nil),
					Action: mount, Want: check.Allowed{},
				},
			},
			Record: []check.Record{
				{Trial: "drop SYS_ADMIN", What: check.RecordOutcome, As: "outcome"},
				{Trial: "drop SYS_ADMIN", What: check.RecordDeniedBy, As: "denied by"},
			},
		},
		{
			ID:     "seccomp/syscall-table",
			Level:  check.Info,
			Claim:  "Records what the filter of RuntimeDefault answers to every system call of the architecture.",
			Source: seccompReference,
			Trials: []check.Trial{
				{Name: "RuntimeDefault", Container: withProfile(runtimeDefault()), Action: table},
				{Name: "Unconfined", Control: true, Container: container(nothingConfined()), Action: table, Want: check.Every("allow")},
			},
			Record: []check.Record{{Trial: "RuntimeDefault", What: check.RecordSyscalls}},
		},
	}
}
