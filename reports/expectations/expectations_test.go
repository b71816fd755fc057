package expectations_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"assay/framework/yamlfile"
	"assay/reports/expectations"
	"assay/reports/results"
)

const file = `# What is known.
schemaVersion: 1

expectations:
  # The first one.
  - check: caps/unknown-name # by name
    runtime: {name: containerd, version: ">=2.0.0 <3"}
    verdict: fail
    reason: it does not
    link: https://example.com/1
    owner: node-team
    expires: 2026-12-31

  - check: caps/default-*
    column: cri-o
    # pinned
    observed:
      CapEff: CHOWN KILL # two
    reason: it is what we rely on
`

func run() *results.Results {
	r := &results.Results{
		Run: results.Run{Finished: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)},
		Columns: []results.Column{
			{Name: "containerd", Runtime: results.Runtime{Name: "containerd", Version: "2.4.2"}},
			{Name: "cri-o", Runtime: results.Runtime{Name: "cri-o", Version: "1.36.1"}},
		},
		Checks: []results.Check{{ID: "caps/unknown-name", Level: "must"}, {ID: "caps/default-set", Level: "info"}},
		Cells: []results.Cell{
			{Check: "caps/unknown-name", Column: "containerd", Verdict: results.Fail},
			{Check: "caps/unknown-name", Column: "cri-o", Verdict: results.Pass},
			{Check: "caps/default-set", Column: "containerd", Verdict: results.Informed, Observed: json.RawMessage(`{"CapEff":"MKNOD"}`)},
			{Check: "caps/default-set", Column: "cri-o", Verdict: results.Informed, Observed: json.RawMessage(`{"CapEff":"CHOWN KILL","CapInh":"none"}`)},
		},
	}
	r.Complete()
	return r
}

func parse(t *testing.T, content string) *expectations.File {
	t.Helper()
	parsed, err := expectations.Parse([]byte(content), "e.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestApply(t *testing.T) {
	tests := map[string]struct {
		change   func(*results.Results)
		edit     [2]string
		strict   bool
		state    results.ExpectationState // of the first cell
		exit     int
		findings string
	}{
		"an expected failure":          {state: results.ExpectationMet},
		"no entry for the failure":     {edit: [2]string{"caps/unknown-name", "caps/known-name"}, exit: 1, findings: "e.yaml:6 matches no cell"},
		"a version out of the range":   {edit: [2]string{">=2.0.0 <3", ">=2.5.0"}, exit: 1, findings: "e.yaml:6 matches no cell"},
		"a pre-release in the range":   {edit: [2]string{">=2.0.0 <3", ">=2.0.0 <2.5.0"}, change: func(r *results.Results) { r.Columns[0].Runtime.Version = "2.4.0-rc.1" }, state: results.ExpectationMet},
		"it passes":                    {change: func(r *results.Results) { r.Cells[0].Verdict = results.Pass }, state: results.ExpectationPassed, findings: "e.yaml:6 passes now"},
		"it passes, strictly":          {change: func(r *results.Results) { r.Cells[0].Verdict = results.Pass }, strict: true, state: results.ExpectationPassed, exit: 1, findings: "e.yaml:6 passes now"},
		"it is unsupported":            {change: func(r *results.Results) { r.Cells[0].Verdict = results.Unsupported }, state: results.ExpectationBroken, exit: 1},
		"it was not observed":          {change: func(r *results.Results) { r.Cells[0].Verdict = results.Error }, state: results.ExpectationOpen, exit: 2},
		"the last day":                 {change: func(r *results.Results) { r.Run.Finished = time.Date(2026, 12, 31, 23, 59, 0, 0, time.UTC) }, strict: true, state: results.ExpectationMet},
		"expired":                      {change: func(r *results.Results) { r.Run.Finished = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) }, state: results.ExpectationMet, findings: "e.yaml:6 expired"},
		"expired, strictly":            {change: func(r *results.Results) { r.Run.Finished = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) }, strict: true, state: results.ExpectationMet, exit: 1, findings: "e.yaml:6 expired"},
		"matches nothing, strictly":    {edit: [2]string{"caps/default-*", "no/such-*"}, strict: true, state: results.ExpectationMet, findings: "e.yaml:14 matches no cell"},
		"a pinned observation changed": {change: func(r *results.Results) { r.Cells[3].Observed = json.RawMessage(`{"CapEff":"CHOWN"}`) }, state: results.ExpectationMet, exit: 1},
		"a value that is not pinned":   {change: func(r *results.Results) { r.Cells[3].Observed = json.RawMessage(`{"CapEff":"CHOWN KILL"}`) }, state: results.ExpectationMet},
		"interrupted":                  {change: func(r *results.Results) { r.Run.Exit = results.ExitInterrupted }, state: results.ExpectationMet, exit: 130},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			content := file
			if test.edit[0] != "" {
				content = strings.Replace(file, test.edit[0], test.edit[1], 1)
			}
			r := run()
			if test.change != nil {
				test.change(r)
			}
			parse(t, content).Apply(r, expectations.Options{Strict: test.strict})
			got := results.ExpectationState("")
			if r.Cells[0].Expectation != nil {
				got = r.Cells[0].Expectation.State
			}
			if got != test.state || r.Run.Exit != test.exit {
				t.Errorf("got state %q, exit %d; want %q, %d", got, r.Run.Exit, test.state, test.exit)
			}
			if outcome := r.Outcome(); outcome.Status != test.exit {
				t.Errorf("the outcome is %s", outcome)
			}
			said := ""
			for _, finding := range r.Expectations.Findings {
				said += finding.Entry + " " + finding.Text
			}
			place, word, _ := strings.Cut(test.findings, " ")
			if !strings.Contains(said, place) || !strings.Contains(said, word) || test.findings == "" && said != "" {
				t.Errorf("found %q, want %q", said, test.findings)
			}
		})
	}
}

