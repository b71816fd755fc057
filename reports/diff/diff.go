// Package diff compares two runs, or two columns of a run: what fails now, what was observed to change,
// and whether the environments can be compared at all.
package diff

import (
	"encoding/json"
	"slices"
	"time"

	"assay/reports/difference"
	"assay/reports/meaning"
	"assay/reports/results"
)

// SchemaVersion is the version of the JSON that Diff is written as.
const SchemaVersion = 1

// Class is what became of a check.
type Class string

// The classes; a check that is the same on both sides, or is skipped on both, has none.
const (
	// NewFailure fails after and did not before.
	NewFailure Class = "new failure"
	// NewlySkipped says nothing or lacks the feature after, and did not before.
	NewlySkipped Class = "newly skipped"
	// Changed has the same verdict and another observation.
	Changed Class = "changed"
	// StillFailing fails on both sides.
	StillFailing Class = "still failing"
	// Fixed failed before, or lacked the feature, and does not any more.
	Fixed Class = "fixed"
	// NotComparable is an error on a side.
	NotComparable Class = "not comparable"
	// Flaky is the same on both sides, and needed more than one attempt on one of them.
	Flaky Class = "flaky"
	// Removed was observed before and is not there any more, Added the other way round.
	Removed Class = "removed"
	Added   Class = "added"
)

// Classes lists the classes in the order in which reports show them.
func Classes() []Class {
	return []Class{NewFailure, NewlySkipped, Changed, StillFailing, Fixed, NotComparable, Flaky, Removed, Added}
}

// FailOn says what counts as worse.
type FailOn string

// FailOnMust counts new failures of level must, FailOnShould those of every level, FailOnChange besides
// them what was skipped, removed or changed, and what cannot be compared. FailOnNever counts nothing.
const (
	FailOnMust   FailOn = "must"
	FailOnShould FailOn = "should"
	FailOnChange FailOn = "change"
	FailOnNever  FailOn = "never"
)

// FailOns lists what can be chosen.
func FailOns() []FailOn { return []FailOn{FailOnMust, FailOnShould, FailOnChange, FailOnNever} }

// Side is what a side of the comparison is.
type Side struct {
	File    string    `json:"file"`
	Run     string    `json:"run"`
	Started time.Time `json:"started"`
}

// Diff is the comparison of two runs.
type Diff struct {
	SchemaVersion int    `json:"schemaVersion"`
	Before        Side   `json:"before"`
	After         Side   `json:"after"`
	FailOn        FailOn `json:"failOn"`
	// Worse is the number of entries that are worse.
	Worse int    `json:"worse"`
	Pairs []Pair `json:"pairs"`
	// OnlyBefore and OnlyAfter are the columns that have no counterpart.
	OnlyBefore []string `json:"onlyBefore,omitempty"`
	OnlyAfter  []string `json:"onlyAfter,omitempty"`
}

// Pair is the comparison of two columns.
type Pair struct {
	Before string `json:"before"`
	After  string `json:"after"`
	// Environment are the facts of the two columns, those that differ first.
	Environment []Fact `json:"environment"`
	// Warnings say why the columns cannot well be compared.
	Warnings []string `json:"warnings,omitempty"`
	Entries  []Entry  `json:"entries"`
	// Same is the number of checks that are the same on both sides.
	Same int `json:"same"`
	// LeftOut are the checks whose observations are not compared, because they differ from run to run.
	LeftOut []LeftOut `json:"leftOut,omitempty"`
}

// LeftOut is a check whose observations differ from run to run.
type LeftOut struct {
	Check string `json:"check"`
	Why   string `json:"why"`
}

