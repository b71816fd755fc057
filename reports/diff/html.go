package diff

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"net/url"

	"assay/reports/difference"
	"assay/reports/inert"
)

//go:embed page.html.tmpl
var pageText string

// shownInPage is the number of names of one change that are shown; the JSON has the rest.
const shownInPage = 600

// WriteHTML writes the comparison as one page that needs nothing else.
func (d *Diff) WriteHTML(w io.Writer) error {
	page, err := template.New("page").Funcs(template.FuncMap{
		"line":       func(text string) string { return inert.Short(text, reasonWidth) },
		"value":      orNone,
		"heading":    heading,
		"transition": transition,
		"names":      func(c difference.Change) string { return named(c, shownInPage) },
		"web":        web,
	}).Parse(pageText)
	if err != nil {
		return fmt.Errorf("read the page's template: %w", err)
	}
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
		Headline string
		Views    []view
	}{Diff: d, Headline: d.headline()}
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
	if err := page.Execute(w, data); err != nil {
		return fmt.Errorf("write the comparison as HTML: %w", err)
	}
	return nil
}

// web is the address where it is one of the web, else nothing.
func web(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" {
		return ""
	}
	return parsed.String()
}

// States are the verdicts of both sides in words.
func (e Entry) States() []string { return e.states() }

// Notes are what else has to be said of the entry.
func (e Entry) Notes() []string { return e.notes() }

// Anchor is the entry's name in addresses.
func (e Entry) Anchor() string { return e.Check }
