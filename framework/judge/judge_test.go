package judge_test

import (
	"encoding/json"
	"strings"
	"testing"

	"assay/framework/check"
	"assay/framework/judge"
	"assay/framework/probe"
	"assay/reports/results"
)

// denial is a check with a denial and its control, as most are.
func denial() check.Check {
	return check.Check{
		ID: "caps/example", Level: check.Must,
		Trials: []check.Trial{
			{Name: "without", Action: probe.Do(probe.OpMount, "/tmp"), Want: check.Denied{Errnos: []string{"EPERM"}}},
			{Name: "with", Control: true, Action: probe.Do(probe.OpMount, "/tmp"), Want: check.Allowed{}},
		},
	}
}

// observed is a container that ran to its end and whose action met with the result.
func observed(facts probe.Facts, result probe.Result) check.Observation {
	document := &probe.Document{Version: probe.Version, Facts: facts, Results: []probe.Result{result}, Complete: true}
	return check.Observation{
		State:    check.State{Started: true, Terminated: true},
		Document: document, Result: &document.Results[0],
	}
}

func denied(errno string) check.Observation {
	return observed(probe.Facts{}, probe.Result{Outcome: probe.Denied, Syscall: "mount", Errno: errno})
}

func allowed() check.Observation {
	return observed(probe.Facts{}, probe.Result{Outcome: probe.Allowed})
}

func TestCell(t *testing.T) {
	notStarted := check.Observation{State: check.State{Reason: "CreateContainerError", Message: "no such feature here"}}
	incomplete := allowed()
	incomplete.Document.Complete = false
	noDocument := check.Observation{State: check.State{Started: true, Terminated: true}}
	silent := allowed()
	silent.Result = nil
	lacking := denial()
	lacking.Unsupported = []check.Unsupported{{Message: "NO SUCH feature", Reason: "lacks it"}}
	recording := denial()
	recording.Level = check.Info
	claiming := denial()
	claiming.Trials[1].Claimed = true
	should := denial()
	should.Level = check.Should

	cases := map[string]struct {
		check         check.Check
		without, with check.Observation
		want          results.Verdict
		reason        string
	}{
		"denied, and the control allowed":          {denial(), denied("EPERM"), allowed(), results.Pass, ""},
		"allowed although it is to be denied":      {denial(), allowed(), allowed(), results.Fail, "without"},
		"denied with another errno":                {denial(), denied("ENOSYS"), allowed(), results.Fail, "ENOSYS"},
		"the control is denied, too":               {denial(), denied("EPERM"), denied("EPERM"), results.Error, "control failed"},
		"a failing subject and a failing control":  {denial(), allowed(), denied("EPERM"), results.Error, "control failed"},
		"what is claimed of the control is not so": {claiming, denied("EPERM"), denied("EROFS"), results.Fail, "with"},
		"the probe broke": {
			denial(), observed(probe.Facts{}, probe.Result{Outcome: probe.Broken, Problem: "no directory"}), allowed(),
			results.Error, "no directory",
		},
		"the probe never said":                {denial(), observed(probe.Facts{}, probe.Result{}), allowed(), results.Error, "broke"},
		"the probe left the action out":       {denial(), silent, allowed(), results.Error, "did not report"},
		"the document is not complete":        {denial(), incomplete, allowed(), results.Error, "not complete"},
		"the document is missing":             {denial(), noDocument, allowed(), results.Error, "missing"},
		"the node died":                       {denial(), check.Observation{Problem: "the node died"}, allowed(), results.Error, "the node died"},
		"the runtime refuses the container":   {denial(), notStarted, allowed(), results.Fail, "CreateContainerError"},
		"the runtime refuses the control":     {denial(), denied("EPERM"), notStarted, results.Error, "control failed"},
		"the runtime says it lacks a feature": {lacking, notStarted, allowed(), results.Unsupported, "lacks it"},
		"info records":                        {recording, denied("EPERM"), allowed(), results.Informed, ""},
		"should deviates":                     {should, allowed(), allowed(), results.Fail, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cell := judge.Cell(c.check, map[string]check.Observation{"without": c.without, "with": c.with})
			if cell.Verdict != c.want {
				t.Errorf("verdict %s (%s), wanted %s", cell.Verdict, cell.Reason, c.want)
			}
			if !strings.Contains(cell.Reason, c.reason) {
				t.Errorf("reason %q does not hold %q", cell.Reason, c.reason)
			}
			if (cell.Observed == nil) != (c.want == results.Error) {
				t.Errorf("observed %s with verdict %s", cell.Observed, cell.Verdict)
			}
			if len(cell.Trials) != 2 {
				t.Errorf("%d trials are in the cell", len(cell.Trials))
			}
		})
	}
}

