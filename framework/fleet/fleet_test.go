package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"assay/framework/check"
	"assay/framework/progress"
	"assay/framework/runner"
	"assay/framework/target"
	"assay/framework/workload"
	"assay/reports/results"
)

// play is a fleet whose nodes answer as the function says.
type play struct {
	nodes  int
	change func(nodes []target.Node)
	answer func(ctx context.Context, node string) (results.Cell, error)

	mutex sync.Mutex
	// busy are the nodes in use, most the most at once; turns are the nodes with their neighbours.
	busy  map[string]bool
	most  int
	turns []string
}

// sweep runs two checks, of which only one is ever reported by a node whose answer is an error.
func (p *play) sweep(t *testing.T, ctx context.Context) (map[string]results.Cell, error) {
	t.Helper()
	client := fake.NewClientset()
	to := target.Target{Column: "c", Client: client, Shared: true, Sweep: true}
	for i := range p.nodes {
		to.Nodes = append(to.Nodes, target.Node{Name: fmt.Sprintf("n%d", i+1)})
	}
	if p.change != nil {
		p.change(to.Nodes)
	}
	p.busy = map[string]bool{}
	cells := map[string]results.Cell{}
	var mutex sync.Mutex
	s := &sweep{to: to, options: runner.Options{
		RunID: "1-c1", Checks: []check.Check{{ID: "a/1"}, {ID: "a/2"}}, Progress: progress.New(io.Discard),
		Evidence: runner.Evidence{Folder: "evidence"},
		Cell: func(cell results.Cell) {
			mutex.Lock()
			defer mutex.Unlock()
			if _, twice := cells[cell.Check]; twice {
				t.Errorf("%s was reported twice", cell.Check)
			}
			cells[cell.Check] = cell
		},
	}, observe: func(ctx context.Context, to target.Target, options runner.Options) error {
		p.begin(t, to)
		defer p.end(to)
		namespace := workload.Namespace("assay-"+options.RunID, "")
		if _, err := client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
			t.Errorf("the namespaces of two nodes have one name: %v", err)
		}
		if !to.First || to.Sweep || options.Evidence.Folder != "evidence/"+to.Nodes[0].Name {
			t.Errorf("target %+v, evidence in %s", to, options.Evidence.Folder)
		}
		cell, err := p.answer(ctx, to.Nodes[0].Name)
		cell.Column = to.Column
		cell.Check = "a/1"
		options.Cell(cell)
		if err == nil {
			cell.Check = "a/2"
			options.Cell(cell)
		}
		return err
	}}
	err := s.run(ctx)
	if left, errList := client.CoreV1().Namespaces().List(context.WithoutCancel(ctx), metav1.ListOptions{}); errList != nil || ctx.Err() == nil && len(left.Items) > 0 {
		t.Errorf("%d namespaces are left, %v", len(left.Items), errList)
	}
	return cells, err
}

func (p *play) begin(t *testing.T, to target.Target) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	name := ""
	for _, node := range to.Nodes {
		if p.busy[node.Name] {
			t.Errorf("node %s has two turns at once", node.Name)
		}
		p.busy[node.Name] = true
		name += " " + node.Name
	}
	p.turns = append(p.turns, name[1:])
	p.most = max(p.most, len(p.busy))
}

func (p *play) end(to target.Target) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, node := range to.Nodes {
		delete(p.busy, node.Name)
	}
}

func passes(context.Context, string) (results.Cell, error) {
	return results.Cell{Verdict: results.Pass, Reason: "as wanted"}, nil
}

func TestEveryNodeHasATurnWithANeighbour(t *testing.T) {
	synctest.Test(t, everyNodeHasATurnWithANeighbour)
}

func everyNodeHasATurnWithANeighbour(t *testing.T) {
	for nodes, want := range map[int][]string{
		1: {"n1"},
		2: {"n1 n2", "n2 n1"},
		3: {"n1 n2", "n2 n3", "n3 n1"},
		5: {"n1 n2", "n2 n1", "n3 n4", "n4 n5", "n5 n3"},
	} {
		p := &play{nodes: nodes, answer: passes}
		cells, err := p.sweep(t, t.Context())
		slices.Sort(p.turns)
		if err != nil || !reflect.DeepEqual(p.turns, want) {
			t.Errorf("%d nodes: turns %q, %v", nodes, p.turns, err)
		}
		if cell := cells["a/2"]; len(cells) != 2 || cell.Verdict != results.Pass || len(cell.Nodes) != 0 {
			t.Errorf("%d nodes: cells %+v", nodes, cells)
		}
	}
}

func TestAFleetIsBounded(t *testing.T) { synctest.Test(t, aFleetIsBounded) }

