package existing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"assay/framework/check"
	"assay/framework/progress"
	"assay/framework/runner"
	"assay/reports/results"
	"assay/suites"
)

// podChecks are the suite's checks but those that the fake client cannot take: it has no API of the kubelets.
func podChecks() []check.Check {
	return slices.DeleteFunc(suites.Catalogue(), func(c check.Check) bool {
		return slices.ContainsFunc(c.Trials, func(trial check.Trial) bool { return trial.Procedure.Name == check.ProcedureStatsGrow })
	})
}

// use has a column run the checks as a run does, from the search for nodes to the last namespace, and sees to it
// that nothing is left. Its pods run, but have nothing to say; created is told of each.
func use(t *testing.T, ctx context.Context, client *fake.Clientset, created func()) {
	t.Helper()
	client.PrependReactor("create", "selfsubjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview)
		review.Status.Allowed = true
		return true, review, nil
	})
	client.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		pod := action.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
		pod.Status.Phase, pod.Status.PodIP = corev1.PodRunning, "192.0.2.1"
		if strings.HasPrefix(pod.Name, "node-") {
			pod.Status.Phase = corev1.PodFailed
			if strings.HasSuffix(pod.Name, "-plain") {
				pod.Status.Phase = corev1.PodSucceeded
			}
		}
		for _, container := range pod.Spec.Containers {
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
				Name: container.Name, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
			})
		}
		created()
		return false, nil, nil
	})
	columns, err := inCluster(ctx, client, Options{NodesPerColumn: 2})
	if err != nil {
		t.Fatal(err)
	}
	column := columns[0]
	if _, err := Missing(ctx, client); err != nil {
		t.Fatal(err)
	}
	to, _, err := column.Prepare(ctx, "1-c1", "probe:1")
	if err == nil {
		err = runner.Run(ctx, to, runner.Options{
			RunID: "1-c1", Checks: podChecks(), Clean: true, Progress: progress.New(io.Discard), Cell: func(results.Cell) {},
			Evidence: runner.Evidence{Root: t.TempDir(), Folder: "evidence"}, Timeouts: runner.DefaultTimeouts(),
		})
	}
	if err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	if left, err := Remove(context.WithoutCancel(ctx), client, "1-c1"); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	// What is in a namespace goes with it.
	for _, action := range client.Actions() {
		made, is := action.(clienttesting.CreateAction)
		if !is || action.GetSubresource() != "" || action.GetNamespace() != "" {
			continue
		}
		object, err := client.Tracker().Get(action.GetResource(), "", made.GetObject().(metav1.Object).GetName())
		if err == nil && object != nil {
			t.Errorf("%s %s is left", action.GetResource().Resource, object.(metav1.Object).GetName())
		}
	}
}

// TestRightsAreWhatARunUses: a run does nothing that is not among the rights that are printed, and they hold nothing
// besides. What network checks do is tested in their package; streams, and what needs a probe that answers, are not.
func TestRightsAreWhatARunUses(t *testing.T) {
	elsewhere := []string{
		"get pods/exec", "create pods/exec", "get pods/attach", "create pods/attach", "get pods/portforward", "create pods/portforward",
		"create networkpolicies", "update networkpolicies", "delete networkpolicies", "create services", "patch namespaces", "patch pods", "patch pods/resize",
	}
	used := map[string]bool{}
	synctest.Test(t, func(t *testing.T) {
		client := fleet()
		use(t, t.Context(), client, func() {})
		for _, action := range client.Actions() {
			resource := action.GetResource().Resource
			if action.GetSubresource() != "" {
				resource += "/" + action.GetSubresource()
			}
			used[action.GetVerb()+" "+resource] = true
		}
	})
	// Everybody may ask what he may.
	delete(used, "create selfsubjectaccessreviews")
	printed := map[string]bool{}
	for _, right := range Rights() {
		for _, verb := range right.Verbs {
			what := verb + " " + right.Resource
			printed[what] = true
			if !used[what] && !slices.Contains(elsewhere, what) {
				t.Errorf("nobody needs the right to %s", what)
			}
		}
	}
	for what := range used {
		if !printed[what] {
			t.Errorf("a run does what is not among its rights: %s", what)
		}
	}
}

// TestAnInterruptedRunLeavesNothing as one that ends by itself.
func TestAnInterruptedRunLeavesNothing(t *testing.T) {
	for _, last := range []int32{1, 40} {
		t.Run(fmt.Sprintf("after %d pods", last), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				var pods atomic.Int32
				use(t, ctx, fleet(), func() {
					if pods.Add(1) == last {
						cancel(errors.New("interrupted"))
					}
				})
			})
		})
	}
}
