package selftest

import (
	"bytes"
	"fmt"
	"slices"

	"assay/framework/check"
	"assay/reports/results"
)

// Result is what became of a fault.
type Result string

// The results. Missed: no check that is about the fault noticed. NotApplicable: all checks about it are
// unsupported on this column, or fail without it. Unchecked: the suite has no check about it.
const (
	Missed        Result = "missed"
	Caught        Result = "caught"
	NotApplicable Result = "not applicable"
	Unchecked     Result = "unchecked"
)

// Cells are cells by check.
type Cells map[string]results.Cell

// Outcome is a fault and what the checks said to it.
type Outcome struct {
	Fault  string `json:"fault"`
	Means  string `json:"means"`
	Where  string `json:"where"`
	Area   string `json:"area"`
	Result Result `json:"result"`
	// CaughtBy are the checks about the fault that passed without it and failed with it.
	CaughtBy []string `json:"caughtBy,omitempty"`
	// RecordedBy are the checks of level info that recorded another value.
	RecordedBy []string `json:"recordedBy,omitempty"`
	// Deaf are the checks about the fault that did not fail, with what they said.
	Deaf []Verdict `json:"deaf,omitempty"`
	// Disturbed are the checks that have nothing to do with the fault, and changed.
	Disturbed []Verdict `json:"disturbed,omitempty"`
	// Unrelated are the checks that have nothing to do with the fault and said what they said before.
	Unrelated []string `json:"unrelated,omitempty"`
	Seconds   float64  `json:"seconds"`
}

// Verdict is what a check said, with its reason.
type Verdict struct {
	Check   string          `json:"check"`
	Verdict results.Verdict `json:"verdict"`
	Reason  string          `json:"reason,omitempty"`
	// Before is what it said without the fault.
	Before results.Verdict `json:"before"`
}

// judge says what became of a fault, from the cells of the checks that were selected for it, without and
// with the fault.
func judge(f Fault, selected []check.Check, baseline, spoiled Cells) Outcome {
	o := Outcome{Fault: f.Name, Means: f.Means, Where: "API server or kubelet", Area: f.area()}
	if f.InRuntime() {
		o.Where = "runtime"
	}
	about, lacking := 0, 0
	for _, c := range selected {
		before, after := baseline[c.ID], spoiled[c.ID]
		said := Verdict{Check: c.ID, Verdict: after.Verdict, Reason: after.Reason, Before: before.Verdict}
		switch {
		case slices.Contains(f.About, c.ID) || slices.Contains(f.Records, c.ID):
			about++
			switch {
			case before.Verdict == results.Unsupported || before.Verdict == results.Fail:
				lacking++
				o.Deaf = append(o.Deaf, said)
			case c.Level == check.Must && before.Verdict == results.Pass && after.Verdict == results.Fail:
				o.CaughtBy = append(o.CaughtBy, c.ID)
			case before.Verdict == results.Informed && after.Verdict == results.Informed && !bytes.Equal(before.Observed, after.Observed):
				o.RecordedBy = append(o.RecordedBy, c.ID)
			default:
				o.Deaf = append(o.Deaf, said)
			}
		case before.Verdict != after.Verdict:
			o.Disturbed = append(o.Disturbed, said)
		default:
			o.Unrelated = append(o.Unrelated, c.ID)
		}
	}
	switch {
	case len(o.CaughtBy) > 0 || len(f.About) == 0 && len(o.RecordedBy) > 0:
		o.Result = Caught
	case about == 0:
		o.Result = Unchecked
	case about == lacking:
		o.Result = NotApplicable
	default:
		o.Result = Missed
	}
	return o
}

// Proof says of a check of level must how it was seen to fail.
type Proof struct {
	Check string `json:"check"`
	// Baseline is its verdict without a fault.
	Baseline results.Verdict `json:"baseline"`
	// Faults are those that it caught.
	Faults []string `json:"faults,omitempty"`
	// Otherwise says how else it is shown that it can fail.
	Otherwise string `json:"otherwise,omitempty"`
}

// Proven says whether the check was seen to fail. One that is unsupported on this column cannot be.
func (p Proof) Proven() bool {
	return len(p.Faults) > 0 || p.Otherwise != "" || p.Baseline == results.Unsupported
}

// Report is a whole self-test.
type Report struct {
	// Column, Runtime, OCIRuntime and Kubernetes say what the faults were put into.
	Column     string    `json:"column"`
	Runtime    string    `json:"runtime"`
	OCIRuntime string    `json:"ociRuntime"`
	Kubernetes string    `json:"kubernetes"`
	Faults     []Outcome `json:"faults"`
	// Proofs are the checks of level must.
	Proofs []Proof `json:"checks"`
	// Complete says that all faults were tried; only then the checks can be told which caught none.
	Complete bool `json:"complete"`
	// Seconds is the time of all, BaselineSeconds that of the checks without a fault.
	Seconds         float64 `json:"seconds"`
	BaselineSeconds float64 `json:"baselineSeconds"`
}

// proofs says of each check of level must which faults it caught.
func proofs(checks []check.Check, baseline Cells, outcomes []Outcome) []Proof {
	var all []Proof
	otherwise := shownOtherwise()
	for _, c := range checks {
		if c.Level != check.Must {
			continue
		}
		p := Proof{Check: c.ID, Baseline: baseline[c.ID].Verdict, Otherwise: otherwise[c.ID]}
		for _, o := range outcomes {
			if slices.Contains(o.CaughtBy, c.ID) {
				p.Faults = append(p.Faults, o.Fault)
			}
		}
		all = append(all, p)
	}
	return all
}

// Problems are what is wrong with the suite, in words; none means that it is proven.
func (r Report) Problems() []string {
	var problems []string
	for _, o := range r.Faults {
		switch o.Result {
		case Missed:
			text := fmt.Sprintf("fault %s was caught by nothing", o.Fault)
			for _, v := range o.Deaf {
				text += fmt.Sprintf("; %s said %s", v.Check, v.Verdict)
				if v.Reason != "" {
					text += " (" + v.Reason + ")"
				}
			}
			problems = append(problems, text)
		case Unchecked:
			problems = append(problems, fmt.Sprintf("fault %s: the suite has no check about it", o.Fault))
		case Caught, NotApplicable:
		}
		for _, v := range o.Disturbed {
			problems = append(problems, fmt.Sprintf("fault %s disturbed %s, which is not about it: %s before, now %s (%s)",
				o.Fault, v.Check, v.Before, v.Verdict, v.Reason))
		}
	}
	for _, p := range r.Proofs {
		switch {
		case p.Baseline == results.Error || p.Baseline == results.Fail:
			if len(p.Faults) == 0 && p.Otherwise == "" {
				problems = append(problems, fmt.Sprintf("check %s is %s without any fault, so that no fault can show", p.Check, p.Baseline))
			}
		case r.Complete && !p.Proven():
			problems = append(problems, fmt.Sprintf("check %s was not seen to fail", p.Check))
		}
	}
	return problems
}
