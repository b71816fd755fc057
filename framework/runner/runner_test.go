package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"assay/framework/check"
	"assay/framework/probe"
	"assay/framework/progress"
	"assay/framework/target"
	"assay/framework/workload"
	"assay/reports/results"
)

// kubelet plays the node: it gives each pod that is made a status, and each container a log.
type kubelet struct {
	// end is the status of a container of a pod; nil leaves the pod pending.
	end func(pod *corev1.Pod, container string) *corev1.ContainerState
	// log is a container's log.
	log func(pod, container string) string
	// refuse is the API server's answer to a pod.
	refuse func(pod *corev1.Pod) error
	// shared says that the cluster has owners besides the suite.
	shared bool
}

func exited(code int32) *corev1.ContainerState {
	reason := "Completed"
	if code != 0 {
		reason = "Error"
	}
	return &corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason}}
}

func document(t *testing.T, results ...probe.Result) string {
	t.Helper()
	encoded, err := json.Marshal(probe.Document{Version: probe.Version, Results: results, Complete: true})
	if err != nil {
		t.Fatal(err)
	}
	return "warning of somebody else\n" + probe.DocumentPrefix + string(encoded) + "\n"
}

// gatherCells runs the checks against a kubelet and returns the cells.
func gatherCells(ctx context.Context, t *testing.T, k kubelet, checks ...check.Check) (map[string]results.Cell, string, error) {
	t.Helper()
	client := fake.NewClientset()
	client.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, apiruntime.Object, error) {
		pod := action.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
		if k.refuse != nil {
			if err := k.refuse(pod); err != nil {
				return true, nil, err
			}
		}
		pod.Status.Phase = corev1.PodRunning
		for _, container := range pod.Spec.Containers {
			state := k.end(pod, container.Name)
			if state == nil {
				pod.Status.Phase = corev1.PodPending
				continue
			}
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: container.Name, State: *state})
		}
		return false, nil, nil
	})
	folder := t.TempDir()
	cells := map[string]results.Cell{}
	var mutex sync.Mutex
	options := Options{
		RunID: "1", Checks: checks, Progress: progress.New(io.Discard),
		Evidence: Evidence{Root: folder, Folder: "evidence"},
		Cell: func(cell results.Cell) {
			mutex.Lock()
			defer mutex.Unlock()
			if _, twice := cells[cell.Check]; twice {
				t.Errorf("%s was reported twice", cell.Check)
			}
			cells[cell.Check] = cell
		},
		Timeouts: Timeouts{Pod: 200 * time.Millisecond, Log: 30 * time.Millisecond, Network: time.Second},
	}
	to := target.Target{Column: "example", Client: client, ProbeImage: "probe", Nodes: []target.Node{{Name: "one"}, {Name: "two"}}, Shared: k.shared}
	pods, err := workload.Pack(checks, to, "assay-1")
	if err != nil {
		t.Fatal(err)
	}
	watch, err := newWatch(ctx, client, "assay-1")
	if err != nil {
		return cells, folder, err
	}
	g := newGatherer(to, options, "assay-1", watch, semaphore.NewWeighted(podsInFlight))
	g.log = func(_ context.Context, pod, container string) ([]byte, error) {
		return []byte(k.log(pod, container)), nil
	}
	collected := newCollection(checks, to.Column, options)
	for _, pod := range pods {
		if err := g.starting.Acquire(ctx, 1); err != nil {
			return cells, folder, err
		}
		if err := g.gather(ctx, pod, collected, time.Now()); err != nil {
			return cells, folder, err
		}
	}
	return cells, folder, nil
}

func mountCheck(id string) check.Check {
	return check.Check{ID: id, Level: check.Must, Trials: []check.Trial{
		{Name: "only", Pod: check.Pod{Alone: id}, Action: probe.Do(probe.OpMount, "/tmp"), Want: check.Denied{}},
	}}
}

func mountDenied(t *testing.T) string {
	t.Helper()
	return document(t, probe.Result{Action: probe.Do(probe.OpMount, "/tmp"), Outcome: probe.Denied, Errno: "EPERM"})
}

func TestEvidenceBecomesACellAndIsKept(t *testing.T) {
	cells, folder, err := gatherCells(t.Context(), t, kubelet{
		end: func(*corev1.Pod, string) *corev1.ContainerState { return exited(0) },
		log: func(string, string) string { return mountDenied(t) },
	}, mountCheck("a/1"))
	if err != nil {
		t.Fatal(err)
	}
	cell := cells["a/1"]
	if cell.Verdict != results.Pass || cell.Attempts != 1 || cell.Column != "example" {
		t.Errorf("cell %+v", cell)
	}
	evidence, err := os.ReadFile(filepath.Join(folder, cell.Trials[0].Evidence))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(evidence), "EPERM") {
		t.Errorf("the evidence %s does not hold the document", evidence)
	}
}

