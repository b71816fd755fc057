// Package run executes a whole run: it provides the columns with clusters, has their evidence gathered,
// gives each cell to who waits for it, and has the results on disk before anything is torn down.
package run

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"assay/framework/check"
	"assay/framework/cluster"
	"assay/framework/column"
	"assay/framework/engine"
	"assay/framework/existing"
	"assay/framework/placement"
	"assay/framework/policy"
	"assay/framework/progress"
	"assay/framework/specs"
	"assay/reports"
	"assay/reports/expectations"
	"assay/reports/results"
)

// Options say what is run.
type Options struct {
	// Root is the checkout: the recipes of node images and the probe's source are below it.
	Root string
	// Matrix is the matrix file's path, for the commands that rerun a cell.
	Matrix string
	// Columns are those to run, in the order of the reports.
	Columns []column.Column
	// Topology is how they are put on clusters that are made. TopologyAsked says that the matrix says otherwise.
	Topology      column.Topology
	TopologyAsked bool
	// Upgrades are those that the matrix lists between its columns.
	Upgrades []column.Upgrade
	// Checks are all checks, in the order of the reports.
	Checks []check.Check
	// Engine forces a container engine; empty takes the first that answers.
	Engine string
	// Keep leaves the clusters.
	Keep bool
	// Reuse takes kept clusters where they are what the columns say. It implies Keep.
	Reuse bool
	// Parallel is how many columns run at the same time; 0 takes what the machine can bear.
	Parallel int
	// Out is the folder that gets a folder for the run.
	Out string
	// Progress is where the lines of progress go.
	Progress io.Writer
	// PolicyEngineFault makes the expectations of truth tables wrong, for tests of the checks themselves.
	PolicyEngineFault policy.Fault
	// Existing are the columns of clusters that are there already, in the order of Columns; nil has a cluster
	// made for each column.
	Existing []existing.Column
	// ProbeImage is the reference of the probe's image in existing clusters.
	ProbeImage string
	// Again are the arguments of `assay run` that find the columns again; none takes the matrix.
	Again []string
	// CommandLine is what the user typed, without secrets.
	CommandLine []string
	Expected    Expected
}

// Placed are the clusters that are made for the columns.
func (o Options) Placed() []placement.Cluster { return placement.Place(o.Columns, o.Topology) }

// Expected is what the user expects of a run.
type Expected struct {
	// File is nil where nothing is expected.
	File *expectations.File
	// Path is where the file is.
	Path string
	// Strict fails a run whose expectations are out of date.
	Strict bool
	// Update writes what was observed into the file.
	Update bool
}

// ErrInterrupted is the cause of a context that the user ended.
var ErrInterrupted = errors.New("interrupted")

// Run is one run. It is used once: New, Start, Cells, Finish.
type Run struct {
	options  Options
	progress *progress.Log
	//nolint:containedctx // The run's life is that of one call of specs.Run, which has no context of its own.
	ctx    context.Context
	id     string
	folder string
	ended  sync.WaitGroup

	mutex   sync.Mutex
	results results.Results
	waiters map[place]chan struct{}
	// spans are the times of the areas by column.
	spans    map[place]span
	clusters map[string]bool // those that are there, or may be
	manager  *cluster.Manager
	partial  bool // the selection left something out
}

type place struct{ check, column string }

// New prepares a run. Nothing is made yet.
func New(ctx context.Context, options Options) *Run {
	options.Keep = options.Keep || options.Reuse
	r := &Run{
		options: options, ctx: ctx,
		progress: progress.New(options.Progress),
		waiters:  map[place]chan struct{}{},
		spans:    map[place]span{},
		clusters: map[string]bool{},
	}
	r.results.SchemaVersion = results.SchemaVersion
	r.results.Run.Started = time.Now().UTC()
	r.results.Run.CommandLine = options.CommandLine
	return r
}

// Start begins to provide the columns and to gather the evidence of the selected checks, and returns at
// once. Columns and checks of which nothing is selected are not in the results.
func (r *Run) Start(selection specs.Selection) error {
	if err := r.makeFolder(); err != nil {
		return err
	}
	columns := r.plan(selection)
	if err := r.redirectClientLog(); err != nil {
		return err
	}
	r.progress.Line("run %s: %d checks on %d columns; reports go to %s", r.id, len(r.results.Checks), len(columns), r.folder)
	r.ended.Go(func() { r.execute(r.provider(), columns, selection) })
	return nil
}

