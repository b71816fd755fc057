package cli_test

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"assay/framework/check"
	"assay/reports/expectations"
	"assay/reports/results"
	"assay/suites"
)

const sampleRun = "../../reports/results/testdata/results.json"

const expectedFailure = `schemaVersion: 1
expectations:
  - {check: user/supplemental-groups-strict, column: cri-o, verdict: fail, reason: known}
`

// a run of which nothing is an error, so that its exit status says something.
func sound(t *testing.T) string {
	t.Helper()
	run, err := results.Load(sampleRun)
	if err != nil {
		t.Fatal(err)
	}
	for i := range run.Cells {
		if run.Cells[i].Verdict == results.Error {
			run.Cells[i].Verdict = results.Pass
		}
	}
	run.Judge()
	path := filepath.Join(t.TempDir(), "results.json")
	if err := run.Write(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDiff(t *testing.T) {
	run := sound(t)
	known := write(t, "e.yaml", expectedFailure)
	for name, test := range map[string]struct {
		arguments []string
		status    int
		says      string
	}{
		"columns":               {[]string{run + ":containerd", run + ":cri-o"}, 1, "NET_RAW"},
		"nothing counts":        {[]string{run + ":containerd", run + ":cri-o", "--fail-on", "never"}, 0, "NET_RAW"},
		"an expected failure":   {[]string{run + ":containerd", run + ":cri-o", "--expectations", known}, 0, "known"},
		"the same":              {[]string{run, run}, 0, "No difference"},
		"the directory":         {[]string{filepath.Dir(run), run}, 0, "No difference"},
		"Markdown":              {[]string{run, run, "--format", "markdown"}, 0, "# "},
		"HTML":                  {[]string{run, run, "--format", "html"}, 0, "<html"},
		"an unknown column":     {[]string{run + ":crio", run}, 3, "crio"},
		"an unknown format":     {[]string{run, run, "--format", "pdf"}, 3, "pdf"},
		"an unknown --fail-on":  {[]string{run, run, "--fail-on", "all"}, 3, "all"},
		"a missing file":        {[]string{run, "nowhere.json"}, 3, "nowhere.json"},
		"a wrong map":           {[]string{run, run, "--map", "a=b"}, 3, "containerd"},
		"strict without a file": {[]string{run, run, "--strict"}, 3, "--expectations"},
	} {
		t.Run(name, func(t *testing.T) {
			status, out, problems := execute(t, append([]string{"diff"}, test.arguments...)...)
			if status != test.status || !strings.Contains(out+problems, test.says) {
				t.Errorf("exit %d, want %d: %s%s", status, test.status, out, problems)
			}
		})
	}
}

func TestRender(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	status, text, problems := execute(t, "render", sampleRun, "--out", out)
	if status != results.ExitExpected || !strings.Contains(text, "What differs") {
		t.Errorf("exit %d: %s", status, problems)
	}
	for _, name := range []string{"index.html", "matrix.md", "junit.xml", "junit-cri-o.xml", "cells.jsonl"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestExpectations(t *testing.T) {
	run := sound(t)
	file := write(t, "e.yaml", expectedFailure)
	if status, out, problems := execute(t, "expectations", file, run); status != 0 || !strings.Contains(out, "met") {
		t.Errorf("exit %d: %s%s", status, out, problems)
	}
	other := write(t, "other.yaml", strings.Replace(expectedFailure, "column: cri-o", "column: containerd", 1))
	if status, out, _ := execute(t, "expectations", other, run, "--strict"); status != 1 || !strings.Contains(out, other+":3") {
		t.Errorf("exit %d: %s", status, out)
	}
	if status, out, problems := execute(t, "expectations", other, run, "--strict", "--update"); status != 1 {
		t.Errorf("exit %d: %s%s", status, out, problems)
	}
	if status, out, _ := execute(t, "expectations", other, run, "--strict"); status != 0 {
		t.Errorf("after the update: exit %d: %s", status, out)
	}
}

func TestMergeAndHistory(t *testing.T) {
	out := filepath.Join(t.TempDir(), "nights", "merged")
	if status, _, problems := execute(t, "merge", sampleRun, sampleRun, "--out", out); status != results.ExitBroken || problems != "" {
		t.Errorf("exit %d: %s", status, problems)
	}
	if _, err := results.Load(filepath.Join(out, "results.json")); err != nil {
		t.Error(err)
	}
	if status, _, _ := execute(t, "merge", sampleRun); status != results.ExitUsage {
		t.Errorf("without --out: exit %d", status)
	}
	if status, text, problems := execute(t, "history", filepath.Dir(out)); status != 0 || !strings.Contains(text, "1 runs") {
		t.Errorf("exit %d: %s%s", status, text, problems)
	}
	if status, text, _ := execute(t, "history", filepath.Dir(out), "--format", "json"); status != 0 || !json.Valid([]byte(text)) {
		t.Errorf("exit %d: %s", status, text)
	}
	if status, _, problems := execute(t, "history", t.TempDir()); status != results.ExitUsage || problems == "" {
		t.Errorf("no runs: exit %d: %s", status, problems)
	}
}

// Whatever is wrong with a file, there is one clear line, exit 3, and nothing is written.
func TestBadFiles(t *testing.T) {
	whole, err := os.ReadFile(sampleRun)
	if err != nil {
		t.Fatal(err)
	}
	large := write(t, "large.json", "")
	if err := os.Truncate(large, 200<<20); err != nil { // a hole: it costs nothing
		t.Fatal(err)
	}
	files := map[string]struct{ path, says string }{
		"truncated": {write(t, "results.json", string(whole[:len(whole)/2])), "cut"},
		"foreign":   {write(t, "results.json", `{"kind": "List", "items": []}`), "not a results file"},
		"newer":     {write(t, "results.json", strings.Replace(string(whole), `"schemaVersion": 1`, `"schemaVersion": 2`, 1)), "schemaVersion 2"},
		"200 MB":    {large, "larger than"},
	}
	for name, file := range files {
		out := filepath.Join(t.TempDir(), "out")
		for _, arguments := range [][]string{
			{"render", file.path, "--out", out},
			{"merge", sampleRun, file.path, "--out", out},
			{"diff", sampleRun, file.path, "--out", out},
			{"diff", file.path + ":cri-o", sampleRun, "--out", out},
			{"expectations", write(t, "e.yaml", expectedFailure), file.path},
			{"history", filepath.Dir(file.path), "--out", out},
		} {
			t.Run(name+" "+arguments[0], func(t *testing.T) {
				status, stdout, problems := execute(t, arguments...)
				if status != results.ExitUsage || stdout != "" {
					t.Errorf("exit %d: %s", status, stdout)
				}
				if strings.Count(problems, "\n") != 1 || !strings.Contains(problems, file.path) || !strings.Contains(problems, file.says) {
					t.Errorf("it said %q, want one line with %q", problems, file.says)
				}
				if _, err := os.Stat(out); err == nil {
					t.Error("something was written")
				}
			})
		}
	}
	for name, file := range map[string]string{
		"truncated": write(t, "e.yaml", "schemaVersion: 1\nexpectations: ["),
		"foreign":   write(t, "e.yaml", "kind: Pod\n"),
		"newer":     write(t, "e.yaml", "schemaVersion: 2\nexpectations: []\n"),
		"200 MB":    large,
	} {
		status, _, problems := execute(t, "run", "--expectations", file, "--out", filepath.Join(t.TempDir(), "out"))
		if status != results.ExitUsage || !strings.Contains(problems, file) {
			t.Errorf("%s expectations: exit %d: %s", name, status, problems)
		}
	}
}

// Every entry of the file that the default matrix names is about a check that there is.
func TestTheExpectationsOfTheCheckout(t *testing.T) {
	file, err := expectations.Load("../../kind-configs/expectations.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range file.Entries {
		if !slices.ContainsFunc(suites.Catalogue(), func(c check.Check) bool {
			matched, err := path.Match(entry.Check, c.ID)
			return err == nil && matched
		}) {
			t.Errorf("%s: there is no check %s", file.Place(&entry), entry.Check)
		}
	}
}
