package yamlfile

import (
	"fmt"
	"strings"
)

// InvalidError says everything that is wrong with a file.
type InvalidError struct {
	Problems []Problem
}

// Problem is one thing that is wrong.
type Problem struct {
	// File is the path of the file, Line starts at 1; 0 is the file as a whole.
	File string
	Line int
	// Field is the way to the value ("columns[1].runtime.version").
	Field string
	// What is wrong, and what to do about it.
	What string
	Fix  string
}

func (p Problem) String() string {
	place := p.File
	if p.Line > 0 {
		place = fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	if p.Field != "" {
		place += ": " + p.Field
	}
	text := place + ": " + p.What
	if p.Fix != "" {
		text += "; " + p.Fix
	}
	return text
}

// Error is a line for each problem.
func (e *InvalidError) Error() string {
	lines := make([]string, 0, len(e.Problems))
	for _, problem := range e.Problems {
		lines = append(lines, problem.String())
	}
	return strings.Join(lines, "\n")
}
