package selftest

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/progress"
	"assay/framework/runner"
	"assay/framework/target"
	"assay/reports/results"
)

// faultsAtOnce bounds the faults that are tried side by side, each in namespaces of its own.
const faultsAtOnce = 4

// Options say what is tried and where the evidence goes.
type Options struct {
	// RunID is part of the names of namespaces.
	RunID  string
	Checks []check.Check
	Faults []Fault
	// Folder is the run's; evidence goes below it.
	Folder   string
	Progress *progress.Log
}

// Run runs the checks without a fault and then, for each fault, those that tell whether it is caught. The
// nodes have the saboteur; see Install. An error means that the target as a whole was lost.
func Run(ctx context.Context, to target.Target, options Options) (Report, error) {
	started := time.Now()
	checks := slices.DeleteFunc(slices.Clone(options.Checks), func(c check.Check) bool { return c.Network != nil })
	checks = needed(checks, options.Faults)
	done := options.Progress.Step(fmt.Sprintf("%d checks without a fault", len(checks)))
	baseline, err := gatherBaseline(ctx, to, options, checks)
	done(err)
	if err != nil {
		return Report{}, err
	}
	withoutFault := time.Since(started)
	t := trier{to: to, options: options, checks: checks, baseline: baseline}
	done = options.Progress.Step(fmt.Sprintf("%d faults", len(options.Faults)))
	outcomes, err := t.tryAll(ctx)
	done(err)
	if err != nil {
		return Report{}, err
	}
	return Report{
		Column: to.Column, Faults: outcomes, Proofs: proofs(checks, baseline, outcomes),
		Complete: len(options.Faults) == len(Faults()), Seconds: time.Since(started).Seconds(), BaselineSeconds: withoutFault.Seconds(),
	}, nil
}

// needed is the checks that a baseline is needed of: all for all faults, else those that are run.
func needed(checks []check.Check, faults []Fault) []check.Check {
	if len(faults) == len(Faults()) {
		return checks
	}
	wanted := map[string]bool{}
	for _, fault := range faults {
		for _, c := range fault.Select(checks) {
			wanted[c.ID] = true
		}
	}
	return slices.DeleteFunc(checks, func(c check.Check) bool { return !wanted[c.ID] })
}

// trier tries faults against a baseline.
type trier struct {
	to       target.Target
	options  Options
	checks   []check.Check
	baseline Cells
}

// tryAll tries all faults, a few at a time, and those in which something broke once more, one at a time.
func (t trier) tryAll(ctx context.Context) ([]Outcome, error) {
	outcomes := make([]Outcome, len(t.options.Faults))
	group, grouped := errgroup.WithContext(ctx)
	group.SetLimit(faultsAtOnce)
	for i, fault := range t.options.Faults {
		if fault.Alone {
			continue
		}
		group.Go(func() (err error) {
			outcomes[i], err = t.try(grouped, fault, 1)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, fault := range t.options.Faults {
		var err error
		if fault.Alone {
			outcomes[i], err = t.try(ctx, fault, 1)
		}
		if err == nil && outcomes[i].broken() {
			outcomes[i], err = t.try(ctx, fault, 2)
		}
		if err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

func (t trier) try(ctx context.Context, fault Fault, attempt int) (Outcome, error) {
	began := time.Now()
	selected := fault.Select(t.checks)
	spoiled := Cells{}
	// What nothing can catch is not tried.
	if judge(fault, selected, t.baseline, spoiled).Result == Missed {
		var err error
		if spoiled, err = gather(ctx, t.to, t.options, runID(t.options.RunID, fault, attempt), selected, fault.Lose); err != nil {
			return Outcome{}, fmt.Errorf("fault %s: %w", fault.Name, err)
		}
	} else {
		spoiled = t.baseline
	}
	outcome := judge(fault, selected, t.baseline, spoiled)
	outcome.Seconds = time.Since(began).Seconds()
	t.options.Progress.Line("%s", outcome.line())
	return outcome, nil
}

// gatherBaseline runs the checks without a fault, and those that did not do well once more: what fails by
// chance is nothing to hold a fault against.
func gatherBaseline(ctx context.Context, to target.Target, options Options, checks []check.Check) (Cells, error) {
	cells, err := gather(ctx, to, options, options.RunID, checks, nil)
	if err != nil {
		return nil, err
	}
	again := slices.DeleteFunc(slices.Clone(checks), func(c check.Check) bool {
		verdict := cells[c.ID].Verdict
		return verdict != results.Fail && verdict != results.Error
	})
	if len(again) == 0 {
		return cells, nil
	}
	second, err := gather(ctx, to, options, options.RunID+"-again", again, nil)
	maps.Copy(cells, second)
	return cells, err
}

// gather runs checks under a fault, or under none. Its namespaces are deleted in the end, and nobody waits
// for their end: pods that ended are still work for their node.
func gather(ctx context.Context, to target.Target, options Options, run string, checks []check.Check, fault func(*corev1.Pod)) (Cells, error) {
	var mutex sync.Mutex
	cells := Cells{}
	err := runner.Run(ctx, to, runner.Options{
		RunID: run, Checks: checks, Progress: options.Progress, Timeouts: runner.DefaultTimeouts(), Submit: fault, Clean: true,
		Evidence: runner.Evidence{Root: options.Folder, Folder: filepath.Join("evidence", to.Column, run)},
		Cell: func(cell results.Cell) {
			mutex.Lock()
			defer mutex.Unlock()
			cells[cell.Check] = cell
		},
	})
	return cells, err
}

// broken says that the outcome rests on something that could not be observed.
func (o Outcome) broken() bool {
	isError := func(v Verdict) bool { return v.Verdict == results.Error && v.Before != results.Error }
	return o.Result == Missed && slices.ContainsFunc(o.Deaf, isError) || slices.ContainsFunc(o.Disturbed, isError)
}

// line is the outcome in a line.
func (o Outcome) line() string {
	text := fmt.Sprintf("fault %s, %.0f s: %s", o.Fault, o.Seconds, o.Result)
	if by := slices.Concat(o.CaughtBy, o.RecordedBy); len(by) > 0 {
		text += " by " + strings.Join(by, ", ")
	}
	for _, v := range o.Deaf {
		text += fmt.Sprintf("; %s: %s", v.Check, v.Verdict)
	}
	for _, v := range o.Disturbed {
		text += fmt.Sprintf("; DISTURBED %s: %s, was %s", v.Check, v.Verdict, v.Before)
	}
	return text
}