func TestMissingEvidenceIsRetriedOnceInAFreshPod(t *testing.T) {
	logs := map[string]string{"probe-01": "", "probe-01-attempt-2": mountDenied(t)}
	cells, _, err := gatherCells(t.Context(), t, kubelet{
		end: func(*corev1.Pod, string) *corev1.ContainerState { return exited(0) },
		log: func(pod, _ string) string { return logs[pod] },
	}, mountCheck("a/1"))
	if err != nil {
		t.Fatal(err)
	}
	if cell := cells["a/1"]; cell.Verdict != results.Pass || cell.Attempts != 2 || len(cell.Earlier) != 1 {
		t.Errorf("cell %+v", cell)
	}
}

func TestWhatIsNotThereIsNeverADenial(t *testing.T) {
	cases := map[string]kubelet{
		"no document":            {end: func(*corev1.Pod, string) *corev1.ContainerState { return exited(0) }, log: func(string, string) string { return "" }},
		"killed":                 {end: func(*corev1.Pod, string) *corev1.ContainerState { return exited(137) }, log: func(string, string) string { return "" }},
		"a document cut off":     {end: func(*corev1.Pod, string) *corev1.ContainerState { return exited(0) }, log: func(string, string) string { return mountDenied(t)[:80] }},
		"a container that hangs": {end: func(*corev1.Pod, string) *corev1.ContainerState { return nil }},
		"no image": {end: func(*corev1.Pod, string) *corev1.ContainerState {
			return &corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "no such image"}}
		}},
		"an API server that breaks": {
			end:    func(*corev1.Pod, string) *corev1.ContainerState { return exited(0) },
			refuse: func(*corev1.Pod) error { return errors.New("connection reset") },
		},
		"a version that the suite does not speak": {
			end: func(*corev1.Pod, string) *corev1.ContainerState { return exited(0) },
			log: func(string, string) string { return probe.DocumentPrefix + `{"version":999,"complete":true}` },
		},
	}
	for name, k := range cases {
		t.Run(name, func(t *testing.T) {
			cells, _, err := gatherCells(t.Context(), t, k, mountCheck("a/1"))
			if err != nil {
				t.Fatal(err)
			}
			if cell := cells["a/1"]; cell.Verdict != results.Error || cell.Reason == "" {
				t.Errorf("verdict %s: %s", cell.Verdict, cell.Reason)
			}
		})
	}
}

func TestARefusedContainerIsAnObservation(t *testing.T) {
	refusedCheck := check.Check{ID: "a/1", Level: check.Must, Trials: []check.Trial{{
		Name: "root", Want: check.NotStarted{Reason: "CreateContainerConfigError", Messages: []string{"root"}},
	}}}
	attempts := 0
	cells, _, err := gatherCells(t.Context(), t, kubelet{end: func(*corev1.Pod, string) *corev1.ContainerState {
		attempts++
		return &corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CreateContainerConfigError", Message: "image will run as root"}}
	}}, refusedCheck)
	if err != nil {
		t.Fatal(err)
	}
	if cell := cells["a/1"]; cell.Verdict != results.Pass || attempts != 1 {
		t.Errorf("%d attempts, verdict %s: %s", attempts, cell.Verdict, cell.Reason)
	}
}

func TestALackIsNotTriedAgain(t *testing.T) {
	lacking := mountCheck("a/1")
	lacking.Unsupported = []check.Unsupported{{Message: "no such feature", Reason: "the runtime lacks it"}}
	attempts := 0
	cells, _, err := gatherCells(t.Context(), t, kubelet{end: func(*corev1.Pod, string) *corev1.ContainerState {
		attempts++
		return &corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CreateContainerConfigError", Message: "there is no such feature"}}
	}}, lacking)
	if err != nil {
		t.Fatal(err)
	}
	if cell := cells["a/1"]; cell.Verdict != results.Unsupported || cell.Reason != "the runtime lacks it" || attempts != 1 {
		t.Errorf("%d attempts, verdict %s: %s", attempts, cell.Verdict, cell.Reason)
	}
}

func TestARejectedPodIsTheApiServersAnswer(t *testing.T) {
	cells, _, err := gatherCells(t.Context(), t, kubelet{
		refuse: func(pod *corev1.Pod) error {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, pod.Name, errors.New("not here"))
		},
	}, mountCheck("a/1"))
	if err != nil {
		t.Fatal(err)
	}
	if cell := cells["a/1"]; !strings.Contains(cell.Trials[0].Seen, "not here") {
		t.Errorf("cell %+v", cell)
	}
}

