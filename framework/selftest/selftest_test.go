package selftest

import (
	"bytes"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/fixtures/saboteur/spoil"
	"assay/framework/check"
	"assay/reports/results"
)

// TestFaults holds the list and the saboteur together: each knows the other's faults, and a name fits
// into that of a namespace.
func TestFaults(t *testing.T) {
	known := map[string]bool{}
	for _, fault := range spoil.Faults() {
		known[fault.Name] = false
	}
	seen := map[string]bool{}
	for _, fault := range Faults() {
		if seen[fault.Name] {
			t.Errorf("%s is there twice", fault.Name)
		}
		seen[fault.Name] = true
		if _, inRuntime := known[fault.Name]; inRuntime != fault.InRuntime() {
			t.Errorf("%s: the saboteur knows it: %t", fault.Name, inRuntime)
		}
		for attempt := range 3 {
			namespace := "assay-" + runID("20261123-010203", fault, attempt) + "-restricted"
			if found, _ := spoil.Find(namespace); fault.InRuntime() && found.Name != fault.Name {
				t.Errorf("%s: the saboteur takes it for %q", fault.Name, found.Name)
			}
			if len(namespace) > 63 {
				t.Errorf("%s has %d characters", namespace, len(namespace))
			}
		}
		known[fault.Name] = true
		// The end of a fault deletes the namespaces whose names start with its own.
		for other := range seen {
			if strings.HasPrefix(fault.Name, other+"-") || strings.HasPrefix(other, fault.Name+"-") {
				t.Errorf("%s and %s: the name of one starts that of the other", fault.Name, other)
			}
		}
		if len(fault.About)+len(fault.Records) == 0 || !strings.HasSuffix(fault.Means, ".") {
			t.Errorf("%s is about nothing, or %q is no sentence", fault.Name, fault.Means)
		}
		for _, pattern := range fault.Touches {
			if _, err := path.Match(pattern, ""); err != nil {
				t.Errorf("%s: %s: %v", fault.Name, pattern, err)
			}
		}
		if len(fault.unrelated()) == 0 {
			t.Errorf("%s leaves nothing of the sample", fault.Name)
		}
	}
	for name, used := range known {
		if !used {
			t.Errorf("the saboteur's %s is not used", name)
		}
	}
	if len(seen) < 30 {
		t.Errorf("%d faults, want 30", len(seen))
	}
}

// TestLose: every fault in front of the runtime changes a pod that has everything in it.
func TestLose(t *testing.T) {
	localhost := &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeLocalhost, LocalhostProfile: new("p.json")}
	handler := corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"x"}}}
	full := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "assay-run-restricted"}, Spec: corev1.PodSpec{
		HostUsers: new(false), HostPID: true, RuntimeClassName: new("class"), RestartPolicy: corev1.RestartPolicyAlways,
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: new(true), FSGroup: new(int64(5)), Sysctls: []corev1.Sysctl{{Name: "a", Value: "b"}},
			SeccompProfile: localhost, SupplementalGroupsPolicy: new(corev1.SupplementalGroupsPolicyStrict),
		},
		Containers: []corev1.Container{{
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: new(false), Privileged: new(true), RunAsNonRoot: new(true),
				ProcMount: new(corev1.UnmaskedProcMount), SeccompProfile: localhost,
				Capabilities: &corev1.Capabilities{
					Add: []corev1.Capability{"CHOWN", "ALL", "NO_SUCH"}, Drop: []corev1.Capability{"SYS_ADMIN"},
				},
			},
			VolumeMounts: []corev1.VolumeMount{{
				SubPathExpr: "a", MountPropagation: new(corev1.MountPropagationBidirectional),
				RecursiveReadOnly: new(corev1.RecursiveReadOnlyEnabled),
			}},
			ImagePullPolicy: corev1.PullNever,
			Ports:           []corev1.ContainerPort{{HostPort: 80, ContainerPort: 80}},
			Lifecycle:       &corev1.Lifecycle{PreStop: &handler, PostStart: &handler},
			LivenessProbe:   &corev1.Probe{},
		}},
	}}
	for _, fault := range Faults() {
		if fault.InRuntime() {
			continue
		}
		pod := full.DeepCopy()
		switch fault.Name {
		case "node-sysctls-lost":
			pod.Spec.HostNetwork = true
		case "fsgroup-added":
			pod.Spec.SecurityContext.FSGroup = nil
		case "propagation-unchecked":
			pod.Spec.Containers[0].SecurityContext.Privileged = nil
		}
		before := encode(t, pod)
		fault.Lose(pod)
		after := encode(t, pod)
		if before == after {
			t.Errorf("%s changes nothing", fault.Name)
		}
		fault.Lose(&corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{}}}})
		if fault.Name == "unknown-capability-lost" {
			if left := pod.Spec.Containers[0].SecurityContext.Capabilities.Add; !slices.Equal(left, []corev1.Capability{"CHOWN", "ALL"}) {
				t.Errorf("%s leaves %q", fault.Name, left)
			}
		}
	}
}

