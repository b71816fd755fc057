package results

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Complete sees to it that no cell is missing: every check has a cell in every column, those that
// nobody recorded are errors with the reason, and the cells are in stable order.
func (r *Results) Complete() {
	there := make(map[place]bool, len(r.Cells))
	for i := range r.Cells {
		cell := &r.Cells[i]
		there[place{cell.Check, cell.Column}] = true
		if cell.Verdict == Error && cell.Reason == "" {
			cell.Reason = "no reason was recorded"
		}
	}
	for _, check := range r.Checks {
		for _, column := range r.Columns {
			if !there[place{check.ID, column.Name}] {
				r.Cells = append(r.Cells, missing(check.ID, column))
			}
		}
	}
	r.Sort()
}

func missing(check string, column Column) Cell {
	reason := "nothing was recorded for this check in this column"
	if column.Error != "" {
		reason = column.Error
	}
	return Cell{Check: check, Column: column.Name, Verdict: Error, Reason: reason}
}

// Sort puts the cells in the order of the checks and, of one check, in the order of the columns. Cells
// of checks and columns that are not there come last.
func (r *Results) Sort() {
	checks := make(map[string]int, len(r.Checks))
	for i, check := range r.Checks {
		checks[check.ID] = i
	}
	columns := make(map[string]int, len(r.Columns))
	for i, column := range r.Columns {
		columns[column.Name] = i
	}
	order := func(known map[string]int, name string) int {
		if i, found := known[name]; found {
			return i
		}
		return len(known)
	}
	slices.SortStableFunc(r.Cells, func(a, b Cell) int {
		return cmp.Or(
			cmp.Compare(order(checks, a.Check), order(checks, b.Check)),
			cmp.Compare(order(columns, a.Column), order(columns, b.Column)),
		)
	})
}

// Check is a check by its ID.
func (r *Results) Check(id string) (Check, bool) {
	for _, check := range r.Checks {
		if check.ID == id {
			return check, true
		}
	}
	return Check{}, false
}

// Column is a column by its name.
func (r *Results) Column(name string) (Column, bool) {
	for _, column := range r.Columns {
		if column.Name == name {
			return column, true
		}
	}
	return Column{}, false
}

// Cell is the cell of a check in a column.
func (r *Results) Cell(check, column string) (Cell, bool) {
	for _, cell := range r.Cells {
		if cell.Check == check && cell.Column == column {
			return cell, true
		}
	}
	return Cell{}, false
}

// Row is the cells of a check, one a column in the order of the columns; a cell that is missing is an
// error cell.
func (r *Results) Row(check string) []Cell {
	row := make([]Cell, len(r.Columns))
	for i, column := range r.Columns {
		row[i] = missing(check, column)
	}
	for _, cell := range r.Cells {
		if cell.Check != check {
			continue
		}
		for i, column := range r.Columns {
			if column.Name == cell.Column {
				row[i] = cell
			}
		}
	}
	return row
}

// Stated says whether the cell says anything about the runtime. An error is the suite's or the
// cluster's, and what was skipped was not looked at.
func (c Cell) Stated() bool { return c.Verdict != Error && c.Verdict != Skipped }

// Differs says whether the columns differ in their verdict or in what was observed, unless that is
// volatile. Cells that say nothing about the runtime, errors and skipped ones, differ from none.
func (r *Results) Differs(check string) bool {
	var first *Cell
	described, _ := r.Check(check)
	row := r.Row(check)
	for i := range row {
		cell := &row[i]
		if !cell.Stated() {
			continue
		}
		if first == nil {
			first = cell
			continue
		}
		if cell.Verdict != first.Verdict || described.Volatile == "" && !SameObserved(cell.Observed, first.Observed) {
			return true
		}
	}
	return false
}

// Differing lists the checks in which the columns differ.
func (r *Results) Differing() []Check {
	var differing []Check
	for _, check := range r.Checks {
		if r.Differs(check.ID) {
			differing = append(differing, check)
		}
	}
	return differing
}

// SameObserved says whether two recorded values are the same, however they are written down.
func SameObserved(a, b json.RawMessage) bool {
	return bytes.Equal(a, b) || bytes.Equal(canonical(a), canonical(b))
}

func canonical(value json.RawMessage) []byte {
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	var decoded any
	if decoder.Decode(&decoded) != nil {
		return value
	}
	text, err := json.Marshal(decoded)
	if err != nil {
		return value
	}
	return text
}

// Counts says how many cells have each verdict.
type Counts map[Verdict]int

// String lists the counts that are not zero in the order of Verdicts: "1 fail, 12 info, 27 pass".
func (c Counts) String() string {
	var parts []string
	for _, verdict := range Verdicts() {
		if c[verdict] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c[verdict], verdict))
		}
	}
	if len(parts) == 0 {
		return "no cells"
	}
	return strings.Join(parts, ", ")
}

// Count counts the cells of the named columns by verdict, of all columns when none is named.
func (r *Results) Count(columns ...string) Counts {
	counts := Counts{}
	for _, cell := range r.Cells {
		if len(columns) == 0 || slices.Contains(columns, cell.Column) {
			counts[cell.Verdict]++
		}
	}
	return counts
}

// Failures are the cells that fail and are not expected to: those that break a rule, and the deviations
// from what is only recommended, which are warnings.
func (r *Results) Failures() (broken, warnings []Cell) {
	levels := make(map[string]string, len(r.Checks))
	for _, check := range r.Checks {
		levels[check.ID] = check.Level
	}
	for _, cell := range r.Cells {
		switch {
		case cell.Verdict != Fail, cell.ExpectedFailure():
		case levels[cell.Check] == LevelShould || levels[cell.Check] == LevelInfo:
			warnings = append(warnings, cell)
		default:
			broken = append(broken, cell)
		}
	}
	return broken, warnings
}

// Outliers is the number of the nodes that answer otherwise than most of their column.
func (c Cell) Outliers() int {
	count := 0
	for _, answer := range c.Nodes[min(1, len(c.Nodes)):] {
		count += len(answer.Nodes)
	}
	return count
}

// Names are the names of the nodes, of no more than most: "a, b and 3 more".
func (a NodeAnswer) Names(most int) string {
	if len(a.Nodes) <= most {
		return strings.Join(a.Nodes, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(a.Nodes[:most], ", "), len(a.Nodes)-most)
}

// Outliers are the cells of columns whose nodes do not all answer the same.
func (r *Results) Outliers() []Cell {
	return r.cells(func(c Cell) bool { return len(c.Nodes) > 0 })
}

// Errors are the cells about which the suite can make no statement.
func (r *Results) Errors() []Cell {
	return r.cells(func(c Cell) bool { return c.Verdict == Error })
}
