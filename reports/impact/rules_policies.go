package impact

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// policyKind is a group of checks of NetworkPolicy with the policies that they are about.
type policyKind struct {
	checks []string
	is     func(networkingv1.NetworkPolicy) bool
}

func policyKinds() []policyKind {
	any := func(networkingv1.NetworkPolicy) bool { return true }
	egress := func(p networkingv1.NetworkPolicy) bool {
		return len(p.Spec.Egress) > 0 || slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
	}
	ingress := func(p networkingv1.NetworkPolicy) bool {
		return len(p.Spec.PolicyTypes) == 0 || slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress)
	}
	peer := func(matches func(networkingv1.NetworkPolicyPeer) bool) func(networkingv1.NetworkPolicy) bool {
		return func(p networkingv1.NetworkPolicy) bool { return slices.ContainsFunc(peers(p), matches) }
	}
	port := func(matches func(networkingv1.NetworkPolicyPort) bool) func(networkingv1.NetworkPolicy) bool {
		return func(p networkingv1.NetworkPolicy) bool { return slices.ContainsFunc(ports(p), matches) }
	}
	protocol := func(name string) func(networkingv1.NetworkPolicyPort) bool {
		return func(p networkingv1.NetworkPolicyPort) bool { return p.Protocol != nil && string(*p.Protocol) == name }
	}
	expressions := peer(func(p networkingv1.NetworkPolicyPeer) bool {
		return p.PodSelector != nil && len(p.PodSelector.MatchExpressions) > 0 || p.NamespaceSelector != nil && len(p.NamespaceSelector.MatchExpressions) > 0
	})
	return []policyKind{
		{[]string{"netpol/default-deny-ingress", "netpol/allow-all-ingress"}, ingress},
		{[]string{"netpol/default-deny-egress", "netpol/default-deny-both", "netpol/allow-all-egress", "netpol/egress-pod", "netpol/egress-namespace", "netpol/egress-port", "netpol/egress-allow-dns", "netpol/egress-deny-beats-ingress-allow"}, egress},
		{[]string{"netpol/pod-selector", "netpol/pod-label"}, peer(func(p networkingv1.NetworkPolicyPeer) bool { return p.PodSelector != nil })},
		{[]string{"netpol/namespace-selector", "netpol/pod-and-namespace-selector", "netpol/default-namespace-label", "netpol/namespace-label"}, peer(func(p networkingv1.NetworkPolicyPeer) bool { return p.NamespaceSelector != nil })},
		{[]string{"netpol/match-expressions-in", "netpol/match-expressions-not-in", "netpol/match-expressions-exists"}, expressions},
		{[]string{"netpol/ip-block", "netpol/ip-block-except", "netpol/ip-block-overlap", "netpol/egress-ip-block"}, peer(func(p networkingv1.NetworkPolicyPeer) bool { return p.IPBlock != nil })},
		{[]string{"netpol/port-number", "netpol/multiple-ports", "netpol/protocol-only"}, port(func(networkingv1.NetworkPolicyPort) bool { return true })},
		{[]string{"netpol/port-named"}, port(func(p networkingv1.NetworkPolicyPort) bool { return p.Port != nil && p.Port.StrVal != "" })},
		{[]string{"netpol/port-range"}, port(func(p networkingv1.NetworkPolicyPort) bool { return p.EndPort != nil })},
		{[]string{"netpol/udp", "netpol/udp-does-not-open-tcp"}, port(protocol("UDP"))},
		{[]string{"netpol/sctp"}, port(protocol("SCTP"))},
		{[]string{"netpol/or-list", "netpol/stacked-union", "netpol/ingress-and-egress", "netpol/update-policy", "netpol/delete-policy", "netpol/pod-recreated", "netpol/ip-reuse", "netpol/via-service", "netpol/many"}, any},
	}
}

func peers(p networkingv1.NetworkPolicy) []networkingv1.NetworkPolicyPeer {
	var all []networkingv1.NetworkPolicyPeer
	for _, rule := range p.Spec.Ingress {
		all = append(all, rule.From...)
	}
	for _, rule := range p.Spec.Egress {
		all = append(all, rule.To...)
	}
	return all
}

func ports(p networkingv1.NetworkPolicy) []networkingv1.NetworkPolicyPort {
	var all []networkingv1.NetworkPolicyPort
	for _, rule := range p.Spec.Ingress {
		all = append(all, rule.Ports...)
	}
	for _, rule := range p.Spec.Egress {
		all = append(all, rule.Ports...)
	}
	return all
}

func policyRules() []Rule {
	var checks []string
	for _, kind := range policyKinds() {
		checks = append(checks, kind.checks...)
	}
	return []Rule{{ID: "network-policy", Checks: checks, find: selectedByPolicies}}
}

// selectedByPolicies finds workloads that a NetworkPolicy among the manifests selects, of a kind that no
// longer does what it should.
func selectedByPolicies(c *Comparison, w *Workload) []Finding {
	var findings []Finding
	for _, policy := range c.manifests.Policies {
		if policy.Namespace != w.Namespace || w.Spec.HostNetwork || !selects(policy.Spec.PodSelector, w.Meta.Labels) {
			continue
		}
		for _, kind := range policyKinds() {
			if !kind.is(policy) {
				continue
			}
			for _, check := range kind.checks {
				if change, differs := c.Change(check); differs && change.Worse() {
					name := strings.TrimPrefix(w.Prefix+"metadata.labels", ".")
					findings = append(findings, change.failing(MayBreak, name,
						fmt.Sprintf("is selected by NetworkPolicy %s; such policies no longer hold as they should. Check who reaches it, and what it reaches.", policy.Name),
						"use a network plugin that implements the policy, and test it"))
				}
			}
		}
	}
	return findings
}

func selects(selector metav1.LabelSelector, of map[string]string) bool {
	parsed, err := metav1.LabelSelectorAsSelector(&selector)
	return err == nil && parsed.Matches(labels.Set(of))
}