func encode(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestJudge(t *testing.T) {
	fault := Fault{Name: "f", Means: "It is wrong.", About: []string{"a/about", "a/other"}, Touches: []string{"b/*"}}
	records := Fault{Name: "r", Records: []string{"a/info"}}
	checks := []check.Check{
		{ID: "a/about", Level: check.Must},
		{ID: "a/other", Level: check.Must},
		{ID: "a/info", Level: check.Info},
		{ID: "c/far", Level: check.Must},
	}
	cells := func(about, other, far results.Verdict, value string) Cells {
		return Cells{
			"a/about": {Verdict: about}, "a/other": {Verdict: other}, "c/far": {Verdict: far},
			"a/info": {Verdict: results.Informed, Observed: json.RawMessage(value)},
		}
	}
	const pass, fail, broken, lacking = results.Pass, results.Fail, results.Error, results.Unsupported
	sound := cells(pass, pass, pass, "1")
	tests := []struct {
		name           string
		fault          Fault
		selected       []check.Check
		before, after  Cells
		want           Result
		by             []string
		deaf, disturbs int
	}{
		{"one fails", fault, checks, sound, cells(fail, pass, pass, "1"), Caught, []string{"a/about"}, 1, 0},
		{"both fail", fault, checks, sound, cells(fail, fail, pass, "1"), Caught, []string{"a/about", "a/other"}, 0, 0},
		{"an error is no failure", fault, checks, sound, cells(broken, pass, pass, "1"), Missed, nil, 2, 0},
		{"nobody notices", fault, checks, sound, sound, Missed, nil, 2, 0},
		{"what failed before proves nothing", fault, checks, cells(fail, pass, pass, "1"), cells(fail, pass, pass, "1"), Missed, nil, 2, 0},
		{"all failed before", fault, checks, cells(fail, fail, pass, "1"), cells(fail, fail, pass, "1"), NotApplicable, nil, 2, 0},
		{"a stranger fails", fault, checks, sound, cells(fail, fail, fail, "1"), Caught, []string{"a/about", "a/other"}, 0, 1},
		{"a stranger breaks", fault, checks, sound, cells(fail, fail, broken, "1"), Caught, []string{"a/about", "a/other"}, 0, 1},
		{"a cell is missing", fault, checks, sound, Cells{}, Missed, nil, 2, 2},
		{"unsupported", fault, checks, cells(lacking, lacking, pass, "1"), cells(lacking, lacking, pass, "1"), NotApplicable, nil, 2, 0},
		{"unsupported in part", fault, checks, cells(lacking, pass, pass, "1"), cells(lacking, pass, pass, "1"), Missed, nil, 2, 0},
		{"no check", fault, checks[3:], sound, sound, Unchecked, nil, 0, 0},
		{"another value", records, checks, sound, cells(pass, pass, pass, "2"), Caught, []string{"a/info"}, 0, 0},
		{"the same value", records, checks, sound, sound, Missed, nil, 1, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := judge(test.fault, test.selected, test.before, test.after)
			if o.Result != test.want || !slices.Equal(slices.Concat(o.CaughtBy, o.RecordedBy), test.by) || len(o.Deaf) != test.deaf || len(o.Disturbed) != test.disturbs {
				t.Errorf("got %+v", o)
			}
		})
	}
}

