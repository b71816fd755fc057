package upgrade

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/framework/column"
	"assay/framework/runner"
	"assay/framework/target"
	"assay/framework/workload"
	"assay/reports"
	"assay/reports/atomicfile"
	"assay/reports/diff"
	"assay/reports/results"
)

// suite runs the checks on the nodes as they are now and writes the results into a folder of this name. It waits until
// its namespaces are gone: what holds there would be upgraded, too. It returns nil where the suite is left out.
func (r *rollout) suite(ctx context.Context, name string, of column.Column, to target.Target, described results.Column) (*results.Results, error) {
	if len(r.options.Checks) == 0 {
		r.seen.Suite = saw(Comparison{LeftOut: "the suite was left out"}, nil)
		return nil, nil
	}
	to.Column, described.Name = of.Name, of.Name
	if r.seen.Drained {
		to, described = r.onlyWorker(to, described)
	}
	folder := filepath.Join(r.lent.Folder, r.upgrade.Name, name)
	now := r.lent.Results()
	now.Run.Started = time.Now().UTC()
	now.Columns = []results.Column{described}
	for _, each := range r.options.Checks {
		now.Checks = append(now.Checks, results.Check{
			ID: each.ID, Area: each.Area(), Level: string(each.Level), Claim: each.Claim, Source: each.Source, Volatile: each.Volatile,
		})
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of the suite: %w", err)
	}
	var mutex sync.Mutex
	id := r.lent.ID + "-" + name
	began := time.Now()
	failed := r.step("the suite "+name, func() error {
		err := runner.Run(ctx, to, runner.Options{
			RunID: id, Clean: true, Checks: r.options.Checks, Progress: r.lent.Progress, Timeouts: runner.DefaultTimeouts(),
			Evidence: runner.Evidence{Root: folder, Folder: filepath.Join("evidence", of.Name)},
			Cell: func(cell results.Cell) {
				mutex.Lock()
				defer mutex.Unlock()
				now.Cells = append(now.Cells, cell)
			},
		})
		if err != nil {
			return err
		}
		return r.untilClean(ctx, "assay-"+id)
	})
	if ctx.Err() != nil {
		failed = context.Cause(ctx)
	}
	if failed != nil {
		now.Columns[0].Error = failed.Error()
	}
	now.Phases = []results.Phase{{Column: of.Name, Name: "evidence", Seconds: time.Since(began).Seconds()}}
	now.Run.Finished = time.Now().UTC()
	now.Complete()
	now.Judge()
	if err := now.Write(filepath.Join(folder, reports.ResultsFile)); err != nil {
		return nil, err
	}
	if _, err := reports.Render(folder, folder, &now, reports.Formats()...); err != nil {
		return nil, err
	}
	r.lent.Progress.Line("the suite %s: %s; reports are in %s", name, now.Outcome(), folder)
	if failed != nil {
		return nil, fmt.Errorf("the suite %s: %w", name, failed)
	}
	return &now, nil
}

// onlyWorker leaves the node that changes: the control plane stays what it is.
func (r *rollout) onlyWorker(to target.Target, described results.Column) (target.Target, results.Column) {
	nodes, facts := to.Nodes, described.Nodes
	to.Nodes, described.Nodes = nil, nil
	for _, node := range nodes {
		if node.Name == r.worker {
			to.Nodes = append(to.Nodes, node)
		}
	}
	for _, node := range facts {
		if node.Name == r.worker {
			described.Nodes = append(described.Nodes, node)
		}
	}
	return to, described
}

// untilClean waits until the namespaces of a run of the suite are gone.
func (r *rollout) untilClean(ctx context.Context, prefix string) error {
	return until(ctx, nodePatience, "the end of the suite's namespaces", func(ctx context.Context) (bool, string) {
		list, err := r.lent.Cluster.Client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: workload.Label + "=namespace"})
		if err != nil {
			return false, err.Error()
		}
		for _, namespace := range list.Items {
			if strings.HasPrefix(namespace.Name, prefix) {
				return false, namespace.Name
			}
		}
		return true, ""
	})
}

// compare compares the suite before with the suite after, and writes what differs beside both.
func (r *rollout) compare(before, after *results.Results) (Comparison, error) {
	sides := [2]diff.Input{}
	for i, side := range []struct {
		name string
		run  *results.Results
	}{{"before", before}, {"after", after}} {
		sides[i] = diff.Input{File: filepath.Join(r.upgrade.Name, side.name, reports.ResultsFile), Run: side.run}
	}
	matched, err := diff.Match(sides[0], sides[1], nil)
	if err != nil {
		return Comparison{}, err
	}
	d := diff.Compare(sides[0], sides[1], matched, diff.Options{Explainer: r.options.Explainer})
	folder := filepath.Join(r.lent.Folder, r.upgrade.Name)
	for name, write := range map[string]func(io.Writer) error{
		"diff.html": d.WriteHTML, "diff.md": d.WriteMarkdown, "diff.json": d.WriteJSON,
	} {
		if err := atomicfile.Write(filepath.Join(folder, name), write); err != nil {
			return Comparison{}, err
		}
	}
	compared := Comparison{Compared: len(after.Checks)}
	for i := range d.Pairs {
		for _, entry := range d.Pairs[i].Of(diff.NewFailure) {
			if entry.Level == results.LevelMust {
				compared.NewFailures = append(compared.NewFailures, entry.Check)
			}
		}
		for _, entry := range d.Pairs[i].Of(diff.NotComparable) {
			compared.NotComparable = append(compared.NotComparable, entry.Check)
		}
		compared.Changed += len(d.Pairs[i].Of(diff.Changed))
	}
	r.lent.Progress.Line("the suite after against the suite before: %d new failures, %d changes of %d checks; see %s",
		len(compared.NewFailures), compared.Changed, compared.Compared, filepath.Join(folder, "diff.html"))
	return compared, nil
}
