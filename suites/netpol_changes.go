package suites

import (
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/framework/check"
)

// What changes while policies are in force.
func netpolChanges() []check.Check {
	list := func(list ...networkingv1.NetworkPolicy) []networkingv1.NetworkPolicy { return list }
	fromNamespace := func(name string) []networkingv1.NetworkPolicy {
		return list(ingressOf(home, "in", everyPod(), from(namespaces(namespaceNamed(name)))))
	}
	clients := list(ingressOf(home, "in", everyPod(), from(podsOf(&metav1.LabelSelector{}, *labelled("role", metav1.LabelSelectorOpIn, "client")))))
	teams := list(ingressOf(home, "in", everyPod(), from(namespaces(&metav1.LabelSelector{MatchLabels: map[string]string{"team": "blue"}}))))
	client := map[string]map[string]string{"y/b": {"role": "client"}}
	aFromB := list(ingressOf(home, "in", podNamed("a"), from(podsOf(&metav1.LabelSelector{}, podNamed("b")))))
	return []check.Check{
		{
			ID:     "netpol/update-policy",
			Level:  check.Must,
			Claim:  "A policy that is changed holds as it is then.",
			Source: networkPolicyManual,
			Network: &check.Network{Steps: []check.NetworkStep{
				{Name: "open to y", Policies: fromNamespace("y")}, {Name: "open to z instead", Policies: fromNamespace("z")},
			}},
		},
		{
			ID:     "netpol/delete-policy",
			Level:  check.Must,
			Claim:  "A policy that is deleted holds no longer.",
			Source: networkPolicyManual,
			Network: &check.Network{Steps: []check.NetworkStep{
				{Name: "closed", Policies: list(ingressOf(home, "deny", everyPod()), egressOf(home, "deny-egress", podNamed("a")))},
				{Name: "one deleted", Policies: list(egressOf(home, "deny-egress", podNamed("a")))},
				{Name: "both deleted"},
			}},
		},
		{
			ID:     "netpol/pod-label",
			Level:  check.Must,
			Claim:  "A running pod that gets or loses a label is selected accordingly.",
			Source: networkPolicyManual,
			Network: &check.Network{Steps: []check.NetworkStep{
				{Name: "no pod has the label", Policies: clients},
				{Name: "one has it", Policies: clients, PodLabels: client},
				{Name: "none has it any more", Policies: clients},
			}},
		},
		{
			ID:     "netpol/namespace-label",
			Level:  check.Must,
			Claim:  "A namespace that gets or loses a label is selected accordingly, with the pods that run in it.",
			Source: networkPolicyManual,
			Network: &check.Network{Steps: []check.NetworkStep{
				{Name: "no namespace has the label", Policies: teams},
				{Name: "one has it", Policies: teams, NamespaceLabels: map[string]map[string]string{"y": {"team": "blue"}}},
				{Name: "it has another value", Policies: teams, NamespaceLabels: map[string]map[string]string{"y": {"team": "red"}}},
			}},
		},
		{
			ID:     "netpol/pod-recreated",
			Level:  check.Must,
			Claim:  "Pods that are made anew under a policy are isolated and let in like those before them.",
			Source: networkPolicyManual + "#pod-lifecycle",
			Network: &check.Network{Steps: []check.NetworkStep{
				{Name: "the first pods", Policies: aFromB},
				{Name: "the pods after them", Policies: aFromB, Recreate: []string{home + "/a", "y/b"}},
			}},
		},
		{
			ID:     "netpol/ip-reuse",
			Level:  check.Must,
			Claim:  "A pod that gets the address of one that is gone does not get what policies allowed that one.",
			Source: networkPolicyManual + "#pod-lifecycle",
			Network: &check.Network{Steps: []check.NetworkStep{
				{Name: "the pod that may connect", Policies: clients, PodLabels: client},
				{Name: "another pod at its address", Policies: clients, Recreate: []string{"y/b"}, SameAddress: true},
			}},
		},
	}
}
