package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

// unsafeAllowed are unsafe sysctls, of the network and of the IPC namespace, that the suite's own nodes
// allow (allowedUnsafeSysctls in kind-configs/cluster). No kernel has these values by itself.
func unsafeAllowed() []corev1.Sysctl {
	return []corev1.Sysctl{{Name: "kernel.msgmax", Value: "12345"}, {Name: "net.core.somaxconn", Value: "321"}}
}

func sysctlUnsafe() []check.Check {
	var names []string
	for _, each := range unsafeAllowed() {
		names = append(names, each.Name)
	}
	allowedPod := sysctls(unsafeAllowed()...)
	allowedPod.HostPID, allowedPod.Alone = true, "unsafe sysctls"

	const ofNetwork = "net.ipv4.ip_unprivileged_port_start"
	hostNetworkSysctl := sysctls(corev1.Sysctl{Name: ofNetwork, Value: "1023"})
	ownNetwork := hostNetworkSysctl
	hostNetworkSysctl.HostNetwork, hostNetworkSysctl.Alone = true, "sysctl of the node's network"

	const forbidden = "kernel.msgmnb"
	withUnsafe := sysctls(corev1.Sysctl{Name: forbidden, Value: "12345"})
	withUnsafe.Alone = "forbidden sysctl"
	readForbidden := probe.Do(probe.OpSysctls, forbidden)

	readNetwork := probe.Do(probe.OpSysctls, ofNetwork)

	return []check.Check{
		{
			ID:     "sysctl/unsafe-forbidden",
			Level:  check.Must,
			Claim:  "A pod with an unsafe sysctl that its kubelet does not allow never starts, for SysctlForbidden.",
			Source: sysctlTask + "#enabling-unsafe-sysctls",
			Trials: []check.Trial{
				{
					Name: "unsafe", Pod: withUnsafe, Container: unset(), Action: readForbidden,
					Want: check.NotStarted{Reason: "SysctlForbidden", Messages: []string{forbidden}},
				},
				{Name: "safe", Control: true, Pod: ownNetwork, Container: unset(), Action: readForbidden, Want: check.Allowed{}},
			},
		},
		{
			ID:     "sysctl/unsafe-allowed",
			Level:  check.Must,
			Claim:  "Unsafe sysctls that the kubelet allows have the pod's values in the pod, and keep theirs on the node.",
			Source: sysctlTask + "#enabling-unsafe-sysctls",
			Trials: []check.Trial{
				{Name: "pod", Pod: allowedPod, Container: nodeContainer(), Action: probe.Do(probe.OpSysctls, names...), Want: applied(unsafeAllowed())},
				{Name: "node", Pod: allowedPod, Container: nodeContainer(), Action: probe.Do(probe.OpNodeSysctls, names...), Want: check.Allowed{}},
			},
			Relations: []check.Relation{
				{Left: "pod", Right: "node", Value: names[0]},
				{Left: "pod", Right: "node", Value: names[1]},
			},
			Unsupported: []check.Unsupported{{
				Trial: "pod", Message: "not allowlisted",
				Reason: "SysctlForbidden: the kubelet's allowedUnsafeSysctls lacks kernel.msgmax and net.core.somaxconn",
			}},
		},
		{
			ID:     "sysctl/host-network",
			Level:  check.Must,
			Claim:  "A sysctl of the network is refused to a pod with hostNetwork, and given to one without.",
			Source: sysctlTask + "#setting-sysctls-for-a-pod",
			Trials: []check.Trial{
				{
					Name: "hostNetwork true", Pod: hostNetworkSysctl, Container: unset(), Action: readNetwork,
					Want: check.Rejected{Messages: []string{ofNetwork, "hostNetwork"}},
				},
				{
					Name: "hostNetwork false", Control: true, Pod: ownNetwork, Container: unset(), Action: readNetwork,
					Want: check.Values{ofNetwork: "1023"},
				},
			},
		},
	}
}