func TestCellWithoutObservationsIsAnError(t *testing.T) {
	if cell := judge.Cell(denial(), nil); cell.Verdict != results.Error {
		t.Errorf("verdict %s", cell.Verdict)
	}
	if cell := judge.Cell(check.Check{ID: "caps/empty"}, nil); cell.Verdict != results.Error {
		t.Errorf("verdict %s of a check without trials", cell.Verdict)
	}
}

func TestAttribution(t *testing.T) {
	admin, err := probe.CapabilitySet("SYS_ADMIN")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		facts  probe.Facts
		result probe.Result
		want   string
	}{
		"the filter answers":            {probe.Facts{Seccomp: 2}, probe.Result{Errno: "EPERM", Filter: "EPERM", Capability: "SYS_ADMIN"}, "seccomp"},
		"the filter lets it through":    {probe.Facts{Seccomp: 2}, probe.Result{Errno: "EPERM", Filter: "allow", Capability: "SYS_ADMIN"}, "capability"},
		"no filter, no capability":      {probe.Facts{}, probe.Result{Errno: "EPERM", Capability: "SYS_ADMIN"}, "capability"},
		"the filter could not be asked": {probe.Facts{Seccomp: 2}, probe.Result{Errno: "EPERM", Capability: "SYS_ADMIN"}, ""},
		"confined": {
			probe.Facts{LSM: "cri-containerd.apparmor.d (enforce)", Capabilities: probe.Capabilities{Effective: admin}},
			probe.Result{Errno: "EACCES", Capability: "SYS_ADMIN"},
			"LSM",
		},
		"a read-only file system": {
			probe.Facts{LSM: "unconfined", Capabilities: probe.Capabilities{Effective: admin}},
			probe.Result{Errno: "EROFS"},
			"kernel",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.result.Outcome, c.result.Syscall = probe.Denied, "mount"
			cell := judge.Cell(denial(), map[string]check.Observation{"without": observed(c.facts, c.result), "with": allowed()})
			if got := cell.Trials[0].DeniedBy; got != c.want {
				t.Errorf("denied by %q (%s), wanted %q", got, cell.Trials[0].Why, c.want)
			}
		})
	}
}

func TestRecorded(t *testing.T) {
	set, err := probe.CapabilitySet("CHOWN", "KILL")
	if err != nil {
		t.Fatal(err)
	}
	o := observed(probe.Facts{Arch: "amd64", Capabilities: probe.Capabilities{Effective: set}}, probe.Result{
		Outcome: probe.Allowed, Values: map[string]string{"165": "EPERM", "41:af=38": "allow", "1023": "ENOSYS"},
	})
	failing := check.Observation{State: check.State{Started: true, Terminated: true, ExitCode: 1}, Log: "usage\nping: permission denied\n"}
	cases := map[string]struct {
		observation check.Observation
		what        check.Recorded
		want        string
	}{
		"capabilities":     {o, check.RecordCapabilities, `{"CapAmb":"none","CapBnd":"none","CapEff":"2: CHOWN KILL","CapInh":"none","CapPrm":"none"}`},
		"syscalls":         {o, check.RecordSyscalls, `{"mount":"EPERM","number 1023":"ENOSYS","socket af=38":"allow"}`},
		"a failed command": {failing, check.RecordOutput, `"ping: permission denied"`},
		"a fact":           {o, check.RecordFact("CapEff"), `"CHOWN KILL"`},
		"not started":      {check.Observation{State: check.State{Reason: "StartError"}}, check.RecordOutcome, `"not started: StartError"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			trial := check.Trial{Name: "only", Action: probe.Do(probe.OpSyscallTable)}
			if c.observation.Document == nil {
				trial.Container.Command = []string{"ping"}
			}
			cell := judge.Cell(check.Check{
				ID: "caps/example", Level: check.Info, Trials: []check.Trial{trial},
				Record: []check.Record{{Trial: "only", What: c.what}},
			}, map[string]check.Observation{"only": c.observation})
			if cell.Verdict != results.Informed {
				t.Fatalf("verdict %s: %s", cell.Verdict, cell.Reason)
			}
			if !json.Valid(cell.Observed) || string(cell.Observed) != c.want {
				t.Errorf("recorded %s, wanted %s", cell.Observed, c.want)
			}
		})
	}
}
