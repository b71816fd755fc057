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
)

// requestTimeout bounds one request of the waits: the API server of a node that died does not answer
// and does not refuse either.
const requestTimeout = 15 * time.Second

// Cluster is a running cluster of a column.
type Cluster struct {
	Record
	// Nodes are the control plane and the worker, in this order.
	Nodes []Node
	// Kubeconfig is what kubectl needs; nothing of it is in the user's own.
	Kubeconfig []byte
	// Config has limits that do not slow down a suite.
	Config *rest.Config
	Client kubernetes.Interface

	manager *Manager
	column  column.Column
}

// Node is a node of a cluster.
type Node struct {
	// Name is the name of the Kubernetes node, of the engine's container, and the host name.
	Name string `json:"name"`
	// ControlPlane says whether it is the control plane; it runs pods like the other.
	ControlPlane bool `json:"controlPlane"`
	// Address is its address in the engine's network.
	Address string `json:"address"`
	// PodCIDR is where its pods' addresses come from.
	PodCIDR string `json:"podCIDR"`
}

// open makes the clients of a cluster that kind has made.
func (m *Manager) open(ctx context.Context, record Record, c column.Column) (*Cluster, error) {
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
	cluster := &Cluster{Record: record, Kubeconfig: kubeconfig, Config: config, Client: client, manager: m, column: c}
	names, err := m.containers(ctx, record.Name)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		cluster.Nodes = append(cluster.Nodes, Node{Name: name, ControlPlane: strings.HasSuffix(name, "-control-plane")})
	}
	slices.SortFunc(cluster.Nodes, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	return cluster, nil
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

// prepare makes the network and waits until the nodes are ready, the network works and the nodes are
// verified to be what the column says.
func (c *Cluster) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.manager.timeouts.Ready, fmt.Errorf("not done after %s", c.manager.timeouts.Ready))
	defer cancel()
	if err := c.wait(ctx, "an address and a pod subnet on each node", c.addressed); err != nil {
		return err
	}
	if err := c.applyNetwork(ctx); err != nil {
		return err
	}
	for _, manifest := range c.column.Manifests {
		text, err := os.ReadFile(manifest.Path)
		if err != nil {
			return err
		}
		if err := c.apply(ctx, string(text)); err != nil {
			return fmt.Errorf("apply %s: %w", manifest.Path, err)
		}
	}
	if err := c.wait(ctx, "ready nodes and a running network", c.ready); err != nil {
		return err
	}
	return c.verify(ctx)
}

// alive says whether the daemons of all nodes run now. Kubernetes notices that a node has died only
// after most of a minute.
func (c *Cluster) alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	runtime := "containerd"
	if c.column.Runtime.Name == column.CRIO {
		runtime = "crio"
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, node := range c.Nodes {
		group.Go(func() error {
			_, err := c.NodeExec(ctx, node.Name, nil, "systemctl", "is-active", "kubelet", runtime)
			return err
		})
	}
	return group.Wait()
}

// verify says whether all nodes run, are ready and are what the column says.
func (c *Cluster) verify(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	list, err := c.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the nodes: %w", err)
	}
	if len(list.Items) != len(c.Nodes) || len(c.Nodes) == 0 {
		return fmt.Errorf("the cluster has %d nodes, and the engine has %d", len(list.Items), len(c.Nodes))
	}
	c.take(list.Items)
	for _, node := range list.Items {
		if !nodeReady(node) {
			return fmt.Errorf("node %s is not ready: %s", node.Name, conditions(node))
		}
		if err := verifyNode(node.Status.NodeInfo, c.column); err != nil {
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
func (c *Cluster) take(nodes []corev1.Node) {
	for i := range c.Nodes {
		for _, node := range nodes {
			if node.Name != c.Nodes[i].Name {
				continue
			}
			c.Nodes[i].PodCIDR = node.Spec.PodCIDR
			for _, address := range node.Status.Addresses {
				if parsed, err := netip.ParseAddr(address.Address); err == nil && parsed.Is4() && address.Type == corev1.NodeInternalIP {
					c.Nodes[i].Address = address.Address
				}
			}
		}
	}
}
