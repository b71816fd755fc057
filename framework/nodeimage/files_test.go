package nodeimage

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestRuntimeFiles(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		runtime, version string
		has, lacks       []string
	}{
		{"containerd", "2.4.2", []string{
			"usr/local/bin/containerd", "usr/local/bin/containerd-shim-runc-v2", "etc/containerd/config.toml", "etc/default/kubelet",
			"etc/systemd/system/containerd.service", "etc/systemd/system/multi-user.target.wants/containerd.service",
		}, []string{"preload.sh", "usr/local/bin/crio", "usr/local/bin/runc"}},
		{"cri-o", "1.36.1", []string{
			"usr/local/bin/crio", "usr/local/bin/pinns", "etc/crio/crio.conf", "etc/containers/policy.json", "etc/systemd/system/crio.service",
		}, []string{"usr/local/bin/containerd"}},
	} {
		files, err := RuntimeFiles(root, c.runtime, c.version)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range c.has {
			if !slices.Contains(files, file) {
				t.Errorf("%s %s lacks %s: %q", c.runtime, c.version, file, files)
			}
		}
		for _, file := range c.lacks {
			if slices.Contains(files, file) {
				t.Errorf("%s %s has %s", c.runtime, c.version, file)
			}
		}
		if unique := slices.Compact(slices.Clone(files)); len(unique) != len(files) {
			t.Errorf("%s %s has files twice: %q", c.runtime, c.version, files)
		}
	}
	if _, err := RuntimeFiles(root, "containerd", "0.0.1"); err == nil {
		t.Error("a version without a recipe has files")
	}
}
