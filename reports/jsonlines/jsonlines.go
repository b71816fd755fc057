// Package jsonlines renders results as JSON lines, one a cell, for jq and its like: every line has all
// that is needed to group and filter, so that nothing has to be joined.
package jsonlines

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"assay/reports/results"
)

// line is a cell with what is known of its run, check and column.
type line struct {
	Run            string          `json:"run"`
	Started        time.Time       `json:"started"`
	Check          string          `json:"check"`
	Area           string          `json:"area"`
	Level          string          `json:"level"`
	Column         string          `json:"column"`
	Runtime        string          `json:"runtime"`
	RuntimeVersion string          `json:"runtimeVersion"`
	OCIRuntime     string          `json:"ociRuntime"`
	OCIVersion     string          `json:"ociRuntimeVersion"`
	Kubernetes     string          `json:"kubernetes"`
	Kernel         string          `json:"kernel"`
	Verdict        results.Verdict `json:"verdict"`
	Reason         string          `json:"reason"`
	Observed       json.RawMessage `json:"observed,omitempty"`
	// Differs says that the columns differ in this check.
	Differs bool `json:"differs"`
	// Expectation is what came of the expectations file: met, passed, broken or open.
	Expectation results.ExpectationState `json:"expectation,omitempty"`
	// Nodes are the answers of the column's nodes where they are not all the same.
	Nodes []results.NodeAnswer `json:"nodes,omitempty"`

	Attempts int     `json:"attempts"`
	Seconds  float64 `json:"seconds"`
	Rerun    string  `json:"rerun,omitempty"`
}

// Write writes the lines in the order of the checks and, of one check, of the columns.
func Write(w io.Writer, run *results.Results) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, check := range run.Checks {
		differs := run.Differs(check.ID)
		for i, cell := range run.Row(check.ID) {
			column := run.Columns[i]
			var expectation results.ExpectationState
			if cell.Expectation != nil {
				expectation = cell.Expectation.State
			}
			observedIn := run.RunOf(column)
			err := encoder.Encode(line{
				Run: observedIn.ID, Started: observedIn.Started,
				Check: check.ID, Area: check.Area, Level: check.Level,
				Column: column.Name, Runtime: column.Runtime.Name, RuntimeVersion: column.Runtime.Version,
				OCIRuntime: column.OCIRuntime.Name, OCIVersion: column.OCIRuntime.Version,
				Kubernetes: column.Kubernetes, Kernel: run.HostOf(column).Kernel,
				Verdict: cell.Verdict, Reason: cell.Reason, Observed: observed(cell.Observed), Differs: differs, Expectation: expectation, Nodes: answers(cell.Nodes),
				Attempts: cell.Attempts, Seconds: cell.Seconds, Rerun: cell.Rerun,
			})
			if err != nil {
				return fmt.Errorf("write JSON lines: check %s, column %s: %w", check.ID, column.Name, err)
			}
		}
	}
	return nil
}

func answers(list []results.NodeAnswer) []results.NodeAnswer {
	list = slices.Clone(list)
	for i := range list {
		list[i].Observed = observed(list[i].Observed)
	}
	return list
}

// observed is a value that can be part of a line: a value that is no JSON is left out, it is in
// results.json as a text.
func observed(value json.RawMessage) json.RawMessage {
	value = bytes.ToValidUTF8(value, []byte("\ufffd"))
	if !json.Valid(value) {
		return nil
	}
	return value
}
