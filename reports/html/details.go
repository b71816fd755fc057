package html

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"assay/reports/difference"
	"assay/reports/failure"
	"assay/reports/inert"
	"assay/reports/results"
)

// The most of what is shown of a cell: characters of a text, values, trials, earlier attempts and runs, and
// bytes of a recorded value that is taken apart.
const (
	textWidth       = 2000
	mostValues      = 2000
	mostTrials      = 200
	mostEarlier     = 10
	mostRuns        = 60
	longestRecorded = 512 << 10
)

// details is what the page shows of a cell when it is opened; the page's script knows the names.
type details struct {
	Columns []columnDetails `json:"columns"`
	Checks  []checkDetails  `json:"checks"`
	// Documents are long texts; trials have their numbers, counted from 1.
	Documents []string `json:"documents"`
}

type columnDetails struct {
	Name  string                 `json:"name"`
	Title string                 `json:"title"`
	Nodes map[string][][2]string `json:"nodes"`
	// Config are the configuration fragments, name and document.
	Config []configDetails `json:"config,omitempty"`
}

type configDetails struct {
	Name     string `json:"name"`
	Document int    `json:"document"`
}

type checkDetails struct {
	ID       string        `json:"id"`
	Level    string        `json:"level"`
	Claim    string        `json:"claim"`
	Source   string        `json:"source,omitempty"`
	Recorded *recorded     `json:"recorded,omitempty"`
	Cells    []cellDetails `json:"cells"`
}

// recorded is a table of the recorded values of a check; the first Differ rows are those in which the
// columns differ.
type recorded struct {
	Names  []string `json:"names"`
	Differ int      `json:"differ"`
	// LeftOut is the number of values that the page has no room for.
	LeftOut int `json:"leftOut,omitempty"`
	// Values has for each column and name the number of a text, counted from 1; 0 where the column has no
	// such value. It is nil for a column that recorded nothing.
	Values [][]int  `json:"values"`
	Texts  []string `json:"texts"`
}

type cellDetails struct {
	Verdict  results.Verdict `json:"verdict"`
	Reason   string          `json:"reason,omitempty"`
	Attempts int             `json:"attempts,omitempty"`
	Took     string          `json:"took,omitempty"`
	Rerun    string          `json:"rerun,omitempty"`
	Earlier  []string        `json:"earlier,omitempty"`
	Nodes    []string        `json:"nodes,omitempty"`
	Trials   []trialDetails  `json:"trials,omitempty"`
	LeftOut  int             `json:"leftOut,omitempty"`
	History  []past          `json:"history,omitempty"`
}

// past is the verdict of a cell in an earlier run.
type past struct {
	When    string          `json:"when"`
	Verdict results.Verdict `json:"verdict"`
}

type trialDetails struct {
	Name     string `json:"name"`
	Control  bool   `json:"control,omitempty"`
	Done     string `json:"done,omitempty"`
	Wanted   string `json:"wanted,omitempty"`
	Seen     string `json:"seen,omitempty"`
	Met      bool   `json:"met,omitempty"`
	DeniedBy string `json:"deniedBy,omitempty"`
	Why      string `json:"why,omitempty"`
	Where    string `json:"where,omitempty"`
	Node     string `json:"node,omitempty"`
	Filter   string `json:"filter,omitempty"`
	// Evidence is the name of the evidence file, where it is there.
	Evidence string `json:"evidence,omitempty"`
	Log      int    `json:"log,omitempty"`
	Pod      int    `json:"pod,omitempty"`
	Status   int    `json:"status,omitempty"`
	Document int    `json:"document,omitempty"`
}

func newDetails(run *results.Results, options Options) *details {
	kept, from := newDocuments(), newEvidence(options.Evidence)
	history := newHistory(options.History)
	d := &details{Columns: []columnDetails{}, Checks: []checkDetails{}}
	for _, column := range run.Columns {
		d.Columns = append(d.Columns, newColumn(column, kept))
	}
	for _, check := range run.Checks {
		row := run.Row(check.ID)
		c := checkDetails{
			ID: inert.Short(check.ID, nameWidth), Level: inert.Short(check.Level, nameWidth),
			Claim: inert.Short(check.Claim, textWidth), Source: web(check.Source), Recorded: newRecorded(row),
			Cells: make([]cellDetails, 0, len(row)),
		}
		for _, cell := range row {
			shown := newCell(cell, kept, from)
			shown.History = history[[2]string{cell.Check, cell.Column}]
			c.Cells = append(c.Cells, shown)
		}
		d.Checks = append(d.Checks, c)
	}
	d.Documents = kept.Texts
	return d
}

// newHistory has the verdicts in the latest runs of those given, by check and column.
func newHistory(runs []*results.Results) map[[2]string][]past {
	history := map[[2]string][]past{}
	for _, run := range runs[max(0, len(runs)-mostRuns):] {
		when := run.Run.Started.UTC().Format("2006-01-02 15:04")
		for _, cell := range run.Cells {
			place := [2]string{cell.Check, cell.Column}
			history[place] = append(history[place], past{When: when, Verdict: cell.Verdict})
		}
	}
	return history
}

