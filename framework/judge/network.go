package judge

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"assay/framework/check"
	"assay/framework/probe"
	"assay/reports/results"
)

// Network judges a check by its truth tables. The table without any objects is the control.
func Network(c check.Check, o check.NetworkObservation) results.Cell {
	cell := results.Cell{Check: c.ID}
	for i, table := range o.Tables {
		cell.Trials = append(cell.Trials, tableTrial(table, i == 0, c.Network.Many == 0))
	}
	cell.Verdict, cell.Reason = networkVerdict(c, o)
	if cell.Verdict == results.Error || cell.Verdict == results.Skipped {
		return cell
	}
	observed, err := json.Marshal(tablesRecord(c, o))
	if err != nil {
		cell.Verdict, cell.Reason = results.Error, fmt.Sprintf("encode the truth tables: %v", err)
		return cell
	}
	cell.Observed = observed
	return cell
}

func networkVerdict(c check.Check, o check.NetworkObservation) (results.Verdict, string) {
	// A check about the network without policies has no other table than that one.
	subject := len(c.Network.Steps) == 0
	switch {
	case o.Problem != "":
		return results.Error, o.Problem
	case o.Skipped != "":
		return results.Skipped, o.Skipped
	case o.Unsupported != "":
		return results.Unsupported, o.Unsupported
	case len(o.Tables) == 0:
		return results.Error, "there is no table without policies"
	case !o.Tables[0].Equal && !subject:
		return results.Error, "control failed: without policies " + tableDifference(o.Tables[0])
	}
	for _, table := range o.Tables {
		if !table.Equal && c.Level != check.Info {
			return results.Fail, strings.TrimPrefix(table.Name+": ", ": ") + tableDifference(table)
		}
	}
	switch {
	case len(o.Tables) <= len(c.Network.Steps) && c.Level != check.Info:
		return results.Error, fmt.Sprintf("there are %d tables, and %d steps besides the control", len(o.Tables), len(c.Network.Steps))
	case c.Level == check.Info:
		return results.Informed, "recorded"
	case subject:
		return results.Pass, "as wanted"
	}
	last := o.Tables[len(o.Tables)-1]
	return results.Pass, fmt.Sprintf("as wanted, %.1f s after the last change", last.Seconds)
}

// tableTrial is a table as a trial; the grids are in its log where it is not as wanted and they are small.
func tableTrial(table check.Table, control, small bool) results.Trial {
	trial := results.Trial{
		Name: table.Name, Control: control, Done: table.Done + ", then every pod connected to every other one", Met: table.Equal,
		Wanted: count(table.Expected), Seen: tableDifference(table),
	}
	if control {
		trial.Name = "without policies"
	}
	if table.Equal {
		trial.Seen = fmt.Sprintf("as computed from %.1f s on, so many tables in a row: %d", table.Seconds, table.InARow)
	} else if small {
		trial.Log = grids(table)
	}
	return trial
}

func count(expected map[check.Flow]bool) string {
	allowed := 0
	for _, wanted := range expected {
		if wanted {
			allowed++
		}
	}
	return fmt.Sprintf("%d of %d connections", allowed, len(expected))
}

// shownFlows bounds the connections that a sentence names.
const shownFlows = 3

// differing are the connections that did not end as expected, in a stable order.
func differing(table check.Table) []check.Flow {
	var flows []check.Flow
	for f, allowed := range table.Expected {
		if (table.Seen[f] == probe.Connected) != allowed {
			flows = append(flows, f)
		}
	}
	slices.SortFunc(flows, func(a, b check.Flow) int { return strings.Compare(a.String(), b.String()) })
	return flows
}

func tableDifference(table check.Table) string {
	flows := differing(table)
	if len(flows) == 0 {
		return fmt.Sprintf("as computed, but not for long enough: %d tables were taken", table.Taken)
	}
	var named []string
	for _, f := range flows[:min(shownFlows, len(flows))] {
		wanted := "blocked"
		if table.Expected[f] {
			wanted = "connected"
		}
		named = append(named, fmt.Sprintf("%s wanted %s, observed %s", f, wanted, table.Seen[f]))
	}
	if len(flows) > shownFlows {
		named = append(named, "...")
	}
	return fmt.Sprintf("%d of %d connections differ: %s", len(flows), len(table.Expected), strings.Join(named, "; "))
}

