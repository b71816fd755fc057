package suites

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

// refused is what ping says when it gets no socket.
const refused = "permission denied"

func ping() []check.Check {
	// Where another pod had the peer's address before, packets are sent to that one until the kernel has given it up as
	// a neighbour, which takes it eight seconds. With -A an answer brings on the next packet at once, so that ten take
	// no longer than one. Source: arp(7), delay_first_probe_time, ucast_solicit
	patient := []string{"-A", "-c", "10", "-W", "2"}
	toPeer := probe.Run(slices.Concat([]string{probe.PingPath}, patient, []string{"$" + probe.PeerVariable})...)
	withNetRaw := addNetRaw()
	withoutNetRaw := container(corev1.SecurityContext{Capabilities: capabilities(nil, []corev1.Capability{"NET_RAW"})})

	// The same ping as the container's own command, as a user's pod has it.
	command := slices.Concat([]string{probe.PingPath}, patient, []string{"$(" + probe.PeerVariable + ")"})
	commandWith, commandWithout := withNetRaw, withoutNetRaw
	commandWith.Command, commandWithout.Command = command, command

	datagram := probe.Do(probe.OpSocket, "inet", "dgram", "icmp")
	echo := probe.Do(probe.OpICMP, "$"+probe.PeerVariable)
	groupRange := probe.Do(probe.OpSysctls, "net.ipv4.ping_group_range")
	noCapability := container(unprivilegedUser())

	return []check.Check{
		{
			ID:     "ping/default",
			Level:  check.Info,
			Claim:  "Records what a plain ping to a pod on another node meets with in a container that asks for nothing.",
			Source: "https://man7.org/linux/man-pages/man7/raw.7.html",
			Trials: []check.Trial{
				{Name: "no securityContext", Container: unset(), Action: toPeer},
				{Name: "add NET_RAW", Control: true, Container: withNetRaw, Action: toPeer, Want: check.Allowed{}},
			},
			Record: []check.Record{{Trial: "no securityContext", What: check.RecordOutput}},
		},
		{
			ID:     "ping/without-net-raw",
			Level:  check.Must,
			Claim:  "Where neither NET_RAW nor the group range lets it, ping to a pod on another node is refused its socket.",
			Source: "https://man7.org/linux/man-pages/man7/raw.7.html",
			Trials: []check.Trial{
				{Name: "drop NET_RAW", Pod: pingForNobody(), Container: withoutNetRaw, Action: toPeer, Want: check.Denied{Output: refused}},
				{Name: "add NET_RAW", Control: true, Pod: pingForNobody(), Container: withNetRaw, Action: toPeer, Want: check.Allowed{}},
			},
		},
		{
			ID:     "ping/unprivileged-icmp",
			Level:  check.Info,
			Claim:  "Records whether a process without NET_RAW opens a datagram ICMP socket, and the group range that governs it.",
			Source: "https://man7.org/linux/man-pages/man7/icmp.7.html",
			Trials: []check.Trial{
				{Name: "no sysctls", Container: noCapability, Action: datagram},
				{Name: "group range", Container: noCapability, Action: groupRange},
				{
					Name: "ping_group_range 0 2147483647", Control: true, Pod: pingForEverybody(), Container: noCapability,
					Action: datagram, Want: check.Allowed{},
				},
			},
			Record: []check.Record{
				{Trial: "no sysctls", What: check.RecordOutcome, As: "socket"},
				{Trial: "group range", What: check.RecordValues, As: "sysctl"},
			},
		},
		{
			ID:     "ping/group-range-sysctl",
			Level:  check.Must,
			Claim:  "The pod's net.ipv4.ping_group_range alone decides whether a process without capabilities pings a pod on another node.",
			Source: sysctlTask + "#safe-and-unsafe-sysctls",
			Trials: []check.Trial{
				{
					Name: "ping_group_range 1 0", Pod: pingForNobody(), Container: noCapability,
					Action: echo, Want: check.Denied{Errnos: []string{"EACCES"}},
				},
				{
					Name: "ping_group_range 0 2147483647", Control: true, Pod: pingForEverybody(), Container: noCapability,
					Action: echo, Want: check.Allowed{},
				},
			},
		},
		{
			ID:     "ping/crash-loop",
			Level:  check.Must,
			Claim:  "A container whose command is a ping that gets no socket ends with a non-zero exit code and the reason in its log.",
			Source: "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-state-terminated",
			Trials: []check.Trial{
				{Name: "drop NET_RAW", Pod: pingForNobody(), Container: commandWithout, Want: check.Exited{Failed: true, Log: refused}},
				{Name: "add NET_RAW", Control: true, Pod: pingForNobody(), Container: commandWith, Want: check.Exited{}},
			},
		},
	}
}
