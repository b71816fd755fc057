// Package failure writes the full text of a cell that did not pass: what was wanted, what was observed,
// what was done, where, who denied, and the command that reruns just this.
package failure

import (
	"fmt"
	"strings"

	"assay/reports/difference"
	"assay/reports/inert"
	"assay/reports/results"
)

// The most that is shown of one log and of one value, in bytes and characters.
const (
	logSize    = 4 << 10
	valueWidth = 2000
)

// Text is the cell's full text, lines ended by a line feed, without control characters.
func Text(run *results.Results, cell results.Cell) string {
	var t text
	check, _ := run.Check(cell.Check)
	column, _ := run.Column(cell.Column)
	t.field(0, "check", cell.Check)
	t.field(0, "claim", check.Claim)
	t.field(0, "level", check.Level)
	t.field(0, "column", Column(column, cell.Column))
	t.field(0, "verdict", cell.Verdict.String())
	t.field(0, "reason", cell.Reason)
	unmet := 0
	for _, trial := range cell.Trials {
		if !trial.Met {
			unmet++
		}
	}
	for _, trial := range cell.Trials {
		// Of trials that went as wanted a line is enough, unless there are no others.
		t.trial(trial, trial.Met && unmet > 0)
	}
	if len(cell.Observed) > 0 {
		t.field(0, "recorded", difference.Short(cell.Observed, valueWidth))
	}
	for _, line := range difference.Nodes(cell) {
		t.field(0, "nodes", line)
	}
	if expectation := cell.Expectation; expectation != nil {
		t.field(0, "expected", fmt.Sprintf("%s (%s): %s %s", expectation.Text, expectation.Entry, expectation.Reason, expectation.Link))
	}
	if cell.Attempts > 1 {
		t.field(0, "attempts", fmt.Sprint(cell.Attempts))
	}
	for _, earlier := range cell.Earlier {
		t.field(0, "earlier", earlier)
	}
	t.field(0, "source", check.Source)
	t.field(0, "rerun", cell.Rerun)
	return t.String()
}

// Column is a column's name with the versions of what it is made of.
func Column(column results.Column, name string) string {
	var parts []string
	for _, part := range []struct{ name, version string }{
		{column.Runtime.Name, column.Runtime.Version},
		{column.OCIRuntime.Name, column.OCIRuntime.Version},
		{"Kubernetes", column.Kubernetes},
	} {
		if part.name != "" && part.version != "" {
			parts = append(parts, part.name+" "+part.version)
		}
	}
	if len(parts) == 0 {
		return name
	}
	return name + " (" + strings.Join(parts, ", ") + ")"
}

type text struct{ strings.Builder }

func (t *text) trial(trial results.Trial, brief bool) {
	name := trial.Name
	if trial.Control {
		name += " (control)"
	}
	met := "not as wanted"
	switch {
	case trial.Met && trial.Wanted == "":
		met = "recorded"
	case trial.Met:
		met = "as wanted"
	}
	if brief {
		t.field(0, "trial", fmt.Sprintf("%s, %s: %s", name, met, trial.Seen))
		return
	}
	t.field(0, "trial", name+", "+met)
	t.field(2, "done", trial.Done)
	t.field(2, "wanted", trial.Wanted)
	t.field(2, "observed", trial.Seen)
	denied := trial.DeniedBy
	if denied != "" && trial.Why != "" {
		denied += " (" + trial.Why + ")"
	}
	t.field(2, "denied by", denied)
	t.field(2, "where", Where(trial))
	t.field(2, "evidence", trial.Evidence)
	if trial.Log != "" {
		t.WriteString("  log\n")
		for line := range strings.Lines(inert.Text(inert.Cut(trial.Log, logSize))) {
			t.WriteString("    | " + strings.TrimRight(line, "\n") + "\n")
		}
	}
}

// Where is the place of a trial: "node n, pod ns/p, container c"; empty when it is not known.
func Where(trial results.Trial) string {
	var parts []string
	if trial.Node != "" {
		parts = append(parts, "node "+trial.Node)
	}
	if trial.Pod != "" {
		pod := trial.Pod
		if trial.Namespace != "" {
			pod = trial.Namespace + "/" + pod
		}
		parts = append(parts, "pod "+pod)
	}
	if trial.Container != "" {
		parts = append(parts, "container "+trial.Container)
	}
	return strings.Join(parts, ", ")
}

// field writes one line, or nothing where there is no value.
func (t *text) field(indent int, name, value string) {
	if value = inert.Short(value, valueWidth); value != "" {
		// A strings.Builder takes everything.
		_, _ = fmt.Fprintf(&t.Builder, "%s%-*s %s\n", strings.Repeat(" ", indent), 10-indent, name, value)
	}
}
