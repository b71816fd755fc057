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
	return slices.DeleteFunc(Catalogue(), candidate)
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

// candidate says whether a check is not settled yet.
func candidate(c check.Check) bool { return slices.Contains(candidates(), c.ID) }

// candidates are the IDs of the checks that were not seen to fail once, or not to have the same verdict and value in
// five runs in a row on both columns.
func candidates() []string { return nil }
