package placement

import (
	"fmt"
	"strings"
	"testing"

	"assay/framework/column"
)

func of(name, runtime, version, oci string) column.Column {
	return column.Column{
		Name: name, Runtime: column.Runtime{Name: runtime, Version: version}, OCIRuntime: oci,
		Kubernetes: "1.36.3", Network: column.KubeRouter,
	}
}

// write writes a placement: a cluster a line, groups between bars, with the handler of each.
func write(clusters []Cluster) string {
	var lines []string
	for _, cluster := range clusters {
		var groups []string
		for _, group := range cluster.Groups {
			var names []string
			for _, c := range group.Columns {
				names = append(names, c.Name)
			}
			groups = append(groups, strings.Join(names, " ")+" on "+group.DefaultHandler())
		}
		lines = append(lines, fmt.Sprintf("%s: %s: %d nodes", cluster.Name(), strings.Join(groups, " | "), cluster.Nodes()))
	}
	return strings.Join(lines, "\n")
}

func TestPlace(t *testing.T) {
	a, crun := of("a", column.Containerd, "2.4.2", "runc"), of("a-crun", column.Containerd, "2.4.2", "crun")
	old, b := of("old", column.Containerd, "1.7.35", "runc"), of("b", column.CRIO, "1.36.1", "runc")
	configured, image, base, network, manifest := a, a, a, a, a
	configured.Name, configured.Config = "configured", []column.File{{Path: "/x.toml", SHA256: "1"}}
	image.Name, image.Image = "image", "node:1"
	base.Name, base.Base = "base", "base:1"
	network.Name, network.NoFirewall = "open", true
	manifest.Name, manifest.Manifests = "manifest", []column.File{{SHA256: "1"}}
	moved := configured
	moved.Name, moved.OCIRuntime, moved.Config = "moved", "crun", []column.File{{Path: "/y.toml", SHA256: "1"}}
	for name, test := range map[string]struct {
		columns  []column.Column
		topology column.Topology
		want     string
	}{
		"nothing":           {nil, column.Mixed, ""},
		"nothing, isolated": {nil, column.Isolated, ""},
		"one":               {[]column.Column{a}, column.Isolated, "a: a on runc: 2 nodes"},
		"crun alone is the default": {
			[]column.Column{crun}, column.Isolated, "a-crun: a-crun on crun: 2 nodes",
		},
		"two runtimes":        {[]column.Column{a, b}, column.Isolated, "a: a on runc: 2 nodes\nb: b on runc: 2 nodes"},
		"two runtimes, mixed": {[]column.Column{a, b}, column.Mixed, "mixed: a on runc | b on runc: 3 nodes"},
		"one, mixed":          {[]column.Column{b}, column.Mixed, "mixed: b on runc: 2 nodes"},
		"OCI runtimes share, whatever is between them": {
			[]column.Column{crun, b, a}, column.Isolated, "a-crun: a-crun a on runc: 2 nodes\nb: b on runc: 2 nodes",
		},
		"OCI runtimes share a worker": {
			[]column.Column{a, old, crun}, column.Mixed, "mixed: a a-crun on runc | old on runc: 3 nodes",
		},
		"fragments count, not where they lie": {
			[]column.Column{configured, a, moved}, column.Isolated, "configured: configured moved on runc: 2 nodes\na: a on runc: 2 nodes",
		},
		"all that makes a node counts": {
			[]column.Column{a, configured, image, base, network, manifest},
			column.Isolated,
			"a: a on runc: 2 nodes\nconfigured: configured on runc: 2 nodes\nimage: image on runc: 2 nodes\n" +
				"base: base on runc: 2 nodes\nopen: open on runc: 2 nodes\nmanifest: manifest on runc: 2 nodes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := write(Place(test.columns, test.topology)); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestWithoutLeavesTheOthers(t *testing.T) {
	all := Place([]column.Column{of("a", column.Containerd, "2.4.2", "runc"), of("b", column.CRIO, "1.36.1", "runc")}, column.Mixed)[0]
	left := all.Without(func(g Group) bool { return g.Has("a") })
	if left.Has("a") || !left.Has("b") || !all.Has("a") || left.Nodes() != 2 || len(all.Columns()) != 2 {
		t.Errorf("left %+v of %+v", left, all)
	}
	if left.PodsOnControlPlane() {
		t.Error("the control plane of a mixed cluster takes pods of columns")
	}
}
