package impact

import (
	"fmt"
	"slices"
	"strings"

	"assay/reports/difference"
	"assay/reports/inert"
	"assay/reports/results"
)

// Side is one of the two columns that are compared.
type Side struct {
	Results *results.Results
	// Column is the column's name in Results.
	Column string
}

// String is the side for the reader: "cri-o 1.36.1".
func (s Side) String() string {
	column, _ := s.Results.Column(s.Column)
	if column.Runtime.Name == "" || column.Runtime.Name == column.Name {
		return strings.TrimSpace(inert.Short(column.Name+" "+column.Runtime.Version, longestName))
	}
	return inert.Short(fmt.Sprintf("%s (%s %s)", column.Name, column.Runtime.Name, column.Runtime.Version), longestName)
}

const longestName = 80

// Change is a check in which the sides differ.
type Change struct {
	Check         results.Check
	Before, After results.Cell
	// Values are all values of what was observed, also those that are the same.
	Values []difference.Value
}

// Worse says that what held before does not hold any more: a must that passed fails, or the feature is
// not there.
func (c Change) Worse() bool {
	held := c.Before.Verdict == results.Pass || c.Before.Verdict == results.Informed
	return held && (c.After.Verdict == results.Fail || c.After.Verdict == results.Unsupported)
}

// Value is the value of this name, before and after; differs says that they are not the same.
func (c Change) Value(name string) (value difference.Value, differs bool) {
	for _, value := range c.Values {
		if value.Name() == name {
			return value, value.Before != value.After
		}
	}
	return difference.Value{Before: difference.Absent, After: difference.Absent}, false
}

// Comparison is what two columns differ in.
type Comparison struct {
	A, B    Side
	changes map[string]Change
	// NotCompared are the checks about which one side says nothing.
	NotCompared []string
	manifests   *Manifests
	profiles    Profiles
}

// Compare finds the differences. Cells that say nothing about a runtime, and checks that only one side
// has, are no difference.
func Compare(a, b Side) *Comparison {
	c := &Comparison{A: a, B: b, changes: map[string]Change{}}
	for _, check := range b.Results.Checks {
		before, there := a.Results.Cell(check.ID, a.Column)
		after, _ := b.Results.Cell(check.ID, b.Column)
		if !there || !before.Stated() || !after.Stated() {
			c.NotCompared = append(c.NotCompared, check.ID)
			continue
		}
		if before.Verdict == after.Verdict && results.SameObserved(before.Observed, after.Observed) {
			continue
		}
		c.changes[check.ID] = Change{Check: check, Before: before, After: after, Values: difference.Values(before.Observed, after.Observed)}
	}
	return c
}

// Change is the difference in a check, if there is one.
func (c *Comparison) Change(check string) (Change, bool) {
	change, differs := c.changes[check]
	return change, differs
}

// Differences is how many checks differ.
func (c *Comparison) Differences() int { return len(c.changes) }

// concerns says whether one of the checks differs.
func (c *Comparison) concerns(checks []string) bool {
	return slices.ContainsFunc(checks, func(check string) bool { _, differs := c.changes[check]; return differs })
}
