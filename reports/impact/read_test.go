package impact_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"assay/reports/impact"
	"assay/reports/results"
)

const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: c, image: i}]\n"

func TestRead(t *testing.T) {
	tests := map[string]struct {
		text      string
		workloads []string // each with its line
		others    string
	}{
		"one":                  {pod, []string{"Pod p:1"}, ""},
		"several":              {pod + "---\n" + pod + "---\n", []string{"Pod p:1", "Pod p:7"}, ""},
		"empty documents":      {"---\n# nothing\n---\n\n---\n" + pod, []string{"Pod p:6"}, ""},
		"nothing":              {"", nil, ""},
		"carriage returns":     {strings.ReplaceAll("---\n"+pod+"---\n"+pod, "\n", "\r\n"), []string{"Pod p:2", "Pod p:8"}, ""},
		"byte order mark":      {"\ufeff" + pod, []string{"Pod p:1"}, ""},
		"text behind a marker": {"--- # first\n" + pod, []string{"Pod p:2"}, ""},
		"JSON with tabs":       {"{\n\t\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n\t\"metadata\": {\"name\": \"p\"}}", []string{"Pod p:1"}, ""},
		"unknown kinds":        {"apiVersion: x.example.com/v1\nkind: Widget\n---\napiVersion: v1\nkind: Service\n---\napiVersion: x.example.com/v1\nkind: Widget\n", nil, "Service 1 Widget 2"},
		"a marker in a text":   {"apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    ---\n    b\n", nil, "ConfigMap 1"},
		"a list":               {"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n", []string{"Pod a:4", "Pod b:5"}, ""},
		"a list of a kind":     {"apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n", []string{"Pod a:4"}, ""},
		"a generated name":     {"apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: j-, namespace: ns}\n", []string{"Job ns/j-:1"}, ""},
		"yes is true":          {"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {hostNetwork: yes}\n", []string{"Pod p:1"}, ""},
	}
	r, err := reader()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			manifests := &impact.Manifests{}
			if err := r.Read(manifests, strings.NewReader(test.text), "f"); err != nil {
				t.Fatal(err)
			}
			var got, others []string
			for _, w := range manifests.Workloads {
				got = append(got, fmt.Sprintf("%s:%d", w, w.Line))
			}
			for _, kind := range slices.Sorted(maps.Keys(manifests.Others)) {
				others = append(others, fmt.Sprintf("%s %d", kind, manifests.Others[kind]))
			}
			if !slices.Equal(got, test.workloads) || strings.Join(others, " ") != test.others {
				t.Errorf("got %q and others %q, want %q and %q", got, others, test.workloads, test.others)
			}
		})
	}
}

func TestInvalid(t *testing.T) {
	tests := map[string]struct {
		text string
		line int
		has  string
	}{
		"broken YAML":          {"---\n" + pod + "---\na: b\n  c: d\n", 9, "YAML"},
		"a template":           {"apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}-x\n", 4, "template"},
		"no kind":              {pod + "---\nname: x\n", 7, "kind"},
		"a text":               {"hello\n", 1, "no Kubernetes object"},
		"a list":               {"- a\n- b\n", 1, "no Kubernetes object"},
		"a field's wrong type": {"# x\napiVersion: v1\nkind: Pod\nspec: {hostNetwork: 5}\n", 2, "hostNetwork"},
		"lists in lists":       {strings.Repeat(`{"apiVersion":"v1","kind":"List","items":[`, 9) + strings.Repeat("]}", 9), 1, "deep"},
		"an item that is none": {"apiVersion: v1\nkind: List\nitems:\n- 5\n", 4, "no Kubernetes object"},
		"too many aliases": {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n" +
			"e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n", 1, "YAML"},
	}
	r, err := reader()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := r.Read(&impact.Manifests{}, strings.NewReader(test.text), "f.yaml")
			var invalid *impact.InvalidError
			if !errors.As(err, &invalid) || invalid.Line != test.line || !strings.Contains(err.Error(), test.has) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want f.yaml:%d: ... %s in one line", err, test.line, test.has)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	r, err := reader()
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	below := filepath.Join(directory, "a", "b")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"p.yaml": pod, "q.YML": pod, "notes.txt": "no: [", "Chart.lock": "{{"} {
		if err := os.WriteFile(filepath.Join(below, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(directory, link); err != nil {
		t.Fatal(err)
	}
	manifests := &impact.Manifests{}
	if err := r.Files(manifests, []string{directory, link, "-"}, strings.NewReader(pod)); err != nil {
		t.Fatal(err)
	}
	if len(manifests.Workloads) != 5 {
		t.Errorf("read %d workloads, want 5", len(manifests.Workloads))
	}
	for _, path := range []string{filepath.Join(directory, "absent"), t.TempDir()} {
		var invalid *impact.InvalidError
		if err := r.Files(manifests, []string{path}, nil); !errors.As(err, &invalid) || invalid.File != path {
			t.Errorf("%s: got %v", path, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(pod + "---\n" + pod))
	f.Add([]byte(`{"kind":"List","apiVersion":"v1","items":[{"kind":"Pod","apiVersion":"v1"}]}`))
	f.Add([]byte("a: &a\n  b: *a\n"))
	f.Add([]byte("--- |\n{{ x }}\n---\nkind: DeploymentList\napiVersion: apps/v1\nitems: [{}]\n"))
	if err := filepath.WalkDir("testdata/manifests", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		f.Add(text)
		return err
	}); err != nil {
		f.Fatal(err)
	}
	r, err := reader()
	if err != nil {
		f.Fatal(err)
	}
	run, err := os.ReadFile("testdata/results.json")
	if err != nil {
		f.Fatal(err)
	}
	comparison := compare(f, run)
	f.Fuzz(func(t *testing.T, text []byte) {
		manifests := &impact.Manifests{}
		if err := r.Read(manifests, bytes.NewReader(text), "f"); err != nil {
			var invalid *impact.InvalidError
			if !errors.As(err, &invalid) {
				t.Errorf("%v is no InvalidError", err)
			}
			return
		}
		var b bytes.Buffer
		if err := impact.Judge(comparison, manifests, impact.Profiles{}).WriteText(&b, impact.TextOptions{}); err != nil {
			t.Error(err)
		}
	})
}

func compare(tb testing.TB, text []byte) *impact.Comparison {
	tb.Helper()
	run, err := results.Read(bytes.NewReader(text), "results")
	if err != nil {
		tb.Fatal(err)
	}
	return impact.Compare(impact.Side{Results: run, Column: run.Columns[0].Name}, impact.Side{Results: run, Column: run.Columns[1].Name})
}
