package nodeimage

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"assay/framework/engine"
)

type silent struct{}

func (silent) Step(string) func(error) { return func(error) {} }

// fakeEngine is a program that logs its arguments and answers with a script.
func fakeEngine(t *testing.T, script string) (fake *engine.Engine, calls func() string) {
	t.Helper()
	directory := t.TempDir()
	path, log := filepath.Join(directory, "engine"), filepath.Join(directory, "calls")
	text := fmt.Sprintf("#!/bin/sh\necho \"$@\" >>%s\n%s\n", log, script)
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return &engine.Engine{Name: "podman", Path: path}, func() string {
		content, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return string(content)
	}
}

func TestEnsureBuildsNothingThatExists(t *testing.T) {
	fake, calls := fakeEngine(t, `echo '[{"Id":"sha256:1234","Size":700}]'`)
	specs := []Spec{
		{Runtime: "containerd", Version: "2.4.2"},
		{Runtime: "cri-o", Version: "1.36.1"},
		{Runtime: "cri-o", Version: "0.0.1"},
	}
	results := Ensure(t.Context(), fake, "../..", specs, silent{})
	for index, result := range results[:2] {
		if result.Err != nil || result.Image.ID != "sha256:1234" || result.Image.Size != 700 || result.Image.Built {
			t.Errorf("%s: got %+v", specs[index].Runtime, result)
		}
	}
	if results[2].Err == nil {
		t.Error("an unknown version: want an error, and none for the others")
	}
	for line := range strings.Lines(calls()) {
		if !strings.HasPrefix(line, "image inspect ") {
			t.Errorf("unexpected call: %s", line)
		}
	}
}

func TestStepKeepsTheLog(t *testing.T) {
	b := &build{state: t.TempDir(), progress: silent{}}
	err := b.step("make it fail", func(log io.Writer) error {
		for line := range 100 {
			fmt.Fprintf(log, "line %d\n", line)
		}
		return errors.New("broken")
	})
	path := filepath.Join(b.state, "logs", "make-it-fail.log")
	if err == nil {
		t.Fatal("want an error")
	}
	for _, text := range []string{"make it fail", "broken", path, "line 99\n", "line 70\n"} {
		if !strings.Contains(err.Error()+"\n", text) {
			t.Errorf("want %q in: %v", text, err)
		}
	}
	if strings.Contains(err.Error(), "line 69\n") {
		t.Errorf("want only the end of the log in: %v", err)
	}
	if content, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(content), "line 0\n") {
		t.Errorf("the log is not whole: %v", err)
	}
}

func TestOnce(t *testing.T) {
	b := &build{tasks: map[string]*task{}}
	broken := errors.New("broken")
	calls := 0
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if err := b.once(t.Context(), "key", func() error { calls++; return broken }); !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
		})
	}
	group.Wait()
	if calls != 1 {
		t.Errorf("done %d times", calls)
	}
}

