package fleet

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"assay/reports/results"
)

// said is a cell with a verdict and a recorded value.
func said(verdict results.Verdict, observed string) results.Cell {
	cell := results.Cell{Check: "a/b", Column: "c", Verdict: verdict, Reason: "because", Attempts: 1, Seconds: 1}
	if observed != "" {
		cell.Observed = json.RawMessage(observed)
	}
	return cell
}

// merge is the column's cell of nodes n1, n2, ... that answer so, in any order.
func merge(t *testing.T, volatile bool, cells ...results.Cell) results.Cell {
	t.Helper()
	names := make([]string, len(cells))
	for i := range cells {
		names[i] = fmt.Sprintf("n%d", i+1)
	}
	var first results.Cell
	for round := range 5 {
		order := rand.Perm(len(cells))
		a := newAnswers(volatile, names)
		for _, node := range order {
			a.add(node, cells[node])
		}
		merged := a.merged()
		if round == 0 {
			first = merged
		} else if !reflect.DeepEqual(merged, first) {
			t.Fatalf("the order of the answers matters:\n%+v\n%+v", first, merged)
		}
	}
	return first
}

// repeat is a cell so many times.
func repeat(cell results.Cell, times int) []results.Cell {
	cells := make([]results.Cell, times)
	for i := range cells {
		cells[i] = cell
	}
	return cells
}

func groupsOf(cell results.Cell) string {
	var groups []string
	for _, answer := range cell.Nodes {
		groups = append(groups, answer.Verdict.String()+" "+answer.Names(3))
	}
	return strings.Join(groups, "; ")
}

func TestMerge(t *testing.T) {
	pass, fail, broken := said(results.Pass, `"EPERM"`), said(results.Fail, `"none"`), said(results.Error, "")
	info, skipped, lacks := said(results.Informed, `{"a": 1}`), said(results.Skipped, ""), said(results.Unsupported, `"EPERM"`)
	other := said(results.Informed, `{"a":2}`)
	for name, test := range map[string]struct {
		cells    []results.Cell
		volatile bool
		verdict  results.Verdict
		groups   string
		reason   string
	}{
		"all the same":                         {repeat(pass, 3), false, results.Pass, "", "because"},
		"the same, written otherwise":          {[]results.Cell{info, said(results.Informed, `{"a":1}`)}, false, results.Informed, "", "because"},
		"one of a hundred fails":               {append(repeat(pass, 99), fail), false, results.Fail, "pass n1, n2, n3 and 96 more; fail n100", "on 1 of 100 nodes (n100): because"},
		"one does not fail":                    {append(repeat(fail, 9), pass), false, results.Fail, "fail n1, n2, n3 and 6 more; pass n10", "because; otherwise on 1 of 10 nodes (n10)"},
		"another value":                        {append(repeat(info, 4), other), false, results.Informed, "info n1, n2, n3 and 1 more; info n5", "because; otherwise on 1 of 5 nodes (n5)"},
		"another errno":                        {append(repeat(pass, 4), said(results.Pass, `"EACCES"`)), false, results.Pass, "pass n1, n2, n3 and 1 more; pass n5", "because; otherwise on 1 of 5 nodes (n5)"},
		"a volatile value":                     {[]results.Cell{info, other, info}, true, results.Informed, "", "because"},
		"a volatile value, and a failure":      {[]results.Cell{info, other, fail}, true, results.Fail, "info n1, n2; fail n3", "on 1 of 3 nodes (n3): because"},
		"a tie of values":                      {[]results.Cell{other, info, info, other}, false, results.Informed, "info n1, n4; info n2, n3", "because; otherwise on 2 of 4 nodes (n2, n3)"},
		"a tie of verdicts":                    {[]results.Cell{fail, pass}, false, results.Fail, "pass n2; fail n1", "on 1 of 2 nodes (n1): because"},
		"one is broken":                        {append(repeat(pass, 4), broken), false, results.Error, "pass n1, n2, n3 and 1 more; error n5", "on 1 of 5 nodes (n5): because"},
		"a failure outweighs what is broken":   {[]results.Cell{pass, broken, fail, pass}, false, results.Fail, "pass n1, n4; error n2; fail n3", "on 1 of 4 nodes (n3): because"},
		"skipped on one":                       {append(repeat(pass, 4), skipped), false, results.Pass, "pass n1, n2, n3 and 1 more; skipped n5", "because; otherwise on 1 of 5 nodes (n5)"},
		"skipped on most hides no failure":     {append(repeat(skipped, 4), fail), false, results.Fail, "skipped n1, n2, n3 and 1 more; fail n5", "on 1 of 5 nodes (n5): because"},
		"skipped on all":                       {repeat(skipped, 4), false, results.Skipped, "", "because"},
		"broken outweighs what is lacking":     {[]results.Cell{lacks, lacks, broken}, false, results.Error, "unsupported n1, n2; error n3", "on 1 of 3 nodes (n3): because"},
		"lacking outweighs the rest":           {[]results.Cell{pass, pass, lacks, skipped}, false, results.Unsupported, "pass n1, n2; skipped n4; unsupported n3", "on 1 of 4 nodes (n3): because"},
		"all different":                        {[]results.Cell{said(results.Informed, "1"), said(results.Informed, "2"), said(results.Informed, "3")}, false, results.Informed, "info n1; info n2; info n3", "because; otherwise on 2 of 3 nodes (n2, n3)"},
		"a hundred nodes, more than are named": {append(repeat(info, 93), repeat(other, 7)...), false, results.Informed, "info n1, n2, n3 and 90 more; info n94, n95, n96 and 4 more", "because; otherwise on 7 of 100 nodes (n94, n95, n96, n97, n98 and 2 more)"},
	} {
		t.Run(name, func(t *testing.T) {
			cell := merge(t, test.volatile, test.cells...)
			if cell.Verdict != test.verdict || groupsOf(cell) != test.groups || cell.Reason != test.reason {
				t.Errorf("got %s, %q, %q", cell.Verdict, groupsOf(cell), cell.Reason)
			}
			if cell.Check != "a/b" || cell.Column != "c" {
				t.Errorf("cell %+v", cell)
			}
		})
	}
}

// TestMergedCellIsThatOfTheWorst: verdict, value and evidence are of one answer, and of its first node.
func TestMergedCellIsThatOfTheWorst(t *testing.T) {
	cells := append(repeat(said(results.Pass, `"EPERM"`), 3), repeat(said(results.Fail, `"none"`), 2)...)
	for i := range cells {
		cells[i].Trials = []results.Trial{{Node: fmt.Sprintf("n%d", i+1)}}
		cells[i].Seconds = float64(i)
	}
	cells[1].Attempts, cells[1].Earlier = 2, []string{"lost"}
	cell := merge(t, false, cells...)
	if string(cell.Observed) != `"none"` || cell.Trials[0].Node != "n4" {
		t.Errorf("observed %s on %s", cell.Observed, cell.Trials[0].Node)
	}
	if cell.Attempts != 2 || cell.Seconds != 4 || !reflect.DeepEqual(cell.Earlier, []string{"n2: lost"}) {
		t.Errorf("%d attempts in %v s, earlier %v", cell.Attempts, cell.Seconds, cell.Earlier)
	}
}
