// Package suites holds the checks of Assay: values, grouped by area, a file for each small family.
// What they are made of is in framework/check; how they run is none of their business.
package suites

import (
	"slices"

	"assay/framework/check"
)

// All is the list of all checks, in the order in which reports show them.
func All() []check.Check {
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
		netpol(),
	)
}
