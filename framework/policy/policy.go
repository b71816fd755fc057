// Package policy computes what NetworkPolicies allow: given pods, namespaces and policies, which pod may
// connect to which pod, port and protocol. It is pure; the expectation of every NetworkPolicy check
// comes from it, so that nobody writes a truth table by hand.
//
// Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/ and the API
// reference https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
package policy

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Pod is a pod as a NetworkPolicy sees it.
type Pod struct {
	Namespace string
	Name      string
	Labels    map[string]string
	// IPs are the pod's addresses. Others connect to the first one; it connects from its first one of
	// the other pod's family.
	IPs []netip.Addr
	// Ports are the ports of its containers; only their names matter, an unlisted port is no less open.
	Ports []Port
	// Node is where the pod runs; empty where that does not matter.
	Node string
	// HostNetwork says that the pod is in its node's network and has the node's addresses. Policies do not isolate
	// it and their selectors do not mean it; to others it is what its addresses are. What an implementation makes
	// of it is its own business, for the documentation leaves it undefined.
	HostNetwork bool
}

// Port is a port of a pod.
type Port struct {
	// Name is the name in the container's ports; empty for none.
	Name     string
	Number   int32
	Protocol corev1.Protocol
}

// PodName names a pod in its namespace.
type PodName struct{ Namespace, Name string }

// Flow is a connection of one pod to a port of another.
type Flow struct {
	From, To PodName
	Number   int32
	Protocol corev1.Protocol
}

// Table says of every flow whether the policies allow it.
type Table map[Flow]bool

// Engine answers for one set of policies.
type Engine struct {
	namespaces map[string]labels.Set
	policies   []policy
	fault      Fault
}

// New compiles policies. Namespaces are the labels of each namespace by its name; one that is missing
// has no labels. The error says which policy the API server would not have accepted, and why.
func New(namespaces map[string]map[string]string, policies []networkingv1.NetworkPolicy) (*Engine, error) {
	e := &Engine{namespaces: make(map[string]labels.Set, len(namespaces))}
	for name, set := range namespaces {
		e.namespaces[name] = set
	}
	for _, object := range policies {
		compiled, err := compile(object)
		if err != nil {
			return nil, fmt.Errorf("NetworkPolicy %s/%s: %w", object.Namespace, object.Name, err)
		}
		e.policies = append(e.policies, compiled)
	}
	return e, nil
}

// Table answers for every pod of pods to every other one and every port of ports. A pod's connection
// to itself is left out: a pod cannot block access to itself, and what implementations make of a
// policy there differs.
func (e *Engine) Table(pods []Pod, ports []Port) Table {
	table := make(Table, len(pods)*len(pods)*len(ports))
	for _, from := range pods {
		for _, to := range pods {
			if from.key() == to.key() {
				continue
			}
			for _, port := range ports {
				flow := Flow{From: from.key(), To: to.key(), Number: port.Number, Protocol: port.Protocol}
				table[flow] = e.Allows(from, to, port.Number, port.Protocol)
			}
		}
	}
	return table
}

// Allows says whether from may connect to a port of to. Both ends have to allow it: the policies that
// isolate from for egress, and the policies that isolate to for ingress. A pod may always connect to
// itself, and a node and the pods on it to each other.
// Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/#networkpolicy-and-hostnetwork-pods
func (e *Engine) Allows(from, to Pod, number int32, protocol corev1.Protocol) bool {
	if from.key() == to.key() || from.Node == to.Node && (from.HostNetwork || to.HostNetwork) {
		return true
	}
	c := connection{from: e.endpoint(from), to: e.endpoint(to), number: number, protocol: protocolOf(protocol)}
	if len(to.IPs) > 0 {
		c.to.address = to.IPs[0].Unmap()
		c.from.address = ofFamily(from.IPs, c.to.address)
	}
	return e.openFor(networkingv1.PolicyTypeEgress, c.from, c.to, c) &&
		e.openFor(networkingv1.PolicyTypeIngress, c.to, c.from, c)
}

// openFor says whether a direction is open at one end: either no policy isolates the pod there, or one
// of those that do has a rule for the other end. Policies add up and never contradict each other.
func (e *Engine) openFor(direction networkingv1.PolicyType, pod, other endpoint, c connection) bool {
	if e.fault == EgressIgnored && direction == networkingv1.PolicyTypeEgress {
		return true
	}
	isolated, all := false, true
	for _, p := range e.policies {
		if !p.isolates(direction, pod) {
			continue
		}
		allowed := slices.ContainsFunc(p.rules[direction], func(r rule) bool { return r.allows(e.fault, p.namespace, other, c) })
		if allowed && e.fault != UnionAsIntersection {
			return true
		}
		isolated, all = true, all && allowed
	}
	return !isolated || e.fault == UnionAsIntersection && all
}

func (e *Engine) endpoint(p Pod) endpoint {
	return endpoint{pod: p, labels: p.Labels, namespaceLabels: e.namespaces[p.Namespace]}
}

func (p Pod) key() PodName { return PodName{Namespace: p.Namespace, Name: p.Name} }

// ofFamily is the first of the addresses that is of the family of like; the zero Addr for none.
func ofFamily(addresses []netip.Addr, like netip.Addr) netip.Addr {
	for _, address := range addresses {
		if address.Unmap().Is4() == like.Is4() {
			return address.Unmap()
		}
	}
	return netip.Addr{}
}

// connection is a flow with all that rules ask about.
type connection struct {
	from, to endpoint
	number   int32
	protocol corev1.Protocol
}

type endpoint struct {
	pod             Pod
	labels          labels.Set
	namespaceLabels labels.Set
	address         netip.Addr
}
