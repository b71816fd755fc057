package suites

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"assay/framework/check"
)

// The policies of most checks isolate namespace x. Those of the grid's other namespaces show what they leave
// alone.
const home = "x"

// ingressOf is a policy for incoming connections of the pods of a namespace that selector selects.
func ingressOf(namespace, name string, selector metav1.LabelSelector, rules ...networkingv1.NetworkPolicyIngressRule) networkingv1.NetworkPolicy {
	return networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: selector, Ingress: rules, PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
		},
	}
}

// egressOf is a policy for outgoing connections.
func egressOf(namespace, name string, selector metav1.LabelSelector, rules ...networkingv1.NetworkPolicyEgressRule) networkingv1.NetworkPolicy {
	return networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: selector, Egress: rules, PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeEgress},
		},
	}
}

// everyPod selects all pods, or all namespaces.
func everyPod() metav1.LabelSelector { return metav1.LabelSelector{} }

// podNamed selects the pods of that name in the grid.
func podNamed(name string) metav1.LabelSelector {
	return metav1.LabelSelector{MatchLabels: map[string]string{"pod": name}}
}

func namespaceNamed(name string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"ns": name}}
}

func labelled(key string, operator metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
}

func from(peers ...networkingv1.NetworkPolicyPeer) networkingv1.NetworkPolicyIngressRule {
	return networkingv1.NetworkPolicyIngressRule{From: peers}
}

func to(peers ...networkingv1.NetworkPolicyPeer) networkingv1.NetworkPolicyEgressRule {
	return networkingv1.NetworkPolicyEgressRule{To: peers}
}

func pods(selector metav1.LabelSelector) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{PodSelector: &selector}
}

func namespaces(selector *metav1.LabelSelector) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{NamespaceSelector: selector}
}

func podsOf(namespaces *metav1.LabelSelector, selector metav1.LabelSelector) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{NamespaceSelector: namespaces, PodSelector: &selector}
}

func block(cidr string, except ...string) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: cidr, Except: except}}
}

func policyPort(protocol corev1.Protocol, number int32) networkingv1.NetworkPolicyPort {
	return networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: new(intstr.FromInt32(number))}
}

func policyPortNamed(protocol corev1.Protocol, name string) networkingv1.NetworkPolicyPort {
	return networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: new(intstr.FromString(name))}
}

// policies is a network whose one step is these policies.
func policies(list ...networkingv1.NetworkPolicy) *check.Network {
	return &check.Network{Steps: []check.NetworkStep{{Name: "with the policies", Policies: list}}}
}

// on is a network with other ports than the usual ones.
func on(network *check.Network, ports ...check.Port) *check.Network {
	network.Ports = ports
	return network
}

func tcp(number int32) check.Port {
	return check.Port{Protocol: corev1.ProtocolTCP, Number: number}
}

func udp(number int32) check.Port {
	return check.Port{Protocol: corev1.ProtocolUDP, Number: number}
}

func netpol() []check.Check {
	both := ingressOf(home, "deny-both", everyPod())
	both.Spec.PolicyTypes = append(both.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
	return []check.Check{
		{
			ID:      "netpol/default-deny-ingress",
			Level:   check.Must,
			Claim:   "A policy that selects all pods and has no ingress rule closes every connection into them.",
			Source:  networkPolicyManual + "#default-deny-all-ingress-traffic",
			Network: policies(ingressOf(home, "deny-ingress", everyPod())),
		},
		{
			ID:      "netpol/default-deny-egress",
			Level:   check.Must,
			Claim:   "A policy for egress that selects all pods and has no egress rule closes every connection out of them.",
			Source:  networkPolicyManual + "#default-deny-all-egress-traffic",
			Network: policies(egressOf(home, "deny-egress", everyPod())),
		},
		{
			ID:      "netpol/default-deny-both",
			Level:   check.Must,
			Claim:   "A policy of both types without rules closes every connection into the pods and out of them.",
			Source:  networkPolicyManual + "#default-deny-all-ingress-and-all-egress-traffic",
			Network: policies(both),
		},
		{
			ID:     "netpol/allow-all-ingress",
			Level:  check.Must,
			Claim:  "An empty ingress rule opens every connection into the pods again, whatever other policies close.",
			Source: networkPolicyManual + "#allow-all-ingress-traffic",
			Network: &check.Network{Steps: []check.NetworkStep{
				{Name: "closed", Policies: []networkingv1.NetworkPolicy{ingressOf(home, "deny-ingress", everyPod())}},
				{Name: "opened", Policies: []networkingv1.NetworkPolicy{
					ingressOf(home, "deny-ingress", everyPod()), ingressOf(home, "allow-ingress", everyPod(), from()),
				}},
			}},
		},
		{
			ID:     "netpol/allow-all-egress",
			Level:  check.Must,
			Claim:  "An empty egress rule opens every connection out of the pods again, whatever other policies close.",
			Source: networkPolicyManual + "#allow-all-egress-traffic",
			Network: &check.Network{Steps: []check.NetworkStep{
				{Name: "closed", Policies: []networkingv1.NetworkPolicy{egressOf(home, "deny-egress", everyPod())}},
				{Name: "opened", Policies: []networkingv1.NetworkPolicy{
					egressOf(home, "deny-egress", everyPod()), egressOf(home, "allow-egress", everyPod(), to()),
				}},
			}},
		},
		{
			ID:      "netpol/stacked-union",
			Level:   check.Must,
			Claim:   "What policies of the same pods allow adds up, and none takes away what another allows.",
			Source:  networkPolicyManual + "#the-two-sorts-of-pod-isolation",
			Network: policies(ingressOf(home, "nobody", everyPod()), ingressOf(home, "y-alone", everyPod(), from(namespaces(namespaceNamed("y")))), ingressOf(home, "b-alone", everyPod(), from(podsOf(&metav1.LabelSelector{}, podNamed("b"))))),
		},
		{
			ID:     "netpol/ingress-and-egress",
			Level:  check.Must,
			Claim:  "A connection is made when the egress policies of the one pod and the ingress policies of the other both allow it.",
			Source: networkPolicyManual + "#the-two-sorts-of-pod-isolation",
			Network: policies(
				egressOf(home, "out", everyPod(), to(podsOf(&metav1.LabelSelector{}, *labelled("pod", metav1.LabelSelectorOpIn, "a", "b")))),
				ingressOf("y", "in", everyPod(), from(podsOf(&metav1.LabelSelector{}, *labelled("pod", metav1.LabelSelectorOpIn, "b", "c")))),
			),
		},
		{
			ID:     "netpol/egress-deny-beats-ingress-allow",
			Level:  check.Must,
			Claim:  "A pod whose egress is closed reaches nobody, although others allow connections from it.",
			Source: networkPolicyManual + "#the-two-sorts-of-pod-isolation",
			Network: policies(
				egressOf(home, "out", everyPod()),
				ingressOf("y", "in", everyPod(), from(namespaces(namespaceNamed(home)))),
				ingressOf("z", "in", everyPod(), from()),
			),
		},
	}
}
