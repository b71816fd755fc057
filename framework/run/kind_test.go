package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"assay/framework/check"
	"assay/framework/cluster"
	"assay/framework/column"
	"assay/framework/placement"
	"assay/framework/progress"
	"assay/framework/specs"
	"assay/framework/target"
	"assay/reports/results"
)

// fakeMaker makes clusters of nothing, and notes what is asked of it.
type fakeMaker struct {
	mutex sync.Mutex
	notes []string
	// bad are columns whose nodes do not come up, broken are clusters that do not.
	bad, broken []string
	// using are the groups in use, by name.
	using map[string]int
	// stuck is whether namespaces are never gone.
	stuck bool
}

func (m *fakeMaker) note(format string, arguments ...any) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.notes = append(m.notes, fmt.Sprintf(format, arguments...))
}

func (m *fakeMaker) prepare(placed []placement.Cluster) error {
	m.note("prepare %d", len(placed))
	return nil
}

func (m *fakeMaker) create(placed placement.Cluster, _ *progress.Log) (*cluster.Cluster, map[string]error, error) {
	m.note("create %s", placed.Name())
	if slices.Contains(m.broken, placed.Name()) {
		return nil, nil, errors.New("no cluster")
	}
	failed := map[string]error{}
	for _, c := range placed.Columns() {
		if slices.Contains(m.bad, c.Name) {
			failed[c.Name] = errors.New("a bad worker")
		}
	}
	return &cluster.Cluster{Record: cluster.Record{Name: placed.Name()}}, failed, nil
}

// target takes a moment, in which no other column of the same nodes may come.
func (m *fakeMaker) target(c column.Column, in *sharedCluster) (target.Target, error) {
	group := in.group(c.Name).Name()
	m.note("target %s", c.Name)
	m.mutex.Lock()
	if m.using == nil {
		m.using = map[string]int{}
	}
	m.using[group]++
	crowd := m.using[group]
	m.mutex.Unlock()
	<-time.After(10 * time.Millisecond)
	m.mutex.Lock()
	m.using[group]--
	m.mutex.Unlock()
	if crowd > 1 {
		m.note("%d on the nodes of %s", crowd, group)
	}
	return target.Target{}, nil
}

func (m *fakeMaker) collect(placement.Group, *cluster.Cluster, string) error { return nil }

func (m *fakeMaker) clear(ctx context.Context, _ *cluster.Cluster, id string, _ *progress.Log) {
	m.note("clear %s", id)
	if m.stuck {
		<-ctx.Done()
	}
}

func (m *fakeMaker) remove(made *cluster.Cluster, _ *progress.Log) { m.note("remove %s", made.Name) }

func (m *fakeMaker) count(note string) int {
	return len(slices.DeleteFunc(slices.Clone(m.notes), func(n string) bool { return n != note }))
}

// fourColumns are two of one pair of nodes, and two of their own.
func fourColumns() []column.Column {
	of := func(name, runtime, version, oci string) column.Column {
		return column.Column{Name: name, Runtime: column.Runtime{Name: runtime, Version: version}, OCIRuntime: oci}
	}
	return []column.Column{
		of("a", column.Containerd, "2.4.2", "runc"), of("a-crun", column.Containerd, "2.4.2", "crun"),
		of("old", column.Containerd, "1.7.35", "runc"), of("b", column.CRIO, "1.36.1", "runc"),
	}
}

func executed(t *testing.T, m *fakeMaker, topology column.Topology, parallel int, selected ...string) (*Run, *kindProvider) {
	t.Helper()
	checks := []check.Check{{ID: "caps/one", Level: check.Must}}
	r := New(t.Context(), Options{
		Root: t.TempDir(), Out: t.TempDir(), Progress: io.Discard, Checks: checks, Columns: fourColumns(), Topology: topology, Parallel: parallel,
	})
	if err := r.makeFolder(); err != nil {
		t.Fatal(err)
	}
	selection := specs.Selection{}
	for _, c := range r.options.Columns {
		if len(selected) == 0 || slices.Contains(selected, c.Name) {
			selection[c.Name] = checks
		}
	}
	k := newKindProvider(r, m, r.options.Columns, topology)
	r.execute(k, r.plan(selection), selection)
	return r, k
}

// reasons are the errors of the columns' cells. A target without nodes, as of the fake, has one of its own.
func reasons(r *Run) map[string]string {
	found := map[string]string{}
	for _, cell := range r.snapshot().Cells {
		if cell.Verdict == results.Error {
			found[cell.Column] = cell.Reason
		}
	}
	return found
}

func TestAMixedClusterIsMadeOnceAndRemovedAfterTheLast(t *testing.T) {
	for parallel := 1; parallel <= 4; parallel++ {
		m := &fakeMaker{}
		executed(t, m, column.Mixed, parallel)
		if m.count("create mixed") != 1 || m.count("remove mixed") != 1 || m.notes[len(m.notes)-1] != "remove mixed" {
			t.Errorf("%d at once: %q", parallel, m.notes)
		}
		for _, c := range fourColumns() {
			if m.count("target "+c.Name) != 1 {
				t.Errorf("%d at once: column %s in %q", parallel, c.Name, m.notes)
			}
		}
	}
}

