// Package terminal renders the end of a run for whoever sits in front of it: what differs, what failed,
// where the time went, where the reports are, and what the exit status means.
package terminal

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"assay/reports/console"
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
	p := &printer{console.New(w, options.Width, options.Colour)}
	p.differs(run)
	p.outliers(run)
	p.failures(run)
	p.expectations(run)
	p.errors(run)
	p.times(run)
	p.counts(run)
	p.files(options)
	p.outcome(run)
	if err := p.Err(); err != nil {
		return fmt.Errorf("write the end of the run: %w", err)
	}
	return nil
}

// printer writes the parts of the text.
type printer struct{ *console.Printer }

func (p *printer) differs(run *results.Results) {
	if len(run.Columns) < 2 {
		return
	}
	differing := run.Differing()
	p.Title("What differs: %d of %d checks", len(differing), len(run.Checks))
	if len(differing) == 0 {
		p.Line(console.Indent + "nothing: all columns have the same verdicts and the same recorded values")
		return
	}
	var rows [][]console.Field
	for _, check := range differing {
		rows = append(rows, rowsOf(run, check)...)
	}
	p.Table(heads(run, "check"), rows)
}

// rowsOf has the rows of one check: its ID with the verdicts or the one value that differ, and below it
// the members that differ.
func rowsOf(run *results.Results, check results.Check) [][]console.Field {
	id := console.Styled(inert.Short(check.ID, nameWidth), console.Bold)
	var rows [][]console.Field
	all := difference.Of(run, check.ID)
	for i, row := range all {
		if i == mostRows {
			return append(rows, pad([]console.Field{console.Styled(fmt.Sprintf("%sand %d more, see results.json", console.Indent, len(all)-i), console.Faint)}, len(run.Columns)))
		}
		first := id
		if len(row.Of) > 0 {
			if i == 0 {
				rows = append(rows, pad([]console.Field{id}, len(run.Columns)))
			}
			first = console.Plain(console.Indent + inert.Short(row.Label(labelNames), labelWidth))
		} else if i > 0 {
			first = console.Plain(console.Indent + "recorded")
		}
		fields := []console.Field{first}
		for _, value := range row.Values {
			fields = append(fields, valueField(row, value))
		}
		rows = append(rows, fields)
	}
	return rows
}

func valueField(row difference.Row, value string) console.Field {
	if !row.Verdict {
		return console.Plain(inert.Short(value, valueWidth))
	}
	word, _, _ := strings.Cut(strings.Trim(value, "()"), ":")
	return console.Styled(inert.Short(value, verdictWidth), colourOfWord(word))
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
func pad(row []console.Field, columns int) []console.Field {
	return append(row, make([]console.Field, columns)...)
}

func heads(run *results.Results, first ...string) []console.Field {
	var head []console.Field
	for _, name := range first {
		head = append(head, console.Styled(name, console.Faint))
	}
	for _, column := range run.Columns {
		head = append(head, console.Styled(inert.Short(column.Name, nameWidth), console.Bold))
	}
	return head
}

// outliers says which nodes answer otherwise than others of their column.
func (p *printer) outliers(run *results.Results) {
	cells := run.Outliers()
	if len(cells) == 0 {
		return
	}
	p.Title("Nodes that answer otherwise than others of their column: %d", len(cells))
	for i, cell := range cells {
		if i == mostTexts {
			p.Line(fmt.Sprintf("%sand %d more, see the reports", console.Indent, len(cells)-i))
			return
		}
		p.Line(console.Indent + p.Coloured(fmt.Sprintf("%s in %s", inert.Short(cell.Check, nameWidth), inert.Short(cell.Column, nameWidth)), console.Bold))
		for _, line := range difference.Nodes(cell) {
			p.Wrapped(console.Indent+console.Indent, inert.Short(line, reasonWidth), "")
		}
	}
}

func (p *printer) failures(run *results.Results) {
	broken, warnings := run.Failures()
	p.texts(run, broken, "Failures: %d", console.Red)
	p.texts(run, warnings, "Warnings, recommendations that are not followed: %d", console.Yellow)
}

// expectations says which failures are expected, which expectations are broken and which are out of date.
func (p *printer) expectations(run *results.Results) {
	p.texts(run, run.Unexpected(), "Broken expectations: %d", console.Red)
	if expected := run.Expected(); len(expected) > 0 {
		p.Title("Expected failures: %d", len(expected))
		for i, cell := range expected {
			if i == mostTexts {
				p.Line(fmt.Sprintf("%sand %d more, see the reports", console.Indent, len(expected)-i))
				break
			}
			p.Wrapped(console.Indent, inert.Short(fmt.Sprintf("%s in %s: %s %s", cell.Check, cell.Column, cell.Expectation.Reason, cell.Expectation.Link), reasonWidth), "")
		}
	}
	if run.Expectations == nil || len(run.Expectations.Findings) == 0 {
		return
	}
	p.Title("Expectations to look at: %d", len(run.Expectations.Findings))
	for _, finding := range run.Expectations.Findings {
		colour := console.Yellow
		if finding.Strict && run.Expectations.Strict {
			colour = console.Red
		}
		p.Wrapped(console.Indent, inert.Short(finding.Entry+": "+finding.Text, reasonWidth), colour)
	}
}

// texts writes the full text of each cell.
func (p *printer) texts(run *results.Results, cells []results.Cell, title, colour string) {
	if len(cells) == 0 {
		return
	}
	p.Title(title, len(cells))
	for i, cell := range cells {
		if i == mostTexts {
			p.Line(fmt.Sprintf("%sand %d more, see the reports", console.Indent, len(cells)-i))
			return
		}
		if i > 0 {
			p.Line("")
		}
		p.text(run, cell, colour)
	}
}

func (p *printer) text(run *results.Results, cell results.Cell, colour string) {
	first := true
	for line := range strings.Lines(failure.Text(run, cell)) {
		line = strings.TrimRight(line, "\n")
		if first {
			line, first = p.Coloured(line, colour), false
		}
		p.Line(console.Indent + line)
	}
}

// errors groups the errors by column and reason: of a column that did not boot every cell has the same.
func (p *printer) errors(run *results.Results) {
	cells := run.Errors()
	if len(cells) == 0 {
		return
	}
	p.Title("Errors of the suite or the cluster, which say nothing about the runtime: %d", len(cells))
	for _, column := range run.Columns {
		if column.Error != "" {
			p.Wrapped(console.Indent, fmt.Sprintf("column %s could not be observed: %s", inert.Short(column.Name, nameWidth), inert.Short(column.Error, reasonWidth)), console.Magenta)
			if column.Logs != "" {
				p.Wrapped(console.Indent, "the nodes' logs are in "+inert.Short(column.Logs, reasonWidth), "")
			}
		}
	}
	for written := 0; len(cells) > 0; written++ {
		if written == mostTexts {
			p.Line(fmt.Sprintf("%sand %d more, see the reports", console.Indent, len(cells)))
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
				p.Line("")
			}
			p.text(run, first, console.Magenta)
			continue
		}
		affected := fmt.Sprintf("%d checks", len(same))
		if len(same) <= mostAffected {
			affected = strings.Join(same, ", ")
		} else {
			affected += fmt.Sprintf(" (%s ...)", strings.Join(same[:mostAffected], ", "))
		}
		p.Wrapped(console.Indent, fmt.Sprintf("%s: %s", inert.Short(first.Column, nameWidth), inert.Short(first.Reason, reasonWidth)), console.Magenta)
		p.Wrapped(console.Indent+console.Indent, affected, "")
	}
}

