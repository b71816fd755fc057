package run

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"

	"assay/framework/cluster"
	"assay/framework/column"
	"assay/framework/placement"
	"assay/framework/progress"
	"assay/framework/target"
)

// kindProvider has kind clusters made for columns: each by whoever of its columns comes first, and deleted when
// the last of them has ended.
type kindProvider struct {
	run    *Run
	maker  clusterMaker
	shared []*sharedCluster
	// ids name the columns in the names of their namespaces.
	ids map[string]string
}

// clusterMaker makes clusters and targets of them.
type clusterMaker interface {
	// prepare makes what all clusters need.
	prepare(placed []placement.Cluster) error
	// create makes a cluster. failed are the errors of columns that it cannot be used for, err is that of all
	// columns; there may be a cluster beside either.
	create(placed placement.Cluster, log *progress.Log) (made *cluster.Cluster, failed map[string]error, err error)
	// target is a column's part of a cluster.
	target(c column.Column, in *sharedCluster) (target.Target, error)
	// collect writes the logs of a column's nodes into a folder.
	collect(group placement.Group, made *cluster.Cluster, folder string) error
	// clear deletes what a column made in a cluster that others go on with, and waits until it is gone. It ends
	// with its context: the cluster is to be removed then.
	clear(ctx context.Context, made *cluster.Cluster, id string, log *progress.Log)
	// remove deletes a cluster, or leaves it where it is to be kept.
	remove(made *cluster.Cluster, log *progress.Log)
}

// sharedCluster is a cluster of columns, which is there or will be.
type sharedCluster struct {
	placement.Cluster
	once   sync.Once
	made   *cluster.Cluster
	failed map[string]error // by column
	err    error
	// needed ends when no column needs the cluster any more, by leave.
	needed context.Context
	leave  context.CancelFunc

	mutex sync.Mutex
	// entered are the columns that may have made something.
	entered map[string]bool
	// open is how many columns of the run have not ended, unsaved why the results of one could not be written.
	open    int
	unsaved error
}

// failure is why a column cannot use the cluster.
func (s *sharedCluster) failure(column string) error {
	if err := s.failed[column]; err != nil {
		return err
	}
	return s.err
}

// group is that of a column.
func (s *sharedCluster) group(column string) placement.Group {
	return s.Groups[slices.IndexFunc(s.Groups, func(g placement.Group) bool { return g.Has(column) })]
}

// newKindProvider is the provider of columns of a topology; those of a run may be some of them.
func newKindProvider(r *Run, maker clusterMaker, columns []column.Column, topology column.Topology) *kindProvider {
	k := &kindProvider{run: r, maker: maker, ids: map[string]string{}}
	for _, placed := range placement.Place(columns, topology) {
		s := &sharedCluster{Cluster: placed, entered: map[string]bool{}}
		s.needed, s.leave = context.WithCancel(r.ctx)
		k.shared = append(k.shared, s)
	}
	for i, c := range columns {
		k.ids[c.Name] = columnID(r.id, i)
	}
	return k
}

// of is the cluster of a column.
func (k *kindProvider) of(column string) *sharedCluster {
	return k.shared[slices.IndexFunc(k.shared, func(s *sharedCluster) bool { return s.Has(column) })]
}

// prepare implements provider: clusters without a column in the run are not made.
func (k *kindProvider) prepare(columns []column.Column) error {
	var needed []placement.Cluster
	for _, c := range columns {
		s := k.of(c.Name)
		if s.open == 0 {
			needed = append(needed, s.Cluster)
		}
		s.open++
	}
	return k.maker.prepare(needed)
}

// lanes implements provider: columns that share nodes have their turn one after the other.
func (k *kindProvider) lanes(columns []column.Column) [][]column.Column {
	var lanes [][]column.Column
	for _, group := range placement.Place(columns, column.Mixed) {
		for _, each := range group.Groups {
			lanes = append(lanes, each.Columns)
		}
	}
	return lanes
}

func (k *kindProvider) provide(c column.Column, log *progress.Log) (target.Target, error) {
	s := k.of(c.Name)
	s.once.Do(func() {
		steps := log
		if s.Topology == column.Mixed {
			steps = k.run.progress
		}
		s.made, s.failed, s.err = k.maker.create(s.Cluster, steps)
	})
	if err := s.failure(c.Name); err != nil {
		return target.Target{}, err
	}
	s.mutex.Lock()
	s.entered[c.Name] = true
	s.mutex.Unlock()
	return k.maker.target(c, s)
}

// namespaces implements provider: a cluster that is deleted takes them with it, and a reused one may hold those
// of earlier runs.
func (k *kindProvider) namespaces(c column.Column) (id string, clean bool) {
	return k.ids[c.Name], k.run.options.Keep
}

// collect implements provider; nodes that could not be made have left their logs already, where they said
// anything.
func (k *kindProvider) collect(c column.Column, folder string) (bool, error) {
	s, err := k.of(c.Name), error(nil)
	if s.made != nil {
		err = k.maker.collect(s.group(c.Name), s.made, folder)
	}
	_, missing := os.Stat(folder)
	return missing == nil, err
}

func (k *kindProvider) release(c column.Column, log *progress.Log, unsaved error) {
	s := k.of(c.Name)
	s.mutex.Lock()
	s.open--
	s.unsaved = errors.Join(s.unsaved, unsaved)
	last, entered, unsaved := s.open == 0, s.entered[c.Name], s.unsaved
	s.mutex.Unlock()
	switch {
	case s.made == nil:
	case !last && entered:
		// The column after it on these nodes needs their room, and the others the machine's.
		k.maker.clear(s.needed, s.made, k.ids[c.Name], log)
	case !last:
	case unsaved != nil:
		log.Line("the results could not be written, so the cluster is kept: %v", unsaved)
	default:
		if !k.run.options.Keep {
			// Columns that ended just before may still be deleting their namespaces.
			s.leave()
		}
		k.maker.remove(s.made, log)
	}
}