// Entry is a check that is not the same on both sides.
type Entry struct {
	Check  string `json:"check"`
	Level  string `json:"level"`
	Claim  string `json:"claim"`
	Source string `json:"source,omitempty"`
	Class  Class  `json:"class"`
	// Worse says that the entry makes the comparison fail.
	Worse bool `json:"worse,omitempty"`
	// Flaky says that a side needed more than one attempt.
	Flaky bool `json:"flaky,omitempty"`
	// Redefined says that the check itself has another claim or level than before.
	Redefined bool `json:"redefined,omitempty"`
	// Expected is the reason for which the failure after is expected.
	Expected string `json:"expected,omitempty"`
	// Before and After are missing where the side does not have the check.
	Before   *State              `json:"before,omitempty"`
	After    *State              `json:"after,omitempty"`
	Changes  []difference.Change `json:"changes,omitempty"`
	Meanings []meaning.Meaning   `json:"meanings,omitempty"`
}

// State is a cell of a side.
type State struct {
	Verdict  results.Verdict `json:"verdict"`
	Reason   string          `json:"reason,omitempty"`
	Observed json.RawMessage `json:"observed,omitempty"`
	Attempts int             `json:"attempts,omitempty"`
}

// Options say how to compare.
type Options struct {
	FailOn FailOn
	// Explainer may be nil.
	Explainer meaning.Explainer
}

// Compare compares the pairs of columns that Match found.
func Compare(before, after Input, matched Matched, options Options) *Diff {
	if options.FailOn == "" {
		options.FailOn = FailOnMust
	}
	d := &Diff{
		SchemaVersion: SchemaVersion, Before: before.side(), After: after.side(), FailOn: options.FailOn,
		OnlyBefore: matched.OnlyBefore, OnlyAfter: matched.OnlyAfter,
	}
	for _, names := range matched.Pairs {
		pair := compare(before.Run, after.Run, names, options)
		d.Worse += pair.worse()
		d.Pairs = append(d.Pairs, pair)
	}
	return d
}

// Status is the exit status: 1 where something is worse.
func (d *Diff) Status() int {
	if d.Worse > 0 {
		return results.ExitFailed
	}
	return results.ExitExpected
}

// Empty says that no column and no check is different. What failed, broke or was flaky on both sides in
// the same way is no difference.
func (d *Diff) Empty() bool {
	return len(d.OnlyBefore)+len(d.OnlyAfter) == 0 && !slices.ContainsFunc(d.Pairs, func(p Pair) bool {
		return slices.ContainsFunc(p.Entries, func(e Entry) bool { return e.differs() })
	})
}

// differs says that the sides are not the same.
func (e *Entry) differs() bool {
	switch e.Class {
	case StillFailing:
		return len(e.Changes) > 0
	case NotComparable:
		return e.Before.Verdict != e.After.Verdict
	case Flaky:
		return false
	case NewFailure, NewlySkipped, Changed, Fixed, Removed, Added:
		return true
	default:
		return true
	}
}

// Of are the entries of a class.
func (p *Pair) Of(class Class) []Entry {
	var entries []Entry
	for _, entry := range p.Entries {
		if entry.Class == class {
			entries = append(entries, entry)
		}
	}
	return entries
}

func (p *Pair) worse() int {
	worse := 0
	for _, entry := range p.Entries {
		if entry.Worse {
			worse++
		}
	}
	return worse
}

func compare(before, after *results.Results, names [2]string, options Options) Pair {
	pair := Pair{Before: names[0], After: names[1], Entries: []Entry{}}
	pair.Environment = environment(before, after, names)
	pair.Warnings = warnings(pair.Environment)
	left, right := cellsOf(before, names[0]), cellsOf(after, names[1])
	for _, check := range union(before.Checks, after.Checks) {
		old, was := before.Check(check.ID)
		now, is := after.Check(check.ID)
		if !is {
			now = old
		}
		entry := Entry{Check: check.ID, Level: now.Level, Claim: now.Claim, Source: now.Source}
		entry.Redefined = was && is && (old.Level != now.Level || old.Claim != now.Claim)
		if was {
			entry.Before = stateOf(left[check.ID])
		}
		if is {
			entry.After = stateOf(right[check.ID])
			if cell := right[check.ID]; cell.ExpectedFailure() {
				entry.Expected = cell.Expectation.Reason
			}
		}
		volatile := old.Volatile + now.Volatile
		if volatile != "" && was && is && entry.Before.stated() && entry.After.stated() {
			pair.LeftOut = append(pair.LeftOut, LeftOut{Check: check.ID, Why: now.Volatile})
		}
		entry.classify(volatile != "")
		if entry.Class == "" {
			pair.Same++
			continue
		}
		entry.Worse = entry.isWorse(options.FailOn)
		if options.Explainer != nil && (len(entry.Changes) > 0 || entry.Class == NewFailure) {
			entry.Meanings = options.Explainer.Explain(check.ID, entry.observed(entry.Before), entry.observed(entry.After))
		}
		pair.Entries = append(pair.Entries, entry)
	}
	return pair
}

