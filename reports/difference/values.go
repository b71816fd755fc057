package difference

import (
	"encoding/json"
	"strings"
)

// Value is one value within what was observed, before and after. Path names the members that lead to it,
// it is empty where the observation is one value. A side that lacks the value has Absent.
type Value struct {
	Path          []string
	Before, After string
}

// Name is the path in one text: "uid 0/TERM".
func (v Value) Name() string { return strings.Join(v.Path, "/") }

// Values lists all values of two observations, also those that are the same, in the order of their paths.
func Values(before, after json.RawMessage) []Value {
	members := membersOf([]json.RawMessage{before, after})
	values := make([]Value, len(members))
	for i, m := range members {
		values[i] = Value{Path: m.path, Before: compact(m.values[0]), After: compact(m.values[1])}
	}
	return values
}
