package reports_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"assay/reports"
	"assay/reports/html"
	_ "assay/reports/internal/golden" // its flag, so that go test ./reports/... -update runs here too
	"assay/reports/internal/sample"
	"assay/reports/jsonlines"
	"assay/reports/junit"
	"assay/reports/markdown"
	"assay/reports/results"
	"assay/reports/terminal"
)

func TestWriteAll(t *testing.T) {
	parent := t.TempDir()
	directory := filepath.Join(parent, "out", "20260314-092653")
	run := sample.Matrix()
	files, err := reports.WriteAll(directory, run)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"results.json", "index.html", "matrix.md", "junit.xml", "junit-containerd.xml", "junit-cri-o.xml", "cells.jsonl"}
	if !slices.Equal(files, want) {
		t.Errorf("got %v, want %v", files, want)
	}
	entries, err := os.ReadDir(directory)
	if err != nil || len(entries) != len(want) {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
	if target, err := os.Readlink(filepath.Join(parent, "out", "latest")); err != nil || target != "20260314-092653" {
		t.Errorf("latest points to %q, %v", target, err)
	}
	again, err := results.Load(filepath.Join(parent, "out", "latest", "results.json"))
	if err != nil {
		t.Fatal(err)
	}

	// Rendered again from the file, everything is the same.
	second := filepath.Join(parent, "out", "second")
	if _, err := reports.WriteAll(second, again); err != nil {
		t.Fatal(err)
	}
	for _, name := range want {
		first, err := os.ReadFile(filepath.Join(directory, name))
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join(second, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, other) {
			t.Errorf("%s is another one when it is rendered from results.json", name)
		}
	}
	if target, err := os.Readlink(filepath.Join(parent, "out", "latest")); err != nil || target != "second" {
		t.Errorf("latest points to %q, %v", target, err)
	}
}

// The page holds the evidence of the run's directory, and nothing that a link in it leads to.
func TestWriteAllTakesTheEvidenceOfTheRun(t *testing.T) {
	page := func(place func(name string) error) []byte {
		directory := t.TempDir()
		run := sample.Matrix()
		for _, cell := range run.Cells {
			for _, trial := range cell.Trials {
				path := filepath.Join(directory, trial.Evidence)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), place(path)); err != nil && !errors.Is(err, os.ErrExist) {
					t.Fatal(err)
				}
			}
		}
		if _, err := reports.WriteAll(directory, run); err != nil {
			t.Fatal(err)
		}
		written, err := os.ReadFile(filepath.Join(directory, reports.HTMLFile))
		if err != nil {
			t.Fatal(err)
		}
		return written
	}
	secret := filepath.Join(t.TempDir(), "secret.json")
	evidence := []byte(`{"pod": {"spec": {}}, "logs": {}}`)
	if err := os.WriteFile(secret, evidence, 0o600); err != nil {
		t.Fatal(err)
	}
	without := page(func(string) error { return nil })
	if with := page(func(name string) error { return os.WriteFile(name, evidence, 0o600) }); bytes.Equal(with, without) {
		t.Error("the evidence is not in the page")
	}
	if linked := page(func(name string) error { return os.Symlink(secret, name) }); !bytes.Equal(linked, without) {
		t.Error("the page holds what a link leads to")
	}
}

func TestWriteAllKeepsToItsDirectory(t *testing.T) {
	parent := t.TempDir()
	run := sample.Hostile()
	files, err := reports.WriteAll(filepath.Join(parent, "run"), run)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if name != filepath.Base(name) || strings.ContainsAny(name, "<>|`\x1b") {
			t.Errorf("a file is named %q", name)
		}
	}
	entries, err := os.ReadDir(parent)
	if err != nil || len(entries) != 2 {
		t.Errorf("the parent holds %v, %v; want the run and latest", entries, err)
	}
}

func TestWriteAllNamesTheFilesOfColumnsApart(t *testing.T) {
	run := &results.Results{Columns: []results.Column{{Name: "a/b"}, {Name: "a-b"}, {Name: "A-b"}, {Name: strings.Repeat("x", 300)}}}
	files, err := reports.WriteAll(filepath.Join(t.TempDir(), "run"), run)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range files {
		if slices.Contains(files[i+1:], name) {
			t.Errorf("%s is there twice", name)
		}
	}
	if len(files) != 9 {
		t.Errorf("got %v", files)
	}
}

