package suites

import (
	"assay/framework/check"
	"assay/framework/probe"
)

// What pods reach without any policy.
func net() []check.Check {
	withICMP := append(check.GridPorts(), check.Port{Protocol: check.ICMP})
	return []check.Check{
		{
			ID:      "net/pod-to-pod-same-node",
			Level:   check.Must,
			Claim:   "Every pod reaches every other pod of its node by TCP, UDP and ICMP, at the pod's own address.",
			Source:  networkModel,
			Network: &check.Network{View: check.ViewSameNode, Ports: withICMP},
		},
		{
			ID:      "net/pod-to-pod-cross-node",
			Level:   check.Must,
			Claim:   "Every pod reaches every pod of another node by TCP, UDP and ICMP, at the pod's own address.",
			Source:  networkModel,
			Network: &check.Network{View: check.ViewCrossNode, Ports: withICMP},
		},
		{
			ID:      "net/pod-to-service",
			Level:   check.Must,
			Claim:   "Every pod reaches every other pod through the ClusterIP of a service, by TCP and UDP.",
			Source:  serviceManual + "#defining-a-service",
			Network: &check.Network{View: check.ViewServices},
		},
		{
			ID:      "net/node-port",
			Level:   check.Must,
			Claim:   "Every pod reaches every other pod through its service's port of every node, by TCP and UDP.",
			Source:  serviceManual + "#type-nodeport",
			Network: &check.Network{View: check.ViewNodePorts},
		},
		{
			ID:      "net/loopback",
			Level:   check.Must,
			Claim:   "A pod reaches itself by 127.0.0.1 and by its own address, by TCP, UDP and ICMP.",
			Source:  networkModel,
			Network: &check.Network{View: check.ViewLoopback, Ports: withICMP},
		},
		{
			ID:      "net/hairpin",
			Level:   check.Must,
			Claim:   "A pod reaches itself through the ClusterIP of its service, by TCP and UDP.",
			Source:  "https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/#a-pod-fails-to-reach-itself-via-the-service-ip",
			Network: &check.Network{View: check.ViewHairpin},
		},
		{
			ID:      "net/cross-runtime",
			Level:   check.Must,
			Claim:   "A pod under one container runtime and a pod under another reach each other both ways, by TCP, UDP and ICMP.",
			Source:  networkModel,
			Network: &check.Network{View: check.ViewOtherRuntime, Ports: withICMP},
		},
		netInterfaces(),
	}
}

func netInterfaces() check.Check {
	interfaces := probe.Do(probe.OpInterfaces)
	return check.Check{
		ID:     "net/interfaces",
		Level:  check.Info,
		Claim:  "Records the interfaces of a pod, their MTU, addresses and routes, and its DNS settings.",
		Source: networkModel,
		Trials: []check.Trial{
			{Name: "interfaces", Container: namedContainer(), Action: interfaces},
			{Name: "DNS", Container: namedContainer(), Action: probe.Do(probe.OpResolver)},
		},
		Record: []check.Record{
			{Trial: "interfaces", What: check.RecordValues, As: "interfaces"},
			{Trial: "DNS", What: check.RecordValues, As: "DNS"},
		},
	}
}

const (
	networkModel  = "https://kubernetes.io/docs/concepts/services-networking/#the-kubernetes-network-model"
	serviceManual = "https://kubernetes.io/docs/concepts/services-networking/service/"
)
