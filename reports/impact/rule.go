package impact

import (
	"cmp"
	"fmt"
	"slices"

	"assay/reports/difference"
	"assay/reports/inert"
	"assay/reports/results"
)

// Grade says how a workload is touched.
type Grade int

// The grades, the worst last.
const (
	Unaffected Grade = iota
	MayBreak
	Breaks
)

// String is the grade's word.
func (g Grade) String() string {
	switch g {
	case Breaks:
		return "breaks"
	case MayBreak:
		return "may break"
	default:
		return "unaffected"
	}
}

// MarshalText writes the word.
func (g Grade) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// Finding is one way in which a workload is touched.
type Finding struct {
	Rule  string `json:"rule"`
	Grade Grade  `json:"grade"`
	// Path is the field's, Line where it is in the manifest; 0 where there are no lines.
	Path string `json:"path"`
	Line int    `json:"line,omitempty"`
	// What changes for the workload; where it only may break, what to check is part of it.
	What string `json:"what"`
	Fix  string `json:"fix"`
	// Check is the check that differs, Before and After what it observed.
	Check  string `json:"check"`
	Before string `json:"before"`
	After  string `json:"after"`
	Link   string `json:"link"`
}

// Rule is one family of ways in which differences touch workloads.
type Rule struct {
	ID string
	// Checks are those that the rule rests on: it is asked only where one of them differs. A rule without
	// any looks at the columns themselves.
	Checks []string
	find   func(c *Comparison, w *Workload) []Finding
}

// Rules is the list of all rules.
func Rules() []Rule {
	return slices.Concat(capabilityRules(), pingRules(), portRules(), imageRules(), seccompRules(), resourceRules(), surroundingRules(), nodeRules(), policyRules(), appArmorRules(), fieldRules())
}

// Verdict is what all rules say of a workload.
type Verdict struct {
	Workload *Workload
	Grade    Grade
	Findings []Finding
}

// Report is what all rules say of all workloads, the worst first.
type Report struct {
	Comparison *Comparison
	Manifests  *Manifests
	Verdicts   []Verdict
}

// Judge holds every workload against every rule.
func Judge(c *Comparison, manifests *Manifests, profiles Profiles) *Report {
	judged := *c
	judged.manifests, judged.profiles = manifests, profiles
	report := &Report{Comparison: c, Manifests: manifests}
	rules := slices.DeleteFunc(Rules(), func(rule Rule) bool { return len(rule.Checks) > 0 && !judged.concerns(rule.Checks) })
	for _, w := range manifests.Workloads {
		verdict := Verdict{Workload: w}
		for _, rule := range rules {
			for _, finding := range rule.find(&judged, w) {
				finding.Rule = rule.ID
				if finding.Line = w.line(finding.Path); finding.Link == "" {
					finding.Link = judged.changes[finding.Check].Check.Source
				}
				verdict.Findings = append(verdict.Findings, finding)
				verdict.Grade = max(verdict.Grade, finding.Grade)
			}
		}
		slices.SortStableFunc(verdict.Findings, func(a, b Finding) int { return cmp.Compare(b.Grade, a.Grade) })
		report.Verdicts = append(report.Verdicts, verdict)
	}
	slices.SortStableFunc(report.Verdicts, func(a, b Verdict) int { return cmp.Compare(b.Grade, a.Grade) })
	return report
}

// Count is how many workloads have the grade.
func (r *Report) Count(grade Grade) int {
	count := 0
	for _, verdict := range r.Verdicts {
		if verdict.Grade == grade {
			count++
		}
	}
	return count
}

// finding is a finding that rests on one value of a change.
func (change Change) finding(grade Grade, path string, value difference.Value, what, fix string) Finding {
	name := value.Name()
	if name != "" {
		name += ": "
	}
	return Finding{
		Grade: grade, Path: path, What: what, Fix: fix, Check: change.Check.ID,
		Before: inert.Short(name+value.Before, longestValue), After: inert.Short(value.After, longestValue),
	}
}

// failing is a finding that rests on the verdicts of a change.
func (change Change) failing(grade Grade, path, what, fix string) Finding {
	text := func(cell results.Cell) string {
		if cell.Reason == "" || cell.Verdict == results.Pass {
			return cell.Verdict.String()
		}
		return inert.Short(fmt.Sprintf("%s: %s", cell.Verdict, cell.Reason), longestValue)
	}
	return Finding{
		Grade: grade, Path: path, What: what, Fix: fix, Check: change.Check.ID,
		Before: text(change.Before), After: text(change.After),
	}
}

const longestValue = 160
