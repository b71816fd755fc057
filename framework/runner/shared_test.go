package runner

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

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
	"assay/reports/results"
)

// TestWhatOwnersForbidIsSkipped: in a cluster that has other owners, a rule of theirs is no failure of the runtime;
// a rejection that a check is about is.
func TestWhatOwnersForbidIsSkipped(t *testing.T) {
	trial := func(name, level string, want check.Want) check.Trial {
		return check.Trial{Name: name, Pod: check.Pod{EnforceLevel: level, Alone: name}, Want: want}
	}
	localhost := corev1.SeccompProfile{Type: corev1.SeccompProfileTypeLocalhost}
	wanted := check.Rejected{Messages: []string{"violates PodSecurity"}}
	checks := []check.Check{
		{ID: "a/refused", Level: check.Must, Trials: []check.Trial{trial("refused", "", check.Started{})}},
		{ID: "a/info", Level: check.Info, Trials: []check.Trial{trial("info", "", nil)}},
		{ID: "psa/wanted", Level: check.Must, Trials: []check.Trial{trial("wanted", "baseline", wanted)}},
		{ID: "psa/unwanted", Level: check.Must, Trials: []check.Trial{trial("unwanted", "baseline", check.Admitted{})}},
		{ID: "a/files", Level: check.Must, Trials: []check.Trial{
			{Name: "files", Container: check.Container{SecurityContext: &corev1.SecurityContext{SeccompProfile: &localhost}}, Want: check.Started{}},
		}},
		{ID: "a/last", Level: check.Must, Last: true, Trials: []check.Trial{trial("last", "", check.Started{})}},
		{
			ID: "a/object", Level: check.Must, Trials: []check.Trial{trial("object", "", check.Started{})},
			Objects: []apiruntime.Object{&nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "class"}, Handler: "h"}},
		},
	}
	client := fake.NewClientset()
	client.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, apiruntime.Object, error) {
		name := action.(clienttesting.CreateAction).GetObject().(*corev1.Pod).Name
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, name, errors.New(`violates PodSecurity "baseline:latest": privileged`))
	})
	client.PrependReactor("create", "runtimeclasses", func(clienttesting.Action) (bool, apiruntime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "runtimeclasses"}, "class", errors.New("no"))
	})
	cells := map[string]results.Cell{}
	var mutex sync.Mutex
	to := target.Target{Column: "example", Client: client, ProbeImage: "probe", Nodes: []target.Node{{Name: "one"}}, Shared: true}
	err := Run(t.Context(), to, Options{
		RunID: "1-c1", Checks: checks, Progress: progress.New(io.Discard), Clean: true,
		Evidence: Evidence{Root: t.TempDir(), Folder: "evidence"},
		Cell: func(cell results.Cell) {
			mutex.Lock()
			defer mutex.Unlock()
			cells[cell.Check] = cell
		},
		Timeouts: Timeouts{Pod: time.Second, Log: 30 * time.Millisecond, Network: time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]results.Verdict{
		"a/refused": results.Skipped, "a/info": results.Skipped, "a/files": results.Skipped, "a/last": results.Skipped,
		"a/object": results.Skipped, "psa/wanted": results.Pass, "psa/unwanted": results.Fail,
	} {
		if cell := cells[id]; cell.Verdict != want || cell.Reason == "" {
			t.Errorf("%s is %s: %s", id, cell.Verdict, cell.Reason)
		}
	}
	if reason := cells["a/refused"].Reason; !strings.Contains(reason, "violates PodSecurity") {
		t.Errorf("the reason is %q", reason)
	}
	namespaces, err := client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(namespaces.Items) != 0 {
		t.Errorf("%d namespaces are left, %v", len(namespaces.Items), err)
	}
}

// TestOnlyWhatIsForbiddenIsSkipped: a pod that is refused for one of its containers is made again as pods of one
// each, and the others have their say.
func TestOnlyWhatIsForbiddenIsSkipped(t *testing.T) {
	yes := true
	want := check.Denied{}
	mount := probe.Do(probe.OpMount, "/tmp")
	privileged := check.Container{SecurityContext: &corev1.SecurityContext{Privileged: &yes}}
	checks := []check.Check{
		{ID: "a/plain", Level: check.Must, Trials: []check.Trial{{Name: "plain", Action: mount, Want: want}}},
		{ID: "a/privileged", Level: check.Must, Trials: []check.Trial{{Name: "privileged", Container: privileged, Action: mount, Want: want}}},
		{ID: "a/both", Level: check.Must, Trials: []check.Trial{
			{Name: "plain", Action: mount, Want: want},
			{Name: "privileged", Control: true, Container: privileged, Action: mount, Want: check.Allowed{}},
		}},
	}
	shared := kubelet{
		shared: true,
		refuse: func(pod *corev1.Pod) error {
			for _, container := range pod.Spec.Containers {
				if container.SecurityContext != nil {
					return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, pod.Name, errors.New(`violates PodSecurity "baseline:latest": privileged`))
				}
			}
			return nil
		},
		end: func(*corev1.Pod, string) *corev1.ContainerState { return exited(0) },
		log: func(string, string) string { return mountDenied(t) },
	}
	cells, _, err := gatherCells(t.Context(), t, shared, checks...)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]results.Verdict{"a/plain": results.Pass, "a/privileged": results.Skipped, "a/both": results.Skipped} {
		if cell := cells[id]; cell.Verdict != want {
			t.Errorf("%s is %s: %s", id, cell.Verdict, cell.Reason)
		}
	}
}
