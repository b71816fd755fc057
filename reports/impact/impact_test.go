package impact_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"assay/reports/impact"
	"assay/reports/internal/golden"
	"assay/reports/results"
	"assay/suites/knowledge"
)

// reader is made once, for making its decoder takes longer than most tests.
var reader = sync.OnceValues(impact.NewReader)

// real are the cells of a real run of containerd 2.4.2 and CRI-O 1.36.1 that differ, and some that do not.
func real(t *testing.T) *results.Results {
	t.Helper()
	run, err := results.Load("testdata/results.json")
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func read(t *testing.T, paths ...string) *impact.Manifests {
	t.Helper()
	r, err := reader()
	if err != nil {
		t.Fatal(err)
	}
	manifests := &impact.Manifests{}
	if err := r.Files(manifests, paths, nil); err != nil {
		t.Fatal(err)
	}
	return manifests
}

func judge(t *testing.T, from, to string) *impact.Report {
	t.Helper()
	run := real(t)
	comparison := impact.Compare(impact.Side{Results: run, Column: from}, impact.Side{Results: run, Column: to})
	return impact.Judge(comparison, read(t, "testdata/manifests"), impact.Profiles{Files: os.DirFS("testdata/profiles")})
}

// expected is the grade of a workload and the rules that say so: "!" marks those that find that it breaks.
type expected struct {
	grade impact.Grade
	rules string
}

// TestGrades is the table of what the manifests of testdata meet with.
func TestGrades(t *testing.T) {
	forward := map[string]expected{
		"Deployment shop/web":                       {impact.Breaks, "!low-port"},
		"Deployment shop/web-sysctl":                {impact.Unaffected, ""},
		"Deployment infra/dns":                      {impact.MayBreak, "low-port"},
		"Deployment shop/api":                       {impact.Unaffected, ""},
		"Deployment shop/landing":                   {impact.MayBreak, "default-capabilities"},
		"Deployment shop/static":                    {impact.MayBreak, "low-port"},
		"Deployment default/legacy":                 {impact.Breaks, "!unqualified-image"},
		"Job shop/migrate":                          {impact.Breaks, "!default-capabilities"},
		"CronJob ops/reachability":                  {impact.Breaks, "!unprivileged-ping"},
		"CronJob ops/reachability-sysctl":           {impact.Unaffected, ""},
		"Pod ops/ping-added":                        {impact.Unaffected, ""},
		"Deployment shop/tiny":                      {impact.Breaks, "!memory-floor"},
		"StatefulSet shop/cache":                    {impact.Breaks, "!image-volume-read-only"},
		"StatefulSet shop/postgres":                 {impact.Unaffected, ""},
		"Deployment shop/reports":                   {impact.MayBreak, "image-volume-read-only"},
		"CronJob shop/backup":                       {impact.Unaffected, ""},
		"Deployment shop/typo":                      {impact.Breaks, "!unknown-capability"},
		"Deployment shop/prefixed":                  {impact.MayBreak, "capability-spelling"},
		"DaemonSet infra/keepalived":                {impact.Breaks, "!default-capabilities"},
		"DaemonSet logging/fluent-bit":              {impact.MayBreak, "log-lines"},
		"DaemonSet monitoring/node-agent":           {impact.Breaks, "!runtime-path cgroup-path"},
		"DaemonSet ingress/ingress":                 {impact.Breaks, "!host-port host-port"},
		"DaemonSet infra/tuner":                     {impact.MayBreak, "privileged-nonroot"},
		"Pod infra/edge-proxy":                      {impact.Unaffected, ""},
		"Deployment shop/fast":                      {impact.Unaffected, ""},
		"Deployment ops/bastion":                    {impact.Breaks, "!default-capabilities default-capabilities"},
		"Job ci/build-image":                        {impact.MayBreak, "default-capabilities"},
		"Deployment shop/parser":                    {impact.Breaks, "!localhost-dialect"},
		"Deployment shop/parser-plain":              {impact.Unaffected, ""},
		"Deployment shop/parser-missing":            {impact.MayBreak, "localhost-dialect"},
		"StatefulSet data/scylla":                   {impact.MayBreak, "syscall-closed"},
		"Pod ci/dind":                               {impact.MayBreak, "privileged-ambient"},
		"ReplicationController ops/capture":         {impact.Breaks, "!default-capabilities"},
		"PodTemplate ops/toolbox":                   {impact.MayBreak, "default-capabilities"},
		"StatefulSet monitoring/release-prometheus": {impact.MayBreak, "image-volume-read-only"},
		"Pod monitoring/release-test-connection":    {impact.Breaks, "!unqualified-image"},
		"Deployment production/worker":              {impact.Unaffected, ""},
		"CronJob production/rotate":                 {impact.MayBreak, "default-capabilities"},
		"ReplicaSet shop/frontend":                  {impact.Breaks, "!low-port"},
		"Pod ops/shell":                             {impact.Unaffected, ""},
		"Deployment shop/listed":                    {impact.Breaks, "!unqualified-image"},
	}
	backward := map[string]expected{
		"Deployment shop/prefixed":        {impact.Breaks, "!capability-spelling"},
		"DaemonSet infra/tuner":           {impact.Breaks, "!privileged-nonroot"},
		"Deployment shop/parser":          {impact.Breaks, "!localhost-dialect"},
		"Deployment shop/parser-missing":  {impact.MayBreak, "localhost-dialect"},
		"Pod ci/dind":                     {impact.MayBreak, "privileged-ambient"},
		"DaemonSet logging/fluent-bit":    {impact.MayBreak, "log-lines"},
		"DaemonSet monitoring/node-agent": {impact.MayBreak, "cgroup-path"},
		"Pod ops/shell":                   {impact.MayBreak, "environment"},
		"StatefulSet data/scylla":         {impact.MayBreak, "syscall-closed"},
	}
	for name, test := range map[string]struct {
		from, to string
		want     map[string]expected
	}{
		"containerd to CRI-O": {"containerd", "cri-o", forward},
		"CRI-O to containerd": {"cri-o", "containerd", backward},
	} {
		t.Run(name, func(t *testing.T) {
			report := judge(t, test.from, test.to)
			if len(report.Verdicts) != len(forward) {
				t.Errorf("%d workloads, want %d", len(report.Verdicts), len(forward))
			}
			for _, verdict := range report.Verdicts {
				var rules []string
				for _, finding := range verdict.Findings {
					name := finding.Rule
					if finding.Grade == impact.Breaks {
						name = "!" + name
					}
					if !slices.Contains(rules, name) {
						rules = append(rules, name)
					}
				}
				// A workload that the table leaves out is unaffected.
				want := test.want[verdict.Workload.String()]
				if got := (expected{verdict.Grade, strings.Join(rules, " ")}); got != want {
					t.Errorf("%s: got %s by %q, want %s by %q", verdict.Workload, got.grade, got.rules, want.grade, want.rules)
				}
			}
		})
	}
}

// TestFindingsAreComplete: each has a place, a change, a fix, what it rests on, and a link.
func TestFindingsAreComplete(t *testing.T) {
	for _, direction := range [][2]string{{"containerd", "cri-o"}, {"cri-o", "containerd"}} {
		for _, verdict := range judge(t, direction[0], direction[1]).Verdicts {
			for _, f := range verdict.Findings {
				if f.Path == "" || f.Line == 0 || f.What == "" || f.Fix == "" || f.Before == f.After || !strings.HasPrefix(f.Link, "https://") {
					t.Errorf("%s: incomplete: %+v", verdict.Workload, f)
				}
			}
		}
	}
}

// TestNothingDiffers: a runtime compared with itself touches nothing.
func TestNothingDiffers(t *testing.T) {
	for _, column := range []string{"containerd", "cri-o"} {
		if report := judge(t, column, column); report.Worst() != impact.Unaffected {
			t.Errorf("%s: got %s", column, report.Summary())
		}
	}
}

// TestRulesNameChecks: a rule that rests on a check which is not there never fires.
func TestRulesNameChecks(t *testing.T) {
	known, seen := knowledge.New().Checks(), map[string]bool{}
	for _, rule := range impact.Rules() {
		if seen[rule.ID] {
			t.Errorf("two rules are called %s", rule.ID)
		}
		seen[rule.ID] = true
		for _, check := range rule.Checks {
			if !slices.Contains(known, check) {
				t.Errorf("rule %s rests on %s, which is no check", rule.ID, check)
			}
		}
	}
}

func TestFormats(t *testing.T) {
	report := judge(t, "containerd", "cri-o")
	for name, write := range map[string]func(*bytes.Buffer) error{
		"impact.txt":  func(b *bytes.Buffer) error { return report.WriteText(b, impact.TextOptions{}) },
		"impact.md":   func(b *bytes.Buffer) error { return report.WriteMarkdown(b) },
		"impact.json": func(b *bytes.Buffer) error { return report.WriteJSON(b) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			golden.Check(t, name, b.Bytes())
		})
	}
}

// TestHostileNames: what a manifest says does nothing to a terminal.
func TestHostileNames(t *testing.T) {
	run := real(t)
	r, err := reader()
	if err != nil {
		t.Fatal(err)
	}
	manifests := &impact.Manifests{}
	pod := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a\u001b[31m<script>|"},"spec":{"containers":[{"name":"c","image":"x\u001b]0;y\u0007<img>` + "`" + `"}]}}`
	if err := r.Read(manifests, strings.NewReader(pod), "a\x1b[2J.yaml"); err != nil {
		t.Fatal(err)
	}
	report := impact.Judge(impact.Compare(impact.Side{Results: run, Column: "containerd"}, impact.Side{Results: run, Column: "cri-o"}), manifests, impact.Profiles{})
	var b bytes.Buffer
	if err := report.WriteText(&b, impact.TextOptions{Width: 60}); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\x07") || strings.Contains(b.String(), "\n<img>") {
		t.Errorf("hostile text came through: %q", b.String())
	}
	b.Reset()
	if err := report.WriteJSON(&b); err != nil || !json.Valid(b.Bytes()) {
		t.Errorf("no JSON: %v", err)
	}
}
