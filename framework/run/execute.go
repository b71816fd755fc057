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
	for _, c := range columns {
		group.Go(func() {
			if !slots.TryAcquire(1) {
				r.progress.Column(c.Name).Line("waits for its turn: %d columns at once (--parallel)", r.options.ColumnsAtOnce())
				if slots.Acquire(r.ctx, 1) != nil {
					// Its cells say that the run was interrupted.
					r.column(from, c, selection[c.Name])
					return
				}
			}
			defer slots.Release(1)
			r.column(from, c, selection[c.Name])
		})
	}
	group.Wait()
}

// ColumnsAtOnce is how many columns run at the same time: as many as asked for, else one a core of this
// machine, where their clusters are, and two at least. Clusters that are there already have cores of their own.
func (o Options) ColumnsAtOnce() int {
	all := max(1, len(o.Columns))
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

func (r *Run) provision(columns []column.Column) (*provisions, error) {
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
	for _, c := range columns {
		if c.Image == "" {
			wanted = append(wanted, NodeImage(c))
			names = append(names, c.Name)
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
	return p, engine.EnsureInotify(machine, len(columns), len(columns), r.progress.Writer())
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
	logs := filepath.Join("logs", c.Name)
	to, err := from.provide(c, log, filepath.Join(r.folder, logs))
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

func (r *Run) tearDown(p *provisions, c column.Column, made *cluster.Cluster, log *progress.Log) {
	ctx := context.WithoutCancel(r.ctx)
	if r.options.Keep {
		if err := p.manager.Keep(made.Name); err != nil {
			log.Line("cluster %s could not be marked as kept: %v", made.Name, err)
		}
		log.Line("cluster %s is kept; --reuse takes it, `assay clean` deletes it", made.Name)
		return
	}
	done := log.Step("delete the cluster")
	err := p.manager.Delete(ctx, made.Name)
	done(err)
	if err != nil {
		log.Line("cluster %s is left behind: %v", made.Name, err)
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.clusters, c.Name)
}

// provide gets the column a cluster: a kept one where that is asked for and one fits, else a new one.
func (r *Run) provide(p *provisions, c column.Column, log *progress.Log, logs string) (*cluster.Cluster, error) {
	image := c.Image
	if image == "" {
		built := p.images[c.Name]
		if built.Err != nil {
			return nil, built.Err
		}
		image = built.Image.Ref
		r.change(c.Name, func(described *results.Column) {
			described.NodeImage = built.Image.Ref + "@" + built.Image.ID
			described.Kubernetes = built.Image.Kubernetes
		})
	}
	if r.options.Reuse {
		found, reasons, err := p.manager.Find(r.ctx, c, image)
		if err != nil {
			return nil, err
		}
		for _, reason := range reasons {
			log.Line("not reused: %s", reason)
		}
		if found != nil {
			log.Line("reusing cluster %s", found.Name)
			r.remember(c.Name, found.Name)
			return found, nil
		}
	}
	r.remember(c.Name, cluster.Name(r.id, c.Name))
	made, err := p.manager.Create(r.ctx, cluster.Options{
		RunID: r.id, Column: c, Image: image, Progress: log, LogDirectory: logs, Keep: r.options.Keep,
	})
	if err != nil && !r.options.Keep {
		r.mutex.Lock()
		delete(r.clusters, c.Name)
		r.mutex.Unlock()
	}
	return made, err
}

func (r *Run) remember(column, name string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.clusters[column] = name
}

// observe gathers the evidence.
func (r *Run) observe(from provider, c column.Column, to target.Target, checks []check.Check, log *progress.Log) error {
	done := log.Step("evidence")
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
