package failure_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"assay/reports/failure"
	"assay/reports/internal/golden"
	"assay/reports/internal/sample"
	"assay/reports/results"
)

func TestText(t *testing.T) {
	run := sample.Matrix()
	var all bytes.Buffer
	for _, cell := range run.Cells {
		if cell.Verdict == results.Fail || cell.Verdict == results.Error || cell.Attempts > 1 {
			all.WriteString(failure.Text(run, cell) + "\n")
		}
	}
	golden.Check(t, "failures.txt", all.Bytes())
}

func TestHostileTextIsInertAndBounded(t *testing.T) {
	run := sample.Hostile()
	for _, cell := range run.Cells {
		text := failure.Text(run, cell)
		if strings.ContainsAny(text, "\x1b\x07\x00\r\u202e") || !utf8.ValidString(text) {
			t.Errorf("%s: control characters came through", cell.Check)
		}
		if len(text) > 60_000 {
			t.Errorf("%s: %d bytes", cell.Check, len(text))
		}
	}
}
