// Package judge makes cells of what was wanted and what was observed. It is pure: no cluster, no
// clock, no files.
package judge

import (
	"encoding/json"
	"fmt"
	"strings"

	"assay/framework/check"
	"assay/framework/probe"
	"assay/reports/results"
)

// Cell judges a check by the observations of its trials, by trial name. A trial without an
// observation makes the cell an error. Column, Attempts, Seconds and Rerun are left to the caller.
func Cell(c check.Check, observations map[string]check.Observation) results.Cell {
	cell := results.Cell{Check: c.ID}
	var skipped, broken, unmetControls, unmet []string
	for _, trial := range c.Trials {
		o, observed := observations[trial.Name]
		if !observed {
			o.Problem = "there is no observation"
		}
		judged := judgeTrial(trial, o)
		cell.Trials = append(cell.Trials, judged)
		text := fmt.Sprintf("%s: wanted %s, observed %s", trial.Name, judged.Wanted, judged.Seen)
		switch {
		case skip(trial, o):
			skipped = append(skipped, fmt.Sprintf("%s: %s", trial.Name, o.Skip))
		case problem(trial, o) != "":
			broken = append(broken, fmt.Sprintf("%s: %s", trial.Name, problem(trial, o)))
		case judged.Met:
		case trial.Control && !trial.Claimed:
			unmetControls = append(unmetControls, text)
		default:
			unmet = append(unmet, text)
		}
	}
	for _, relation := range c.Relations {
		text, met := relate(relation, observations)
		switch {
		case met || len(broken) > 0:
		case relation.Control:
			unmetControls = append(unmetControls, text)
		default:
			unmet = append(unmet, text)
		}
	}
	if len(skipped) > 0 {
		cell.Verdict, cell.Reason = results.Skipped, strings.Join(skipped, "; ")
		return cell
	}
	cell.Verdict, cell.Reason = verdict(c, observations, broken, unmetControls, unmet)
	observed, err := recorded(c, observations, cell)
	if err != nil {
		cell.Verdict = results.Error
		cell.Reason = err.Error()
	}
	cell.Observed = observed
	return cell
}

// skip says that the trial was not made for a reason that is nobody's fault. A rejection that the trial wants,
// in the words that it wants, is an observation, whoever else might have rejected the pod.
func skip(trial check.Trial, o check.Observation) bool {
	rejected, wanted := trial.Want.(check.Rejected)
	return o.Skip != "" && (!wanted || !rejected.Met(o))
}

// relate says whether a relation holds, and what was seen of it. A value that is missing makes it not
// hold, whatever was wanted.
func relate(relation check.Relation, observations map[string]check.Observation) (string, bool) {
	for name, wanted := range relation.If {
		value, known := check.Value(observations[relation.Left], name)
		if !known {
			return fmt.Sprintf("%s of %q is not known, so nothing can be said of %s", name, relation.Left, relation.Value), false
		}
		if value != wanted {
			return "", true
		}
	}
	left, knownLeft := check.Value(observations[relation.Left], relation.Value)
	right, knownRight := check.Value(observations[relation.Right], relation.Value)
	wanted := "different"
	if relation.Equal {
		wanted = "equal"
	}
	text := fmt.Sprintf("%s of %q and %q: wanted %s, observed %q and %q", relation.Value, relation.Left, relation.Right, wanted, left, right)
	return text, knownLeft && knownRight && (left == right) == relation.Equal
}

// verdict weighs the trials: what is not there outweighs everything, then a failed control, for
// without it a denial proves nothing.
func verdict(c check.Check, observations map[string]check.Observation, broken, unmetControls, unmet []string) (results.Verdict, string) {
	if reason := unsupported(c, observations); reason != "" {
		return results.Unsupported, reason
	}
	switch {
	case len(c.Trials) == 0:
		return results.Error, "the check has no trials"
	case len(broken) > 0:
		return results.Error, strings.Join(broken, "; ")
	case len(unmetControls) > 0:
		return results.Error, "control failed: " + strings.Join(unmetControls, "; ")
	case len(unmet) > 0:
		return results.Fail, strings.Join(unmet, "; ")
	case c.Level == check.Info:
		return results.Informed, "recorded"
	default:
		return results.Pass, "as wanted"
	}
}

