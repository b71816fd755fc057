package policy_test

import (
	"net/netip"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"assay/framework/policy"
)

// The cast: web and db in shop, web in lab. The server's port 8080 has the name "http" in shop/web only.
func cast() (web, db, lab policy.Pod, namespaces map[string]map[string]string) {
	pod := func(namespace, name, ip string, ports ...policy.Port) policy.Pod {
		return policy.Pod{
			Namespace: namespace, Name: name, Labels: map[string]string{"app": name},
			IPs: []netip.Addr{netip.MustParseAddr(ip)}, Ports: ports,
		}
	}
	web = pod("shop", "web", "10.0.1.1", policy.Port{Name: "http", Number: 8080, Protocol: corev1.ProtocolTCP})
	db = pod("shop", "db", "10.0.1.2", policy.Port{Name: "http", Number: 80, Protocol: corev1.ProtocolTCP})
	lab = pod("lab", "web", "10.0.2.1")
	return web, db, lab, map[string]map[string]string{
		"shop": {"kubernetes.io/metadata.name": "shop"},
		"lab":  {"kubernetes.io/metadata.name": "lab", "trusted": "yes"},
	}
}

func selecting(label, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{label: value}}
}

func ingress(peers []networkingv1.NetworkPolicyPeer, ports ...networkingv1.NetworkPolicyPort) networkingv1.NetworkPolicySpec {
	return networkingv1.NetworkPolicySpec{
		Ingress: []networkingv1.NetworkPolicyIngressRule{{From: peers, Ports: ports}},
	}
}

func egress(peers []networkingv1.NetworkPolicyPeer, ports ...networkingv1.NetworkPolicyPort) networkingv1.NetworkPolicySpec {
	return networkingv1.NetworkPolicySpec{
		PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeEgress},
		Egress:      []networkingv1.NetworkPolicyEgressRule{{To: peers, Ports: ports}},
	}
}

func peers(peers ...networkingv1.NetworkPolicyPeer) []networkingv1.NetworkPolicyPeer { return peers }

func block(cidr string, except ...string) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: cidr, Except: except}}
}

