package check_test

import (
	"testing"

	"assay/framework/check"
	"assay/framework/probe"
)

// answered is a container that told the table of its filter, with the numbers of amd64.
func answered(table map[string]string) check.Observation {
	o := allowed(table)
	o.Document.Facts.Arch = "amd64"
	return o
}

func ended(code, signal int32, log string) check.Observation {
	return check.Observation{State: check.State{Started: true, Terminated: true, ExitCode: code, Signal: signal}, Log: log}
}

func TestWantsOfSeccomp(t *testing.T) {
	refused := check.Observation{State: check.State{Reason: "CreateContainerError", Message: "no"}}
	running := check.Observation{State: check.State{Started: true}}
	table := map[string]string{"165": "EPERM", "41:family=38": "EINVAL", "435": "ENOSYS", "39": "allow", "39:abi=i386": "not in this kernel"}
	for name, test := range map[string]struct {
		want check.Want
		seen check.Observation
		met  bool
	}{
		"answers":                       {check.Answers{"mount": {"EPERM"}, "socket family=38": {"EACCES", "EINVAL"}}, answered(table), true},
		"another errno":                 {check.Answers{"mount": {"ENOSYS"}}, answered(table), false},
		"blocked":                       {check.Answers{"clone3": {check.Blocked}}, answered(table), true},
		"not blocked":                   {check.Answers{"getpid": {check.Blocked}}, answered(table), false},
		"one of two":                    {check.Answers{"mount": {"EPERM"}, "getpid": {"EPERM"}}, answered(table), false},
		"a call of another machine":     {check.Answers{"mount": {"EPERM"}, "s390_guarded_storage": {"allow"}}, answered(table), true},
		"only calls of another machine": {check.Answers{"s390_guarded_storage": {"allow"}}, answered(table), false},
		"answers of a broken probe":     {check.Answers{"mount": {"EPERM"}}, broken(), false},
		"answers of nobody":             {check.Answers{"mount": {"EPERM"}}, refused, false},
		"nothing blocked":               {check.NothingBlocked{}, answered(map[string]string{"39": "allow", "39:abi=i386": "not in this kernel"}), true},
		"something blocked":             {check.NothingBlocked{}, answered(table), false},
		"nothing asked":                 {check.NothingBlocked{}, answered(nil), false},
		"killed":                        {check.Killed{Signal: 31}, ended(159, 0, "runs"), true},
		"killed, by its signal":         {check.Killed{Signal: 31}, ended(0, 31, ""), true},
		"not killed":                    {check.Killed{Signal: 31}, ended(0, 0, ""), false},
		"killed by another":             {check.Killed{Signal: 31}, ended(137, 0, ""), false},
		"never started, not killed":     {check.Killed{Signal: 31}, refused, false},
		"refused":                       {check.NeverRan{Says: "runs"}, refused, true},
		"died before it ran":            {check.NeverRan{Says: "runs"}, ended(139, 0, "warning"), true},
		"died when it ran":              {check.NeverRan{Says: "runs"}, ended(139, 0, "warning\nruns\n"), false},
		"ended well":                    {check.NeverRan{Says: "runs"}, ended(0, 0, ""), false},
		"still runs":                    {check.NeverRan{Says: "runs"}, running, false},
		"enforced":                      {check.EnforcedOrRefused{Errnos: []string{"EPERM"}}, denied("EPERM", ""), true},
		"refused, not enforced":         {check.EnforcedOrRefused{Errnos: []string{"EPERM"}}, refused, true},
		"ignored":                       {check.EnforcedOrRefused{Errnos: []string{"EPERM"}}, allowed(nil), false},
		"enforced otherwise":            {check.EnforcedOrRefused{Errnos: []string{"EPERM"}}, denied("ENOSYS", ""), false},
	} {
		if got := test.want.Met(test.seen); got != test.met {
			t.Errorf("%s: met %t, want %t; seen %q", name, got, test.met, test.want.Seen(test.seen))
		}
		if test.want.Seen(test.seen) == "" || test.want.String() == "" {
			t.Errorf("%s: no words", name)
		}
	}
}

func TestSyscallTableNamesCalls(t *testing.T) {
	table, err := check.SyscallTable(answered(map[string]string{"165": "EPERM", "41:family=38": "allow", "511": "ENOSYS"}))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"mount": "EPERM", "socket family=38": "allow", "number 511": "ENOSYS"} {
		if table[name] != want {
			t.Errorf("%s: got %q, want %q", name, table[name], want)
		}
	}
	for name, o := range map[string]check.Observation{
		"no result": {}, "no number": answered(map[string]string{"mount": "EPERM"}), "no values": answered(nil),
		"another architecture": func() check.Observation {
			o := answered(map[string]string{"1": "allow"})
			o.Document = &probe.Document{Facts: probe.Facts{Arch: "pdp11"}}
			return o
		}(),
	} {
		if _, err := check.SyscallTable(o); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}
