// Package page is what the self-contained HTML pages of comparisons and histories have in common: the
// look, light and dark, and how values are shown.
package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"net/url"

	"assay/reports/inert"
)

//go:embed base.css
var base string

const lineWidth = 400

// Write fills a template with data. Beside the functions that it is given the template has style, the
// common style sheet, line, a text in a line without anything hidden, and web, an address where it is
// one of the web.
func Write(w io.Writer, text string, functions template.FuncMap, data any) error {
	known := template.FuncMap{
		"style": func() template.CSS { return template.CSS(base) }, //nolint:gosec // a file of our own
		"line":  func(text string) string { return inert.Short(text, lineWidth) },
		"web":   web,
	}
	maps.Copy(known, functions)
	page, err := template.New("page").Funcs(known).Parse(text)
	if err != nil {
		return fmt.Errorf("read the page's template: %w", err)
	}
	if err := page.Execute(w, data); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

func web(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" {
		return ""
	}
	return parsed.String()
}
