// Package console lays text out for a terminal: lines that wrap, tables that fit, colours where they are
// allowed.
package console

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// The Select Graphic Rendition codes that are used (ECMA-48, 8.3.117).
const (
	Bold    = "1"
	Red     = "31"
	Green   = "32"
	Yellow  = "33"
	Magenta = "35"
	Cyan    = "36"
	Faint   = "2"
)

// Field is a cell of a table: one line of text and its colour, empty for none.
type Field struct{ Text, Colour string }

// Plain is a field without colour.
func Plain(text string) Field { return Field{Text: text} }

// Styled is a field in a colour.
func Styled(text, colour string) Field { return Field{Text: text, Colour: colour} }

// The width that is taken where none is known, and the least that is laid out for.
const (
	defaultWidth = 100
	leastWidth   = 40
)

// Printer writes lines; the first error ends it.
type Printer struct {
	w      io.Writer
	width  int
	colour bool
	err    error
}

// New is a printer for a width in characters, 0 where it is not known; colour allows escape codes.
func New(w io.Writer, width int, colour bool) *Printer {
	if width <= 0 {
		width = defaultWidth
	}
	return &Printer{w: w, width: max(width, leastWidth), colour: colour}
}

// Err is the first error that writing met with.
func (p *Printer) Err() error { return p.err }

// Line writes a line as it is.
func (p *Printer) Line(text string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, strings.TrimRight(text, " ")+"\n")
	}
}

// Title writes a title after an empty line.
func (p *Printer) Title(format string, args ...any) {
	p.Line("")
	p.Line(p.Coloured(fmt.Sprintf(format, args...), Bold))
}

// Indent is how far a table and what belongs to a title are indented, gap is the space between the columns of a table, leastField the width below which a table is a list.
const (
	Indent     = "  "
	gap        = 2
	leastField = 20
)

// Table writes rows under a head, each column as wide as it needs to be and may be; where that is too
// narrow, the rows are lists.
func (p *Printer) Table(head []Field, rows [][]Field) {
	natural := make([]int, len(head))
	for _, row := range append([][]Field{head}, rows...) {
		for i, f := range row {
			natural[i] = max(natural[i], utf8.RuneCountInString(f.Text))
		}
	}
	widths, fits := share(natural, p.width-len(Indent)-gap*(len(head)-1))
	if !fits {
		p.list(head, rows)
		return
	}
	for _, row := range append([][]Field{head}, rows...) {
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
func (p *Printer) row(row []Field, widths []int) {
	lines := make([][]string, len(row))
	height := 1
	for i, f := range row {
		lines[i] = wrap(f.Text, widths[i])
		height = max(height, len(lines[i]))
	}
	for n := range height {
		var b strings.Builder
		b.WriteString(Indent)
		blank := 0
		for i, f := range row {
			text := ""
			if n < len(lines[i]) {
				text = lines[i][n]
			}
			if text != "" {
				b.WriteString(strings.Repeat(" ", blank) + p.Coloured(text, f.Colour))
				blank = 0
			}
			blank += widths[i] - utf8.RuneCountInString(text) + gap
		}
		p.Line(b.String())
	}
}

// list writes every row as its first field, with the others below it.
func (p *Printer) list(head []Field, rows [][]Field) {
	for _, row := range rows {
		p.Wrapped(Indent, row[0].Text, row[0].Colour)
		for i, f := range row {
			if i > 0 && f.Text != "" {
				p.Wrapped(Indent+Indent+Indent, strings.TrimPrefix(head[i].Text+": "+f.Text, ": "), f.Colour)
			}
		}
	}
}

// Wrapped writes a text on as many lines as it takes.
func (p *Printer) Wrapped(indent, text, colour string) {
	for _, line := range wrap(indent+text, p.width) {
		p.Line(p.Coloured(line, colour))
	}
}

// Coloured is the text with codes for its colour where they are allowed.
func (p *Printer) Coloured(text, colour string) string {
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
		if margin != "" && len(margin+Indent) < width/2 {
			line = margin + Indent
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
