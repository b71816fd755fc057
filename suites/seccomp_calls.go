package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
	"assay/framework/syscalls"
)

// seccompCalls are the checks of what RuntimeDefault lets through.
func seccompCalls() []check.Check {
	mount := probe.Do(probe.OpMount, probe.WritableDirectory)
	unshare := probe.Do(probe.OpUnshare, "user")
	// AppArmor stays out of it: its default profiles deny mount even with the capability.
	sysAdmin := func(add, drop []corev1.Capability) check.Container {
		return container(corev1.SecurityContext{
			SeccompProfile: runtimeDefault(), AppArmorProfile: noAppArmor(), Capabilities: capabilities(add, drop),
		})
	}
	without := sysAdmin(nil, []corev1.Capability{"SYS_ADMIN"})
	with := sysAdmin([]corev1.Capability{"SYS_ADMIN"}, nil)
	return []check.Check{
		{
			ID:     "seccomp/mount",
			Level:  check.Must,
			Claim:  "Under RuntimeDefault a container mounts with SYS_ADMIN and not without it.",
			Source: "https://man7.org/linux/man-pages/man2/mount.2.html",
			Trials: []check.Trial{
				{
					Name: "drop SYS_ADMIN", Container: without,
					Action: mount, Want: check.Denied{Errnos: []string{"EPERM", "EACCES", "ENOSYS"}},
				},
				{
					Name: "add SYS_ADMIN", Control: true, Container: with,
					Action: mount, Want: check.Allowed{},
				},
			},
			Record: []check.Record{
				{Trial: "drop SYS_ADMIN", What: check.RecordOutcome, As: "outcome"},
				{Trial: "drop SYS_ADMIN", What: check.RecordDeniedBy, As: "denied by"},
			},
		},
		{
			ID:     "seccomp/mount-sys-admin",
			Level:  check.Info,
			Claim:  "Records whether a container with SYS_ADMIN mounts under RuntimeDefault and under Unconfined.",
			Source: "https://man7.org/linux/man-pages/man2/mount.2.html",
			Trials: []check.Trial{
				{Name: "RuntimeDefault", Container: with, Action: mount},
				{Name: "Unconfined", Control: true, Container: container(nothingConfinedWith("SYS_ADMIN")), Action: mount, Want: check.Allowed{}},
			},
			Record: []check.Record{
				{Trial: "RuntimeDefault", What: check.RecordOutcome, As: "RuntimeDefault"},
				{Trial: "Unconfined", What: check.RecordOutcome, As: "Unconfined"},
			},
		},
		{
			ID:     "seccomp/unshare-user",
			Level:  check.Must,
			Claim:  "RuntimeDefault keeps a container without SYS_ADMIN from making namespaces with unshare and clone, but not from making processes.",
			Source: "https://man7.org/linux/man-pages/man7/user_namespaces.7.html",
			Trials: []check.Trial{
				{Name: "drop SYS_ADMIN", Container: without, Action: unshare, Want: check.Denied{Errnos: []string{"EPERM", "ENOSYS"}}},
				{Name: "add SYS_ADMIN", Control: true, Container: with, Action: unshare, Want: check.Allowed{}},
				{Name: "drop SYS_ADMIN, filter", Container: without, Action: table(), Want: namespacesBlocked()},
				{Name: "add SYS_ADMIN, filter", Control: true, Container: with, Action: table(), Want: check.Answers{
					"unshare": {syscalls.Allow}, "unshare flags=NEWUSER": {syscalls.Allow}, "clone flags=NEWUSER": {syscalls.Allow},
				}},
			},
			Record: []check.Record{
				{Trial: "drop SYS_ADMIN", What: check.RecordOutcome, As: "unshare"},
				{Trial: "drop SYS_ADMIN", What: check.RecordDeniedBy, As: "denied by"},
			},
			Unsupported: []check.Unsupported{{
				Trial: "add SYS_ADMIN", Errno: "ENOSPC", Reason: "the kernel is set to make no user namespaces (user.max_user_namespaces)",
			}},
		},
	}
}

// namespacesBlocked wants every way to a new namespace to be blocked, and clone without one to be open.
func namespacesBlocked() check.Want {
	answers := check.Answers{"unshare flags=NEWUSER": {check.Blocked}, "clone": {syscalls.Allow}}
	for _, namespace := range []string{"NEWUSER", "NEWNS", "NEWPID", "NEWNET", "NEWIPC", "NEWUTS", "NEWCGROUP"} {
		answers["clone flags="+namespace] = []string{check.Blocked}
	}
	return answers
}
