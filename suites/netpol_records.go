package suites

import (
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"

	"assay/framework/check"
)

// What the texts leave to the network implementation.
func netpolRecords() []check.Check {
	// Pods of x are isolated for ingress, those of z for egress.
	closed := func(watch check.Watch) *check.Network {
		network := policies(ingressOf(home, "deny-ingress", everyPod()), egressOf("z", "deny-egress", everyPod()))
		network.Watch = watch
		return network
	}
	return []check.Check{
		{
			ID:      "netpol/loopback",
			Level:   check.Info,
			Claim:   "Records whether a pod that is isolated for ingress reaches itself by its own address and by 127.0.0.1.",
			Source:  networkPolicyManual,
			Network: closed(check.WatchLoopback),
		},
		{
			ID:      "netpol/host-network-pod",
			Level:   check.Info,
			Claim:   "Records how isolated pods and a pod in the network of a node reach each other, and whether a policy isolates that pod.",
			Source:  networkPolicyManual + "#networkpolicy-and-hostnetwork-pods",
			Network: on(closed(check.WatchHost), tcp(check.GridPort)),
		},
		{
			ID:      "netpol/established-connection",
			Level:   check.Info,
			Claim:   "Records whether connections that were open before a policy that denies them are cut or kept.",
			Source:  networkPolicyManual + "#what-you-can-t-do-with-network-policies-at-least-not-yet",
			Network: closed(check.WatchEstablished),
		},
		{
			ID:      "netpol/deny-mode",
			Level:   check.Info,
			Claim:   "Records how a denied connection ends: by a TCP reset, by an ICMP message, or without an answer.",
			Source:  networkPolicyManual,
			Network: closed(check.WatchDenials),
		},
	}
}

const (
	manyPods     = 50
	manyPolicies = 200
)

// A lot of policies at once.
func netpolMany() []check.Check {
	return []check.Check{{
		ID:     "netpol/many",
		Level:  check.Should,
		Claim:  fmt.Sprintf("%d policies on %d pods hold like one on a few.", manyPolicies, manyPods),
		Source: networkPolicyManual,
		Network: &check.Network{
			Many: manyPods, Ports: []check.Port{tcp(check.GridPort)},
			Steps: []check.NetworkStep{{Name: fmt.Sprintf("%d policies", manyPolicies), Policies: manyDifferent()}},
		},
	}}
}

// manyDifferent isolates every namespace for ingress, those named z for egress, too, and then opens some of it
// again by policies of all kinds of peers and ports.
func manyDifferent() []networkingv1.NetworkPolicy {
	var names []string
	var list []networkingv1.NetworkPolicy
	for grid := 1; grid <= 5; grid++ {
		for _, name := range []string{"x", "y", "z"} {
			names = append(names, fmt.Sprintf("%s%d", name, grid))
		}
	}
	names = append(names, "w")
	for i, name := range names {
		list = append(list, ingressOf(name, "deny-ingress", everyPod()))
		if i%3 == 2 {
			list = append(list, egressOf(name, "deny-egress", everyPod()))
		}
	}
	pods := []string{"a", "b", "c"}
	for i := 0; len(list) < manyPolicies; i++ {
		name, other := names[i%len(names)], names[(7*i+3)%len(names)]
		pod, peer := pods[i%2], pods[(i/3)%3]
		port := check.GridPort + int32(i%5)/4
		var peers networkingv1.NetworkPolicyPeer
		switch i % 4 {
		case 0:
			peers = podsOf(namespaceNamed(other[:1]), podNamed(peer))
		case 1:
			peers = block("{" + other + "/" + peer + "}/32")
		case 2:
			grid := fmt.Sprint(1 + i%5)
			peers = podsOf(labelled("grid", "In", grid), podNamed(peer))
		case 3:
			peers = block("0.0.0.0/0", "{"+other+"/a}/32", "{"+name+"/b}/32")
		}
		ports := []networkingv1.NetworkPolicyPort{policyPort("TCP", port)}
		title := fmt.Sprintf("open-%d", i)
		if i%3 == 2 && i%len(names)%3 == 2 {
			list = append(list, egressOf(name, title, podNamed(pod), networkingv1.NetworkPolicyEgressRule{To: []networkingv1.NetworkPolicyPeer{peers}, Ports: ports}))
			continue
		}
		list = append(list, ingressOf(name, title, podNamed(pod), networkingv1.NetworkPolicyIngressRule{From: []networkingv1.NetworkPolicyPeer{peers}, Ports: ports}))
	}
	return list
}
