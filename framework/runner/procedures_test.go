package runner

import (
	"io"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/fake"

	"assay/framework/check"
	"assay/framework/progress"
	"assay/framework/target"
	"assay/reports/results"
)

func procedureCheck(id, procedure string, want check.Want) check.Check {
	return check.Check{ID: id, Level: check.Must, Trials: []check.Trial{
		{Name: "done", Container: check.Container{Command: []string{id}}, Procedure: check.Procedure{Name: procedure}, Want: want},
	}}
}

// A procedure is carried out on a container that runs, or that lacks its image; where it cannot be, there
// is no statement, and what the runtime refused is judged.
func TestProcedures(t *testing.T) {
	refused := func(reason string) *corev1.ContainerState {
		return &corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "no thing"}}
	}
	for name, row := range map[string]struct {
		state     *corev1.ContainerState
		procedure string
		want      check.Want
		verdict   results.Verdict
	}{
		"image":               {refused("ErrImagePull"), check.ProcedureImageError, check.Values{"reason": "ErrImagePull"}, results.Pass},
		"back off":            {refused("ImagePullBackOff"), check.ProcedureImageError, check.Values{"reason": "ErrImagePull"}, results.Pass},
		"another image error": {refused("ErrImageNeverPull"), check.ProcedureImageError, check.Values{"reason": "ErrImagePull"}, results.Fail},
		"refused":             {refused("CreateContainerError"), check.ProcedureExec, check.Values{}, results.Fail},
		"no streams":          {&corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, check.ProcedureExec, check.Values{}, results.Error},
		"unknown":             {&corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, "dance", check.Values{}, results.Error},
		"never settles":       {nil, check.ProcedureExec, check.Values{}, results.Error},
		"ended, no image":     {exited(0), check.ProcedureExec, check.Values{}, results.Error},
	} {
		k := kubelet{
			end: func(*corev1.Pod, string) *corev1.ContainerState { return row.state },
			log: func(string, string) string { return "" },
		}
		cells, _, err := gatherCells(t.Context(), t, k, procedureCheck("life/some", row.procedure, row.want))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if cell := cells["life/some"]; cell.Verdict != row.verdict {
			t.Errorf("%s: %s (%s), want %s", name, cell.Verdict, cell.Reason, row.verdict)
		}
	}
}

// A check that disturbs the nodes is skipped where the nodes may not be touched.
func TestLastIsSkippedWithoutTheNodes(t *testing.T) {
	last := procedureCheck("life/last", check.ProcedureRestartRuntime, check.Values{})
	last.Last = true
	var cells []results.Cell
	to := target.Target{Column: "example", Client: fake.NewClientset(), Nodes: []target.Node{{Name: "one"}}}
	err := Run(t.Context(), to, Options{
		RunID: "1", Checks: []check.Check{last}, Progress: progress.New(io.Discard),
		Cell: func(cell results.Cell) { cells = append(cells, cell) },
	})
	if err != nil || len(cells) != 1 || cells[0].Verdict != results.Skipped || cells[0].Reason == "" || cells[0].Column != "example" {
		t.Errorf("got %+v, %v", cells, err)
	}
}
