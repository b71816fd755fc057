package terminal_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"assay/reports/internal/golden"
	"assay/reports/internal/sample"
	"assay/reports/results"
	"assay/reports/terminal"
)

func options(width int, colour bool) terminal.Options {
	return terminal.Options{
		Width: width, Colour: colour, Directory: "reports/out/20260314-092653",
		Files: []string{"results.json", "junit.xml", "junit-containerd.xml", "junit-cri-o.xml", "matrix.md", "cells.jsonl"},
	}
}

func render(t *testing.T, run *results.Results, options terminal.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := terminal.Write(&b, run, options); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for _, width := range []int{60, 100, 160} {
		golden.Check(t, fmt.Sprintf("terminal-%d.txt", width), []byte(render(t, sample.Matrix(), options(width, false))))
	}
}

func TestColourChangesNothingElse(t *testing.T) {
	coloured := render(t, sample.Matrix(), options(100, true))
	if !strings.Contains(coloured, "\x1b[31m") {
		t.Error("no colour")
	}
	if got, want := regexp.MustCompile("\x1b\\[[0-9]*m").ReplaceAllString(coloured, ""), render(t, sample.Matrix(), options(100, false)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Tables keep to the width; the texts of failures are as long as they are, to be copied.
func TestTablesKeepToTheWidth(t *testing.T) {
	run := sample.Matrix()
	for i := range 10 {
		column := run.Columns[i%2]
		column.Name += fmt.Sprint(i)
		run.Columns = append(run.Columns, column)
		for _, check := range run.Checks {
			cell, _ := run.Cell(check.ID, run.Columns[i%2].Name)
			cell.Column = column.Name
			run.Cells = append(run.Cells, cell)
		}
	}
	for _, width := range []int{1, 40, 80, 120, 200, 400} {
		text := render(t, run, options(width, false))
		part, _, _ := strings.Cut(text, "\nFailures")
		for _, line := range strings.Split(part, "\n") {
			if length := utf8.RuneCountInString(line); length > max(width, 40) {
				t.Errorf("width %d: a line of %d: %s", width, length, line)
			}
		}
	}
}

func TestHostileTextIsInert(t *testing.T) {
	run := sample.Hostile()
	text := render(t, run, options(100, false))
	if strings.ContainsAny(text, "\x1b\x00\x07\r\u202e") || !utf8.ValidString(text) {
		t.Error("control characters or invalid UTF-8 came through")
	}
	if len(text) > 2<<20 {
		t.Errorf("%d bytes", len(text))
	}
}

func TestABrokenColumnIsSaidOnce(t *testing.T) {
	run := sample.Matrix()
	run.Columns[1].Error, run.Columns[1].Logs = "kubeadm init ended with 1", "logs/cri-o"
	run.Cells = run.Cells[:0]
	run.Complete()
	text := render(t, run, options(100, false))
	if got := strings.Count(text, "kubeadm init ended with 1"); got != 2 {
		t.Errorf("the reason is there %d times, want once for the column and once for its checks:\n%s", got, text)
	}
	if !strings.Contains(text, "logs/cri-o") || !strings.Contains(text, "exit 2") {
		t.Errorf("no logs or no exit status in\n%s", text)
	}
}

func TestAnEmptyRun(t *testing.T) {
	if text := render(t, &results.Results{}, terminal.Options{}); !strings.Contains(text, "exit 2") {
		t.Errorf("got %q: nothing ran", text)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestAnErrorOfTheWriterIsReturned(t *testing.T) {
	if err := terminal.Write(full{}, sample.Matrix(), terminal.Options{}); err == nil {
		t.Error("no error")
	}
}

func TestExpectations(t *testing.T) {
	run := sample.Matrix()
	for i := range run.Cells {
		if cell := &run.Cells[i]; cell.Verdict == results.Fail && cell.Check == "user/supplemental-groups-strict" {
			cell.Expectation = &results.Expectation{State: results.ExpectationMet, Verdict: results.Fail, Reason: "known since March", Entry: "e.yaml:3"}
		}
	}
	run.Cells[0].Expectation = &results.Expectation{State: results.ExpectationBroken, Text: "the pinned observation changed", Entry: "e.yaml:9"}
	run.Expectations = &results.Expectations{File: "e.yaml", Findings: []results.ExpectationFinding{{Entry: "e.yaml:20", Text: "it has expired"}}}
	text := render(t, run, options(100, false))
	for _, want := range []string{"Expected failures: 1", "known since March", "Broken expectations: 1", "the pinned observation changed", "e.yaml:20: it has expired"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "\nFailures: ") {
		t.Error("the expected failure is among the failures")
	}
}
