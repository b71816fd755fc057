// Package selftest proves that checks can fail. It has faults built into a column on purpose, one after
// the other, and says which checks noticed.
package selftest

import (
	"fmt"
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
	// Alone keeps the fault apart from all others, because a check about it disturbs the node.
	Alone bool
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

// Select is the checks that are run under the fault: those that it is about, and some of those that it
// has to leave alone.
func (f Fault) Select(all []check.Check) []check.Check {
	unrelated := f.unrelated()
	var selected []check.Check
	for _, c := range all {
		if slices.Contains(f.About, c.ID) || slices.Contains(f.Records, c.ID) || slices.Contains(unrelated, c.ID) {
			selected = append(selected, c)
		}
	}
	return selected
}

// unrelatedPerFault is how many checks of the sample are run under a fault.
const unrelatedPerFault = 3

// unrelated is a part of the sample that the fault has to leave alone. Which part differs from fault to
// fault, by nothing better than the length of the name.
func (f Fault) unrelated() []string {
	ids := slices.DeleteFunc(sample(), f.concerns)
	if len(ids) <= unrelatedPerFault {
		return ids
	}
	start := len(f.Name) % len(ids)
	return slices.Concat(ids[start:], ids[:start])[:unrelatedPerFault]
}

// sample is the checks that stand for everything that a fault is not about. They cost little: their
// trials share a few pods.
func sample() []string {
	return []string{
		"caps/drop-chown", "user/run-as-user-unknown", "seccomp/localhost", "escalate/false-sets-no-new-privs",
		"fs/read-only-root",
	}
}

// Faults are all of them, by area.
func Faults() []Fault {
	return slices.Concat(
		capabilityFaults(), seccompFaults(), identityFaults(), fileFaults(), namespaceFaults(),
		resourceFaults(), lifeFaults(), admissionFaults(),
	)
}

// runID is the run of an attempt at a fault: its namespaces carry it, and the saboteur reads it there.
// A second attempt has another one that is no longer: of the first one's date and time the time.
func runID(run string, f Fault, attempt int) string {
	if attempt > 1 {
		if _, clock, dated := strings.Cut(run, "-"); dated {
			run = clock
		}
		run = fmt.Sprintf("%s-%d", run, attempt)
	}
	return run + spoil.Marker + f.Name
}
