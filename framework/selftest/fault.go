// Package selftest proves that checks can fail. It has faults built into a column on purpose, one after
// the other, and says which checks noticed.
package selftest

import (
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"assay/fixtures/saboteur/spoil"
	"assay/framework/check"
)

// Fault is one way in which a column can be wrong, and the checks that have to notice.
type Fault struct {
	// Name is that of a fault of fixtures/saboteur/spoil, or of one of this package's own; see Lose.
	Name string
	// Means says in a sentence what is wrong.
	Means string
	// Lose is set by faults of what is in front of the container runtime, the API server and the kubelet:
	// it changes the pod as it is submitted, so that a field is ignored. Without it the fault is one of the
	// container runtime, and the saboteur in the node spoils the containers.
	Lose func(*corev1.Pod)
	// About are the checks of level must of which at least one has to turn to fail.
	About []string
	// Records are the checks of level info of which at least one has to record another value: what no
	// text demands of a runtime, no check of level must can be about.
	Records []string
	// Touches are patterns (path.Match) of further checks that the fault may change: they are about what
	// it spoils, too, or lose their control.
	Touches []string
}

// InRuntime says whether it is the container runtime that is wrong.
func (f Fault) InRuntime() bool { return f.Lose == nil }

// area is the area of the checks that the fault is about.
func (f Fault) area() string {
	area, _, _ := strings.Cut(slices.Concat(f.About, f.Records)[0], "/")
	return area
}

// concerns says whether the fault may change the verdict of a check.
func (f Fault) concerns(id string) bool {
	return slices.Contains(f.About, id) || slices.Contains(f.Records, id) ||
		slices.ContainsFunc(f.Touches, func(pattern string) bool {
			matched, err := path.Match(pattern, id)
			return err == nil && matched
		})
}

// Select is the checks that are run under the fault: those that it is about, and those of the sample
// that it has to leave alone.
func (f Fault) Select(all []check.Check) []check.Check {
	var selected []check.Check
	for _, c := range all {
		about := slices.Contains(f.About, c.ID) || slices.Contains(f.Records, c.ID)
		if about || slices.Contains(sample(), c.ID) && !f.concerns(c.ID) {
			selected = append(selected, c)
		}
	}
	return selected
}

// sample is the checks that stand for everything that a fault is not about. They cost little: their
// trials share a few pods.
func sample() []string {
	return []string{
		"caps/drop-chown", "escalate/false-sets-no-new-privs", "fs/read-only-root", "seccomp/localhost",
		"user/run-as-group", "user/run-as-user",
	}
}

// Faults are all of them, by area.
func Faults() []Fault {
	return slices.Concat(
		capabilityFaults(), seccompFaults(), identityFaults(), fileFaults(), namespaceFaults(),
		resourceFaults(), lifeFaults(), admissionFaults(),
	)
}

// RunID is the run of a fault: its namespaces carry it, and the saboteur reads it there.
func RunID(run string, f Fault) string { return run + spoil.Marker + f.Name }
