package difference

import (
	"encoding/json"
	"maps"
	"slices"
)

// Member is one value of what was recorded.
type Member struct{ Name, Value string }

// Members lists the values of a recorded object, those of nested objects too, in the order of their
// names; texts have any length. What is no object is one member without a name, nothing is none.
func Members(observed json.RawMessage) []Member {
	value := decode(observed)
	switch value.(type) {
	case absent:
		return nil
	case map[string]any:
	default:
		return []Member{{Value: counted(value)}}
	}
	leaves := map[string]any{}
	flatten(leaves, "", value)
	members := make([]Member, 0, len(leaves))
	for _, path := range slices.Sorted(maps.Keys(leaves)) {
		members = append(members, Member{Name: nameOf(path), Value: counted(leaves[path])})
	}
	return members
}
