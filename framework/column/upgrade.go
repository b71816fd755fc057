package column

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"assay/framework/yamlfile"
)

// Upgrade is a change of the runtime under the nodes of a running cluster.
type Upgrade struct {
	// Name is unique in the matrix, made of the two runtimes.
	Name string
	// From and To differ in their runtime, and in nothing else.
	From, To Column
}

// NewUpgrade is the upgrade from one column to another. The error says in what they differ that an upgrade cannot
// change.
func NewUpgrade(from, to Column) (Upgrade, error) {
	u := Upgrade{Name: upgradeName(from, to), From: from, To: to}
	switch {
	case from.Image != "" || to.Image != "":
		return u, fmt.Errorf("column %s is a ready node image, and only of those that Assay builds the files of the runtime are known", first(nameOf(from, from.Image), nameOf(to, to.Image)))
	case from.Runtime == to.Runtime:
		return u, fmt.Errorf("both are %s %s: there is nothing to upgrade", from.Runtime.Name, from.Runtime.Version)
	case u.Drains() && (from.OCIRuntime != DefaultOCIRuntime || to.OCIRuntime != DefaultOCIRuntime || len(from.Config)+len(to.Config) > 0):
		return u, fmt.Errorf("%s and %s are configured in different ways: take columns with %s and without config", from.Runtime.Name, to.Runtime.Name, DefaultOCIRuntime)
	}
	// What else there is has to be the same; the runtime may differ.
	to.Runtime = from.Runtime
	if from.Hash("") != to.Hash("") {
		return u, fmt.Errorf("%s and %s differ in more than their runtime: an upgrade changes nothing else", from.Name, u.To.Name)
	}
	return u, nil
}

func nameOf(c Column, image string) string {
	if image == "" {
		return ""
	}
	return c.Name
}

// Drains says whether a node has to be drained for it: its pods do not outlive the change to another runtime.
func (u Upgrade) Drains() bool { return u.From.Runtime.Name != u.To.Runtime.Name }

// Arguments are those of `assay upgrade` that ask for it again.
func (u Upgrade) Arguments() string {
	return fmt.Sprintf("--from %s:%s --to %s:%s", u.From.Runtime.Name, u.From.Runtime.Version, u.To.Runtime.Name, u.To.Runtime.Version)
}

func upgradeName(from, to Column) string {
	name := to.derivedName()
	if from.Runtime.Name == to.Runtime.Name {
		name = strings.TrimPrefix(name, to.Runtime.Name+"-")
	}
	return from.derivedName() + "-to-" + name
}

// ParseUpgrade reads an upgrade that is not in a file: each side is RUNTIME:VERSION with the newest known Kubernetes
// and Assay's own defaults.
func ParseUpgrade(from, to string, known Known) (Upgrade, error) {
	var columns [2]Column
	for i, side := range []struct{ flag, text string }{{"--from", from}, {"--to", to}} {
		runtime, version, found := strings.Cut(side.text, ":")
		versions, isRuntime := known.Runtimes[runtime]
		switch {
		case !found || !isRuntime:
			return Upgrade{}, fmt.Errorf("%s %q is not RUNTIME:VERSION, as %s:2.4.2 or %s:1.36.1", side.flag, side.text, Containerd, CRIO)
		case !slices.Contains(versions, version):
			return Upgrade{}, fmt.Errorf("%s %s: %q is not a known version; known versions are %s", side.flag, side.text, version, list(versions))
		case len(known.Kubernetes) == 0:
			return Upgrade{}, fmt.Errorf("%s %s: no version of Kubernetes is known", side.flag, side.text)
		}
		c := Column{
			Runtime: Runtime{Name: runtime, Version: version}, OCIRuntime: DefaultOCIRuntime,
			Kubernetes: known.Kubernetes[len(known.Kubernetes)-1], Network: KubeRouter,
		}
		c.Name = c.derivedName()
		columns[i] = c
	}
	u, err := NewUpgrade(columns[0], columns[1])
	if err != nil {
		return Upgrade{}, fmt.Errorf("--from %s --to %s: %w", from, to, err)
	}
	return u, nil
}

// upgrades reads the list of upgrades: from and to are names of the matrix' columns.
func (r *reader) upgrades(node *yaml.Node, field string, matrix *Matrix) {
	lines := map[string]int{}
	r.list(node, field, func(node *yaml.Node, field string) {
		before := len(r.Problems)
		var from, to Column
		r.Mapping(node, field, yamlfile.Fields{"from": r.columnOf(matrix, &from), "to": r.columnOf(matrix, &to)})
		for _, side := range []string{"from", "to"} {
			if node.Kind == yaml.MappingNode && !yamlfile.Has(node, side) {
				r.Report(node, field+"."+side, "is missing", "write the name of a column")
			}
		}
		if len(r.Problems) > before {
			return
		}
		u, err := NewUpgrade(from, to)
		if line, twice := lines[u.Name]; err == nil && twice {
			err = fmt.Errorf("%s is there already, in line %d", u.Name, line)
		}
		if err != nil {
			r.Report(node, field, "is not an upgrade", err.Error())
			return
		}
		lines[u.Name] = node.Line
		matrix.Upgrades = append(matrix.Upgrades, u)
	})
}

// columnOf reads the name of one of the matrix' columns.
func (r *reader) columnOf(matrix *Matrix, into *Column) yamlfile.Visit {
	return func(node *yaml.Node, field string) {
		var name string
		if !r.Scalar(node, field, &name) {
			return
		}
		index := slices.IndexFunc(matrix.Columns, func(c Column) bool { return c.Name == name })
		if index < 0 {
			names := make([]string, 0, len(matrix.Columns))
			for _, c := range matrix.Columns {
				names = append(names, c.Name)
			}
			r.Report(node, field, fmt.Sprintf("there is no column %q", name), "its columns are "+list(names))
			return
		}
		*into = matrix.Columns[index]
	}
}
