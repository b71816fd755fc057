package column

import (
	"errors"
	"strings"
	"testing"
)

func TestTopologyOfAMatrix(t *testing.T) {
	const columns = "columns:\n  - {runtime: {name: containerd, version: 2.4.2}, kubernetes: 1.36.3}\n"
	for text, want := range map[string]Topology{"": Isolated, "topology: isolated\n": Isolated, "topology: mixed\n": Mixed} {
		matrix, err := Load(write(t, "matrix.yaml", "schemaVersion: 1\n"+text+columns), known)
		if err != nil || matrix.Topology != want {
			t.Errorf("%q: %v, %v", text, matrix, err)
		}
	}
	for _, text := range []string{"topology: both\n", "topology: [mixed]\n"} {
		path := write(t, "matrix.yaml", "schemaVersion: 1\n"+text+columns)
		if _, err := Load(path, known); err == nil || !strings.HasPrefix(err.Error(), path+":2: topology: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ParseTopology("both"); err == nil {
		t.Error("any name is a topology")
	}
}

// TestCheckTopology says in which line and field a column does not fit into a mixed cluster.
func TestCheckTopology(t *testing.T) {
	const head = "schemaVersion: 1\ntopology: mixed\ndefaults: {kubernetes: 1.36.3}\ncolumns:\n  - runtime: {name: containerd, version: 2.4.2}\n"
	const ready = "schemaVersion: 1\ntopology: mixed\ncolumns:\n  - {name: a, image: 'a:1', runtime: {name: containerd}, kubernetes: 1.36.3, network: kube-router}\n"
	for name, test := range map[string]struct{ matrix, want string }{
		"alone":              {head, ""},
		"another runtime":    {head + "  - runtime: {name: cri-o, version: 1.36.1}\n    ociRuntime: crun\n", ""},
		"another base":       {head + "  - runtime: {name: cri-o, version: 1.36.1}\n    base: b:1\n", ""},
		"another Kubernetes": {head + "  - runtime: {name: cri-o, version: 1.36.1}\n    kubernetes: 1.35.0\n", ":6: kubernetes: "},
		"another network":    {head + "  - runtime: {name: cri-o, version: 1.36.1}\n    network: {manifests: net.yaml}\n", ":6: network: "},
		"no firewall":        {head + "  - runtime: {name: cri-o, version: 1.36.1}\n    network: {name: kube-router, firewall: false}\n", ":6: network.firewall: "},
		"other manifests":    {head + "  - runtime: {name: cri-o, version: 1.36.1}\n    manifests: [net.yaml]\n", ":6: manifests: "},
		"ready and built":    {ready + "  - {runtime: {name: cri-o, version: 1.36.1}, kubernetes: 1.36.3}\n", ":5: image: "},
		"ready ones":         {ready + "  - {name: b, image: 'b:1', runtime: {name: containerd}, kubernetes: 1.36.3, network: kube-router}\n", ""},
		"of a product":       {head + "products:\n  - runtime: [{name: cri-o, version: 1.36.1}]\n    network: [{name: kube-router, firewall: false}]\n", ":7: network.firewall: "},
		"the same network":   {strings.Replace(head, "1.36.3}", "1.36.3, network: {manifests: net.yaml}}", 1) + "  - runtime: {name: cri-o, version: 1.36.1}\n", ""},
		"two do not fit":     {head + "  - runtime: {name: cri-o, version: 1.36.1}\n    kubernetes: 1.35.0\n  - runtime: {name: containerd, version: 1.7.35}\n    kubernetes: 1.35.0\n", ":8: kubernetes: "},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "matrix.yaml", test.matrix, "net.yaml", "kind: A\n")
			versions := known
			versions.Kubernetes = []string{"1.35.0", "1.36.3"}
			matrix, err := Load(path, versions)
			if err != nil {
				t.Fatal(err)
			}
			if err := matrix.CheckTopology(Isolated, matrix.Columns); err != nil {
				t.Errorf("isolated: %v", err)
			}
			if err := matrix.CheckTopology(matrix.Topology, matrix.Columns[:1]); err != nil {
				t.Errorf("one column: %v", err)
			}
			err = matrix.CheckTopology(matrix.Topology, matrix.Columns)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("got %v", err)
			case test.want != "" && (!errors.As(err, new(*InvalidError)) || !strings.Contains(err.Error(), path+test.want)):
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestSharesNodes(t *testing.T) {
	base := Column{Name: "a", Runtime: Runtime{Name: CRIO, Version: "1.36.1"}, OCIRuntime: "runc", Kubernetes: "1.36.3", Network: KubeRouter}
	for name, test := range map[string]struct {
		change func(*Column)
		want   bool
	}{
		"name":        {func(c *Column) { c.Name = "b" }, true},
		"OCI runtime": {func(c *Column) { c.OCIRuntime = "crun" }, true},
		"version":     {func(c *Column) { c.Runtime.Version = "1.34.0" }, false},
		"kubernetes":  {func(c *Column) { c.Kubernetes = "1.35.0" }, false},
		"config":      {func(c *Column) { c.Config = []File{{SHA256: "1"}} }, false},
		"firewall":    {func(c *Column) { c.NoFirewall = true }, false},
	} {
		other := base
		test.change(&other)
		if got := base.SharesNodes(other); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}
