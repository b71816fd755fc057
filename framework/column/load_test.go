package column

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"assay/framework/yamlfile"
)

var known = Known{
	Runtimes:   map[string][]string{Containerd: {"1.7.35", "2.2.5", "2.4.2"}, CRIO: {"1.36.1"}},
	Kubernetes: []string{"1.36.3"},
}

// write puts files into a directory and returns the path of the first.
func write(t *testing.T, files ...string) string {
	t.Helper()
	directory := t.TempDir()
	for i := 0; i+1 < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(directory, files[i]), []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(directory, files[0])
}

func TestLoad(t *testing.T) {
	path := write(t,
		"matrix.yaml", `schemaVersion: 1
defaults:
  kubernetes: 1.36.3
  ociRuntime: crun
columns:
  - name: one
    runtime: {name: containerd, version: 2.4.2}
    config: [a.toml, b.toml]
  - runtime: {name: cri-o, version: 1.36.1}
    ociRuntime: runc
    network: none
    manifests: [network.yaml]
    base: localhost/base:1
  - runtime: {name: containerd, version: 2.4.2}
  - name: ready
    image: kindest/node:v1.35.0
    runtime: {name: containerd}
`,
		"a.toml", "version = 3\n", "b.toml", "[plugins]\n", "network.yaml", "kind: A\n---\nkind: B\n")
	matrix, err := Load(path, known)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(matrix.Columns))
	for _, c := range matrix.Columns {
		got = append(got, fmt.Sprintf("%s: %s %s %s k8s=%s image=%s base=%s net=%s config=%d manifests=%d",
			c.Name, c.Runtime.Name, c.Runtime.Version, c.OCIRuntime, c.Kubernetes, c.Image, c.Base, c.Network, len(c.Config), len(c.Manifests)))
	}
	want := []string{
		"one: containerd 2.4.2 crun k8s=1.36.3 image= base= net=kube-router config=2 manifests=0",
		"cri-o-1.36.1: cri-o 1.36.1 runc k8s=1.36.3 image= base=localhost/base:1 net=none config=0 manifests=1",
		"containerd-2.4.2-crun: containerd 2.4.2 crun k8s=1.36.3 image= base= net=kube-router config=0 manifests=0",
		"ready: containerd  crun k8s= image=kindest/node:v1.35.0 base= net=kindnet config=0 manifests=0",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if config := matrix.Columns[0].Config; !filepath.IsAbs(config[0].Path) || filepath.Base(config[1].Path) != "b.toml" || config[0].SHA256 == config[1].SHA256 {
		t.Errorf("the fragments are %+v", config)
	}
}

