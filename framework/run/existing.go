package run

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"

	"assay/framework/column"
	"assay/framework/existing"
	"assay/framework/progress"
	"assay/framework/target"
	"assay/reports/results"
)

// existingProvider makes targets of nodes that somebody else runs.
type existingProvider struct {
	run     *Run
	columns map[string]existing.Column
	ids     map[string]string
	// nodes are in use by one column at a time: two of one node would be in each other's way.
	nodes map[string]*semaphore.Weighted

	mutex sync.Mutex
	// entered are the columns in whose clusters something may have been made, held the nodes in use by column.
	entered map[string]bool
	held    map[string][]string
}

func newExistingProvider(r *Run) *existingProvider {
	p := &existingProvider{
		run: r, columns: map[string]existing.Column{}, ids: map[string]string{}, nodes: map[string]*semaphore.Weighted{},
		entered: map[string]bool{}, held: map[string][]string{},
	}
	for i, c := range r.options.Existing {
		p.columns[c.Name] = c
		p.ids[c.Name] = columnID(r.id, i)
		for _, key := range nodeKeys(c) {
			p.nodes[key] = semaphore.NewWeighted(1)
		}
	}
	return p
}

// columnID is the ID of a column in the names of its namespaces: columns of one cluster have namespaces of their
// own, and the name of a column may hold dots.
func columnID(run string, index int) string { return fmt.Sprintf("%s-c%d", run, index+1) }

// nodeKeys name the nodes of a column among those of all clusters, in a stable order.
func nodeKeys(c existing.Column) []string {
	var keys []string
	for _, node := range c.Nodes {
		keys = append(keys, c.Context+"/"+node.Name)
	}
	slices.Sort(keys)
	return keys
}

// prepare implements provider: nothing is made for all columns.
func (p *existingProvider) prepare(columns []column.Column) error {
	host := results.Host{}
	var kernels, systems, architectures []string
	for _, c := range columns {
		for _, node := range p.columns[c.Name].Nodes {
			info := node.Status.NodeInfo
			kernels, systems, architectures = append(kernels, info.KernelVersion), append(systems, info.OSImage), append(architectures, info.Architecture)
		}
	}
	all := func(values []string) string {
		slices.Sort(values)
		return strings.Join(slices.Compact(values), ", ")
	}
	host.Kernel, host.OS, host.Arch = all(kernels), all(systems), all(architectures)
	p.run.mutex.Lock()
	defer p.run.mutex.Unlock()
	p.run.results.Host = host
	p.run.results.Run.Versions = suiteVersions()
	return nil
}

// lanes implements provider: columns of the same nodes wait for each other when they are provided.
func (p *existingProvider) lanes(columns []column.Column) [][]column.Column {
	lanes := make([][]column.Column, 0, len(columns))
	for _, c := range columns {
		lanes = append(lanes, []column.Column{c})
	}
	return lanes
}

func (p *existingProvider) provide(c column.Column, log *progress.Log) (target.Target, error) {
	ctx, found := p.run.ctx, p.columns[c.Name]
	for _, key := range nodeKeys(found) {
		if err := p.nodes[key].Acquire(ctx, 1); err != nil {
			return target.Target{}, context.Cause(ctx)
		}
		p.mutex.Lock()
		p.held[c.Name] = append(p.held[c.Name], key)
		p.mutex.Unlock()
	}
	missing, err := existing.Missing(ctx, found.Client)
	if err != nil {
		return target.Target{}, err
	}
	if len(missing) > 0 {
		return target.Target{}, &refusedError{fmt.Sprintf(
			"the user of context %s may not %s; `assay rbac` prints what a run needs", found.Context, strings.Join(missing, ", "))}
	}
	if found.Unused > 0 {
		log.Line("%d of %d nodes are used; --nodes-per-column all takes all", len(found.Nodes), len(found.Nodes)+found.Unused)
	}
	p.mutex.Lock()
	p.entered[c.Name] = true
	p.mutex.Unlock()
	done := log.Step("ask the nodes")
	to, facts, err := found.Prepare(ctx, p.ids[c.Name], p.run.options.ProbeImage)
	done(err)
	p.run.change(c.Name, func(described *results.Column) { described.Nodes = facts })
	if reason := to.Forbids(err); reason != "" {
		return to, &refusedError{reason}
	}
	for _, node := range to.Nodes {
		if node.Unusable != nil {
			log.Line("%v", node.Unusable)
		}
	}
	return to, err
}

func (p *existingProvider) namespaces(c column.Column) (id string, clean bool) {
	return p.ids[c.Name], true
}

func (*existingProvider) collect(column.Column, string) (bool, error) { return false, nil }

// release implements provider: it waits until the namespaces of the column are gone, so that the cluster is as
// it was.
func (p *existingProvider) release(c column.Column, log *progress.Log, unsaved error) {
	if unsaved != nil {
		log.Line("the results could not be written: %v", unsaved)
	}
	p.mutex.Lock()
	entered, held := p.entered[c.Name], p.held[c.Name]
	p.mutex.Unlock()
	if entered {
		found := p.columns[c.Name]
		done := log.Step("delete the namespaces")
		left, err := existing.Remove(context.WithoutCancel(p.run.ctx), found.Client, p.ids[c.Name])
		done(err)
		if err != nil {
			log.Line("%v", err)
		}
		for _, name := range left {
			log.Line("left behind in the cluster of context %s: namespace %s", found.Context, name)
		}
	}
	for _, key := range held {
		p.nodes[key].Release(1)
	}
}

// existingOptions reads the settings of a run in clusters that are there already.
func (s Settings) existingOptions(ctx context.Context) (Options, error) {
	for flag, set := range map[string]bool{
		"--matrix": s.Matrix != "", "--topology": s.Topology != "", "--engine": s.Engine != "", "--keep": s.Keep, "--reuse": s.Reuse,
	} {
		if set {
			return Options{}, fmt.Errorf("%s has no meaning in an existing cluster; leave it out, or leave out --kubeconfig and --context", flag)
		}
	}
	if err := s.Existing.Validate(); err != nil {
		return Options{}, err
	}
	// The command may be used outside of a checkout: nothing is built.
	root, err := Root()
	if err != nil {
		root = "."
	}
	if s.Out == "" {
		s.Out = filepath.Join(root, "reports", "out")
	}
	expected, err := s.expectations(root, "")
	if err != nil {
		return Options{}, err
	}
	found, err := existing.Find(ctx, s.Existing)
	if err != nil {
		return Options{}, err
	}
	options := Options{
		Expected: expected, Root: root, Out: s.Out, ProbeImage: s.Existing.ProbeImage, Again: s.Existing.Arguments(), Parallel: s.Parallel,
	}
	known := make([]string, 0, len(found))
	for _, c := range found {
		known = append(known, c.Name)
		if len(s.Columns) == 0 || slices.Contains(s.Columns, c.Name) {
			options.Existing = append(options.Existing, c)
			options.Columns = append(options.Columns, c.Column)
		}
	}
	for _, name := range s.Columns {
		if !slices.Contains(known, name) {
			return Options{}, fmt.Errorf("there is no column %q; the columns are %s", name, strings.Join(known, ", "))
		}
	}
	return options, nil
}
