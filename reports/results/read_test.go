package results

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const small = `{
 "schemaVersion": 1,
 "run": {"id": "r", "started": "2026-03-14T09:26:53Z", "finished": "2026-03-14T09:28:53Z", "exit": 0},
 "columns": [
  {"name": "containerd"},
  {"name": "cri-o"}
 ],
 "checks": [
  {"id": "caps/default-set", "level": "info"},
  {"id": "seccomp/mount", "level": "must"}
 ],
 "cells": [
  {"check": "seccomp/mount", "column": "cri-o", "verdict": "pass"},
  {"check": "caps/default-set", "column": "containerd", "verdict": "info", "observed": {"n": 14}},
  {"check": "caps/default-set", "column": "cri-o", "verdict": "info", "observed": {"n": 9}}
 ],
 "phases": [{"column": "cri-o", "name": "boot", "seconds": 1.5}]
}
`

func TestRead(t *testing.T) {
	run, err := Read(strings.NewReader(small), "small.json")
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, cell := range run.Cells {
		order = append(order, cell.Check+"@"+cell.Column+" "+cell.Verdict.String())
	}
	want := "caps/default-set@containerd info, caps/default-set@cri-o info, seccomp/mount@containerd error, seccomp/mount@cri-o pass"
	if got := strings.Join(order, ", "); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if !run.Differs("caps/default-set") || run.Differs("seccomp/mount") {
		t.Error("caps/default-set differs and nothing else does")
	}
}

