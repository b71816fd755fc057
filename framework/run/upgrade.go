package run

import (
	"cmp"
	"context"
	"path/filepath"

	"assay/framework/cluster"
	"assay/framework/column"
	"assay/framework/engine"
	"assay/framework/placement"
	"assay/framework/progress"
	"assay/framework/target"
	"assay/reports/results"
)

// Upgrading is a cluster whose nodes are of one column, and are to become those of another.
type Upgrading struct {
	ID string
	// Folder is the run's.
	Folder  string
	Cluster *cluster.Cluster
	// Target are the nodes as they are before.
	Target target.Target
	// Described is what they said of themselves.
	Described results.Column
	// Engine has Image, the node image of the column that the nodes are to become.
	Engine   *engine.Engine
	Image    string
	Progress *progress.Log
	// Record takes a cell of the matrix of upgrades.
	Record func(results.Cell)
	// Prepare makes a target of nodes after their upgrade, with the probe and the profiles that checks need, and says
	// what they are now.
	Prepare func(*cluster.Cluster) (target.Target, results.Column, error)
	// Results are those of a run without columns, checks and cells: when, where and by what it is made.
	Results func() results.Results
}

// Upgrade provides a cluster for each of the upgrades, one after the other, lets somebody use it, and deletes it. The
// upgrades are the columns of the results, checks are the rows; a cell that is not recorded is an error with the error
// of use. It is called instead of Start; Finish writes the reports.
func (r *Run) Upgrade(upgrades []column.Upgrade, checks []results.Check, use func(context.Context, column.Upgrade, Upgrading) error) error {
	if err := r.makeFolder(); err != nil {
		return err
	}
	if err := r.redirectClientLog(); err != nil {
		return err
	}
	r.results.Checks = checks
	for _, u := range upgrades {
		described := describe(u.To)
		described.Name = u.Name
		r.results.Columns = append(r.results.Columns, described)
		for _, each := range checks {
			r.waiters[place{each.ID, u.Name}] = make(chan struct{})
		}
	}
	r.progress.Line("run %s: %d upgrades, one after the other; reports go to %s", r.id, len(upgrades), r.folder)
	for _, u := range upgrades {
		err := context.Cause(r.ctx)
		if err == nil {
			err = r.upgrade(u, use)
		}
		if err == nil {
			continue
		}
		reason := r.reason(err)
		r.progress.Column(u.Name).Line("%s", reason)
		r.change(u.Name, func(described *results.Column) { described.Error = reason })
		for _, each := range checks {
			r.record(results.Cell{Check: each.ID, Column: u.Name, Verdict: results.Error, Reason: reason})
		}
	}
	return nil
}

func (r *Run) upgrade(u column.Upgrade, use func(context.Context, column.Upgrade, Upgrading) error) error {
	// The cluster is the upgrade's and no column's.
	from, to := u.From, u.To
	from.Name = u.Name
	m := &kindMaker{run: r}
	if err := m.prepare(placement.Place([]column.Column{from, to}, column.Isolated)); err != nil {
		return err
	}
	image := m.provisions.images[to.Name]
	if image.Err != nil {
		return image.Err
	}
	log := r.progress.Column(u.Name)
	made, bad, err := m.create(placement.Place([]column.Column{from}, column.Isolated)[0], log)
	if made != nil {
		defer func() {
			// What was observed is on disk before anything is torn down.
			if err := r.save(); err != nil {
				log.Line("the results could not be written, so the cluster is kept: %v", err)
				return
			}
			m.remove(made, log)
		}()
	}
	if err := cmp.Or(err, bad[from.Name]); err != nil {
		return err
	}
	prepare := func(nodes *cluster.Cluster, c column.Column) (target.Target, results.Column, error) {
		c.Name = u.Name
		r.change(u.Name, func(described *results.Column) {
			described.Runtime = results.Runtime{Name: c.Runtime.Name, Version: c.Runtime.Version}
		})
		prepared, err := r.prepareTarget(m.provisions, c, nodes)
		described, _ := r.described(u.Name)
		return prepared, described, err
	}
	before, described, err := prepare(made, from)
	if err != nil {
		return err
	}
	failed := use(r.ctx, u, Upgrading{
		ID: r.id, Folder: r.folder, Cluster: made, Target: before, Described: described,
		Engine: m.provisions.engine, Image: image.Image.Ref, Progress: log, Record: r.record,
		Prepare: func(nodes *cluster.Cluster) (target.Target, results.Column, error) {
			r.change(u.Name, func(described *results.Column) { described.NodeImage = image.Image.Ref + "@" + image.Image.ID })
			// The store of another runtime has no probe yet.
			if err := r.loadNodes(m.provisions, nodes); err != nil {
				return target.Target{}, results.Column{}, err
			}
			return prepare(nodes, to)
		},
		Results: func() results.Results {
			now := r.snapshot()
			now.Columns, now.Checks, now.Cells, now.Phases, now.Expectations = nil, nil, nil, nil, nil
			return now
		},
	})
	if r.ctx.Err() != nil {
		return failed
	}
	// The journals say what the daemons made of it, whatever came of it.
	if err := made.CollectLogs(r.ctx, filepath.Join(r.folder, logsOf(u.Name))); err != nil {
		log.Line("the nodes' logs could not be collected: %v", err)
	} else {
		r.change(u.Name, func(described *results.Column) { described.Logs = logsOf(u.Name) })
	}
	return failed
}

// described is what is known of a column now.
func (r *Run) described(name string) (results.Column, bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.results.Column(name)
}
