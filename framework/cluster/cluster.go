package cluster

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"assay/framework/column"
	"assay/framework/placement"
)

// requestTimeout bounds one request of the waits: the API server of a node that died does not answer
// and does not refuse either.
const requestTimeout = 15 * time.Second

// Cluster is a running cluster, or the part of it that some of its columns have: see Of.
type Cluster struct {
	Record
	// Nodes are those of the columns: the control plane and the worker of an isolated cluster, in this order, and
	// the worker of a group in a mixed one.
	Nodes []Node
	// Kubeconfig is what kubectl needs; nothing of it is in the user's own.
	Kubeconfig []byte
	// Config has limits that do not slow down a suite.
	Config *rest.Config
	Client kubernetes.Interface

	manager *Manager
	placed  placement.Cluster
	// all are all nodes, the control plane first.
	all []Node
	// column is what the nodes are.
	column column.Column
}

// Node is a node of a cluster.
type Node struct {
	// Name is the name of the Kubernetes node, of the engine's container, and the host name.
	Name string `json:"name"`
	// ControlPlane says whether it is the control plane. That of an isolated cluster runs pods like the other node.
	ControlPlane bool `json:"controlPlane"`
	// Address is its address in the engine's network.
	Address string `json:"address"`
	// PodCIDR is where its pods' addresses come from.
	PodCIDR string `json:"podCIDR"`
}

// open makes the clients of a cluster that kind has made.
func (m *Manager) open(record Record, placed placement.Cluster) (*Cluster, error) {
	kubeconfig, err := os.ReadFile(m.store.kubeconfig(record.Name))
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig of cluster %s: %w", record.Name, err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("parse the kubeconfig of cluster %s: %w", record.Name, err)
	}
	// The default of 5 requests a second costs half a minute for 150 pods.
	config.QPS, config.Burst = 200, 400
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client of cluster %s: %w", record.Name, err)
	}
	cluster := &Cluster{
		Record: record, Kubeconfig: kubeconfig, Config: config, Client: client, manager: m,
		placed: placed, column: placed.Groups[0].Node(),
		all: []Node{{Name: controlPlaneName(record.Name), ControlPlane: true}},
	}
	for i := range placed.Groups {
		cluster.all = append(cluster.all, Node{Name: workerName(record.Name, i)})
	}
	cluster.Nodes = cluster.all
	return cluster, nil
}

// Of is the cluster as the columns of one of its groups see it. Nodes that are no nodes of theirs are not
// waited for, but the control plane.
func (c *Cluster) Of(group placement.Group) *Cluster {
	of := *c
	of.column, of.Nodes = group.Node(), nil
	for _, node := range c.all {
		switch {
		case node.ControlPlane && c.placed.PodsOnControlPlane(), node.Name == c.Worker(group):
			of.Nodes = append(of.Nodes, node)
		}
	}
	return &of
}

// Worker is the name of a group's worker, empty in a cluster that was made without the group.
func (c *Cluster) Worker(group placement.Group) string {
	for i, each := range c.placed.Groups {
		if each.Name() == group.Name() {
			return workerName(c.Name, i)
		}
	}
	return ""
}

// required are the nodes that the columns need: theirs and the control plane.
func (c *Cluster) required() []Node {
	if c.Nodes[0].ControlPlane {
		return c.Nodes
	}
	return append([]Node{c.all[0]}, c.Nodes...)
}

// requires says whether the columns need a node.
func (c *Cluster) requires(name string) bool {
	return slices.ContainsFunc(c.required(), func(node Node) bool { return node.Name == name })
}

// As is the cluster after some of its nodes have become those of another column: what is done and asked through it is
// done and asked of these nodes, by the means of that column.
func (c *Cluster) As(of column.Column, nodes ...string) *Cluster {
	changed := *c
	changed.column = of
	changed.Nodes = slices.DeleteFunc(slices.Clone(c.Nodes), func(node Node) bool { return !slices.Contains(nodes, node.Name) })
	return &changed
}

// CRISocket is where a container runtime listens, as the kubelet is told it.
func CRISocket(runtime string) string { return criSocket(runtime) }

