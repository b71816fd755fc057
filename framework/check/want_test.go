package check_test

import (
	"strings"
	"testing"

	"assay/framework/check"
	"assay/framework/probe"
)

// The observations that the wants are judged by.

func allowed(values map[string]string) check.Observation {
	return check.Observation{
		State:    check.State{Started: true, Terminated: true},
		Document: &probe.Document{Complete: true},
		Result:   &probe.Result{Outcome: probe.Allowed, Values: values},
	}
}

func denied(errno, output string) check.Observation {
	o := allowed(nil)
	o.Result = &probe.Result{Outcome: probe.Denied, Syscall: "mount", Errno: errno, Output: output}
	return o
}

func broken() check.Observation {
	o := allowed(nil)
	o.Result = &probe.Result{Outcome: probe.Broken, Problem: "no space left"}
	return o
}

func unknown() check.Observation {
	o := allowed(nil)
	o.Result = &probe.Result{}
	return o
}

// factsOnly is a container whose trial asked for nothing.
func factsOnly(facts probe.Facts) check.Observation {
	return check.Observation{
		State:    check.State{Started: true, Terminated: true},
		Document: &probe.Document{Complete: true, Facts: facts},
	}
}

func notStarted(reason, message string) check.Observation {
	return check.Observation{State: check.State{Reason: reason, Message: message}}
}

func exited(code int32, log string) check.Observation {
	return check.Observation{State: check.State{Started: true, Terminated: true, ExitCode: code}, Log: log}
}

