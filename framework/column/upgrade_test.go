package column

import (
	"errors"
	"strings"
	"testing"
)

const upgradeColumns = `schemaVersion: 1
defaults: {kubernetes: 1.36.3}
columns:
  - runtime: {name: containerd, version: 2.2.5}
  - runtime: {name: containerd, version: 2.4.2}
  - runtime: {name: cri-o, version: 1.36.1}
  - {name: crun, runtime: {name: containerd, version: 2.4.2}, ociRuntime: crun}
  - {name: ready, image: "a:1", runtime: {name: containerd, version: 2.4.2}}
upgrades:
`

func TestUpgradesAreRead(t *testing.T) {
	matrix, err := Parse([]byte(upgradeColumns+`  - {from: containerd-2.2.5, to: containerd-2.4.2}
  - {from: containerd-2.4.2, to: cri-o-1.36.1}
`), "m.yaml", known)
	if err != nil {
		t.Fatal(err)
	}
	if len(matrix.Upgrades) != 2 {
		t.Fatalf("%d upgrades", len(matrix.Upgrades))
	}
	if u := matrix.Upgrades[0]; u.Name != "containerd-2.2.5-to-2.4.2" || u.Drains() || u.From.Runtime.Version != "2.2.5" {
		t.Errorf("%+v", u)
	}
	if u := matrix.Upgrades[1]; u.Name != "containerd-2.4.2-to-cri-o-1.36.1" || !u.Drains() {
		t.Errorf("%+v", u)
	}
}

func TestWrongUpgradesAreRefusedWithTheirLine(t *testing.T) {
	for name, text := range map[string]string{
		"an unknown column": "{from: containerd-2.2.5, to: nothing}",
		"no side":           "{from: containerd-2.2.5}",
		"the same":          "{from: containerd-2.4.2, to: containerd-2.4.2}",
		"another handler":   "{from: containerd-2.2.5, to: crun}",
		"a drain with crun": "{from: crun, to: cri-o-1.36.1}",
		"a ready image":     "{from: containerd-2.2.5, to: ready}",
		"an unknown field":  "{from: containerd-2.2.5, to: containerd-2.4.2, at: noon}",
		"not a mapping":     "containerd-2.2.5",
		"twice":             "{from: containerd-2.2.5, to: containerd-2.4.2}\n  - {from: containerd-2.2.5, to: containerd-2.4.2}",
	} {
		_, err := Parse([]byte(upgradeColumns+"  - "+text+"\n"), "m.yaml", known)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || len(invalid.Problems) == 0 || invalid.Problems[0].Line < 10 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse([]byte(strings.TrimSuffix(upgradeColumns, "\n")+" []\n"), "m.yaml", known); err == nil {
		t.Error("an empty list is read")
	}
}

func TestParseUpgrade(t *testing.T) {
	u, err := ParseUpgrade("containerd:2.2.5", "cri-o:1.36.1", known)
	if err != nil || u.Name != "containerd-2.2.5-to-cri-o-1.36.1" || u.From.Kubernetes != "1.36.3" || u.Arguments() != "--from containerd:2.2.5 --to cri-o:1.36.1" {
		t.Errorf("%+v, %v", u, err)
	}
	for _, wrong := range [][2]string{
		{"containerd", "containerd:2.4.2"}, {"docker:1", "containerd:2.4.2"}, {"containerd:2.2.5", "containerd:9.9.9"}, {"containerd:2.4.2", "containerd:2.4.2"},
	} {
		if u, err := ParseUpgrade(wrong[0], wrong[1], known); err == nil {
			t.Errorf("%v: %+v", wrong, u)
		}
	}
}
