package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

func escalate() []check.Check {
	forbidden := unprivilegedUser()
	forbidden.AllowPrivilegeEscalation = new(false)
	unspecified := unprivilegedUser()
	unspecified.AllowPrivilegeEscalation = nil
	setuid := probe.Do(probe.OpRunProbe, probe.SetuidPath)
	became := func(euid string) check.Want { return check.Values{"uid": "1000", "euid": euid} }

	// The API server knows this capability by its name with the prefix only.
	conflict := func(allowed bool, also func(*corev1.SecurityContext)) check.Container {
		context := nothingConfined()
		context.AllowPrivilegeEscalation = &allowed
		also(&context)
		return container(context)
	}
	privileged := func(c *corev1.SecurityContext) { c.Privileged = new(true) }
	adding := func(name corev1.Capability) func(*corev1.SecurityContext) {
		return func(c *corev1.SecurityContext) { c.Capabilities = capabilities([]corev1.Capability{name}, nil) }
	}
	const conflicting = "cannot set `allowPrivilegeEscalation` to false and"
	return []check.Check{
		{
			ID:     "escalate/true-allows-setuid",
			Level:  check.Must,
			Claim:  "A set-uid root program gives euid 0 when allowPrivilegeEscalation is true or unset, and not when it is false.",
			Source: containerSecurity,
			Trials: []check.Trial{
				{Name: "true", Container: container(unprivilegedUser()), Action: setuid, Want: became("0")},
				{Name: "unset", Container: container(unspecified), Action: setuid, Want: became("0")},
				{Name: "false", Control: true, Container: container(forbidden), Action: setuid, Want: became("1000")},
			},
		},
		{
			ID:     "escalate/sys-admin-or-privileged-conflict",
			Level:  check.Must,
			Claim:  "The API server rejects allowPrivilegeEscalation false together with privileged or with CAP_SYS_ADMIN.",
			Source: "https://kubernetes.io/docs/tasks/configure-pod-container/security-context/",
			Trials: []check.Trial{
				{
					Name: "false, privileged", Pod: check.Pod{Alone: "escalation and privileged"}, Container: conflict(false, privileged),
					Want: check.Rejected{Messages: []string{conflicting, "privileged"}},
				},
				{Name: "true, privileged", Control: true, Pod: privilegedPod(), Container: conflict(true, privileged), Want: check.Admitted{}},
				{
					Name: "false, add CAP_SYS_ADMIN", Pod: check.Pod{Alone: "escalation and CAP_SYS_ADMIN"}, Container: conflict(false, adding("CAP_SYS_ADMIN")),
					Want: check.Rejected{Messages: []string{conflicting, "CAP_SYS_ADMIN"}},
				},
				{
					Name: "true, add CAP_SYS_ADMIN", Control: true, Container: conflict(true, adding("CAP_SYS_ADMIN")),
					Want: check.Admitted{},
				},
				{
					// Without the prefix the API server takes both, and no_new_privs stands.
					Name: "false, add SYS_ADMIN", Container: conflict(false, adding("SYS_ADMIN")),
					Want: check.Fact{Name: "NoNewPrivs", Value: "1"},
				},
			},
		},
		{
			ID:     "escalate/false-sets-no-new-privs",
			Level:  check.Must,
			Claim:  "The process has no_new_privs when allowPrivilegeEscalation is false, and only then.",
			Source: containerSecurity,
			Trials: []check.Trial{
				{Name: "false", Container: container(forbidden), Want: check.Fact{Name: "NoNewPrivs", Value: "1"}},
				{Name: "true", Control: true, Container: container(unprivilegedUser()), Want: check.Fact{Name: "NoNewPrivs", Value: "0"}},
				{Name: "unset", Container: unset(), Want: check.Fact{Name: "NoNewPrivs", Value: "0"}},
			},
		},
	}
}
