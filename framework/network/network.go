// Package network observes pod networking and NetworkPolicy by truth tables. Long-lived pods in a grid connect
// to each other on request, with the objects of a check and without; what is wanted is computed from the objects
// by the policy engine.
package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"assay/framework/check"
	"assay/framework/policy"
	"assay/framework/target"
)

// Timeouts are the deadlines of an observation.
type Timeouts struct {
	// Agents is how long the pods of a grid may take to run.
	Agents time.Duration
	// Converge is how long the network may take until a truth table is the expected one.
	Converge time.Duration
}

const (
	// mostGrids bounds the grids that work side by side; with the pods of as many, and five besides, a check of
	// fifty pods has its pods.
	mostGrids = 5
	// checksAGrid is how many checks are worth a grid of their own.
	checksAGrid = 8
	// gridsStarting bounds the grids whose pods start at once.
	gridsStarting = 1
	// attempts is how often a check is tried; a second time in a fresh grid, after a problem.
	attempts = 2
	// summaryTries and summaryDeadline bound the wait for connections that are recorded to stay as they are.
	summaryTries    = 5
	summaryDeadline = 5 * time.Second
	// explainPatience is the deadline of connections that are kept or explained.
	explainPatience = 15 * time.Second
)

// Options say what is observed.
type Options struct {
	// Prefix begins the names of namespaces.
	Prefix   string
	Checks   []check.Check
	Timeouts Timeouts
	// Fault makes the expectation wrong on purpose.
	Fault policy.Fault
	// Seen is told each observation as soon as it is there, with the problems of earlier attempts and the time the
	// check took. It may be called by several goroutines at once.
	Seen func(c check.Check, o check.NetworkObservation, earlier []string, took time.Duration) error
}

// Observe observes the checks on a target: those of one grid in grids side by side, then those of many pods.
// Its error means that the run as a whole ends; what goes wrong with a check is in its observation.
func Observe(ctx context.Context, to target.Target, options Options) error {
	return observe(ctx, surroundings{to: to, timeouts: options.Timeouts, fault: options.Fault, open: attach}, options)
}

