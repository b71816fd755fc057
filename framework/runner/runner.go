// Package runner gathers the evidence for checks on a target: it submits the packed pods up front,
// watches them through one informer, reads the probes' documents, and has the judge make cells of them.
package runner

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/framework/check"
	"assay/framework/judge"
	"assay/framework/policy"
	"assay/framework/progress"
	"assay/framework/target"
	"assay/framework/workload"
	"assay/reports/results"
)

// Timeouts are the deadlines of everything the runner waits for.
type Timeouts struct {
	// Pod is how long a pod may take from submission until all its containers have ended.
	Pod time.Duration
	// Log is how long a container's output may lag behind its end.
	Log time.Duration
	// Procedure bounds what the suite does to a running pod, grace periods included.
	Procedure time.Duration
	// Network is how long the network may take until a truth table is the expected one.
	Network time.Duration
}

// DefaultTimeouts are generous: they are met on two busy cores.
func DefaultTimeouts() Timeouts {
	return Timeouts{Pod: 90 * time.Second, Log: 10 * time.Second, Procedure: 90 * time.Second, Network: 30 * time.Second}
}

// podsInFlight bounds the pods that start at once: with more, OCI runtimes have been seen to fail
// for want of time ("unable to freeze").
const podsInFlight = 12

// retriesPerColumn ends retrying: a column with so many infrastructure errors is broken.
const retriesPerColumn = 10

// Options say what to gather and where to put it.
type Options struct {
	// RunID is part of the names of namespaces.
	RunID  string
	Checks []check.Check
	// Evidence takes the evidence of each pod as soon as it is there.
	Evidence Evidence
	// Cell is told each cell as soon as it is judged; Column, Attempts and Seconds are set. It may be
	// called by several goroutines at once.
	Cell func(results.Cell)
	// Submit changes the pods before they are submitted, for tests of the checks themselves; nil leaves
	// them as they are.
	Submit func(*corev1.Pod)
	// Clean has the namespaces of the run deleted in the end, also after an interrupt, for clusters that
	// stay. Nobody waits until they are gone.
	Clean bool
	// PolicyEngineFault makes the expectations of truth tables wrong, for tests of the checks themselves.
	PolicyEngineFault policy.Fault
	Progress          *progress.Log
	Timeouts          Timeouts
}

// Run gathers the evidence of all checks and reports every cell. A check whose evidence cannot be had
// becomes an error cell; the error that Run returns means that the target as a whole was lost, and
// that cells which were not reported have no evidence.
func Run(ctx context.Context, to target.Target, options Options) error {
	if len(to.Nodes) == 0 {
		return errors.New("the column has no nodes")
	}
	namespace := "assay-" + options.RunID
	if options.Clean {
		defer clean(ctx, to, namespace)
	}
	var pods, networks, last []check.Check
	for _, c := range options.Checks {
		switch {
		case to.NodeExec == nil && c.Last:
			options.skip(to, c, "it disturbs the nodes, and the suite may not touch those of this cluster")
		case to.NodeExec == nil && c.NeedsNodeFiles():
			options.skip(to, c, "it needs profiles in files of the nodes, and the suite may not touch those of this cluster")
		case c.Network != nil:
			networks = append(networks, c)
		case c.Last:
			last = append(last, c)
		default:
			pods = append(pods, c)
		}
	}
	if err := runPods(ctx, to, options, namespace, pods); err != nil {
		return err
	}
	// Only then the networks: what they measure in time, and the addresses that they want back, other pods
	// that come and go would spoil.
	if err := runNetworks(ctx, to, options, namespace, networks); err != nil {
		return err
	}
	return runLast(ctx, to, options, namespace, last)
}

// skip reports that a check is not made, and why.
func (o Options) skip(to target.Target, c check.Check, reason string) {
	o.Cell(results.Cell{Check: c.ID, Column: to.Column, Verdict: results.Skipped, Reason: reason})
}

