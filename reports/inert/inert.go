// Package inert makes text that came out of containers and clusters harmless to show: no terminal
// escape codes, no reversed text, no characters that XML forbids, no invalid UTF-8, no endless lines.
package inert

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text keeps line ends and tabs and spells out everything else that is not meant to be seen: an
// escape character becomes \x1b, a byte that is no UTF-8 \xff, a right-to-left override \u202e.
func Text(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	clean := true
	for i, r := range text {
		if hidden(r) || r == utf8.RuneError && invalidAt(text, i) {
			clean = false
			break
		}
	}
	if clean {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + 16)
	for i, r := range text {
		switch {
		case r == utf8.RuneError && invalidAt(text, i):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case !hidden(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func invalidAt(text string, i int) bool {
	_, size := utf8.DecodeRuneInString(text[i:])
	return size == 1
}

// hidden says whether a character is a control or format character, a line or paragraph separator, or
// one of the last two code points of a plane, which are no characters.
func hidden(r rune) bool {
	if r >= ' ' && r <= '~' || r == '\n' || r == '\t' {
		return false
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r&0xfffe == 0xfffe
}

// Line is Text in one line: every run of white space is one space.
func Line(text string) string {
	return Text(strings.Join(strings.Fields(text), " "))
}

// Short is Line, of no more than width characters; where something was left out it ends with "...".
func Short(text string, width int) string {
	// A character has four bytes at most: what lies far behind the end need not be looked at.
	if limit := 4*max(width, 0) + 1024; len(text) > 4*limit {
		text = text[:4*limit]
	}
	line := Line(text)
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	if width <= 3 {
		return "..."[:max(width, 0)]
	}
	end := 0
	for range width - 3 {
		_, size := utf8.DecodeRuneInString(line[end:])
		end += size
	}
	return strings.TrimRight(line[:end], " ") + "..."
}

// Cut is the beginning of the text, of no more than size bytes; where something was left out its last
// line says how much.
func Cut(text string, size int) string {
	if len(text) <= size {
		return text
	}
	// The number cannot be longer than that of the whole text.
	end := max(0, size-len(note(len(text))))
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	last := note(len(text) - end)
	return text[:end] + last[:min(len(last), max(size-end, 0))]
}

func note(left int) string { return fmt.Sprintf("\n... (%d bytes left out)", left) }