func newColumn(column results.Column, kept *documents) columnDetails {
	name := inert.Short(column.Name, nameWidth)
	c := columnDetails{Name: name, Title: inert.Short(failure.Column(column, name), textWidth), Nodes: map[string][][2]string{}}
	for _, node := range column.Nodes {
		var facts [][2]string
		add := func(name, value string) {
			if value = inert.Short(value, reasonWidth); value != "" {
				facts = append(facts, [2]string{name, value})
			}
		}
		add("OS", node.OS)
		add("kernel", node.Kernel)
		add("runtime", node.Runtime)
		add("bounding set", node.BoundingSet)
		for _, restriction := range node.Restrictions[:min(len(node.Restrictions), mostTrials)] {
			add("lacks "+inert.Short(restriction.What, nameWidth), restriction.Detail)
		}
		c.Nodes[inert.Short(node.Name, nameWidth)] = facts
	}
	names := make([]string, 0, len(column.Config))
	for name := range column.Config {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		c.Config = append(c.Config, configDetails{inert.Short(name, nameWidth), kept.add(column.Config[name])})
	}
	return c
}

func newCell(cell results.Cell, kept *documents, from *evidence) cellDetails {
	c := cellDetails{
		Verdict: cell.Verdict, Reason: inert.Short(cell.Reason, textWidth), Attempts: cell.Attempts,
		Rerun: inert.Short(cell.Rerun, textWidth),
	}
	if cell.Seconds > 0 {
		c.Took = results.Duration(cell.Seconds).String()
	}
	for _, earlier := range cell.Earlier[:min(len(cell.Earlier), mostEarlier)] {
		c.Earlier = append(c.Earlier, inert.Short(earlier, textWidth))
	}
	for _, answer := range difference.Nodes(cell) {
		c.Nodes = append(c.Nodes, inert.Short(answer, textWidth))
	}
	shown := min(len(cell.Trials), mostTrials)
	c.LeftOut = len(cell.Trials) - shown
	for _, trial := range cell.Trials[:shown] {
		t := trialDetails{
			Name: inert.Short(trial.Name, reasonWidth), Control: trial.Control, Done: inert.Short(trial.Done, textWidth),
			Wanted: inert.Short(trial.Wanted, textWidth), Seen: inert.Short(trial.Seen, textWidth), Met: trial.Met,
			DeniedBy: inert.Short(trial.DeniedBy, nameWidth), Why: inert.Short(trial.Why, textWidth),
			Where: inert.Short(failure.Where(trial), textWidth), Node: inert.Short(trial.Node, nameWidth),
			Filter: inert.Short(trial.Filter, textWidth), Log: kept.add(trial.Log),
		}
		if file := from.file(trial.Evidence); file != nil {
			t.Evidence = trial.Evidence
			t.Pod = kept.add(file.manifest(trial.Container))
			t.Status = kept.add(file.status(trial.Container))
			if document := file.document(trial.Container); document != trial.Log {
				t.Document = kept.add(document)
			}
		}
		c.Trials = append(c.Trials, t)
	}
	return c
}

// newRecorded is the table of what the cells of a check recorded; nil where that is nothing.
func newRecorded(row []results.Cell) *recorded {
	columns := make([]map[string]string, len(row))
	var names []string
	there := map[string]bool{}
	for i, cell := range row {
		if len(cell.Observed) == 0 {
			continue
		}
		members := []difference.Member{{Value: difference.Short(cell.Observed, textWidth)}}
		if len(cell.Observed) < longestRecorded {
			members = difference.Members(cell.Observed)
		}
		columns[i] = make(map[string]string, len(members))
		for _, member := range members {
			name := inert.Short(member.Name, nameWidth)
			columns[i][name] = inert.Short(member.Value, textWidth)
			if !there[name] {
				there[name] = true
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	differs := make(map[string]int, len(names))
	for _, name := range names {
		if differ(row, columns, name) {
			differs[name] = -1
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(differs[a], differs[b]), cmp.Compare(a, b)) })
	r := &recorded{Names: names, Differ: len(differs), Values: make([][]int, len(row))}
	if len(names) > mostValues {
		r.Names, r.LeftOut = names[:mostValues], len(names)-mostValues
		r.Differ = min(r.Differ, mostValues)
	}
	numbers := map[string]int{}
	for i, column := range columns {
		if column == nil {
			continue
		}
		r.Values[i] = make([]int, len(r.Names))
		for j, name := range r.Names {
			text, found := column[name]
			if !found {
				continue
			}
			if numbers[text] == 0 {
				r.Texts = append(r.Texts, text)
				numbers[text] = len(r.Texts)
			}
			r.Values[i][j] = numbers[text]
		}
	}
	return r
}

// differ says whether the columns that say something about the runtime differ in a value.
func differ(row []results.Cell, columns []map[string]string, name string) bool {
	first, some := "", false
	for i, column := range columns {
		if column == nil || !row[i].Stated() {
			continue
		}
		text, found := column[name]
		if !found {
			text = difference.Absent
		}
		if some && text != first {
			return true
		}
		first, some = text, true
	}
	return false
}

// encode is the details as JSON, gzipped, in base64.
func (d *details) encode() (string, error) {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if err := json.NewEncoder(writer).Encode(d); err != nil {
		return "", fmt.Errorf("encode the evidence for HTML: %w", err)
	}
	if err := writer.Close(); err != nil {
		return "", fmt.Errorf("encode the evidence for HTML: %w", err)
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes()), nil
}
