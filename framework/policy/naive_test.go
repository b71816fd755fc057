package policy_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"assay/framework/policy"
)

// TestAgainstNaive compares the engine with a second implementation, made of nothing but loops over
// the objects, on thousands of generated worlds. The seed is fixed: a failure is one every time.
func TestAgainstNaive(t *testing.T) {
	const worlds = 2000
	random := rand.New(rand.NewPCG(20, 26))
	answers := map[bool]int{}
	for number := range worlds {
		w := generate(random)
		engine, err := policy.New(w.namespaces, w.policies)
		if err != nil {
			t.Fatalf("world %d: %v", number, err)
		}
		for flow, allowed := range engine.Table(w.pods, w.ports) {
			answers[allowed]++
			if want := w.naive(flow); allowed != want {
				text, err := yaml.Marshal(w.policies)
				if err != nil {
					t.Fatal(err)
				}
				t.Fatalf("world %d: %+v allowed %v, the naive reading says %v\nnamespaces %v\npods %+v\n%s",
					number, flow, allowed, want, w.namespaces, w.pods, text)
			}
		}
	}
	// Worlds in which everything is allowed, or nothing, would prove little.
	if total := answers[true] + answers[false]; answers[true] < total/5 || answers[false] < total/5 {
		t.Errorf("answers are lopsided: %v", answers)
	}
}

type world struct {
	namespaces map[string]map[string]string
	pods       []policy.Pod
	ports      []policy.Port
	policies   []networkingv1.NetworkPolicy
}

// naive reads the policies for one flow: who is isolated, and what do the rules let through.
func (w world) naive(flow policy.Flow) bool {
	var from, to policy.Pod
	for _, p := range w.pods {
		if p.Namespace == flow.From.Namespace && p.Name == flow.From.Name {
			from = p
		}
		if p.Namespace == flow.To.Namespace && p.Name == flow.To.Name {
			to = p
		}
	}
	if (from.HostNetwork || to.HostNetwork) && from.Node == to.Node {
		return true
	}
	isolatedIn, allowedIn, isolatedOut, allowedOut := false, false, false, false
	for _, object := range w.policies {
		in, out := true, len(object.Spec.Egress) > 0
		if object.Spec.PolicyTypes != nil {
			in, out = false, false
			for _, direction := range object.Spec.PolicyTypes {
				in = in || direction == "Ingress"
				out = out || direction == "Egress"
			}
		}
		if in && !to.HostNetwork && to.Namespace == object.Namespace && w.selected(object.Spec.PodSelector, to.Labels) {
			isolatedIn = true
			for _, r := range object.Spec.Ingress {
				if w.peerIn(r.From, object.Namespace, from, to) && w.portIn(r.Ports, flow, to) {
					allowedIn = true
				}
			}
		}
		if out && !from.HostNetwork && from.Namespace == object.Namespace && w.selected(object.Spec.PodSelector, from.Labels) {
			isolatedOut = true
			for _, r := range object.Spec.Egress {
				if w.peerIn(r.To, object.Namespace, to, to) && w.portIn(r.Ports, flow, to) {
					allowedOut = true
				}
			}
		}
	}
	if isolatedIn && !allowedIn {
		return false
	}
	if isolatedOut && !allowedOut {
		return false
	}
	return true
}

func (w world) selected(selector metav1.LabelSelector, labels map[string]string) bool {
	for key, value := range selector.MatchLabels {
		if found, has := labels[key]; !has || found != value {
			return false
		}
	}
	for _, expression := range selector.MatchExpressions {
		found, has := labels[expression.Key]
		listed := false
		for _, value := range expression.Values {
			listed = listed || (has && value == found)
		}
		var holds bool
		switch expression.Operator {
		case metav1.LabelSelectorOpIn:
			holds = listed
		case metav1.LabelSelectorOpNotIn:
			holds = !listed
		case metav1.LabelSelectorOpExists:
			holds = has
		case metav1.LabelSelectorOpDoesNotExist:
			holds = !has
		}
		if !holds {
			return false
		}
	}
	return true
}