// skipForbidden reports the checks as skipped where an error is the owners' refusal, else returns the error.
func (o Options) skipForbidden(to target.Target, checks []check.Check, err error) error {
	forbidden := to.Forbids(err)
	if forbidden == "" {
		return err
	}
	for _, c := range checks {
		o.skip(to, c, forbidden)
	}
	return nil
}

// runLast runs the checks that disturb the nodes, one after the other.
func runLast(ctx context.Context, to target.Target, options Options, namespace string, checks []check.Check) error {
	for i, c := range checks {
		// The evidence has the names of the pods: each of these checks has a folder of its own.
		alone := options
		alone.Evidence.Folder = filepath.Join(options.Evidence.Folder, fmt.Sprintf("last-%d", i+1))
		if err := runPods(ctx, to, alone, fmt.Sprintf("%s-last-%d", namespace, i+1), []check.Check{c}); err != nil {
			return err
		}
	}
	return nil
}

// makeNamespace makes a namespace; see workload.Namespace.
func makeNamespace(ctx context.Context, to target.Target, name, level string) error {
	_, err := to.Client.CoreV1().Namespaces().Create(ctx, workload.Namespace(name, level), metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create namespace %s: %w", name, err)
	}
	return nil
}

// clean deletes the namespaces of a run, and with them all that is in them.
func clean(ctx context.Context, to target.Target, prefix string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removal)
	defer cancel()
	namespaces := to.Client.CoreV1().Namespaces()
	made, err := namespaces.List(ctx, metav1.ListOptions{LabelSelector: workload.Label + "=namespace"})
	if err != nil {
		// They are labelled, and in nobody's way.
		return
	}
	for _, namespace := range made.Items {
		if namespace.Name == prefix || strings.HasPrefix(namespace.Name, prefix+"-") {
			_ = namespaces.Delete(ctx, namespace.Name, metav1.DeleteOptions{})
		}
	}
}

