package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kinderrors "sigs.k8s.io/kind/pkg/errors"
	"sigs.k8s.io/kind/pkg/exec"
	"sigs.k8s.io/yaml"

	"assay/framework/column"
	"assay/framework/engine"
	"assay/framework/placement"
	"assay/framework/progress"
)

var update = flag.Bool("update", false, "write the golden files")

// columnOf is a column with all that a matrix would give it.
func columnOf(name, runtime, version, oci string) column.Column {
	return column.Column{
		Name: name, Runtime: column.Runtime{Name: runtime, Version: version}, OCIRuntime: oci,
		Kubernetes: "1.36.3", Network: column.KubeRouter,
	}
}

func TestKindConfig(t *testing.T) {
	subnet := netip.MustParsePrefix("10.91.16.0/20")
	containerd, crun := columnOf("containerd", column.Containerd, "2.4.2", "runc"), columnOf("crun", column.Containerd, "2.4.2", "crun")
	crio := columnOf("cri-o", column.CRIO, "1.36.1", "runc")
	tests := map[string]struct {
		columns  []column.Column
		topology column.Topology
		// fragments are those of the groups, in their order.
		fragments [][]string
		machine   engine.Machine
	}{
		"containerd on cgroup v2": {
			columns: []column.Column{containerd},
			machine: engine.Machine{Cgroup: engine.CgroupV2},
		},
		"cri-o with fragments on cgroup v1": {
			columns:   []column.Column{crio},
			fragments: [][]string{{"/matrix/first.conf", "/matrix/second.conf"}},
			machine:   engine.Machine{Cgroup: engine.CgroupHybrid},
		},
		"a ready image": {
			columns: []column.Column{{Runtime: column.Runtime{Name: column.Containerd}, Image: "kindest/node:v1.35.0", Network: column.Kindnet}},
			machine: engine.Machine{Cgroup: engine.CgroupHybrid},
		},
		"mixed with fragments on cgroup v1": {
			columns:   []column.Column{containerd, crio, crun},
			topology:  column.Mixed,
			fragments: [][]string{{"/matrix/first.toml"}, {"/matrix/first.conf"}},
			machine:   engine.Machine{Cgroup: engine.CgroupHybrid},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			placed := placement.Place(test.columns, test.topology)[0]
			var groups []nodes
			for i, group := range placed.Groups {
				made := nodes{Group: group, image: fmt.Sprintf("localhost/assay/node:%d", i+1)}
				if i < len(test.fragments) {
					made.fragments = test.fragments[i]
				}
				groups = append(groups, made)
			}
			config, err := kindConfig("assay-run-column", placed, groups, test.machine, subnet)
			if err != nil {
				t.Fatal(err)
			}
			got, err := yaml.Marshal(config)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.ReplaceAll(name, " ", "-")+".yaml", got)
		})
	}
}