// plan lays out the results of the selection and returns the columns that have a part in it.
func (r *Run) plan(selection specs.Selection) []column.Column {
	chosen := map[string]bool{}
	var columns []column.Column
	for _, c := range r.options.Columns {
		r.partial = r.partial || len(selection[c.Name]) < len(r.options.Checks)
		if len(selection[c.Name]) == 0 {
			continue
		}
		columns = append(columns, c)
		r.results.Columns = append(r.results.Columns, describe(c))
		for _, each := range selection[c.Name] {
			chosen[each.ID] = true
			r.waiters[place{each.ID, c.Name}] = make(chan struct{})
		}
	}
	for _, each := range r.options.Checks {
		if chosen[each.ID] {
			r.results.Checks = append(r.results.Checks, results.Check{
				ID: each.ID, Area: each.Area(), Level: string(each.Level), Claim: each.Claim, Source: each.Source, Volatile: each.Volatile,
			})
		}
	}
	// A filter may leave a check in one column only; the cells of the others are skipped, not missing.
	for _, c := range columns {
		for _, each := range r.results.Checks {
			if _, selected := r.waiters[place{each.ID, c.Name}]; !selected {
				r.results.Cells = append(r.results.Cells, results.Cell{
					Check: each.ID, Column: c.Name, Verdict: results.Skipped, Reason: "not selected",
				})
			}
		}
	}
	return columns
}

// redirectClientLog has client-go say what it meets with in a file of the run: of a node that died it
// has a lot to say, and what matters of it is in the cells.
func (r *Run) redirectClientLog() error {
	file, err := os.Create(filepath.Join(r.folder, "client-go.log"))
	if err != nil {
		return fmt.Errorf("make the log of client-go: %w", err)
	}
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	// Without the others, errors go to a file for each severity and to stderr besides.
	for name, value := range map[string]string{"logtostderr": "false", "stderrthreshold": "FATAL", "one_output": "true"} {
		if err := flags.Set(name, value); err != nil {
			return fmt.Errorf("set up the log of client-go: %w", err)
		}
	}
	klog.SetOutput(file)
	return nil
}

// makeFolder makes the run's folder under a name that is not taken.
func (r *Run) makeFolder() error {
	out, err := filepath.Abs(r.options.Out)
	if err != nil {
		return fmt.Errorf("make the run's folder: %w", err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("make the run's folder: %w", err)
	}
	base := r.results.Run.Started.Format("20060102-150405")
	for attempt := 0; ; attempt++ {
		r.id = base
		if attempt > 0 {
			r.id = fmt.Sprintf("%s-%d", base, attempt)
		}
		r.folder = filepath.Join(out, r.id)
		err := os.Mkdir(r.folder, 0o755)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make the run's folder: %w", err)
		}
	}
	r.results.Run.ID = r.id
	return nil
}

// Cells implements specs.Execution.
func (r *Run) Cells() specs.Cells {
	return func(ctx context.Context, column, checkID string) (results.Cell, error) {
		r.mutex.Lock()
		waiter, known := r.waiters[place{checkID, column}]
		r.mutex.Unlock()
		if !known {
			return results.Cell{}, fmt.Errorf("%s on %s was not selected", checkID, column)
		}
		select {
		case <-waiter:
		case <-ctx.Done():
			return results.Cell{}, context.Cause(ctx)
		}
		r.mutex.Lock()
		defer r.mutex.Unlock()
		cell, _ := r.results.Cell(checkID, column)
		return cell, nil
	}
}

// record takes a cell and wakes who waits for it. The first word about a cell stands.
func (r *Run) record(cell results.Cell) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	waiter, known := r.waiters[place{cell.Check, cell.Column}]
	if !known {
		return
	}
	select {
	case <-waiter:
		return
	default:
	}
	cell.Rerun = cmp.Or(cell.Rerun, r.rerun(cell))
	if column, known := r.results.Column(cell.Column); known && r.options.Expected.File != nil {
		cell.Expectation = r.options.Expected.File.Cell(cell, column)
	}
	r.results.Cells = append(r.results.Cells, cell)
	area, _, _ := strings.Cut(cell.Check, "/")
	r.spans[place{area, cell.Column}] = r.spans[place{area, cell.Column}].with(cell, time.Now())
	close(waiter)
}

// judged is the number of a column's cells that are there.
func (r *Run) judged(column string) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	judged := 0
	for _, cell := range r.results.Cells {
		if cell.Column == column {
			judged++
		}
	}
	return judged
}

// span is the time from the first pod of an area's checks to its last cell.
type span struct{ from, to time.Time }

// with is the span with a cell that was judged at a time.
func (s span) with(cell results.Cell, at time.Time) span {
	began := at.Add(-time.Duration(cell.Seconds * float64(time.Second)))
	if s.from.IsZero() || began.Before(s.from) {
		s.from = began
	}
	s.to = at
	return s
}

// areas are the phases of the areas, which overlap: all pods are submitted up front.
func (r *Run) areas() []results.Phase {
	var phases []results.Phase
	known := map[place]bool{}
	for _, check := range r.results.Checks {
		for _, column := range r.results.Columns {
			of := place{check.Area, column.Name}
			if s, any := r.spans[of]; any && !known[of] {
				known[of] = true
				phases = append(phases, results.Phase{
					Column: column.Name, Name: "evidence of " + check.Area, Seconds: s.to.Sub(s.from).Seconds(),
				})
			}
		}
	}
	return phases
}

