package existing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"

	"assay/framework/workload"
)

func node(name, runtime string, change ...func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"pool": "a"}},
		Status: corev1.NodeStatus{
			NodeInfo: corev1.NodeSystemInfo{
				ContainerRuntimeVersion: runtime, KubeletVersion: "v1.36.3", KernelVersion: "6.12", OSImage: "Debian", OperatingSystem: "linux",
			},
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	}
	for _, each := range change {
		each(n)
	}
	return n
}

// fleet has three nodes of containerd, one of them of the control plane, one of CRI-O, and three that are of no use.
func fleet() *fake.Clientset {
	return fake.NewClientset(
		node("a-control", "containerd://2.4.2", func(n *corev1.Node) { n.Labels["node-role.kubernetes.io/control-plane"] = "" }),
		node("b", "containerd://2.4.2"),
		node("c", "containerd://2.4.2"),
		node("d", "cri-o://1.36.1", func(n *corev1.Node) { n.Labels["pool"] = "b" }),
		node("cordoned", "containerd://2.4.2", func(n *corev1.Node) { n.Spec.Unschedulable = true }),
		node("gone", "containerd://1.7.0", func(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionUnknown }),
		node("windows", "containerd://2.4.2", func(n *corev1.Node) { n.Status.NodeInfo.OperatingSystem = "windows" }),
	)
}

func describe(columns []Column) string {
	var lines []string
	for _, c := range columns {
		var nodes []string
		for _, n := range c.Nodes {
			nodes = append(nodes, n.Name)
		}
		lines = append(lines, fmt.Sprintf("%s: %s %s %s %s %v +%d", c.Name, c.Runtime.Name, c.Runtime.Version, c.Kubernetes, c.RuntimeClass, nodes, c.Unused))
	}
	return strings.Join(lines, "\n")
}

