// Package difference says in a few words what was observed, and in which values the columns of a run
// differ.
package difference

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"assay/reports/inert"
	"assay/reports/results"
)

// Absent stands for a value that one column has and another has not.
const Absent = "absent"

// Row is one thing in which columns differ.
type Row struct {
	// Verdict says that Values are the verdicts with their reasons, not what was observed.
	Verdict bool
	// Of are the names of the values within what was observed; all of them have the same Values. It is
	// empty where the observation is one value.
	Of []string
	// Values has a text for each column, of any length, in the order of the columns.
	Values []string
}

// Label names what the row is about, at most most names in full: "keyctl, mount and 16 more".
func (r Row) Label(most int) string {
	if len(r.Of) <= most {
		return strings.Join(r.Of, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(r.Of[:most], ", "), len(r.Of)-most)
}

// Of lists what the columns differ in for a check, in the verdict first; nothing where they do not
// differ. A cell that says nothing about the runtime is compared with none, its value is its verdict
// in parentheses.
func Of(run *results.Results, check string) []Row {
	if !run.Differs(check) {
		return nil
	}
	cells := run.Row(check)
	var rows []Row
	if verdictsDiffer(cells) {
		rows = append(rows, Row{Verdict: true, Values: each(cells, verdict)})
	}
	var compared []int
	var observed []json.RawMessage
	for i, cell := range cells {
		if cell.Stated() && len(cell.Observed) > 0 {
			compared = append(compared, i)
			observed = append(observed, cell.Observed)
		}
	}
	if described, _ := run.Check(check); described.Volatile != "" {
		return rows
	}
	for _, row := range Between(observed) {
		values := each(cells, func(cell results.Cell) string { return "(" + cell.Verdict.String() + ")" })
		for i, value := range row.Values {
			values[compared[i]] = value
		}
		rows = append(rows, Row{Of: row.Of, Values: values})
	}
	if len(rows) == 0 { // one column recorded a value and another nothing
		rows = append(rows, Row{Values: each(cells, func(cell results.Cell) string { return Short(cell.Observed, 200) })})
	}
	return rows
}

func verdictsDiffer(cells []results.Cell) bool {
	first := results.Error
	for _, cell := range cells {
		switch {
		case !cell.Stated():
		case first == results.Error:
			first = cell.Verdict
		case cell.Verdict != first:
			return true
		}
	}
	return false
}

// verdict is the verdict with what a reader needs besides: nothing when all is well.
func verdict(cell results.Cell) string {
	switch cell.Verdict {
	case results.Pass, results.Informed:
		return cell.Verdict.String()
	case results.Error, results.Skipped:
		return "(" + cell.Verdict.String() + ")"
	case results.Fail, results.Unsupported:
	}
	if cell.Reason == "" {
		return cell.Verdict.String()
	}
	return cell.Verdict.String() + ": " + inert.Short(cell.Reason, 200)
}

func each(cells []results.Cell, text func(results.Cell) string) []string {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = text(cell)
	}
	return texts
}

// Between lists what recorded values differ in. Of objects only the members that differ are listed, and
// those that differ in the same way share a row; the row with the most members comes first.
func Between(observed []json.RawMessage) []Row {
	grouped := map[string]*Row{}
	for _, member := range membersOf(observed) {
		values := leavesText(member.values)
		if len(slices.Compact(slices.Clone(values))) < 2 {
			continue
		}
		same := strings.Join(values, separator)
		if group, found := grouped[same]; found {
			group.Of = append(group.Of, member.names...)
		} else {
			grouped[same] = &Row{Of: member.names, Values: values}
		}
	}
	rows := make([]Row, 0, len(grouped))
	for _, row := range grouped {
		rows = append(rows, *row)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(len(b.Of), len(a.Of)), slices.Compare(a.Of, b.Of), slices.Compare(a.Values, b.Values))
	})
	return rows
}

// member is one value within observations, or the whole of them, as each observation has it.
type member struct {
	// names is the name of the value, nothing where it is the whole, and path the names that lead to it.
	names  []string
	path   []string
	values []any
}

// membersOf lists the members of objects in the order of their names, or the whole where the
// observations are not all objects.
func membersOf(observed []json.RawMessage) []member {
	decoded := make([]any, len(observed))
	objects := 0
	for i, value := range observed {
		decoded[i] = decode(value)
		if _, is := decoded[i].(map[string]any); is {
			objects++
		}
	}
	if objects != len(observed) {
		return []member{{values: decoded}}
	}
	columns := make([]map[string]any, len(decoded))
	keys := map[string]bool{}
	for i, value := range decoded {
		columns[i] = map[string]any{}
		flatten(columns[i], "", value)
		for key := range columns[i] {
			keys[key] = true
		}
	}
	members := make([]member, 0, len(keys))
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		values := make([]any, len(columns))
		for i, column := range columns {
			values[i] = absent{}
			if value, found := column[key]; found {
				values[i] = value
			}
		}
		members = append(members, member{names: []string{nameOf(key)}, path: strings.Split(strings.TrimPrefix(key, separator), separator), values: values})
	}
	return members
}

// separator stands between the names of nested members; no text that is shown holds it.
const separator = "\x00"

// nameOf is the name of a nested member for the reader.
func nameOf(path string) string {
	name := inert.Line(strings.ReplaceAll(strings.TrimPrefix(path, separator), separator, " "))
	if name == "" {
		return `""`
	}
	return name
}

// absent is the value of a member that is not there.
type absent struct{}

func flatten(into map[string]any, path string, value any) {
	object, is := value.(map[string]any)
	if !is || len(object) == 0 && path != "" {
		into[path] = value
		return
	}
	for name, member := range object {
		flatten(into, path+separator+name, member)
	}
}