// rerun is the command that repeats just the cell.
func (r *Run) rerun(cell results.Cell) string {
	if again := r.options.Again; len(again) > 0 {
		return fmt.Sprintf("assay run %s --column %s --focus '%s:'", strings.Join(again, " "), cell.Column, cell.Check)
	}
	matrix := r.options.Matrix
	if relative, err := filepath.Rel(r.options.Root, matrix); err == nil && filepath.IsLocal(relative) {
		matrix = relative
	}
	command := "go run . run --matrix " + matrix
	if r.options.TopologyAsked {
		command += " --topology " + string(r.options.Topology)
	}
	columns := r.needed(cell)
	for _, name := range columns {
		command += " --column " + name
	}
	if len(columns) == 1 {
		return fmt.Sprintf("%s --focus '%s:'", command, cell.Check)
	}
	return fmt.Sprintf("%s --focus '%s %s:'", command, cell.Column, cell.Check)
}

// needed are the columns that have to be there for a cell to be had again, in the order of the matrix: those that
// share the column's nodes, without which these would be others, and for a check that needs it a neighbour.
func (r *Run) needed(cell results.Cell) []string {
	var names []string
	for _, placed := range r.options.Placed() {
		for _, group := range placed.Groups {
			if !group.Has(cell.Column) {
				continue
			}
			needed := group.Columns
			across := func(c check.Check) bool {
				return c.ID == cell.Check && c.Network != nil && c.Network.View == check.ViewOtherRuntime
			}
			if others := placed.Neighbours(group); len(others) > 0 && slices.ContainsFunc(r.options.Checks, across) {
				needed = slices.Concat(needed, others[0].Columns)
			}
			for _, c := range r.options.Columns {
				if slices.ContainsFunc(needed, func(n column.Column) bool { return n.Name == c.Name }) {
					names = append(names, c.Name)
				}
			}
		}
	}
	return names
}

// failColumn makes every cell of the column that is still open an error.
func (r *Run) failColumn(name string, checks []check.Check, reason string) {
	for _, each := range checks {
		r.record(results.Cell{Check: each.ID, Column: name, Verdict: results.Error, Reason: reason})
	}
}

// change changes what is known of a column.
func (r *Run) change(name string, change func(*results.Column)) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for i := range r.results.Columns {
		if r.results.Columns[i].Name == name {
			change(&r.results.Columns[i])
		}
	}
}

// snapshot is the results as they are known now, complete and in order.
func (r *Run) snapshot() results.Results {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	now := r.results
	now.Columns = slices.Clone(now.Columns)
	now.Cells = slices.Clone(now.Cells)
	now.Phases = nil
	for _, phase := range r.progress.Phases() {
		now.Phases = append(now.Phases, results.Phase{Column: phase.Column, Name: phase.Name, Seconds: phase.Took.Seconds()})
	}
	now.Phases = append(now.Phases, r.areas()...)
	now.Run.Finished = time.Now().UTC()
	now.Complete()
	if errors.Is(context.Cause(r.ctx), ErrInterrupted) {
		now.Run.Exit = results.ExitInterrupted
	}
	if expected := r.options.Expected; expected.File != nil {
		expected.File.Apply(&now, expectations.Options{Strict: expected.Strict, Partial: r.partial})
	} else {
		now.Judge()
	}
	return now
}

// save has what is known now on disk.
func (r *Run) save() error {
	now := r.snapshot()
	return now.Write(filepath.Join(r.folder, reports.ResultsFile))
}

// Finish waits until all columns have ended, and writes all reports. It returns the results, the run's
// folder and the names of the files in it.
func (r *Run) Finish() (final results.Results, folder string, files []string, err error) {
	r.ended.Wait()
	final = r.snapshot()
	files, err = reports.WriteAll(r.folder, &final)
	return final, r.folder, files, errors.Join(err, r.updateExpectations(&final))
}

// updateExpectations writes what was observed into the expectations file where the user wants that.
func (r *Run) updateExpectations(final *results.Results) error {
	expected := r.options.Expected
	if !expected.Update {
		return nil
	}
	notes, err := expected.File.Write(expected.Path, final)
	for _, note := range notes {
		r.progress.Line("%s", note)
	}
	return err
}

// Remaining lists the clusters of this run that are there now.
func (r *Run) Remaining() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Sorted(maps.Keys(r.clusters))
}

func describe(c column.Column) results.Column {
	described := results.Column{
		Name:       c.Name,
		Runtime:    results.Runtime{Name: c.Runtime.Name, Version: c.Runtime.Version},
		OCIRuntime: results.OCIRuntime{Name: c.OCIRuntime},
		Kubernetes: c.Kubernetes,
		Network:    results.Network{Name: c.Network},
		NodeImage:  c.Image,
	}
	for _, fragment := range c.Config {
		if described.Config == nil {
			described.Config = map[string]string{}
		}
		content, err := os.ReadFile(fragment.Path)
		if err != nil {
			content = []byte(err.Error())
		}
		described.Config[filepath.Base(fragment.Path)] = string(content)
	}
	return described
}

// prepareEngine finds the engine and configures it.
func (r *Run) prepareEngine() (*engine.Engine, engine.Machine, error) {
	done := r.progress.Step("container engine")
	found, machine, err := engine.Prepare(r.ctx, engine.Options{
		Root: r.options.Root, Name: r.options.Engine, Log: r.progress.Writer(),
	})
	done(err)
	return found, machine, err
}
