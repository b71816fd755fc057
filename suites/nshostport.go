package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

func nsHostPort() []check.Check {
	const (
		onAll, onTwo     = 18081, 18082
		onNone           = "18083"
		all, first, next = 8081, 8082, 8083
		loopback, second = "127.0.0.1", "127.0.0.2"
	)
	const node, pod = "$" + probe.NodeAddressVariable, "$" + probe.PodAddressVariable
	port := func(name string, container, host int32, protocol corev1.Protocol, address string) corev1.ContainerPort {
		return corev1.ContainerPort{Name: name, ContainerPort: container, HostPort: host, Protocol: protocol, HostIP: address}
	}
	withPorts, withoutPorts := addressedContainer(), addressedContainer()
	withPorts.Extra.Ports = []corev1.ContainerPort{
		port("all-tcp", all, onAll, corev1.ProtocolTCP, ""),
		port("all-udp", all, onAll, corev1.ProtocolUDP, ""),
		port("first", first, onTwo, corev1.ProtocolTCP, loopback),
		port("second", next, onTwo, corev1.ProtocolTCP, second),
	}
	connectFrom := func(source, protocol, address string) probe.Action {
		return probe.Do(probe.OpNodeConnect, protocol, address, source, "8081", "8082", "8083")
	}
	// From the node's own address, as Kubernetes' conformance test does: whether packets with a source of
	// 127.0.0.1 may leave the node's loopback is left to the implementation.
	// Source: https://github.com/kubernetes/kubernetes/blob/v1.36.3/test/e2e/network/hostport.go#L123
	connect := func(protocol, address string) probe.Action { return connectFrom(node, protocol, address) }
	answers := func(from string) check.Values { return check.Values{"answer": from} }
	with, without := nodePod("hostPort", check.Pod{}), nodePod("node", check.Pod{})
	// It serves a port of its own: both pods may be on the same node.
	unmapped := func(address string) probe.Action {
		return probe.Do(probe.OpNodeConnect, "tcp", address+":"+onNone, node, onNone)
	}
	refused := answers(string(probe.Refused))
	return []check.Check{{
		ID:    "ns/host-port",
		Level: check.Must,
		Claim: "A hostPort reaches the container by TCP and by UDP on every address of the node, or with hostIP on that one only, " +
			"so that two containers' ports can have the same hostPort on two addresses.",
		Source: podSpecReference,
		Trials: []check.Trial{
			{Name: "the pod's own address", Control: true, Pod: with, Container: withPorts, Action: connect("tcp", pod+":8081"), Want: answers("8081")},
			{Name: "TCP", Pod: with, Container: withPorts, Action: connect("tcp", node+":18081"), Want: answers("8081")},
			{Name: "UDP", Pod: with, Container: withPorts, Action: connect("udp", node+":18081"), Want: answers("8081")},
			{Name: "hostIP 127.0.0.1", Pod: with, Container: withPorts, Action: connect("tcp", loopback+":18082"), Want: answers("8082")},
			{Name: "hostIP 127.0.0.2, same port", Pod: with, Container: withPorts, Action: connect("tcp", second+":18082"), Want: answers("8083")},
			{Name: "hostIP of another address", Pod: with, Container: withPorts, Action: connect("tcp", node+":18082"), Want: refused},
			{
				Name: "hostIP 127.0.0.1, from 127.0.0.1", Pod: with, Container: withPorts,
				Action: connectFrom(loopback, "tcp", loopback+":18082"), Want: check.Allowed{},
			},
			{Name: "no hostPort, the pod's own address", Control: true, Pod: without, Container: withoutPorts, Action: unmapped(pod), Want: answers(onNone)},
			{Name: "no hostPort", Pod: without, Container: withoutPorts, Action: unmapped(node), Want: refused},
		},
		Record: []check.Record{{Trial: "hostIP 127.0.0.1, from 127.0.0.1", What: check.RecordValues, As: "from 127.0.0.1"}},
	}}
}
