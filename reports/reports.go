// Package reports writes a run's results in every format.
package reports

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"assay/reports/atomicfile"
	"assay/reports/html"
	"assay/reports/jsonlines"
	"assay/reports/junit"
	"assay/reports/markdown"
	"assay/reports/results"
)

// The names of the files of a run.
const (
	ResultsFile = "results.json"
	JUnitFile   = "junit.xml"
	// StrictJUnitFile has what the schema of Jenkins' xunit plugin allows; it is written on request.
	StrictJUnitFile = "junit-strict.xml"
	HTMLFile        = "index.html"
	MarkdownFile    = "matrix.md"
	JSONLinesFile   = "cells.jsonl"
	// LatestLink is the symbolic link next to a run's directory that points to the latest one.
	LatestLink = "latest"
)

// WriteAll completes the results, writes results.json into the directory, which is made when it is not
// there, then every other format, and points the link "latest" of the parent directory to it. It
// returns the names of the files that were written, in the order in which a reader wants them.
//
// A format that cannot be written does not keep the others from being written; the error then joins
// what went wrong. It is an InvalidError too where the results do not fit together: they are written
// as they are, but will not be read again.
func WriteAll(directory string, run *results.Results) ([]string, error) {
	run.Complete()
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of the reports: %w", err)
	}
	var problems []error
	var files []string
	if err := atomicfile.Write(filepath.Join(directory, ResultsFile), run.Encode); err != nil {
		problems = append(problems, err)
	} else {
		files = append(files, ResultsFile)
	}
	problems = append(problems, run.Validate())
	rendered, err := Render(directory, directory, run, Formats()...)
	return append(files, rendered...), errors.Join(errors.Join(problems...), err, link(directory))
}

// The formats that Render knows.
const (
	HTML      = "html"
	Markdown  = "markdown"
	JUnit     = "junit"
	JSONLines = "jsonlines"
	// StrictJUnit is written on request only.
	StrictJUnit = "junit-strict"
)

// Formats lists the formats that a run is written in, in the order in which a reader wants them.
func Formats() []string { return []string{HTML, Markdown, JUnit, JSONLines} }

// Render writes the formats into the directory, which is made when it is not there, and returns the
// names of the files. The evidence of the page is read from the directory where the results lie. A
// format that cannot be written does not keep the others from being written.
func Render(directory, evidence string, run *results.Results, formats ...string) ([]string, error) {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of the reports: %w", err)
	}
	// The evidence is that of the directory and not what a link in it or a name with dots leads to.
	root, err := os.OpenRoot(evidence)
	if err != nil {
		return nil, fmt.Errorf("open the directory of the evidence: %w", err)
	}
	defer root.Close() //nolint:errcheck // read only
	var files []string
	var problems []error
	write := func(name string, write func(io.Writer) error) {
		if err := atomicfile.Write(filepath.Join(directory, name), write); err != nil {
			problems = append(problems, err)
			return
		}
		files = append(files, name)
	}
	for _, format := range formats {
		switch format {
		case HTML:
			write(HTMLFile, func(w io.Writer) error { return html.Write(w, run, html.Options{Evidence: root.FS()}) })
		case Markdown:
			write(MarkdownFile, func(w io.Writer) error { return markdown.Write(w, run) })
		case JUnit:
			write(JUnitFile, func(w io.Writer) error { return junit.Write(w, run) })
			for i, name := range columnFiles(run) {
				write(name, func(w io.Writer) error { return junit.Write(w, run, run.Columns[i].Name) })
			}
		case StrictJUnit:
			write(StrictJUnitFile, func(w io.Writer) error { return junit.WriteStrict(w, run) })
		case JSONLines:
			write(JSONLinesFile, func(w io.Writer) error { return jsonlines.Write(w, run) })
		default:
			problems = append(problems, fmt.Errorf("there is no format %q", format))
		}
	}
	return files, errors.Join(problems...)
}

// link points the link "latest" next to the directory to it.
func link(directory string) error {
	directory, err := filepath.Abs(directory)
	if err != nil {
		return fmt.Errorf("link the latest reports: %w", err)
	}
	parent, name := filepath.Split(directory)
	if name == LatestLink || name == "" {
		return nil
	}
	return atomicfile.Link(name, filepath.Join(parent, LatestLink))
}

// columnFiles names a JUnit file for each column: junit-<column>.xml, with a number where two columns
// would get the same.
func columnFiles(run *results.Results) []string {
	names := make([]string, len(run.Columns))
	taken := map[string]bool{}
	for i, column := range run.Columns {
		stem := "junit-" + fileName(column.Name)
		name := stem + ".xml"
		for number := 2; taken[strings.ToLower(name)]; number++ {
			name = fmt.Sprintf("%s-%d.xml", stem, number)
		}
		taken[strings.ToLower(name)] = true
		names[i] = name
	}
	return names
}

// fileName is a text with nothing in it that a file name cannot hold, or that makes it a path.
func fileName(text string) string {
	const longest = 100
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_':
			return r
		default:
			return '-'
		}
	}, text)
	return name[:min(len(name), longest)]
}
