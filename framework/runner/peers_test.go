package runner

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"assay/framework/target"
)

// TestPeers has each node's probes get the address of a pod elsewhere, and on the only node of all one beside them.
func TestPeers(t *testing.T) {
	for name, test := range map[string]struct {
		nodes, others []target.Node
		// want is the node of the peer by that of the probe.
		want map[string]string
	}{
		"two nodes":                        {[]target.Node{{Name: "a"}, {Name: "b"}}, []target.Node{{Name: "c"}}, map[string]string{"a": "b", "b": "a"}},
		"one node, and another column's":   {[]target.Node{{Name: "a"}}, []target.Node{{Name: "c"}, {Name: "d"}}, map[string]string{"a": "c"}},
		"the only node":                    {[]target.Node{{Name: "a"}}, nil, map[string]string{"a": "a"}},
		"three nodes, one after another's": {[]target.Node{{Name: "a"}, {Name: "b"}, {Name: "c"}}, nil, map[string]string{"c": "a", "a": "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset()
			client.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, apiruntime.Object, error) {
				pod := action.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
				// Its node is as good as an address here.
				pod.Status.PodIP = pod.Spec.NodeName
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
				return false, nil, nil
			})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			watch, err := newWatch(ctx, client, "assay-1")
			if err != nil {
				t.Fatal(err)
			}
			to := target.Target{Client: client, ProbeImage: "probe", Nodes: test.nodes, Others: test.others, RuntimeClass: "crun"}
			options := Options{Timeouts: Timeouts{Pod: 5 * time.Second}}
			p := newPeers(newGatherer(to, options, "assay-1", watch, semaphore.NewWeighted(1)))
			if err := p.submit(ctx); err != nil {
				t.Fatal(err)
			}
			for _, from := range slices.Sorted(maps.Keys(test.want)) {
				if got, err := p.address(ctx, from); got != test.want[from] || err != nil {
					t.Errorf("from %s: got %q, %v, want %q", from, got, err, test.want[from])
				}
			}
			pods, err := client.CoreV1().Pods("assay-1").List(ctx, metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, pod := range pods.Items {
				own := slices.ContainsFunc(test.nodes, func(n target.Node) bool { return n.Name == pod.Spec.NodeName })
				if (pod.Spec.RuntimeClassName != nil) != own {
					t.Errorf("peer on node %s has the class %v", pod.Spec.NodeName, pod.Spec.RuntimeClassName)
				}
			}
		})
	}
}
