package workload_test

import (
	"encoding/json"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"assay/framework/check"
	"assay/framework/probe"
	"assay/framework/target"
	"assay/framework/workload"
	"assay/suites"
)

func twoNodes() target.Target {
	return target.Target{Column: "example", ProbeImage: "localhost/assay/probe:1", Nodes: []target.Node{{Name: "one"}, {Name: "two"}}}
}

func privileged() check.Container {
	yes := true
	return check.Container{SecurityContext: &corev1.SecurityContext{Privileged: &yes}}
}

func pack(t *testing.T, checks ...check.Check) []workload.Pod {
	t.Helper()
	pods, err := workload.Pack(checks, twoNodes(), "assay-1")
	if err != nil {
		t.Fatal(err)
	}
	return pods
}

func TestEqualShapesShareAContainerAndItsActions(t *testing.T) {
	mount, chown := probe.Do(probe.OpMount, "/tmp"), probe.Do(probe.OpChown, "/tmp", "1")
	pods := pack(t,
		check.Check{ID: "a/1", Trials: []check.Trial{{Name: "x", Action: mount}, {Name: "y", Container: privileged(), Action: mount}}},
		check.Check{ID: "a/2", Trials: []check.Trial{{Name: "x", Action: mount}, {Name: "z", Action: chown}, {Name: "facts"}}},
	)
	if len(pods) != 1 || len(pods[0].Object.Spec.Containers) != 2 {
		t.Fatalf("%d pods, the first with %d containers", len(pods), len(pods[0].Object.Spec.Containers))
	}
	var request probe.Request
	if err := json.Unmarshal([]byte(pods[0].Object.Spec.Containers[0].Env[0].Value), &request); err != nil {
		t.Fatal(err)
	}
	if len(request.Actions) != 2 {
		t.Errorf("the probe is asked for %v, wanted each action once", request.Actions)
	}
	containers := map[workload.Key]string{}
	for _, placement := range pods[0].Placements {
		containers[placement.Key] = placement.Container
	}
	if len(containers) != 5 || containers[workload.Key{Check: "a/1", Trial: "y"}] == containers[workload.Key{Check: "a/1", Trial: "x"}] {
		t.Errorf("placements %v", containers)
	}
}

func TestPodLevelKnobsGetPodsOfTheirOwnOnAlternatingNodes(t *testing.T) {
	pods := pack(t, check.Check{ID: "a/1", Trials: []check.Trial{
		{Name: "own"}, {Name: "host", Pod: check.Pod{HostPID: true}}, {Name: "alone", Pod: check.Pod{Alone: "alone"}},
	}})
	if len(pods) != 3 {
		t.Fatalf("%d pods", len(pods))
	}
	if !pods[1].Object.Spec.HostPID || pods[0].Object.Spec.HostPID {
		t.Error("hostPID is not on its pod alone")
	}
	if pods[0].Object.Spec.NodeName == pods[1].Object.Spec.NodeName {
		t.Error("the first two pods are on one node")
	}
}

func TestManyContainersAreSpreadOverPods(t *testing.T) {
	var trials []check.Trial
	for user := range int64(20) {
		trials = append(trials, check.Trial{
			Name:      string(rune('a' + user)),
			Container: check.Container{SecurityContext: &corev1.SecurityContext{RunAsUser: &user}},
		})
	}
	pods := pack(t, check.Check{ID: "a/1", Trials: trials})
	placed := 0
	for _, pod := range pods {
		if len(pod.Object.Spec.Containers) > 12 {
			t.Errorf("pod %s has %d containers", pod.Object.Name, len(pod.Object.Spec.Containers))
		}
		placed += len(pod.Placements)
	}
	if len(pods) != 2 || placed != 20 {
		t.Errorf("%d pods for %d trials", len(pods), placed)
	}
}

