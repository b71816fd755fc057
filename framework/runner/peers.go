package runner

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/framework/target"
	"assay/framework/workload"
)

// peers are long-lived pods, one a node, for probes that need a pod on another node. Where the column has one node,
// that is another column's of the cluster, or else there is a peer beside the probe: what probes make of it is about
// their own rights, and not about the way there.
type peers struct {
	*gatherer
	nodes []target.Node
	// refused is why the owners of the cluster do not allow them.
	refused error
}

func newPeers(g *gatherer) *peers {
	p := &peers{gatherer: g, nodes: g.to.Nodes}
	if len(p.nodes) == 1 && len(g.to.Others) > 0 {
		p.nodes = []target.Node{g.to.Nodes[0], g.to.Others[0]}
	}
	return p
}

func (p *peers) name(index int) string { return fmt.Sprintf("peer-%d", index+1) }

func (p *peers) submit(ctx context.Context) error {
	for i, node := range p.nodes {
		pod := workload.Server(p.to, p.namespace, p.name(i), node.Name)
		if i >= len(p.to.Nodes) {
			// The class is of the column's nodes.
			pod.Spec.RuntimeClassName = nil
		}
		_, err := p.to.Client.CoreV1().Pods(p.namespace).Create(ctx, pod, metav1.CreateOptions{})
		if p.to.Forbids(err) != "" {
			p.refused = err
			return nil
		}
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create pod %s: %w", pod.Name, err)
		}
	}
	return nil
}

// address waits for a peer, on another node than the given one where there is one, and returns its address.
func (p *peers) address(ctx context.Context, node string) (string, error) {
	if p.refused != nil {
		return "", p.refused
	}
	index := 0
	for i, n := range p.nodes {
		if n.Name == node {
			index = (i + 1) % len(p.nodes)
		}
	}
	waiting, cancel := context.WithTimeout(ctx, p.options.Timeouts.Pod)
	defer cancel()
	name := p.name(index)
	known, err := p.watch.until(waiting, name, func(s seen) bool {
		pod := s.pod
		return pod.Status.PodIP != "" && len(pod.Status.ContainerStatuses) > 0 && pod.Status.ContainerStatuses[0].State.Running != nil
	})
	if err != nil {
		return "", fmt.Errorf("the peer does not run: %s", p.lastSeen(ctx, name, known.pod))
	}
	return known.pod.Status.PodIP, nil
}
