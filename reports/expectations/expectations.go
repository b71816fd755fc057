// Package expectations compares results with what somebody wrote down beforehand: failures that are
// known, and observations that must not change.
package expectations

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"assay/reports/difference"
	"assay/reports/results"
)

// File is an expectations file.
type File struct {
	// Path is where it was read from.
	Path    string
	Entries []Entry

	// content is the file as it is, for Update.
	content []byte
}

// Entry says what is expected of the cells of some checks in some columns. Where several entries are
// about a cell, the last one counts.
type Entry struct {
	// Line is the entry's in the file.
	Line int
	// Check is a pattern of check IDs as of package path: a star is any text without a slash.
	Check string
	// Column is a pattern of column names; empty is every one.
	Column string
	// Runtime and OCIRuntime narrow the columns down by what they are.
	Runtime, OCIRuntime Version
	// Verdict is pass, fail, info or unsupported; empty where only the observation is expected.
	Verdict results.Verdict
	// Observed is what must be observed; of an object the members that are written. It is nil where only
	// the verdict is expected.
	Observed json.RawMessage
	// Reason says why. It is never empty.
	Reason string
	Link   string
	Owner  string
	// Expires is the last day (UTC) on which the entry is taken as it is; zero is for ever.
	Expires time.Time
}

// Version is a name and the versions of it that are meant. An empty name is any.
type Version struct {
	Name string
	// Range is nil for any version.
	Range *semver.Constraints
}

// Place is where the entry is: file:line.
func (f *File) Place(e *Entry) string { return fmt.Sprintf("%s:%d", f.Path, e.Line) }

// covers says whether the entry is about a cell.
func (e *Entry) covers(check string, column results.Column) bool {
	if matched, err := path.Match(e.Check, check); err != nil || !matched {
		return false
	}
	if e.Column != "" {
		if matched, err := path.Match(e.Column, column.Name); err != nil || !matched {
			return false
		}
	}
	return e.Runtime.covers(column.Runtime.Name, column.Runtime.Version) &&
		e.OCIRuntime.covers(column.OCIRuntime.Name, column.OCIRuntime.Version)
}

func (v Version) covers(name, version string) bool {
	if v.Name != "" && v.Name != name {
		return false
	}
	if v.Range == nil {
		return true
	}
	parsed, err := semver.NewVersion(version)
	return err == nil && v.Range.Check(parsed)
}

// of is the entry about a cell, the last one of several; nil where there is none.
func (f *File) of(check string, column results.Column) *Entry {
	for i := len(f.Entries) - 1; i >= 0; i-- {
		if f.Entries[i].covers(check, column) {
			return &f.Entries[i]
		}
	}
	return nil
}

// Cell is what came of the expectation of one cell; nil where nothing is expected of it.
func (f *File) Cell(cell results.Cell, column results.Column) *results.Expectation {
	entry := f.of(cell.Check, column)
	if entry == nil {
		return nil
	}
	expectation := &results.Expectation{
		Verdict: entry.Verdict, Reason: entry.Reason, Link: entry.Link, Owner: entry.Owner, Entry: f.Place(entry),
	}
	if !entry.Expires.IsZero() {
		expectation.Expires = entry.Expires.Format(time.DateOnly)
	}
	expectation.State, expectation.Text = entry.judge(cell)
	return expectation
}

// judge says what came of the entry in a cell that it is about.
func (e *Entry) judge(cell results.Cell) (results.ExpectationState, string) {
	if !cell.Stated() {
		return results.ExpectationOpen, "nothing was observed that could be compared"
	}
	if e.Verdict != results.Error && cell.Verdict != e.Verdict {
		text := fmt.Sprintf("expected %s, it is %s", e.Verdict, cell.Verdict)
		if e.Verdict == results.Fail && cell.Verdict == results.Pass {
			return results.ExpectationPassed, text
		}
		return results.ExpectationBroken, text
	}
	if len(e.Observed) > 0 {
		if broken := differences(e.Observed, pinned(e.Observed, cell.Observed)); broken != "" {
			return results.ExpectationBroken, "the pinned observation changed: " + broken
		}
	}
	if e.Verdict == results.Error {
		return results.ExpectationMet, "observed what is expected"
	}
	return results.ExpectationMet, fmt.Sprintf("expected %s", e.Verdict)
}