func TestAContainerThatIsWantedToHoldIsSharedAndHolds(t *testing.T) {
	pods := pack(t, check.Check{ID: "a/1", Trials: []check.Trial{
		{Name: "ends"}, {Name: "holds", Container: check.Container{Hold: true}}, {Name: "ends, too"},
	}})
	if len(pods) != 1 || len(pods[0].Object.Spec.Containers) != 1 {
		t.Fatalf("%d pods, the first with %d containers", len(pods), len(pods[0].Object.Spec.Containers))
	}
	if name := pods[0].Object.Spec.Containers[0].Name; !pods[0].Holding(name) || !pods[0].Compared() {
		t.Errorf("container %s does not hold", name)
	}
}

func TestResourcesDoNotChangeTheQoSClassOfOthers(t *testing.T) {
	limited := check.Container{Resources: corev1.ResourceRequirements{
		Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")},
	}}
	together := check.Pod{Alone: "together"}
	pods := pack(t, check.Check{ID: "a/1", Trials: []check.Trial{
		{Name: "unlimited"},
		{Name: "limited", Container: limited},
		{Name: "unlimited, together", Pod: together},
		{Name: "limited, together", Pod: together, Container: limited},
	}})
	containers := make([]int, 0, len(pods))
	for _, pod := range pods {
		containers = append(containers, len(pod.Object.Spec.Containers))
	}
	if !slices.Equal(containers, []int{1, 1, 2}) {
		t.Errorf("pods of %v containers, wanted [1 1 2]", containers)
	}
}

func TestPeer(t *testing.T) {
	pods := pack(t,
		check.Check{ID: "a/1", Trials: []check.Trial{{Name: "local", Pod: check.Pod{Alone: "local"}}}},
		check.Check{ID: "a/2", Trials: []check.Trial{
			{Name: "action", Action: probe.Run("ping", "$PEER_IP")},
			{Name: "command", Container: check.Container{Command: []string{"ping", "$(PEER_IP)"}}},
		}},
	)
	if pods[0].NeedsPeer || !pods[1].NeedsPeer {
		t.Errorf("needs a peer: %v, %v", pods[0].NeedsPeer, pods[1].NeedsPeer)
	}
	told := pods[1].WithPeer("10.0.0.9")
	for _, container := range told.Object.Spec.Containers {
		if container.Env[0].Name != probe.PeerVariable || container.Env[0].Value != "10.0.0.9" {
			t.Errorf("container %s is told %v", container.Name, container.Env)
		}
	}
	if len(pods[1].Object.Spec.Containers[1].Env) != 0 {
		t.Error("the plan was changed")
	}
}

func TestPackIsStable(t *testing.T) {
	trials := []check.Trial{{Name: "a"}, {Name: "b", Pod: check.Pod{HostIPC: true}}, {Name: "c", Container: privileged()}}
	first := pack(t, check.Check{ID: "a/1", Trials: trials})
	second := pack(t, check.Check{ID: "a/1", Trials: trials})
	one, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	two, err := json.Marshal(second)
	if err != nil {
		t.Fatal(err)
	}
	if string(one) != string(two) {
		t.Error("equal checks were packed differently")
	}
}

// TestNamesOfTheRun: what a check names is there under the run's own names.
func TestNamesOfTheRun(t *testing.T) {
	class := func(name string) check.Pod { return check.Pod{RuntimeClassName: &name} }
	variant := check.Container{Extra: corev1.Container{Image: probe.VariantUserName.Image()}}
	other := check.Container{Extra: corev1.Container{Image: "localhost/other"}}
	pods := pack(t, check.Check{
		ID:      "a/1",
		Objects: []runtime.Object{&nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "own"}}},
		Trials: []check.Trial{
			{Name: "own", Pod: class("own"), Container: variant},
			{Name: "another's", Pod: class("other"), Container: other},
			{Name: "enforced", Pod: check.Pod{EnforceLevel: "baseline"}},
		},
	})
	if len(pods) != 3 {
		t.Fatalf("got %d pods", len(pods))
	}
	if got := *pods[0].Object.Spec.RuntimeClassName; got != "assay-1-own" {
		t.Errorf("the check's own class is %s", got)
	}
	if got := *pods[1].Object.Spec.RuntimeClassName; got != "other" {
		t.Errorf("another's class is %s", got)
	}
	for i, want := range []string{"localhost/assay/probe:1-user-name", "localhost/other", "localhost/assay/probe:1"} {
		if got := pods[i].Object.Spec.Containers[0].Image; got != want {
			t.Errorf("image %s, want %s", got, want)
		}
	}
	if pods[0].Object.Namespace != "assay-1" || pods[2].Object.Namespace != "assay-1-baseline" {
		t.Errorf("namespaces %s, %s", pods[0].Object.Namespace, pods[2].Object.Namespace)
	}
}

