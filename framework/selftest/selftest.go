package selftest

import (
	"context"
	"fmt"
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
const faultsAtOnce = 3

// podTimeout is shorter than a conforming column needs: a pod that a fault keeps from ending is seen to
// do so.
const podTimeout = 60 * time.Second

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
	baseline, err := gather(ctx, to, options, options.RunID, checks, nil)
	done(err)
	if err != nil {
		return Report{}, err
	}
	outcomes := make([]Outcome, len(options.Faults))
	done = options.Progress.Step(fmt.Sprintf("%d faults", len(options.Faults)))
	group, grouped := errgroup.WithContext(ctx)
	group.SetLimit(faultsAtOnce)
	for i, fault := range options.Faults {
		group.Go(func() error {
			began := time.Now()
			selected := fault.Select(checks)
			// What the baseline knows to be unsupported is not tried again.
			spoiled, err := gather(grouped, to, options, RunID(options.RunID, fault), selected, fault.Lose)
			if err != nil {
				return fmt.Errorf("fault %s: %w", fault.Name, err)
			}
			outcome := judge(fault, selected, baseline, spoiled)
			outcome.Seconds = time.Since(began).Seconds()
			outcomes[i] = outcome
			options.Progress.Line("%s", outcome.line())
			return nil
		})
	}
	err = group.Wait()
	done(err)
	if err != nil {
		return Report{}, err
	}
	return Report{
		Column: to.Column, Faults: outcomes, Proofs: proofs(checks, baseline, outcomes),
		Complete: len(options.Faults) == len(Faults()), Seconds: time.Since(started).Seconds(),
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

// gather runs checks under a fault, or under none.
func gather(ctx context.Context, to target.Target, options Options, runID string, checks []check.Check, fault func(pod *corev1.Pod)) (Cells, error) {
	var mutex sync.Mutex
	cells := Cells{}
	timeouts := runner.DefaultTimeouts()
	timeouts.Pod = podTimeout
	_, name, _ := strings.Cut(runID, options.RunID)
	if name = strings.Trim(name, "-"); name == "" {
		name = "no-fault"
	}
	err := runner.Run(ctx, to, runner.Options{
		RunID: runID, Checks: checks, Progress: options.Progress, Timeouts: timeouts, Submit: fault,
		Evidence: runner.Evidence{Root: options.Folder, Folder: filepath.Join("evidence", to.Column, name)},
		Cell: func(cell results.Cell) {
			mutex.Lock()
			defer mutex.Unlock()
			cells[cell.Check] = cell
		},
	})
	return cells, err
}

// line is the outcome in a line.
func (o Outcome) line() string {
	text := fmt.Sprintf("fault %s: %s", o.Fault, o.Result)
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
