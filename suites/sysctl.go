package suites

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

// portsForAll is a pod with safe sysctls in dots: unprivileged ports begin at 0.
func portsForAll() []corev1.Sysctl {
	return []corev1.Sysctl{
		{Name: "kernel.shm_rmid_forced", Value: "1"},
		{Name: "net.ipv4.ip_local_port_range", Value: "20000 40001"},
		{Name: "net.ipv4.ip_unprivileged_port_start", Value: "0"},
		{Name: "net.ipv4.tcp_syncookies", Value: "0"},
	}
}

// portsFrom2000 is the same sysctls with slashes and other values: unprivileged ports begin at 2000.
func portsFrom2000() []corev1.Sysctl {
	return []corev1.Sysctl{
		{Name: "kernel/shm_rmid_forced", Value: "1"},
		{Name: "net/ipv4/ip_local_port_range", Value: "30000 50001"},
		{Name: "net/ipv4/ip_unprivileged_port_start", Value: "2000"},
		{Name: "net/ipv4/tcp_syncookies", Value: "2"},
	}
}

// applied wants the values that the pod asks for, under their names with dots.
func applied(asked []corev1.Sysctl) check.Values {
	values := check.Values{}
	for _, s := range asked {
		values[strings.ReplaceAll(s.Name, "/", ".")] = s.Value
	}
	return values
}

func sysctl() []check.Check {
	ordinary := container(unprivilegedUser())
	dots, slashes := sysctls(portsForAll()...), sysctls(portsFrom2000()...)
	names := make([]string, 0, len(portsForAll()))
	for _, s := range portsForAll() {
		names = append(names, s.Name)
	}
	read := probe.Do(probe.OpSysctls, names...)
	bind := probe.Do(probe.OpBind, "80")
	const firstPort = "net.ipv4.ip_unprivileged_port_start"
	unprivileged := probe.Do(probe.OpSysctls, "net.ipv4.ping_group_range", firstPort)

	return []check.Check{
		{
			ID:     "sysctl/safe",
			Level:  check.Must,
			Claim:  "The safe sysctls of a pod have the values it asks for, written with dots or with slashes.",
			Source: sysctlTask + "#setting-sysctls-for-a-pod",
			Trials: []check.Trial{
				{Name: "dots", Pod: dots, Container: ordinary, Action: read, Want: applied(portsForAll())},
				{Name: "slashes", Pod: slashes, Container: ordinary, Action: read, Want: applied(portsFrom2000())},
			},
		},
		{
			ID:     "sysctl/defaults",
			Level:  check.Info,
			Claim:  "Records the namespaced sysctls of a pod that asks for none.",
			Source: sysctlTask,
			Trials: []check.Trial{
				{Name: "no sysctls", Container: unset(), Action: probe.Do(probe.OpSysctls)},
				{Name: "sysctls of its own", Control: true, Pod: dots, Container: ordinary, Action: read, Want: applied(portsForAll())},
			},
			Record: []check.Record{{Trial: "no sysctls", What: check.RecordValues}},
		},
		{
			ID:     "sysctl/unprivileged-defaults",
			Level:  check.Info,
			Claim:  "Records, of pods that ask for no sysctls, what governs ping and low ports with hostNetwork and in a user namespace.",
			Source: sysctlTask,
			Trials: []check.Trial{
				{Name: "hostNetwork true", Pod: hostNetworkPod(), Container: unset(), Action: unprivileged},
				{Name: "hostUsers false", Pod: mappedPod("first"), Container: unset(), Action: unprivileged},
			},
			Record: []check.Record{
				{Trial: "hostNetwork true", What: check.RecordValues, As: "hostNetwork true"},
				{Trial: "hostUsers false", What: check.RecordValues, As: "hostUsers false"},
			},
			Unsupported: lacksUserNamespaces(),
		},
		{
			ID:     "sysctl/low-port-nonroot",
			Level:  check.Info,
			Claim:  "Records whether uid 1000 binds port 80 without a capability, and the sysctl that governs it.",
			Source: "https://docs.kernel.org/networking/ip-sysctl.html",
			Trials: []check.Trial{
				{Name: "no sysctls", Container: ordinary, Action: bind},
				{Name: "first port", Container: ordinary, Action: probe.Do(probe.OpSysctls, firstPort)},
				{
					Name: "ip_unprivileged_port_start 2000", Pod: slashes, Container: ordinary,
					Action: bind, Want: check.Denied{Errnos: []string{"EACCES"}},
				},
				{Name: "ip_unprivileged_port_start 0", Control: true, Pod: dots, Container: ordinary, Action: bind, Want: check.Allowed{}},
			},
			Record: []check.Record{
				{Trial: "no sysctls", What: check.RecordOutcome, As: "bind"},
				{Trial: "first port", What: check.RecordValues, As: "sysctl"},
			},
		},
	}
}
