package inventory_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	nodev1 "k8s.io/api/node/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"

	"assay/framework/inventory"
	"assay/reports/impact"
)

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: "shop"}
}

func owned(name string) metav1.ObjectMeta {
	of := meta(name)
	of.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "owner", Controller: new(true)}}
	return of
}

func TestRead(t *testing.T) {
	client := fake.NewClientset(
		&appsv1.Deployment{ObjectMeta: meta("d")}, &appsv1.ReplicaSet{ObjectMeta: owned("d-1")}, &appsv1.DaemonSet{ObjectMeta: meta("ds")},
		&appsv1.StatefulSet{ObjectMeta: meta("s")}, &batchv1.CronJob{ObjectMeta: meta("cj")}, &batchv1.Job{ObjectMeta: owned("cj-1")},
		&batchv1.Job{ObjectMeta: meta("j")}, &corev1.Pod{ObjectMeta: owned("d-1-x")}, &corev1.Pod{ObjectMeta: meta("p")},
		&corev1.ReplicationController{ObjectMeta: meta("rc")}, &corev1.PodTemplate{ObjectMeta: meta("t")},
		&networkingv1.NetworkPolicy{ObjectMeta: meta("n")}, &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "fast"}, Handler: "crun"},
	)
	manifests := &impact.Manifests{}
	if err := inventory.Read(t.Context(), client, "", "cluster c", manifests); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range manifests.Workloads {
		got = append(got, w.String())
	}
	slices.Sort(got)
	want := "CronJob shop/cj, DaemonSet shop/ds, Deployment shop/d, Job shop/j, Pod shop/p, PodTemplate shop/t, ReplicationController shop/rc, StatefulSet shop/s"
	if strings.Join(got, ", ") != want || len(manifests.Policies) != 1 || manifests.Handlers["fast"] != "crun" {
		t.Errorf("got %v, %d policies, handlers %v", got, len(manifests.Policies), manifests.Handlers)
	}
	for _, action := range client.Actions() {
		if action.GetVerb() != "list" {
			t.Errorf("it does more than list: %s %s", action.GetVerb(), action.GetResource().Resource)
		}
	}
}

func TestReadSaysWhatCannotBeListed(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("list", "daemonsets", func(ktesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("forbidden") })
	err := inventory.Read(t.Context(), client, "shop", "cluster c", &impact.Manifests{})
	if err == nil || !strings.Contains(err.Error(), "daemonsets") || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("got %v", err)
	}
}

func TestOpenWithoutKubeconfig(t *testing.T) {
	if _, _, err := inventory.Open(inventory.Options{Kubeconfig: "testdata/absent"}); err == nil {
		t.Error("a kubeconfig that is not there is none")
	}
}

func TestReadNotesWhatIsForbidden(t *testing.T) {
	client := fake.NewClientset(&corev1.Pod{ObjectMeta: meta("p")})
	client.PrependReactor("list", "runtimeclasses", func(ktesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "runtimeclasses"}, "", errors.New("no"))
	})
	manifests := &impact.Manifests{}
	if err := inventory.Read(t.Context(), client, "", "cluster c", manifests); err != nil {
		t.Fatal(err)
	}
	if len(manifests.Workloads) != 1 || !slices.Equal(manifests.NotRead, []string{"runtimeclasses"}) {
		t.Errorf("got %d workloads, %v not read", len(manifests.Workloads), manifests.NotRead)
	}
	client.PrependReactor("list", "*", func(ktesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("no"))
	})
	if err := inventory.Read(t.Context(), client, "", "cluster c", &impact.Manifests{}); err == nil {
		t.Error("nothing could be read, and that is no error")
	}
}
