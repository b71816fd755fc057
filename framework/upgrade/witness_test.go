package upgrade

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"assay/framework/target"
)

func TestWitnessesAreWhereTheyHaveToBe(t *testing.T) {
	w := witnesses{to: target.Target{ProbeImage: "probe:1"}, namespace: "n", worker: "worker", other: "control-plane"}
	for _, pod := range w.pods() {
		want := "worker"
		if pod.Name == client {
			want = "control-plane"
		}
		if pod.Spec.NodeName != want || pod.Spec.Containers[0].Name != pod.Name || pod.Spec.RestartPolicy != corev1.RestartPolicyAlways {
			t.Errorf("pod %s: %+v", pod.Name, pod.Spec)
		}
	}
	for _, drains := range []bool{false, true} {
		w.drains = drains
		spec := w.deployment().Spec.Template.Spec
		required := spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution != nil
		if spec.NodeName != "" || len(spec.Tolerations) > 0 || required == drains {
			t.Errorf("drains %t: %+v", drains, spec)
		}
	}
}

func TestLives(t *testing.T) {
	status := func(id string, restarts int32) corev1.PodStatus {
		return corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name: "c", ContainerID: id, RestartCount: restarts,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon)}},
		}}}
	}
	pod := func(name string, status corev1.PodStatus) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: name, UID: "one", Labels: map[string]string{"app": name}}, Status: status}
	}
	there, other, gone := pod("there", status("x", 2)), pod("other", status("y", 0)), pod("gone", status("z", 0))
	again := other.DeepCopy()
	again.UID = "another"
	w := witnesses{to: target.Target{Client: fake.NewClientset(there, again)}, namespace: "n"}
	got := w.lives(t.Context(), map[string]*corev1.Pod{"there": there, "other": other, "gone": gone})
	if got.Err != nil || len(got.Value) != 1 {
		t.Fatalf("%+v", got)
	}
	life := got.Value["there/c"]
	if life.ID != "x" || life.Restarts != 2 || !life.Running || !life.Started.Equal(noon) {
		t.Errorf("%+v", life)
	}
}

func TestUntilSaysWhatWasSeen(t *testing.T) {
	never := func(context.Context) (bool, string) { return false, "only dust" }
	if err := until(t.Context(), 10*time.Millisecond, "a thing", never); err == nil || !strings.Contains(err.Error(), "only dust") {
		t.Errorf("%v", err)
	}
	interrupted := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(interrupted)
	if err := until(ctx, time.Minute, "a thing", never); !errors.Is(err, interrupted) {
		t.Errorf("%v", err)
	}
}
