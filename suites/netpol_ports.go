package suites

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"assay/framework/check"
)

// Which ports the rules of a policy mean.
func netpolPorts() []check.Check {
	const first, second, third, last = check.GridPort, check.GridPort + 1, check.GridPort + 2, check.GridPortEnd
	ingress := func(ports ...networkingv1.NetworkPolicyPort) *check.Network {
		return policies(ingressOf(home, "in", everyPod(), networkingv1.NetworkPolicyIngressRule{Ports: ports}))
	}
	egress := func(ports ...networkingv1.NetworkPolicyPort) *check.Network {
		return policies(egressOf(home, "out", everyPod(), networkingv1.NetworkPolicyEgressRule{Ports: ports}))
	}
	ports := policyPort(corev1.ProtocolTCP, second)
	ports.EndPort = new(third)
	onlyUDP := networkingv1.NetworkPolicyPort{Protocol: new(corev1.ProtocolUDP)}
	fromY := networkingv1.NetworkPolicyIngressRule{
		From:  []networkingv1.NetworkPolicyPeer{namespaces(namespaceNamed("y"))},
		Ports: []networkingv1.NetworkPolicyPort{policyPort(corev1.ProtocolUDP, first)},
	}
	named := on(ingress(policyPortNamed(corev1.ProtocolTCP, check.PortNameFirst), policyPortNamed(corev1.ProtocolUDP, check.PortNameUDP)), tcp(first), tcp(second), udp(first))
	// A network that takes one number for the name keeps a connection open that is waited for.
	named.Slow = true
	sctp := func(number int32) check.Port { return check.Port{Protocol: corev1.ProtocolSCTP, Number: number} }
	return []check.Check{
		{
			ID:      "netpol/port-number",
			Level:   check.Must,
			Claim:   "A rule with a port opens that port of its protocol and no other.",
			Source:  networkPolicyManual,
			Network: ingress(policyPort(corev1.ProtocolTCP, second)),
		},
		{
			ID:      "netpol/port-named",
			Level:   check.Must,
			Claim:   "A port given by name means, of each pod that serves, the port to which that pod gives the name.",
			Source:  networkPolicyReference,
			Network: named,
		},
		{
			ID:      "netpol/port-range",
			Level:   check.Must,
			Claim:   "A rule with port and endPort opens the ports from the one to the other, both included.",
			Source:  networkPolicyManual + "#targeting-a-range-of-ports",
			Network: on(ingress(ports), tcp(first), tcp(second), tcp(third), tcp(last)),
		},
		{
			ID:      "netpol/protocol-only",
			Level:   check.Must,
			Claim:   "A rule with a protocol and no port opens all ports of the protocol and none of another.",
			Source:  networkPolicyReference,
			Network: on(ingress(onlyUDP), tcp(first), udp(first), udp(second)),
		},
		{
			ID:      "netpol/multiple-ports",
			Level:   check.Must,
			Claim:   "A rule with several ports opens each of them.",
			Source:  networkPolicyReference,
			Network: on(ingress(policyPort(corev1.ProtocolTCP, first), policyPort(corev1.ProtocolTCP, third), policyPort(corev1.ProtocolUDP, second)), tcp(first), tcp(second), tcp(third), udp(first), udp(second)),
		},
		{
			ID:      "netpol/egress-port",
			Level:   check.Must,
			Claim:   "An egress rule with ports lets out to those ports only.",
			Source:  networkPolicyReference,
			Network: on(egress(policyPort(corev1.ProtocolTCP, second), policyPort(corev1.ProtocolUDP, first)), tcp(first), tcp(second), udp(first), udp(second)),
		},
		{
			ID:      "netpol/egress-allow-dns",
			Level:   check.Must,
			Claim:   "Pods whose egress is closed but for port 53 reach it by UDP and TCP, and nothing else.",
			Source:  networkPolicyManual + "#default-deny-all-egress-traffic",
			Network: on(egress(policyPort(corev1.ProtocolUDP, check.DNSPort), policyPort(corev1.ProtocolTCP, check.DNSPort)), udp(check.DNSPort), tcp(check.DNSPort), tcp(first)),
		},
		{
			ID:      "netpol/udp",
			Level:   check.Must,
			Claim:   "Policies hold for UDP as for TCP: a rule opens a UDP port to its peers, and it is closed to the others.",
			Source:  networkPolicyManual,
			Network: on(policies(ingressOf(home, "in", everyPod(), fromY)), udp(first), udp(second)),
		},
		{
			ID:      "netpol/udp-does-not-open-tcp",
			Level:   check.Must,
			Claim:   "A rule for a UDP port leaves the TCP port of the same number closed.",
			Source:  networkPolicyReference,
			Network: on(ingress(policyPort(corev1.ProtocolUDP, first)), udp(first), tcp(first)),
		},
		{
			ID:      "netpol/sctp",
			Level:   check.Must,
			Claim:   "Policies hold for SCTP as for TCP: a rule opens an SCTP port, and the others are closed.",
			Source:  networkPolicyReference,
			Network: on(ingress(policyPort(corev1.ProtocolSCTP, first)), sctp(first), sctp(second)),
		},
		{
			ID:     "netpol/via-service",
			Level:  check.Must,
			Claim:  "Policies hold for connections through a ClusterIP as for those to the pod's address, and for the pod's ports.",
			Source: networkPolicyManual,
			Network: &check.Network{View: check.ViewServices, Steps: []check.NetworkStep{{
				Name: "with the policies",
				Policies: []networkingv1.NetworkPolicy{
					ingressOf(home, "in", everyPod(), networkingv1.NetworkPolicyIngressRule{
						From:  []networkingv1.NetworkPolicyPeer{namespaces(namespaceNamed("y")), pods(podNamed("b"))},
						Ports: []networkingv1.NetworkPolicyPort{policyPort(corev1.ProtocolTCP, first), policyPort(corev1.ProtocolUDP, first)},
					}),
					egressOf("z", "out", everyPod(), networkingv1.NetworkPolicyEgressRule{
						To:    []networkingv1.NetworkPolicyPeer{namespaces(namespaceNamed("y"))},
						Ports: []networkingv1.NetworkPolicyPort{policyPort(corev1.ProtocolTCP, second)},
					}),
				},
			}}},
		},
	}
}
