package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/reports/results"
)

const (
	impactRun       = "../../reports/impact/testdata/results.json"
	impactManifests = "../../reports/impact/testdata/manifests"
)

func TestImpact(t *testing.T) {
	const before, after = impactRun + ":containerd", impactRun + ":cri-o"
	mayBreak, unaffected := impactManifests+"/apps/nginx-root.yaml", impactManifests+"/apps/api-restricted.yaml"
	dialect, profiles := impactManifests+"/builds/localhost-profile.yaml", "../../reports/impact/testdata/profiles"
	cases := map[string]struct {
		arguments []string
		status    int
		says      string
	}{
		"something breaks":                 {[]string{"-f", impactManifests, before, after}, results.ExitFailed, "BREAKS"},
		"nothing breaks":                   {[]string{"-f", unaffected, before, after}, results.ExitExpected, "UNAFFECTED"},
		"something may break":              {[]string{"-f", mayBreak, before, after}, results.ExitExpected, "MAY BREAK"},
		"something may break, and is told": {[]string{"-f", mayBreak, "--fail-on", "may-break", before, after}, results.ExitFailed, "MAY BREAK"},
		"a runtime and itself":             {[]string{"-f", impactManifests, before, before}, results.ExitExpected, "0 break"},
		"profiles are not read":            {[]string{"-f", dialect, before, after}, results.ExitExpected, "not read"},
		"profiles are read":                {[]string{"-f", dialect, "--profiles", profiles, before, after}, results.ExitFailed, "dialect"},
		"Markdown":                         {[]string{"-f", mayBreak, "--format", "markdown", before, after}, results.ExitExpected, "## Impact"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			status, out, problems := execute(t, append([]string{"impact"}, c.arguments...)...)
			if status != c.status || !strings.Contains(out, c.says) || problems != "" {
				t.Errorf("exit %d, want %d and %q\n%s%s", status, c.status, c.says, out, problems)
			}
		})
	}
	t.Run("JSON", func(t *testing.T) {
		_, out, _ := execute(t, "impact", "-f", impactManifests, "--format", "json", before, after)
		var report struct{ Workloads []struct{ Grade string } }
		if err := json.Unmarshal([]byte(out), &report); err != nil || len(report.Workloads) < 30 || report.Workloads[0].Grade != "breaks" {
			t.Errorf("got %v, %d workloads", err, len(report.Workloads))
		}
	})
}

func TestImpactRefusesBadInput(t *testing.T) {
	broken := write(t, "broken.yaml", "apiVersion: v1\nkind: Pod\nspec:\n  a: b: c\n")
	cut := write(t, "results.json", `{"schemaVersion":1,`)
	other := write(t, "one.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n")
	empty := write(t, "empty.yaml", "# nothing\n")
	profile := filepath.Join(t.TempDir(), "profiles")
	if err := os.MkdirAll(filepath.Join(profile, "profiles"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(profile, "profiles", "docker-default.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	const before, after = impactRun + ":containerd", impactRun + ":cri-o"
	for name, c := range map[string]struct {
		arguments []string
		says      string
	}{
		"broken YAML":            {[]string{"-f", broken, before, after}, broken + ":4"},
		"no manifests":           {[]string{before, after}, "-f"},
		"a file that is absent":  {[]string{"-f", "absent.yaml", before, after}, "absent.yaml"},
		"no object":              {[]string{"-f", empty, before, after}, "no object"},
		"results that are cut":   {[]string{"-f", other, cut, after}, cut},
		"no such column":         {[]string{"-f", other, impactRun + ":docker", after}, "docker"},
		"several columns":        {[]string{"-f", other, impactRun, impactRun}, "COLUMN"},
		"one side":               {[]string{"-f", other, before}, "arg"},
		"an unknown format":      {[]string{"-f", other, "--format", "pdf", before, after}, "pdf"},
		"an unknown grade":       {[]string{"-f", other, "--fail-on", "nothing", before, after}, "--fail-on"},
		"profiles in no place":   {[]string{"-f", other, "--profiles", "absent", before, after}, "absent"},
		"a profile that is none": {[]string{"-f", impactManifests + "/builds", "--profiles", profile, before, after}, "docker-default.json"},
		"no kubeconfig":          {[]string{"--kubeconfig", "absent", before, after}, "absent"},
	} {
		t.Run(name, func(t *testing.T) {
			status, out, problems := execute(t, append([]string{"impact"}, c.arguments...)...)
			if status != results.ExitUsage || out != "" || !strings.Contains(problems, c.says) || strings.Count(problems, "\n") != 1 {
				t.Errorf("exit %d, want %d with %q in one line\n%s%s", status, results.ExitUsage, c.says, out, problems)
			}
		})
	}
}
