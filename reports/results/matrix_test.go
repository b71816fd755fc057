package results_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"assay/reports/internal/sample"
	"assay/reports/results"
)

func TestCompleteMakesMissingCellsErrors(t *testing.T) {
	run := &results.Results{
		Columns: []results.Column{{Name: "a"}, {Name: "b", Error: "the node did not boot"}},
		Checks:  []results.Check{{ID: "x/y", Level: "must"}, {ID: "x/z", Level: "must"}},
		Cells:   []results.Cell{{Check: "x/z", Column: "a", Verdict: results.Pass}, {Check: "x/y", Column: "a"}},
	}
	run.Complete()
	var got []string
	for _, cell := range run.Cells {
		if cell.Verdict == results.Error && cell.Reason == "" {
			t.Errorf("%s in %s: an error without a reason", cell.Check, cell.Column)
		}
		got = append(got, cell.Check+" "+cell.Column+" "+cell.Verdict.String())
	}
	if want := "x/y a error; x/y b error; x/z a pass; x/z b error"; strings.Join(got, "; ") != want {
		t.Errorf("got %s; want %s", got, want)
	}
	if cell, found := run.Cell("x/z", "b"); !found || cell.Reason != "the node did not boot" {
		t.Errorf("got %+v: the reason is the column's", cell)
	}
	before := len(run.Cells)
	if run.Complete(); len(run.Cells) != before {
		t.Error("completing twice adds cells")
	}
}

func TestOutcome(t *testing.T) {
	type cell = results.Cell
	tests := map[string]struct {
		change func(*results.Results)
		cells  []cell
		want   int
	}{
		"all pass":                    {nil, []cell{{Verdict: results.Pass}, {Verdict: results.Pass}, {Verdict: results.Informed}}, 0},
		"unsupported is no failure":   {nil, []cell{{Verdict: results.Unsupported}, {Verdict: results.Skipped}, {Verdict: results.Informed}}, 0},
		"a must fails":                {nil, []cell{{Verdict: results.Fail}, {Verdict: results.Pass}, {Verdict: results.Informed}}, 1},
		"a should fails":              {nil, []cell{{Verdict: results.Pass}, {Verdict: results.Fail}, {Verdict: results.Informed}}, 0},
		"an info fails":               {nil, []cell{{Verdict: results.Pass}, {Verdict: results.Pass}, {Verdict: results.Fail}}, 0},
		"an error":                    {nil, []cell{{Verdict: results.Pass}, {}, {Verdict: results.Informed}}, 2},
		"an error and a failure":      {nil, []cell{{Verdict: results.Fail}, {}, {Verdict: results.Informed}}, 2},
		"a missing cell":              {func(r *results.Results) { r.Cells = r.Cells[:2] }, []cell{{Verdict: results.Pass}, {Verdict: results.Pass}, {}}, 2},
		"all skipped":                 {nil, []cell{{Verdict: results.Skipped}, {Verdict: results.Skipped}, {Verdict: results.Skipped}}, 2},
		"no checks":                   {func(r *results.Results) { r.Checks = nil }, nil, 2},
		"no columns":                  {func(r *results.Results) { r.Columns = nil }, nil, 2},
		"a broken column":             {func(r *results.Results) { r.Columns[0].Error = "no" }, []cell{{Verdict: results.Pass}, {Verdict: results.Pass}, {Verdict: results.Informed}}, 2},
		"interrupted":                 {func(r *results.Results) { r.Run.Exit = 130 }, []cell{{Verdict: results.Pass}, {}, {}}, 130},
		"an expectation was broken":   {func(r *results.Results) { r.Run.Exit = 1 }, []cell{{Verdict: results.Pass}, {Verdict: results.Pass}, {Verdict: results.Informed}}, 1},
		"recorded before it was seen": {func(r *results.Results) { r.Run.Exit = 0 }, []cell{{Verdict: results.Fail}, {Verdict: results.Pass}, {Verdict: results.Informed}}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			run := &results.Results{
				Columns: []results.Column{{Name: "c"}},
				Checks:  []results.Check{{ID: "a/must", Level: "must"}, {ID: "a/should", Level: "should"}, {ID: "a/info", Level: "info"}},
			}
			for i, cell := range test.cells {
				cell.Check, cell.Column = run.Checks[i].ID, "c"
				run.Cells = append(run.Cells, cell)
			}
			if test.change != nil {
				test.change(run)
			}
			if got := run.Outcome(); got.Status != test.want || got.Reason == "" {
				t.Errorf("got %+v, want status %d with a reason", got, test.want)
			}
		})
	}
}

func TestSameObserved(t *testing.T) {
	tests := map[string]struct {
		a, b string
		want bool
	}{
		"order of members": {`{"a":1,"b":[1,2]}`, "{ \"b\": [1,2],\n\"a\": 1}", true},
		"order of a list":  {`[1,2]`, `[2,1]`, false},
		"escapes":          {`"\u0061"`, `"a"`, true},
		"large numbers":    {`9007199254740993`, `9007199254740992`, false},
		"nothing":          {``, ``, true},
		"nothing and null": {``, `null`, false},
		"not JSON":         {`{`, `{`, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := results.SameObserved(json.RawMessage(test.a), json.RawMessage(test.b)); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestCounts(t *testing.T) {
	run := sample.Matrix()
	tests := map[string]struct {
		columns []string
		want    string
	}{
		"all":        {nil, "2 fail, 1 error, 2 unsupported, 2 skipped, 8 info, 11 pass"},
		"containerd": {[]string{"containerd"}, "1 unsupported, 1 skipped, 4 info, 7 pass"},
		"nobody":     {[]string{"docker"}, "no cells"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := run.Count(test.columns...).String(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	broken, warnings := run.Failures()
	if len(broken) != 1 || len(warnings) != 1 || len(run.Errors()) != 1 {
		t.Errorf("got %d failures, %d warnings, %d errors; want one each", len(broken), len(warnings), len(run.Errors()))
	}
}

func TestEncodeKeepsTheRunWhenAValueIsNoJSON(t *testing.T) {
	run := sample.Matrix()
	run.Cells[0].Observed = json.RawMessage(`{"cut`)
	run.Cells[1].Observed = json.RawMessage("\"\xff\"")
	var b bytes.Buffer
	if err := run.Encode(&b); err != nil {
		t.Fatal(err)
	}
	again, err := results.Read(&b, "again")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(again.Cells[0].Observed); got != `"{\"cut"` {
		t.Errorf("got %s, want the value as a text", got)
	}
	if string(run.Cells[0].Observed) != `{"cut` {
		t.Error("encoding changed the results")
	}
}
