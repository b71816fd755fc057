// Package markup makes texts into Markdown in which nothing of them is interpreted.
package markup

import (
	"fmt"
	"html"
	"net/url"
	"strings"

	"assay/reports/inert"
)

// Code is a text as a code span, in which nothing is interpreted, in a table neither.
func Code(text string, width int) string {
	text = inert.Short(text, width)
	if text == "" {
		return ""
	}
	fence := strings.Repeat("`", longestRun(text)+1)
	if len(fence) > 1 {
		text = " " + text + " "
	}
	// A table splits its cells at every bar without a backslash, code or not.
	return fence + strings.ReplaceAll(text, "|", `\|`) + fence
}

// Block is a text as a fenced code block.
func Block(text string) string {
	text = strings.TrimRight(inert.Text(text), "\n")
	fence := strings.Repeat("`", max(longestRun(text)+1, 3))
	return fence + "text\n" + text + "\n" + fence + "\n"
}

// longestRun is the length of the longest run of backticks.
func longestRun(text string) int {
	longest, run := 0, 0
	for _, r := range text {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// Prose is a text as running text: markup is escaped, and nobody is mentioned.
func Prose(text string, width int) string {
	var b strings.Builder
	for _, r := range inert.Short(text, width) {
		switch r {
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '&':
			b.WriteString("&amp;")
		case '@':
			b.WriteString("@<!-- -->")
		case '\\', '`', '*', '_', '[', ']', '|', '#', '~', '!':
			b.WriteRune('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Summary is a text for HTML, as within the summary of what is folded.
func Summary(text string, width int) string { return html.EscapeString(inert.Short(text, width)) }

// Link makes text, which is Markdown, a link where the source is a URL of the web.
func Link(text, source string) string {
	address, err := url.Parse(source)
	if err != nil || address.Scheme != "https" && address.Scheme != "http" || address.Host == "" || len(source) > 2000 {
		return text
	}
	return "[" + text + "](<" + strings.NewReplacer("<", "%3C", ">", "%3E", `\`, "%5C", "|", "%7C").Replace(address.String()) + ">)"
}

// Folded is Markdown under a line, which is a text, that opens it.
func Folded(line, markdown string, width int) string {
	return "<details><summary>" + Summary(line, width) + "</summary>\n\n" + markdown + "\n</details>\n"
}

// Part appends lines up to a size in bytes, and says how many it left out of what they are, and where
// all are.
func Part(page *strings.Builder, lines []string, size int, what, where string) {
	for i, line := range lines {
		if size -= len(line); size < 0 {
			fmt.Fprintf(page, "\n*%d of %d %s are left out here for their size; all are in %s.*\n", len(lines)-i, len(lines), what, where)
			break
		}
		page.WriteString(line)
	}
	page.WriteString("\n")
}
