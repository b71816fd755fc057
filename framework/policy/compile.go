package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// policy is a NetworkPolicy with its selectors and blocks parsed.
type policy struct {
	namespace string
	pods      labels.Selector
	types     []networkingv1.PolicyType
	rules     map[networkingv1.PolicyType][]rule
}

func (p policy) isolates(direction networkingv1.PolicyType, e endpoint) bool {
	return !e.pod.HostNetwork && e.pod.Namespace == p.namespace && slices.Contains(p.types, direction) && p.pods.Matches(e.labels)
}

// rule is one ingress or egress rule: any of peers on any of ports. No peers means everybody, no
// ports every port.
type rule struct {
	peers []peer
	ports []portRange
}

func (r rule) allows(fault Fault, namespace string, other endpoint, c connection) bool {
	peers := len(r.peers) == 0 || slices.ContainsFunc(r.peers, func(p peer) bool { return p.matches(fault, namespace, other) })
	ports := len(r.ports) == 0 || fault == PortsIgnored || slices.ContainsFunc(r.ports, func(p portRange) bool { return p.matches(c) })
	return peers && ports
}

// peer is one entry of from or to. Either block is valid, or at least one selector is set.
type peer struct {
	pods       labels.Selector
	namespaces labels.Selector
	block      netip.Prefix
	except     []netip.Prefix
}

// matches says whether the other end is this peer. A podSelector alone means the policy's namespace; a
// namespaceSelector alone all pods of the namespaces; with both, the pods in the namespaces.
func (p peer) matches(fault Fault, namespace string, other endpoint) bool {
	if p.block.IsValid() {
		excepted := func(x netip.Prefix) bool { return x.Contains(other.address) }
		return p.block.Contains(other.address) && (fault == ExceptIgnored || !slices.ContainsFunc(p.except, excepted))
	}
	if other.pod.HostNetwork {
		return false
	}
	if fault == NamespaceSelectorIgnored && p.namespaces != nil {
		return p.pods == nil || p.pods.Matches(other.labels)
	}
	if p.namespaces == nil && other.pod.Namespace != namespace {
		return false
	}
	return (p.namespaces == nil || p.namespaces.Matches(other.namespaceLabels)) &&
		(p.pods == nil || p.pods.Matches(other.labels))
}

// portRange is one entry of ports: a protocol with all its ports, with first to last, or with the port
// that the pod connected to gives the name.
type portRange struct {
	protocol    corev1.Protocol
	all         bool
	name        string
	first, last int32
}

func (p portRange) matches(c connection) bool {
	switch {
	case p.protocol != c.protocol:
		return false
	case p.all:
		return true
	case p.name != "":
		// A name is looked up at the pod that serves it, whichever end the policy belongs to.
		return slices.ContainsFunc(c.to.pod.Ports, func(port Port) bool {
			return port.Name == p.name && port.Number == c.number && protocolOf(port.Protocol) == c.protocol
		})
	default:
		return p.first <= c.number && c.number <= p.last
	}
}

func compile(object networkingv1.NetworkPolicy) (policy, error) {
	pods, err := metav1.LabelSelectorAsSelector(&object.Spec.PodSelector)
	if err != nil {
		return policy{}, fmt.Errorf("spec.podSelector: %w", err)
	}
	compiled := policy{
		namespace: object.Namespace,
		pods:      pods,
		types:     policyTypes(object.Spec),
		rules:     map[networkingv1.PolicyType][]rule{},
	}
	for i, r := range object.Spec.Ingress {
		made, err := compileRule(r.From, r.Ports)
		if err != nil {
			return policy{}, fmt.Errorf("spec.ingress[%d]: %w", i, err)
		}
		compiled.rules[networkingv1.PolicyTypeIngress] = append(compiled.rules[networkingv1.PolicyTypeIngress], made)
	}
	for i, r := range object.Spec.Egress {
		made, err := compileRule(r.To, r.Ports)
		if err != nil {
			return policy{}, fmt.Errorf("spec.egress[%d]: %w", i, err)
		}
		compiled.rules[networkingv1.PolicyTypeEgress] = append(compiled.rules[networkingv1.PolicyTypeEgress], made)
	}
	return compiled, nil
}

