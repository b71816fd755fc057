package results

import (
	"fmt"
	"strings"
	"time"
)

// The exit statuses of `assay run`.
const (
	ExitExpected    = 0
	ExitFailed      = 1
	ExitBroken      = 2
	ExitUsage       = 3
	ExitInterrupted = 130
)

// Outcome is an exit status and the reason for it in a sentence.
type Outcome struct {
	Status int
	Reason string
}

// String is the status with its reason: "exit 1: 2 cells of must checks failed".
func (o Outcome) String() string { return fmt.Sprintf("exit %d: %s", o.Status, o.Reason) }

// Outcome computes the exit status from the cells. 2: a column could not be observed, a cell is an
// error or missing, or not one check ran. 1: a must check failed, an expectation was broken, or a strict
// run has expectations that are out of date. 0: neither. Where both hold 2 wins,
// because a run that is not complete cannot be repaired by looking at the runtime, and the failures are
// in the reports either way. A status that Run.Exit holds for another reason (interrupted, an
// expectation broken) stands.
func (r *Results) Outcome() Outcome {
	computed := r.compute()
	if r.Run.Exit != ExitExpected && r.Run.Exit != computed.Status {
		return Outcome{r.Run.Exit, meaning(r.Run.Exit)}
	}
	return computed
}

func meaning(status int) string {
	switch status {
	case ExitExpected:
		return "as expected"
	case ExitFailed:
		return "an expectation was broken"
	case ExitBroken:
		return "the suite could not do its work"
	case ExitUsage:
		return "wrong usage or invalid files"
	case ExitInterrupted:
		return "interrupted; what was observed until then is here"
	default:
		return "ended early"
	}
}

func (r *Results) compute() Outcome {
	ran := 0
	for _, check := range r.Checks {
		for _, cell := range r.Row(check.ID) {
			switch cell.Verdict {
			case Error, Skipped:
			case Pass, Fail, Informed, Unsupported:
				ran++
			}
		}
	}
	for _, column := range r.Columns {
		if column.Error != "" {
			return Outcome{ExitBroken, fmt.Sprintf("column %s could not be observed", column.Name)}
		}
	}
	if broken := r.unstated(); len(broken) > 0 {
		return Outcome{ExitBroken, named(broken, "cell is an error of the suite or the cluster", "cells are errors of the suite or the cluster")}
	}
	if ran == 0 {
		return Outcome{ExitBroken, "not one check ran"}
	}
	var reasons []string
	if broken, _ := r.Failures(); len(broken) > 0 {
		reasons = append(reasons, named(broken, "cell of a must check failed", "cells of must checks failed"))
	}
	if unexpected := r.Unexpected(); len(unexpected) > 0 {
		reasons = append(reasons, named(unexpected, "expectation was broken", "expectations were broken"))
	}
	if findings := r.strictFindings(); findings > 0 {
		reasons = append(reasons, count(findings, "entry of the expectations is out of date", "entries of the expectations are out of date"))
	}
	if len(reasons) > 0 {
		return Outcome{ExitFailed, strings.Join(reasons, ", ")}
	}
	return Outcome{ExitExpected, "as expected"}
}

// Judge computes the exit status anew, for instance because expectations were added to what was
// observed long ago. That a run was interrupted stays true.
func (r *Results) Judge() {
	if r.Run.Exit != ExitInterrupted {
		r.Run.Exit = r.compute().Status
	}
}

// unstated are the cells without a statement, those that are not there included.
func (r *Results) unstated() []Cell {
	var broken []Cell
	for _, check := range r.Checks {
		for _, cell := range r.Row(check.ID) {
			if cell.Verdict == Error {
				broken = append(broken, cell)
			}
		}
	}
	return broken
}

// named counts cells and names the first of them: what a log keeps of a run is often no more than its end.
func named(cells []Cell, one, many string) string {
	const most = 6
	var names []string
	for i, cell := range cells {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(cells)-most))
			break
		}
		names = append(names, cell.Check+" in "+cell.Column)
	}
	return fmt.Sprintf("%s (%s)", count(len(cells), one, many), strings.Join(names, ", "))
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// PhaseNames lists the names of the phases in the order in which they first appear.
func (r *Results) PhaseNames() []string {
	var names []string
	seen := map[string]bool{}
	for _, phase := range r.Phases {
		if !seen[phase.Name] {
			seen[phase.Name] = true
			names = append(names, phase.Name)
		}
	}
	return names
}

// PhaseTime is the time that went into a phase of a column ("" for the run's own), and whether there
// was one.
func (r *Results) PhaseTime(column, name string) (time.Duration, bool) {
	var seconds float64
	found := false
	for _, phase := range r.Phases {
		if phase.Column == column && phase.Name == name {
			seconds += phase.Seconds
			found = true
		}
	}
	return Duration(seconds), found
}

// Duration is a number of seconds as a duration, rounded for the eye.
func Duration(seconds float64) time.Duration {
	duration := time.Duration(seconds * float64(time.Second))
	if duration < 10*time.Second {
		return duration.Round(10 * time.Millisecond)
	}
	return duration.Round(100 * time.Millisecond)
}
