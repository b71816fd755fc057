package fleet

import (
	"cmp"
	"fmt"
	"slices"

	"assay/reports/results"
)

// The most nodes that a cell's reason names, and the most earlier attempts that it has.
const (
	mostNamed   = 5
	mostEarlier = 10
)

// answers are the cells of a check, one a node, as far as they say different things: of those that say the same it
// keeps one. It is pure.
type answers struct {
	// volatile says that what is recorded differs from run to run, so that verdicts are compared only.
	volatile bool
	// names are those of the column's nodes, in their order.
	names  []string
	groups []*group
	// attempts and seconds are the most of all, earlier the reasons by node.
	attempts int
	seconds  float64
	earlier  map[int][]string
}

// group is nodes that say the same.
type group struct {
	// nodes are their places in the column; cell is that of the first of them.
	nodes []int
	cell  results.Cell
}

func newAnswers(volatile bool, names []string) *answers {
	return &answers{volatile: volatile, names: names, earlier: map[int][]string{}}
}

// add takes the cell of a node, by the node's place in the column.
func (a *answers) add(node int, cell results.Cell) {
	a.attempts, a.seconds = max(a.attempts, cell.Attempts), max(a.seconds, cell.Seconds)
	if len(cell.Earlier) > 0 {
		a.earlier[node] = cell.Earlier
	}
	i := slices.IndexFunc(a.groups, func(g *group) bool { return a.same(g.cell, cell) })
	if i < 0 {
		a.groups = append(a.groups, &group{nodes: []int{node}, cell: cell})
		return
	}
	g := a.groups[i]
	if node < g.nodes[0] {
		g.cell = cell
	}
	g.nodes = append(g.nodes, node)
	slices.Sort(g.nodes)
}

// same says whether two cells say the same: reasons hold names of pods, and of those that record nothing the
// verdict is all.
func (a *answers) same(one, other results.Cell) bool {
	return one.Verdict == other.Verdict && (a.volatile || results.SameObserved(one.Observed, other.Observed))
}

// merged is the cell of the column: that of its nodes where they all say the same, else the worst, with what all
// of them say.
func (a *answers) merged() results.Cell {
	// The usual answer first. Of two that are given as often, the worse is taken for the unusual one.
	slices.SortFunc(a.groups, func(one, other *group) int {
		return cmp.Or(cmp.Compare(len(other.nodes), len(one.nodes)), cmp.Compare(badness(one.cell), badness(other.cell)), cmp.Compare(one.nodes[0], other.nodes[0]))
	})
	worst := slices.MaxFunc(a.groups, func(one, other *group) int { return cmp.Compare(badness(one.cell), badness(other.cell)) })
	cell := worst.cell
	cell.Attempts, cell.Seconds, cell.Earlier = a.attempts, a.seconds, nil
	for node, name := range a.names {
		for _, reason := range a.earlier[node] {
			if len(cell.Earlier) < mostEarlier {
				cell.Earlier = append(cell.Earlier, name+": "+reason)
			}
		}
	}
	if len(a.groups) == 1 {
		return cell
	}
	cell.Nodes = make([]results.NodeAnswer, len(a.groups))
	for i, g := range a.groups {
		answer := results.NodeAnswer{Verdict: g.cell.Verdict, Reason: g.cell.Reason, Observed: g.cell.Observed}
		for _, node := range g.nodes {
			answer.Nodes = append(answer.Nodes, a.names[node])
		}
		cell.Nodes[i] = answer
	}
	cell.Reason = a.reason(cell, worst)
	return cell
}

// reason is that of the worst answer, with who gives it, or who does not where it is the usual one.
func (a *answers) reason(cell results.Cell, worst *group) string {
	if worst != a.groups[0] {
		said := cell.Nodes[slices.Index(a.groups, worst)]
		return fmt.Sprintf("on %d of %d nodes (%s): %s", len(said.Nodes), a.count(), said.Names(mostNamed), cell.Reason)
	}
	var others results.NodeAnswer
	for _, answer := range cell.Nodes[1:] {
		others.Nodes = append(others.Nodes, answer.Nodes...)
	}
	return fmt.Sprintf("%s; otherwise on %d of %d nodes (%s)", cell.Reason, len(others.Nodes), a.count(), others.Names(mostNamed))
}

// count is the number of nodes that answered.
func (a *answers) count() int {
	count := 0
	for _, g := range a.groups {
		count += len(g.nodes)
	}
	return count
}

// badness orders the verdicts as reports do (see results.Verdicts), but for what was skipped: that says nothing,
// and hides nothing that others say.
func badness(cell results.Cell) int {
	if cell.Verdict == results.Skipped {
		return -len(results.Verdicts())
	}
	return -slices.Index(results.Verdicts(), cell.Verdict)
}