func TestTooManyErrorsEndTheRetries(t *testing.T) {
	var checks []check.Check
	for i := range 30 {
		checks = append(checks, mountCheck(fmt.Sprintf("a/%d", i)))
	}
	pods := 0
	cells, _, err := gatherCells(t.Context(), t, kubelet{
		end: func(*corev1.Pod, string) *corev1.ContainerState { pods++; return exited(0) },
		log: func(string, string) string { return probe.DocumentPrefix + `{"version":1,"complete":false}` },
	}, checks...)
	if err != nil {
		t.Fatal(err)
	}
	if len(cells) != 30 || pods > 30+retriesPerColumn {
		t.Errorf("%d cells of %d pods", len(cells), pods)
	}
}

func TestTheContextEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := errors.New("ended")
	_, _, err := gatherCells(ctx, t, kubelet{end: func(*corev1.Pod, string) *corev1.ContainerState {
		cancel(ended)
		return nil
	}}, mountCheck("a/1"))
	if !errors.Is(err, ended) {
		t.Errorf("error %v", err)
	}
}

func TestRunNeedsNodes(t *testing.T) {
	if err := Run(t.Context(), target.Target{Client: fake.NewClientset()}, Options{}); err == nil {
		t.Error("a column without nodes was run")
	}
}

func TestNamespacesAreMarked(t *testing.T) {
	client := fake.NewClientset()
	if err := makeNamespace(t.Context(), target.Target{Client: client}, "assay-1", ""); err != nil {
		t.Fatal(err)
	}
	namespace, err := client.CoreV1().Namespaces().Get(t.Context(), "assay-1", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if namespace.Labels[workload.Label] == "" {
		t.Errorf("labels %v", namespace.Labels)
	}
}

// TestObjects: what the checks' pods name is there before them, a RuntimeClass under a name of the run's
// own that goes when the run ends.
func TestObjects(t *testing.T) {
	client := fake.NewClientset()
	to := target.Target{Client: client}
	const namespace = "assay-r"
	files := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "files"}, Data: map[string]string{"a": "1"}}
	checks := []check.Check{
		{ID: "a/a", Objects: []apiruntime.Object{files, &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "class"}, Handler: "h"}}},
		{ID: "a/b", Objects: []apiruntime.Object{files}},
	}
	_, remove, err := makeObjects(t.Context(), to, Options{}, namespace, checks)
	if err != nil {
		t.Fatal(err)
	}
	made, err := client.CoreV1().ConfigMaps(namespace).Get(t.Context(), "files", metav1.GetOptions{})
	if err != nil || made.Data["a"] != "1" || made.Labels[workload.Label] == "" {
		t.Errorf("got %+v, %v", made, err)
	}
	if files.Labels != nil {
		t.Error("the check's own object was changed")
	}
	class := workload.ClusterName(namespace, "class")
	if made, err := client.NodeV1().RuntimeClasses().Get(t.Context(), class, metav1.GetOptions{}); err != nil || made.Handler != "h" {
		t.Errorf("got %+v, %v", made, err)
	}
	remove()
	if _, err := client.NodeV1().RuntimeClasses().Get(t.Context(), class, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("after the run: %v", err)
	}
	_, remove, err = makeObjects(t.Context(), to, Options{}, namespace, []check.Check{{ID: "a/c", Objects: []apiruntime.Object{&corev1.Node{}}}})
	remove()
	if err == nil {
		t.Error("a node as an object of a check: got no error")
	}
}

func TestARuntimeThatDoesNotAnswerIsNoObservation(t *testing.T) {
	for name, message := range map[string]string{
		"unavailable": "rpc error: code = Unavailable desc = connection refused",
		"too late":    "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
	} {
		t.Run(name, func(t *testing.T) {
			cells, _, err := gatherCells(t.Context(), t, kubelet{end: func(*corev1.Pod, string) *corev1.ContainerState {
				return &corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CreateContainerError", Message: message}}
			}}, mountCheck("a/1"))
			if err != nil {
				t.Fatal(err)
			}
			if cell := cells["a/1"]; cell.Verdict != results.Error {
				t.Errorf("verdict %s: %s", cell.Verdict, cell.Reason)
			}
		})
	}
	sandbox := check.Observation{State: check.State{Reason: check.SandboxFailed, Message: "no network"}}
	if unanswered(sandbox, check.Denied{}) == "" || unanswered(sandbox, nil) == "" {
		t.Error("a sandbox that could not be made was taken for an answer")
	}
	if unanswered(sandbox, check.NotStarted{Reason: check.SandboxFailed}) != "" {
		t.Error("a sandbox that was to be refused was taken for a broken cluster")
	}
}
