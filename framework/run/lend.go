package run

import (
	"context"

	"assay/framework/cluster"
	"assay/framework/column"
	"assay/framework/progress"
	"assay/framework/target"
	"assay/reports/results"
)

// Loan is a column with a cluster, for something other than a run of the checks.
type Loan struct {
	ID string
	// Folder is the run's; what it holds in the end is the borrower's business.
	Folder  string
	Cluster *cluster.Cluster
	Target  target.Target
	// Described is what the nodes said of themselves.
	Described results.Column
	Progress  *progress.Log
}

// Lend provides a column with a cluster, lets somebody use it, and deletes it as a run would. It is
// called instead of Start, and returns the error of use.
func (r *Run) Lend(c column.Column, use func(context.Context, Loan) error) error {
	if err := r.makeFolder(); err != nil {
		return err
	}
	if err := r.redirectClientLog(); err != nil {
		return err
	}
	r.results.Columns = append(r.results.Columns, describe(c))
	from := newKindProvider(r, &kindMaker{run: r}, []column.Column{c}, column.Isolated)
	if err := from.prepare([]column.Column{c}); err != nil {
		return err
	}
	log := r.progress.Column(c.Name)
	defer from.release(c, log, nil)
	to, err := from.provide(c, log)
	if err != nil {
		return err
	}
	return use(r.ctx, Loan{
		ID: r.id, Folder: r.folder, Cluster: from.of(c.Name).made, Target: to, Described: r.snapshot().Columns[0], Progress: log,
	})
}
