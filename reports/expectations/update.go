package expectations

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"assay/reports/atomicfile"
	"assay/reports/results"
)

// Empty is a file without entries, for Update to fill.
func Empty(file string) *File {
	return &File{Path: file, content: []byte("schemaVersion: " + SchemaVersion + "\nexpectations: []\n")}
}

// todo is the comment and the reason of entries that Update adds.
const todo = "to be explained"

// Update is the file with what was observed in the run in place of what is not so any more, and with
// entries for the failures of must checks that nobody expected. Comments, the order and empty lines
// stay. The notes say what somebody has to look at.
func (f *File) Update(run *results.Results) (content []byte, notes []string, err error) {
	document, marked, err := parseMarked(f.content)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	list := child(document.Content[0], "expectations")
	if list == nil {
		return nil, nil, fmt.Errorf("%s: has no list of expectations", f.Path)
	}
	if list.Kind != yaml.SequenceNode {
		*list = yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	}
	covered, unexpected := f.sort(run)
	for i := range f.Entries {
		notes = append(notes, f.updateEntry(&f.Entries[i], list.Content[i], covered[i])...)
	}
	for _, check := range run.Checks {
		cells := unexpected[check.ID]
		if len(cells) == 0 {
			continue
		}
		list.Style &^= yaml.FlowStyle
		if len(cells) == len(run.Columns) && len(cells) > 1 {
			cells[0].Column = ""
			cells = cells[:1]
		}
		for _, cell := range cells {
			list.Content = append(list.Content, added(cell))
			notes = append(notes, fmt.Sprintf("%s: %s is expected to fail from now on; write the reason", f.Path, cell.Check))
		}
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(document), encoder.Close()); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	content = out.Bytes()
	if marked {
		content = unmark(content)
	}
	return content, notes, nil
}

// Write updates the file, see Update, and writes it where that changes it.
func (f *File) Write(path string, run *results.Results) (notes []string, err error) {
	content, notes, err := f.Update(run)
	if err != nil || bytes.Equal(content, f.content) {
		return notes, err
	}
	return notes, atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// sort gives each entry the cells that it counts for, and each check its failures that no entry expects.
func (f *File) sort(run *results.Results) (covered map[int][]results.Cell, unexpected map[string][]results.Cell) {
	covered, unexpected = map[int][]results.Cell{}, map[string][]results.Cell{}
	for _, cell := range run.Cells {
		column, _ := run.Column(cell.Column)
		check, _ := run.Check(cell.Check)
		entry := f.of(cell.Check, column)
		switch {
		case entry != nil && cell.Stated():
			at := slices.IndexFunc(f.Entries, func(e Entry) bool { return e.Line == entry.Line })
			covered[at] = append(covered[at], cell)
		case entry == nil && cell.Verdict == results.Fail && check.Level == results.LevelMust:
			unexpected[cell.Check] = append(unexpected[cell.Check], cell)
		}
	}
	return covered, unexpected
}

// updateEntry writes what was observed into an entry.
func (f *File) updateEntry(e *Entry, node *yaml.Node, cells []results.Cell) (notes []string) {
	note := func(format string, arguments ...any) {
		notes = append(notes, f.Place(e)+": "+fmt.Sprintf(format, arguments...))
	}
	if len(cells) == 0 {
		note("the entry for %s matches nothing that was observed, and stays as it is", e.Check)
		return notes
	}
	verdicts, values := map[string]bool{}, map[string]json.RawMessage{}
	for _, cell := range cells {
		verdicts[cell.Verdict.String()] = true
		value := pinned(e.Observed, cell.Observed)
		values[compact(value)] = value
	}
	if verdict := child(node, "verdict"); verdict != nil && !verdicts[verdict.Value] {
		if len(verdicts) > 1 {
			note("the cells of the entry for %s have the verdicts %s: split the entry", e.Check, strings.Join(slices.Sorted(maps.Keys(verdicts)), ", "))
		}
		for word := range verdicts {
			if len(verdicts) == 1 {
				note("verdict %s is %s now", verdict.Value, word)
				verdict.Value = word
			}
		}
	}
	observed := child(node, "observed")
	if observed == nil || differs(e.Observed, values) == nil {
		return notes
	}
	if len(values) > 1 {
		note("the cells of the entry for %s have different observations: split the entry", e.Check)
		return notes
	}
	for _, value := range values {
		note("the observation changed: %s", differences(e.Observed, value))
		replace(observed, value)
	}
	return notes
}

// differs is a value that is not the wanted one; nil where all are.
func differs(wanted json.RawMessage, values map[string]json.RawMessage) json.RawMessage {
	for _, value := range values {
		if differences(wanted, value) != "" {
			return value
		}
	}
	return nil
}

func compact(value json.RawMessage) string {
	var out bytes.Buffer
	if json.Compact(&out, value) != nil {
		return string(value)
	}
	return out.String()
}

// replace writes a value into a node: of a mapping into its members, so that their order and comments
// stay.
func replace(node *yaml.Node, value json.RawMessage) {
	var members map[string]json.RawMessage
	if node.Kind == yaml.MappingNode && json.Unmarshal(value, &members) == nil && members != nil {
		var content []*yaml.Node
		for i := 0; i+1 < len(node.Content); i += 2 {
			if member, there := members[node.Content[i].Value]; there {
				replace(node.Content[i+1], member)
				content = append(content, node.Content[i], node.Content[i+1])
			}
		}
		node.Content = content
		return
	}
	fresh := yaml.Node{}
	if err := yaml.Unmarshal(value, &fresh); err != nil || len(fresh.Content) == 0 {
		fresh.Content = []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}}
	}
	written := *fresh.Content[0] // JSON is YAML
	written.HeadComment, written.LineComment, written.FootComment = node.HeadComment, node.LineComment, node.FootComment
	var text string
	if json.Unmarshal(value, &text) == nil {
		written.Style = 0 // quoted only where it has to be
	}
	*node = written
}

