package markdown

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"assay/reports/difference"
	"assay/reports/markup"
	"assay/reports/results"
)

// facts says what ran on what.
func facts(page *strings.Builder, run *results.Results) {
	lines := []string{header(run, "")}
	for _, fact := range []struct {
		name string
		of   func(results.Column) string
	}{
		{"runtime", func(c results.Column) string { return pair(c.Runtime.Name, c.Runtime.Version) }},
		{"OCI runtime", func(c results.Column) string { return pair(c.OCIRuntime.Name, c.OCIRuntime.Version) }},
		{"libseccomp", func(c results.Column) string { return c.OCIRuntime.Libseccomp }},
		{"Kubernetes", func(c results.Column) string { return c.Kubernetes }},
		{"network", func(c results.Column) string { return pair(c.Network.Name, c.Network.Version) }},
		{"nodes", nodes},
		{"node image", func(c results.Column) string { return c.NodeImage }},
		{"configuration", func(c results.Column) string { return strings.Join(slices.Sorted(maps.Keys(c.Config)), ", ") }},
		{"cells", func(c results.Column) string { return run.Count(c.Name).String() }},
	} {
		line, some := "| "+fact.name+" |", false
		for _, column := range run.Columns {
			value := fact.of(column)
			some = some || value != ""
			line += " " + markup.Prose(value, valueWidth) + " |"
		}
		if some {
			lines = append(lines, line+"\n")
		}
	}
	host := run.Host
	lines = append(lines, "\n"+markup.Prose(strings.Join(nonEmpty(
		host.OS, prefixed("kernel ", host.Kernel), host.Arch, prefixed("cgroup ", pair(host.Cgroup, parenthesized(host.CgroupDriver))), host.Engine,
		plural(host.Cores, "core"), memory(host.MemoryBytes),
	), ", "), reasonWidth)+"\n")
	took := results.Duration(run.Run.Finished.Sub(run.Run.Started).Seconds())
	versions := make([]string, 0, len(run.Run.Versions))
	for _, part := range slices.Sorted(maps.Keys(run.Run.Versions)) {
		versions = append(versions, part+" "+run.Run.Versions[part])
	}
	lines = append(lines, fmt.Sprintf("\nRun %s, %s, %s; %s\n", markup.Code(run.Run.ID, shortWidth),
		run.Run.Started.UTC().Format("2006-01-02 15:04 MST"), took, markup.Prose(strings.Join(versions, ", "), reasonWidth)))
	if len(host.Restrictions) > 0 {
		lines = append(lines, "\nWhat this host lacks:\n\n")
		for _, restriction := range host.Restrictions {
			lines = append(lines, "- "+restrictionText(restriction)+"\n")
		}
	}
	// A restriction that all nodes of a column share is listed once.
	for _, column := range run.Columns {
		seen := map[results.Restriction]bool{}
		for _, node := range column.Nodes {
			for _, restriction := range node.Restrictions {
				if !seen[restriction] && !slices.Contains(host.Restrictions, restriction) {
					seen[restriction] = true
					lines = append(lines, "- nodes of "+markup.Code(column.Name, shortWidth)+": "+restrictionText(restriction)+"\n")
				}
			}
		}
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

func nodes(column results.Column) string {
	if len(column.Nodes) == 0 {
		return ""
	}
	var kinds []string
	for _, node := range column.Nodes {
		kind := strings.Join(nonEmpty(node.OS, prefixed("kernel ", node.Kernel)), ", ")
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return fmt.Sprintf("%d: %s", len(column.Nodes), strings.Join(kinds, "; "))
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

func pair(a, b string) string { return strings.Join(nonEmpty(a, b), " ") }

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(text string) bool { return text == "" })
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func parenthesized(text string) string {
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}

func plural(n int, noun string) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 " + noun
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}

func memory(bytes uint64) string {
	if bytes == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f GiB of memory", float64(bytes)/(1<<30))
}