// peerIn is whether other is among peers; to decides the address family of the connection.
func (w world) peerIn(peers []networkingv1.NetworkPolicyPeer, namespace string, other, to policy.Pod) bool {
	if len(peers) == 0 {
		return true
	}
	for _, p := range peers {
		switch {
		case p.IPBlock == nil && other.HostNetwork:
		case p.IPBlock != nil:
			address := addressLike(other, to)
			if address == nil || !inBlock(p.IPBlock.CIDR, address) {
				continue
			}
			excepted := false
			for _, except := range p.IPBlock.Except {
				excepted = excepted || inBlock(except, address)
			}
			if !excepted {
				return true
			}
		case p.NamespaceSelector == nil:
			if other.Namespace == namespace && w.selected(*p.PodSelector, other.Labels) {
				return true
			}
		case p.PodSelector == nil:
			if w.selected(*p.NamespaceSelector, w.namespaces[other.Namespace]) {
				return true
			}
		default:
			if w.selected(*p.NamespaceSelector, w.namespaces[other.Namespace]) && w.selected(*p.PodSelector, other.Labels) {
				return true
			}
		}
	}
	return false
}

func addressLike(p, to policy.Pod) net.IP {
	four := net.ParseIP(to.IPs[0].String()).To4() != nil
	for _, address := range p.IPs {
		ip := net.ParseIP(address.String())
		if (ip.To4() != nil) == four {
			return ip
		}
	}
	return nil
}

func inBlock(cidr string, ip net.IP) bool {
	_, network, err := net.ParseCIDR(cidr)
	return err == nil && (network.IP.To4() != nil) == (ip.To4() != nil) && network.Contains(ip)
}

func (w world) portIn(ports []networkingv1.NetworkPolicyPort, flow policy.Flow, to policy.Pod) bool {
	if len(ports) == 0 {
		return true
	}
	for _, p := range ports {
		protocol := corev1.ProtocolTCP
		if p.Protocol != nil {
			protocol = *p.Protocol
		}
		if protocol != flow.Protocol {
			continue
		}
		if p.Port == nil {
			return true
		}
		if p.Port.Type == intstr.String {
			for _, served := range to.Ports {
				if served.Name == p.Port.StrVal && served.Protocol == protocol && served.Number == flow.Number {
					return true
				}
			}
			continue
		}
		last := p.Port.IntVal
		if p.EndPort != nil {
			last = *p.EndPort
		}
		for n := p.Port.IntVal; n <= last; n++ {
			if n == flow.Number {
				return true
			}
		}
	}
	return false
}

func protocols() []corev1.Protocol {
	return []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}
}

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }

func generate(random *rand.Rand) world {
	w := world{namespaces: map[string]map[string]string{}}
	for range 4 {
		w.ports = append(w.ports, policy.Port{Number: pick(random, []int32{79, 80, 81, 443}), Protocol: pick(random, protocols())})
	}
	for n, namespace := range []string{"x", "y", "z"} {
		w.namespaces[namespace] = generateLabels(random)
		w.namespaces[namespace]["kubernetes.io/metadata.name"] = namespace
		for p, name := range []string{"a", "b", "c"} {
			pod := policy.Pod{
				Namespace: namespace, Name: name, Labels: generateLabels(random),
				IPs: []netip.Addr{
					netip.AddrFrom4([4]byte{10, 0, byte(n), byte(p + 1)}),
					netip.MustParseAddr(fmt.Sprintf("fd00::%d:%d", n, p+1)),
				},
			}
			pod.Node = pick(random, []string{"one", "two"})
			pod.HostNetwork = random.IntN(8) == 0
			switch random.IntN(5) {
			case 0:
				pod.IPs = pod.IPs[1:]
			case 1:
				pod.IPs = pod.IPs[:1]
			case 2:
				pod.IPs[0], pod.IPs[1] = pod.IPs[1], pod.IPs[0]
			}
			for range random.IntN(3) {
				port := pick(random, w.ports)
				port.Name = pick(random, []string{"http", "dns"})
				pod.Ports = append(pod.Ports, port)
			}
			w.pods = append(w.pods, pod)
		}
	}
	for i := range random.IntN(6) {
		w.policies = append(w.policies, generatePolicy(random, fmt.Sprint(i)))
	}
	return w
}

