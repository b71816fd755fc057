package markdown

import (
	"fmt"
	"strings"

	"assay/reports/difference"
	"assay/reports/facts"
	"assay/reports/markup"
	"assay/reports/results"
)

// environment says what ran on what.
func environment(page *strings.Builder, run *results.Results) {
	lines := []string{header(run, "")}
	for _, fact := range facts.Columns(run) {
		line := "| " + fact.Name + " |"
		for _, value := range fact.Values {
			line += " " + markup.Prose(value, valueWidth) + " |"
		}
		lines = append(lines, line+"\n")
	}
	lines = append(lines, "\n"+markup.Prose(facts.Host(run.Host), reasonWidth)+"\n")
	took := results.Duration(run.Run.Finished.Sub(run.Run.Started).Seconds())
	lines = append(lines, fmt.Sprintf("\nRun %s, %s, %s; %s\n", markup.Code(run.Run.ID, shortWidth),
		run.Run.Started.UTC().Format("2006-01-02 15:04 MST"), took, markup.Prose(facts.Versions(run.Run), reasonWidth)))
	if len(run.Host.Restrictions) > 0 {
		lines = append(lines, "\nWhat this host lacks:\n\n")
		for _, restriction := range run.Host.Restrictions {
			lines = append(lines, "- "+restrictionText(restriction)+"\n")
		}
	}
	for _, restriction := range facts.Restrictions(run) {
		lines = append(lines, "- nodes of "+markup.Prose(strings.Join(restriction.Columns, ", "), reasonWidth)+": "+restrictionText(restriction.Restriction)+"\n")
	}
	part(page, lines, factsSize, "lines")
}

func restrictionText(restriction results.Restriction) string {
	text := markup.Code(restriction.What, shortWidth) + " " + markup.Prose(restriction.Detail, reasonWidth)
	if restriction.Effect != "" {
		text += ": " + markup.Prose(restriction.Effect, reasonWidth)
	}
	return text
}

// matrix is every check in every column, folded.
func matrix(page *strings.Builder, run *results.Results) {
	fmt.Fprintf(page, "<details><summary>All %d checks</summary>\n\n", len(run.Checks))
	lines := []string{header(run, "check", "level", "claim")}
	for _, check := range run.Checks {
		line := fmt.Sprintf("| %s | %s | %s |", markup.Link(markup.Code(check.ID, shortWidth), check.Source), markup.Prose(check.Level, shortWidth), markup.Prose(check.Claim, reasonWidth))
		for _, cell := range run.Row(check.ID) {
			line += " " + verdictCell(cell) + " |"
		}
		lines = append(lines, line+"\n")
	}
	part(page, lines, matrixSize, "lines")
	page.WriteString("</details>\n\n")
}

// verdictCell is the verdict with the recorded value, or with the reason where that says more.
func verdictCell(cell results.Cell) string {
	word, beside := cell.Verdict.String(), ""
	switch cell.Verdict {
	case results.Fail, results.Error:
		word = "**" + word + "**"
	case results.Pass, results.Informed:
		if len(cell.Observed) > 0 {
			beside = markup.Code(difference.Short(cell.Observed, shortWidth), shortWidth)
		}
	case results.Unsupported, results.Skipped:
		beside = markup.Code(cell.Reason, shortWidth)
	}
	if beside != "" {
		word += " " + beside
	}
	return word
}

// times says where the time went, folded.
func times(page *strings.Builder, run *results.Results) {
	if len(run.Phases) == 0 {
		return
	}
	page.WriteString("<details><summary>Where the time went</summary>\n\n")
	lines := []string{header(run, "phase", "run")}
	for _, name := range run.PhaseNames() {
		line := "| " + markup.Prose(name, shortWidth) + " | " + phase(run, "", name) + " |"
		for _, column := range run.Columns {
			line += " " + phase(run, column.Name, name) + " |"
		}
		lines = append(lines, line+"\n")
	}
	part(page, lines, timesSize, "phases")
	page.WriteString("</details>\n")
}

func phase(run *results.Results, column, name string) string {
	took, found := run.PhaseTime(column, name)
	if !found {
		return ""
	}
	return took.String()
}