func observe(ctx context.Context, s surroundings, options Options) error {
	s.starting = semaphore.NewWeighted(gridsStarting)
	a := &area{surroundings: s, options: options, grids: map[int]*grid{}}
	defer a.remove(ctx)
	var many []check.Check
	for _, c := range options.Checks {
		if c.Network.Many > 0 {
			many = append(many, c)
		} else {
			a.queue = append(a.queue, c)
		}
	}
	// Those that wait for pods, for a lot of steps or for their deadline first, so that no grid is busy long after the
	// others.
	slices.SortStableFunc(a.queue, func(one, two check.Check) int { return cmp.Compare(weight(two), weight(one)) })
	a.count = min(mostGrids, (len(a.queue)+checksAGrid-1)/checksAGrid)
	if len(many) > 0 {
		a.count = mostGrids
	}
	var working sync.WaitGroup
	failed := make([]error, a.count+1)
	for i := range a.count {
		working.Go(func() { failed[i] = a.work(ctx, i+1, len(many) > 0) })
	}
	if len(many) > 0 {
		working.Go(func() { failed[a.count] = a.startRest(ctx, many) })
	}
	working.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	for _, c := range many {
		if err := a.observeMany(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// slowWeight is above the weight of any number of steps that a check has.
const slowWeight = 100

func weight(c check.Check) int {
	weight := len(c.Network.Steps)
	if c.Network.Slow {
		weight += slowWeight
	}
	for _, step := range c.Network.Steps {
		weight += 3 * len(step.Recreate)
	}
	return weight
}

// area is the work on the checks of a target.
type area struct {
	surroundings
	options Options
	// count is how many grids there are to be.
	count int

	mutex sync.Mutex
	queue []check.Check
	grids map[int]*grid
	// rest is why the pods that are missing in a number did not start.
	rest error
	// made counts the grids, for their names.
	made int
}

// next takes a check from the queue. Only grid 1 has the pods that are not everywhere. As long as grids start, a
// check that makes pods again comes after the others, for it would wait for them.
func (a *area) next(number int) (check.Check, bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	possible := func(c check.Check) bool { return number == 1 || !special(c) }
	first := func(c check.Check) bool { return possible(c) && (len(a.grids) >= a.count || !recreates(c)) }
	i := slices.IndexFunc(a.queue, first)
	if i < 0 {
		i = slices.IndexFunc(a.queue, possible)
	}
	if i < 0 {
		return check.Check{}, false
	}
	c := a.queue[i]
	a.queue = slices.Delete(a.queue, i, i+1)
	return c, true
}

func recreates(c check.Check) bool {
	return slices.ContainsFunc(c.Network.Steps, func(step check.NetworkStep) bool { return len(step.Recreate) > 0 })
}

// special says whether a check needs a pod that one grid has only.
func special(c check.Check) bool {
	return c.Network.View == check.ViewHost || c.Network.View == check.ViewOtherRuntime || c.Network.Watch == check.WatchHost
}

// work takes checks from the queue until there are none. With stay it starts its grid even for none.
func (a *area) work(ctx context.Context, number int, stay bool) error {
	if stay {
		// What cannot be started is said of the checks that need it.
		_, _ = a.grid(ctx, number)
	}
	for ctx.Err() == nil {
		c, more := a.next(number)
		if !more {
			return nil
		}
		if err := a.attend(ctx, c, number); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// attend observes one check in a grid, and in a fresh one after a problem.
func (a *area) attend(ctx context.Context, c check.Check, number int) error {
	started := time.Now()
	var earlier []string
	for attempt := 1; ; attempt++ {
		o := check.NetworkObservation{}
		g, err := a.grid(ctx, number)
		if err != nil {
			o.Problem, o.Skipped = unstarted(a.to, err)
		} else if o = g.observe(ctx, *c.Network); o.Problem != "" || g.spent {
			a.drop(ctx, number)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if o.Problem != "" && o.Skipped == "" && attempt < attempts {
			earlier = append(earlier, o.Problem)
			continue
		}
		return a.options.Seen(c, o, earlier, time.Since(started))
	}
}

// grid is the running grid of a number, which is started where there is none.
func (a *area) grid(ctx context.Context, number int) (*grid, error) {
	a.mutex.Lock()
	g := a.grids[number]
	a.mutex.Unlock()
	if g != nil {
		return g, nil
	}
	l := gridLayout(number)
	l.host, l.other = number == 1, number == 1
	return a.start(ctx, number, l)
}

func (a *area) start(ctx context.Context, number int, l layout) (*grid, error) {
	if err := a.starting.Acquire(ctx, 1); err != nil {
		return nil, context.Cause(ctx)
	}
	defer a.starting.Release(1)
	a.mutex.Lock()
	a.made++
	prefix := fmt.Sprintf("%s-%d", a.options.Prefix, a.made)
	a.mutex.Unlock()
	g, err := startGrid(ctx, a.surroundings, prefix, l)
	if err != nil {
		return nil, err
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.grids[number] = g
	return g, nil
}

// drop removes a grid that is not to be used again.
func (a *area) drop(ctx context.Context, number int) {
	a.mutex.Lock()
	g := a.grids[number]
	delete(a.grids, number)
	a.mutex.Unlock()
	if g != nil {
		g.remove(ctx)
	}
}

func (a *area) remove(ctx context.Context) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for _, g := range a.grids {
		g.remove(ctx)
	}
}

// restNamespace has the pods that are missing in a number.
const restNamespace = "w"

// startRest starts the pods that the checks of many pods need besides those of the grids.
func (a *area) startRest(ctx context.Context, checks []check.Check) error {
	most := 0
	for _, c := range checks {
		most = max(most, c.Network.Many)
	}
	var pods []string
	for i := range max(0, most-mostGrids*9) {
		pods = append(pods, string(rune('a'+i)))
	}
	if len(pods) == 0 {
		return nil
	}
	_, a.rest = a.start(ctx, 0, layout{pods: map[string][]string{restNamespace: pods}})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// unstarted says why a grid did not start: something broke, or the owners of the cluster do not allow it.
func unstarted(to target.Target, err error) (problem, skipped string) {
	if skipped = to.Forbids(err); skipped != "" {
		return "", skipped
	}
	return fmt.Sprintf("the grid did not start: %v", err), ""
}

// observeMany observes a check in all grids as one.
func (a *area) observeMany(ctx context.Context, c check.Check) error {
	started := time.Now()
	o := check.NetworkObservation{}
	problem := a.rest
	for number := 1; number <= mostGrids && problem == nil; number++ {
		_, problem = a.grid(ctx, number)
	}
	if problem != nil {
		o.Problem, o.Skipped = unstarted(a.to, problem)
	} else {
		all := merge(a.grids)
		if len(all.agents) != c.Network.Many {
			o.Problem = fmt.Sprintf("there are %d pods, and not %d", len(all.agents), c.Network.Many)
		} else {
			o = all.observe(ctx, *c.Network)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return a.options.Seen(c, o, nil, time.Since(started))
}
