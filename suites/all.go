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
		ping(),
		priv(),
		user(),
		escalate(),
		seccompProfiles(),
		seccompCalls(),
		fs(),
		ns(),
		nsUsers(),
		nsHostPort(),
		sysctl(),
		sysctlUnsafe(),
		netpol(),
	)
}