func differences(wanted, observed json.RawMessage) string {
	var parts []string
	for _, change := range difference.Changes(wanted, observed) {
		text := change.Before + " → " + change.After
		if change.List() {
			text = strings.TrimSpace(prefixed("gone ", change.Gone) + prefixed(" added ", change.Added))
		}
		if len(change.Of) > 0 {
			text = strings.Join(change.Of, ", ") + ": " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func prefixed(word string, list []string) string {
	if len(list) == 0 {
		return ""
	}
	return word + strings.Join(list, " ")
}

// pinned is what was observed, reduced to the members that are pinned.
func pinned(pin, observed json.RawMessage) json.RawMessage {
	var wanted, all map[string]json.RawMessage
	if json.Unmarshal(pin, &wanted) != nil || json.Unmarshal(observed, &all) != nil || wanted == nil || all == nil {
		return observed
	}
	reduced := map[string]json.RawMessage{}
	for name, value := range wanted {
		if there, found := all[name]; found {
			reduced[name] = pinned(value, there)
		}
	}
	text, err := json.Marshal(reduced)
	if err != nil {
		return observed // what was decoded can be encoded
	}
	return text
}

// Options say how a file is applied.
type Options struct {
	// Strict makes entries that are out of date fail the run.
	Strict bool
	// Partial says that the run left out checks or columns, so that entries that match nothing mean
	// nothing.
	Partial bool
}

// Apply writes into the results what came of the file, in place of what another file said before, and
// judges the run anew. An entry is expired as of the day the run ended, so that an old run is judged the
// same at any time.
func (f *File) Apply(run *results.Results, options Options) {
	used := make([]int, len(f.Entries))
	passed := map[int][]string{}
	index := make(map[*Entry]int, len(f.Entries))
	for i := range f.Entries {
		index[&f.Entries[i]] = i
	}
	columns := make(map[string]results.Column, len(run.Columns))
	for _, column := range run.Columns {
		columns[column.Name] = column
	}
	for i := range run.Cells {
		cell := &run.Cells[i]
		cell.Expectation = f.Cell(*cell, columns[cell.Column])
		if cell.Expectation == nil {
			continue
		}
		at := index[f.of(cell.Check, columns[cell.Column])]
		used[at]++
		if cell.Expectation.State == results.ExpectationPassed {
			passed[at] = append(passed[at], cell.Check+" in "+cell.Column)
		}
	}
	summary := &results.Expectations{File: f.Path, Strict: options.Strict}
	for i := range f.Entries {
		entry := &f.Entries[i]
		report := func(strict bool, format string, arguments ...any) {
			summary.Findings = append(summary.Findings, results.ExpectationFinding{
				Entry: f.Place(entry), Text: fmt.Sprintf(format, arguments...), Strict: strict,
			})
		}
		if cells := passed[i]; len(cells) > 0 {
			report(true, "the expected failure passes now: %s; remove the entry, or write verdict: pass", strings.Join(cells, ", "))
		}
		if !entry.Expires.IsZero() && !run.Run.Finished.Before(entry.Expires.AddDate(0, 0, 1)) {
			report(true, "the entry for %s expired on %s%s", entry.Check, entry.Expires.Format(time.DateOnly), owned(entry.Owner))
		}
		if used[i] == 0 && !options.Partial {
			report(false, "the entry for %s matches no cell of this run", entry.Check)
		}
	}
	run.Expectations = summary
	run.Judge()
}

func owned(owner string) string {
	if owner == "" {
		return ""
	}
	return "; it is up to " + owner
}