func (e *Entry) observed(state *State) json.RawMessage {
	if state == nil {
		return nil
	}
	return state.Observed
}

func cellsOf(run *results.Results, column string) map[string]results.Cell {
	cells := make(map[string]results.Cell, len(run.Checks))
	for _, cell := range run.Cells {
		if cell.Column == column {
			cells[cell.Check] = cell
		}
	}
	return cells
}

// union lists the checks of both, those that are after in their order, and the others behind the check
// that they were behind.
func union(before, after []results.Check) []results.Check {
	all := slices.Clone(after)
	for i, check := range before {
		if slices.ContainsFunc(all, func(c results.Check) bool { return c.ID == check.ID }) {
			continue
		}
		at := 0
		if i > 0 {
			at = 1 + slices.IndexFunc(all, func(c results.Check) bool { return c.ID == before[i-1].ID })
		}
		all = slices.Insert(all, at, check)
	}
	return all
}

func stateOf(cell results.Cell) *State {
	return &State{Verdict: cell.Verdict, Reason: cell.Reason, Observed: cell.Observed, Attempts: cell.Attempts}
}

func (s *State) stated() bool {
	return s.Verdict != results.Error && s.Verdict != results.Skipped
}

// classify finds the class and, of what both sides observed, the changes.
func (e *Entry) classify(volatile bool) {
	e.Flaky = e.Before != nil && e.Before.Attempts > 1 || e.After != nil && e.After.Attempts > 1
	if e.Before != nil && e.After != nil && e.Before.stated() && e.After.stated() && !volatile {
		e.Changes = difference.Changes(e.Before.Observed, e.After.Observed)
	}
	e.Class = e.class()
}

func (e *Entry) class() Class {
	switch {
	case e.After == nil:
		return Removed
	case e.Before == nil:
		return Added
	case e.Before.Verdict == results.Error || e.After.Verdict == results.Error:
		return NotComparable
	case e.After.Verdict == results.Skipped && e.Before.Verdict == results.Skipped:
		return ""
	case e.After.Verdict == results.Skipped:
		return NewlySkipped
	case e.Before.Verdict == results.Skipped:
		return Added
	case e.After.Verdict == results.Fail && e.Before.Verdict == results.Fail:
		return StillFailing
	case e.After.Verdict == results.Fail:
		return NewFailure
	case e.After.Verdict == results.Unsupported && e.Before.Verdict != results.Unsupported:
		return NewlySkipped
	case e.Before.Verdict == results.Fail, e.Before.Verdict == results.Unsupported && e.After.Verdict != results.Unsupported:
		return Fixed
	case e.Before.Verdict != e.After.Verdict, len(e.Changes) > 0:
		return Changed
	case e.Flaky:
		return Flaky
	default:
		return ""
	}
}

func (e *Entry) isWorse(failOn FailOn) bool {
	switch failOn {
	case FailOnNever:
		return false
	case FailOnChange:
		return e.Class != Fixed && e.Class != Flaky && e.Class != Added && e.Class != StillFailing && e.Expected == "" ||
			e.Class == StillFailing && len(e.Changes) > 0
	case FailOnShould:
		return e.Class == NewFailure && e.Expected == ""
	case FailOnMust:
		return e.Class == NewFailure && e.Expected == "" && e.Level == results.LevelMust
	default:
		return e.Class == NewFailure
	}
}