func TestColumnsAreWhatNodesReport(t *testing.T) {
	tests := map[string]struct {
		options Options
		want    string
	}{
		"all": {
			Options{},
			"containerd-2.4.2: containerd 2.4.2 1.36.3  [a-control b c] +0\ncri-o-1.36.1: cri-o 1.36.1 1.36.3  [d] +0",
		},
		"two a column": {
			Options{NodesPerColumn: 2},
			"containerd-2.4.2: containerd 2.4.2 1.36.3  [b c] +1\ncri-o-1.36.1: cri-o 1.36.1 1.36.3  [d] +0",
		},
		"groups": {
			Options{Groups: []Group{{Name: "plain", Selector: "pool=a"}, {Name: "crun", Selector: "pool=b", RuntimeClass: "crun"}}, NodesPerColumn: 1},
			"plain: containerd 2.4.2 1.36.3  [b] +2\ncrun: cri-o 1.36.1 1.36.3 crun [d] +0",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			columns, err := inCluster(t.Context(), fleet(), test.options)
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(columns); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
	for name, groups := range map[string][]Group{
		"no nodes":     {{Name: "none", Selector: "pool=none"}},
		"two runtimes": {{Name: "all"}},
	} {
		if _, err := inCluster(t.Context(), fleet(), Options{Groups: groups}); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestNamesAreUnique(t *testing.T) {
	columns := []Column{{}, {}}
	columns[0].Name, columns[1].Name = "a", "a"
	if unique(columns); columns[0].Name != "a" || columns[1].Name != "a-2" {
		t.Errorf("names %s, %s", columns[0].Name, columns[1].Name)
	}
	if got := plain("Kind_dev@example/1"); got != "kind-dev-example-1" {
		t.Errorf("got %s", got)
	}
}

func TestOptionsAreValidated(t *testing.T) {
	good := Options{ProbeImage: "registry.example/assay/probe:1", Groups: []Group{{Name: "a", Selector: "x in (1,2)"}}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Options){
		"no image":     func(o *Options) { o.ProbeImage = "" },
		"a digest":     func(o *Options) { o.ProbeImage = "probe@sha256:abc" },
		"no name":      func(o *Options) { o.Groups = []Group{{}} },
		"a name twice": func(o *Options) { o.Groups = []Group{{Name: "a"}, {Name: "a"}} },
		"no selector":  func(o *Options) { o.Groups = []Group{{Name: "a", Selector: "=="}} },
	} {
		options := good
		if change(&options); options.Validate() == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestMissingRights(t *testing.T) {
	client := fleet()
	client.PrependReactor("create", "selfsubjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview)
		asked := review.Spec.ResourceAttributes
		review.Status.Allowed = asked.Resource != "namespaces" || asked.Verb != "create"
		return true, review, nil
	})
	missing, err := Missing(t.Context(), client)
	if err != nil || len(missing) != 1 || missing[0] != "create namespaces" {
		t.Errorf("got %v, %v", missing, err)
	}
}

// TestManifest: what is printed are four objects, and the role has every right and nothing that reads secrets or
// reaches into the kubelets.
func TestManifest(t *testing.T) {
	var out bytes.Buffer
	if err := WriteManifest(&out, "tester", "somewhere", Rights()); err != nil {
		t.Fatal(err)
	}
	documents := strings.Split(out.String(), "---\n")[1:]
	if len(documents) != 4 {
		t.Fatalf("%d documents", len(documents))
	}
	for _, document := range documents {
		var object struct {
			Kind  string
			Rules []struct{ Resources, Verbs []string }
		}
		if err := yaml.Unmarshal([]byte(document), &object); err != nil || object.Kind == "" {
			t.Errorf("%v: %s", err, document)
		}
		for _, rule := range object.Rules {
			for _, verb := range rule.Verbs {
				if verb == "*" || rule.Resources[0] == "secrets" && verb != "create" || rule.Resources[0] == "nodes/proxy" {
					t.Errorf("%s %v", verb, rule.Resources)
				}
			}
		}
		if object.Kind == "ClusterRole" && len(object.Rules) != len(Rights()) {
			t.Errorf("%d rules", len(object.Rules))
		}
	}
}

// ends has each pod of the cluster end at once, or be refused.
func ends(client *fake.Clientset, refuse func(*corev1.Pod) error) {
	client.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		pod := action.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
		if err := refuse(pod); err != nil {
			return true, nil, err
		}
		pod.Status.Phase = corev1.PodSucceeded
		return false, nil, nil
	})
}

func privileged(pod *corev1.Pod) bool { return pod.Spec.Containers[0].SecurityContext != nil }

func TestPrepareAsksNodesAndLeavesNothing(t *testing.T) {
	forbidden := func(pod *corev1.Pod) error {
		if !privileged(pod) {
			return nil
		}
		return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, pod.Name, errors.New(`violates PodSecurity "baseline:latest": privileged`))
	}
	client := fleet()
	ends(client, forbidden)
	columns, err := inCluster(t.Context(), client, Options{})
	if err != nil {
		t.Fatal(err)
	}
	to, facts, err := columns[0].Prepare(t.Context(), "1-c1", "probe:1")
	if err != nil || len(to.Nodes) != 3 || len(facts) != 3 || facts[0].Kernel != "6.12" || facts[0].BoundingSet != "" || !to.Shared {
		t.Errorf("target %+v, facts %+v, %v", to, facts, err)
	}
	if to.Nodes[0].Bounding != 0 {
		t.Error("a node that may not be asked has said something")
	}
	pods, err := client.CoreV1().Pods("assay-1-c1").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 0 {
		t.Errorf("%d pods are left, %v", len(pods.Items), err)
	}
	other := workload.Namespace("assay-1-c10", "")
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), other, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if left, err := Remove(t.Context(), client, "1-c1"); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	namespaces, err := client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(namespaces.Items) != 1 || namespaces.Items[0].Name != other.Name {
		t.Errorf("namespaces %v, %v", namespaces.Items, err)
	}
}

func TestPrepareSaysWhatIsWrong(t *testing.T) {
	client := fleet()
	client.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		pod := action.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{
			Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "not found"},
		}}}
		return false, nil, nil
	})
	columns, err := inCluster(t.Context(), client, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := columns[1].Prepare(t.Context(), "1-c2", "probe:1"); err == nil || !strings.Contains(err.Error(), "ErrImagePull") {
		t.Errorf("got %v", err)
	}
	client = fleet()
	client.PrependReactor("create", "namespaces", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "assay-1", io.EOF)
	})
	if columns, err = inCluster(t.Context(), client, Options{}); err != nil {
		t.Fatal(err)
	}
	to, _, err := columns[0].Prepare(t.Context(), "1-c1", "probe:1")
	if to.Forbids(err) == "" {
		t.Errorf("the owners' refusal is %v", err)
	}
}

// TestANodeOfManyThatCannotBeUsed is no error, unless there is no other.
func TestANodeOfManyThatCannotBeUsed(t *testing.T) {
	for name, test := range map[string]struct {
		broken []string
		fails  bool
	}{
		"one": {[]string{"b"}, false},
		"all": {[]string{"a-control", "b", "c"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			client := fleet()
			client.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
				pod := action.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
				if slices.Contains(test.broken, pod.Spec.NodeName) {
					return true, nil, errors.New("connection reset")
				}
				if privileged(pod) {
					return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, pod.Name, errors.New("privileged"))
				}
				pod.Status.Phase = corev1.PodSucceeded
				return false, nil, nil
			})
			columns, err := inCluster(t.Context(), client, Options{})
			if err != nil {
				t.Fatal(err)
			}
			to, _, err := columns[0].Prepare(t.Context(), "1-c1", "probe:1")
			if (err != nil) != test.fails || !to.Sweep {
				t.Errorf("target %+v, %v", to, err)
			}
			for _, node := range to.Nodes {
				if (node.Unusable != nil) != slices.Contains(test.broken, node.Name) {
					t.Errorf("node %s: %v", node.Name, node.Unusable)
				}
			}
		})
	}
}
