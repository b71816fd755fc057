// Package runner gathers the evidence for checks on a target: it submits the packed pods up front,
// watches them through one informer, reads the probes' documents, and has the judge make cells of them.
package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"golang.org/x/sync/errgroup"

	"assay/framework/check"
	"assay/framework/judge"
	"assay/framework/network"
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
	// Network bounds one NetworkPolicy check after its agents run.
	Network time.Duration
}

// DefaultTimeouts are generous: they are met on two busy cores.
func DefaultTimeouts() Timeouts {
	return Timeouts{Pod: 90 * time.Second, Log: 10 * time.Second, Network: 30 * time.Second}
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
	Cell     func(results.Cell)
	Progress *progress.Log
	Timeouts Timeouts
}

// Run gathers the evidence of all checks and reports every cell. A check whose evidence cannot be had
// becomes an error cell; the error that Run returns means that the target as a whole was lost, and
// that cells which were not reported have no evidence.
func Run(ctx context.Context, to target.Target, options Options) error {
	if len(to.Nodes) == 0 {
		return errors.New("the column has no nodes")
	}
	namespace := "assay-" + options.RunID
	var pods, networks []check.Check
	for _, c := range options.Checks {
		if c.Network != nil {
			networks = append(networks, c)
		} else {
			pods = append(pods, c)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return runPods(ctx, to, options, namespace, pods) })
	for i, c := range networks {
		group.Go(func() error {
			return runNetwork(ctx, to, options, fmt.Sprintf("%s-net-%d", namespace, i+1), c)
		})
	}
	return group.Wait()
}

// runNetwork gathers the truth tables of one NetworkPolicy check in a namespace of its own.
func runNetwork(ctx context.Context, to target.Target, options Options, namespace string, c check.Check) error {
	started := time.Now()
	if err := makeNamespace(ctx, to, namespace); err != nil {
		return err
	}
	const attempts = 2
	var earlier []string
	for attempt := 1; ; attempt++ {
		observed := network.Observe(ctx, to, namespace, fmt.Sprintf("-%d", attempt), *c.Network, network.Timeouts{
			Agents: options.Timeouts.Pod, Converge: options.Timeouts.Network,
		})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		cell := judge.Network(c, observed)
		if cell.Verdict == results.Error && attempt < attempts {
			earlier = append(earlier, cell.Reason)
			continue
		}
		cell.Earlier, cell.Attempts = earlier, attempt
		cell.Column, cell.Seconds = to.Column, time.Since(started).Seconds()
		if err := options.Evidence.Write(namespace, observed); err != nil {
			return err
		}
		for i := range cell.Trials {
			cell.Trials[i].Evidence = options.Evidence.Name(namespace)
		}
		options.Cell(cell)
		return nil
	}
}

func makeNamespace(ctx context.Context, to target.Target, name string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		workload.Label: "namespace",
		// The probes are what the levels of Pod Security exist to refuse.
		"pod-security.kubernetes.io/enforce": "privileged",
	}}}
	_, err := to.Client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create namespace %s: %w", name, err)
	}
	return nil
}

func runPods(ctx context.Context, to target.Target, options Options, namespace string, checks []check.Check) error {
	if len(checks) == 0 {
		return nil
	}
	pods, err := workload.Pack(checks, to, namespace)
	if err != nil {
		return err
	}
	if err := makeNamespace(ctx, to, namespace); err != nil {
		return err
	}
	watch, err := newWatch(ctx, to.Client, namespace)
	if err != nil {
		return err
	}
	g := newGatherer(to, options, namespace, watch)
	defer g.release(ctx)
	collected := newCollection(checks, to.Column, options)

	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(podsInFlight)
	peers := newPeers(g)
	if needsPeers(pods) {
		if err := peers.submit(ctx); err != nil {
			return err
		}
	}
	// Pods that wait for a peer's address go last, so that nothing waits for them.
	for _, needsPeer := range []bool{false, true} {
		for _, pod := range pods {
			if pod.NeedsPeer != needsPeer {
				continue
			}
			group.Go(func() error {
				started := time.Now()
				if pod.NeedsPeer {
					address, err := peers.address(ctx, pod.Object.Spec.NodeName)
					if err != nil {
						collected.add(pod, brokenPod(pod, err.Error()), 1, nil, started)
						return context.Cause(ctx)
					}
					pod = pod.WithPeer(address)
				}
				return g.gather(ctx, pod, collected, started)
			})
		}
	}
	return group.Wait()
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
		p.attempts = max(p.attempts, attempts)
		if reason := earlier[placement.Key]; reason != "" {
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
