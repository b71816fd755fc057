package network

import (
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"assay/framework/policy"
	"assay/framework/probe"
)

// policyTable computes from the objects which agent may connect to which.
func policyTable(namespace corev1.Namespace, pods map[string]*corev1.Pod, policies []networkingv1.NetworkPolicy) (map[string]map[string]bool, error) {
	placed := make([]networkingv1.NetworkPolicy, len(policies))
	for i, p := range policies {
		p.Namespace = namespace.Name
		placed[i] = p
	}
	engine, err := policy.New(map[string]map[string]string{namespace.Name: namespace.Labels}, placed)
	if err != nil {
		return nil, err
	}
	endpoints := make(map[string]policy.Pod, len(pods))
	for name, pod := range pods {
		address, err := netip.ParseAddr(pod.Status.PodIP)
		if err != nil {
			return nil, fmt.Errorf("the address of agent %s: %w", name, err)
		}
		endpoints[name] = policy.Pod{
			Namespace: namespace.Name, Name: pod.Name, Labels: pod.Labels, IPs: []netip.Addr{address},
		}
	}
	return allowedTable(func(from, to string) bool {
		return engine.Allows(endpoints[from], endpoints[to], probe.ServePort, corev1.ProtocolTCP)
	}), nil
}
