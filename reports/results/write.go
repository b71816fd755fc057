package results

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"assay/reports/atomicfile"
)

// Write writes the results file, with mode 0644, as a whole or not at all.
func (r *Results) Write(path string) error {
	return atomicfile.Write(path, r.Encode)
}

// Encode writes the results document: lists that hold nothing are empty, not null, and a recorded
// value that is no JSON is written as a text, so that one bad value does not cost the whole run.
func (r *Results) Encode(w io.Writer) error {
	written := *r
	written.SchemaVersion = SchemaVersion
	written.Run, written.Host = withLists(r.Run, r.Host)
	written.Columns = orEmpty(slices.Clone(r.Columns))
	for i := range written.Columns {
		column := &written.Columns[i]
		column.Nodes = orEmpty(column.Nodes)
		if column.From != nil {
			run, host := withLists(column.From.Run, column.From.Host)
			column.From = &Origin{Run: run, Host: host}
		}
	}
	if r.Expectations != nil {
		expectations := *r.Expectations
		expectations.Findings = orEmpty(expectations.Findings)
		written.Expectations = &expectations
	}
	written.Checks = orEmpty(r.Checks)
	written.Cells = orEmpty(slices.Clone(r.Cells))
	for i := range written.Cells {
		cell := &written.Cells[i]
		cell.Observed = valid(cell.Observed)
		cell.Nodes = slices.Clone(cell.Nodes)
		for j := range cell.Nodes {
			answer := &cell.Nodes[j]
			answer.Nodes, answer.Observed = orEmpty(answer.Nodes), valid(answer.Observed)
		}
	}
	written.Phases = orEmpty(r.Phases)

	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(written); err != nil {
		return fmt.Errorf("encode the results: %w", err)
	}
	return nil
}

func withLists(run Run, host Host) (Run, Host) {
	run.Versions = orEmptyMap(run.Versions)
	run.CommandLine = orEmpty(run.CommandLine)
	host.Restrictions = orEmpty(host.Restrictions)
	return run, host
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func orEmptyMap(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func valid(value json.RawMessage) json.RawMessage {
	if len(value) == 0 {
		return nil
	}
	value = bytes.ToValidUTF8(value, []byte("\ufffd"))
	if json.Valid(value) {
		return value
	}
	text, err := json.Marshal(string(value))
	if err != nil {
		return nil // a string can always be encoded
	}
	return text
}
