package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is a way in which an engine is wrong on purpose, to see the checks that rest on it fail.
type Fault string

// The faults.
const (
	NoFault Fault = ""
	// PortsIgnored takes every rule for one of all ports.
	PortsIgnored Fault = "ports-ignored"
	// ExceptIgnored takes blocks without their exceptions.
	ExceptIgnored Fault = "except-ignored"
	// EgressIgnored takes no pod for isolated for egress.
	EgressIgnored Fault = "egress-ignored"
	// NamespaceSelectorIgnored takes the pods of all namespaces for those of a namespaceSelector.
	NamespaceSelectorIgnored Fault = "namespace-selector-ignored"
	// UnionAsIntersection wants all policies of a pod to allow what one has to.
	UnionAsIntersection Fault = "union-as-intersection"
)

// Faults are all of them.
func Faults() []Fault {
	return []Fault{PortsIgnored, ExceptIgnored, EgressIgnored, NamespaceSelectorIgnored, UnionAsIntersection}
}

// ParseFault is the fault of a name; empty is none.
func ParseFault(name string) (Fault, error) {
	if name == "" || slices.Contains(Faults(), Fault(name)) {
		return Fault(name), nil
	}
	names := make([]string, 0, len(Faults()))
	for _, fault := range Faults() {
		names = append(names, string(fault))
	}
	return NoFault, fmt.Errorf("there is no fault %q of the policy engine; they are %s", name, strings.Join(names, ", "))
}

// WithFault is the same engine with a fault.
func (e *Engine) WithFault(fault Fault) *Engine {
	changed := *e
	changed.fault = fault
	return &changed
}
