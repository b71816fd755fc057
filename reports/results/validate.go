package results

import "fmt"

// The levels of a check.
const (
	LevelMust   = "must"
	LevelShould = "should"
	LevelInfo   = "info"
)

// Validate says whether the parts of the results fit together: names and IDs are there and unique,
// levels are known, cells and phases belong to checks and columns that are there, no cell is there
// twice. The error is an InvalidError.
func (r *Results) Validate() error {
	return r.validate(&document{file: "results"})
}

func (r *Results) validate(d *document) error {
	invalid := func(list string, index int, format string, args ...any) error {
		err := d.invalid(d.place(list, index), nil, "%s[%d]: %s", list, index, fmt.Sprintf(format, args...))
		if len(d.data) == 0 {
			err.Line = 0
		}
		return err
	}
	columns := make(map[string]bool, len(r.Columns))
	for i, column := range r.Columns {
		switch {
		case column.Name == "":
			return invalid("columns", i, "the column has no name")
		case columns[column.Name]:
			return invalid("columns", i, "a second column has the name %q", column.Name)
		}
		columns[column.Name] = true
	}
	checks := make(map[string]bool, len(r.Checks))
	for i, check := range r.Checks {
		switch {
		case check.ID == "":
			return invalid("checks", i, "the check has no id")
		case checks[check.ID]:
			return invalid("checks", i, "a second check has the id %q", check.ID)
		case check.Level != LevelMust && check.Level != LevelShould && check.Level != LevelInfo:
			return invalid("checks", i, "the level of %q is %q; it can be must, should or info", check.ID, check.Level)
		}
		checks[check.ID] = true
	}
	cells := make(map[place]bool, len(r.Cells))
	for i, cell := range r.Cells {
		switch {
		case !checks[cell.Check]:
			return invalid("cells", i, "there is no check %q", cell.Check)
		case !columns[cell.Column]:
			return invalid("cells", i, "there is no column %q", cell.Column)
		case cells[place{cell.Check, cell.Column}]:
			return invalid("cells", i, "a second cell of check %q in column %q", cell.Check, cell.Column)
		}
		cells[place{cell.Check, cell.Column}] = true
	}
	for i, phase := range r.Phases {
		if phase.Column != "" && !columns[phase.Column] {
			return invalid("phases", i, "there is no column %q", phase.Column)
		}
	}
	return nil
}

// place is a cell's place in the matrix.
type place struct{ check, column string }
