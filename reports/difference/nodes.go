package difference

import (
	"encoding/json"
	"fmt"
	"strings"

	"assay/reports/results"
)

// The most answers that Nodes has lines for, and the most nodes, names of values and differences in a line.
const (
	mostAnswers = 20
	mostNodes   = 10
	mostNames   = 6
	mostValues  = 4
)

// Nodes says what the nodes of a column answered, in a line an answer: that of most of them first, and of every
// other one who gave it and what is other about it. There are no lines where the nodes agree.
func Nodes(cell results.Cell) []string {
	all := 0
	for _, answer := range cell.Nodes {
		all += len(answer.Nodes)
	}
	var lines []string
	for i, answer := range cell.Nodes {
		if i == mostAnswers {
			return append(lines, fmt.Sprintf("and %d more answers", len(cell.Nodes)-i))
		}
		if i == 0 {
			lines = append(lines, fmt.Sprintf("%d of %d nodes: %s", len(answer.Nodes), all, said(answer)))
			continue
		}
		lines = append(lines, fmt.Sprintf("%d of %d nodes (%s): %s", len(answer.Nodes), all, answer.Names(mostNodes), otherwise(cell.Nodes[0], answer)))
	}
	return lines
}

// said is the verdict, with the reason where there is one to know.
func said(answer results.NodeAnswer) string {
	if answer.Verdict == results.Pass || answer.Verdict == results.Informed {
		return answer.Verdict.String()
	}
	return answer.Verdict.String() + ": " + answer.Reason
}

// otherwise says in what an answer is another one than the usual.
func otherwise(usual, answer results.NodeAnswer) string {
	rows := Between([]json.RawMessage{usual.Observed, answer.Observed})
	if answer.Verdict != usual.Verdict || answer.Verdict == results.Fail || len(rows) == 0 {
		return said(answer)
	}
	var parts []string
	for i, row := range rows {
		if i == mostValues {
			parts = append(parts, fmt.Sprintf("and %d more differences", len(rows)-i))
			break
		}
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %s instead of %s", row.Label(mostNames), row.Values[1], row.Values[0])))
	}
	return answer.Verdict.String() + ", " + strings.Join(parts, "; ")
}
