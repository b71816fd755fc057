package suites

import (
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/framework/check"
)

// agent selects the agent of that name.
func agent(name string) metav1.LabelSelector {
	return metav1.LabelSelector{MatchLabels: map[string]string{"pod": name}}
}

func netpol() []check.Check {
	fromB := agent("b")
	return []check.Check{
		{
			ID:     "netpol/default-deny-ingress",
			Level:  check.Must,
			Claim:  "A policy that selects all pods and has no ingress rule closes every connection into them.",
			Source: networkPolicyManual + "#default-deny-all-ingress-traffic",
			Network: &check.Network{Policies: []networkingv1.NetworkPolicy{{
				ObjectMeta: metav1.ObjectMeta{Name: "default-deny-ingress"},
				Spec:       networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}},
			}}},
		},
		{
			ID:     "netpol/pod-selector",
			Level:  check.Must,
			Claim:  "A peer with a podSelector lets in the pods of the policy's namespace that it selects, and nobody else.",
			Source: networkPolicyManual + "#behavior-of-to-and-from-selectors",
			Network: &check.Network{Policies: []networkingv1.NetworkPolicy{{
				ObjectMeta: metav1.ObjectMeta{Name: "a-from-b"},
				Spec: networkingv1.NetworkPolicySpec{
					PodSelector: agent("a"),
					PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
					Ingress: []networkingv1.NetworkPolicyIngressRule{{
						From: []networkingv1.NetworkPolicyPeer{{PodSelector: &fromB}},
					}},
				},
			}}},
		},
	}
}
