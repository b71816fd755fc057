package history_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"assay/reports/history"
	_ "assay/reports/internal/golden" // its flag, so that go test ./reports/... -update runs here too
	"assay/reports/internal/sample"
	"assay/reports/internal/schematest"
	"assay/reports/results"
)

// nights is one check in one column; a letter a night: . F E u s, x for an expected failure, r for a
// pass after a retry, c for another observation, a space for a night without the check.
func nights(letters string) *history.History {
	var b history.Builder
	value := 0
	for i := len(letters) - 1; i >= 0; i-- { // the order of adding does not matter
		run := &results.Results{
			Run:     results.Run{ID: fmt.Sprint("n", i), Started: time.Date(2026, 3, 1+i, 0, 0, 0, 0, time.UTC)},
			Columns: []results.Column{{Name: "c"}},
		}
		cell := results.Cell{Check: "a/b", Column: "c", Verdict: results.Pass, Attempts: 1}
		switch letters[i] {
		case 'F':
			cell.Verdict = results.Fail
		case 'x':
			cell.Verdict, cell.Expectation = results.Fail, &results.Expectation{State: results.ExpectationMet, Verdict: results.Fail}
		case 'E':
			cell.Verdict = results.Error
		case 's':
			cell.Verdict = results.Skipped
		case 'r':
			cell.Attempts = 2
		case 'c':
			value++
		}
		cell.Observed = json.RawMessage(fmt.Sprint(value))
		if letters[i] != ' ' {
			run.Checks = []results.Check{{ID: "a/b", Level: "must"}}
			run.Cells = []results.Cell{cell}
		}
		b.Add(run)
		b.Add(run)
	}
	return b.History(0)
}

func TestSeries(t *testing.T) {
	for letters, want := range map[string]history.Series{
		"....":   {},
		".FFF":   {Bad: true, Since: "n1", FirstBad: "n1", Flake: 0.25},
		"F.FF":   {Bad: true, Since: "n2", FirstBad: "n0", Flake: 0.5},
		"F...":   {FirstBad: "n0", Flake: 0.25},
		"..EF":   {Bad: true, Since: "n2", FirstBad: "n2", Flake: 0.5},
		"xxxx":   {},
		".r.r":   {Flake: 0.5},
		".ss.":   {},
		"F  F":   {Bad: true, Since: "n0", FirstBad: "n0"},
		".F.F.F": {Bad: true, Since: "n5", FirstBad: "n1", Flake: 5. / 6},
		"..c.":   {Changes: 1},
	} {
		h := nights(letters)
		if len(h.Runs) != len(letters) || len(h.Series) != 1 {
			t.Fatalf("%q: %d runs, %d series", letters, len(h.Runs), len(h.Series))
		}
		got := h.Series[0]
		if got.Bad != want.Bad || got.Since != want.Since || got.FirstBad != want.FirstBad || got.Flake != want.Flake || got.Changes != want.Changes {
			t.Errorf("%q: got %+v, want %+v", letters, got, want)
		}
		if steady := want.FirstBad == "" && want.Flake == 0 && want.Changes == 0; steady == (len(h.Noteworthy()) > 0) {
			t.Errorf("%q: noteworthy is %v", letters, h.Noteworthy())
		}
	}
}

func TestLast(t *testing.T) {
	var b history.Builder
	for i := range 5 {
		run := sample.Matrix()
		run.Run.ID, run.Run.Started = fmt.Sprint(i), run.Run.Started.AddDate(0, 0, i)
		b.Add(run)
	}
	if h := b.History(2); len(h.Runs) != 2 || h.Runs[0].ID != "3" || len(h.Series[0].Nights) != 2 {
		t.Errorf("got %+v", h.Runs)
	}
}

func TestFormats(t *testing.T) {
	schema := schematest.Load(t, "schema.json")
	schema.HasFields(t, reflect.TypeFor[history.History]())
	var b, empty history.Builder
	b.Add(sample.Matrix())
	hostile := sample.Hostile()
	hostile.Run.Started = hostile.Run.Started.AddDate(0, 0, 1)
	b.Add(hostile)
	for name, h := range map[string]*history.History{"two runs": b.History(0), "no runs": empty.History(0)} {
		var text, page, encoded bytes.Buffer
		for _, err := range []error{h.WriteText(&text, true, 0, false), h.WriteHTML(&page), h.WriteJSON(&encoded)} {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if err := schema.Validate(t, encoded.Bytes()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.ContainsAny(text.String()+page.String(), "\x1b\x00\u202e") || strings.Contains(page.String(), "<script") {
			t.Errorf("%s: hostile text came through", name)
		}
	}
}
