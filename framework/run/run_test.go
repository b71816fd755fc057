package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"assay/framework/check"
	"assay/framework/column"
	"assay/framework/progress"
	"assay/framework/specs"
	"assay/framework/target"
	"assay/reports"
	"assay/reports/results"
)

// started is a run of two columns that waits for its cells: the columns are not executed.
func started(ctx context.Context, t *testing.T) *Run {
	t.Helper()
	checks := []check.Check{{ID: "caps/one", Level: check.Must}, {ID: "caps/two", Level: check.Must}}
	r := New(ctx, Options{
		Root: t.TempDir(), Matrix: "matrix.yaml", Out: t.TempDir(), Progress: io.Discard, Checks: checks,
		Columns: []column.Column{{Name: "containerd"}, {Name: "cri-o"}, {Name: "unwanted"}},
	})
	if err := r.makeFolder(); err != nil {
		t.Fatal(err)
	}
	r.plan(specs.Selection{"containerd": checks, "cri-o": checks[:1]})
	return r
}

func TestWhatIsNotSelectedIsSkippedOrLeftOut(t *testing.T) {
	now := started(t.Context(), t).snapshot()
	if len(now.Columns) != 2 || len(now.Checks) != 2 || len(now.Cells) != 4 {
		t.Fatalf("%d columns, %d checks, %d cells", len(now.Columns), len(now.Checks), len(now.Cells))
	}
	if cell, _ := now.Cell("caps/two", "cri-o"); cell.Verdict != results.Skipped {
		t.Errorf("the cell that is not selected is %s", cell.Verdict)
	}
	if cell, _ := now.Cell("caps/one", "cri-o"); cell.Verdict != results.Error {
		t.Errorf("a cell without evidence is %s", cell.Verdict)
	}
}