// TestVolumesAreNotShared: what asks for other volumes shares a pod, and each has the volumes that it asked for.
func TestVolumesAreNotShared(t *testing.T) {
	with := func(medium corev1.StorageMedium) check.Pod {
		return check.Pod{Volumes: []corev1.Volume{{Name: "scratch", VolumeSource: corev1.VolumeSource{
			EmptyDir: &corev1.EmptyDirVolumeSource{Medium: medium},
		}}}}
	}
	mounting := func(apart string) check.Container {
		return check.Container{Apart: apart, VolumeMounts: []corev1.VolumeMount{{Name: "scratch", MountPath: "/scratch"}}}
	}
	disk, memory := with(corev1.StorageMediumDefault), with(corev1.StorageMediumMemory)
	pods := pack(t, check.Check{ID: "a/1", Trials: []check.Trial{
		{Name: "none"},
		{Name: "writes", Pod: disk, Container: mounting("writes")},
		{Name: "reads", Pod: disk, Container: mounting("reads")},
		{Name: "memory", Pod: memory, Container: mounting("")},
	}})
	if len(pods) != 1 {
		t.Fatalf("%d pods", len(pods))
	}
	volumes := map[string]corev1.StorageMedium{}
	for _, volume := range pods[0].Object.Spec.Volumes {
		volumes[volume.Name] = volume.EmptyDir.Medium
	}
	mounted := map[string]string{}
	for _, placement := range pods[0].Placements {
		for _, container := range pods[0].Object.Spec.Containers {
			if container.Name == placement.Container && len(container.VolumeMounts) > 0 {
				mounted[placement.Key.Trial] = container.VolumeMounts[0].Name
			}
		}
	}
	if len(volumes) != 2 || mounted["writes"] != mounted["reads"] || mounted["none"] != "" ||
		volumes[mounted["writes"]] != corev1.StorageMediumDefault || volumes[mounted["memory"]] != corev1.StorageMediumMemory {
		t.Errorf("volumes %v, mounted %v", volumes, mounted)
	}
}

// TestWhatIsAloneStaysTogether: its containers look at one another, however many there are.
func TestWhatIsAloneStaysTogether(t *testing.T) {
	var trials []check.Trial
	for _, name := range "abcdefghijklmnopqrst" {
		trials = append(trials, check.Trial{
			Name: string(name), Pod: check.Pod{Alone: "siblings"}, Container: check.Container{Apart: string(name)},
		})
	}
	if pods := pack(t, check.Check{ID: "a/1", Trials: trials}); len(pods) != 1 {
		t.Errorf("siblings are in %d pods", len(pods))
	}
}