func unsupported(c check.Check, observations map[string]check.Observation) string {
	for _, u := range c.Unsupported {
		for name, o := range observations {
			if u.Shows(name, o) {
				return u.Reason
			}
		}
	}
	return ""
}

// problem says why the observation allows no statement about the runtime; empty when it does.
func problem(trial check.Trial, o check.Observation) string {
	started := o.State.Started
	switch {
	case o.Problem != "":
		return o.Problem
	case !trial.Procedure.IsZero():
		return procedureProblem(o)
	case !started || len(trial.Container.Command) > 0:
		// A container that the runtime refused is an observation, and a real command has no document.
		return ""
	case o.Document == nil:
		return "the probe's document is missing"
	case !o.Document.Complete:
		return "the probe's document is not complete"
	case trial.Action.IsZero():
		return ""
	case o.Result == nil:
		return "the probe did not report on its action"
	case o.Result.Outcome == probe.Allowed || o.Result.Outcome == probe.Denied:
		return ""
	case o.Result.Problem != "":
		return "the probe broke: " + o.Result.Problem
	default:
		return "the probe broke"
	}
}

// procedureProblem is problem for what the suite did itself. A container that the runtime refused, so
// that nothing could be done to it, is an observation.
func procedureProblem(o check.Observation) string {
	switch {
	case o.Result == nil && !o.State.Started:
		return ""
	case o.Result == nil:
		return "the procedure has no result"
	case o.Result.Outcome == probe.Allowed || o.Result.Outcome == probe.Denied:
		return ""
	default:
		return "the procedure broke: " + o.Result.Problem
	}
}

func judgeTrial(trial check.Trial, o check.Observation) results.Trial {
	judged := results.Trial{
		Name:      trial.Name,
		Control:   trial.Control,
		Done:      done(trial),
		Namespace: o.Namespace,
		Pod:       o.Pod,
		Container: o.Container,
		Node:      o.Node,
		Log:       o.Log,
		Filter:    o.Filter,
	}
	judged.DeniedBy, judged.Why = attribute(o)
	if trial.Want != nil {
		judged.Wanted = trial.Want.String()
	}
	if skip(trial, o) {
		judged.Seen = o.Skip
		return judged
	}
	if broken := problem(trial, o); broken != "" {
		judged.Seen = broken
		return judged
	}
	if trial.Want == nil {
		// An info check wants nothing; that the runtime refused the container is recorded, too.
		judged.Met = true
		judged.Seen = check.Allowed{}.Seen(o)
		return judged
	}
	judged.Met = trial.Want.Met(o)
	judged.Seen = trial.Want.Seen(o)
	return judged
}

// done says in words what the trial did.
func done(trial check.Trial) string {
	if !trial.Procedure.IsZero() {
		return trial.Procedure.String()
	}
	if len(trial.Container.Command) > 0 {
		return "ran as the container's command: " + strings.Join(trial.Container.Command, " ")
	}
	return trial.Action.String()
}

// recorded is the cell's observed value. Where the check records nothing, the cell's observed value is
// what each trial met with, by trial, so that a changed errno shows although the verdict is the same.
func recorded(c check.Check, observations map[string]check.Observation, cell results.Cell) (json.RawMessage, error) {
	if cell.Verdict == results.Error {
		return nil, nil
	}
	var value any
	switch {
	case len(c.Record) == 1 && c.Record[0].As == "":
		v, err := record(c.Record[0], observations)
		if err != nil {
			return nil, err
		}
		value = v
	case len(c.Record) > 0:
		values := make(map[string]any, len(c.Record))
		for _, r := range c.Record {
			v, err := record(r, observations)
			if err != nil {
				return nil, err
			}
			values[r.As] = v
		}
		value = values
	default:
		values := make(map[string]any, len(cell.Trials))
		for i, trial := range cell.Trials {
			values[trial.Name] = trialValue(trial, c.Trials[i].Want, observations[trial.Name])
		}
		value = values
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode what %s observed: %w", c.ID, err)
	}
	return encoded, nil
}
