// Package placement says which columns share clusters and nodes. It is pure: what it says of columns and a
// topology is what is made, and what is told of the costs.
package placement

import (
	"cmp"
	"slices"

	"assay/framework/column"
)

// Cluster is a cluster of a control plane and a worker for each group.
type Cluster struct {
	Topology column.Topology
	// Groups are the columns by the nodes that they have; there is one group in an isolated cluster.
	Groups []Group
}

// Group is the columns that share nodes, in the order of the matrix: they differ in nothing but their names and
// OCI runtimes. They use the nodes one after the other.
type Group struct {
	Columns []column.Column
}

// Place puts columns on clusters, each on one. The clusters, groups and columns are in the order of the columns.
func Place(columns []column.Column, topology column.Topology) []Cluster {
	var groups []Group
	for _, c := range columns {
		i := slices.IndexFunc(groups, func(g Group) bool { return g.Node().SharesNodes(c) })
		if i < 0 {
			groups = append(groups, Group{Columns: []column.Column{c}})
			continue
		}
		groups[i].Columns = append(groups[i].Columns, c)
	}
	if topology == column.Mixed && len(groups) > 0 {
		return []Cluster{{Topology: topology, Groups: groups}}
	}
	clusters := make([]Cluster, 0, len(groups))
	for _, group := range groups {
		clusters = append(clusters, Cluster{Topology: topology, Groups: []Group{group}})
	}
	return clusters
}

// Nodes is how many nodes the cluster has: the control plane and a worker for each group.
func (c Cluster) Nodes() int { return 1 + len(c.Groups) }

// PodsOnControlPlane says whether the control plane is one of the columns' nodes: that of a mixed cluster is no
// column's.
func (c Cluster) PodsOnControlPlane() bool { return c.Topology != column.Mixed }

// Columns are those of all groups.
func (c Cluster) Columns() []column.Column {
	var columns []column.Column
	for _, group := range c.Groups {
		columns = append(columns, group.Columns...)
	}
	return columns
}

// Has says whether the cluster has a column.
func (c Cluster) Has(name string) bool {
	return slices.ContainsFunc(c.Groups, func(g Group) bool { return g.Has(name) })
}

// Without is the cluster without the groups for which leave is true.
func (c Cluster) Without(leave func(Group) bool) Cluster {
	c.Groups = slices.DeleteFunc(slices.Clone(c.Groups), leave)
	return c
}

// Neighbours are the groups of the cluster beside one, those with another runtime first.
func (c Cluster) Neighbours(of Group) []Group {
	groups := c.Without(func(g Group) bool { return g.Name() == of.Name() }).Groups
	same := func(g Group) int {
		if g.Node().Runtime.Name == of.Node().Runtime.Name {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(groups, func(a, b Group) int { return cmp.Compare(same(a), same(b)) })
	return groups
}

// Name names the cluster in a run, beside the run's other clusters.
func (c Cluster) Name() string {
	if c.Topology == column.Mixed {
		return string(column.Mixed)
	}
	return c.Groups[0].Name()
}

// Node is what the nodes of the group are: its first column, with which the others have all in common that
// makes a node.
func (g Group) Node() column.Column { return g.Columns[0] }

// Name names the group among those of all clusters.
func (g Group) Name() string { return g.Columns[0].Name }

// Has says whether a column is one of the group's.
func (g Group) Has(name string) bool {
	return slices.ContainsFunc(g.Columns, func(c column.Column) bool { return c.Name == name })
}

// DefaultHandler is the OCI runtime that the nodes use where no RuntimeClass asks for another: that of a column
// that has them for itself.
func (g Group) DefaultHandler() string {
	if len(g.Columns) == 1 && g.Columns[0].OCIRuntime != "" {
		return g.Columns[0].OCIRuntime
	}
	return column.DefaultOCIRuntime
}