// policyTypes is the field with its default: Ingress always, and Egress when there are egress rules.
func policyTypes(spec networkingv1.NetworkPolicySpec) []networkingv1.PolicyType {
	switch {
	case len(spec.PolicyTypes) > 0:
		return spec.PolicyTypes
	case len(spec.Egress) > 0:
		return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	default:
		return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	}
}

func compileRule(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) (rule, error) {
	var compiled rule
	for i, p := range peers {
		made, err := compilePeer(p)
		if err != nil {
			return rule{}, fmt.Errorf("peer %d: %w", i, err)
		}
		compiled.peers = append(compiled.peers, made)
	}
	for i, p := range ports {
		made, err := compilePort(p)
		if err != nil {
			return rule{}, fmt.Errorf("ports[%d]: %w", i, err)
		}
		compiled.ports = append(compiled.ports, made)
	}
	return compiled, nil
}

func compilePeer(p networkingv1.NetworkPolicyPeer) (peer, error) {
	if p.IPBlock != nil {
		if p.PodSelector != nil || p.NamespaceSelector != nil {
			return peer{}, errors.New("ipBlock stands alone, without podSelector and namespaceSelector")
		}
		return compileBlock(*p.IPBlock)
	}
	if p.PodSelector == nil && p.NamespaceSelector == nil {
		return peer{}, errors.New("one of ipBlock, podSelector and namespaceSelector has to be set")
	}
	var compiled peer
	var err error
	if p.PodSelector != nil {
		if compiled.pods, err = metav1.LabelSelectorAsSelector(p.PodSelector); err != nil {
			return peer{}, fmt.Errorf("podSelector: %w", err)
		}
	}
	if p.NamespaceSelector != nil {
		if compiled.namespaces, err = metav1.LabelSelectorAsSelector(p.NamespaceSelector); err != nil {
			return peer{}, fmt.Errorf("namespaceSelector: %w", err)
		}
	}
	return compiled, nil
}

func compileBlock(block networkingv1.IPBlock) (peer, error) {
	var compiled peer
	var err error
	if compiled.block, err = netip.ParsePrefix(block.CIDR); err != nil {
		return peer{}, fmt.Errorf("ipBlock.cidr: %w", err)
	}
	for i, text := range block.Except {
		except, err := netip.ParsePrefix(text)
		if err != nil {
			return peer{}, fmt.Errorf("ipBlock.except[%d]: %w", i, err)
		}
		if except.Bits() <= compiled.block.Bits() || !compiled.block.Contains(except.Addr()) {
			return peer{}, fmt.Errorf("ipBlock.except[%d]: %s is not a part of %s", i, except, compiled.block)
		}
		compiled.except = append(compiled.except, except)
	}
	return compiled, nil
}

func compilePort(p networkingv1.NetworkPolicyPort) (portRange, error) {
	compiled := portRange{protocol: corev1.ProtocolTCP}
	if p.Protocol != nil {
		compiled.protocol = protocolOf(*p.Protocol)
	}
	switch {
	case p.Port == nil && p.EndPort != nil:
		return portRange{}, errors.New("endPort needs port")
	case p.Port == nil:
		compiled.all = true
	case p.Port.Type == intstr.String && p.EndPort != nil:
		return portRange{}, errors.New("endPort needs a numeric port")
	case p.Port.Type == intstr.String:
		compiled.name = p.Port.StrVal
	default:
		compiled.first, compiled.last = p.Port.IntVal, p.Port.IntVal
		if p.EndPort != nil {
			compiled.last = *p.EndPort
		}
		if compiled.last < compiled.first {
			return portRange{}, fmt.Errorf("endPort %d is below port %d", compiled.last, compiled.first)
		}
	}
	return compiled, nil
}

// protocolOf is the protocol with the API's default.
func protocolOf(protocol corev1.Protocol) corev1.Protocol {
	if protocol == "" {
		return corev1.ProtocolTCP
	}
	return protocol
}