// TestRules states the rules of the documentation one by one, for policies of the namespace shop that
// apply to all of its pods. The columns are three connections to port 8080 over TCP, unless said
// otherwise: db to web, lab's web to shop's web, shop's web to lab's web.
func TestRules(t *testing.T) {
	number := func(n int32) *intstr.IntOrString { return new(intstr.FromInt32(n)) }
	name := func(text string) *intstr.IntOrString { return new(intstr.FromString(text)) }
	udp := corev1.ProtocolUDP
	type allowed struct{ dbToWeb, labToWeb, webToLab bool }
	for title, row := range map[string]struct {
		specs []networkingv1.NetworkPolicySpec
		want  allowed
	}{
		"no policy isolates nobody": {nil, allowed{true, true, true}},
		"a policy without rules and types isolates for ingress only": {
			[]networkingv1.NetworkPolicySpec{{}}, allowed{false, false, true},
		},
		"egress rules without types isolate both ways": {
			[]networkingv1.NetworkPolicySpec{{Egress: []networkingv1.NetworkPolicyEgressRule{{}}}},
			allowed{false, false, true},
		},
		"type Egress without rules closes egress only": {
			[]networkingv1.NetworkPolicySpec{{PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}}},
			allowed{false, true, false},
		},
		"type Egress ignores ingress rules": {
			[]networkingv1.NetworkPolicySpec{{
				PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeEgress},
				Ingress:     []networkingv1.NetworkPolicyIngressRule{{}},
			}},
			allowed{false, true, false},
		},
		"an empty ingress rule lets everybody in": {
			[]networkingv1.NetworkPolicySpec{ingress(nil)}, allowed{true, true, true},
		},
		"a podSelector means the policy's own namespace": {
			[]networkingv1.NetworkPolicySpec{ingress(peers(networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{}}))},
			allowed{true, false, true},
		},
		"a namespaceSelector means all pods of those namespaces": {
			[]networkingv1.NetworkPolicySpec{ingress(peers(networkingv1.NetworkPolicyPeer{NamespaceSelector: selecting("trusted", "yes")}))},
			allowed{false, true, true},
		},
		"both selectors in one peer are an AND": {
			[]networkingv1.NetworkPolicySpec{ingress(peers(networkingv1.NetworkPolicyPeer{
				NamespaceSelector: selecting("trusted", "yes"), PodSelector: selecting("app", "db"),
			}))},
			allowed{false, false, true},
		},
		"two peers are an OR": {
			[]networkingv1.NetworkPolicySpec{ingress(peers(
				networkingv1.NetworkPolicyPeer{NamespaceSelector: selecting("trusted", "yes")},
				networkingv1.NetworkPolicyPeer{PodSelector: selecting("app", "db")},
			))},
			allowed{true, true, true},
		},
		"an ipBlock is a range of addresses": {
			[]networkingv1.NetworkPolicySpec{ingress(peers(block("10.0.2.0/24")))}, allowed{false, true, true},
		},
		"except takes addresses out of its block": {
			[]networkingv1.NetworkPolicySpec{ingress(peers(block("10.0.0.0/16", "10.0.1.0/24")))}, allowed{false, true, true},
		},
		"an address in one block and in another's except is in": {
			[]networkingv1.NetworkPolicySpec{ingress(peers(block("10.0.0.0/16", "10.0.1.0/24"), block("10.0.1.2/32")))},
			allowed{true, true, true},
		},
		"a port opens itself": {
			[]networkingv1.NetworkPolicySpec{ingress(nil, networkingv1.NetworkPolicyPort{Port: number(8080)})},
			allowed{true, true, true},
		},
		"another port does not": {
			[]networkingv1.NetworkPolicySpec{ingress(nil, networkingv1.NetworkPolicyPort{Port: number(8081)})},
			allowed{false, false, true},
		},
		"endPort is inclusive": {
			[]networkingv1.NetworkPolicySpec{ingress(nil, networkingv1.NetworkPolicyPort{Port: number(8000), EndPort: new(int32(8080))})},
			allowed{true, true, true},
		},
		"a range ends before": {
			[]networkingv1.NetworkPolicySpec{ingress(nil, networkingv1.NetworkPolicyPort{Port: number(8000), EndPort: new(int32(8079))})},
			allowed{false, false, true},
		},
		"a protocol without a port opens all its ports, and no other protocol's": {
			[]networkingv1.NetworkPolicySpec{ingress(nil, networkingv1.NetworkPolicyPort{Protocol: &udp})},
			allowed{false, false, true},
		},
		"a name is the port of the pod that serves": {
			[]networkingv1.NetworkPolicySpec{ingress(nil, networkingv1.NetworkPolicyPort{Port: name("http")})},
			allowed{true, true, true},
		},
		"a name that the serving pod lacks opens nothing": {
			[]networkingv1.NetworkPolicySpec{egress(nil, networkingv1.NetworkPolicyPort{Port: name("http")})},
			allowed{true, true, false},
		},
		"policies add up": {
			[]networkingv1.NetworkPolicySpec{
				{},
				ingress(peers(networkingv1.NetworkPolicyPeer{PodSelector: selecting("app", "db")})),
				ingress(peers(block("10.0.2.1/32"))),
			},
			allowed{true, true, true},
		},
		"both ends have to allow": {
			[]networkingv1.NetworkPolicySpec{ingress(nil), egress(peers(block("10.0.2.0/24")))},
			allowed{false, true, true},
		},
	} {
		t.Run(title, func(t *testing.T) {
			web, db, lab, namespaces := cast()
			objects := make([]networkingv1.NetworkPolicy, 0, len(row.specs))
			for _, spec := range row.specs {
				objects = append(objects, networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}, Spec: spec})
			}
			engine, err := policy.New(namespaces, objects)
			if err != nil {
				t.Fatal(err)
			}
			got := allowed{
				dbToWeb:  engine.Allows(db, web, 8080, corev1.ProtocolTCP),
				labToWeb: engine.Allows(lab, web, 8080, corev1.ProtocolTCP),
				webToLab: engine.Allows(web, lab, 8080, corev1.ProtocolTCP),
			}
			if got != row.want {
				t.Errorf("allowed %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestNamedPortsOfTheServingPod(t *testing.T) {
	web, db, lab, namespaces := cast()
	port := intstr.FromString("http")
	engine, err := policy.New(namespaces, []networkingv1.NetworkPolicy{{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop"},
		Spec:       ingress(nil, networkingv1.NetworkPolicyPort{Port: &port}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		to     policy.Pod
		number int32
		want   bool
	}{{web, 8080, true}, {web, 80, false}, {db, 80, true}, {db, 8080, false}} {
		if got := engine.Allows(lab, row.to, row.number, corev1.ProtocolTCP); got != row.want {
			t.Errorf("http of %s as port %d: allowed %v, want %v", row.to.Name, row.number, got, row.want)
		}
	}
}

func TestTableLeavesOutSelf(t *testing.T) {
	web, db, lab, namespaces := cast()
	engine, err := policy.New(namespaces, []networkingv1.NetworkPolicy{{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}}})
	if err != nil {
		t.Fatal(err)
	}
	table := engine.Table([]policy.Pod{web, db, lab}, []policy.Port{{Number: 80, Protocol: corev1.ProtocolTCP}, {Number: 53, Protocol: corev1.ProtocolUDP}})
	if len(table) != 3*2*2 {
		t.Errorf("%d flows, want those of 3 pods to 2 others each on 2 ports", len(table))
	}
	for flow, allowed := range table {
		if flow.From == flow.To {
			t.Errorf("%v is in the table", flow)
		}
		if want := flow.To.Namespace == "lab"; allowed != want {
			t.Errorf("%v allowed %v, want %v", flow, allowed, want)
		}
	}
	if !engine.Allows(web, web, 80, corev1.ProtocolTCP) {
		t.Error("a pod is blocked from itself")
	}
}

func TestAddressFamilies(t *testing.T) {
	web, db, _, namespaces := cast()
	six := netip.MustParseAddr("fd00::2")
	db.IPs = append(db.IPs, six)
	engine, err := policy.New(namespaces, []networkingv1.NetworkPolicy{{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}, Spec: ingress(peers(block("fd00::/64"))),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if engine.Allows(db, web, 80, corev1.ProtocolTCP) {
		t.Error("an IPv6 block allows a connection over IPv4")
	}
	web.IPs = []netip.Addr{netip.MustParseAddr("fd00::1")}
	if !engine.Allows(db, web, 80, corev1.ProtocolTCP) {
		t.Error("the address of the other family was not found")
	}
	db.IPs = db.IPs[:1]
	if engine.Allows(db, web, 80, corev1.ProtocolTCP) {
		t.Error("a pod without an address of the family is in a block")
	}
}

func TestRefusedPolicies(t *testing.T) {
	udp, port, name := corev1.ProtocolUDP, intstr.FromInt32(10), intstr.FromString("http")
	bad := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}
	for title, spec := range map[string]networkingv1.NetworkPolicySpec{
		"selector operator":         {PodSelector: *bad},
		"peer's pod selector":       ingress(peers(networkingv1.NetworkPolicyPeer{PodSelector: bad})),
		"peer's namespace selector": egress(peers(networkingv1.NetworkPolicyPeer{NamespaceSelector: bad})),
		"empty peer":                ingress(peers(networkingv1.NetworkPolicyPeer{})),
		"block with a selector": ingress(peers(networkingv1.NetworkPolicyPeer{
			IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8"}, PodSelector: &metav1.LabelSelector{},
		})),
		"cidr":                     ingress(peers(block("10.0.0.0/33"))),
		"except":                   ingress(peers(block("10.0.0.0/8", "ten"))),
		"except beside the block":  ingress(peers(block("10.0.0.0/8", "11.0.0.0/16"))),
		"except as large":          ingress(peers(block("10.0.0.0/8", "10.0.0.0/8"))),
		"endPort without port":     ingress(nil, networkingv1.NetworkPolicyPort{Protocol: &udp, EndPort: new(int32(9))}),
		"endPort with a name":      ingress(nil, networkingv1.NetworkPolicyPort{Port: &name, EndPort: new(int32(9))}),
		"endPort before port":      ingress(nil, networkingv1.NetworkPolicyPort{Port: &port, EndPort: new(int32(9))}),
		"a second rule's bad peer": {Ingress: []networkingv1.NetworkPolicyIngressRule{{}, {From: peers(block(""))}}},
	} {
		if _, err := policy.New(nil, []networkingv1.NetworkPolicy{{Spec: spec}}); err == nil {
			t.Errorf("%s: accepted", title)
		}
	}
}

// TestHostNetwork: no policy isolates a pod in the network of a node, no selector means it, its address does, and a
// node and its own pods always reach each other.
func TestHostNetwork(t *testing.T) {
	web, db, _, namespaces := cast()
	web.Node, db.Node = "one", "two"
	host := policy.Pod{
		Namespace: "shop", Name: "host", Labels: map[string]string{"app": "db"}, Node: "two", HostNetwork: true,
		IPs: []netip.Addr{netip.MustParseAddr("192.0.2.2")},
	}
	for title, row := range map[string]struct {
		spec           networkingv1.NetworkPolicySpec
		toWeb, fromWeb bool
	}{
		"isolated": {networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{"Ingress", "Egress"}}, false, false},
		"by label": {ingress(peers(networkingv1.NetworkPolicyPeer{PodSelector: selecting("app", "db")})), false, true},
		"by block": {ingress(peers(block("192.0.2.0/24"))), true, true},
	} {
		engine, err := policy.New(namespaces, []networkingv1.NetworkPolicy{{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}, Spec: row.spec}})
		if err != nil {
			t.Fatal(err)
		}
		toWeb, fromWeb := engine.Allows(host, web, 80, corev1.ProtocolTCP), engine.Allows(web, host, 80, corev1.ProtocolTCP)
		if toWeb != row.toWeb || fromWeb != row.fromWeb {
			t.Errorf("%s: to web %v, from web %v, want %v, %v", title, toWeb, fromWeb, row.toWeb, row.fromWeb)
		}
		if !engine.Allows(host, db, 80, corev1.ProtocolTCP) || !engine.Allows(db, host, 80, corev1.ProtocolTCP) {
			t.Errorf("%s: a node and its own pod do not reach each other", title)
		}
	}
}

func TestParseFault(t *testing.T) {
	for _, fault := range append(policy.Faults(), policy.NoFault) {
		if got, err := policy.ParseFault(string(fault)); err != nil || got != fault {
			t.Errorf("%q: %q, %v", fault, got, err)
		}
	}
	if _, err := policy.ParseFault("everything-ignored"); err == nil {
		t.Error("an unknown fault is accepted")
	}
}
