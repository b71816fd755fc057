package nodeimage

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// recipes copies the repository's recipes, so that a test may change them.
func recipes(t *testing.T) *inputs {
	t.Helper()
	root := t.TempDir()
	for _, directory := range []string{"components", "node"} {
		if err := os.CopyFS(configs(root, directory), os.DirFS(configs("../..", directory))); err != nil {
			t.Fatalf("copy the recipes: %v", err)
		}
	}
	return &inputs{root: root, goVersion: "go1", kindVersion: "v1", shim: "shim", pause: "pause"}
}

func plans(t *testing.T, in *inputs) (containerd, crio *plan) {
	t.Helper()
	containerd, err := in.plan(Spec{Runtime: "containerd", Version: "2.4.2"})
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	if crio, err = in.plan(Spec{Runtime: "cri-o", Version: "1.36.1"}); err != nil {
		t.Fatalf("plan: %v", err)
	}
	return containerd, crio
}

func change(path string) func(*testing.T, *inputs) {
	return func(t *testing.T, in *inputs) {
		t.Helper()
		file, err := os.OpenFile(configs(in.root, path), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString("\n# changed\n"); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPlanRebuilds changes one input after another: what does not depend on it keeps its name.
func TestPlanRebuilds(t *testing.T) {
	const (
		base = 1 << iota
		builder
		images
		containerd
		crio
		containerdStore
		crioStore
		runc
	)
	const both = containerd | crio
	tests := []struct {
		name   string
		change func(*testing.T, *inputs)
		want   int
	}{
		{"nothing", func(*testing.T, *inputs) {}, 0},
		{"a package of the base", change("node/base/packages"), base | images | containerdStore | crioStore | both},
		{"a package of the builder", change("node/builder/packages"), builder | runc | both | crioStore},
		{"a file of all nodes", change("node/files/etc/systemd/system/assay-node.service"), both},
		{"CRI-O's configuration", change("node/cri-o/etc/crio/crio.conf"), crio},
		{"CRI-O's sums", change("components/cri-o/1.36.1/go.sum"), crio | crioStore},
		{"containerd's recipe", change("components/containerd/2.4.2/component.yaml"), containerd | containerdStore},
		{"containerd's preloading", change("node/containerd/preload.sh"), containerd | containerdStore},
		{"files of containerd's version", func(t *testing.T, in *inputs) {
			t.Helper()
			if err := writeFile(configs(in.root, "components/containerd/2.4.2/files/etc/containerd/config.toml"), "version = 3\n"); err != nil {
				t.Fatal(err)
			}
		}, containerd},
		{"runc's recipe", change("components/runc/1.5.2/component.yaml"), runc | both},
		{"Kubernetes", change("components/kubernetes/1.36.3/go.sum"), images | containerdStore | crioStore | both},
		{"the shim", func(_ *testing.T, in *inputs) { in.shim = "other" }, both},
		{"pause", func(_ *testing.T, in *inputs) { in.pause = "other" }, images | containerdStore | crioStore | both},
		{"kind", func(_ *testing.T, in *inputs) { in.kindVersion = "v2" }, both},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := recipes(t)
			c, k := plans(t, in)
			test.change(t, in)
			c2, k2 := plans(t, in)
			got := 0
			for bit, changed := range map[int]bool{
				base: c.base != c2.base, builder: c.builder != c2.builder, images: c.images != c2.images,
				containerd: c.ref != c2.ref, crio: k.ref != k2.ref, runc: c.runc.digest != c2.runc.digest,
				containerdStore: c.store != c2.store, crioStore: k.store != k2.store,
			} {
				if changed {
					got |= bit
				}
			}
			if got != test.want {
				t.Errorf("changed %08b, want %08b", got, test.want)
			}
		})
	}
}

func TestPlanNamesVersions(t *testing.T) {
	in := recipes(t)
	p, err := in.plan(Spec{Runtime: "containerd", Version: "2.4.2"})
	if err != nil {
		t.Fatal(err)
	}
	if p.kubernetes.version != "1.36.3" || p.runc.version != "1.5.2" || !strings.HasPrefix(p.ref, "localhost/assay/node:containerd-2.4.2-") {
		t.Errorf("got Kubernetes %s, runc %s, %s", p.kubernetes.version, p.runc.version, p.ref)
	}
	other, err := in.plan(Spec{Runtime: "containerd", Version: "2.4.2", Base: "debian:mine"})
	if err != nil {
		t.Fatal(err)
	}
	if other.ref == p.ref || other.base == p.base {
		t.Error("another base gave the same image")
	}
	if _, err := in.plan(Spec{Runtime: "containerd", Version: "0.1"}); err == nil || !strings.Contains(err.Error(), "2.4.2") {
		t.Errorf("an unknown version: %v, want an error that names the known ones", err)
	}
	if _, err := in.plan(Spec{Runtime: "dockerd", Version: "1"}); err == nil {
		t.Error("an unknown runtime: want an error")
	}
	change("components/runc/1.5.2/component.yaml")(t, in)
	path := configs(in.root, "components", "runc", "1.5.2", "component.yaml")
	if err := os.WriteFile(path, []byte("program: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := in.plan(Spec{Runtime: "containerd", Version: "2.4.2"}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a misspelt recipe: %v, want an error that names the file", err)
	}
}

func TestVersions(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"2.10.0", "2.4.2", "1.7.35", "2.4.10"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	known, err := versions(root)
	if want := []string{"1.7.35", "2.4.2", "2.4.10", "2.10.0"}; err != nil || !slices.Equal(known, want) {
		t.Errorf("got %q, %v, want %q", known, err, want)
	}
}

func TestDigestOfDirectory(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a")
	seen := map[string]string{}
	check := func(what string, new bool) {
		t.Helper()
		sum, err := digest(directory(root))
		if err != nil {
			t.Fatal(err)
		}
		if _, known := seen[sum]; known == new {
			t.Errorf("%s: digest %s, known as %q", what, sum, seen[sum])
		}
		seen[sum] = what
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check("empty", true)
	write(path, "1")
	check("a file", true)
	write(path, "2")
	check("another content", true)
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	check("an executable file", true)
	write(filepath.Join(root, "a_test.go"), "package a")
	check("a test", false)
	if err := os.Rename(path, filepath.Join(root, "b")); err != nil {
		t.Fatal(err)
	}
	check("another name", true)
}