func TestColumnsThatShareNodesTakeTurns(t *testing.T) {
	for _, topology := range []column.Topology{column.Isolated, column.Mixed} {
		m := &fakeMaker{}
		_, k := executed(t, m, topology, 4)
		first, second := slices.Index(m.notes, "target a"), slices.Index(m.notes, "target a-crun")
		cleared := slices.Index(m.notes, "clear "+k.ids["a"])
		if first < 0 || cleared < first || second < cleared {
			t.Errorf("%s: the order is %q", topology, m.notes)
		}
		for _, note := range m.notes {
			if strings.Contains(note, "on the nodes of") {
				t.Errorf("%s: %s", topology, note)
			}
		}
	}
}

// Each column of the four is on its own, so that none waits for another's namespaces.
func TestNamespacesGoWithTheirCluster(t *testing.T) {
	m := &fakeMaker{stuck: true}
	executed(t, m, column.Mixed, 4, "a", "old", "b")
	if m.count("remove mixed") != 1 {
		t.Errorf("%q", m.notes)
	}
}

func TestIsolatedClustersAreSharedByOCIRuntimes(t *testing.T) {
	m := &fakeMaker{}
	executed(t, m, column.Isolated, 4)
	for _, want := range []string{"prepare 3", "create a", "create old", "create b", "remove a", "remove old", "remove b"} {
		if m.count(want) != 1 {
			t.Errorf("%q is not once in %q", want, m.notes)
		}
	}
	if m.count("create a-crun") != 0 || slices.Index(m.notes, "remove a") < slices.Index(m.notes, "target a-crun") {
		t.Errorf("the shared cluster: %q", m.notes)
	}
}

func TestABadWorkerFailsItsColumnsOnly(t *testing.T) {
	m := &fakeMaker{bad: []string{"old"}}
	r, _ := executed(t, m, column.Mixed, 4)
	for name, reason := range reasons(r) {
		if (reason == "a bad worker") != (name == "old") {
			t.Errorf("column %s: %s", name, reason)
		}
	}
	if m.count("target old") != 0 || m.count("target b") != 1 || m.count("remove mixed") != 1 {
		t.Errorf("%q", m.notes)
	}
}

func TestAClusterThatIsNotThereFailsItsColumnsOnce(t *testing.T) {
	m := &fakeMaker{broken: []string{"a"}}
	r, _ := executed(t, m, column.Isolated, 1)
	failed := reasons(r)
	if failed["a"] != "no cluster" || failed["a-crun"] != "no cluster" || failed["b"] == "no cluster" {
		t.Errorf("%v", failed)
	}
	if m.count("create a") != 1 || m.count("remove a") != 0 || m.count("remove b") != 1 {
		t.Errorf("%q", m.notes)
	}
}

func TestFiltersDoNotChangeTheNodes(t *testing.T) {
	m := &fakeMaker{}
	_, k := executed(t, m, column.Isolated, 1, "a-crun")
	if m.count("prepare 1") != 1 || m.count("create a") != 1 || m.count("remove a") != 1 || m.count("create b") != 0 {
		t.Errorf("%q", m.notes)
	}
	if group := k.of("a-crun").group("a-crun"); len(group.Columns) != 2 || group.DefaultHandler() != "runc" {
		t.Errorf("the nodes are of %+v", group)
	}
}

func TestEachColumnHasNamespacesOfItsOwn(t *testing.T) {
	k := newKindProvider(&Run{ctx: t.Context(), id: "r"}, nil, fourColumns(), column.Mixed)
	seen := map[string]bool{}
	for _, c := range fourColumns() {
		id, _ := k.namespaces(c)
		seen[id] = true
	}
	if len(seen) != 4 {
		t.Errorf("%v", seen)
	}
}

func TestRerunHasTheNodesOfTheCell(t *testing.T) {
	across := check.Check{ID: "net/across", Network: &check.Network{View: check.ViewOtherRuntime}}
	r := &Run{options: Options{Columns: fourColumns(), Root: "/r", Matrix: "/r/m.yaml", Checks: []check.Check{{ID: "caps/one"}, across}}}
	mixed := &Run{options: r.options}
	mixed.options.Topology, mixed.options.TopologyAsked = column.Mixed, true
	for _, test := range []struct {
		run           *Run
		column, check string
		want          string
	}{
		{r, "b", "caps/one", "go run . run --matrix m.yaml --column b --focus 'caps/one:'"},
		{r, "a-crun", "caps/one", "go run . run --matrix m.yaml --column a --column a-crun --focus 'a-crun caps/one:'"},
		{mixed, "b", "caps/one", "go run . run --matrix m.yaml --topology mixed --column b --focus 'caps/one:'"},
		{mixed, "old", "net/across", "go run . run --matrix m.yaml --topology mixed --column old --column b --focus 'old net/across:'"},
	} {
		if got := test.run.rerun(results.Cell{Column: test.column, Check: test.check}); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}