// TestLoadInvalid says of each class of mistakes where it is reported (line and field) and a word of
// the text that the user needs.
func TestLoadInvalid(t *testing.T) {
	const head = "schemaVersion: 1\ndefaults: {kubernetes: 1.36.3}\ncolumns:\n"
	const good = "  - runtime: {name: containerd, version: 2.4.2}\n"
	tests := map[string]struct {
		matrix string
		want   []string // parts of each line of the error, separated by "|"
	}{
		"empty":                 {"", []string{":1: |empty"}},
		"only a comment":        {"# nothing\n", []string{":1: |empty"}},
		"not YAML":              {"columns: [\n", []string{"not valid YAML"}},
		"a tab":                 {"columns:\n\t- a\n", []string{":2: |not valid YAML"}},
		"two documents":         {head + good + "---\na: b\n", []string{":5: |second document"}},
		"not a mapping":         {"- a\n", []string{":1: |not a mapping"}},
		"no version":            {"columns:\n  - runtime: {name: containerd, version: 2.4.2}\n    kubernetes: 1.36.3\n", []string{":1: schemaVersion: |missing"}},
		"another version":       {"schemaVersion: 2\ncolumns:\n" + good + "    kubernetes: 1.36.3\n", []string{":1: schemaVersion: |schemaVersion: 1"}},
		"no columns":            {"schemaVersion: 1\n", []string{":1: columns: |missing"}},
		"columns not a list":    {"schemaVersion: 1\ncolumns: {a: b}\n", []string{":2: columns: |not a list"}},
		"columns empty":         {"schemaVersion: 1\ncolumns: []\n", []string{":2: columns: |empty"}},
		"a column not mapping":  {head + "  - containerd\n", []string{":4: columns[0]: |not a mapping"}},
		"unknown top field":     {head + good + "colums: 1\n", []string{":5: colums: |not a known field|columns"}},
		"unknown column field":  {head + good + "    runtimes: 1\n", []string{":5: columns[0].runtimes: |not a known field"}},
		"unknown runtime field": {head + "  - runtime: {name: containerd, version: 2.4.2, tag: x}\n", []string{":4: columns[0].runtime.tag: |not a known field"}},
		"unknown default":       {"schemaVersion: 1\ndefaults: {runtime: x, kubernetes: 1.36.3}\ncolumns:\n" + good, []string{":2: defaults.runtime: |not a known field"}},
		"a field twice":         {head + good + "    ociRuntime: runc\n    ociRuntime: crun\n", []string{":6: columns[0].ociRuntime: |twice|line 5"}},
		"no runtime":            {head + "  - name: a\n", []string{":4: columns[0].runtime: |missing"}},
		"runtime is a text":     {head + "  - runtime: containerd\n", []string{":4: columns[0].runtime: |not a mapping"}},
		"no runtime name":       {head + "  - runtime: {version: 2.4.2}\n", []string{":4: columns[0].runtime.name: |missing"}},
		"unknown runtime":       {head + "  - runtime: {name: docker, version: 2.4.2}\n", []string{`:4: columns[0].runtime.name: |"docker"|containerd, cri-o`}},
		"no runtime version":    {head + "  - runtime: {name: containerd}\n", []string{":4: columns[0].runtime.version: |missing|2.2.5, 2.4.2"}},
		"unknown version":       {head + "  - runtime: {name: containerd, version: 2.0.0}\n", []string{`:4: columns[0].runtime.version: |"2.0.0"|2.2.5, 2.4.2`}},
		"a v in the version":    {head + "  - runtime: {name: containerd, version: v2.4.2}\n", []string{":4: columns[0].runtime.version: |write 2.4.2"}},
		"two numbers":           {head + "  - runtime: {name: containerd, version: 2.4}\n", []string{`:4: columns[0].runtime.version: |"2.4"`}},
		"a version is a list":   {head + "  - runtime: {name: containerd, version: [2.4.2]}\n", []string{":4: columns[0].runtime.version: |not a text"}},
		"unknown OCI runtime":   {head + good + "    ociRuntime: kata\n", []string{`:5: columns[0].ociRuntime: |"kata"|runc, crun`}},
		"unknown kubernetes":    {head + good + "    kubernetes: 1.30.0\n", []string{`:5: columns[0].kubernetes: |"1.30.0"|1.36.3`}},
		"no kubernetes":         {"schemaVersion: 1\ncolumns:\n" + good, []string{":3: columns[0].kubernetes: |missing|1.36.3"}},
		"unknown network":       {head + good + "    network: calico\n", []string{`:5: columns[0].network: |"calico"`}},
		"kindnet when built":    {head + good + "    network: kindnet\n", []string{":4: columns[0].network: |kindnet"}},
		"none without manifest": {head + good + "    network: none\n", []string{":4: columns[0].network: |manifests"}},
		"image and base":        {head + good + "    image: a:1\n    base: b:1\n", []string{":4: columns[0].base: |image"}},
		"a bad image":           {head + good + "    image: 'a b'\n", []string{`:5: columns[0].image: |"a b"`}},
		"a bad name":            {head + good + "    name: Containerd\n", []string{`:5: columns[0].name: |"Containerd"`}},
		"a name that is null":   {head + good + "    name:\n", []string{":5: columns[0].name: |not a text"}},
		"a name twice":          {head + good + good, []string{":5: columns[1].name: |containerd-2.4.2|line 4"}},
		"config not a list":     {head + good + "    config: a.toml\n", []string{":5: columns[0].config: |not a list"}},
		"config missing":        {head + good + "    config: [no.toml]\n", []string{":5: columns[0].config[0]: |no.toml|relative"}},
		"config of new format":  {"schemaVersion: 1\ncolumns:\n  - runtime: {name: containerd, version: 1.7.35}\n    kubernetes: 1.36.3\n    config: [old.toml, new.toml]\n", []string{":5: columns[0].config[1]: |version 3|1.7.35"}},
		"config is a directory": {head + good + "    config: [.]\n", []string{":5: columns[0].config[0]: |regular file"}},
		"config not read":       {head + good + "    config: [a.conf]\n", []string{":5: columns[0].config[0]: |.toml"}},
		"config not TOML":       {head + good + "    config: [bad.toml]\n", []string{":5: columns[0].config[0]: |bad.toml:2|not valid TOML"}},
		"manifest not YAML":     {head + good + "    manifests: [bad.yaml]\n", []string{":5: columns[0].manifests[0]: |bad.yaml:2|not valid YAML"}},
		"an alias":              {"schemaVersion: 1\ncolumns: &a\n" + good + "    config: *a\n", []string{":2: |anchors"}},
		"a key that is a list":  {"schemaVersion: 1\n? [a]\n: b\ncolumns:\n" + good + "    kubernetes: 1.36.3\n", []string{":2: |not a known field"}},
		"all problems at once": {"schemaVersion: 1\ncolumns:\n  - runtime: {name: containerd, version: 9.9.9}\n    kubernetes: 1.36.3\n  - runtime: {name: cri-o, version: 1.36.1}\n    kubernetes: 1.36\n    extra: 1\n", []string{
			":3: columns[0].runtime.version", ":6: columns[1].kubernetes", ":7: columns[1].extra",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := write(t, "matrix.yaml", test.matrix, "a.conf", "", "bad.toml", "a = 1\nb = = 2\n", "old.toml", "version = 2\n", "new.toml", "version = 3\n", "bad.yaml", "a: 1\nb: [\n")
			_, err := Load(path, known)
			var invalid *InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("got %v, want an InvalidError", err)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(test.want) {
				t.Fatalf("got %d problems, want %d:\n%v", len(lines), len(test.want), err)
			}
			for i, line := range lines {
				if !strings.HasPrefix(line, path) {
					t.Errorf("%q does not begin with the file", line)
				}
				for part := range strings.SplitSeq(test.want[i], "|") {
					if !strings.Contains(line, part) {
						t.Errorf("no %q in %q", part, line)
					}
				}
			}
		})
	}
}

