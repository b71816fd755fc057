// Package merge makes one run of columns that were observed in several.
package merge

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"assay/reports/results"
)

// Input is a run to be merged.
type Input struct {
	// File is what it was read from, for messages.
	File string
	Run  *results.Results
}

// Runs makes one run of several: their columns in the order of the inputs, and the checks of all. A
// column that is in several inputs with the same content is taken once. A check that a column's run did
// not have is skipped in that column. The error says which inputs contradict one another, and in what.
//
// Where the inputs are of different runs, every column remembers its own run and host; the merged run
// has the earliest start, the latest end, and of the host what is the same in all.
func Runs(inputs []Input) (*results.Results, error) {
	m := merger{columns: map[string]source{}, checks: map[string]source{}}
	m.merged.SchemaVersion = results.SchemaVersion
	for i := range inputs {
		if err := m.add(&inputs[i]); err != nil {
			return nil, err
		}
	}
	m.skip()
	m.describe(inputs)
	merged := &m.merged
	merged.Complete()
	merged.Judge()
	return merged, nil
}

type merger struct {
	merged results.Results
	// columns and checks say where each came from.
	columns, checks map[string]source
}

type source struct {
	input *Input
	index int
}

func (m *merger) add(input *Input) error {
	if err := m.addChecks(input); err != nil {
		return err
	}
	for i, column := range input.Run.Columns {
		if column.From == nil {
			column.From = &results.Origin{Run: input.Run.Run, Host: input.Run.Host}
		}
		if earlier, twice := m.columns[column.Name]; twice {
			if what := contradiction(earlier.input.Run, input.Run, column.Name); what != "" {
				return fmt.Errorf("%s and %s both have the column %q, and they are not the same: %s; rename one, or leave one out", earlier.input.File, input.File, column.Name, what)
			}
			continue
		}
		m.columns[column.Name] = source{input, i}
		m.merged.Columns = append(m.merged.Columns, column)
		for _, cell := range input.Run.Cells {
			if cell.Column == column.Name {
				m.merged.Cells = append(m.merged.Cells, cell)
			}
		}
		for _, phase := range input.Run.Phases {
			if phase.Column == column.Name {
				m.merged.Phases = append(m.merged.Phases, phase)
			}
		}
	}
	return nil
}

// addChecks adds the checks that are new behind the one that they are behind in the input.
func (m *merger) addChecks(input *Input) error {
	at := 0
	for i, check := range input.Run.Checks {
		if earlier, twice := m.checks[check.ID]; twice {
			other := earlier.input.Run.Checks[earlier.index]
			for _, field := range []struct{ name, a, b string }{
				{"level", other.Level, check.Level},
				{"claim", other.Claim, check.Claim},
				{"source", other.Source, check.Source},
				{"area", other.Area, check.Area},
			} {
				if field.a != field.b {
					return fmt.Errorf("%s and %s have the check %s with another %s: %q and %q; they are of different versions of the suite", earlier.input.File, input.File, check.ID, field.name, field.a, field.b)
				}
			}
			at = 1 + slices.IndexFunc(m.merged.Checks, func(c results.Check) bool { return c.ID == check.ID })
			continue
		}
		m.checks[check.ID] = source{input, i}
		m.merged.Checks = slices.Insert(m.merged.Checks, at, check)
		at++
	}
	return nil
}

// contradiction says in what a column of the same name differs between two runs; empty where it does
// not.
func contradiction(a, b *results.Results, name string) string {
	left, _ := a.Column(name)
	right, _ := b.Column(name)
	if a.RunOf(left).ID != b.RunOf(right).ID {
		return fmt.Sprintf("they are of the runs %s and %s", a.RunOf(left).ID, b.RunOf(right).ID)
	}
	left.From, right.From = nil, nil
	if !same(left, right) {
		return "its description differs"
	}
	for _, check := range a.Checks {
		old, was := a.Cell(check.ID, name)
		now, is := b.Cell(check.ID, name)
		if was && is && !same(old, now) {
			return fmt.Sprintf("%s is %s and %s", check.ID, old.Verdict, now.Verdict)
		}
		if was != is {
			return fmt.Sprintf("only one has %s", check.ID)
		}
	}
	return ""
}

func same(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	left, errLeft := json.Marshal(a)
	right, errRight := json.Marshal(b)
	return errLeft == nil && errRight == nil && string(left) == string(right)
}

// skip makes cells for the checks that a column's run did not have.
func (m *merger) skip() {
	there := map[[2]string]bool{}
	for _, cell := range m.merged.Cells {
		there[[2]string{cell.Check, cell.Column}] = true
	}
	for _, check := range m.merged.Checks {
		for _, column := range m.merged.Columns {
			if !there[[2]string{check.ID, column.Name}] {
				m.merged.Cells = append(m.merged.Cells, results.Cell{
					Check: check.ID, Column: column.Name, Verdict: results.Skipped,
					Reason: "run " + column.From.Run.ID + " did not have this check",
				})
			}
		}
	}
}

// describe says what the merged run is.
func (m *merger) describe(inputs []Input) {
	first := inputs[0].Run
	run := results.Run{Started: first.Run.Started, Finished: first.Run.Finished, Versions: map[string]string{}}
	var ids []string
	host := first.Host
	for _, input := range inputs {
		from := input.Run
		if !slices.Contains(ids, from.Run.ID) {
			ids = append(ids, from.Run.ID)
		}
		if from.Run.Started.Before(run.Started) {
			run.Started = from.Run.Started
		}
		if from.Run.Finished.After(run.Finished) {
			run.Finished = from.Run.Finished
		}
		if from.Run.Exit == results.ExitInterrupted {
			run.Exit = results.ExitInterrupted
		}
		host = common(host, from.Host)
		for name, version := range from.Run.Versions {
			if known, there := run.Versions[name]; there && !slices.Contains(strings.Split(known, ", "), version) {
				run.Versions[name] = known + ", " + version
			} else if !there {
				run.Versions[name] = version
			}
		}
		for _, phase := range from.Phases {
			if phase.Column == "" {
				m.merged.Phases = append(m.merged.Phases, phase)
			}
		}
		run.CommandLine = append(run.CommandLine, input.File)
	}
	run.ID = strings.Join(ids, "+")
	run.CommandLine = append([]string{"assay", "merge"}, run.CommandLine...)
	m.merged.Run, m.merged.Host = run, host
	if len(ids) == 1 { // columns of one run: it says all
		for i := range m.merged.Columns {
			m.merged.Columns[i].From = nil
		}
	}
}

// common is what two hosts have in common.
func common(a, b results.Host) results.Host {
	keep := func(a *string, b string) {
		if *a != b {
			*a = ""
		}
	}
	keep(&a.OS, b.OS)
	keep(&a.Kernel, b.Kernel)
	keep(&a.Arch, b.Arch)
	keep(&a.Cgroup, b.Cgroup)
	keep(&a.CgroupDriver, b.CgroupDriver)
	keep(&a.Engine, b.Engine)
	if a.Cores != b.Cores {
		a.Cores = 0
	}
	if a.MemoryBytes != b.MemoryBytes {
		a.MemoryBytes = 0
	}
	a.Restrictions = slices.DeleteFunc(slices.Clone(a.Restrictions), func(r results.Restriction) bool { return !slices.Contains(b.Restrictions, r) })
	return a
}
