package run

import (
	"assay/framework/column"
	"assay/framework/progress"
	"assay/framework/target"
)

// provider makes targets of columns.
type provider interface {
	// prepare makes what all columns need. Its error is that of each of them.
	prepare(columns []column.Column) error
	// lanes are the columns by what they wait for: those of a lane have their turn one after the other.
	lanes(columns []column.Column) [][]column.Column
	// provide makes the target of a column. A refusedError means that the owners of the cluster do not allow it.
	// Columns of different lanes are provided at the same time.
	provide(c column.Column, log *progress.Log) (target.Target, error)
	// namespaces is the ID for the names of the column's namespaces, and whether they are to be deleted in the end.
	namespaces(c column.Column) (id string, clean bool)
	// collect writes the nodes' logs of a column that failed into a folder, where there are any.
	collect(c column.Column, folder string) (collected bool, err error)
	// release takes away what was made for a column, also where it could not be provided. unsaved is why the
	// results could not be written, nil where they were.
	release(c column.Column, log *progress.Log, unsaved error)
}

// refusedError says that the owners of a cluster do not allow a run in it.
type refusedError struct{ reason string }

func (e *refusedError) Error() string { return e.reason }

// provider is that of the run's columns.
func (r *Run) provider() provider {
	if r.options.Existing != nil {
		return newExistingProvider(r)
	}
	return newKindProvider(r, &kindMaker{run: r}, r.options.Columns, r.options.Topology)
}