func TestLoadLimits(t *testing.T) {
	tests := map[string]string{
		"too large":        "# " + strings.Repeat("x", yamlfile.MaxSize),
		"too many columns": "schemaVersion: 1\ncolumns: [" + strings.Repeat("a,", maxColumns+1) + "]\n",
		"too deep":         strings.Repeat("[", 100000),
	}
	for name, matrix := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, "matrix.yaml", matrix), known)
			var invalid *InvalidError
			if !errors.As(err, &invalid) || len(invalid.Problems) != 1 {
				t.Fatalf("got %v, want one problem", err)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml"), known); !errors.As(err, new(*InvalidError)) {
		t.Errorf("a missing file: got %v, want an InvalidError", err)
	}
}

func TestSelect(t *testing.T) {
	matrix := &Matrix{Path: "m.yaml", Columns: []Column{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	got, err := matrix.Select([]string{"c", "a"})
	if err != nil || len(got) != 2 || got[0].Name != "a" || got[1].Name != "c" {
		t.Errorf("got %v, %v; want a and c in the order of the file", got, err)
	}
	if got, err := matrix.Select(nil); err != nil || len(got) != 3 {
		t.Errorf("got %v, %v; want all", got, err)
	}
	if _, err := matrix.Select([]string{"a", "x"}); !errors.As(err, new(*InvalidError)) || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("got %v, want an InvalidError that names x", err)
	}
}

func TestHash(t *testing.T) {
	base := Column{
		Name: "a", Runtime: Runtime{Name: Containerd, Version: "2.4.2"}, OCIRuntime: "runc", Kubernetes: "1.36.3",
		Network: KubeRouter, Config: []File{{Path: "/x/a.toml", SHA256: "1"}},
	}
	same := map[string]func(*Column){
		"another name":          func(c *Column) { c.Name = "b" },
		"another path":          func(c *Column) { c.Config = []File{{Path: "/y/a.toml", SHA256: "1"}} },
		"no change, hash again": func(*Column) {},
	}
	for name, change := range same {
		c := base
		change(&c)
		if c.Hash("image") != base.Hash("image") {
			t.Errorf("%s changes the hash", name)
		}
	}
	different := map[string]func(*Column){
		"runtime version": func(c *Column) { c.Runtime.Version = "2.2.5" },
		"OCI runtime":     func(c *Column) { c.OCIRuntime = "crun" },
		"a fragment":      func(c *Column) { c.Config = []File{{Path: "/x/a.toml", SHA256: "2"}} },
		"no fragment":     func(c *Column) { c.Config = nil },
		"network":         func(c *Column) { c.Network = NoNetwork },
	}
	for name, change := range different {
		c := base
		change(&c)
		if c.Hash("image") == base.Hash("image") {
			t.Errorf("%s does not change the hash", name)
		}
	}
	if base.Hash("image") == base.Hash("other") {
		t.Error("another image does not change the hash")
	}
	if base.Config[0].Path == "" {
		t.Error("Hash changes the column")
	}
}

// TestShippedFiles reads the matrix files of the repository with the versions of the repository.
func TestShippedFiles(t *testing.T) {
	configs := filepath.Join("..", "..", "kind-configs")
	shipped, err := ReadKnown(filepath.Join(configs, "components"))
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(configs, "examples", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(paths, filepath.Join(configs, "matrix.yaml"), filepath.Join(configs, "nightly.yaml"), filepath.Join(configs, "upgrade.yaml")) {
		if _, err := Load(path, shipped); err != nil {
			t.Error(err)
		}
	}
}

// TestNightly says what the matrix of the nightly run stands for.
func TestNightly(t *testing.T) {
	configs := filepath.Join("..", "..", "kind-configs")
	shipped, err := ReadKnown(filepath.Join(configs, "components"))
	if err != nil {
		t.Fatal(err)
	}
	matrix, err := Load(filepath.Join(configs, "nightly.yaml"), shipped)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range matrix.Columns {
		got = append(got, c.Name)
	}
	want := []string{
		"containerd-1.7.35", "containerd-1.7.35-crun", "containerd-2.2.5", "containerd-2.2.5-crun",
		"containerd-2.4.2", "containerd-2.4.2-crun",
		"cri-o-1.34.0", "cri-o-1.34.0-crun", "cri-o-1.36.1", "cri-o-1.36.1-crun",
		"cri-o-1.36.1-crio-net-raw",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("schemaVersion: 1\ncolumns:\n  - runtime: {name: containerd, version: 2.4.2}\n    kubernetes: 1.36.3\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("columns: [{config: [/], manifests: [.]}]\n"))
	f.Add([]byte("? {}\n: []\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		matrix, err := Parse(content, "/does-not-exist/matrix.yaml", known)
		if err == nil {
			for _, column := range matrix.Columns {
				if !namePattern.MatchString(column.Name) || column.Runtime.Name == "" || column.Network == "" {
					t.Errorf("accepted an incomplete column: %+v", column)
				}
			}
			return
		}
		var invalid *InvalidError
		if !errors.As(err, &invalid) || len(invalid.Problems) == 0 {
			t.Errorf("got %v, want an InvalidError", err)
		}
	})
}
