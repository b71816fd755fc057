package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"

	"golang.org/x/sync/semaphore"

	"assay/framework/check"
	"assay/framework/cluster"
	"assay/framework/column"
	"assay/framework/doctor"
	"assay/framework/engine"
	"assay/framework/filterdump"
	"assay/framework/fleet"
	"assay/framework/nodeimage"
	"assay/framework/placement"
	"assay/framework/probeimage"
	"assay/framework/progress"
	"assay/framework/runner"
	"assay/framework/specs"
	"assay/framework/target"
	"assay/reports/results"
)

// provisions is what all columns need before they can have clusters.
type provisions struct {
	engine  *engine.Engine
	machine engine.Machine
	manager *cluster.Manager
	probe   probeimage.Image
	// filterdump reads seccomp filters on the nodes.
	filterdump filterdump.Program
	images     map[string]nodeimage.Result // by column; none for columns with a ready image
}

// execute runs the columns, each in its own failure domain.
func (r *Run) execute(from provider, columns []column.Column, selection specs.Selection) {
	if err := from.prepare(columns); err != nil {
		for _, c := range columns {
			reason := r.reason(err)
			r.change(c.Name, func(described *results.Column) { described.Error = reason })
			r.failColumn(c.Name, selection[c.Name], reason)
		}
		return
	}
	slots := semaphore.NewWeighted(int64(r.options.ColumnsAtOnce()))
	var group sync.WaitGroup
	for _, lane := range from.lanes(columns) {
		group.Go(func() {
			turn := slots.TryAcquire(1)
			if !turn {
				r.progress.Column(lane[0].Name).Line("waits for its turn: %d columns at once (--parallel)", r.options.ColumnsAtOnce())
				// Where the run is interrupted meanwhile, the cells say so.
				turn = slots.Acquire(r.ctx, 1) == nil
			}
			if turn {
				defer slots.Release(1)
			}
			for _, c := range lane {
				r.column(from, c, selection[c.Name])
			}
		})
	}
	group.Wait()
}

// ColumnsAtOnce is how many columns run at the same time: as many as asked for, else one a core of this
// machine, where their clusters are, and two at least. Clusters that are there already have cores of their own.
// Columns that share nodes run one after the other.
func (o Options) ColumnsAtOnce() int {
	all := len(o.Columns)
	if o.Existing == nil {
		all = 0
		for _, placed := range o.Placed() {
			all += len(placed.Groups)
		}
	}
	all = max(1, all)
	switch {
	case o.Parallel > 0:
		return min(o.Parallel, all)
	case len(o.Existing) > 0:
		return all
	default:
		return min(max(2, runtime.NumCPU()), all)
	}
}

// reason says why something ended; an interrupt outweighs what it broke.
func (r *Run) reason(err error) string {
	if r.ctx.Err() != nil {
		return fmt.Sprintf("%v before the evidence was complete", context.Cause(r.ctx))
	}
	return err.Error()
}

func (r *Run) provision(placed []placement.Cluster) (*provisions, error) {
	found, machine, err := r.prepareEngine()
	if err != nil {
		return nil, err
	}
	r.describeHost(found)
	p := &provisions{engine: found, machine: machine, images: map[string]nodeimage.Result{}}
	if p.manager, err = cluster.NewManager(found, machine, r.options.Root, cluster.DefaultTimeouts()); err != nil {
		return nil, err
	}
	r.mutex.Lock()
	r.manager = p.manager
	r.mutex.Unlock()
	var wanted []nodeimage.Spec
	var names []string
	workers := 0
	for _, each := range placed {
		workers += len(each.Groups)
		for _, c := range each.Columns() {
			if c.Image == "" {
				wanted = append(wanted, NodeImage(c))
				names = append(names, c.Name)
			}
		}
	}
	built := r.progress.Step("node images")
	var failed error
	for i, result := range nodeimage.Ensure(r.ctx, found, r.options.Root, wanted, r.progress) {
		p.images[names[i]] = result
		failed = errors.Join(failed, result.Err)
	}
	built(failed)
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	done := r.progress.Step("probe image")
	p.probe, err = probeimage.OfCheckout(r.ctx, r.options.Root, filepath.Join(r.options.Root, engine.StateDirectory, "probe"), runtime.GOARCH)
	if err == nil {
		p.filterdump, err = filterdump.Compile(r.ctx, r.options.Root, runtime.GOARCH)
	}
	done(err)
	if err != nil {
		return nil, err
	}
	return p, engine.EnsureInotify(machine, len(placed), workers, r.progress.Writer())
}