func TestSelect(t *testing.T) {
	fault := Fault{About: []string{"x/one"}, Records: []string{"x/two"}, Touches: []string{"caps/*", "user/run-as-user"}}
	var all []check.Check
	for _, id := range append([]string{"x/one", "x/two", "x/three", "caps/add-all"}, sample()...) {
		all = append(all, check.Check{ID: id})
	}
	var got []string
	for _, c := range fault.Select(all) {
		got = append(got, c.ID)
	}
	slices.Sort(got)
	want := slices.Sorted(slices.Values(append(fault.unrelated(), "x/one", "x/two")))
	if !slices.Equal(got, want) || len(got) != 2+unrelatedPerFault {
		t.Errorf("got %q, want %q", got, want)
	}
	if slices.ContainsFunc(got, func(id string) bool { return strings.HasPrefix(id, "caps/") || id == "user/run-as-user" }) {
		t.Errorf("what it touches is among %q", got)
	}
	if checks := needed(slices.Clone(all), []Fault{fault}); len(checks) != len(want) {
		t.Errorf("a baseline of %d checks", len(checks))
	}
}

func TestProblems(t *testing.T) {
	sound := Report{
		Complete: true,
		Faults:   []Outcome{{Fault: "f", Result: Caught, CaughtBy: []string{"a/a"}}, {Fault: "n", Result: NotApplicable}},
		Proofs: []Proof{
			{Check: "a/a", Baseline: results.Pass, Faults: []string{"f"}},
			{Check: "a/b", Baseline: results.Pass, Otherwise: "a test"},
			{Check: "a/c", Baseline: results.Unsupported},
		},
	}
	if problems := sound.Problems(); len(problems) != 0 {
		t.Errorf("got %q", problems)
	}
	tests := map[string]struct {
		change func(*Report)
		want   string
	}{
		"missed":    {func(r *Report) { r.Faults[0].Result = Missed }, "fault f"},
		"unchecked": {func(r *Report) { r.Faults[0].Result = Unchecked }, "fault f"},
		"disturbed": {func(r *Report) { r.Faults[0].Disturbed = []Verdict{{Check: "z/z"}} }, "z/z"},
		"unproven":  {func(r *Report) { r.Proofs[1].Otherwise = "" }, "a/b"},
		"failing":   {func(r *Report) { r.Proofs[0] = Proof{Check: "a/a", Baseline: results.Fail} }, "a/a"},
		"broken":    {func(r *Report) { r.Proofs[2].Baseline = results.Error }, "a/c"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			broken := sound
			broken.Faults, broken.Proofs = slices.Clone(sound.Faults), slices.Clone(sound.Proofs)
			test.change(&broken)
			if problems := broken.Problems(); len(problems) != 1 || !strings.Contains(problems[0], test.want) {
				t.Errorf("got %q", problems)
			}
		})
	}
	partial := sound
	partial.Complete, partial.Proofs = false, []Proof{{Check: "a/a", Baseline: results.Pass}}
	if problems := partial.Problems(); len(problems) != 0 {
		t.Errorf("of a part of the faults nobody can tell: got %q", problems)
	}
}

func TestMarkdown(t *testing.T) {
	report := Report{
		Column: "c", Runtime: "containerd 2", OCIRuntime: "runc 1", Kubernetes: "1.36",
		Faults: []Outcome{
			{Fault: "one", Means: "It is wrong.", Where: "runtime", Result: Caught, CaughtBy: []string{"a/a"}},
			{Fault: "two", Result: NotApplicable, Deaf: []Verdict{{Check: "l/l", Reason: "no | here\nat all", Before: results.Unsupported}}},
			{Fault: "three", Result: Missed, Deaf: []Verdict{{Check: "a/b", Verdict: results.Pass, Before: results.Pass}}},
		},
		Proofs: []Proof{{Check: "a/a", Faults: []string{"one"}}, {Check: "a/b", Baseline: results.Pass}, {Check: "l/l", Baseline: results.Unsupported}},
	}
	var text bytes.Buffer
	if err := report.WriteMarkdown(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| one | It is wrong. | runtime | a/a |", "| a/b | **nothing** |", "no / here at all", "1 of 3 faults caught",
		"1 of 3 checks", "fault three was caught by nothing",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("it lacks %q:\n%s", want, text.String())
		}
	}
	for line := range strings.Lines(text.String()) {
		if columns := strings.Count(line, " | "); strings.HasPrefix(line, "| ") && columns != 1 && columns != 3 {
			t.Errorf("a row of %d columns: %s", columns+1, line)
		}
	}
	var document bytes.Buffer
	if err := report.WriteJSON(&document); err != nil || !json.Valid(document.Bytes()) {
		t.Errorf("%v: %s", err, document.String())
	}
}
