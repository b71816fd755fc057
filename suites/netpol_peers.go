package suites

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/framework/check"
)

// Whom the rules of a policy mean.
func netpolPeers() []check.Check {
	ingress := func(peers ...networkingv1.NetworkPolicyPeer) *check.Network {
		return policies(ingressOf(home, "in", everyPod(), from(peers...)))
	}
	egress := func(peers ...networkingv1.NetworkPolicyPeer) *check.Network {
		return policies(egressOf(home, "out", everyPod(), to(peers...)))
	}
	exists := ingress(namespaces(labelled("team", metav1.LabelSelectorOpExists)), pods(*labelled("role", metav1.LabelSelectorOpExists)))
	exists.Steps[0].NamespaceLabels = map[string]map[string]string{"z": {"team": ""}}
	exists.Steps[0].PodLabels = map[string]map[string]string{home + "/b": {"role": "client"}, "y/b": {"role": "client"}}
	exists.Steps[0].Policies = append(exists.Steps[0].Policies,
		ingressOf("y", "unmarked-alone", *labelled("role", metav1.LabelSelectorOpDoesNotExist)))
	return []check.Check{
		{
			ID:      "netpol/pod-selector",
			Level:   check.Must,
			Claim:   "A peer with a podSelector means the pods of the policy's namespace that it selects, and nobody else.",
			Source:  peerManual,
			Network: policies(ingressOf(home, "a-from-b", podNamed("a"), from(pods(podNamed("b"))))),
		},
		{
			ID:      "netpol/namespace-selector",
			Level:   check.Must,
			Claim:   "A peer with a namespaceSelector means all pods of the namespaces that it selects.",
			Source:  peerManual,
			Network: ingress(namespaces(namespaceNamed("y"))),
		},
		{
			ID:      "netpol/pod-and-namespace-selector",
			Level:   check.Must,
			Claim:   "A peer with both selectors means the pods that the one selects in the namespaces that the other selects.",
			Source:  peerManual,
			Network: ingress(podsOf(namespaceNamed("y"), podNamed("b"))),
		},
		{
			ID:      "netpol/or-list",
			Level:   check.Must,
			Claim:   "Two peers of a rule, one with either selector, mean the pods of both.",
			Source:  peerManual,
			Network: ingress(namespaces(namespaceNamed("y")), pods(podNamed("b"))),
		},
		{
			ID:     "netpol/match-expressions-in",
			Level:  check.Must,
			Claim:  "The operator In selects pods and namespaces whose label has one of the values.",
			Source: selectorManual,
			Network: ingress(podsOf(
				labelled("ns", metav1.LabelSelectorOpIn, home, "z"), *labelled("pod", metav1.LabelSelectorOpIn, "a", "c"),
			)),
		},
		{
			ID:     "netpol/match-expressions-not-in",
			Level:  check.Must,
			Claim:  "The operator NotIn selects pods and namespaces whose label has none of the values.",
			Source: selectorManual,
			Network: policies(ingressOf(home, "in", *labelled("pod", metav1.LabelSelectorOpNotIn, "c"), from(podsOf(
				labelled("ns", metav1.LabelSelectorOpNotIn, home, "z"), *labelled("pod", metav1.LabelSelectorOpNotIn, "b"),
			)))),
		},
		{
			ID:      "netpol/match-expressions-exists",
			Level:   check.Must,
			Claim:   "The operators Exists and DoesNotExist select pods and namespaces that have a label of any value, or have none.",
			Source:  selectorManual,
			Network: exists,
		},
		{
			ID:     "netpol/default-namespace-label",
			Level:  check.Must,
			Claim:  "A namespace is selected by its name through the label kubernetes.io/metadata.name, which every namespace has.",
			Source: networkPolicyManual + "#targeting-a-namespace-by-its-name",
			Network: ingress(
				namespaces(&metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: "z"}}),
				podsOf(labelled(corev1.LabelMetadataName, metav1.LabelSelectorOpIn, "y"), podNamed("a")),
			),
		},
		{
			ID:      "netpol/ip-block",
			Level:   check.Must,
			Claim:   "A peer with an ipBlock means the addresses of the block, those of pods included.",
			Source:  peerManual,
			Network: ingress(block("{y/a}/32"), block("{z/b}/32")),
		},
		{
			ID:      "netpol/ip-block-except",
			Level:   check.Must,
			Claim:   "The blocks of except are taken out of an ipBlock.",
			Source:  peerManual,
			Network: ingress(block("0.0.0.0/0", "{y/a}/32", "{z/b}/32", "{x/c}/32")),
		},
		{
			ID:      "netpol/ip-block-overlap",
			Level:   check.Must,
			Claim:   "An address that the except of one block takes out is allowed where it is in another block.",
			Source:  networkPolicyReference,
			Network: ingress(block("0.0.0.0/0", "{y/a}/32", "{z/b}/32"), block("{y/a}/32")),
		},
		{
			ID:      "netpol/egress-pod",
			Level:   check.Must,
			Claim:   "An egress rule with a podSelector lets out to the pods of the policy's namespace that it selects, and to nobody else.",
			Source:  peerManual,
			Network: policies(egressOf(home, "a-to-b", podNamed("a"), to(pods(podNamed("b"))))),
		},
		{
			ID:      "netpol/egress-namespace",
			Level:   check.Must,
			Claim:   "An egress rule with a namespaceSelector lets out to the namespaces that it selects, with a podSelector to those pods of them.",
			Source:  peerManual,
			Network: egress(namespaces(namespaceNamed("y")), podsOf(namespaceNamed("z"), podNamed("c"))),
		},
		{
			ID:      "netpol/egress-ip-block",
			Level:   check.Must,
			Claim:   "An egress rule with an ipBlock lets out to the addresses of the block without its except.",
			Source:  peerManual,
			Network: egress(block("{y/a}/32"), block("{z/b}/20", "{z/b}/32", "{y/b}/32")),
		},
	}
}

const (
	peerManual             = networkPolicyManual + "#behavior-of-to-and-from-selectors"
	selectorManual         = "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#resources-that-support-set-based-requirements"
	networkPolicyReference = "https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/#NetworkPolicySpec"
)
