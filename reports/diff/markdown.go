package diff

import (
	"fmt"
	"io"
	"strings"

	"assay/reports/difference"
	"assay/reports/markup"
)

// The most bytes of each part of each pair; together well under the 1 MiB of a step summary.
const (
	pageSize = 900 << 10
	tailSize = 4 << 10
)

// shownInMarkdown is the number of names of one change that are listed.
const shownInMarkdown = 30

// WriteMarkdown writes the comparison for step summaries and pull requests.
func (d *Diff) WriteMarkdown(w io.Writer) error {
	var page strings.Builder
	fmt.Fprintf(&page, "# Assay: what changes\n\n**%s.**\n\n", markup.Prose(d.headline(), reasonWidth))
	share := (pageSize - page.Len()) / max(len(d.Pairs), 1)
	for i := range d.Pairs {
		d.Pairs[i].markdown(&page, share-tailSize)
	}
	for title, names := range map[string][]string{"before": d.OnlyBefore, "after": d.OnlyAfter} {
		if len(names) > 0 {
			fmt.Fprintf(&page, "Columns that are there only %s: %s\n\n", title, markup.Prose(strings.Join(names, ", "), reasonWidth))
		}
	}
	if _, err := io.WriteString(w, page.String()); err != nil {
		return fmt.Errorf("write the comparison as Markdown: %w", err)
	}
	return nil
}

func (p *Pair) markdown(page *strings.Builder, size int) {
	fmt.Fprintf(page, "## %s\n\n", markup.Prose(p.title(), reasonWidth))
	for _, warning := range p.Warnings {
		fmt.Fprintf(page, "> **Warning:** %s\n\n", markup.Prose(warning, reasonWidth))
	}
	lines := []string{fmt.Sprintf("| | %s | %s |\n| --- | --- | --- |\n", markup.Code(p.Before, nameWidth), markup.Code(p.After, nameWidth))}
	for _, fact := range p.Environment {
		if !fact.Same {
			lines = append(lines, fmt.Sprintf("| %s | %s | %s |\n", markup.Prose(fact.Name, nameWidth), markup.Prose(orNone(fact.Before), valueWidth), markup.Prose(orNone(fact.After), valueWidth)))
		}
	}
	if len(lines) == 1 {
		lines = nil
	}
	lines = append(lines, "\nThe same: "+markup.Prose(p.sameFacts(), 2*reasonWidth)+"\n\n")
	for _, class := range Classes() {
		entries := p.Of(class)
		if len(entries) == 0 {
			continue
		}
		lines = append(lines, fmt.Sprintf("### %s (%d)\n\n", markup.Prose(heading(class, p), reasonWidth), len(entries)))
		for i := range entries {
			lines = append(lines, entries[i].markdown())
		}
		lines = append(lines, "\n")
	}
	if len(p.LeftOut) > 0 {
		lines = append(lines, fmt.Sprintf("Not compared, because it differs from run to run (%d):\n\n", len(p.LeftOut)))
		for _, left := range p.LeftOut {
			lines = append(lines, fmt.Sprintf("- %s: %s\n", markup.Code(left.Check, nameWidth), markup.Prose(left.Why, reasonWidth)))
		}
	}
	markup.Part(page, lines, size, "lines", "the JSON of the comparison")
}

func (e *Entry) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "- **%s** (%s) %s\n", markup.Link(markup.Code(e.Check, nameWidth), e.Source), e.Level, markup.Prose(e.Claim, reasonWidth))
	item := func(format string, arguments ...any) { fmt.Fprintf(&b, "  - "+format+"\n", arguments...) }
	if e.Class != Added && e.Class != Removed {
		for _, line := range e.states() {
			item("%s", markup.Prose(line, reasonWidth))
		}
	}
	for _, change := range e.Changes {
		switch {
		case len(change.Of) == 0:
			item("%s", transitionMarkdown(change))
		case len(change.Of) <= fewNames:
			item("%s: %s", markup.Code(named(change, fewNames), valueWidth), transitionMarkdown(change))
		default:
			item("%s, %d: %s", transitionMarkdown(change), len(change.Of), markup.Code(named(change, shownInMarkdown), 4*valueWidth))
		}
	}
	for _, note := range e.notes() {
		item("*%s*", markup.Prose(note, reasonWidth))
	}
	for _, meaning := range e.Meanings {
		item("%s%s", markup.Prose(meaning.Text, reasonWidth), linked(meaning.Link))
	}
	return b.String()
}

func linked(link string) string {
	if link == "" {
		return ""
	}
	return " (" + markup.Link("more", link) + ")"
}

func transitionMarkdown(c difference.Change) string {
	if c.List() {
		return markup.Prose(transition(c), 2*reasonWidth)
	}
	return markup.Code(c.Before, valueWidth) + " → " + markup.Code(c.After, valueWidth)
}