func generateLabels(random *rand.Rand) map[string]string {
	labels := map[string]string{}
	for _, key := range []string{"app", "tier"} {
		if random.IntN(4) > 0 {
			labels[key] = pick(random, []string{"p", "q", "r"})
		}
	}
	return labels
}

func generatePolicy(random *rand.Rand, name string) networkingv1.NetworkPolicy {
	object := networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: pick(random, []string{"x", "y", "z"})},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: *generateSelector(random),
			PolicyTypes: pick(random, [][]networkingv1.PolicyType{nil, {"Ingress"}, {"Egress"}, {"Ingress", "Egress"}}),
		},
	}
	for range random.IntN(3) {
		object.Spec.Ingress = append(object.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{
			From: generatePeers(random), Ports: generatePorts(random),
		})
	}
	for range random.IntN(3) {
		object.Spec.Egress = append(object.Spec.Egress, networkingv1.NetworkPolicyEgressRule{
			To: generatePeers(random), Ports: generatePorts(random),
		})
	}
	return object
}

func generateSelector(random *rand.Rand) *metav1.LabelSelector {
	selector := &metav1.LabelSelector{}
	keys := []string{"app", "tier", "kubernetes.io/metadata.name"}
	values := []string{"p", "q", "r", "x", "y"}
	switch random.IntN(4) {
	case 0:
		selector.MatchLabels = map[string]string{pick(random, keys): pick(random, values)}
	case 1, 2:
		expression := metav1.LabelSelectorRequirement{
			Key: pick(random, keys),
			Operator: pick(random, []metav1.LabelSelectorOperator{
				metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn,
				metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist,
			}),
		}
		if expression.Operator == metav1.LabelSelectorOpIn || expression.Operator == metav1.LabelSelectorOpNotIn {
			expression.Values = []string{pick(random, values), pick(random, values)}
		}
		selector.MatchExpressions = append(selector.MatchExpressions, expression)
	}
	return selector
}

func generatePeers(random *rand.Rand) []networkingv1.NetworkPolicyPeer {
	var peers []networkingv1.NetworkPolicyPeer
	for range random.IntN(3) {
		switch random.IntN(4) {
		case 0:
			peers = append(peers, networkingv1.NetworkPolicyPeer{PodSelector: generateSelector(random)})
		case 1:
			peers = append(peers, networkingv1.NetworkPolicyPeer{NamespaceSelector: generateSelector(random)})
		case 2:
			peers = append(peers, networkingv1.NetworkPolicyPeer{
				PodSelector: generateSelector(random), NamespaceSelector: generateSelector(random),
			})
		case 3:
			peers = append(peers, pick(random, []networkingv1.NetworkPolicyPeer{
				block("0.0.0.0/0"), block("0.0.0.0/0", "10.0.1.0/24"), block("10.0.0.0/23"),
				block("10.0.0.0/16", "10.0.0.2/32", "10.0.2.0/30"), block("10.0.1.3/32"),
				block("::/0"), block("::/0", "fd00::1:0/112"), block("fd00::2:1/128"),
			}))
		}
	}
	return peers
}

func generatePorts(random *rand.Rand) []networkingv1.NetworkPolicyPort {
	var ports []networkingv1.NetworkPolicyPort
	for range random.IntN(3) {
		var port networkingv1.NetworkPolicyPort
		if random.IntN(3) > 0 {
			port.Protocol = new(pick(random, protocols()))
		}
		switch random.IntN(4) {
		case 0:
			port.Port = new(intstr.FromInt32(pick(random, []int32{79, 80, 81, 443})))
		case 1:
			port.Port = new(intstr.FromInt32(pick(random, []int32{1, 79, 80})))
			port.EndPort = new(pick(random, []int32{80, 81, 65535}))
		case 2:
			port.Port = new(intstr.FromString(pick(random, []string{"http", "dns", "nobody"})))
		}
		ports = append(ports, port)
	}
	return ports
}