// added is an entry for a failure.
func added(cell results.Cell) *yaml.Node {
	entry := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", HeadComment: "# Added by --update-expectations: " + todo + "."}
	for _, field := range [][2]string{
		{"check", cell.Check},
		{"column", cell.Column},
		{"verdict", cell.Verdict.String()},
		{"reason", todo},
	} {
		if field[1] != "" {
			entry.Content = append(entry.Content, text(field[0]), text(field[1]))
		}
	}
	return entry
}

func text(value string) *yaml.Node {
	node := &yaml.Node{}
	node.SetString(value)
	return node
}

// child is the value of a field of a mapping; nil where there is none.
func child(node *yaml.Node, field string) *yaml.Node {
	for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == field {
			return node.Content[i+1]
		}
	}
	return nil
}

// blank stands for an empty line, which the YAML library would drop, while it is parsed.
const blank = "#:an empty line:"

// parseMarked parses the content with marks for its empty lines, where these do not change what it says.
func parseMarked(content []byte) (document *yaml.Node, marked bool, err error) {
	lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			lines[i] = blank
		}
	}
	var plain, with any
	document = &yaml.Node{}
	if err := yaml.Unmarshal(content, &plain); err != nil {
		return nil, false, err
	}
	text := []byte(strings.Join(lines, "\n") + "\n")
	if yaml.Unmarshal(text, &with) == nil && reflect.DeepEqual(plain, with) && yaml.Unmarshal(text, document) == nil {
		return document, true, nil
	}
	*document = yaml.Node{}
	err = yaml.Unmarshal(content, document)
	return document, false, err
}

func unmark(content []byte) []byte {
	lines := strings.Split(string(content), "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) == blank {
			lines[i] = ""
		}
	}
	return []byte(strings.Join(lines, "\n"))
}
