// Package terminal renders the end of a run for whoever sits in front of it: what differs, what failed,
// where the time went, where the reports are, and what the exit status means.
package terminal

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"assay/reports/difference"
	"assay/reports/failure"
	"assay/reports/inert"
	"assay/reports/results"
)

// Options say how to write.
type Options struct {
	// Width is that of the terminal in characters; 0 is 100.
	Width int
	// Colour allows escape codes for colours.
	Colour bool
	// Directory is where the reports lie, and Files are their names in it; nothing is said of them when
	// there are none.
	Directory string
	Files     []string
}

// The limits of what a terminal is good for; the reports have the rest.
const (
	defaultWidth = 100
	leastWidth   = 40
	nameWidth    = 60
	valueWidth   = 200
	verdictWidth = 60
	labelWidth   = 300
	reasonWidth  = 1000
	labelNames   = 12
	mostRows     = 6
	mostTexts    = 50
	mostAffected = 8
)

// Write writes the text.
func Write(w io.Writer, run *results.Results, options Options) error {
	p := &printer{w: w, width: max(options.Width, leastWidth), colour: options.Colour}
	if options.Width <= 0 {
		p.width = defaultWidth
	}
	p.differs(run)
	p.failures(run)
	p.errors(run)
	p.times(run)
	p.counts(run)
	p.files(options)
	p.outcome(run)
	if p.err != nil {
		return fmt.Errorf("write the end of the run: %w", p.err)
	}
	return nil
}

// printer writes lines; the first error ends it.
type printer struct {
	w      io.Writer
	width  int
	colour bool
	err    error
}

func (p *printer) line(text string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, strings.TrimRight(text, " ")+"\n")
	}
}

func (p *printer) title(format string, args ...any) {
	p.line("")
	p.line(p.coloured(fmt.Sprintf(format, args...), bold))
}

func (p *printer) differs(run *results.Results) {
	if len(run.Columns) < 2 {
		return
	}
	differing := run.Differing()
	p.title("What differs: %d of %d checks", len(differing), len(run.Checks))
	if len(differing) == 0 {
		p.line(indent + "nothing: all columns have the same verdicts and the same recorded values")
		return
	}
	var rows [][]field
	for _, check := range differing {
		rows = append(rows, rowsOf(run, check)...)
	}
	p.table(heads(run, "check"), rows)
}

// rowsOf has the rows of one check: its ID with the verdicts or the one value that differ, and below it
// the members that differ.
func rowsOf(run *results.Results, check results.Check) [][]field {
	id := field{inert.Short(check.ID, nameWidth), bold}
	var rows [][]field
	all := difference.Of(run, check.ID)
	for i, row := range all {
		if i == mostRows {
			return append(rows, pad([]field{{fmt.Sprintf("%sand %d more, see results.json", indent, len(all)-i), faint}}, len(run.Columns)))
		}
		first := id
		if len(row.Of) > 0 {
			if i == 0 {
				rows = append(rows, pad([]field{id}, len(run.Columns)))
			}
			first = plain(indent + inert.Short(row.Label(labelNames), labelWidth))
		} else if i > 0 {
			first = plain(indent + "recorded")
		}
		fields := []field{first}
		for _, value := range row.Values {
			fields = append(fields, valueField(row, value))
		}
		rows = append(rows, fields)
	}
	return rows
}

func valueField(row difference.Row, value string) field {
	if !row.Verdict {
		return plain(inert.Short(value, valueWidth))
	}
	word, _, _ := strings.Cut(strings.Trim(value, "()"), ":")
	return field{inert.Short(value, verdictWidth), colourOfWord(word)}
}

func colourOfWord(word string) string {
	for _, verdict := range results.Verdicts() {
		if verdict.String() == word {
			return colourOf(verdict)
		}
	}
	return ""
}

// pad fills a row with empty fields for the columns.
func pad(row []field, columns int) []field {
	return append(row, make([]field, columns)...)
}

func heads(run *results.Results, first ...string) []field {
	var head []field
	for _, name := range first {
		head = append(head, field{name, faint})
	}
	for _, column := range run.Columns {
		head = append(head, field{inert.Short(column.Name, nameWidth), bold})
	}
	return head
}

func (p *printer) failures(run *results.Results) {
	broken, warnings := run.Failures()
	p.texts(run, broken, "Failures: %d", red)
	p.texts(run, warnings, "Warnings, recommendations that are not followed: %d", yellow)
}