func TestDirectoryIsWholeOrAbsent(t *testing.T) {
	b := &build{}
	path := filepath.Join(t.TempDir(), "built", "a")
	broken := errors.New("broken")
	err := b.directory(path, func(temporary string) error {
		return errors.Join(os.WriteFile(filepath.Join(temporary, "half"), nil, 0o600), broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	for range 2 {
		if err := b.directory(path, func(string) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestArchive(t *testing.T) {
	directory := t.TempDir()
	program, tools := filepath.Join(directory, "program"), filepath.Join(directory, "tools.tar")
	if err := os.WriteFile(program, []byte("code"), 0o600); err != nil {
		t.Fatal(err)
	}
	var tool bytes.Buffer
	writer := tar.NewWriter(&tool)
	if err := errors.Join(writer.WriteHeader(&tar.Header{Name: "usr/sbin/iptables", Typeflag: tar.TypeSymlink, Linkname: "x"}),
		writer.Close(), os.WriteFile(tools, tool.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(directory, "layer.tar")
	sum, err := layer(path, map[string]string{"pause": program}, tools)
	if err != nil {
		t.Fatalf("layer: %v", err)
	}
	names := members(t, path)
	for _, name := range []string{"pause", "usr/sbin/iptables", "usr/local/bin/etcd", "tmp/"} {
		if _, found := names[name]; !found {
			t.Errorf("the layer lacks %s", name)
		}
	}
	images := []controlPlaneImage{
		{Name: "localhost/assay/etcd:1"}, {Name: "localhost/assay/pause:1", Entrypoint: []string{"/pause"}}, {Name: "localhost/assay/kube-proxy:1"},
	}
	archive := filepath.Join(directory, "images.tar")
	if err := writeArchive(archive, path, sum, images); err != nil {
		t.Fatalf("archive: %v", err)
	}
	contents := members(t, archive)
	var manifest []archiveEntry
	if err := json.Unmarshal(contents["manifest.json"], &manifest); err != nil {
		t.Fatalf("manifest: %v", err)
	}
	if len(manifest) != 2 || !slices.Equal(manifest[0].RepoTags, []string{images[0].Name, images[2].Name}) {
		t.Fatalf("images of the same configuration are not one: %+v", manifest)
	}
	var config imageConfig
	if err := json.Unmarshal(contents[manifest[1].Config], &config); err != nil {
		t.Fatalf("configuration: %v", err)
	}
	if !slices.Equal(config.Config.Entrypoint, []string{"/pause"}) || !slices.Equal(config.RootFS.DiffIDs, []string{"sha256:" + sum}) {
		t.Errorf("got %+v", config)
	}
	if contents[manifest[0].Layers[0]] == nil || manifest[0].Layers[0] != manifest[1].Layers[0] {
		t.Error("the images do not share the layer")
	}
}

func members(t *testing.T, path string) map[string][]byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]byte{}
	reader := tar.NewReader(bytes.NewReader(content))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if found[header.Name], err = io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMirrorLines(t *testing.T) {
	const targets = `http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm-updates main
http://mirror.example/debian-security/ bookworm-security main
http://mirror.example/debian/ bookworm contrib
http://others.example/ bookworm-pgdg main
http://others.example/ nodistro main
`
	debian := "ID=debian\nVERSION_CODENAME=\"bookworm\"\n"
	want := []string{
		"deb http://mirror.example/debian/ trixie main",
		"deb http://mirror.example/debian/ trixie-updates main",
		"deb http://mirror.example/debian-security/ trixie-security main",
	}
	if lines := mirrorLines(targets, debian); !slices.Equal(lines, want) {
		t.Errorf("got %q, want %q", lines, want)
	}
	if lines := mirrorLines(targets, "ID=ubuntu\nVERSION_CODENAME=bookworm\n"); lines != nil {
		t.Errorf("another distribution: got %q", lines)
	}
}

func TestRootfsLinks(t *testing.T) {
	root := t.TempDir()
	if err := writeFile(filepath.Join(root, "etc/systemd/system/crio.service"), "[Unit]\n"); err != nil {
		t.Fatal(err)
	}
	if err := enable(root); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"etc/systemd/system/multi-user.target.wants/crio.service": "../crio.service",
		"usr/bin/kubelet":                "kubernetes",
		"usr/local/lib/assay/node-setup": "ocishim",
	} {
		if target, err := os.Readlink(filepath.Join(root, name)); err != nil || target != want {
			t.Errorf("%s: %q, %v, want %q", name, target, err, want)
		}
	}
}

func TestCompileArguments(t *testing.T) {
	c := component{recipeFile: recipeFile{
		Programs: []string{"./a"}, Tags: []string{"x", "y"}, CGO: true, Variables: map[string]string{"p.B": "2", "p.A": "1"},
	}}
	arguments := c.compileArguments("/out")
	for _, want := range []string{"-ldflags=-s -w -X p.A=1 -X p.B=2 -extldflags -static", "-tags=x,y", "/out/", "./a"} {
		if !slices.Contains(arguments, want) {
			t.Errorf("want %q in %q", want, arguments)
		}
	}
	if !slices.Contains(c.environment(), "CGO_ENABLED=1") {
		t.Errorf("got %q", c.environment())
	}
}