// Results that contradict themselves are written all the same: it is what was observed.
func TestWriteAllWritesWhatDoesNotFit(t *testing.T) {
	run := sample.Matrix()
	run.Cells = append(run.Cells, run.Cells[0])
	directory := filepath.Join(t.TempDir(), "run")
	files, err := reports.WriteAll(directory, run)
	var invalid *results.InvalidError
	if !errors.As(err, &invalid) {
		t.Errorf("got %v, want an InvalidError", err)
	}
	if len(files) != 7 {
		t.Errorf("only %v were written", files)
	}
}

func TestWriteAllWithoutItsFolder(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if files, err := reports.WriteAll(filepath.Join(blocked, "run"), sample.Matrix()); err == nil || len(files) > 0 {
		t.Errorf("got %v, %v", files, err)
	}
}

// renderers are all formats.
func renderers() map[string]func(io.Writer, *results.Results) error {
	return map[string]func(io.Writer, *results.Results) error{
		"junit":     func(w io.Writer, run *results.Results) error { return junit.Write(w, run) },
		"html":      func(w io.Writer, run *results.Results) error { return html.Write(w, run, html.Options{}) },
		"markdown":  markdown.Write,
		"jsonlines": jsonlines.Write,
		"terminal": func(w io.Writer, run *results.Results) error {
			return terminal.Write(w, run, terminal.Options{Width: 80})
		},
	}
}

// FuzzRender: whatever can be read can be rendered, and what is rendered is well-formed.
func FuzzRender(f *testing.F) {
	var seed bytes.Buffer
	if err := sample.Matrix().Encode(&seed); err != nil {
		f.Fatal(err)
	}
	f.Add(seed.Bytes())
	for _, text := range sample.Nasty() {
		quoted, err := json.Marshal(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(fmt.Appendf(nil, `{"schemaVersion": 1, "columns": [{"name": %[1]s, "error": %[1]s}, {"name": "b"}], "checks": [{"id": %[1]s, "level": "info", "claim": %[1]s}],
			"cells": [{"check": %[1]s, "column": "b", "verdict": "fail", "reason": %[1]s, "observed": {%[1]s: [%[1]s]}, "earlier": [%[1]s], "trials": [{"name": %[1]s, "log": %[1]s}]}]}`, quoted))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		run, err := results.Read(bytes.NewReader(data), "fuzz")
		if err != nil {
			return
		}
		for name, write := range renderers() {
			var b bytes.Buffer
			if err := write(&b, run); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if bytes.ContainsAny(b.Bytes(), "\x00\x1b") {
				t.Fatalf("%s: a control character came through", name)
			}
			if name == "junit" {
				if err := xml.Unmarshal(b.Bytes(), new(struct{})); err != nil {
					t.Fatalf("not XML: %v", err)
				}
			}
		}
	})
}

// A run as large as the suite is expected to become renders in the blink of an eye.
func TestALargeRunRendersQuickly(t *testing.T) {
	run := sample.Large()
	for name, write := range renderers() {
		started := time.Now()
		if err := write(io.Discard, run); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		took := time.Since(started)
		t.Logf("%s: %s", name, took.Round(time.Millisecond))
		if took > 30*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
}

// TestOutliersAreInEveryReport: which nodes answer otherwise than their column, and how.
func TestOutliersAreInEveryReport(t *testing.T) {
	directory := t.TempDir()
	if _, err := reports.WriteAll(directory, sample.Fleet()); err != nil {
		t.Fatal(err)
	}
	for name, wanted := range map[string][]string{
		"results.json": {"node-99", "node-100"},
		"index.html":   {"outliers: 1", "outliers: 2"},
		"matrix.md":    {"1 of 99 nodes (node-99)", "node-99, node-100"},
		"junit.xml":    {"1 of 99 nodes (node-99)", "node-99, node-100"},
		"cells.jsonl":  {"node-99", "node-100"},
	} {
		text, err := os.ReadFile(filepath.Join(directory, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wanted {
			if !bytes.Contains(text, []byte(want)) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
	}
	var b bytes.Buffer
	if err := terminal.Write(&b, sample.Fleet(), terminal.Options{Width: 400}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 of 99 nodes (node-99): info, CapBnd, CapEff, CapPrm 9: ", "2 of 100 nodes (node-99, node-100): fail: drop"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}
