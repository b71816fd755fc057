package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestExamplesOfCI reads the examples for CI systems and looks up every command and flag in them.
func TestExamplesOfCI(t *testing.T) {
	paths, err := filepath.Glob("../../docs/ci/*")
	if err != nil || len(paths) < 6 {
		t.Fatalf("%d examples, %v", len(paths), err)
	}
	commands := 0
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(path) == ".yaml" {
			decoder := yaml.NewDecoder(strings.NewReader(string(content)))
			for {
				var document map[string]any
				err := decoder.Decode(&document)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil || len(document) == 0 {
					t.Fatalf("%s: %v", path, err)
				}
			}
		}
		for _, line := range commandLines(string(content)) {
			commands++
			checkCommand(t, filepath.Base(path), line)
		}
	}
	if commands < 10 {
		t.Errorf("only %d commands were found", commands)
	}
}

// commandLines finds the commands in a text, each with its arguments.
func commandLines(text string) []string {
	text = strings.ReplaceAll(text, "\\\n", " ")
	var found []string
	for _, match := range regexp.MustCompile("(?m)(?:\\bassay|go run \\.) ((?:run|merge|diff|rbac|image|render|columns)\\b[^\n`']*)").FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

func checkCommand(t *testing.T, file, line string) {
	t.Helper()
	status := 0
	words := strings.Fields(line)
	found, _, err := command(&status).Find(words)
	if err != nil || found.Name() == "assay" {
		t.Errorf("%s: %q is not a command: %v", file, line, err)
		return
	}
	for _, word := range words {
		name, is := strings.CutPrefix(word, "--")
		name, _, _ = strings.Cut(name, "=")
		if is && found.Flags().Lookup(name) == nil {
			t.Errorf("%s: %q: %s has no flag --%s", file, line, found.Name(), name)
		}
	}
}
