package impact

import (
	"fmt"
	"io"
	"strings"

	"assay/reports/console"
	"assay/reports/inert"
)

// TextOptions say how text is written.
type TextOptions struct {
	// Width is that of the terminal in characters; 0 where it is not known.
	Width int
	// Colour allows escape codes for colours.
	Colour bool
}

// longestText is the longest text of a manifest or a result that is shown, in characters.
const longestText = 600

// grades are the grades in the order of reports.
func grades() []Grade { return []Grade{Breaks, MayBreak, Unaffected} }

// Summary is the verdict over all workloads in a line.
func (r *Report) Summary() string {
	var parts []string
	for _, grade := range grades() {
		text := grade.String()
		if grade == Breaks && r.Count(grade) != 1 {
			text = "break"
		}
		parts = append(parts, fmt.Sprintf("%d %s", r.Count(grade), text))
	}
	return fmt.Sprintf("%s: %s", plural(len(r.Verdicts), "workload"), strings.Join(parts, ", "))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// notes say what the verdict rests on and what it leaves out.
func (r *Report) notes() []string {
	notes := []string{fmt.Sprintf("%s differ between %s and %s.", plural(r.Comparison.Differences(), "check"), r.Comparison.A, r.Comparison.B)}
	if len(r.Comparison.NotCompared) > 0 {
		notes = append(notes, fmt.Sprintf("Not compared, because one side says nothing of them: %s.", inert.Short(strings.Join(r.Comparison.NotCompared, ", "), longestText)))
	}
	if len(r.Manifests.NotRead) > 0 {
		notes = append(notes, fmt.Sprintf("Not read, because the cluster does not allow it: %s.", strings.Join(r.Manifests.NotRead, ", ")))
	}
	if len(r.Manifests.Others) > 0 {
		var kinds []string
		for _, kind := range sortedKeys(r.Manifests.Others) {
			kinds = append(kinds, fmt.Sprintf("%d %s", r.Manifests.Others[kind], kind))
		}
		notes = append(notes, fmt.Sprintf("Other objects, which make no pods that are known here: %s.", inert.Short(strings.Join(kinds, ", "), longestText)))
	}
	return notes
}

// where is the place of a workload or finding for the reader.
func where(source string, line int) string {
	if line == 0 {
		return inert.Short(source, longestText)
	}
	return fmt.Sprintf("%s:%d", inert.Short(source, longestText), line)
}

// WriteText writes the report for a terminal: the workloads one by one, the worst first.
func (r *Report) WriteText(w io.Writer, options TextOptions) error {
	p := console.New(w, options.Width, options.Colour)
	colours := map[Grade]string{Breaks: console.Red, MayBreak: console.Yellow, Unaffected: console.Green}
	p.Wrapped("", fmt.Sprintf("From %s to %s", r.Comparison.A, r.Comparison.B), console.Bold)
	p.Wrapped("", r.Summary(), colours[r.Worst()])
	var unaffected []string
	for _, verdict := range r.Verdicts {
		if verdict.Grade == Unaffected {
			unaffected = append(unaffected, inert.Short(verdict.Workload.String(), longestName))
			continue
		}
		p.Line("")
		p.Wrapped("", fmt.Sprintf("%s  %s  (%s)", strings.ToUpper(verdict.Grade.String()), inert.Short(verdict.Workload.String(), longestText), where(verdict.Workload.Source, verdict.Workload.Line)), colours[verdict.Grade])
		for i, f := range verdict.Findings {
			if i > 0 {
				p.Line("")
			}
			at := inert.Short(f.Path, longestText)
			if f.Line > 0 {
				at += fmt.Sprintf(" (line %d)", f.Line)
			}
			p.Wrapped(console.Indent, f.Grade.String()+": "+at, colours[f.Grade])
			p.Wrapped(console.Indent+console.Indent, inert.Short(f.What, longestText), "")
			p.Wrapped(console.Indent+console.Indent, "fix: "+inert.Short(f.Fix, longestText), "")
			p.Wrapped(console.Indent+console.Indent, "seen: "+f.evidence(), console.Faint)
			p.Line(console.Indent + console.Indent + p.Coloured(inert.Short(f.Link, longestText), console.Faint))
		}
	}
	if len(unaffected) > 0 {
		p.Line("")
		p.Line(p.Coloured("UNAFFECTED", console.Green))
		for _, name := range unaffected {
			p.Wrapped(console.Indent, name, "")
		}
	}
	p.Line("")
	for _, note := range r.notes() {
		p.Wrapped("", note, console.Faint)
	}
	if err := p.Err(); err != nil {
		return fmt.Errorf("write the impact as text: %w", err)
	}
	return nil
}

// Worst is the worst grade of all workloads.
func (r *Report) Worst() Grade {
	worst := Unaffected
	for _, verdict := range r.Verdicts {
		worst = max(worst, verdict.Grade)
	}
	return worst
}

// evidence is what was observed, with the check that did.
func (f Finding) evidence() string {
	text := fmt.Sprintf("%s -> %s", f.Before, f.After)
	if f.Check != "" {
		text = f.Check + ", " + text
	}
	return inert.Short(text, longestText)
}