func TestCellsAreWaitedFor(t *testing.T) {
	r := started(t.Context(), t)
	go r.record(results.Cell{Check: "caps/one", Column: "cri-o", Verdict: results.Pass})
	cell, err := r.Cells()(t.Context(), "cri-o", "caps/one")
	if err != nil || cell.Verdict != results.Pass || cell.Rerun == "" {
		t.Errorf("cell %+v, error %v", cell, err)
	}
	r.record(results.Cell{Check: "caps/one", Column: "cri-o", Verdict: results.Error})
	if cell, _ := r.Cells()(t.Context(), "cri-o", "caps/one"); cell.Verdict != results.Pass {
		t.Error("a second word about a cell replaced the first")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Cells()(ended, "containerd", "caps/one"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := r.Cells()(t.Context(), "cri-o", "caps/two"); err == nil {
		t.Error("a cell that was not selected was waited for")
	}
}

func TestAFailedColumnLeavesNoCellOpen(t *testing.T) {
	r := started(t.Context(), t)
	r.record(results.Cell{Check: "caps/one", Column: "containerd", Verdict: results.Pass})
	r.failColumn("containerd", r.options.Checks, "the node died")
	now := r.snapshot()
	if cell, _ := now.Cell("caps/one", "containerd"); cell.Verdict != results.Pass {
		t.Error("what was observed was lost")
	}
	if cell, _ := now.Cell("caps/two", "containerd"); cell.Verdict != results.Error || cell.Reason != "the node died" {
		t.Errorf("cell %+v", cell)
	}
	if now.Run.Exit != results.ExitBroken {
		t.Errorf("exit %d", now.Run.Exit)
	}
}

func TestAnInterruptIsTheExitStatus(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	r := started(ctx, t)
	cancel(ErrInterrupted)
	if now := r.snapshot(); now.Run.Exit != results.ExitInterrupted {
		t.Errorf("exit %d", now.Run.Exit)
	}
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	loaded, err := results.Load(filepath.Join(r.folder, reports.ResultsFile))
	if err != nil || loaded.Run.Exit != results.ExitInterrupted {
		t.Errorf("loaded %v", err)
	}
}

func TestFoldersOfRunsInOneSecondDiffer(t *testing.T) {
	r := started(t.Context(), t)
	first := r.folder
	if err := r.makeFolder(); err != nil || r.folder == first {
		t.Errorf("the second folder is %s (%v)", r.folder, err)
	}
}

func TestSettingsAreWrongUsage(t *testing.T) {
	var usage *UsageError
	if _, err := (Settings{Matrix: "nowhere.yaml"}).Options(t.Context()); !errors.As(err, &usage) {
		t.Errorf("error %v", err)
	}
	if _, err := (Settings{Parallel: -1}).Options(t.Context()); !errors.As(err, &usage) {
		t.Errorf("error %v", err)
	}
	t.Chdir(os.TempDir())
	if _, err := (Settings{}).Options(t.Context()); !errors.As(err, &usage) {
		t.Errorf("error %v outside a checkout", err)
	}
}

func TestAMixedClusterHasRoomForSomeColumns(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	var matrix strings.Builder
	matrix.WriteString("schemaVersion: 1\ndefaults: {kubernetes: 1.36.3}\ncolumns:\n")
	for i := range 16 {
		fmt.Fprintf(&matrix, "  - {name: c%d, base: 'b:%d', runtime: {name: containerd, version: 2.4.2}}\n", i, i)
	}
	path := filepath.Join(t.TempDir(), "m.yaml")
	if err := os.WriteFile(path, []byte(matrix.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var usage *UsageError
	if _, err := (Settings{Matrix: path, Topology: "mixed"}).Options(t.Context()); !errors.As(err, &usage) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
	if options, err := (Settings{Matrix: path}).Options(t.Context()); err != nil || len(options.Placed()) != 16 {
		t.Errorf("isolated: %v", err)
	}
}

const oneFails = `schemaVersion: 1
expectations:
  - {check: caps/one, verdict: fail, reason: known}
  - {check: caps/two, verdict: pass, reason: it did}
`

func TestExpectationsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.yaml")
	if err := os.WriteFile(path, []byte(oneFails), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := Settings{Expectations: path, UpdateExpectations: true}
	expected, err := settings.expectations(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	r := started(t.Context(), t)
	r.options.Expected = expected
	r.record(results.Cell{Check: "caps/one", Column: "containerd", Verdict: results.Fail})
	r.record(results.Cell{Check: "caps/one", Column: "cri-o", Verdict: results.Fail})
	r.record(results.Cell{Check: "caps/two", Column: "containerd", Verdict: results.Pass})
	if cell, err := r.Cells()(t.Context(), "cri-o", "caps/one"); err != nil || !cell.ExpectedFailure() {
		t.Errorf("the spec is told %+v, %v", cell.Expectation, err)
	}
	if now := r.snapshot(); now.Run.Exit != results.ExitExpected || len(now.Expectations.Findings) != 0 {
		t.Errorf("exit %d, %+v", now.Run.Exit, now.Expectations)
	}
	for i := range r.results.Cells {
		if r.results.Cells[i].Check == "caps/two" && r.results.Cells[i].Verdict == results.Pass {
			r.results.Cells[i].Verdict = results.Unsupported
		}
	}
	final, _, _, err := r.Finish()
	if err != nil || final.Run.Exit != results.ExitFailed {
		t.Errorf("a broken expectation: exit %d, %v", final.Run.Exit, err)
	}
	updated, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(updated), "verdict: unsupported") {
		t.Errorf("the file was not updated: %v\n%s", err, updated)
	}
}

func TestWithoutExpectationsThereIsNothingToUpdate(t *testing.T) {
	for _, settings := range []Settings{{Strict: true}, {UpdateExpectations: true}} {
		if _, err := settings.expectations(t.TempDir(), ""); err == nil {
			t.Errorf("%+v was accepted", settings)
		}
	}
}

// crowded is a provider that counts the columns that it has at the same time, and provides none.
type crowded struct {
	mutex     sync.Mutex
	now, most int
	// met is closed once two were there: the first waits for the second.
	met chan struct{}
}

func (p *crowded) prepare([]column.Column) error { return nil }

func (p *crowded) provide(column.Column, *progress.Log) (target.Target, error) {
	p.mutex.Lock()
	p.now++
	p.most = max(p.most, p.now)
	select {
	case <-p.met:
	default:
		if p.now == 2 {
			close(p.met)
		}
	}
	p.mutex.Unlock()
	<-p.met
	return target.Target{}, errors.New("no target")
}

func (p *crowded) lanes(columns []column.Column) [][]column.Column {
	var lanes [][]column.Column
	for _, c := range columns {
		lanes = append(lanes, []column.Column{c})
	}
	return lanes
}

func (p *crowded) namespaces(column.Column) (string, bool) { return "", false }

func (p *crowded) collect(column.Column, string) (bool, error) { return false, nil }

func (p *crowded) release(column.Column, *progress.Log, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.now--
}

func TestColumnsWaitForTheirTurn(t *testing.T) {
	r := started(t.Context(), t)
	columns := make([]column.Column, 6)
	for i := range columns {
		columns[i].Name = fmt.Sprintf("column-%d", i+1)
		columns[i].Runtime.Version = fmt.Sprintf("1.0.%d", i)
	}
	r.options.Parallel, r.options.Columns = 2, columns
	p := &crowded{met: make(chan struct{})}
	r.execute(p, columns, specs.Selection{})
	if p.most != 2 || p.now != 0 {
		t.Errorf("%d columns at once, wanted 2; %d left", p.most, p.now)
	}
}

func TestInterruptedUpgradesAreErrorsWithAReason(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrInterrupted)
	r := New(ctx, Options{Root: t.TempDir(), Out: t.TempDir(), Progress: io.Discard})
	checks := []results.Check{{ID: "upgrade/one", Area: "upgrade", Level: results.LevelMust}}
	err := r.Upgrade([]column.Upgrade{{Name: "a-to-b"}, {Name: "b-to-c"}}, checks, func(context.Context, column.Upgrade, Upgrading) error {
		t.Error("an interrupted upgrade was used")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	final, folder, files, err := r.Finish()
	if err != nil || final.Run.Exit != results.ExitInterrupted || len(files) == 0 || len(final.Columns) != 2 {
		t.Fatalf("%+v in %s, %q, %v", final.Run, folder, files, err)
	}
	if cell, found := final.Cell("upgrade/one", "b-to-c"); !found || cell.Verdict != results.Error || !strings.Contains(cell.Reason, ErrInterrupted.Error()) {
		t.Errorf("%+v", cell)
	}
}
