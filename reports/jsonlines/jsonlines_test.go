package jsonlines_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"assay/reports/internal/golden"
	"assay/reports/internal/sample"
	"assay/reports/jsonlines"
	"assay/reports/results"
)

func render(t *testing.T, run *results.Results) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jsonlines.Write(&b, run); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	golden.Check(t, "cells.jsonl", render(t, sample.Matrix()))
}

func TestEveryCellIsOneLine(t *testing.T) {
	broken := sample.Matrix()
	broken.Cells[0].Observed = json.RawMessage(`{"cut`)
	for name, run := range map[string]*results.Results{"sample": sample.Matrix(), "hostile": sample.Hostile(), "a value that is no JSON": broken} {
		t.Run(name, func(t *testing.T) {
			text := render(t, run)
			if !utf8.Valid(text) {
				t.Error("invalid UTF-8")
			}
			lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
			if len(lines) != len(run.Cells) {
				t.Fatalf("%d lines for %d cells", len(lines), len(run.Cells))
			}
			for i, line := range lines {
				var got struct{ Check, Column string }
				if err := json.Unmarshal(line, &got); err != nil {
					t.Errorf("line %d: %v", i+1, err)
				}
				if cell := run.Cells[i]; got.Check != cell.Check || got.Column != cell.Column {
					t.Errorf("line %d is of %s in %s, want %s in %s", i+1, got.Check, got.Column, cell.Check, cell.Column)
				}
			}
		})
	}
}
