package check

import "assay/framework/probe"

// Connections are how the connections between agents ended, by the name of the one that connects, then by the
// name of the one connected to.
type Connections map[string]map[string]probe.Connection

// NetworkObservation is what was seen of one NetworkPolicy check. It knows nothing of a verdict.
type NetworkObservation struct {
	// Problem is set when no statement about the network can be made.
	Problem string `json:"problem,omitempty"`
	// Skip says that the owners of the cluster do not allow what the check needs.
	Skip string `json:"skip,omitempty"`
	// Agents are the pods, by name.
	Agents map[string]Agent `json:"agents"`
	// Before is the table without policies, After the last one with them.
	Before Connections `json:"before"`
	After  Connections `json:"after"`
	// Expected says which connections of After the objects allow.
	Expected map[string]map[string]bool `json:"expected"`
	// ConvergedSeconds is the time from the policies' creation to the first of the final tables; only
	// set when the table became the expected one.
	ConvergedSeconds float64 `json:"convergedSeconds,omitempty"`
}

// Agent is a pod of the grid.
type Agent struct {
	Node    string            `json:"node"`
	Address string            `json:"address"`
	Labels  map[string]string `json:"labels"`
}
