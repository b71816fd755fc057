package markdown_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"assay/reports/internal/golden"
	"assay/reports/internal/sample"
	"assay/reports/markdown"
	"assay/reports/results"
)

func render(t *testing.T, run *results.Results) string {
	t.Helper()
	var b bytes.Buffer
	if err := markdown.Write(&b, run); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	golden.Check(t, "matrix.md", []byte(render(t, sample.Matrix())))
}

// What a run without differences, failures and errors has nothing to say about is not there.
func TestNothingToSay(t *testing.T) {
	run := &results.Results{
		Columns: []results.Column{{Name: "a"}, {Name: "b"}},
		Checks:  []results.Check{{ID: "x/y", Level: "must"}},
		Cells:   []results.Cell{{Check: "x/y", Column: "a", Verdict: results.Pass}, {Check: "x/y", Column: "b", Verdict: results.Pass}},
	}
	page := render(t, run)
	for _, not := range []string{"## Failures", "## Warnings", "## Errors", "left out", "lacks"} {
		if strings.Contains(page, not) {
			t.Errorf("%q in:\n%s", not, page)
		}
	}
	if !strings.Contains(page, "**exit 0") || !strings.Contains(page, "What differs (0 of 1") {
		t.Errorf("no verdict line in:\n%s", page)
	}
}

func TestABrokenColumnIsOneEntry(t *testing.T) {
	run := sample.Matrix()
	run.Columns[1].Error, run.Columns[1].Logs = "kubeadm init ended with 1", "logs/cri-o"
	run.Cells = run.Cells[:0]
	run.Complete()
	page := render(t, run)
	if got := strings.Count(page, "kubeadm init ended with 1"); got != 2 {
		t.Errorf("the reason is there %d times, want once for the column and once for its checks", got)
	}
	if !strings.Contains(page, "logs/cri-o") {
		t.Error("the logs are not named")
	}
}

func TestHostileTextStaysText(t *testing.T) {
	page := render(t, sample.Hostile())
	if strings.ContainsAny(page, "\x1b\x00\x07\u202e") || !utf8.ValidString(page) {
		t.Error("control characters or invalid UTF-8 came through")
	}
	if len(page) > 1<<20 {
		t.Errorf("%d bytes", len(page))
	}
	fence := ""
	for number, line := range strings.Split(page, "\n") {
		if fence != "" {
			if line == fence {
				fence = ""
			}
			continue
		}
		if strings.HasPrefix(line, "```") {
			fence = strings.TrimSuffix(line, "text")
			continue
		}
		bare := withoutCode(line)
		for _, markup := range []string{"<script", "<img", "</table", "](javascript", "![i]", "@everyone"} {
			if strings.Contains(bare, markup) {
				t.Errorf("line %d: %s in %.200s", number+1, markup, bare)
			}
		}
	}
	if fence != "" {
		t.Errorf("the block %s does not end", fence)
	}
	// Every row of a table has as many cells as its head.
	cells := 0
	for number, line := range strings.Split(page, "\n") {
		if !strings.HasPrefix(line, "| ") {
			cells = 0
			continue
		}
		bars := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if cells == 0 {
			cells = bars
		}
		if bars != cells {
			t.Errorf("line %d has %d bars, its table %d: %.200s", number+1, bars, cells, line)
		}
	}
	if open, closed := strings.Count(page, "<details>"), strings.Count(page, "\n</details>\n"); open != closed {
		t.Errorf("%d details are opened and %d closed", open, closed)
	}
}

// withoutCode removes escaped characters and code spans, as a reader of Markdown finds them. No code
// span of these reports has a backslash before its first backtick.
func withoutCode(line string) string {
	for _, escaped := range []string{"\\\\", "\\`", `\[`, `\]`, `\!`, `\|`} {
		line = strings.ReplaceAll(line, escaped, "")
	}
	var b strings.Builder
	for line != "" {
		start := strings.IndexByte(line, '`')
		if start < 0 {
			break
		}
		run := len(line[start:]) - len(strings.TrimLeft(line[start:], "`"))
		b.WriteString(line[:start])
		rest := line[start+run:]
		end := 0
		for {
			next := strings.Index(rest[end:], strings.Repeat("`", run))
			if next < 0 {
				return b.String() + line[start:]
			}
			end += next
			length := len(rest[end:]) - len(strings.TrimLeft(rest[end:], "`"))
			if length == run {
				break
			}
			end += length
		}
		line = rest[end+run:]
	}
	return b.String() + line
}

func TestALargeRunStaysWellUnderAMebibyte(t *testing.T) {
	run := &results.Results{}
	for i := range 12 {
		run.Columns = append(run.Columns, results.Column{Name: fmt.Sprintf("column-%d", i)})
	}
	for i := range 300 {
		check := results.Check{ID: fmt.Sprintf("area/check-number-%d", i), Area: "area", Level: "must", Claim: strings.Repeat("claim ", 20)}
		run.Checks = append(run.Checks, check)
		for j, column := range run.Columns {
			cell := results.Cell{Check: check.ID, Column: column.Name, Verdict: results.Fail, Reason: strings.Repeat("reason ", 100)}
			if j%2 == 0 {
				cell.Verdict = results.Pass
			}
			cell.Observed = fmt.Appendf(nil, `{"value": %d, "text": "%s"}`, j, strings.Repeat("x", 500))
			run.Cells = append(run.Cells, cell)
		}
	}
	page := render(t, run)
	if len(page) > 800<<10 {
		t.Errorf("%d bytes", len(page))
	}
	if !strings.Contains(page, "left out") {
		t.Error("nothing says that something was left out")
	}
}