func TestSharedNodesHaveTheDefaultHandler(t *testing.T) {
	runc, crun := columnOf("a", column.CRIO, "1.36.1", "runc"), columnOf("b", column.CRIO, "1.36.1", "crun")
	crun.Config = nil
	for name, test := range map[string]struct {
		columns []column.Column
		want    []string
	}{
		"crun alone":       {[]column.Column{crun}, []string{"crun.cri-o.conf"}},
		"runc alone":       {[]column.Column{runc}, nil},
		"both":             {[]column.Column{runc, crun}, nil},
		"both, crun first": {[]column.Column{crun, runc}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := testStore(t)
			record, err := s.allocate(t.Context(), Record{Name: "assay-run-a"}, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")})
			if err != nil {
				t.Fatal(err)
			}
			paths, err := (&Manager{store: s}).fragments(record, placement.Place(test.columns, column.Isolated)[0].Groups[0])
			var got []string
			for _, path := range paths {
				got = append(got, filepath.Base(path))
			}
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func mixedCluster(t *testing.T) *Cluster {
	t.Helper()
	m := &Manager{store: testStore(t)}
	record, err := m.store.allocate(t.Context(), Record{Name: "assay-run-mixed"}, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	const kubeconfig = `{"apiVersion": "v1", "kind": "Config", "current-context": "c", "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}], ` +
		`"contexts": [{"name": "c", "context": {"cluster": "c"}}]}`
	if err := os.WriteFile(m.store.kubeconfig(record.Name), []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := m.open(record, placement.Place([]column.Column{
		columnOf("a", column.Containerd, "2.4.2", "runc"), columnOf("b", column.CRIO, "1.36.1", "runc"), columnOf("c", column.CRIO, "1.36.1", "crun"),
	}, column.Mixed)[0])
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAColumnSeesItsOwnNodes(t *testing.T) {
	c := mixedCluster(t)
	groups := c.placed.Groups
	if len(c.Nodes) != 3 || len(groups) != 2 {
		t.Fatalf("nodes %v, groups %v", c.Nodes, groups)
	}
	names := func(nodes []Node) string {
		var all []string
		for _, node := range nodes {
			all = append(all, strings.TrimPrefix(node.Name, "assay-run-mixed-"))
		}
		return strings.Join(all, " ")
	}
	of := c.Of(groups[1])
	if got := names(of.Nodes) + ", " + names(of.required()); got != "worker2, control-plane worker2" {
		t.Errorf("got %s", got)
	}
	if of.column.Runtime.Name != column.CRIO || c.Of(groups[0]).column.Runtime.Name != column.Containerd {
		t.Error("the part of a group has another group's runtime")
	}
	c.placed.Topology = column.Isolated
	if got := names(c.Of(groups[0]).Nodes); got != "control-plane worker" {
		t.Errorf("isolated: got %s", got)
	}
	gone := placement.Group{Columns: []column.Column{columnOf("gone", column.Containerd, "1.7.35", "runc")}}
	if worker := c.Worker(gone); worker != "" {
		t.Errorf("a group that is not there has worker %s", worker)
	}
}

func TestOnlyTheColumnsNodesAreAwaited(t *testing.T) {
	c := mixedCluster(t)
	set := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "kube-router"}, Status: appsv1.DaemonSetStatus{DesiredNumberScheduled: 3, CurrentNumberScheduled: 3}}
	pod := func(node string, ready corev1.ConditionStatus) corev1.Pod {
		return corev1.Pod{
			Spec:   corev1.PodSpec{NodeName: "assay-run-mixed-" + node},
			Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}},
		}
	}
	pods := []corev1.Pod{pod("control-plane", corev1.ConditionTrue), pod("worker", corev1.ConditionTrue), pod("worker2", corev1.ConditionFalse)}
	for i, want := range []bool{true, false} {
		if missing := c.Of(c.placed.Groups[i]).daemonMissing(set, pods); (len(missing) == 0) != want {
			t.Errorf("group %d: %q", i, missing)
		}
	}
	pods[0] = pod("control-plane", corev1.ConditionFalse)
	if missing := c.Of(c.placed.Groups[0]).daemonMissing(set, pods); len(missing) == 0 {
		t.Error("the control plane is not awaited")
	}
	if missing := c.Of(c.placed.Groups[0]).daemonMissing(set, pods[2:]); len(missing) == 0 {
		t.Error("no pod is enough")
	}
}

func TestCreateWithoutTheGuilty(t *testing.T) {
	all := placement.Place([]column.Column{
		columnOf("a", column.Containerd, "2.4.2", "runc"), columnOf("b", column.CRIO, "1.36.1", "runc"),
		columnOf("b-crun", column.CRIO, "1.36.1", "crun"), columnOf("c", column.Containerd, "1.7.35", "runc"),
	}, column.Mixed)[0]
	broken := errors.New("broken")
	type outcome struct {
		bad []string
		err error
	}
	for name, test := range map[string]struct {
		attempts []outcome
		// made are the groups of the cluster that is there in the end, failed the columns with an error.
		made, failed string
		err          bool
	}{
		"all well":             {[]outcome{{}}, "a b c", "", false},
		"one is to blame":      {[]outcome{{[]string{"b"}, broken}, {}}, "a c", "b b-crun", false},
		"first is to blame":    {[]outcome{{[]string{"a"}, broken}, {}}, "b c", "a", false},
		"one after the other":  {[]outcome{{[]string{"a"}, broken}, {[]string{"c"}, broken}, {}}, "b", "a c", false},
		"nobody is to blame":   {[]outcome{{nil, broken}}, "", "", true},
		"blame, then nobody":   {[]outcome{{[]string{"a"}, broken}, {nil, broken}}, "", "a", true},
		"everybody is":         {[]outcome{{[]string{"a", "b", "c"}, broken}}, "", "a b b-crun c", true},
		"bad beside a cluster": {[]outcome{{[]string{"c"}, nil}}, "a b c", "c", false},
	} {
		t.Run(name, func(t *testing.T) {
			attempt := 0
			made, failed, err := createWithout(all, func(placed placement.Cluster) (string, map[string]error, error) {
				now := test.attempts[attempt]
				attempt++
				bad := map[string]error{}
				for _, name := range now.bad {
					bad[name] = broken
				}
				var names []string
				for _, group := range placed.Groups {
					names = append(names, group.Name())
				}
				if now.err != nil {
					names = nil
				}
				return strings.Join(names, " "), bad, now.err
			})
			columns := strings.Join(slices.Sorted(maps.Keys(failed)), " ")
			if made != test.made || columns != test.failed || (err != nil) != test.err || attempt != len(test.attempts) {
				t.Errorf("made %q without %q after %d attempts: %v", made, columns, attempt, err)
			}
		})
	}
}

// TestKindNamesTheNode has kind's errors hold the command that failed, which names the node.
func TestKindNamesTheNode(t *testing.T) {
	err := kinderrors.Wrap(&exec.RunError{Command: []string{"podman", "exec", "a-worker2", "kubeadm", "join"}, Inner: errors.New("exit 1")}, "failed to join")
	var failed *exec.RunError
	if !errors.As(err, &failed) || !slices.Contains(failed.Command, "a-worker2") {
		t.Errorf("no command in %v", err)
	}
}

func TestGuilty(t *testing.T) {
	well := suspect{runs: true, serves: true, joined: true}
	change := func(changes ...func(*suspect)) []suspect {
		suspects := []suspect{well, well, well}
		for i := range suspects {
			suspects[i].node = fmt.Sprint(i)
			suspects[i].controlPlane = i == 0
		}
		for i, change := range changes {
			if change != nil {
				change(&suspects[i])
			}
		}
		return suspects
	}
	stopped := func(s *suspect) { s.runs, s.serves, s.joined = false, false, false }
	named := func(s *suspect) { s.named, s.joined = true, false }
	silent := func(s *suspect) { s.serves, s.joined = false, false }
	late := func(s *suspect) { s.joined = false }
	for name, test := range map[string]struct {
		suspects []suspect
		want     string
	}{
		"nobody":                        {change(), ""},
		"a stopped one":                 {change(nil, stopped), "1"},
		"both":                          {change(nil, stopped, named), "1 2"},
		"the named one, not a late one": {change(nil, late, named), "2"},
		"no runtime":                    {change(nil, late, silent), "2"},
		"only late":                     {change(nil, nil, late), "2"},
		"the control plane":             {change(stopped, late, late), ""},
		"the control plane, too":        {change(named, nil, stopped), ""},
		"nobody has joined":             {change(late, late, late), ""},
	} {
		if got := strings.Join(guilty(test.suspects), " "); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// golden compares with a file of testdata; go test -update writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs (go test ./framework/cluster -update writes it); got:\n%s", path, got)
	}
}

func TestNetworkTemplates(t *testing.T) {
	conflist, err := render("network/kube-router.conflist.tmpl", Node{Name: "n", PodCIDR: "10.91.16.0/24"})
	if err != nil {
		t.Fatal(err)
	}
	var parsed struct {
		Plugins []struct {
			IPAM struct{ Subnet string }
		}
	}
	if err := json.Unmarshal([]byte(conflist), &parsed); err != nil || parsed.Plugins[0].IPAM.Subnet != "10.91.16.0/24" {
		t.Errorf("the conflist has not the node's subnet: %v\n%s", err, conflist)
	}
	manifest, err := render("network/kube-router.yaml.tmpl", struct {
		Image       string
		Firewall    bool
		PodSelector string
	}{"some/image:1", true, "some-label!=none"})
	if err != nil {
		t.Fatal(err)
	}
	for i, document := range strings.Split(manifest, "\n---\n") {
		var object struct{ Kind string }
		if err := yaml.UnmarshalStrict([]byte(document), &map[string]any{}); err != nil {
			t.Errorf("document %d: %v", i, err)
		}
		if err := yaml.Unmarshal([]byte(document), &object); err != nil || object.Kind == "" {
			t.Errorf("document %d has no kind: %v", i, err)
		}
	}
	if !strings.Contains(manifest, "image: some/image:1") {
		t.Error("the manifest does not have the image")
	}
	if _, err := render("network/kube-router.yaml.tmpl", map[string]string{}); err == nil {
		t.Error("a missing value is not an error")
	}
}

func TestName(t *testing.T) {
	for columnName, want := range map[string]string{
		"containerd":               "assay-r1-containerd",
		"cri-o-1.36.1":             "assay-r1-cri-o-1-36-1",
		strings.Repeat("long", 20): "assay-r1-" + strings.Repeat("long", 20)[:39],
	} {
		if got := Name("r1", columnName); got != want || len(got) > maxName || !recordedName.MatchString(got) {
			t.Errorf("%s: got %s, want %s", columnName, got, want)
		}
	}
}

func TestStepName(t *testing.T) {
	for text, want := range map[string]string{
		"Starting control-plane 🕹️ ":                        "starting control-plane",
		"Ensuring node image (localhost/assay/node:1) 🖼️  ": "ensuring node image",
		"Preparing nodes 📦 📦  ":                             "preparing nodes",
	} {
		if got := stepName(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestKindLoggerTellsOfSteps(t *testing.T) {
	var out strings.Builder
	var steps []string
	logger := &kindLogger{out: &out, step: func(name string) { steps = append(steps, name) }}
	logger.V(0).Infof(" • %s  ...\n", "Joining worker nodes 🚜")
	logger.V(0).Infof(" ✓ %s\n", "Joining worker nodes 🚜")
	logger.Warnf("a %s", "warning")
	if len(steps) != 1 || steps[0] != "joining worker nodes" {
		t.Errorf("steps %q", steps)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 3 {
		t.Errorf("%d lines in the log:\n%s", lines, out.String())
	}
}

func TestStepsAfterTheEndAreIgnored(t *testing.T) {
	log := progress.New(&strings.Builder{})
	s := &steps{progress: log}
	s.begin("one")
	s.begin("two")
	if got := s.end(errors.New("failed")); got != "two" {
		t.Errorf("the step is %q, want two", got)
	}
	s.begin("three")
	if phases := log.Phases(); len(phases) != 2 {
		t.Errorf("phases %v, want one and two", phases)
	}
}

func TestHandlerFragment(t *testing.T) {
	tests := map[string]struct{ runtime, version, handler, want string }{
		"runc is the default":       {column.Containerd, "2.4.2", "runc", ""},
		"crun under containerd":     {column.Containerd, "2.4.2", "crun", "crun.containerd.toml"},
		"crun under containerd 1.7": {column.Containerd, "1.7.35", "crun", "crun.containerd-1.toml"},
		"crun under CRI-O":          {column.CRIO, "1.36.1", "crun", "crun.cri-o.conf"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file, content, err := handlerFragment(column.Runtime{Name: test.runtime, Version: test.version}, test.handler)
			if err != nil || file != test.want || (len(content) > 0) != (test.want != "") {
				t.Errorf("got %q with %d bytes, %v; want %q", file, len(content), err, test.want)
			}
		})
	}
}

func testStore(t *testing.T) store {
	t.Helper()
	s, err := newStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAllocateGivesEachClusterASubnetOfItsOwn(t *testing.T) {
	s := testStore(t)
	subnets := engine.Network{Subnet: netip.MustParsePrefix("10.91.0.0/16")}.PodSubnets()
	var group sync.WaitGroup
	errs := make([]error, len(subnets))
	for i := range subnets {
		group.Go(func() {
			_, errs[i] = s.allocate(t.Context(), Record{Name: fmt.Sprintf("assay-run-%d", i)}, subnets)
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	records, err := s.list()
	if err != nil || len(records) != len(subnets) {
		t.Fatalf("%d records, %v; want %d", len(records), err, len(subnets))
	}
	seen := map[netip.Prefix]string{}
	for _, record := range records {
		if other, twice := seen[record.PodSubnet]; twice {
			t.Errorf("%s and %s both have %s", record.Name, other, record.PodSubnet)
		}
		seen[record.PodSubnet] = record.Name
	}
	if _, err := s.allocate(t.Context(), Record{Name: "assay-run-more"}, subnets); err == nil {
		t.Error("a subnet was given out although none is left")
	}
	if err := s.remove("assay-run-3"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.allocate(t.Context(), Record{Name: "assay-run-more"}, subnets); err != nil {
		t.Errorf("the subnet of a removed cluster is not given out again: %v", err)
	}
}

func TestOnlyAssaysOwnNamesAreTaken(t *testing.T) {
	s := testStore(t)
	for _, name := range []string{"kind", "", "assay-", "assay-../x", "../assay-x", "assay-x/y"} {
		if _, err := s.read(name); err == nil || errors.Is(err, os.ErrNotExist) {
			t.Errorf("read takes %q: %v", name, err)
		}
		if err := s.remove(name); err == nil {
			t.Errorf("remove takes %q", name)
		}
		if _, err := s.allocate(t.Context(), Record{Name: name}, nil); err == nil {
			t.Errorf("allocate takes %q", name)
		}
	}
}

func TestRecordMatches(t *testing.T) {
	a, b := columnOf("a", column.CRIO, "1.36.1", "runc"), columnOf("b", column.Containerd, "2.4.2", "runc")
	crun := columnOf("a-crun", column.CRIO, "1.36.1", "crun")
	place := func(topology column.Topology, columns ...column.Column) placement.Cluster {
		return placement.Place(columns, topology)[0]
	}
	changed := a
	changed.Config = []column.File{{SHA256: "1"}}
	images := []string{"1", "2"}
	of := func(placed placement.Cluster) Record {
		return Record{Columns: columnNames(placed), Hash: hash(placed, images), Ready: true}
	}
	mixed := place(column.Mixed, a, b)
	for name, test := range map[string]struct {
		record Record
		placed placement.Cluster
		images []string
		want   bool
	}{
		"the same column":            {of(place(column.Isolated, a)), place(column.Isolated, a), images, true},
		"another image":              {of(place(column.Isolated, a)), place(column.Isolated, a), []string{"3"}, false},
		"another configuration":      {of(place(column.Isolated, a)), place(column.Isolated, changed), images, false},
		"the same mixed cluster":     {of(mixed), mixed, images, true},
		"a mixed cluster, one less":  {of(mixed), place(column.Mixed, a), images, false},
		"another order":              {of(mixed), place(column.Mixed, b, a), images, false},
		"an image of the second":     {of(mixed), mixed, []string{"1", "3"}, false},
		"one in a mixed cluster":     {of(place(column.Isolated, a)), place(column.Mixed, a), images, false},
		"two on the nodes":           {of(place(column.Isolated, a, crun)), place(column.Isolated, a, crun), images, true},
		"two, where there was one":   {of(place(column.Isolated, a)), place(column.Isolated, a, crun), images, false},
		"one that never was ready":   {Record{Columns: []string{"a"}, Hash: hash(place(column.Isolated, a), images)}, place(column.Isolated, a), images, false},
		"the same nodes, other name": {of(place(column.Isolated, a)), place(column.Isolated, columnOf("z", column.CRIO, "1.36.1", "runc")), images, false},
	} {
		if got := test.record.matches(test.placed, test.images); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

func TestVerifyNode(t *testing.T) {
	c := column.Column{Runtime: column.Runtime{Name: column.CRIO, Version: "1.36.1"}, Kubernetes: "1.36.3"}
	ready := column.Column{Runtime: column.Runtime{Name: column.Containerd}}
	tests := map[string]struct {
		column           column.Column
		runtime, kubelet string
		ok               bool
	}{
		"as the column says":    {c, "cri-o://1.36.1", "v1.36.3", true},
		"another runtime":       {c, "containerd://1.36.1", "v1.36.3", false},
		"another version":       {c, "cri-o://1.36.10", "v1.36.3", false},
		"another Kubernetes":    {c, "cri-o://1.36.1", "v1.36.4", false},
		"a v in the version":    {column.Column{Runtime: column.Runtime{Name: column.Containerd, Version: "2.4.2"}}, "containerd://v2.4.2", "v1.30.0", true},
		"any version is wanted": {ready, "containerd://2.2.1", "v1.35.0", true},
		"nothing is reported":   {ready, "", "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := verifyNode(corev1.NodeSystemInfo{ContainerRuntimeVersion: test.runtime, KubeletVersion: test.kubelet}, test.column)
			if (err == nil) != test.ok {
				t.Errorf("got %v, want ok=%t", err, test.ok)
			}
		})
	}
}

func TestParseFacts(t *testing.T) {
	const output = `=== kernel
6.12.0

=== os
Debian GNU/Linux 13 (trixie)

=== containerd

=== cri-o
Version:        1.36.1
GitCommit:      unknown

=== runc
runc version 1.5.2
spec: 1.3.0
libseccomp: 2.6.0

=== crun
crun version 1.21
+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF +YAJL

=== libseccomp
2.6.0-2
=== bounding
000001fffeffffff

=== restrictions
{"capabilities":["SYS_RESOURCE"]}
`
	facts := parseFacts(output, column.CRIO)
	if facts.Kernel != "6.12.0" || facts.BoundingSet != "000001fffeffffff" || !strings.HasPrefix(facts.Runtime, "Version:        1.36.1") {
		t.Errorf("got %+v", facts)
	}
	if len(facts.OCIRuntimes) != 2 || facts.OCIRuntimes[0].Version != "1.5.2" || facts.OCIRuntimes[0].Libseccomp != "2.6.0" ||
		facts.OCIRuntimes[1].Version != "1.21" || facts.OCIRuntimes[1].Libseccomp != "2.6.0" {
		t.Errorf("OCI runtimes %+v", facts.OCIRuntimes)
	}
	if string(facts.Restrictions) != `{"capabilities":["SYS_RESOURCE"]}` {
		t.Errorf("restrictions %s", facts.Restrictions)
	}
	if empty := parseFacts("", column.CRIO); empty.Restrictions != nil || len(empty.OCIRuntimes) != 0 {
		t.Errorf("of nothing: %+v", empty)
	}
}

func TestWaitSaysWhatItSawLast(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, errors.New("not done after a while"))
	defer cancel()
	c := &Cluster{}
	err := c.wait(ctx, "ready nodes", func(context.Context) (bool, string) { return false, "node a: Ready is False" })
	for _, want := range []string{"ready nodes", "not done after a while", "node a: Ready is False"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestDescribePod(t *testing.T) {
	pod := corev1.Pod{Status: corev1.PodStatus{
		Phase: corev1.PodPending,
		ContainerStatuses: []corev1.ContainerStatus{{
			Name:                 "kube-router",
			State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off"}},
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Error", ExitCode: 2}},
		}},
	}}
	text := describePod(pod)
	for _, want := range []string{"Pending", "CrashLoopBackOff", "back-off", "exit code 2"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
}

func TestConditions(t *testing.T) {
	node := corev1.Node{Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{
		{Type: corev1.NodeReady, Status: corev1.ConditionFalse, Reason: "KubeletNotReady", Message: "cni plugin not initialized"},
		{Type: corev1.NodeDiskPressure, Status: corev1.ConditionFalse},
	}}}
	if text := conditions(node); !strings.Contains(text, "cni plugin not initialized") || strings.Contains(text, "DiskPressure") {
		t.Errorf("got %q", text)
	}
	if nodeReady(node) {
		t.Error("the node is not ready")
	}
}
