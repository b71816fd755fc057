package merge_test

import (
	"bytes"
	"strings"
	"testing"

	_ "assay/reports/internal/golden" // its flag, so that go test ./reports/... -update runs here too
	"assay/reports/internal/sample"
	"assay/reports/merge"
	"assay/reports/results"
)

// only is the sample run with one of its columns, as another job had it.
func only(column, id string) merge.Input {
	run := sample.Matrix()
	part := *run
	part.Run.ID = id
	part.Columns, part.Cells, part.Phases = nil, nil, nil
	for _, c := range run.Columns {
		if c.Name == column {
			part.Columns = append(part.Columns, c)
		}
	}
	for _, cell := range run.Cells {
		if cell.Column == column {
			part.Cells = append(part.Cells, cell)
		}
	}
	for _, phase := range run.Phases {
		if phase.Column == column || phase.Column == "" {
			part.Phases = append(part.Phases, phase)
		}
	}
	return merge.Input{File: id + ".json", Run: &part}
}

func encode(t *testing.T, run *results.Results) string {
	t.Helper()
	var b bytes.Buffer
	if err := run.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestColumnsOfTwoJobs(t *testing.T) {
	first, second := only("containerd", "job-1"), only("cri-o", "job-2")
	second.Run.Host.Kernel = "6.12.0"
	merged, err := merge.Runs([]merge.Input{first, second})
	if err != nil {
		t.Fatal(err)
	}
	if err := merged.Validate(); err != nil {
		t.Error(err)
	}
	if _, err := results.Read(strings.NewReader(encode(t, merged)), "merged"); err != nil {
		t.Error(err)
	}
	if len(merged.Columns) != 2 || len(merged.Cells) != len(sample.Matrix().Cells) || merged.Run.Exit != results.ExitBroken {
		t.Errorf("got %d columns, %d cells, exit %d", len(merged.Columns), len(merged.Cells), merged.Run.Exit)
	}
	for i, kernel := range []string{first.Run.Host.Kernel, "6.12.0"} {
		if got := merged.HostOf(merged.Columns[i]).Kernel; got != kernel {
			t.Errorf("column %d: kernel %s, want %s", i, got, kernel)
		}
	}
	if merged.Host.Kernel != "" || merged.Host.Arch != first.Run.Host.Arch {
		t.Errorf("got the host %+v, want what both have in common", merged.Host)
	}
	again, err := merge.Runs([]merge.Input{first, second})
	if err != nil || encode(t, again) != encode(t, merged) {
		t.Errorf("another merge gives something else: %v", err)
	}
	// A merged run can be merged again.
	if _, err := merge.Runs([]merge.Input{{File: "m", Run: merged}, first}); err != nil {
		t.Error(err)
	}
}

func TestARunIsMergedWithItself(t *testing.T) {
	run := sample.Matrix()
	merged, err := merge.Runs([]merge.Input{{File: "a", Run: run}, {File: "b", Run: sample.Matrix()}})
	if err != nil {
		t.Fatal(err)
	}
	if len(merged.Columns) != 2 || merged.Columns[0].From != nil || len(merged.Cells) != len(run.Cells) {
		t.Errorf("got %d columns, %d cells", len(merged.Columns), len(merged.Cells))
	}
}

func TestAMissingCheckIsSkipped(t *testing.T) {
	first, second := only("containerd", "job-1"), only("cri-o", "job-2")
	missing := first.Run.Checks[1].ID
	second.Run.Checks = append(append([]results.Check(nil), second.Run.Checks[:1]...), second.Run.Checks[2:]...)
	for i, cell := range second.Run.Cells {
		if cell.Check == missing {
			second.Run.Cells = append(second.Run.Cells[:i], second.Run.Cells[i+1:]...)
			break
		}
	}
	for _, inputs := range [][]merge.Input{{first, second}, {second, first}} {
		merged, err := merge.Runs(inputs)
		if err != nil {
			t.Fatal(err)
		}
		if cell, _ := merged.Cell(missing, "cri-o"); cell.Verdict != results.Skipped || !strings.Contains(cell.Reason, "job-2") {
			t.Errorf("got %+v", cell)
		}
		if merged.Checks[1].ID != missing {
			t.Errorf("the order of the checks is lost: %s is second", merged.Checks[1].ID)
		}
	}
}

func TestContradictions(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*results.Results)
		id     string
		says   []string
	}{
		"a column of another run": {func(*results.Results) {}, "job-2", []string{"containerd", "job-1", "job-2"}},
		"another verdict":         {func(r *results.Results) { r.Cells[0].Verdict = results.Fail }, "job-1", []string{"containerd", "caps/default-set"}},
		"another version":         {func(r *results.Results) { r.Columns[0].Runtime.Version = "9" }, "job-1", []string{"containerd"}},
		"another claim":           {func(r *results.Results) { r.Checks[2].Claim = "other" }, "job-1", []string{"claim", "other"}},
		"another level":           {func(r *results.Results) { r.Checks[2].Level = "info" }, "job-1", []string{"level", "info"}},
	} {
		t.Run(name, func(t *testing.T) {
			second := only("containerd", test.id)
			second.File = "second.json"
			test.change(second.Run)
			_, err := merge.Runs([]merge.Input{only("containerd", "job-1"), second})
			if err == nil {
				t.Fatal("they were merged")
			}
			for _, word := range append(test.says, "job-1.json", "second.json") {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %q", err, word)
				}
			}
		})
	}
}