func runPods(ctx context.Context, to target.Target, options Options, namespace string, checks []check.Check) error {
	if len(checks) == 0 {
		return nil
	}
	gatherers, err := newGatherers(ctx, to, options, namespace, checks)
	if err != nil {
		return options.skipForbidden(to, checks, err)
	}
	checks, remove, err := makeObjects(ctx, to, options, namespace, checks)
	defer remove()
	if err != nil {
		return err
	}
	pods, err := workload.Pack(checks, to, namespace)
	if err != nil {
		return err
	}
	collected := newCollection(checks, to.Column, options)
	change(pods, options.Submit)

	parent := ctx
	group, ctx := errgroup.WithContext(ctx)
	peers := newPeers(gatherers[namespace])
	if needsPeers(pods) {
		if err := peers.submit(ctx); err != nil {
			return err
		}
	}
	slices.SortStableFunc(pods, func(a, b workload.Pod) int { return turn(a) - turn(b) })
	for _, pod := range pods {
		g := gatherers[pod.Object.Namespace]
		if g.starting.Acquire(ctx, 1) != nil {
			// Something went wrong that the group knows.
			break
		}
		group.Go(func() error {
			started := time.Now()
			if pod.NeedsPeer {
				address, err := peers.address(ctx, pod.Object.Spec.NodeName)
				if err != nil {
					g.starting.Release(1)
					collected.add(pod, withoutPeer(pod, to, err), 1, nil, started)
					return context.Cause(ctx)
				}
				pod = pod.WithPeer(address)
			}
			return g.gather(ctx, pod, collected, started)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(parent)
}

// turn is when a pod's turn to start is: those with procedures go first, since these may take long, and
// those that wait for a peer's address last, so that nothing waits for them.
func turn(pod workload.Pod) int {
	switch {
	case pod.NeedsPeer:
		return 2
	case len(pod.Procedures()) > 0:
		return 0
	default:
		return 1
	}
}

// newGatherers makes a namespace and its gatherer for each level of Pod Security that the checks need.
func newGatherers(ctx context.Context, to target.Target, options Options, namespace string, checks []check.Check) (map[string]*gatherer, error) {
	gatherers := map[string]*gatherer{}
	starting := semaphore.NewWeighted(podsInFlight)
	levels := []string{""}
	for _, c := range checks {
		for _, trial := range c.Trials {
			levels = append(levels, trial.Pod.EnforceLevel)
		}
	}
	for _, level := range levels {
		name := workload.EnforcingNamespace(namespace, level)
		if gatherers[name] != nil {
			continue
		}
		if err := makeNamespace(ctx, to, name, level); err != nil {
			return nil, err
		}
		watch, err := newWatch(ctx, to.Client, name)
		if err != nil {
			return nil, err
		}
		gatherers[name] = newGatherer(to, options, name, watch, starting)
	}
	return gatherers, nil
}

func needsPeers(pods []workload.Pod) bool {
	for _, pod := range pods {
		if pod.NeedsPeer {
			return true
		}
	}
	return false
}

// collection makes cells of the observations as soon as a check has them all.
type collection struct {
	column  string
	options Options
	mutex   sync.Mutex
	open    map[string]*pending
	retries int
}

type pending struct {
	check        check.Check
	started      time.Time
	attempts     int
	earlier      []string
	observations map[string]check.Observation
}

func newCollection(checks []check.Check, column string, options Options) *collection {
	c := &collection{column: column, options: options, open: make(map[string]*pending, len(checks))}
	for _, each := range checks {
		c.open[each.ID] = &pending{check: each, observations: make(map[string]check.Observation, len(each.Trials))}
	}
	return c
}

// mayRetry counts a retry, and refuses it once there were too many.
func (c *collection) mayRetry() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.retries++
	return c.retries <= retriesPerColumn
}

// add takes the observations of a pod, and reports the cells that are complete with them.
func (c *collection) add(pod workload.Pod, observed map[workload.Key]check.Observation, attempts int, earlier map[workload.Key]string, started time.Time) {
	var cells []results.Cell
	c.mutex.Lock()
	for _, placement := range pod.Placements {
		p := c.open[placement.Key.Check]
		if p.started.IsZero() || started.Before(p.started) {
			p.started = started
		}
		p.attempts = max(p.attempts, 1)
		if reason, again := earlier[placement.Key]; again {
			p.attempts = attempts
			p.earlier = append(p.earlier, placement.Key.Trial+": "+reason)
		}
		p.observations[placement.Key.Trial] = observed[placement.Key]
		if len(p.observations) == len(p.check.Trials) {
			cells = append(cells, c.cell(p))
		}
	}
	c.mutex.Unlock()
	for _, cell := range cells {
		c.options.Cell(cell)
	}
}

func (c *collection) cell(p *pending) results.Cell {
	cell := judge.Cell(p.check, p.observations)
	cell.Column = c.column
	cell.Attempts = p.attempts
	cell.Earlier = p.earlier
	cell.Seconds = time.Since(p.started).Seconds()
	for i := range cell.Trials {
		if pod := cell.Trials[i].Pod; pod != "" {
			cell.Trials[i].Evidence = c.options.Evidence.Name(pod)
		}
	}
	return cell
}

// withoutPeer is what was observed of a pod that could not be made for want of its peer.
func withoutPeer(pod workload.Pod, to target.Target, err error) map[workload.Key]check.Observation {
	observed := brokenPod(pod, err.Error())
	skip := to.Forbids(err)
	for key, o := range observed {
		o.Skip = skip
		observed[key] = o
	}
	return observed
}

func brokenPod(pod workload.Pod, problem string) map[workload.Key]check.Observation {
	observed := make(map[workload.Key]check.Observation, len(pod.Placements))
	for _, placement := range pod.Placements {
		observed[placement.Key] = check.Observation{
			Problem: problem, Namespace: pod.Object.Namespace, Pod: pod.Object.Name,
			Container: placement.Container, Node: pod.Object.Spec.NodeName,
		}
	}
	return observed
}
