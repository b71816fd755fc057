package markdown

import (
	"html"
	"net/url"
	"strings"

	"assay/reports/inert"
)

// code is a text as a code span, in which nothing is interpreted, in a table neither.
func code(text string, width int) string {
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

// block is a text as a fenced code block.
func block(text string) string {
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

// prose is a text as running text: markup is escaped, and nobody is mentioned.
func prose(text string, width int) string {
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

// summary is a text for HTML.
func summary(text string, width int) string { return html.EscapeString(inert.Short(text, width)) }

// link makes text, which is Markdown, a link where the source is a URL of the web.
func link(text, source string) string {
	address, err := url.Parse(source)
	if err != nil || address.Scheme != "https" && address.Scheme != "http" || address.Host == "" || len(source) > 2000 {
		return text
	}
	return "[" + text + "](<" + strings.NewReplacer("<", "%3C", ">", "%3E", `\`, "%5C", "|", "%7C").Replace(address.String()) + ">)"
}
