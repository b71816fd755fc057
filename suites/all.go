// Package suites holds the checks of Assay: values, grouped by area, a file for each small family.
// What they are made of is in framework/check; how they run is none of their business.
package suites

import (
	"slices"

	"assay/framework/check"
)

// All are the checks that a run has: those of the catalogue that were seen to say the same on both
// columns run after run.
func All() []check.Check {
	settled := settled()
	return slices.DeleteFunc(Catalogue(), func(c check.Check) bool { return !slices.Contains(settled, c.ID) })
}

// Catalogue is the list of all checks, in the order in which reports show them. A run has those that
// are not in All only when it is asked for candidates.
func Catalogue() []check.Check {
	return slices.Concat(
		capsDefaults(),
		capsSingle(),
		capsAll(),
		capsNonRoot(),
		capsContainers(),
		capsNames(),
		ping(),
		priv(),
		privDevices(),
		user(),
		userImages(),
		userGroups(),
		userSurroundings(),
		escalate(),
		seccompProfiles(),
		seccompCalls(),
		fsRoot(),
		fsMasks(),
		fsMounts(),
		fsVolumes(),
		seccompLocalhost(),
		seccompFiles(),
		seccompProcesses(),
		seccompTable(),
		seccompRows(),
		ns(),
		nsUsers(),
		nsHostPort(),
		sysctl(),
		sysctlUnsafe(),
		class(),
		psa(),
		cgroupMemory(),
		cgroupCPU(),
		cgroupProcesses(),
		cgroupLayout(),
		cgroupChanges(),
		lsm(),
		lifeEnd(),
		lifeStop(),
		lifeStart(),
		lifeStreams(),
		lifeLogs(),
		net(),
		netpol(),
		netpolPeers(),
		netpolPorts(),
		netpolChanges(),
		netpolRecords(),
		netpolMany(),
	)
}

// settled are the IDs of the checks of All. A candidate becomes one when it was seen to fail once, and to
// have the same verdict and value in five runs in a row on both columns.
func settled() []string {
	return []string{
		"caps/default-set", "caps/inheritable-empty", "caps/add-net-admin", "caps/drop-net-raw", "caps/drop-chown",
		"caps/drop-all", "caps/add-all", "caps/drop-all-add-one", "caps/nonroot-add", "caps/file-capability",
		"caps/setuid-binary",
		"ping/default", "ping/without-net-raw", "ping/unprivileged-icmp", "ping/group-range-sysctl",
		"ping/crash-loop",
		"priv/can-mount", "priv/seccomp-off", "priv/inheritable-ambient",
		"user/run-as-user", "user/run-as-group", "user/non-root-refuses-root",
		"escalate/false-sets-no-new-privs",
		"seccomp/unconfined", "seccomp/runtime-default", "seccomp/localhost", "seccomp/mount",
		"seccomp/syscall-table",
		"fs/read-only-root",
		"ns/host-pid",
		"sysctl/safe", "sysctl/defaults", "sysctl/low-port-nonroot",
		"netpol/default-deny-ingress", "netpol/pod-selector",
	}
}
