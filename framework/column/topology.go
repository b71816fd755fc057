package column

import (
	"fmt"
	"slices"
)

// Topology is how columns are put on clusters.
type Topology string

// The topologies that a matrix may have.
const (
	// Isolated gives each column a cluster, or shares it with those that differ in their OCI runtime only.
	Isolated Topology = "isolated"
	// Mixed has one cluster with a worker for each column.
	Mixed Topology = "mixed"
)

// ParseTopology reads the name of a topology.
func ParseTopology(name string) (Topology, error) {
	if t := Topology(name); t == Isolated || t == Mixed {
		return t, nil
	}
	return "", fmt.Errorf("%q is not a topology: take %s or %s", name, Isolated, Mixed)
}

// CheckTopology says what keeps some of the matrix' columns from being put on clusters by a topology. Its
// error is an InvalidError.
func (m *Matrix) CheckTopology(topology Topology, columns []Column) error {
	if topology != Mixed || len(columns) == 0 {
		return nil
	}
	first := columns[0]
	var problems []Problem
	for _, c := range columns[1:] {
		if field, what := first.unlike(c); field != "" {
			problems = append(problems, Problem{
				File: m.Path, Line: m.lines[c.Name], Field: field,
				What: fmt.Sprintf("of column %s: %s, and the columns of topology mixed share a cluster with %s (line %d)", c.Name, what, first.Name, m.lines[first.Name]),
				Fix:  "give the columns the same, or take topology isolated",
			})
		}
	}
	if len(problems) > 0 {
		return &InvalidError{Problems: problems}
	}
	return nil
}

// unlike is the first field in which two columns cannot share a cluster, and how they differ.
func (c Column) unlike(other Column) (field, what string) {
	differ := func(one, two string) string { return fmt.Sprintf("%s is not %s", orNone(two), orNone(one)) }
	switch {
	case c.Kubernetes != other.Kubernetes:
		return "kubernetes", differ(c.Kubernetes, other.Kubernetes)
	case (c.Image == "") != (other.Image == ""):
		return "image", "ready and built node images do not know each other's control plane"
	case c.Network != other.Network:
		return "network", differ(c.Network, other.Network)
	case c.NoFirewall != other.NoFirewall:
		return "network.firewall", fmt.Sprintf("%t is not %t", !other.NoFirewall, !c.NoFirewall)
	case !slices.Equal(withoutPaths(c.NetworkManifests), withoutPaths(other.NetworkManifests)):
		return "network.manifests", "the network's manifests differ"
	case !slices.Equal(withoutPaths(c.Manifests), withoutPaths(other.Manifests)):
		return "manifests", "the manifests differ"
	}
	return "", ""
}

func orNone(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

// SharesNodes says whether two columns differ in nothing but their names and OCI runtimes, so that both can be
// had of the same nodes.
func (c Column) SharesNodes(other Column) bool {
	c.OCIRuntime, other.OCIRuntime = "", ""
	return c.Hash("") == other.Hash("")
}