// texts writes the full text of each cell.
func (p *printer) texts(run *results.Results, cells []results.Cell, title, colour string) {
	if len(cells) == 0 {
		return
	}
	p.title(title, len(cells))
	for i, cell := range cells {
		if i == mostTexts {
			p.line(fmt.Sprintf("%sand %d more, see the reports", indent, len(cells)-i))
			return
		}
		if i > 0 {
			p.line("")
		}
		p.text(run, cell, colour)
	}
}

func (p *printer) text(run *results.Results, cell results.Cell, colour string) {
	first := true
	for line := range strings.Lines(failure.Text(run, cell)) {
		line = strings.TrimRight(line, "\n")
		if first {
			line, first = p.coloured(line, colour), false
		}
		p.line(indent + line)
	}
}

// errors groups the errors by column and reason: of a column that did not boot every cell has the same.
func (p *printer) errors(run *results.Results) {
	cells := run.Errors()
	if len(cells) == 0 {
		return
	}
	p.title("Errors of the suite or the cluster, which say nothing about the runtime: %d", len(cells))
	for _, column := range run.Columns {
		if column.Error != "" {
			p.wrapped(indent, fmt.Sprintf("column %s could not be observed: %s", inert.Short(column.Name, nameWidth), inert.Short(column.Error, reasonWidth)), magenta)
			if column.Logs != "" {
				p.wrapped(indent, "the nodes' logs are in "+inert.Short(column.Logs, reasonWidth), "")
			}
		}
	}
	for written := 0; len(cells) > 0; written++ {
		if written == mostTexts {
			p.line(fmt.Sprintf("%sand %d more, see the reports", indent, len(cells)))
			return
		}
		first := cells[0]
		var same []string
		cells = slices.DeleteFunc(cells, func(cell results.Cell) bool {
			if cell.Column != first.Column || cell.Reason != first.Reason {
				return false
			}
			same = append(same, inert.Short(cell.Check, nameWidth))
			return true
		})
		if len(same) == 1 {
			if written > 0 {
				p.line("")
			}
			p.text(run, first, magenta)
			continue
		}
		affected := fmt.Sprintf("%d checks", len(same))
		if len(same) <= mostAffected {
			affected = strings.Join(same, ", ")
		} else {
			affected += fmt.Sprintf(" (%s ...)", strings.Join(same[:mostAffected], ", "))
		}
		p.wrapped(indent, fmt.Sprintf("%s: %s", inert.Short(first.Column, nameWidth), inert.Short(first.Reason, reasonWidth)), magenta)
		p.wrapped(indent+indent, affected, "")
	}
}

func (p *printer) times(run *results.Results) {
	names := run.PhaseNames()
	if len(names) == 0 {
		return
	}
	p.title("Where the time went: %s", results.Duration(run.Run.Finished.Sub(run.Run.Started).Seconds()))
	var rows [][]field
	for _, name := range names {
		row := []field{plain(inert.Short(name, nameWidth)), plain(phase(run, "", name))}
		for _, column := range run.Columns {
			row = append(row, plain(phase(run, column.Name, name)))
		}
		rows = append(rows, row)
	}
	p.table(heads(run, "phase", "run"), rows)
}

func phase(run *results.Results, column, name string) string {
	took, found := run.PhaseTime(column, name)
	if !found {
		return "-"
	}
	return took.String()
}

func (p *printer) counts(run *results.Results) {
	if len(run.Columns) == 0 {
		return
	}
	p.title("Verdicts: %d checks", len(run.Checks))
	head := heads(&results.Results{}, "column")
	verdicts := results.Verdicts()
	slices.Reverse(verdicts)
	all := run.Count()
	verdicts = slices.DeleteFunc(verdicts, func(verdict results.Verdict) bool { return all[verdict] == 0 })
	for _, verdict := range verdicts {
		head = append(head, field{verdict.String(), colourOf(verdict)})
	}
	var rows [][]field
	for _, column := range run.Columns {
		row := []field{plain(inert.Short(failure.Column(column, column.Name), valueWidth))}
		counts := run.Count(column.Name)
		for _, verdict := range verdicts {
			row = append(row, plain(fmt.Sprint(counts[verdict])))
		}
		rows = append(rows, row)
	}
	p.table(head, rows)
}

func (p *printer) files(options Options) {
	if len(options.Files) == 0 {
		return
	}
	p.title("Reports in %s", inert.Line(options.Directory))
	p.wrapped(indent, strings.Join(options.Files, "  "), "")
}

func (p *printer) outcome(run *results.Results) {
	outcome := run.Outcome()
	colour := red
	if outcome.Status == results.ExitExpected {
		colour = green
	}
	p.line("")
	p.wrapped("", inert.Short(outcome.String(), reasonWidth), colour)
}