// grids are the table as it was expected, as it was seen and where the two differ, side by side for each port: a
// row is a pod that connects, a column one that is connected to.
func grids(table check.Table) string {
	type plane struct{ port, via string }
	var planes []plane
	for f := range table.Expected {
		if p := (plane{f.Port.String(), f.Via}); !slices.Contains(planes, p) {
			planes = append(planes, p)
		}
	}
	slices.SortFunc(planes, func(a, b plane) int { return strings.Compare(a.port+a.via, b.port+b.via) })
	var text strings.Builder
	text.WriteString("# connected, . blocked, ! differs\n")
	for _, p := range planes {
		cells := map[string]map[string]check.Flow{}
		columns := map[string]bool{}
		for f := range table.Expected {
			if f.Port.String() == p.port && f.Via == p.via {
				if cells[f.From] == nil {
					cells[f.From] = map[string]check.Flow{}
				}
				cells[f.From][f.To] = f
				columns[f.To] = true
			}
		}
		to := slices.Sorted(maps.Keys(columns))
		fmt.Fprintf(&text, "%s\n", strings.TrimSpace(p.port+" "+p.via))
		width := max(len("difference"), len(to)+2)
		fmt.Fprintf(&text, "%-8s %-*s %-*s %s\n", "", width, "expected", width, "observed", "difference")
		fmt.Fprintf(&text, "%-8s %-*s %-*s %s\n", "to", width, initials(to), width, initials(to), initials(to))
		for _, from := range slices.Sorted(maps.Keys(cells)) {
			var expected, seen, differs strings.Builder
			for _, name := range to {
				f, there := cells[from][name]
				connected := table.Seen[f] == probe.Connected
				switch {
				case !there:
					expected.WriteByte(' ')
					seen.WriteByte(' ')
					differs.WriteByte(' ')
					continue
				case connected == table.Expected[f]:
					differs.WriteByte('.')
				default:
					differs.WriteByte('!')
				}
				expected.WriteByte(mark(table.Expected[f]))
				seen.WriteByte(mark(connected))
			}
			fmt.Fprintf(&text, "%-8s %-*s %-*s %s\n", from, width, expected.String(), width, seen.String(), strings.TrimRight(differs.String(), " "))
		}
	}
	return text.String()
}

func mark(connected bool) byte {
	if connected {
		return '#'
	}
	return '.'
}

// initials are the letters of the namespaces and then of the pods: "xxxyyyzzz" says little, "abcabcabc" with the
// order of the rows all.
func initials(names []string) string {
	var text strings.Builder
	for _, name := range names {
		_, pod, _ := strings.Cut(name, "/")
		text.WriteByte(pod[0])
	}
	return text.String()
}

// tablesRecord is what columns are compared on: how many connections of each port were made in each step, and
// which were made or blocked against the expectation; of info checks what they record. How a packet is refused
// and how long it took differs from run to run.
func tablesRecord(c check.Check, o check.NetworkObservation) any {
	if c.Level == check.Info {
		if last := len(o.Tables) - 1; last >= 0 && !o.Tables[last].Equal {
			return map[string]string{"policies": "not enforced as computed"}
		}
		return o.Values
	}
	record := map[string]any{}
	for i, table := range o.Tables {
		if i == 0 && len(c.Network.Steps) > 0 {
			continue
		}
		made, all := map[string]int{}, map[string]int{}
		for f := range table.Expected {
			all[f.Port.String()]++
			if table.Seen[f] == probe.Connected {
				made[f.Port.String()]++
			}
		}
		step := map[string]any{}
		for port, total := range all {
			step[port] = fmt.Sprintf("%d of %d connected", made[port], total)
		}
		if flows := differing(table); len(flows) > 0 {
			names := make([]string, 0, len(flows))
			for _, f := range flows[:min(len(flows), recordedFlows)] {
				names = append(names, f.String())
			}
			step["not as computed"] = names
		}
		name := table.Name
		if name == "" {
			name = "connections"
		}
		record[name] = step
	}
	return record
}

// recordedFlows bounds the connections that a record names.
const recordedFlows = 40