func set(t *testing.T, names ...string) probe.Set {
	t.Helper()
	s, err := probe.CapabilitySet(names...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMet(t *testing.T) {
	running := check.Observation{State: check.State{Started: true}}
	rejected := check.Observation{Rejected: "forbidden: no"}
	one := factsOnly(probe.Facts{
		UID: 0, EUID: 1000, GID: 5, EGID: 6, Groups: []int{1, 2}, PID: 7, NoNewPrivs: 1, Seccomp: 2, SeccompFilters: 3, LastCapability: 40,
		Capabilities: probe.Capabilities{Effective: set(t, "NET_RAW"), Permitted: set(t, "NET_RAW"), Bounding: set(t, "CHOWN", "NET_RAW")},
	})
	node := one
	node.NodeBounding = set(t, "CHOWN", "NET_RAW") | 1<<50

	for _, row := range []struct {
		name string
		want check.Want
		seen check.Observation
		met  bool
	}{
		{"allowed", check.Allowed{}, allowed(nil), true},
		{"allowed, but denied", check.Allowed{}, denied("EPERM", ""), false},
		{"allowed, but broken", check.Allowed{}, broken(), false},
		{"allowed, but unknown", check.Allowed{}, unknown(), false},
		{"allowed, but never started", check.Allowed{}, notStarted("StartError", ""), false},
		{"allowed, but nothing is known", check.Allowed{}, check.Observation{}, false},

		{"denied", check.Denied{}, denied("EPERM", ""), true},
		{"denied, but allowed", check.Denied{}, allowed(nil), false},
		{"denied, but broken", check.Denied{}, broken(), false},
		{"denied, but unknown", check.Denied{}, unknown(), false},
		{"denied, but never started", check.Denied{}, notStarted("StartError", "EPERM"), false},
		{"denied with the errno", check.Denied{Errnos: []string{"EACCES", "EPERM"}}, denied("EPERM", ""), true},
		{"denied with another errno", check.Denied{Errnos: []string{"EACCES"}}, denied("EPERM", ""), false},
		{"denied without an errno", check.Denied{Errnos: []string{"EACCES"}}, denied("", ""), false},
		{"denied with the text", check.Denied{Output: "permission denied"}, denied("", "ping: Permission denied (are you root?)\n"), true},
		{"denied with another text", check.Denied{Output: "permission denied"}, denied("", "100% packet loss"), false},

		{"not started", check.NotStarted{}, notStarted("StartError", "no such file"), true},
		{"not started for the reason", check.NotStarted{Reason: "StartError", Messages: []string{"NO", "file"}}, notStarted("StartError", "no such file"), true},
		{"not started for another reason", check.NotStarted{Reason: "StartError"}, notStarted("ErrImagePull", ""), false},
		{"not started with half the message", check.NotStarted{Messages: []string{"no", "directory"}}, notStarted("StartError", "no such file"), false},
		{"not started, but it runs", check.NotStarted{}, running, false},
		{"not started, but rejected", check.NotStarted{}, rejected, false},
		{"not started, but nothing is known", check.NotStarted{}, check.Observation{}, false},

		{"exit 0", check.Exited{}, exited(0, ""), true},
		{"exit 0, but failed", check.Exited{}, exited(1, ""), false},
		{"exit 0, but still running", check.Exited{}, running, false},
		{"exit 0, but never started", check.Exited{}, notStarted("StartError", ""), false},
		{"exit 0, but nothing is known", check.Exited{}, check.Observation{}, false},
		{"failed", check.Exited{Failed: true}, exited(1, ""), true},
		{"failed, but exit 0", check.Exited{Failed: true}, exited(0, ""), false},
		{"failed, but never started", check.Exited{Failed: true}, notStarted("StartError", ""), false},
		{"failed with the text", check.Exited{Failed: true, Log: "denied"}, exited(1, "Permission DENIED\n"), true},
		{"failed with another text", check.Exited{Failed: true, Log: "denied"}, exited(1, "unknown host"), false},

		{"values", check.Values{"a": "1"}, allowed(map[string]string{"a": "1", "b": "2"}), true},
		{"another value", check.Values{"a": "1"}, allowed(map[string]string{"a": "2"}), false},
		{"no such value", check.Values{"a": "1"}, allowed(nil), false},
		{"values, but denied", check.Values{}, denied("EPERM", ""), false},
		{"values, but no result", check.Values{"a": "1"}, notStarted("StartError", ""), false},

		{"every value", check.Every("allow"), allowed(map[string]string{"0": "allow", "1": "allow"}), true},
		{"every value but one", check.Every("allow"), allowed(map[string]string{"0": "allow", "1": "EPERM"}), false},
		{"every value of none", check.Every("allow"), allowed(nil), false},
		{"every value, but denied", check.Every("allow"), denied("EPERM", ""), false},
		{"every value, but no result", check.Every("allow"), check.Observation{}, false},

		{"fact", check.Fact{Name: "uid", Value: "0"}, one, true},
		{"another fact", check.Fact{Name: "euid", Value: "0"}, one, false},
		{"unknown fact", check.Fact{Name: "shoe size", Value: ""}, one, false},
		{"fact without a document", check.Fact{Name: "uid", Value: "0"}, notStarted("StartError", ""), false},
		{"fact, but nothing is known", check.Fact{Name: "Seccomp", Value: "0"}, check.Observation{}, false},

		{"no capability", check.Sets{Of: []string{"CapInh", "CapAmb"}}, one, true},
		{"no capability, but one", check.Sets{Of: []string{"CapInh", "CapEff"}}, one, false},
		{"exactly one", check.Sets{Of: []string{"CapEff", "CapPrm"}, Exactly: []string{"NET_RAW"}}, one, true},
		{"exactly one, but two", check.Sets{Of: []string{"CapEff", "CapBnd"}, Exactly: []string{"NET_RAW"}}, one, false},
		{"exactly one, but none", check.Sets{Of: []string{"CapInh"}, Exactly: []string{"NET_RAW"}}, one, false},
		{"a capability that is none", check.Sets{Of: []string{"CapEff"}, Exactly: []string{"FLY"}}, one, false},
		{"no such set", check.Sets{Of: []string{"CapAll"}}, one, false},
		{"all of the node's", check.Sets{Of: []string{"CapBnd"}, Node: true}, node, true},
		{"all of the node's, but one lacks", check.Sets{Of: []string{"CapBnd", "CapEff"}, Node: true}, node, false},
		{"all of the node's but one", check.Sets{Of: []string{"CapEff"}, Node: true, Without: []string{"CHOWN"}}, node, true},
		{"all of the node's, but one too many", check.Sets{Of: []string{"CapBnd"}, Node: true, Without: []string{"CHOWN"}}, node, false},
		{"less a capability that is none", check.Sets{Of: []string{"CapBnd"}, Node: true, Without: []string{"FLY"}}, node, false},
		{"sets without a document", check.Sets{Of: []string{"CapInh"}}, notStarted("StartError", ""), false},
		{"the node's sets without a document", check.Sets{Of: []string{"CapInh"}, Node: true}, check.Observation{}, false},

		{"both", check.All{check.Fact{Name: "uid", Value: "0"}, check.Fact{Name: "gid", Value: "5"}}, one, true},
		{"one of both", check.All{check.Fact{Name: "uid", Value: "0"}, check.Fact{Name: "gid", Value: "0"}}, one, false},
		{"both, but nothing is known", check.All{check.Fact{Name: "uid", Value: "0"}}, check.Observation{}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.want.Met(row.seen); got != row.met {
				t.Errorf("met %v, want %v: wanted %s, seen %s", got, row.met, row.want, row.want.Seen(row.seen))
			}
			if row.want.String() == "" && row.name != "values, but denied" {
				t.Error("nothing says what is wanted")
			}
		})
	}
}

// TestSeenNamesTheEvidence: a reader of a failure finds what happened, in every way it can happen.
func TestSeenNamesTheEvidence(t *testing.T) {
	exit := 1
	command := allowed(nil)
	command.Result = &probe.Result{Outcome: probe.Denied, ExitCode: &exit, Output: "first\nping: lost\n"}
	many := map[string]string{}
	for _, name := range strings.Split("abcdefghijkl", "") {
		many[name] = "EPERM"
	}
	for _, row := range []struct {
		want  check.Want
		seen  check.Observation
		texts []string
	}{
		{check.Allowed{}, denied("EPERM", ""), []string{"denied", "mount", "EPERM"}},
		{check.Denied{}, command, []string{"denied", "exit 1", "ping: lost"}},
		{check.Allowed{}, broken(), []string{"broken", "no space left"}},
		{check.Denied{}, allowed(map[string]string{"reply": "yes"}), []string{"allowed", "reply=yes"}},
		{check.Allowed{}, notStarted("StartError", "no such file"), []string{"not started", "StartError", "no such file"}},
		{check.NotStarted{}, check.Observation{Rejected: "forbidden: no"}, []string{"rejected", "forbidden: no"}},
		{check.NotStarted{}, check.Observation{State: check.State{Started: true}}, []string{"running"}},
		{check.Exited{}, exited(3, "a\nb\n"), []string{"exit 3", "b"}},
		{check.Exited{}, check.Observation{State: check.State{Started: true, Terminated: true, ExitCode: 137, Signal: 9}}, []string{"signal 9", "137"}},
		{check.Values{"a": "1"}, allowed(map[string]string{"a": "2", "b": "3"}), []string{"a=2"}},
		{check.Values{"a": "1"}, denied("ENOENT", ""), []string{"ENOENT"}},
		{check.Every("allow"), allowed(map[string]string{"0": "allow", "1": "EPERM"}), []string{"1 of 2", "1=EPERM"}},
		{check.Every("allow"), allowed(many), []string{"0 of 12", "4 more"}},
		{check.Every("allow"), notStarted("StartError", ""), []string{"StartError"}},
		{check.Fact{Name: "Seccomp", Value: "2"}, factsOnly(probe.Facts{}), []string{"Seccomp 0"}},
		{check.Fact{Name: "Seccomp", Value: "2"}, notStarted("StartError", ""), []string{"StartError"}},
		{check.Sets{Of: []string{"CapEff", "CapInh"}}, factsOnly(probe.Facts{Capabilities: probe.Capabilities{Effective: 1}}), []string{"CapEff CHOWN", "CapInh none"}},
		{check.Sets{Of: []string{"CapEff"}}, notStarted("StartError", ""), []string{"StartError"}},
		{check.All{check.Fact{Name: "uid", Value: "1"}, check.Fact{Name: "gid", Value: "1"}}, factsOnly(probe.Facts{}), []string{"uid 0", "gid 0"}},
	} {
		got := row.want.Seen(row.seen)
		for _, text := range row.texts {
			if !strings.Contains(got, text) {
				t.Errorf("%T says %q and leaves out %q", row.want, got, text)
			}
		}
	}
}

func TestFactValue(t *testing.T) {
	o := factsOnly(probe.Facts{
		UID: 1, EUID: 2, GID: 3, EGID: 4, PID: 5, Groups: []int{6, 7}, NoNewPrivs: 1, Seccomp: 2, SeccompFilters: 8,
		Capabilities: probe.Capabilities{Inheritable: 1 << 0, Permitted: 1 << 5, Effective: 1 << 13, Bounding: 1<<13 | 1<<0, Ambient: 1 << 41},
	})
	for name, want := range map[string]string{
		"uid": "1", "euid": "2", "gid": "3", "egid": "4", "pid": "5", "groups": "[6 7]",
		"NoNewPrivs": "1", "Seccomp": "2", "Seccomp_filters": "8",
		"CapInh": "CHOWN", "CapPrm": "KILL", "CapEff": "NET_RAW", "CapBnd": "CHOWN NET_RAW", "CapAmb": "CAP_41",
	} {
		if got, known := check.FactValue(o, name); !known || got != want {
			t.Errorf("%s is %q (known: %v), want %q", name, got, known, want)
		}
	}
	if got, _ := check.FactValue(factsOnly(probe.Facts{}), "CapEff"); got != "none" {
		t.Errorf("an empty set is %q", got)
	}
	if _, known := check.FactValue(check.Observation{}, "uid"); known {
		t.Error("a fact is known without a document")
	}
}
