package selftest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"assay/reports/results"
)

// WriteJSON writes the report as JSON.
func (r Report) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteMarkdown writes the tables of faults and of checks. What it writes does not change from run to
// run, as long as the outcome does not.
func (r Report) WriteMarkdown(out io.Writer) error {
	var text strings.Builder
	text.WriteString(`# Proof that the checks can fail

A check that never fails proves nothing. ` + "`make selftest`" + ` builds faults into a column, one after the other,
and runs the checks about each. A fault is caught when a check of level must that is about it passes
without it and fails with it (an error does not count), and the checks that have nothing to do with it
stay as they were. This page is made by the command.

A fault of the runtime is a spoiled OCI bundle or call: a program in the node stands in front of runc and
crun (` + "`fixtures/saboteur`" + `). A fault of the API server or the kubelet is a field that is lost on the pod's way.
The checks of NetworkPolicy are not here: the network plugin enforces policies, not the runtime. With
` + "`kind-configs/examples/no-enforcement.yaml`" + `, where it enforces none, they fail.

`)
	fmt.Fprintf(&text, "Column: %s (%s, %s, Kubernetes %s).\n\n", r.Column, r.Runtime, r.OCIRuntime, r.Kubernetes)
	fmt.Fprintf(&text, "%s\n\n## Faults\n\n", r.Summary())
	text.WriteString("| fault | what is wrong | where | caught by |\n| --- | --- | --- | --- |\n")
	for _, o := range r.Faults {
		fmt.Fprintf(&text, "| %s | %s | %s | %s |\n", o.Fault, o.Means, o.Where, o.caught())
	}
	text.WriteString("\n## Checks of level must\n\n| check | seen to fail by |\n| --- | --- |\n")
	for _, p := range r.Proofs {
		fmt.Fprintf(&text, "| %s | %s |\n", p.Check, p.how())
	}
	problems := r.Problems()
	if len(problems) > 0 {
		text.WriteString("\n## Problems\n\n")
	}
	for _, problem := range problems {
		fmt.Fprintf(&text, "- %s\n", cell(problem))
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// Summary counts faults and checks in a line.
func (r Report) Summary() string {
	counts := map[Result]int{}
	for _, o := range r.Faults {
		counts[o.Result]++
	}
	proven := 0
	for _, p := range r.Proofs {
		if len(p.Faults) > 0 {
			proven++
		}
	}
	text := fmt.Sprintf("%d of %d faults caught", counts[Caught], len(r.Faults))
	for _, result := range []Result{Missed, NotApplicable, Unchecked} {
		if counts[result] > 0 {
			text += fmt.Sprintf(", %d %s", counts[result], result)
		}
	}
	return text + fmt.Sprintf("; %d of %d checks of level must caught one.", proven, len(r.Proofs))
}

// Times says in a line where the time went: faults are tried side by side, the slow ones decide.
func (r Report) Times() string {
	const shown = 5
	slowest := slices.SortedFunc(slices.Values(r.Faults), func(a, b Outcome) int { return cmp.Compare(b.Seconds, a.Seconds) })
	text := fmt.Sprintf("%.0f s: %.0f s without a fault, %.0f s with one; the slowest:", r.Seconds, r.BaselineSeconds, r.Seconds-r.BaselineSeconds)
	for i, o := range slowest[:min(shown, len(slowest))] {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %s %.0f s", o.Fault, o.Seconds)
	}
	return text
}

func (o Outcome) caught() string {
	by := slices.Clone(o.CaughtBy)
	for _, id := range o.RecordedBy {
		by = append(by, id+" (records another value)")
	}
	if o.Result == Caught {
		return strings.Join(by, ", ")
	}
	text := "**" + string(o.Result) + "**"
	for _, v := range o.Deaf {
		switch v.Before {
		case results.Unsupported:
			text += fmt.Sprintf("; %s is unsupported: %s", v.Check, cell(v.Reason))
		case results.Fail:
			text += fmt.Sprintf("; %s fails without it, too: %s", v.Check, cell(v.Reason))
		case results.Error, results.Pass, results.Informed, results.Skipped:
			text += fmt.Sprintf("; %s: %s", v.Check, v.Verdict)
		}
	}
	return text
}

func (p Proof) how() string {
	var parts []string
	if len(p.Faults) > 0 {
		parts = append(parts, strings.Join(p.Faults, ", "))
	}
	if p.Otherwise != "" {
		parts = append(parts, p.Otherwise)
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, "; ")
	case p.Baseline == results.Unsupported:
		return "unsupported on this column"
	}
	return "**nothing**"
}

// cell is text for a cell of a table.
func cell(text string) string {
	const longest = 200
	text = strings.Join(strings.Fields(strings.ReplaceAll(text, "|", "/")), " ")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "..."
	}
	return text
}
