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

// Network judges a NetworkPolicy check by its truth tables. The table without policies is the control.
func Network(c check.Check, o check.NetworkObservation) results.Cell {
	cell := results.Cell{Check: c.ID}
	everything := map[string]map[string]bool{}
	for from := range o.Before {
		everything[from] = map[string]bool{}
		for to := range o.Before {
			everything[from][to] = true
		}
	}
	control := networkTrial("without policies", o.Before, everything)
	control.Control = true
	control.Done = "every agent connected to every agent by TCP"
	subject := networkTrial("with the policies", o.After, o.Expected)
	subject.Done = "the same after creating " + policyNames(c)
	cell.Trials = []results.Trial{control, subject}
	switch {
	case o.Skip != "":
		cell.Verdict, cell.Reason = results.Skipped, o.Skip
		return cell
	case o.Problem != "":
		cell.Verdict, cell.Reason = results.Error, o.Problem
		return cell
	case len(o.Before) == 0:
		cell.Verdict, cell.Reason = results.Error, "there is no table without policies"
		return cell
	case !control.Met:
		cell.Verdict, cell.Reason = results.Error, "control failed: without policies "+control.Seen
		return cell
	case len(o.Expected) == 0 || len(o.After) == 0:
		cell.Verdict, cell.Reason = results.Error, "there is no table with the policies"
		return cell
	case !subject.Met:
		cell.Verdict, cell.Reason = results.Fail, fmt.Sprintf("wanted %s, observed %s", subject.Wanted, subject.Seen)
	default:
		cell.Verdict, cell.Reason = results.Pass, "as wanted"
	}
	observed, err := json.Marshal(connected(o.After))
	if err != nil {
		cell.Verdict, cell.Reason = results.Error, fmt.Sprintf("encode the truth table: %v", err)
		return cell
	}
	cell.Observed = observed
	return cell
}

func policyNames(c check.Check) string {
	var names []string
	if c.Network != nil {
		for _, p := range c.Network.Policies {
			names = append(names, p.Name)
		}
	}
	return "NetworkPolicy " + strings.Join(names, ", ")
}

func networkTrial(name string, observed check.Connections, expected map[string]map[string]bool) results.Trial {
	trial := results.Trial{Name: name, Met: true}
	var wanted, seen []string
	for _, from := range slices.Sorted(maps.Keys(expected)) {
		for _, to := range slices.Sorted(maps.Keys(expected[from])) {
			if from == to {
				continue
			}
			connection := observed[from][to]
			met := (connection == probe.Connected) == expected[from][to]
			trial.Met = trial.Met && met
			want := "blocked"
			if expected[from][to] {
				want = "connected"
			}
			wanted = append(wanted, fmt.Sprintf("%s to %s %s", from, to, want))
			seen = append(seen, fmt.Sprintf("%s to %s %s", from, to, connection))
		}
	}
	trial.Wanted, trial.Seen = strings.Join(wanted, ", "), strings.Join(seen, ", ")
	return trial
}

// connected is the table in the stable form that columns are compared on: how a packet is refused
// differs from one implementation to the next, and a pod's connection to itself is left to them.
func connected(table check.Connections) map[string]string {
	values := map[string]string{}
	for from, row := range table {
		for to, connection := range row {
			if from == to {
				continue
			}
			values[from+" to "+to] = "blocked"
			if connection == probe.Connected {
				values[from+" to "+to] = "connected"
			}
		}
	}
	return values
}
