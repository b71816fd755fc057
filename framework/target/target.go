// Package target is what checks run against: nodes under one column, and a client of their cluster.
// It does not know who made the cluster.
package target

import (
	"context"
	"io"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"assay/framework/filter"
	"assay/framework/probe"
)

// Target is the nodes of one column.
type Target struct {
	// Column is the column's name.
	Column string
	Client kubernetes.Interface
	// Config is for streams (exec); it is nil where there are none, as in tests with a fake client.
	Config *rest.Config
	// Nodes are the column's, at least one.
	Nodes []Node
	// Sweep says that every one of the nodes is to answer for itself.
	Sweep bool
	// First says that the first of the nodes is the one in question: all pods are on it but those that a trial
	// wants on another.
	First bool
	// ProbeImage is the reference of the probe's image, which the nodes have.
	ProbeImage string
	// NodeExec runs a program in a node with all privileges and returns its standard output; it is nil
	// where the suite may not touch the nodes, as in a cluster that it did not make. stdin may be nil.
	NodeExec func(ctx context.Context, node string, stdin io.Reader, command ...string) ([]byte, error)
	// Shared says that the cluster has owners besides the suite. What their rules forbid is skipped.
	Shared bool
	// Roomy says that the nodes have room for all pods of a run at once. Then probes stay when they have said
	// what they saw: most of what a pod costs is its end.
	Roomy bool
	// RuntimeClass selects the handler under test; empty is the node's default.
	RuntimeClass string
	// Others are nodes of other columns in the same cluster; none where a column has a cluster of its own.
	Others []Node
	// NetworkHealth says what is wrong with the network implementation on the nodes; nil where nobody knows how to
	// ask it.
	NetworkHealth func(ctx context.Context) error
	// OfferAddress has the network give an address to the next pod of a node, and go on as if nothing had been once
	// resume is called; nil where nobody knows how.
	OfferAddress func(ctx context.Context, node, address string) (resume func(context.Context) error, err error)
	// Filters reads the seccomp filters of running containers of a node, by container ID. It is nil where
	// nobody can run a program on the nodes; its error is errors.ErrUnsupported where the kernel does not
	// give the filters.
	Filters func(ctx context.Context, node string, containers []string) (map[string]filter.Chain, error)
}

// Node is a node that pods are placed on.
type Node struct {
	Name string
	// Bounding is the capability bounding set of the node itself: what a container can have at most. It is 0 where
	// the cluster does not let the node be asked.
	Bounding probe.Set
	// Unusable is why nothing can be run on the node; nil where something can.
	Unusable error
}
