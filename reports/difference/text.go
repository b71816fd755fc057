package difference

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"assay/reports/inert"
)

// Short says what was observed in no more than width characters: a text as it is, of a list the number
// and the elements, of an object the members (those with the same value together), of a large one how
// often each value is there.
func Short(observed json.RawMessage, width int) string {
	return inert.Short(describe(observed, width), width)
}

func describe(observed json.RawMessage, width int) string {
	value := decode(observed)
	object, is := value.(map[string]any)
	if !is {
		return counted(value)
	}
	leaves := map[string]any{}
	flatten(leaves, "", object)
	if len(leaves) == 0 {
		return "none"
	}
	// Members with the same value are named together, in the order of the first of them.
	members := map[string][]string{}
	var order []string
	for _, key := range slices.Sorted(maps.Keys(leaves)) {
		text := counted(leaves[key])
		if members[text] == nil {
			order = append(order, text)
		}
		members[text] = append(members[text], nameOf(key))
	}
	parts := make([]string, len(order))
	for i, text := range order {
		parts[i] = strings.Join(members[text], ", ") + " " + text
	}
	all := strings.Join(parts, "; ")
	if len(all) <= width || len(leaves) < 12 || len(order) > len(leaves)/2 {
		return all
	}
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(len(members[b]), len(members[a])) })
	for i, text := range order {
		parts[i] = fmt.Sprintf("%d %s", len(members[text]), text)
	}
	return strings.Join(parts, "; ")
}

func decode(value json.RawMessage) any {
	if len(bytes.TrimSpace(value)) == 0 {
		return absent{}
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	var decoded any
	if err := decoder.Decode(&decoded); err != nil {
		return string(value)
	}
	return decoded
}

// counted is compact, with the number of words where a text is a list of constants.
func counted(value any) string {
	if text, is := value.(string); is {
		if words := constants(text); len(words) > 1 {
			return fmt.Sprintf("%d: %s", len(words), strings.Join(words, " "))
		}
	}
	return compact(value)
}

// compact is a value in one line.
func compact(value any) string {
	switch value := value.(type) {
	case absent:
		return Absent
	case string:
		if line := inert.Line(value); line != "" {
			return line
		}
		return "empty"
	case json.Number:
		return value.String()
	case []any:
		if len(value) == 0 {
			return "none"
		}
		return fmt.Sprintf("%d: %s", len(value), strings.Join(elements(value), " "))
	case map[string]any:
		if len(value) == 0 {
			return "none"
		}
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return inert.Line(string(text))
}

func compactEach(values []any) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = compact(value)
	}
	return texts
}

func elements(list []any) []string {
	texts := make([]string, len(list))
	for i, element := range list {
		if _, nested := element.([]any); nested {
			texts[i] = fmt.Sprint(element)
			continue
		}
		texts[i] = compact(element)
	}
	return texts
}

// leavesText has the text of one member in every column. Lists are told apart by what is not in all of
// them: "14: MKNOD NET_RAW and 12 shared".
func leavesText(leaves []any) []string {
	lists, are := asLists(leaves)
	if !are {
		return compactEach(leaves)
	}
	present, longest := 0, 0
	times := map[string]int{}
	for _, list := range lists {
		if list == nil {
			continue
		}
		present++
		longest = max(longest, len(list))
		for _, element := range list {
			times[element]++
		}
	}
	texts := make([]string, len(lists))
	for i, list := range lists {
		own := slices.DeleteFunc(slices.Clone(list), func(element string) bool { return times[element] == present })
		shared := len(list) - len(own)
		switch {
		case list == nil:
			texts[i] = Absent
		case len(list) == 0:
			texts[i] = "none"
		case shared == 0 || present == 1 || longest <= shownWhole:
			texts[i] = fmt.Sprintf("%d: %s", len(list), strings.Join(list, " "))
		case len(own) == 0:
			texts[i] = fmt.Sprintf("%d: all shared", len(list))
		default:
			texts[i] = fmt.Sprintf("%d: %s and %d shared", len(list), strings.Join(own, " "), shared)
		}
	}
	return texts
}

// shownWhole is the length up to which lists are shown whole.
const shownWhole = 4

// constants are the words of a text that is a list of constants as the kernel names them, capabilities
// for one, with or without their number before them ("2: NET_RAW SYS_CHROOT"); nil where it is another
// text.
func constants(text string) []string {
	words := strings.Fields(text)
	if len(words) > 0 && words[0] == fmt.Sprintf("%d:", len(words)-1) {
		words = words[1:]
	}
	for _, word := range words {
		for i, r := range word {
			if letter := r >= 'A' && r <= 'Z'; !letter && (i == 0 || r != '_' && (r < '0' || r > '9')) {
				return nil
			}
		}
	}
	return words
}

// asLists reads the values as lists of different elements, a text of several constants being one. A
// value that is absent is nil. It fails where a value is no such list, or all hold the same elements,
// so that only the order differs.
func asLists(leaves []any) ([][]string, bool) {
	lists := make([][]string, len(leaves))
	several := false
	for i, leaf := range leaves {
		switch leaf := leaf.(type) {
		case absent:
			continue
		case []any:
			lists[i] = elements(leaf)
			several = true
		case string:
			if leaf == "none" || leaf == "" {
				lists[i] = []string{}
				continue
			}
			if lists[i] = constants(leaf); lists[i] == nil {
				return nil, false
			}
			several = several || len(lists[i]) > 1
		default:
			return nil, false
		}
		sorted := slices.Sorted(slices.Values(lists[i]))
		if len(slices.Compact(sorted)) != len(lists[i]) {
			return nil, false
		}
	}
	return lists, several && !sameElements(lists)
}

func sameElements(lists [][]string) bool {
	first := slices.Sorted(slices.Values(lists[0]))
	for _, list := range lists {
		if list == nil || !slices.Equal(first, slices.Sorted(slices.Values(list))) {
			return false
		}
	}
	return true
}