func TestTheLastEntryCounts(t *testing.T) {
	content := file + "  - {check: caps/*, column: containerd, verdict: pass, reason: all is well}\n"
	r := run()
	parse(t, content).Apply(r, expectations.Options{})
	if got := r.Cells[0].Expectation; got == nil || got.State != results.ExpectationBroken {
		t.Errorf("got %+v, want what the last entry says", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		old, replacement string
		line             int
		says             string
	}{
		"another version":      {"schemaVersion: 1", "schemaVersion: 2", 2, "version"},
		"an unknown field":     {"owner:", "onwer:", 11, "onwer"},
		"an unknown verdict":   {"verdict: fail", "verdict: failed", 8, "failed"},
		"an error as verdict":  {"verdict: fail", "verdict: error", 8, "error"},
		"no reason":            {"    reason: it does not\n", "", 6, "reason"},
		"no check":             {"check: caps/unknown-name", "column: containerd", 6, "check"},
		"nothing expected":     {"    verdict: fail\n", "", 6, "expects nothing"},
		"a bad pattern":        {"caps/unknown-name", "'caps/[a'", 6, "pattern"},
		"a bad range":          {">=2.0.0 <3", "newer", 7, "range"},
		"an unknown runtime":   {"name: containerd", "name: docker", 7, "docker"},
		"a bad day":            {"2026-12-31", "next year", 12, "day"},
		"a bad link":           {"https://example.com/1", "example.com", 10, "web"},
		"an anchor":            {"verdict: fail", "verdict: &a fail", 8, "anchors"},
		"not a list":           {"expectations:", "expectations: 5\nx:", 4, "list"},
		"a mapping of numbers": {"CapEff: CHOWN KILL", "1: 2", 18, "JSON"},
		"no YAML":              {"schemaVersion: 1", "schemaVersion: [", 0, "YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			content := strings.Replace(file, test.old, test.replacement, 1)
			if content == file {
				t.Fatal("nothing was changed")
			}
			_, err := expectations.Parse([]byte(content), "e.yaml")
			var invalid *yamlfile.InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("got %v", err)
			}
			place := "e.yaml"
			if test.line > 0 {
				place = fmt.Sprintf("e.yaml:%d:", test.line)
			}
			if !strings.Contains(err.Error(), place) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %q, want line %d and %q", err, test.line, test.says)
			}
		})
	}
}

func TestUpdate(t *testing.T) {
	r := run()
	r.Cells[0].Verdict = results.Pass
	r.Cells[1].Verdict = results.Fail
	r.Cells[3].Observed = json.RawMessage(`{"CapEff":"CHOWN","CapInh":"none"}`)
	content, notes, err := parse(t, file).Update(r)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("verdict: fail", "verdict: pass", "CHOWN KILL", "CHOWN").Replace(file) + `  # Added by --update-expectations: to be explained.
  - check: caps/unknown-name
    column: cri-o
    verdict: fail
    reason: to be explained
`
	if string(content) != want {
		t.Errorf("got\n%s\nwant\n%s", content, want)
	}
	if len(notes) != 3 {
		t.Errorf("got the notes %q", notes)
	}
	updated := parse(t, string(content))
	updated.Apply(r, expectations.Options{Strict: true})
	if r.Run.Exit != 0 {
		t.Errorf("after the update the run still ends with %s", r.Outcome())
	}
	again, notes, err := updated.Update(r)
	if err != nil || string(again) != string(content) || len(notes) != 0 {
		t.Errorf("a second update changes more: %v %q\n%s", err, notes, again)
	}
}

func TestUpdateOfAnEmptyFile(t *testing.T) {
	r := run()
	content, _, err := expectations.Empty("e.yaml").Update(r)
	if err != nil {
		t.Fatal(err)
	}
	parse(t, string(content)).Apply(r, expectations.Options{Strict: true})
	if r.Run.Exit != 0 || r.Cells[0].Expectation == nil {
		t.Errorf("exit %d with\n%s", r.Run.Exit, content)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(file))
	f.Add([]byte("schemaVersion: 1\nexpectations: [{check: '*/*', observed: {a: [1, {b: null}]}, reason: r}]"))
	f.Fuzz(func(t *testing.T, content []byte) {
		parsed, err := expectations.Parse(content, "e.yaml")
		if err != nil {
			if !errors.As(err, new(*yamlfile.InvalidError)) {
				t.Fatalf("got %v, want an InvalidError", err)
			}
			return
		}
		r := run()
		parsed.Apply(r, expectations.Options{Strict: true})
		updated, _, err := parsed.Update(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := expectations.Parse(updated, "e.yaml"); err != nil {
			t.Fatalf("the updated file cannot be read: %v\n%s", err, updated)
		}
	})
}