// describeHost keeps the facts of the machine; what cannot be read is left out.
func (r *Run) describeHost(found *engine.Engine) {
	facts, err := doctor.Collect(r.ctx, r.options.Root, found.Name)
	if err != nil {
		r.progress.Line("the machine's facts are not complete: %v", err)
	}
	host := results.Host{
		OS: facts.DistributionName, Kernel: facts.Kernel, Arch: facts.Arch, Cgroup: facts.Cgroup,
		CgroupDriver: facts.CgroupDriver(), Engine: found.Name + " " + found.Version,
		Cores: facts.Cores, MemoryBytes: facts.MemoryBytes,
	}
	for _, finding := range doctor.Diagnose(facts).Findings {
		host.Restrictions = append(host.Restrictions, results.Restriction{
			What: finding.Lack, Detail: finding.Meaning,
		})
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.results.Host = host
	r.results.Run.Versions = suiteVersions()
	r.results.Run.Versions[found.Name] = found.Version
}

func suiteVersions() map[string]string {
	return map[string]string{"go": runtime.Version(), "assay": suiteVersion()}
}

// suiteVersion is the module's version, or the revision it was built from.
func suiteVersion() string {
	info, known := debug.ReadBuildInfo()
	if !known || info.Main.Version == "" {
		return "devel"
	}
	return info.Main.Version
}

// column runs one column from nothing to its cells. What goes wrong here is the column's own.
func (r *Run) column(from provider, c column.Column, checks []check.Check) {
	log := r.progress.Column(c.Name)
	logs := logsOf(c.Name)
	to, err := from.provide(c, log)
	var refused *refusedError
	switch {
	case errors.As(err, &refused):
		// The owners of the cluster said no, which is nobody's failure.
		log.Line("%v", err)
		for _, each := range checks {
			r.record(results.Cell{Check: each.ID, Column: c.Name, Verdict: results.Skipped, Reason: err.Error()})
		}
		err = nil
	case err == nil:
		err = r.observe(from, c, to, checks, log)
	}
	if err != nil {
		reason := r.reason(err)
		r.change(c.Name, func(described *results.Column) { described.Error = reason })
		r.failColumn(c.Name, checks, reason)
		if r.ctx.Err() == nil {
			log.Line("%s", reason)
			collected, err := from.collect(c, filepath.Join(r.folder, logs))
			if collected {
				log.Line("the logs of its nodes are in %s", filepath.Join(r.folder, logs))
				r.change(c.Name, func(described *results.Column) { described.Logs = logs })
			}
			if err != nil {
				log.Line("the nodes' logs could not be collected: %v", err)
			}
		}
	}
	// What was observed is on disk before anything is torn down.
	from.release(c, log, r.save())
}

// describeImage keeps what a column's nodes are made of.
func (r *Run) describeImage(column string, image nodeimage.Image) {
	r.change(column, func(described *results.Column) {
		described.NodeImage = image.Ref + "@" + image.ID
		described.Kubernetes = image.Kubernetes
	})
}

// remember notes a cluster that is there, or may be, until it is forgotten.
func (r *Run) remember(cluster string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.clusters[cluster] = true
}

func (r *Run) forget(cluster string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.clusters, cluster)
}

// logsOf is the folder of the logs of a column's nodes in that of the run.
func logsOf(column string) string { return filepath.Join("logs", column) }

// observe gathers the evidence.
func (r *Run) observe(from provider, c column.Column, to target.Target, checks []check.Check, log *progress.Log) error {
	done := log.Counted("evidence", func() string {
		return fmt.Sprintf("%d of %d checks", r.judged(c.Name), len(checks))
	})
	id, clean := from.namespaces(c)
	gather := runner.Run
	if to.Sweep {
		gather = fleet.Run
	}
	err := gather(r.ctx, to, runner.Options{
		RunID: id, Clean: clean, Checks: checks, Progress: log, Cell: r.record,
		Evidence: runner.Evidence{Root: r.folder, Folder: filepath.Join("evidence", c.Name)},
		Timeouts: runner.DefaultTimeouts(), PolicyEngineFault: r.options.PolicyEngineFault,
	})
	done(err)
	return err
}

// NodeImage says which node image a column without a ready one needs.
func NodeImage(c column.Column) nodeimage.Spec {
	return nodeimage.Spec{Runtime: c.Runtime.Name, Version: c.Runtime.Version, Kubernetes: c.Kubernetes, Base: c.Base}
}
