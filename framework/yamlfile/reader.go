// Package yamlfile reads YAML files strictly: every field has to be known, and what is wrong is said with
// its line, all of it at once.
package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxSize is the size in bytes that a file may have.
const MaxSize = 1 << 20

// Reader walks the nodes of a YAML document and collects what is wrong with them. It works on nodes
// and not on Go values because only they know their lines.
type Reader struct {
	// File is the path of the file.
	File string
	// Example is a path of a file that is right, for messages.
	Example  string
	Problems []Problem
}

// Err is an InvalidError with the problems in the order of the file, nil where there are none.
func (r *Reader) Err() error {
	if len(r.Problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.Problems, func(a, b Problem) int { return a.Line - b.Line })
	return &InvalidError{Problems: r.Problems}
}

// Visit reads the value of a field; path is the way to it.
type Visit func(node *yaml.Node, path string)

// Fields are the fields that a mapping may have.
type Fields map[string]Visit

// Report collects a problem; field is the way to the value.
func (r *Reader) Report(node *yaml.Node, field, what, fix string) {
	r.Problems = append(r.Problems, Problem{File: r.File, Line: node.Line, Field: field, What: what, Fix: fix})
}

// Document parses one YAML document without anchors and aliases; nil after a problem.
func (r *Reader) Document(content []byte) *yaml.Node {
	if len(content) > MaxSize {
		r.Problems = append(r.Problems, Problem{File: r.File, What: fmt.Sprintf("is larger than %d bytes", MaxSize), Fix: "split the file"})
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0 {
		r.Problems = append(r.Problems, Problem{File: r.File, Line: 1, What: "is empty", Fix: "see " + r.Example + " for an example"})
		return nil
	}
	if err != nil {
		what, line := SyntaxProblem(err)
		r.Problems = append(r.Problems, Problem{File: r.File, Line: line, What: "is not valid YAML: " + what, Fix: "mend the file"})
		return nil
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		line := second.Line
		if err != nil {
			_, line = SyntaxProblem(err)
		}
		r.Problems = append(r.Problems, Problem{File: r.File, Line: line, What: "has a second document", Fix: "keep one document a file"})
		return nil
	}
	if !r.plain(document.Content[0]) {
		return nil
	}
	return document.Content[0]
}

// plain reports anchors and aliases: a few lines of them can stand for gigabytes.
func (r *Reader) plain(node *yaml.Node) bool {
	ok := true
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		r.Report(node, "", "anchors and aliases are not read", "write the value out")
		return false
	}
	for _, child := range node.Content {
		ok = r.plain(child) && ok
	}
	return ok
}

// Mapping reads a mapping and reports fields that are unknown or there twice.
func (r *Reader) Mapping(node *yaml.Node, path string, known Fields) {
	if node.Kind != yaml.MappingNode {
		r.Report(node, path, "is not a mapping", "write its fields as `name: value`, one a line")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		field := key.Value
		if path != "" {
			field = path + "." + key.Value
		}
		if line, twice := seen[key.Value]; twice {
			r.Report(key, field, fmt.Sprintf("is there twice, first in line %d", line), "remove one of the two")
			continue
		}
		seen[key.Value] = key.Line
		read, exists := known[key.Value]
		if !exists || key.Kind != yaml.ScalarNode {
			r.Report(key, field, "is not a known field", "the fields here are "+strings.Join(names(known), ", "))
			continue
		}
		read(value, field)
	}
}

func names(known Fields) []string {
	list := make([]string, 0, len(known))
	for name := range known {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// Has says whether a mapping has the field.
func Has(node *yaml.Node, field string) bool {
	for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == field {
			return true
		}
	}
	return false
}

// Scalar reads a text. Numbers are taken as they are written, so that 2.10 stays 2.10.
func (r *Reader) Scalar(node *yaml.Node, field string, into *string) bool {
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" || node.Tag == "!!bool" || node.Value == "" {
		r.Report(node, field, "is not a text", "write a text")
		return false
	}
	*into = node.Value
	return true
}

// OneOf reads one of some texts.
func (r *Reader) OneOf(into *string, values ...string) Visit {
	return func(node *yaml.Node, field string) {
		var value string
		if !r.Scalar(node, field, &value) {
			return
		}
		if !slices.Contains(values, value) {
			r.Report(node, field, fmt.Sprintf("%q is not known", value), "write one of "+strings.Join(values, ", "))
			return
		}
		*into = value
	}
}

// SyntaxProblem takes the line out of an error of the YAML library, which only has it as text.
func SyntaxProblem(err error) (what string, line int) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	match := regexp.MustCompile(`line ([0-9]+): (.*)`).FindStringSubmatch(text)
	if match == nil {
		return text, 0
	}
	line, _ = strconv.Atoi(match[1])
	return match[2], line
}

// Read reads a regular file that is not too large.
func Read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		var pathError *os.PathError
		if errors.As(err, &pathError) {
			err = pathError.Err
		}
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	content, err := io.ReadAll(io.LimitReader(file, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if len(content) > MaxSize {
		return nil, fmt.Errorf("is larger than %d bytes", MaxSize)
	}
	return content, nil
}
