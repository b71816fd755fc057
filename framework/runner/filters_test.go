package runner

import (
	"context"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/filter"
	"assay/framework/probe"
	"assay/framework/syscalls"
	"assay/framework/target"
	"assay/framework/workload"
)

// tablePod is a pod with one container that holds and tells its table.
func tablePod(t *testing.T) workload.Pod {
	t.Helper()
	pods, err := workload.Pack([]check.Check{{ID: "seccomp/table", Trials: []check.Trial{{
		Name: "RuntimeDefault", Container: check.Container{Hold: true}, Action: probe.Do(probe.OpSyscallTable),
	}}}}, target.Target{Nodes: []target.Node{{Name: "node"}}}, "namespace")
	if err != nil || len(pods) != 1 {
		t.Fatalf("got %d pods, %v", len(pods), err)
	}
	return pods[0]
}

func tableObservation(pod workload.Pod, values map[string]string) check.Observation {
	return check.Observation{
		Container: pod.Object.Spec.Containers[0].Name,
		Document:  &probe.Document{Facts: probe.Facts{Arch: "amd64"}},
		Result:    &probe.Result{Outcome: probe.Allowed, Values: values},
	}
}

func TestFiltersAreComparedWithTheTable(t *testing.T) {
	pod := tablePod(t)
	name := pod.Object.Spec.Containers[0].Name
	agreeing, other := map[string]string{}, map[string]string{}
	for _, row := range syscalls.Table() {
		agreeing[row.Key], other[row.Key] = syscalls.Allow, syscalls.Allow
	}
	other["0"] = "EPERM"
	read := map[string]filter.Chain{name: {}}
	for of, test := range map[string]struct {
		values  map[string]string
		chains  map[string]filter.Chain
		unread  error
		problem string
		said    string
	}{
		"agreement":    {agreeing, read, nil, "", "agree with the table"},
		"disagreement": {other, read, nil, "read", "sha256:"},
		"not read":     {agreeing, nil, errors.New("no node"), "no node", ""},
		"not given":    {agreeing, nil, errors.ErrUnsupported, "", "not read"},
		"no way to":    {agreeing, nil, nil, "", ""},
		"no filter":    {agreeing, map[string]filter.Chain{name: {filter.Program{1, 2, 3}}}, nil, "evaluate", "sha256:"},
	} {
		o := withFilter(tableObservation(pod, test.values), pod, test.chains, test.unread)
		if !strings.Contains(o.Problem, test.problem) || (o.Problem != "") != (test.problem != "") {
			t.Errorf("%s: problem %q, want %q", of, o.Problem, test.problem)
		}
		if !strings.Contains(o.Filter, test.said) || (o.Filter != "") != (test.said != "") {
			t.Errorf("%s: filter %q, want %q", of, o.Filter, test.said)
		}
	}
}

func TestDisagreementNamesTheCall(t *testing.T) {
	pod := tablePod(t)
	values := map[string]string{}
	for _, row := range syscalls.Table() {
		values[row.Key] = syscalls.Allow
	}
	values["165"] = "EPERM"
	o := tableObservation(pod, values)
	if _, problem := compareFilters(filter.Chain{}, o); !strings.Contains(problem, "mount") || !strings.Contains(problem, "EPERM") {
		t.Errorf("got %q", problem)
	}
}

func TestReadFiltersAsksForRunningContainersOnly(t *testing.T) {
	pod := tablePod(t)
	name := pod.Object.Spec.Containers[0].Name
	var asked []string
	g := newGatherer(target.Target{Filters: func(_ context.Context, _ string, containers []string) (map[string]filter.Chain, error) {
		asked = containers
		return map[string]filter.Chain{"abc": {}}, nil
	}}, Options{Timeouts: DefaultTimeouts()}, "namespace", nil, nil)
	status := corev1.ContainerStatus{Name: name, ContainerID: "containerd://abc"}
	known := seen{pod: pod.Object.DeepCopy()}
	known.pod.Status.ContainerStatuses = []corev1.ContainerStatus{status}
	if chains, err := g.readFilters(t.Context(), pod, known); err != nil || len(chains) != 0 || asked != nil {
		t.Errorf("a container that does not run: got %v, %v, asked for %v", chains, err, asked)
	}
	known.pod.Status.ContainerStatuses[0].State.Running = &corev1.ContainerStateRunning{}
	chains, err := g.readFilters(t.Context(), pod, known)
	if _, there := chains[name]; err != nil || !there || len(asked) != 1 || asked[0] != "abc" {
		t.Errorf("a running container: got %v, %v, asked for %v", chains, err, asked)
	}
}
