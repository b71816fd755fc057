// Package history makes a trend of many runs: the verdicts of each check night by night, since when it is
// bad, and how flaky it is.
package history

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"assay/reports/results"
)

// SchemaVersion is the version of the JSON that History is written as.
const SchemaVersion = 1

// History is the trend of some runs.
type History struct {
	SchemaVersion int `json:"schemaVersion"`
	// Runs are in the order of time.
	Runs []Run `json:"runs"`
	// Series are one for each check and column, in the order of the latest run that has them.
	Series []Series `json:"series"`
}

// Run is one run.
type Run struct {
	ID      string    `json:"id"`
	Started time.Time `json:"started"`
	Exit    int       `json:"exit"`
	// Failed, Errors and Cells count cells.
	Failed int `json:"failed"`
	Errors int `json:"errors"`
	Cells  int `json:"cells"`
}

// Series is the cells of a check in a column, run by run.
type Series struct {
	Check  string `json:"check"`
	Column string `json:"column"`
	Level  string `json:"level"`
	// Nights has an element for each run.
	Nights []Night `json:"nights"`
	// Bad says that the latest cell fails or is an error, and that this was not expected. Since is then
	// the run since when it is so without a break.
	Bad   bool   `json:"bad,omitempty"`
	Since string `json:"since,omitempty"`
	// FirstBad is the first run of all in which it was bad.
	FirstBad string `json:"firstBad,omitempty"`
	// Flake is the share of runs, 0 to 1, in which the verdict was not that of the run before, or came
	// only after more than one attempt.
	Flake float64 `json:"flake"`
	// Changes is how often the observation was another than in the run before.
	Changes int `json:"changes,omitempty"`
}

// Night is a cell of a run.
type Night struct {
	// Verdict is missing where the run does not have the cell.
	Verdict string `json:"verdict,omitempty"`
	// Changed says that the observation is another than in the run before that has one.
	Changed bool `json:"changed,omitempty"`
	// Expected says that the failure is expected.
	Expected bool `json:"expected,omitempty"`
	Retried  bool `json:"retried,omitempty"`
}

// bad says that the cell fails or is an error, and nobody expects it.
func (n Night) bad() bool {
	return (n.Verdict == results.Fail.String() || n.Verdict == results.Error.String()) && !n.Expected
}

// Builder collects runs, one after the other, so that not all have to be held at once.
type Builder struct {
	runs []run
}

type run struct {
	Run
	cells map[place]cell
	order []place
}

type place struct{ check, column string }

type cell struct {
	night    Night
	level    string
	observed json.RawMessage
}

// Add adds a run; one that was added before is passed over.
func (b *Builder) Add(r *results.Results) {
	if slices.ContainsFunc(b.runs, func(known run) bool { return known.ID == r.Run.ID && known.Started.Equal(r.Run.Started) }) {
		return
	}
	added := run{
		Run:   Run{ID: r.Run.ID, Started: r.Run.Started.UTC(), Exit: r.Run.Exit, Cells: len(r.Cells)},
		cells: make(map[place]cell, len(r.Cells)),
	}
	checks := make(map[string]results.Check, len(r.Checks))
	for _, check := range r.Checks {
		checks[check.ID] = check
	}
	for _, c := range r.Cells {
		check := checks[c.Check]
		night := Night{Verdict: c.Verdict.String(), Expected: c.ExpectedFailure(), Retried: c.Attempts > 1}
		switch {
		case c.Verdict == results.Fail && !night.Expected:
			added.Failed++
		case c.Verdict == results.Error:
			added.Errors++
		}
		kept := cell{night: night, level: check.Level}
		if c.Stated() && check.Volatile == "" {
			kept.observed = c.Observed
		}
		at := place{c.Check, c.Column}
		added.cells[at] = kept
		added.order = append(added.order, at)
	}
	b.runs = append(b.runs, added)
}

// History is the trend of the latest runs, at most last; 0 takes all.
func (b *Builder) History(last int) *History {
	runs := slices.Clone(b.runs)
	slices.SortFunc(runs, func(a, b run) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID)) })
	if last > 0 && len(runs) > last {
		runs = runs[len(runs)-last:]
	}
	h := &History{SchemaVersion: SchemaVersion, Runs: []Run{}, Series: []Series{}}
	known := map[place]bool{}
	var order []place
	for _, r := range slices.Backward(runs) {
		for _, at := range r.order {
			if !known[at] {
				known[at] = true
				order = append(order, at)
			}
		}
	}
	for _, r := range runs {
		h.Runs = append(h.Runs, r.Run)
	}
	for _, at := range order {
		h.Series = append(h.Series, series(at, runs))
	}
	return h
}

func series(at place, runs []run) Series {
	s := Series{Check: at.check, Column: at.column, Nights: make([]Night, len(runs))}
	observed, verdict := json.RawMessage(nil), ""
	seen, unsteady := 0, 0
	for i, r := range runs {
		c, there := r.cells[at]
		if !there {
			continue
		}
		night := c.night
		s.Level = c.level
		if len(c.observed) > 0 {
			if night.Changed = observed != nil && !results.SameObserved(observed, c.observed); night.Changed {
				s.Changes++
			}
			observed = c.observed
		}
		s.Nights[i] = night
		if night.bad() {
			if s.FirstBad == "" {
				s.FirstBad = r.ID
			}
			if !s.Bad {
				s.Since = r.ID
			}
		} else {
			s.Since = ""
		}
		s.Bad = night.bad()
		if night.Verdict == results.Skipped.String() {
			continue // the user asked for it: it says nothing about steadiness
		}
		seen++
		if verdict != "" && night.Verdict != verdict || night.Retried {
			unsteady++
		}
		verdict = night.Verdict
	}
	if seen > 0 {
		s.Flake = float64(unsteady) / float64(seen)
	}
	return s
}

// Noteworthy are the series of which there is something to say: bad first, those of must checks before
// the others, then the flakiest, then those whose observation changed.
func (h *History) Noteworthy() []Series {
	var list []Series
	for _, s := range h.Series {
		if s.FirstBad != "" || s.Flake > 0 || s.Changes > 0 {
			list = append(list, s)
		}
	}
	rank := func(s Series) int {
		switch {
		case s.Bad && s.Level == results.LevelMust:
			return 0
		case s.Bad:
			return 1
		default:
			return 2
		}
	}
	slices.SortStableFunc(list, func(a, b Series) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Flake, a.Flake), cmp.Compare(b.Changes, a.Changes))
	})
	return list
}

// WriteJSON writes the history as JSON, by schema.json.
func (h *History) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(h); err != nil {
		return fmt.Errorf("write the history as JSON: %w", err)
	}
	return nil
}
