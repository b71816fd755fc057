package difference

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"assay/reports/inert"
)

// Change is what became of a value of an observation, or of several to which the same happened.
type Change struct {
	// Of are the names of the values; it is empty where the observation is one value.
	Of []string `json:"of,omitempty"`
	// Before and After are the values in a line, of any length.
	Before string `json:"before"`
	After  string `json:"after"`
	// Gone and Added are the elements that a list lost and got; Kept is how many are in both. They are
	// there where the value is a list on both sides.
	Gone  []string `json:"gone,omitempty"`
	Added []string `json:"added,omitempty"`
	Kept  int      `json:"kept,omitempty"`
}

// List says that the values are lists, of which Gone and Added say all.
func (c Change) List() bool { return len(c.Gone)+len(c.Added) > 0 }

// Changes lists what became of an observation, value by value: those to which the same happened
// together, the most first.
func Changes(before, after json.RawMessage) []Change {
	grouped := map[string]*Change{}
	for _, member := range membersOf([]json.RawMessage{before, after}) {
		change := changeOf(member.values[0], member.values[1])
		if change.Before == change.After {
			continue
		}
		same := strings.Join([]string{change.Before, change.After}, separator)
		if change.List() {
			same = strings.Join([]string{strings.Join(change.Gone, " "), strings.Join(change.Added, " ")}, separator)
		}
		if group, found := grouped[same]; found {
			group.Of = append(group.Of, member.names...)
		} else {
			change.Of = member.names
			grouped[same] = &change
		}
	}
	changes := make([]Change, 0, len(grouped))
	for _, change := range grouped {
		changes = append(changes, *change)
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(len(b.Of), len(a.Of)), slices.Compare(a.Of, b.Of))
	})
	return changes
}

func changeOf(before, after any) Change {
	change := Change{Before: counted(before), After: counted(after)}
	if change.Before == change.After { // values of different types with the same text
		change.Before, change.After = asJSON(before), asJSON(after)
	}
	lists, are := asLists([]any{before, after})
	if !are {
		lists, are = options(before, after)
	}
	if !are || lists[0] == nil || lists[1] == nil {
		return change
	}
	for _, element := range lists[0] {
		if slices.Contains(lists[1], element) {
			change.Kept++
		} else {
			change.Gone = append(change.Gone, element)
		}
	}
	for _, element := range lists[1] {
		if !slices.Contains(lists[0], element) {
			change.Added = append(change.Added, element)
		}
	}
	return change
}

func asJSON(value any) string {
	if _, is := value.(absent); is {
		return Absent
	}
	text, err := json.Marshal(value)
	if err != nil {
		return Absent // what was decoded can be encoded
	}
	return inert.Line(string(text))
}

// options reads two texts as lists with commas, such as the options of a mount.
func options(before, after any) ([][]string, bool) {
	lists := make([][]string, 0, 2)
	for _, value := range []any{before, after} {
		text, is := value.(string)
		if !is || !strings.Contains(text, ",") || strings.ContainsAny(text, " \t\n") {
			return nil, false
		}
		list := strings.Split(inert.Line(text), ",")
		if len(slices.Compact(slices.Sorted(slices.Values(list)))) != len(list) {
			return nil, false
		}
		lists = append(lists, list)
	}
	return lists, true
}
