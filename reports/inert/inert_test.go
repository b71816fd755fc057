package inert_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"assay/reports/inert"
	_ "assay/reports/internal/golden" // its flag, so that go test ./reports/... -update runs here too
)

func TestText(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"plain":              {"ping: 64 bytes\n\tttl=64", "ping: 64 bytes\n\tttl=64"},
		"accents and signs":  {"größer ≥ 1 日本", "größer ≥ 1 日本"},
		"a terminal code":    {"\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		"a C1 code":          {"\u009b31m", `\x9b31m`},
		"carriage returns":   {"a\r\nb\rc", "a\nb\\x0dc"},
		"null":               {"a\x00b", `a\x00b`},
		"invalid UTF-8":      {"a\xff\xc3(b", `a\xff\xc3(b`},
		"a real U+FFFD":      {"a\ufffdb", "a\ufffdb"},
		"reversed":           {"abc\u202etxt.exe", `abc\u202etxt.exe`},
		"no character":       {"a\uffff", `a\uffff`},
		"a line separator":   {"a\u2028b", `a\u2028b`},
		"a byte order mark":  {"\ufeff{}", `\ufeff{}`},
		"nothing to be seen": {"", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := inert.Text(test.text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestShort(t *testing.T) {
	tests := map[string]struct {
		text  string
		width int
		want  string
	}{
		"fits":              {"abc", 3, "abc"},
		"cut":               {"abcdefgh", 6, "abc..."},
		"one line":          {" a\n\tb  c ", 9, "a b c"},
		"characters":        {"日本語日本語", 5, "日本..."},
		"no room":           {"abcdefgh", 2, ".."},
		"negative":          {"abcdefgh", -1, ""},
		"a megabyte":        {strings.Repeat("x", 1<<20), 6, "xxx..."},
		"cut inside a code": {"\x1b\x1b", 6, `\x1...`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := inert.Short(test.text, test.width); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestCut(t *testing.T) {
	text := strings.Repeat("日本語", 1000)
	for _, size := range []int{0, 1, 10, 30, 31, 32, 33, 5000, len(text) - 1, len(text), len(text) + 1} {
		got := inert.Cut(text, size)
		if len(got) > size {
			t.Errorf("%d bytes where %d were asked for", len(got), size)
		}
		if !utf8.ValidString(got) {
			t.Errorf("a character was cut at %d", size)
		}
		if cut := size < len(text); cut && size > 40 && !strings.Contains(got, "bytes left out") {
			t.Errorf("at %d: %q", size, got)
		}
	}
}