func aFleetIsBounded(t *testing.T) {
	p := &play{nodes: 100, answer: passes}
	if _, err := p.sweep(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(p.turns) != 100 || p.most > 2*pairsAtOnce {
		t.Errorf("%d turns, %d nodes at once", len(p.turns), p.most)
	}
}

func TestANodeThatIsLostCostsItsOwnCellsOnly(t *testing.T) {
	synctest.Test(t, aNodeThatIsLostCostsItsOwnCellsOnly)
}

func aNodeThatIsLostCostsItsOwnCellsOnly(t *testing.T) {
	lost := errors.New("the node died")
	p := &play{nodes: 6, change: func(nodes []target.Node) {
		nodes[1].Unusable = errors.New("the image cannot be had")
	}, answer: func(ctx context.Context, node string) (results.Cell, error) {
		cell, _ := passes(ctx, node)
		if node == "n4" {
			return cell, lost
		}
		return cell, nil
	}}
	cells, err := p.sweep(t, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := groupsOf(cells["a/1"]); cells["a/1"].Verdict != results.Error || got != "pass n1, n3, n4 and 2 more; error n2" {
		t.Errorf("a/1 is %s: %s", cells["a/1"].Verdict, got)
	}
	if got := groupsOf(cells["a/2"]); cells["a/2"].Verdict != results.Error || got != "pass n1, n3, n5 and 1 more; error n2, n4" {
		t.Errorf("a/2 is %s: %s", cells["a/2"].Verdict, got)
	}
	for _, turn := range p.turns {
		if slices.Contains([]string{turn[:2], turn[len(turn)-2:]}, "n2") {
			t.Errorf("the node that cannot be used has a part in %q", turn)
		}
	}
	p = &play{nodes: 3, answer: func(context.Context, string) (results.Cell, error) { return results.Cell{}, lost }}
	if _, err := p.sweep(t, t.Context()); !errors.Is(err, lost) {
		t.Errorf("no node could be observed: %v", err)
	}
}

// TestAnInterruptLosesNothing: the nodes that answered before have their say.
func TestAnInterruptLosesNothing(t *testing.T) { synctest.Test(t, anInterruptLosesNothing) }

func anInterruptLosesNothing(t *testing.T) {
	interrupted := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	p := &play{nodes: 3, answer: func(ctx context.Context, node string) (results.Cell, error) {
		if node == "n2" {
			cancel(interrupted)
			return results.Cell{Verdict: results.Fail, Reason: "allowed"}, context.Cause(ctx)
		}
		return passes(ctx, node)
	}}
	cells, err := p.sweep(t, ctx)
	if !errors.Is(err, interrupted) || len(p.turns) != 2 {
		t.Errorf("turns %q, %v", p.turns, err)
	}
	if got := groupsOf(cells["a/1"]); got != "pass n1; error n3; fail n2" {
		t.Errorf("a/1: %s", got)
	}
	if got := groupsOf(cells["a/2"]); got != "error n2, n3; pass n1" {
		t.Errorf("a/2: %s", got)
	}
}

// TestRun: nodes of which one refuses the container and one may not be used, through the runner.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset()
		client.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
			pod := action.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
			status := corev1.ContainerStatus{Name: pod.Spec.Containers[0].Name}
			switch pod.Spec.NodeName {
			case "n2":
				return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, pod.Name, errors.New("not on this node"))
			case "n3":
				status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CreateContainerError", Message: "no"}
			default:
				status.State.Terminated = &corev1.ContainerStateTerminated{Reason: "Completed"}
			}
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{status}
			return false, nil, nil
		})
		var cells []results.Cell
		err := Run(t.Context(), target.Target{
			Column: "c", Client: client, Shared: true, Sweep: true, ProbeImage: "probe:1",
			Nodes: []target.Node{{Name: "n1"}, {Name: "n2"}, {Name: "n3"}, {Name: "n4"}},
		}, runner.Options{
			RunID: "1-c1", Clean: true, Progress: progress.New(io.Discard), Timeouts: runner.DefaultTimeouts(),
			Checks: []check.Check{{ID: "a/1", Level: check.Must, Trials: []check.Trial{
				{Name: "starts", Container: check.Container{Command: []string{"/bin/true"}}, Want: check.Started{}},
			}}},
			Evidence: runner.Evidence{Root: t.TempDir(), Folder: "evidence"},
			Cell:     func(cell results.Cell) { cells = append(cells, cell) },
		})
		if err != nil || len(cells) != 1 {
			t.Fatalf("%d cells, %v", len(cells), err)
		}
		if got := groupsOf(cells[0]); cells[0].Verdict != results.Fail || got != "pass n1, n4; skipped n2; fail n3" {
			t.Errorf("%s: %s, %s", cells[0].Verdict, got, cells[0].Reason)
		}
		if evidence := cells[0].Trials[0].Evidence; !strings.HasPrefix(evidence, "evidence/n3/") {
			t.Errorf("the evidence is %s", evidence)
		}
		namespaces, err := client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
		if err != nil || len(namespaces.Items) > 0 {
			t.Errorf("%d namespaces are left, %v", len(namespaces.Items), err)
		}
	})
}
