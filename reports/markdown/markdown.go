// Package markdown renders results for step summaries and pull requests: the verdict in a line, what
// failed, what differs between the columns; the rest is folded.
package markdown

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"assay/reports/difference"
	"assay/reports/failure"
	"assay/reports/inert"
	"assay/reports/markup"
	"assay/reports/results"
)

// The most bytes of each part; together well under the 1 MiB of a step summary.
const (
	factsSize    = 60 << 10
	failuresSize = 150 << 10
	errorsSize   = 60 << 10
	outliersSize = 100 << 10
	differsSize  = 150 << 10
	matrixSize   = 250 << 10
	timesSize    = 30 << 10
	failureSize  = 8 << 10
)

// The most characters of what is shown in a cell, and how many differences of one check are listed.
const (
	valueWidth   = 120
	shortWidth   = 60
	reasonWidth  = 400
	labelWidth   = 400
	labelNames   = 24
	mostRows     = 8
	mostAffected = 10
)

// Write writes the page.
func Write(w io.Writer, run *results.Results) error {
	var page strings.Builder
	verdict(&page, run)
	environment(&page, run)
	failures(&page, run)
	expectations(&page, run)
	errors(&page, run)
	outliers(&page, run)
	differs(&page, run)
	matrix(&page, run)
	times(&page, run)
	if _, err := io.WriteString(w, page.String()); err != nil {
		return fmt.Errorf("write Markdown: %w", err)
	}
	return nil
}

func verdict(page *strings.Builder, run *results.Results) {
	names := make([]string, 0, len(run.Columns))
	for _, column := range run.Columns {
		names = append(names, markup.Code(column.Name, shortWidth))
	}
	_, warnings := run.Failures()
	counts := run.Count().String()
	if len(warnings) > 0 {
		counts += fmt.Sprintf(" (of the failures %d only recommended: a warning)", len(warnings))
	}
	fmt.Fprintf(page, "# Assay: %s\n\n**%s.** %d checks in %d columns: %s. The columns differ in %d checks.\n\n",
		joined(names, mostAffected), markup.Prose(run.Outcome().String(), reasonWidth), len(run.Checks), len(run.Columns), counts, len(run.Differing()))
}

// joined is a list for the eye, of no more than most elements.
func joined(list []string, most int) string {
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}

func part(page *strings.Builder, lines []string, size int, what string) {
	markup.Part(page, lines, size, what, "results.json")
}

func failures(page *strings.Builder, run *results.Results) {
	broken, warnings := run.Failures()
	for _, section := range []struct {
		title string
		cells []results.Cell
	}{{"Failures", broken}, {"Warnings: recommendations that are not followed", warnings}} {
		if len(section.cells) == 0 {
			continue
		}
		fmt.Fprintf(page, "## %s (%d)\n\n", section.title, len(section.cells))
		lines := make([]string, 0, len(section.cells))
		for _, cell := range section.cells {
			lines = append(lines, folded(cell.Check+" in "+cell.Column+": "+cell.Reason, failure.Text(run, cell)))
		}
		part(page, lines, failuresSize, "texts")
	}
}

// expectations says which failures are expected, which expectations are broken and which are out of date.
func expectations(page *strings.Builder, run *results.Results) {
	if broken := run.Unexpected(); len(broken) > 0 {
		fmt.Fprintf(page, "## Broken expectations (%d)\n\n", len(broken))
		lines := make([]string, 0, len(broken))
		for _, cell := range broken {
			lines = append(lines, folded(cell.Check+" in "+cell.Column+": "+cell.Expectation.Text, failure.Text(run, cell)))
		}
		part(page, lines, errorsSize, "texts")
	}
	if expected := run.Expected(); len(expected) > 0 {
		fmt.Fprintf(page, "## Expected failures (%d)\n\n", len(expected))
		lines := make([]string, 0, len(expected))
		for _, cell := range expected {
			lines = append(lines, fmt.Sprintf("- %s in %s: %s (%s)\n", markup.Link(markup.Code(cell.Check, shortWidth), cell.Expectation.Link), markup.Code(cell.Column, shortWidth), markup.Prose(cell.Expectation.Reason, reasonWidth), markup.Code(cell.Expectation.Entry, shortWidth)))
		}
		part(page, lines, errorsSize, "failures")
	}
	if run.Expectations == nil || len(run.Expectations.Findings) == 0 {
		return
	}
	fmt.Fprintf(page, "## Expectations to look at (%d)\n\n", len(run.Expectations.Findings))
	lines := make([]string, 0, len(run.Expectations.Findings))
	for _, finding := range run.Expectations.Findings {
		lines = append(lines, fmt.Sprintf("- %s: %s\n", markup.Code(finding.Entry, shortWidth), markup.Prose(finding.Text, reasonWidth)))
	}
	part(page, lines, errorsSize, "entries")
}

