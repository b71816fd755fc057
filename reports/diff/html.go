package diff

import (
	_ "embed"
	"html/template"
	"io"

	"assay/reports/difference"
	"assay/reports/internal/page"
)

//go:embed page.html.tmpl
var pageText string

// shownInPage is the number of names of one change that are shown; the JSON has the rest.
const shownInPage = 600

// WriteHTML writes the comparison as one page that needs nothing else.
func (d *Diff) WriteHTML(w io.Writer) error {
	type section struct {
		Class   Class
		Heading string
		Entries []Entry
	}
	type view struct {
		*Pair
		Title, Same string
		Sections    []section
		Differing   []Fact
	}
	data := struct {
		*Diff
		Headline, Between string
		Views             []view
	}{Diff: d, Headline: d.headline(), Between: d.between()}
	for i := range d.Pairs {
		pair := &d.Pairs[i]
		v := view{Pair: pair, Title: pair.title(), Same: pair.sameFacts()}
		for _, fact := range pair.Environment {
			if !fact.Same {
				v.Differing = append(v.Differing, fact)
			}
		}
		for _, class := range Classes() {
			if entries := pair.Of(class); len(entries) > 0 {
				v.Sections = append(v.Sections, section{class, heading(class, pair), entries})
			}
		}
		data.Views = append(data.Views, v)
	}
	return page.Write(w, pageText, template.FuncMap{
		"value":      orNone,
		"transition": transition,
		"few":        func(c difference.Change) bool { return len(c.Of) <= fewNames },
		"names":      func(c difference.Change) string { return named(c, shownInPage) },
	}, data)
}

// States are the verdicts of both sides in words.
func (e Entry) States() []string { return e.states() }

// Notes are what else has to be said of the entry.
func (e Entry) Notes() []string { return e.notes() }

// Anchor is the entry's name in addresses.
func (e Entry) Anchor() string { return e.Check }