func TestReadRefuses(t *testing.T) {
	change := func(old, replacement string) string {
		if !strings.Contains(small, old) {
			t.Fatalf("no %q", old)
		}
		return strings.Replace(small, old, replacement, 1)
	}
	tests := map[string]struct {
		document string
		line     int
		says     string
	}{
		"nothing":                  {"", 0, "empty"},
		"white space":              {" \n\n", 0, "empty"},
		"cut in a value":           {small[:strings.Index(small, `"cells"`)+30], 13, "cut"},
		"cut at the last brace":    {strings.TrimRight(small, "}\n"), 17, "cut"},
		"a text file":              {"hello", 1, "not JSON"},
		"a comma too many":         {change("9}}\n", "9}},\n"), 16, "not JSON"},
		"two documents":            {small + small, 19, "not JSON"},
		"a list":                   {"[]", 1, "array"},
		"foreign":                  {`{"kind": "List", "items": []}`, 0, "schemaVersion"},
		"a foreign version":        {change(`"schemaVersion": 1`, `"schemaVersion": "v1"`), 2, "v1"},
		"version zero":             {change(`"schemaVersion": 1`, `"schemaVersion": 0`), 2, "schemaVersion"},
		"a newer version":          {change(`"schemaVersion": 1`, `"schemaVersion": 7`), 2, "7"},
		"newer with other types":   {"{\n\"cells\": 5,\n\"schemaVersion\": 7}", 3, "7"},
		"a wrong type":             {change(`"exit": 0`, `"exit": "0"`), 3, "run.exit"},
		"a wrong type in a list":   {change(`"name": "cri-o"`, `"name": 3`), 6, "columns[1].name"},
		"an object for a list":     {change(`[{"column": "cri-o", "name": "boot", "seconds": 1.5}]`, `{}`), 17, "phases"},
		"a time that is none":      {change("2026-03-14T09:26:53Z", "yesterday"), 3, "run"},
		"an unknown verdict":       {change(`"pass"`, `"passed"`), 13, "passed"},
		"an empty verdict":         {change(`"pass"`, `""`), 13, "verdict"},
		"an unknown level":         {change(`"must"`, `"may"`), 10, "may"},
		"a second column":          {change(`{"name": "cri-o"}`, `{"name": "containerd"}`), 6, "containerd"},
		"a column without a name":  {change(`{"name": "cri-o"}`, `{}`), 6, "no name"},
		"a second check":           {change(`"seccomp/mount", "level"`, `"caps/default-set", "level"`), 10, "caps/default-set"},
		"a check without an id":    {change(`"id": "seccomp/mount", `, ``), 10, "no id"},
		"a duplicate cell":         {change(`"caps/default-set", "column": "containerd"`, `"caps/default-set", "column": "cri-o"`), 15, "second cell"},
		"a cell of no check":       {change(`"check": "seccomp/mount"`, `"check": "seccomp/mont"`), 13, "seccomp/mont"},
		"a cell of no column":      {change(`"seccomp/mount", "column": "cri-o"`, `"seccomp/mount", "column": "crio"`), 13, "crio"},
		"a phase of no column":     {change(`"column": "cri-o", "name": "boot"`, `"column": "crio", "name": "boot"`), 17, "crio"},
		"a field twice":            {change(` "phases"`, ` "cells": [],`+"\n"+` "phases"`), 17, "twice"},
		"a number beyond a number": {change(`"seconds": 1.5`, `"seconds": 1e999`), 17, "phases[0]"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Read(strings.NewReader(test.document), "small.json")
			var invalid *InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("got %v, want an InvalidError", err)
			}
			if invalid.File != "small.json" || invalid.Line != test.line || !strings.Contains(invalid.Problem, test.says) {
				t.Errorf("got %q, want line %d and a word of %q", err, test.line, test.says)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

func TestReadAccepts(t *testing.T) {
	for name, document := range map[string]string{
		"unknown fields": strings.Replace(small, `"exit": 0`, `"exit": 0, "weather": {"sun": true}`, 1),
		"unknown parts":  strings.Replace(small, `"cells"`, `"more": [1, {"a": []}], "cells"`, 1),
		"null lists":     strings.Replace(small, `[{"column": "cri-o", "name": "boot", "seconds": 1.5}]`, `null`, 1),
		"least":          `{"schemaVersion": 1}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Read(strings.NewReader(document), name); err != nil {
				t.Error(err)
			}
		})
	}
}

// endless never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestReadLimitsTheSize(t *testing.T) {
	var invalid *InvalidError
	if _, err := read(endless{}, "endless", 1000); !errors.As(err, &invalid) || !strings.Contains(err.Error(), "1000") {
		t.Errorf("got %v", err)
	}
	if _, err := read(strings.NewReader(small), "small", int64(len(small))); err != nil {
		t.Errorf("a document of just the limit: %v", err)
	}
}

func TestReadLimitsTheMatrix(t *testing.T) {
	var document strings.Builder
	document.WriteString(`{"schemaVersion": 1, "columns": [{"name": "c"}`)
	for i := range 400 {
		fmt.Fprintf(&document, `,{"name": "c%d"}`, i)
	}
	document.WriteString(`], "checks": [{"id": "a", "level": "info"}`)
	for i := range 400 {
		fmt.Fprintf(&document, `,{"id": "a/%d", "level": "info"}`, i)
	}
	document.WriteString("]}")
	var invalid *InvalidError
	if _, err := Read(strings.NewReader(document.String()), "large"); !errors.As(err, &invalid) {
		t.Errorf("got %v", err)
	}
}

func TestLoad(t *testing.T) {
	directory := t.TempDir()
	path := filepath.Join(directory, "results.json")
	var invalid *InvalidError
	if _, err := Load(path); !errors.As(err, &invalid) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
	if _, err := Load(directory); !errors.As(err, &invalid) {
		t.Errorf("a folder: got %v", err)
	}
	if err := os.WriteFile(path, []byte(small), 0o600); err != nil {
		t.Fatal(err)
	}
	run, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Write(path); err != nil {
		t.Fatal(err)
	}
	again, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	if err := errors.Join(run.Encode(&first), again.Encode(&second)); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() {
		t.Error("what was written is not what was read")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"schemaVersion": 1, "cells": [null], "columns": [{"name":"a"}], "checks": [{"id":"a","level":"info"}]}`))
	f.Add([]byte(`{"schemaVersion": 1, "cells": {}, "phases": 1e9}`))
	f.Add([]byte(`{"schemaVersion": 2}`))
	f.Add([]byte("[{\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		run, err := Read(bytes.NewReader(data), "fuzz")
		if err != nil {
			var invalid *InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("not an InvalidError: %v", err)
			}
			return
		}
		if len(run.Cells) != len(run.Checks)*len(run.Columns) {
			t.Fatalf("%d cells of %d checks in %d columns", len(run.Cells), len(run.Checks), len(run.Columns))
		}
		var first, second bytes.Buffer
		if err := run.Encode(&first); err != nil {
			t.Fatal(err)
		}
		again, err := Read(bytes.NewReader(first.Bytes()), "again")
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if err := again.Encode(&second); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatal("reading and writing changes the document")
		}
		_ = run.Outcome()
		for _, check := range run.Checks {
			_ = run.Differs(check.ID)
		}
	})
}

var _ io.Reader = endless{}
