package runner

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/framework/workload"
)

// peers are long-lived pods, one a node, for probes that need a pod on another node.
type peers struct {
	*gatherer
	// refused is why the owners of the cluster do not allow them.
	refused error
}

// errOneNode says that there is no other node.
var errOneNode = errors.New("the column has one node, a pod on another node cannot be had")

func newPeers(g *gatherer) *peers { return &peers{gatherer: g} }

func (p *peers) name(index int) string { return fmt.Sprintf("peer-%d", index+1) }

func (p *peers) submit(ctx context.Context) error {
	for i, node := range p.to.Nodes {
		pod := workload.Server(p.to, p.namespace, p.name(i), node.Name)
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

// address waits for a peer on another node than the given one, and returns its address.
func (p *peers) address(ctx context.Context, node string) (string, error) {
	if len(p.to.Nodes) < 2 {
		return "", errOneNode
	}
	if p.refused != nil {
		return "", p.refused
	}
	index := 0
	for i, n := range p.to.Nodes {
		if n.Name == node {
			index = (i + 1) % len(p.to.Nodes)
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
		return "", fmt.Errorf("the peer on another node does not run: %s", p.lastSeen(ctx, name, known.pod))
	}
	return known.pod.Status.PodIP, nil
}
