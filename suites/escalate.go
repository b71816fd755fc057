package suites

import "assay/framework/check"

func escalate() []check.Check {
	forbidden := unprivilegedUser()
	forbidden.AllowPrivilegeEscalation = new(false)
	return []check.Check{
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
