package diff

import (
	"fmt"
	"io"
	"strings"

	"assay/reports/console"
	"assay/reports/inert"
)

// TextOptions say how to write text.
type TextOptions struct {
	// Width is that of the terminal in characters, 0 where there is none.
	Width int
	// Colour allows escape codes for colours.
	Colour bool
}

// fewNames is the number of names up to which they stand before what became of them.
const fewNames = 3

// mostListed is the number of entries of a class that has only names to say from which on they are not
// listed.
const mostListed = 40

// WriteText writes the comparison for a terminal.
func (d *Diff) WriteText(w io.Writer, options TextOptions) error {
	t := &text{console.New(w, options.Width, options.Colour)}
	for i := range d.Pairs {
		if i > 0 {
			t.Line("")
		}
		t.pair(&d.Pairs[i])
	}
	t.unpaired("Only before", d.OnlyBefore)
	t.unpaired("Only after", d.OnlyAfter)
	colour := console.Green
	if d.Worse > 0 {
		colour = console.Red
	}
	t.Line("")
	t.Wrapped("", d.headline(), colour)
	if err := t.Err(); err != nil {
		return fmt.Errorf("write the comparison: %w", err)
	}
	return nil
}

type text struct{ *console.Printer }

func (t *text) unpaired(title string, names []string) {
	if len(names) > 0 {
		t.Title("%s: %s", title, inert.Short(strings.Join(names, ", "), reasonWidth))
	}
}

func (t *text) pair(p *Pair) {
	t.Line(t.Coloured(p.title(), console.Bold))
	t.environment(p)
	for _, class := range Classes() {
		t.class(p, class)
	}
	if len(p.LeftOut) > 0 {
		t.Title("Not compared, because it differs from run to run: %d", len(p.LeftOut))
		for _, left := range p.LeftOut {
			t.Wrapped(console.Indent, left.Check+": "+inert.Short(left.Why, reasonWidth), console.Faint)
		}
	}
}

func (t *text) environment(p *Pair) {
	for _, warning := range p.Warnings {
		t.Wrapped("", "Warning: "+inert.Short(warning, reasonWidth), console.Yellow)
	}
	t.Title("Environment")
	var rows [][]console.Field
	for _, fact := range p.Environment {
		if !fact.Same {
			rows = append(rows, []console.Field{console.Plain(fact.Name), console.Plain(orNone(fact.Before)), console.Plain(orNone(fact.After))})
		}
	}
	if len(rows) > 0 {
		t.Table([]console.Field{console.Plain(""), console.Styled(inert.Short(p.Before, nameWidth), console.Faint), console.Styled(inert.Short(p.After, nameWidth), console.Faint)}, rows)
	}
	t.Wrapped(console.Indent, "the same: "+p.sameFacts(), console.Faint)
}

func orNone(text string) string {
	if text = inert.Short(text, valueWidth); text == "" {
		return "none"
	}
	return text
}

func (t *text) class(p *Pair, class Class) {
	entries := p.Of(class)
	if len(entries) == 0 {
		return
	}
	t.Title("%s (%d)", heading(class, p), len(entries))
	var brief []string
	written := 0
	for i := range entries {
		entry := &entries[i]
		if entry.brief() {
			brief = append(brief, entry.name())
			continue
		}
		if written > 0 {
			t.Line("")
		}
		t.entry(entry)
		written++
	}
	if len(brief) > mostListed {
		brief = append(brief[:mostListed], fmt.Sprintf("and %d more", len(brief)-mostListed))
	}
	if len(brief) > 0 {
		t.Wrapped(console.Indent, strings.Join(brief, ", "), "")
	}
}

func (t *text) entry(e *Entry) {
	colour := console.Bold
	if e.Worse {
		colour = console.Red
	}
	t.Line(console.Indent + t.Coloured(inert.Short(e.Check, nameWidth), colour) + "  " + t.Coloured(e.Level, console.Faint))
	const margin = console.Indent + console.Indent
	t.Wrapped(margin, inert.Short(e.Claim, reasonWidth), console.Faint)
	for _, line := range e.states() {
		t.Wrapped(margin, line, "")
	}
	for _, change := range e.Changes {
		switch {
		case len(change.Of) == 0:
			t.Wrapped(margin, transition(change), "")
		case len(change.Of) <= fewNames:
			t.Wrapped(margin, named(change, fewNames)+": "+transition(change), "")
		default:
			t.Wrapped(margin, fmt.Sprintf("%s, %d: %s", transition(change), len(change.Of), named(change, namesShown)), "")
		}
	}
	for _, note := range e.notes() {
		t.Wrapped(margin, note, console.Yellow)
	}
	for _, meaning := range e.Meanings {
		t.Wrapped(margin, "means: "+inert.Short(meaning.Text, reasonWidth), console.Cyan)
		if meaning.Link != "" {
			t.Wrapped(margin, "see "+inert.Short(meaning.Link, reasonWidth), console.Faint)
		}
	}
}
