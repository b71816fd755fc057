package terminal

import (
	"strings"
	"unicode/utf8"

	"assay/reports/results"
)

// The Select Graphic Rendition codes that are used (ECMA-48, 8.3.117).
const (
	bold    = "1"
	red     = "31"
	green   = "32"
	yellow  = "33"
	magenta = "35"
	cyan    = "36"
	faint   = "2"
)

// field is a cell of a table: one line of text and its colour.
type field struct{ text, colour string }

func plain(text string) field { return field{text: text} }

// gap is the space between the columns of a table, leastField the width below which a table is a list.
const (
	indent     = "  "
	gap        = 2
	leastField = 20
)

// table writes rows under a head, each column as wide as it needs to be and may be; where that is too
// narrow, the rows are lists.
func (p *printer) table(head []field, rows [][]field) {
	natural := make([]int, len(head))
	for _, row := range append([][]field{head}, rows...) {
		for i, f := range row {
			natural[i] = max(natural[i], utf8.RuneCountInString(f.text))
		}
	}
	widths, fits := share(natural, p.width-len(indent)-gap*(len(head)-1))
	if !fits {
		p.list(head, rows)
		return
	}
	for _, row := range append([][]field{head}, rows...) {
		p.row(row, widths)
	}
}

// share divides a width among columns: who needs less than a fair share gets what it needs.
func share(natural []int, width int) ([]int, bool) {
	widths := make([]int, len(natural))
	open := len(natural)
	for open > 0 {
		fair, settled := width/open, false
		for i, need := range natural {
			if widths[i] == 0 && need <= fair {
				widths[i] = max(need, 1)
				width -= widths[i]
				open--
				settled = true
			}
		}
		if settled {
			continue
		}
		if fair < leastField {
			return nil, false
		}
		for i := range natural {
			if widths[i] == 0 {
				widths[i] = fair
			}
		}
		break
	}
	return widths, true
}

// row writes one row, on as many lines as its longest field takes.
func (p *printer) row(row []field, widths []int) {
	lines := make([][]string, len(row))
	height := 1
	for i, f := range row {
		lines[i] = wrap(f.text, widths[i])
		height = max(height, len(lines[i]))
	}
	for n := range height {
		var b strings.Builder
		b.WriteString(indent)
		blank := 0
		for i, f := range row {
			text := ""
			if n < len(lines[i]) {
				text = lines[i][n]
			}
			if text != "" {
				b.WriteString(strings.Repeat(" ", blank) + p.coloured(text, f.colour))
				blank = 0
			}
			blank += widths[i] - utf8.RuneCountInString(text) + gap
		}
		p.line(b.String())
	}
}

// list writes every row as its first field, with the others below it.
func (p *printer) list(head []field, rows [][]field) {
	for _, row := range rows {
		p.wrapped(indent, row[0].text, row[0].colour)
		for i, f := range row {
			if i > 0 && f.text != "" {
				p.wrapped(indent+indent+indent, strings.TrimPrefix(head[i].text+": "+f.text, ": "), f.colour)
			}
		}
	}
}

// wrapped writes a text on as many lines as it takes.
func (p *printer) wrapped(indent, text, colour string) {
	for _, line := range wrap(indent+text, p.width) {
		p.line(p.coloured(line, colour))
	}
}

func (p *printer) coloured(text, colour string) string {
	if !p.colour || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// wrap breaks a line into lines of no more than width characters, between words where it can. The lines
// after the first of an indented text are indented once more, so that the next text stands out.
func wrap(text string, width int) []string {
	margin := text[:len(text)-len(strings.TrimLeft(text, " "))]
	var lines []string
	line, length := margin, len(margin)
	start := length
	end := func() {
		lines = append(lines, line)
		line = ""
		if margin != "" && len(margin+indent) < width/2 {
			line = margin + indent
		}
		length = len(line)
		start = length
	}
	for word := range strings.FieldsSeq(text) {
		size := utf8.RuneCountInString(word)
		if length > start && length+1+size > width {
			end()
		}
		if length > start {
			line += " "
			length++
		}
		for room := width - length; size > room; room = width - length {
			runes := []rune(word)
			line += string(runes[:room])
			word = string(runes[room:])
			end()
			size = utf8.RuneCountInString(word)
		}
		line += word
		length += size
	}
	if length > start || len(lines) == 0 {
		end()
	}
	return lines
}

func colourOf(verdict results.Verdict) string {
	switch verdict {
	case results.Pass:
		return green
	case results.Fail:
		return red
	case results.Error:
		return magenta
	case results.Unsupported:
		return yellow
	case results.Skipped:
		return faint
	case results.Informed:
		return cyan
	default:
		return ""
	}
}
