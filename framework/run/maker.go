package run

import (
	"context"
	"maps"
	"path/filepath"
	"sync"

	"assay/framework/cluster"
	"assay/framework/column"
	"assay/framework/existing"
	"assay/framework/placement"
	"assay/framework/progress"
	"assay/framework/target"
)

// kindMaker makes the clusters with kind.
type kindMaker struct {
	run        *Run
	provisions *provisions
}

func (m *kindMaker) prepare(placed []placement.Cluster) (err error) {
	m.provisions, err = m.run.provision(placed)
	return err
}

// create gets a cluster: a kept one where that is asked for and one fits, else a new one. Its nodes have the
// probe then.
func (m *kindMaker) create(placed placement.Cluster, log *progress.Log) (*cluster.Cluster, map[string]error, error) {
	images, failed := m.images(placed)
	usable := func() placement.Cluster {
		return placed.Without(func(group placement.Group) bool { return failed[group.Name()] != nil })
	}
	if len(usable().Groups) == 0 {
		return nil, failed, nil
	}
	made, err := m.reuse(usable(), images, log)
	if err == nil && made == nil {
		var bad map[string]error
		made, bad, err = m.make(usable(), images, log)
		maps.Copy(failed, bad)
	}
	if err != nil {
		return nil, failed, err
	}
	maps.Copy(failed, m.load(made, usable()))
	return made, failed, nil
}

// images are the node images by the names of the groups, and why columns have none.
func (m *kindMaker) images(placed placement.Cluster) (images map[string]string, failed map[string]error) {
	images, failed = map[string]string{}, map[string]error{}
	for _, group := range placed.Groups {
		for _, c := range group.Columns {
			images[c.Name] = c.Image
			if c.Image != "" {
				continue
			}
			built := m.provisions.images[c.Name]
			if built.Err != nil {
				failed[c.Name] = built.Err
				continue
			}
			images[c.Name] = built.Image.Ref
			m.run.describeImage(c.Name, built.Image)
		}
	}
	return images, failed
}

// reuse finds a kept cluster where that is asked for; nil where there is none that fits.
func (m *kindMaker) reuse(placed placement.Cluster, images map[string]string, log *progress.Log) (*cluster.Cluster, error) {
	if !m.run.options.Reuse {
		return nil, nil
	}
	found, reasons, err := m.provisions.manager.Find(m.run.ctx, placed, images)
	if err != nil {
		return nil, err
	}
	for _, reason := range reasons {
		log.Line("not reused: %s", reason)
	}
	if found != nil {
		log.Line("reusing cluster %s", found.Name)
		m.run.remember(found.Name)
	}
	return found, nil
}

func (m *kindMaker) make(placed placement.Cluster, images map[string]string, log *progress.Log) (*cluster.Cluster, map[string]error, error) {
	r := m.run
	name := cluster.Name(r.id, placed.Name())
	r.remember(name)
	made, failed, err := m.provisions.manager.Create(r.ctx, cluster.Plan{
		RunID: r.id, Placed: placed, Images: images, Progress: log, Keep: r.options.Keep,
		Logs: func(column string) string { return filepath.Join(r.folder, logsOf(column)) },
	})
	if err != nil && !r.options.Keep {
		r.forget(name)
	}
	return made, failed, err
}

// load waits for the nodes of each group and puts the probe and the profiles on them: pods of a column may be
// on nodes of another. It returns what went wrong by column.
func (m *kindMaker) load(made *cluster.Cluster, placed placement.Cluster) map[string]error {
	bad := map[string]error{}
	var mutex sync.Mutex
	var working sync.WaitGroup
	for _, group := range placed.Groups {
		working.Go(func() {
			err := m.loadGroup(made.Of(group), m.run.progress.Column(group.Name()))
			if err == nil {
				return
			}
			mutex.Lock()
			defer mutex.Unlock()
			for _, c := range group.Columns {
				bad[c.Name] = err
			}
		})
	}
	working.Wait()
	return bad
}

func (m *kindMaker) loadGroup(nodes *cluster.Cluster, log *progress.Log) error {
	done := log.Step("network and nodes ready")
	err := nodes.Await(m.run.ctx)
	done(err)
	if err != nil {
		return err
	}
	done = log.Step("load the probe")
	err = m.run.loadNodes(m.provisions, nodes)
	done(err)
	return err
}

func (m *kindMaker) target(c column.Column, in *sharedCluster) (target.Target, error) {
	group := in.group(c.Name)
	nodes := in.made.Of(group)
	// The column before on these nodes may have restarted their daemons a moment ago, and the nodes may have
	// died while this one waited for its turn.
	if err := nodes.Await(m.run.ctx); err != nil {
		return target.Target{}, err
	}
	to, err := m.run.prepareTarget(m.provisions, c, nodes)
	if in.Topology == column.Mixed {
		to.Others = others(in, group)
	}
	return to, err
}

// others are the workers of the other groups of a cluster that can be used, those with another runtime first.
func others(in *sharedCluster, of placement.Group) []target.Node {
	var nodes []target.Node
	for _, group := range in.Neighbours(of) {
		if name := in.made.Worker(group); name != "" && in.failed[group.Name()] == nil {
			nodes = append(nodes, target.Node{Name: name})
		}
	}
	return nodes
}

func (m *kindMaker) collect(group placement.Group, made *cluster.Cluster, folder string) error {
	if made.Worker(group) == "" {
		// The cluster was made again without it; its logs were collected before.
		return nil
	}
	return made.Of(group).CollectLogs(m.run.ctx, folder)
}

func (m *kindMaker) clear(ctx context.Context, made *cluster.Cluster, id string, log *progress.Log) {
	if ctx.Err() != nil {
		// The run was interrupted: no column goes on, and what is kept is cleaned by who made it.
		return
	}
	done := log.Step("delete the namespaces")
	left, err := existing.Remove(ctx, made.Client, id)
	if ctx.Err() != nil && m.run.ctx.Err() == nil {
		// They go with the cluster.
		done(nil)
		return
	}
	done(err)
	for _, name := range left {
		log.Line("left behind in cluster %s: namespace %s", made.Name, name)
	}
}

func (m *kindMaker) remove(made *cluster.Cluster, log *progress.Log) {
	if m.run.options.Keep {
		if err := m.provisions.manager.Keep(made.Name); err != nil {
			log.Line("cluster %s could not be marked as kept: %v", made.Name, err)
		}
		log.Line("cluster %s is kept; --reuse takes it, `assay clean` deletes it", made.Name)
		return
	}
	done := log.Step("delete the cluster")
	err := m.provisions.manager.Delete(context.WithoutCancel(m.run.ctx), made.Name)
	done(err)
	if err != nil {
		log.Line("cluster %s is left behind: %v", made.Name, err)
		return
	}
	m.run.forget(made.Name)
}
