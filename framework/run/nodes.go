package run

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"golang.org/x/sync/errgroup"
	nodev1 "k8s.io/api/node/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/fixtures/apparmor"
	"assay/fixtures/seccomp"
	"assay/framework/cluster"
	"assay/framework/column"
	"assay/framework/filter"
	"assay/framework/probe"
	"assay/framework/target"
	"assay/framework/workload"
	"assay/reports/results"
)

// loadNodes puts the probe and the profiles on nodes.
func (r *Run) loadNodes(p *provisions, nodes *cluster.Cluster) error {
	group, ctx := errgroup.WithContext(r.ctx)
	group.Go(func() error {
		return nodes.LoadImages(ctx, p.probe.ArchivePath, append([]string{p.probe.Reference}, p.probe.Variants...)...)
	})
	group.Go(func() error { return writeProfiles(ctx, nodes) })
	group.Go(func() error { return loadAppArmor(ctx, nodes) })
	return group.Wait()
}

// prepareTarget reads the facts of a column's nodes, and returns the target.
func (r *Run) prepareTarget(p *provisions, c column.Column, made *cluster.Cluster) (target.Target, error) {
	to := target.Target{Column: c.Name, Client: made.Client, Config: made.Config, ProbeImage: p.probe.Reference, NodeExec: made.NodeExec}
	to.Filters = func(ctx context.Context, node string, containers []string) (map[string]filter.Chain, error) {
		return p.filterdump.Read(ctx, made, node, containers)
	}
	to.NetworkHealth = made.NetworkHealth
	if made.OffersAddresses() {
		to.OfferAddress = made.OfferAddress
	}
	var facts []cluster.NodeFacts
	var network results.Network
	group, ctx := errgroup.WithContext(r.ctx)
	group.Go(func() error {
		var err error
		facts, err = made.NodeFacts(ctx)
		return err
	})
	group.Go(func() error {
		var err error
		network.Name, network.Version, err = made.NetworkVersion(ctx)
		return err
	})
	if c.OCIRuntime != column.DefaultOCIRuntime {
		// It is the default of nodes that the column has for itself, and of no others.
		to.RuntimeClass = className(c.OCIRuntime)
		group.Go(func() error { return makeRuntimeClass(ctx, made, c.OCIRuntime) })
	}
	if err := group.Wait(); err != nil {
		return to, err
	}
	r.change(c.Name, func(described *results.Column) { described.Network = network })
	for _, node := range facts {
		bounding := probe.Set(0)
		if err := bounding.UnmarshalText([]byte(node.BoundingSet)); err != nil {
			return to, fmt.Errorf("the bounding set of node %s: %w", node.Name, err)
		}
		to.Nodes = append(to.Nodes, target.Node{Name: node.Name, Bounding: bounding})
	}
	to.Roomy = roomy(facts, r.memory())
	return to, r.describeNodes(c, facts)
}

// roomy says whether all pods of a run can be there at once: containers that stay take some 3 GB of memory a
// column, and 3000 processes and threads a node.
func roomy(facts []cluster.NodeFacts, memory uint64) bool {
	const enoughMemory, enoughTasks = 14 << 30, 8192
	for _, node := range facts {
		if node.Tasks > 0 && node.Tasks < enoughTasks {
			return false
		}
	}
	return memory >= enoughMemory
}

// memory is the machine's, in bytes; 0 when it is not known.
func (r *Run) memory() uint64 {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.results.Host.MemoryBytes
}

// className is the name of the RuntimeClass of a handler.
func className(handler string) string { return "assay-" + handler }

// makeRuntimeClass makes the class that selects a handler of the nodes. Columns of one cluster share it.
// Source: https://kubernetes.io/docs/concepts/containers/runtime-class/
func makeRuntimeClass(ctx context.Context, made *cluster.Cluster, handler string) error {
	class := &nodev1.RuntimeClass{
		ObjectMeta: metav1.ObjectMeta{Name: className(handler), Labels: map[string]string{workload.Label: "runtimeclass"}},
		Handler:    handler,
	}
	_, err := made.Client.NodeV1().RuntimeClasses().Create(ctx, class, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create RuntimeClass %s: %w", class.Name, err)
	}
	return nil
}

// describeNodes keeps what the nodes said of themselves.
func (r *Run) describeNodes(c column.Column, facts []cluster.NodeFacts) error {
	nodes := make([]results.Node, 0, len(facts))
	oci := results.OCIRuntime{Name: c.OCIRuntime}
	for _, node := range facts {
		described := results.Node{
			Name: node.Name, OS: node.OS, Kernel: node.Kernel, Runtime: node.Runtime, BoundingSet: node.BoundingSet,
		}
		if len(node.Restrictions) > 0 {
			var said struct{ Restrictions []results.Restriction }
			if err := json.Unmarshal(node.Restrictions, &said); err != nil {
				return fmt.Errorf("the restrictions of node %s: %w", node.Name, err)
			}
			described.Restrictions = said.Restrictions
		}
		nodes = append(nodes, described)
		for _, each := range node.OCIRuntimes {
			if each.Name == c.OCIRuntime {
				oci.Version, oci.Libseccomp = each.Version, each.Libseccomp
			}
		}
	}
	r.change(c.Name, func(described *results.Column) {
		described.Nodes = nodes
		described.OCIRuntime = oci
	})
	return nil
}

// writeProfiles puts the suite's seccomp profiles where the kubelets look for them.
func writeProfiles(ctx context.Context, made *cluster.Cluster) error {
	files, err := seccomp.Files()
	if err != nil {
		return err
	}
	return made.WriteFiles(ctx, seccomp.NodeDirectory, files, 0o644)
}

// loadAppArmor loads the suite's AppArmor profile on the nodes that can.
func loadAppArmor(ctx context.Context, made *cluster.Cluster) error {
	for _, node := range made.Nodes {
		if _, err := made.NodeExec(ctx, node.Name, bytes.NewReader(apparmor.Profile), "sh", "-c", apparmor.LoadScript); err != nil {
			return fmt.Errorf("load the AppArmor profile on node %s: %w", node.Name, err)
		}
	}
	return nil
}