// TestSplit: every container that need not be with others gets a pod of its own, with all that it had.
func TestSplit(t *testing.T) {
	memory := []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	pods := pack(t, check.Check{ID: "a/1", Trials: []check.Trial{
		{Name: "plain", Action: probe.Do(probe.OpMount, "$("+probe.PeerVariable+")")},
		{Name: "privileged", Container: privileged()},
		{Name: "writes", Pod: check.Pod{Volumes: memory}, Container: check.Container{Apart: "writes"}},
		{Name: "reads", Pod: check.Pod{Volumes: memory}, Container: check.Container{Apart: "reads"}},
	}})
	if len(pods) != 1 {
		t.Fatalf("%d pods", len(pods))
	}
	parts, err := pods[0].WithPeer("192.0.2.1").Split()
	if err != nil || len(parts) != 3 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	names := map[string]bool{}
	for i, trials := range [][]string{{"plain"}, {"privileged"}, {"writes", "reads"}} {
		part := parts[i]
		var placed []string
		for _, placement := range part.Placements {
			placed = append(placed, placement.Key.Trial)
		}
		if !slices.Equal(placed, trials) || len(part.Object.Spec.Containers) != len(trials) || part.Object.Spec.NodeName != pods[0].Object.Spec.NodeName {
			t.Errorf("part %d: %v on %s, %d containers", i, placed, part.Object.Spec.NodeName, len(part.Object.Spec.Containers))
		}
		names[part.Object.Name] = true
	}
	if len(names) != 3 || names[pods[0].Object.Name] {
		t.Errorf("names %v", names)
	}
	if env := parts[0].Object.Spec.Containers[0].Env; env[0].Name != probe.PeerVariable || env[0].Value != "192.0.2.1" {
		t.Errorf("the part that needs a peer has %v", env)
	}
	if again, err := parts[2].Split(); err != nil || len(again) != 0 {
		t.Errorf("a part is split again: %d, %v", len(again), err)
	}
}

// TestAllPodsOfTheCatalogueCanBeSplit: no part is without an ordinary container, or asks for one that it lacks, and
// what is related within a pod stays in one.
func TestAllPodsOfTheCatalogueCanBeSplit(t *testing.T) {
	whole, split := map[workload.Key]string{}, map[workload.Key]string{}
	for _, pod := range pack(t, suites.Catalogue()...) {
		parts, err := pod.Split()
		if err != nil {
			t.Fatal(err)
		}
		for _, placement := range pod.Placements {
			whole[placement.Key], split[placement.Key] = pod.Object.Name, pod.Object.Name
		}
		placed := 0
		for _, part := range parts {
			placed += len(part.Placements)
			if len(part.Object.Spec.Containers) == 0 {
				t.Errorf("pod %s has no container: %v", part.Object.Name, part.Placements)
			}
			for _, placement := range part.Placements {
				split[placement.Key] = part.Object.Name
				container := placement.Trial.Container
				if container.Target != "" && !slices.ContainsFunc(part.Ephemeral, func(e corev1.EphemeralContainer) bool { return e.TargetContainerName != "" }) {
					t.Errorf("pod %s lacks the target of %v", part.Object.Name, placement.Key)
				}
			}
		}
		if len(parts) > 0 && placed != len(pod.Placements) {
			t.Errorf("pod %s has %d trials, its parts %d", pod.Object.Name, len(pod.Placements), placed)
		}
	}
	for _, c := range suites.Catalogue() {
		for _, relation := range c.Relations {
			left, right := workload.Key{Check: c.ID, Trial: relation.Left}, workload.Key{Check: c.ID, Trial: relation.Right}
			if whole[left] == whole[right] && split[left] != split[right] {
				t.Errorf("%s relates %q and %q, which are split", c.ID, relation.Left, relation.Right)
			}
		}
	}
}

// TestFirst: where the first node is the one in question, pods are on another one only where a trial wants that.
func TestFirst(t *testing.T) {
	to := twoNodes()
	to.First = true
	pods, err := workload.Pack([]check.Check{{ID: "a/1", Trials: []check.Trial{
		{Name: "a"}, {Name: "b", Pod: check.Pod{HostPID: true}}, {Name: "c", Pod: check.Pod{Alone: "c", Node: 2}},
	}}}, to, "assay-1")
	if err != nil || len(pods) != 3 {
		t.Fatalf("%d pods, %v", len(pods), err)
	}
	for i, want := range []string{"one", "one", "two"} {
		if node := pods[i].Object.Spec.NodeName; node != want {
			t.Errorf("pod %d is on node %s", i, node)
		}
	}
}
