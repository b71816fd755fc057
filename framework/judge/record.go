package judge

import (
	"fmt"
	"strings"

	"assay/framework/check"
	"assay/framework/probe"
	"assay/reports/results"
)

// record is one recorded value: a text, or a map of texts.
func record(r check.Record, observations map[string]check.Observation) (any, error) {
	o, observed := observations[r.Trial]
	if !observed {
		return nil, fmt.Errorf("nothing was observed of trial %q", r.Trial)
	}
	if r.What == check.RecordStarted {
		return started(o), nil
	}
	if !o.State.Started && o.Result == nil {
		return started(o), nil
	}
	switch r.What {
	case check.RecordCapabilities:
		return capabilities(o), nil
	case check.RecordOutcome:
		return outcome(o), nil
	case check.RecordDeniedBy:
		author, _ := attribute(o)
		return author, nil
	case check.RecordOutput:
		return output(o), nil
	case check.RecordValues:
		if o.Result == nil {
			return nil, fmt.Errorf("trial %q has no result to record", r.Trial)
		}
		return o.Result.Values, nil
	case check.RecordSyscalls:
		return recordSyscalls(r, observations)
	case check.RecordUnknownCalls:
		return unknownCalls(o)
	default:
		value, known := check.FactValue(o, string(r.What))
		if !known {
			return nil, fmt.Errorf("trial %q has no fact %q to record", r.Trial, r.What)
		}
		return value, nil
	}
}

func started(o check.Observation) string {
	if o.State.Started {
		return "started"
	}
	if o.Rejected != "" {
		return "rejected by the API server"
	}
	return strings.TrimSpace("not started: " + o.State.Reason)
}

func outcome(o check.Observation) string {
	r := o.Result
	switch {
	case r == nil:
		return fmt.Sprintf("exit %d", o.State.ExitCode)
	case r.ExitCode != nil:
		return fmt.Sprintf("%s: exit %d", r.Outcome, *r.ExitCode)
	case r.Errno != "":
		return fmt.Sprintf("%s: %s %s", r.Outcome, r.Syscall, r.Errno)
	default:
		return string(r.Outcome)
	}
}

// trialValue is what a trial met with, without addresses, process numbers and times.
func trialValue(trial results.Trial, want check.Want, o check.Observation) any {
	if _, admission := want.(check.Admitted); admission && o.Rejected == "" {
		// Whether the node can run the pod is another matter.
		return trial.Seen
	}
	if !o.State.Started && o.Result == nil {
		return started(o)
	}
	text := outcome(o)
	switch {
	case o.Result == nil && o.Document != nil:
		return trial.Seen
	case trial.DeniedBy != "":
		text += " (" + trial.DeniedBy + ")"
	}
	return text
}

// output is the outcome of a real command and the last line it printed when it failed; a success
// prints times and addresses, which differ from run to run.
func output(o check.Observation) string {
	text, failed := o.Log, o.State.ExitCode != 0
	if o.Result != nil {
		text, failed = o.Result.Output, o.Result.Outcome != probe.Allowed
	}
	if !failed {
		return "works"
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return outcome(o)
}

func capabilities(o check.Observation) map[string]string {
	values := make(map[string]string, 5)
	for _, name := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		value, _ := check.FactValue(o, name)
		if names := strings.Fields(value); value != "none" {
			value = fmt.Sprintf("%d: %s", len(names), value)
		}
		values[name] = value
	}
	return values
}
