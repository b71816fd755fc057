package diff

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"assay/reports/results"
)

// Input is a side of a comparison.
type Input struct {
	// File is what the results were read from.
	File string
	Run  *results.Results
	// Column is the column that the user chose; empty is all of them.
	Column string
}

func (i Input) side() Side {
	return Side{File: i.File, Run: i.Run.Run.ID, Started: i.Run.Run.Started}
}

// Open reads a side: a results file or a run's directory, with ":column" behind it where only one
// column is meant. The error is an InvalidError.
func Open(argument, resultsFile string) (Input, error) {
	file, column := split(argument)
	path := file
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, resultsFile)
	}
	run, err := results.Load(path)
	if err != nil {
		return Input{}, err
	}
	if _, found := run.Column(column); column != "" && !found {
		return Input{}, &results.InvalidError{File: path, Problem: fmt.Sprintf("has no column %q; its columns are %s", column, strings.Join(columns(run), ", "))}
	}
	return Input{File: path, Run: run, Column: column}, nil
}

// split takes the column off, unless there is a file whose name has the colon.
func split(argument string) (file, column string) {
	colon := strings.LastIndexByte(argument, ':')
	if _, err := os.Stat(argument); err == nil || colon <= 0 {
		return argument, ""
	}
	return argument[:colon], argument[colon+1:]
}

func columns(run *results.Results) []string {
	names := make([]string, len(run.Columns))
	for i, column := range run.Columns {
		names[i] = column.Name
	}
	return names
}

// Matched says which columns are compared.
type Matched struct {
	// Pairs are names, before and after.
	Pairs                 [][2]string
	OnlyBefore, OnlyAfter []string
}

// Match finds out which columns are compared: those that were chosen, those that renamed maps, those of
// the same name, and, where each side has one, these two. The error says what the user can do.
func Match(before, after Input, renamed map[string]string) (Matched, error) {
	left, right := columns(before.Run), columns(after.Run)
	for from, to := range renamed {
		if !slices.Contains(left, from) || !slices.Contains(right, to) {
			return Matched{}, fmt.Errorf("there are no columns %q before and %q after: before are %s, after are %s", from, to, strings.Join(left, ", "), strings.Join(right, ", "))
		}
	}
	if before.Column != "" {
		left = []string{before.Column}
	}
	if after.Column != "" {
		right = []string{after.Column}
	}
	switch {
	case before.Column != "" && after.Column == "" && slices.Contains(right, before.Column):
		right = left
	case after.Column != "" && before.Column == "" && slices.Contains(left, after.Column):
		left = right
	}
	if len(left) == 1 && len(right) == 1 {
		return Matched{Pairs: [][2]string{{left[0], right[0]}}}, nil
	}
	var matched Matched
	for _, name := range left {
		counterpart := name
		if other, is := renamed[name]; is {
			counterpart = other
		}
		if slices.Contains(right, counterpart) {
			matched.Pairs = append(matched.Pairs, [2]string{name, counterpart})
		} else {
			matched.OnlyBefore = append(matched.OnlyBefore, name)
		}
	}
	for _, name := range right {
		if !slices.ContainsFunc(matched.Pairs, func(pair [2]string) bool { return pair[1] == name }) {
			matched.OnlyAfter = append(matched.OnlyAfter, name)
		}
	}
	if len(matched.Pairs) == 0 {
		return Matched{}, fmt.Errorf("no column has a counterpart: %s has %s, %s has %s; name one of each as FILE:COLUMN, or pair them with --map BEFORE=AFTER",
			before.File, strings.Join(left, ", "), after.File, strings.Join(right, ", "))
	}
	return matched, nil
}
