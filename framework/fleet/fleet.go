// Package fleet has every node of a column answer the checks for itself, and makes one cell of the answers of all
// nodes: it says which nodes answer otherwise than the others.
package fleet

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"assay/framework/existing"
	"assay/framework/runner"
	"assay/framework/target"
	"assay/reports/results"
)

// pairsAtOnce bounds the pairs of nodes that run checks at the same time, and with them what is asked of the API
// server and held in memory.
const pairsAtOnce = 8

// Run is runner.Run for each of the target's nodes. A node has a neighbour for what needs two; the two of them
// take turns, so that no node has the pods of two turns. What goes wrong with a node makes the node's cells
// errors; the error that Run returns means that no node could be observed, or the end of the context. Every
// cell was reported even then.
func Run(ctx context.Context, to target.Target, options runner.Options) error {
	return (&sweep{to: to, options: options, observe: runner.Run}).run(ctx)
}

// sweep is the checks on all nodes.
type sweep struct {
	to      target.Target
	options runner.Options
	// observe gathers the evidence of one node.
	observe func(context.Context, target.Target, runner.Options) error

	mutex sync.Mutex
	// answers are by check; left is how many nodes have not answered it.
	answers map[string]*answers
	left    map[string]int
	// done counts the nodes that are through, observed those that could be observed, failed is why the first could
	// not.
	done, observed int
	failed         error
}

func (s *sweep) run(ctx context.Context) error {
	names := make([]string, len(s.to.Nodes))
	for i, node := range s.to.Nodes {
		names[i] = node.Name
	}
	s.answers, s.left = map[string]*answers{}, map[string]int{}
	for _, c := range s.options.Checks {
		s.answers[c.ID], s.left[c.ID] = newAnswers(c.Volatile != "", names), len(names)
	}
	var usable []int
	for i, node := range s.to.Nodes {
		if node.Unusable != nil {
			s.through(i, s.newTurn(i), node.Unusable)
		} else {
			usable = append(usable, i)
		}
	}
	var group errgroup.Group
	group.SetLimit(pairsAtOnce)
	for _, pair := range pairs(usable) {
		group.Go(func() error {
			for i, node := range pair {
				s.turn(ctx, node, pair[(i+1)%len(pair)])
			}
			return nil
		})
	}
	_ = group.Wait() // none of them returns an error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case s.observed == 0:
		return s.failed
	}
	return nil
}

// pairs are the nodes two by two; the last of an odd number has its turn with the pair before.
func pairs(nodes []int) [][]int {
	var pairs [][]int
	for len(nodes) > 0 {
		count := 2
		if len(nodes) <= 3 {
			count = len(nodes)
		}
		pairs, nodes = append(pairs, nodes[:count]), nodes[count:]
	}
	return pairs
}

// turn has one node answer all checks. The neighbour is the node itself where there is no other.
func (s *sweep) turn(ctx context.Context, node, neighbour int) {
	turn := s.newTurn(node)
	if ctx.Err() != nil {
		s.through(node, turn, context.Cause(ctx))
		return
	}
	// What a turn leaves running ends with it.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	to, options := s.to, s.options
	to.Sweep, to.First = false, true
	to.Nodes = []target.Node{s.to.Nodes[node]}
	if neighbour != node {
		to.Nodes = append(to.Nodes, s.to.Nodes[neighbour])
	}
	options.RunID = fmt.Sprintf("%s-n%d", s.options.RunID, node+1)
	options.Evidence.Folder = filepath.Join(s.options.Evidence.Folder, s.to.Nodes[node].Name)
	options.Cell = turn.take
	err := s.observe(ctx, to, options)
	if ctx.Err() == nil {
		// The next turn finds the two nodes as this one did.
		if left, removal := existing.Remove(ctx, to.Client, options.RunID); len(left) > 0 {
			s.options.Progress.Line("node %s: the namespaces %v are not gone: %v", s.to.Nodes[node].Name, left, removal)
		}
	}
	s.through(node, turn, err)
}

// through makes the checks that a node did not answer errors, or skipped where the owners of the cluster do not
// allow them.
func (s *sweep) through(node int, turn *turn, err error) {
	cell := results.Cell{Column: s.to.Column, Verdict: results.Error, Reason: "the check was not reported"}
	if err != nil {
		cell.Reason = err.Error()
	}
	if forbidden := s.to.Forbids(err); forbidden != "" {
		cell.Verdict, cell.Reason = results.Skipped, forbidden
	}
	for _, c := range s.options.Checks {
		cell.Check = c.ID
		turn.take(cell)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.done++
	if err == nil {
		s.observed++
	} else if s.failed == nil {
		s.failed = fmt.Errorf("node %s: %w", s.to.Nodes[node].Name, err)
	}
	s.options.Progress.Line("%d of %d nodes are through: %s", s.done, len(s.to.Nodes), s.to.Nodes[node].Name)
}

// turn is the cells of one node.
type turn struct {
	sweep *sweep
	node  int

	mutex sync.Mutex
	taken map[string]bool
}

func (s *sweep) newTurn(node int) *turn { return &turn{sweep: s, node: node, taken: map[string]bool{}} }

// take takes a cell of the node; the first word about a check stands.
func (t *turn) take(cell results.Cell) {
	t.mutex.Lock()
	taken := t.taken[cell.Check]
	t.taken[cell.Check] = true
	t.mutex.Unlock()
	if !taken {
		t.sweep.take(t.node, cell)
	}
}

// take takes the answer of a node, and reports the cell of the column with the last one.
func (s *sweep) take(node int, cell results.Cell) {
	s.mutex.Lock()
	of := s.answers[cell.Check]
	of.add(node, cell)
	s.left[cell.Check]--
	last := s.left[cell.Check] == 0
	s.mutex.Unlock()
	if last {
		s.options.Cell(of.merged())
	}
}
