package check_test

import (
	"testing"

	"assay/framework/check"
)

func TestEndedAndPrinted(t *testing.T) {
	ended := func(code int32, message string) check.Observation {
		return check.Observation{State: check.State{Started: true, Terminated: true, ExitCode: code, Reason: "Error", Message: message}}
	}
	printed := func(code int32, log string) check.Observation {
		o := ended(code, "")
		o.Log = log
		return o
	}
	refused := check.Observation{State: check.State{Reason: "StartError", Terminated: true, ExitCode: 42}}
	for name, row := range map[string]struct {
		want check.Want
		o    check.Observation
		met  bool
	}{
		"exit code":              {check.Ended{ExitCode: 42}, ended(42, "any"), true},
		"another exit code":      {check.Ended{ExitCode: 42}, ended(1, ""), false},
		"another reason":         {check.Ended{ExitCode: 42, Reason: "Completed"}, ended(42, ""), false},
		"message":                {check.Ended{Message: new("why")}, ended(0, "why"), true},
		"part of a message":      {check.Ended{Message: new("why")}, ended(0, "why not"), false},
		"unwanted message":       {check.Ended{Message: new("")}, ended(0, "why"), false},
		"never started":          {check.Ended{ExitCode: 42}, refused, false},
		"still runs":             {check.Ended{}, check.Observation{State: check.State{Started: true}}, false},
		"printed":                {check.Printed("/tmp"), printed(0, "/tmp\n"), true},
		"printed more":           {check.Printed("/tmp"), printed(0, "/tmp\nmore\n"), false},
		"printed and failed":     {check.Printed("/tmp"), printed(1, "/tmp\n"), false},
		"first of two":           {check.AnyOf{check.Printed("a"), check.Ended{ExitCode: 1}}, printed(0, "a"), true},
		"second of two":          {check.AnyOf{check.Printed("a"), check.Ended{ExitCode: 1}}, ended(1, ""), true},
		"neither of two":         {check.AnyOf{check.Printed("a"), check.Ended{ExitCode: 1}}, ended(2, ""), false},
		"one of none":            {check.AnyOf{}, ended(0, ""), false},
		"refused, one of two is": {check.AnyOf{check.Printed("a"), check.NotStarted{}}, refused, true},
	} {
		if got := row.want.Met(row.o); got != row.met {
			t.Errorf("%s: met is %v; wanted %s, seen %s", name, got, row.want, row.want.Seen(row.o))
		}
	}
}
