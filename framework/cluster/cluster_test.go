package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"assay/framework/column"
	"assay/framework/engine"
	"assay/framework/progress"
)

var update = flag.Bool("update", false, "write the golden files")

func TestKindConfig(t *testing.T) {
	subnet := netip.MustParsePrefix("10.91.16.0/20")
	tests := map[string]struct {
		column    column.Column
		fragments []string
		machine   engine.Machine
	}{
		"containerd on cgroup v2": {
			column:  column.Column{Runtime: column.Runtime{Name: column.Containerd, Version: "2.4.2"}, Kubernetes: "1.36.3", Network: column.KubeRouter},
			machine: engine.Machine{Cgroup: engine.CgroupV2},
		},
		"cri-o with fragments on cgroup v1": {
			column:    column.Column{Runtime: column.Runtime{Name: column.CRIO, Version: "1.36.1"}, Kubernetes: "1.36.3", Network: column.KubeRouter},
			fragments: []string{"/matrix/first.conf", "/matrix/second.conf"},
			machine:   engine.Machine{Cgroup: engine.CgroupHybrid},
		},
		"a ready image": {
			column:  column.Column{Runtime: column.Runtime{Name: column.Containerd}, Image: "kindest/node:v1.35.0", Network: column.Kindnet},
			machine: engine.Machine{Cgroup: engine.CgroupHybrid},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config, err := kindConfig("assay-run-column", "localhost/assay/node:1", test.column, test.fragments, test.machine, subnet)
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
			file, content, err := handlerFragment(column.Column{Runtime: column.Runtime{Name: test.runtime, Version: test.version}, OCIRuntime: test.handler})
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
	c := column.Column{Name: "a", Runtime: column.Runtime{Name: column.CRIO, Version: "1.36.1"}}
	record := Record{Column: "a", NodeImage: "id", Hash: c.Hash("id"), Ready: true}
	if !record.matches(c, "id") {
		t.Error("the same column does not match")
	}
	if record.matches(c, "other") {
		t.Error("another image matches")
	}
	changed := c
	changed.Config = []column.File{{SHA256: "1"}}
	if record.matches(changed, "id") {
		t.Error("another configuration matches")
	}
	record.Ready = false
	if record.matches(c, "id") {
		t.Error("a cluster that was never ready matches")
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
