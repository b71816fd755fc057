package difference

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
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

// Values lists all values of two observations, in the order of their paths.
func Values(before, after json.RawMessage) []Value {
	sides := [2]map[string]any{}
	keys := map[string]bool{}
	for i, observed := range []json.RawMessage{before, after} {
		sides[i] = map[string]any{}
		flatten(sides[i], "", decode(observed))
		for key := range sides[i] {
			keys[key] = true
		}
	}
	text := func(side map[string]any, key string) string {
		if value, found := side[key]; found {
			return compact(value)
		}
		return Absent
	}
	values := make([]Value, 0, len(keys))
	for key := range maps.Keys(keys) {
		value := Value{Before: text(sides[0], key), After: text(sides[1], key)}
		if key != "" {
			value.Path = strings.Split(strings.TrimPrefix(key, separator), separator)
		} else if value.Before == Absent && value.After == Absent || len(keys) > 1 {
			continue
		}
		values = append(values, value)
	}
	slices.SortFunc(values, func(a, b Value) int { return cmp.Compare(a.Name(), b.Name()) })
	return values
}