func (p *printer) times(run *results.Results) {
	names := run.PhaseNames()
	if len(names) == 0 {
		return
	}
	p.Title("Where the time went: %s", results.Duration(run.Run.Finished.Sub(run.Run.Started).Seconds()))
	var rows [][]console.Field
	for _, name := range names {
		row := []console.Field{console.Plain(inert.Short(name, nameWidth)), console.Plain(phase(run, "", name))}
		for _, column := range run.Columns {
			row = append(row, console.Plain(phase(run, column.Name, name)))
		}
		rows = append(rows, row)
	}
	p.Table(heads(run, "phase", "run"), rows)
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
	p.Title("Verdicts: %d checks", len(run.Checks))
	head := heads(&results.Results{}, "column")
	verdicts := results.Verdicts()
	slices.Reverse(verdicts)
	all := run.Count()
	verdicts = slices.DeleteFunc(verdicts, func(verdict results.Verdict) bool { return all[verdict] == 0 })
	for _, verdict := range verdicts {
		head = append(head, console.Styled(verdict.String(), colourOf(verdict)))
	}
	var rows [][]console.Field
	for _, column := range run.Columns {
		row := []console.Field{console.Plain(inert.Short(failure.Column(column, column.Name), valueWidth))}
		counts := run.Count(column.Name)
		for _, verdict := range verdicts {
			row = append(row, console.Plain(fmt.Sprint(counts[verdict])))
		}
		rows = append(rows, row)
	}
	p.Table(head, rows)
}

func (p *printer) files(options Options) {
	if len(options.Files) == 0 {
		return
	}
	p.Title("Reports in %s", inert.Line(options.Directory))
	p.Wrapped(console.Indent, strings.Join(options.Files, "  "), "")
}

func (p *printer) outcome(run *results.Results) {
	outcome := run.Outcome()
	colour := console.Red
	if outcome.Status == results.ExitExpected {
		colour = console.Green
	}
	p.Line("")
	p.Wrapped("", inert.Short(outcome.String(), reasonWidth), colour)
}

func colourOf(verdict results.Verdict) string {
	switch verdict {
	case results.Pass:
		return console.Green
	case results.Fail:
		return console.Red
	case results.Error:
		return console.Magenta
	case results.Unsupported:
		return console.Yellow
	case results.Skipped:
		return console.Faint
	case results.Informed:
		return console.Cyan
	default:
		return ""
	}
}