// folded is a text under a line that opens it.
func folded(line, text string) string {
	return markup.Folded(line, markup.Block(inert.Cut(text, failureSize)), reasonWidth)
}

// errors groups the errors by column and reason: of a column that did not boot every cell has the same.
func errors(page *strings.Builder, run *results.Results) {
	cells := run.Errors()
	if len(cells) == 0 {
		return
	}
	fmt.Fprintf(page, "## Errors of the suite or the cluster (%d)\n\nThey say nothing about the runtime.\n\n", len(cells))
	var lines []string
	for _, column := range run.Columns {
		if column.Error != "" {
			lines = append(lines, fmt.Sprintf("- column %s could not be observed: %s\n", markup.Code(column.Name, shortWidth), markup.Code(column.Error, reasonWidth)))
			if column.Logs != "" {
				lines = append(lines, fmt.Sprintf("  - the nodes' logs are in %s\n", markup.Code(column.Logs, reasonWidth)))
			}
		}
	}
	for len(cells) > 0 {
		first := cells[0]
		var same []string
		cells = slices.DeleteFunc(cells, func(cell results.Cell) bool {
			if cell.Column != first.Column || cell.Reason != first.Reason {
				return false
			}
			same = append(same, markup.Code(cell.Check, shortWidth))
			return true
		})
		if len(same) == 1 {
			lines = append(lines, folded(first.Check+" in "+first.Column+": "+first.Reason, failure.Text(run, first)))
			continue
		}
		lines = append(lines, fmt.Sprintf("- %s, %d checks: %s. Checks: %s\n",
			markup.Code(first.Column, shortWidth), len(same), markup.Code(first.Reason, reasonWidth), joined(same, mostAffected)))
	}
	part(page, lines, errorsSize, "entries")
}

// outliers says which nodes answer otherwise than others of their column.
func outliers(page *strings.Builder, run *results.Results) {
	cells := run.Outliers()
	if len(cells) == 0 {
		return
	}
	fmt.Fprintf(page, "## Nodes that answer otherwise than others of their column (%d)\n\n", len(cells))
	lines := make([]string, 0, len(cells))
	for _, cell := range cells {
		line := fmt.Sprintf("- %s in %s\n", markup.Code(cell.Check, shortWidth), markup.Code(cell.Column, shortWidth))
		for _, answer := range difference.Nodes(cell) {
			line += "  - " + markup.Prose(answer, reasonWidth) + "\n"
		}
		lines = append(lines, line)
	}
	part(page, lines, outliersSize, "checks")
}

func differs(page *strings.Builder, run *results.Results) {
	if len(run.Columns) < 2 {
		return
	}
	differing := run.Differing()
	fmt.Fprintf(page, "## What differs (%d of %d checks)\n\n", len(differing), len(run.Checks))
	if len(differing) == 0 {
		page.WriteString("Nothing: all columns have the same verdicts and the same recorded values.\n\n")
		return
	}
	lines := []string{header(run, "check", "what")}
	for _, check := range differing {
		var b strings.Builder
		rows := difference.Of(run, check.ID)
		for i, row := range rows {
			id := ""
			if i == 0 {
				id = markup.Link(markup.Code(check.ID, shortWidth), check.Source)
			}
			if i == mostRows {
				fmt.Fprintf(&b, "| | *and %d more, see results.json* |%s\n", len(rows)-i, strings.Repeat(" |", len(run.Columns)))
				break
			}
			fmt.Fprintf(&b, "| %s | %s |", id, label(row))
			for _, value := range row.Values {
				fmt.Fprintf(&b, " %s |", cell(row, value))
			}
			b.WriteString("\n")
		}
		lines = append(lines, b.String())
	}
	part(page, lines, differsSize, "checks")
}

func label(row difference.Row) string {
	if row.Verdict {
		return "verdict"
	}
	return markup.Code(row.Label(labelNames), labelWidth)
}

func cell(row difference.Row, value string) string {
	if !row.Verdict {
		return markup.Code(value, valueWidth)
	}
	word, reason, _ := strings.Cut(value, ": ")
	if word == results.Fail.String() {
		word = "**" + word + "**"
	}
	if reason != "" {
		word += ": " + markup.Code(reason, valueWidth)
	}
	return word
}

// header is a table's head with a column for each of the run's.
func header(run *results.Results, first ...string) string {
	var b strings.Builder
	for _, name := range first {
		fmt.Fprintf(&b, "| %s ", name)
	}
	for _, column := range run.Columns {
		fmt.Fprintf(&b, "| %s ", markup.Code(column.Name, shortWidth))
	}
	return b.String() + "|\n" + strings.Repeat("| --- ", len(first)+len(run.Columns)) + "|\n"
}
