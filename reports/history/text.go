package history

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"assay/reports/console"
	"assay/reports/inert"
	"assay/reports/internal/page"
	"assay/reports/results"
)

//go:embed page.html.tmpl
var pageText string

const nameWidth = 60

// mark is the letter of a night.
func (n Night) mark() string {
	switch {
	case n.Verdict == "":
		return " "
	case n.Verdict == results.Fail.String() && n.Expected:
		return "x"
	case n.Verdict == results.Fail.String():
		return "F"
	case n.Verdict == results.Error.String():
		return "E"
	case n.Verdict == results.Unsupported.String():
		return "u"
	case n.Verdict == results.Skipped.String():
		return "s"
	case n.Changed:
		return "c"
	default:
		return "."
	}
}

const legend = ". pass or info, c another observation than before, F fail, x expected failure, E error, u unsupported, s skipped"

// WriteText writes the history for a terminal: what is noteworthy, or all.
func (h *History) WriteText(w io.Writer, all bool, width int, colour bool) error {
	p := console.New(w, width, colour)
	p.Line(h.headline())
	list := h.Noteworthy()
	if all {
		list = h.Series
	}
	if len(list) > 0 {
		p.Title("%d of %d series", len(list), len(h.Series))
		var rows [][]console.Field
		for _, s := range list {
			colour := ""
			if s.Bad {
				colour = console.Red
			}
			rows = append(rows, []console.Field{
				console.Styled(inert.Short(s.Check, nameWidth), colour), console.Plain(inert.Short(s.Column, nameWidth)), console.Plain(s.Level),
				console.Plain(s.marks()), console.Plain(s.since()), console.Plain(percent(s.Flake)),
			})
		}
		var head []console.Field
		for _, name := range []string{"check", "column", "level", "runs", "bad since", "flake"} {
			head = append(head, console.Styled(name, console.Faint))
		}
		p.Table(head, rows)
		p.Line("")
		p.Wrapped("", legend, console.Faint)
	}
	if err := p.Err(); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return nil
}

// headline is the history in a sentence.
func (h *History) headline() string {
	if len(h.Runs) == 0 {
		return "No runs."
	}
	bad, flaky := 0, 0
	for _, s := range h.Series {
		if s.Bad {
			bad++
		}
		if s.Flake > 0 {
			flaky++
		}
	}
	first, last := h.Runs[0], h.Runs[len(h.Runs)-1]
	return fmt.Sprintf("%d runs from %s to %s: of %d series %d are bad now, %d are flaky",
		len(h.Runs), first.Started.Format("2006-01-02"), last.Started.Format("2006-01-02"), len(h.Series), bad, flaky)
}

func (s *Series) marks() string {
	var b strings.Builder
	for _, night := range s.Nights {
		b.WriteString(night.mark())
	}
	// Spaces would be lost at the beginning of a line.
	return strings.ReplaceAll(b.String(), " ", "_")
}

func (s *Series) since() string {
	switch {
	case s.Bad:
		return inert.Short(s.Since, nameWidth)
	case s.FirstBad != "":
		return "(first " + inert.Short(s.FirstBad, nameWidth) + ")"
	default:
		return "-"
	}
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// WriteHTML writes the history as one page that needs nothing else.
func (h *History) WriteHTML(w io.Writer) error {
	return page.Write(w, pageText, template.FuncMap{
		"mark":    Night.mark,
		"percent": percent,
		"since":   func(s Series) string { return s.since() },
		"class": func(n Night) string {
			switch {
			case n.bad():
				return "bad"
			case n.Verdict == "":
				return "none"
			case n.Verdict == results.Pass.String() || n.Verdict == results.Informed.String() && !n.Changed:
				return "good"
			default:
				return "other"
			}
		},
	}, struct {
		*History
		Headline, Legend string
		List             []Series
		Worse            bool
	}{h, h.headline(), legend, h.Noteworthy(), slices.ContainsFunc(h.Series, func(s Series) bool { return s.Bad })})
}