// connect makes the network. It returns what is wrong with workers, by name; the others have their network.
func (c *Cluster) connect(ctx context.Context) (map[string]error, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.manager.timeouts.Ready, fmt.Errorf("not done after %s", c.manager.timeouts.Ready))
	defer cancel()
	if err := c.wait(ctx, "an address and a pod subnet on each node", c.addressed); err != nil {
		return nil, err
	}
	bad, err := c.applyNetwork(ctx)
	if err != nil {
		return nil, err
	}
	for _, manifest := range c.column.Manifests {
		text, err := os.ReadFile(manifest.Path)
		if err != nil {
			return nil, err
		}
		if err := c.apply(ctx, string(text)); err != nil {
			return nil, fmt.Errorf("apply %s: %w", manifest.Path, err)
		}
	}
	return bad, nil
}

// Await waits until the nodes of the columns and the control plane are ready and the network works on them, and
// verifies that the nodes are what the columns say.
func (c *Cluster) Await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.manager.timeouts.Ready, fmt.Errorf("not done after %s", c.manager.timeouts.Ready))
	defer cancel()
	if err := c.wait(ctx, "ready nodes and a running network", c.ready); err != nil {
		return err
	}
	if err := c.alive(ctx); err != nil {
		return err
	}
	return c.verify(ctx)
}

// verifyAll says whether the nodes of all columns run now, are ready and are what the columns say.
func (c *Cluster) verifyAll(ctx context.Context) error {
	for _, group := range c.placed.Groups {
		of := c.Of(group)
		if err := of.alive(ctx); err != nil {
			return err
		}
		if now, seen := of.look(ctx, of.ready); !now {
			return fmt.Errorf("not ready: %s", seen)
		}
		if err := of.verify(ctx); err != nil {
			return err
		}
	}
	return nil
}

// alive says whether the daemons of the nodes run now. Kubernetes notices that a node has died only
// after most of a minute.
func (c *Cluster) alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for _, node := range c.Nodes {
		group.Go(func() error {
			_, err := c.NodeExec(ctx, node.Name, nil, "systemctl", "is-active", "kubelet", runtimeUnit(c.column))
			return err
		})
	}
	return group.Wait()
}

// runtimeUnit is the systemd unit of a column's runtime.
func runtimeUnit(c column.Column) string {
	if c.Runtime.Name == column.CRIO {
		return "crio"
	}
	return "containerd"
}

// verify says whether the nodes are what the columns say. That they are ready is not asked once more: a runtime that
// reads its CNI configuration anew is not for a moment.
func (c *Cluster) verify(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	list, err := c.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the nodes: %w", err)
	}
	take(c.Nodes, list.Items)
	for _, node := range c.Nodes {
		i := slices.IndexFunc(list.Items, func(known corev1.Node) bool { return known.Name == node.Name })
		if i < 0 {
			return fmt.Errorf("node %s is not in the cluster", node.Name)
		}
		if err := verifyNode(list.Items[i].Status.NodeInfo, c.column); err != nil {
			return fmt.Errorf("node %s: %w", node.Name, err)
		}
	}
	return nil
}

// verifyNode compares what a node reports of itself with what the column says.
func verifyNode(info corev1.NodeSystemInfo, c column.Column) error {
	name, version, _ := strings.Cut(info.ContainerRuntimeVersion, "://")
	version = strings.TrimPrefix(version, "v")
	if name != c.Runtime.Name || c.Runtime.Version != "" && version != c.Runtime.Version {
		return fmt.Errorf("its container runtime is %s, and the column says %s://%s", info.ContainerRuntimeVersion, c.Runtime.Name, c.Runtime.Version)
	}
	if kubelet := strings.TrimPrefix(info.KubeletVersion, "v"); c.Kubernetes != "" && kubelet != c.Kubernetes {
		return fmt.Errorf("its Kubernetes is %s, and the column says %s", kubelet, c.Kubernetes)
	}
	return nil
}

// take takes over what Kubernetes knows of the nodes.
func take(into []Node, nodes []corev1.Node) {
	for i := range into {
		for _, node := range nodes {
			if node.Name != into[i].Name {
				continue
			}
			into[i].PodCIDR = node.Spec.PodCIDR
			for _, address := range node.Status.Addresses {
				if parsed, err := netip.ParseAddr(address.Address); err == nil && parsed.Is4() && address.Type == corev1.NodeInternalIP {
					into[i].Address = address.Address
				}
			}
		}
	}
}
