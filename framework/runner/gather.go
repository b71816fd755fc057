package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"assay/framework/check"
	"assay/framework/probe"
	"assay/framework/target"
	"assay/framework/workload"
)

// gatherer runs pods and reads what came of them.
type gatherer struct {
	to        target.Target
	options   Options
	namespace string
	watch     *watch
	// starting bounds the pods that start at once; the gatherers of a run share it.
	starting *semaphore.Weighted
	// log reads a container's log.
	log func(ctx context.Context, pod, container string) ([]byte, error)
}

func newGatherer(to target.Target, options Options, namespace string, watch *watch, starting *semaphore.Weighted) *gatherer {
	return &gatherer{
		to: to, options: options, namespace: namespace, watch: watch,
		starting: starting,
		log: func(ctx context.Context, pod, container string) ([]byte, error) {
			return to.Client.CoreV1().Pods(namespace).GetLogs(pod, &corev1.PodLogOptions{Container: container}).DoRaw(ctx)
		},
	}
}

// gather runs a pod, for which the caller has acquired starting, once more in a fresh pod where the evidence is not there, and hands the
// observations to the collection. Its error means that the run as a whole ends.
func (g *gatherer) gather(ctx context.Context, pod workload.Pod, to *collection, started time.Time) error {
	observed, err := g.attempt(ctx, pod)
	if err != nil {
		return err
	}
	if keptOut(observed) {
		parts, err := pod.Split()
		if err != nil {
			return err
		}
		if len(parts) > 0 {
			return g.gatherEach(ctx, parts, to, started)
		}
	}
	again := doubtful(pod, observed)
	if len(again) == 0 || !to.mayRetry() {
		to.add(pod, observed, 1, nil, started)
		return nil
	}
	if err := g.starting.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	second, err := g.attempt(ctx, pod.Again(2))
	if err != nil {
		return err
	}
	for key := range again {
		observed[key] = second[key]
	}
	to.add(pod, observed, 2, again, started)
	return nil
}

// keptOut says that the owners of the cluster keep the whole pod out of it.
func keptOut(observed map[workload.Key]check.Observation) bool {
	for _, o := range observed {
		if o.Rejected == "" || o.Skip == "" {
			return false
		}
	}
	return true
}

// gatherEach gathers the parts of a pod that was kept out: one of its containers may have been the reason.
func (g *gatherer) gatherEach(ctx context.Context, parts []workload.Pod, to *collection, started time.Time) error {
	change(parts, g.options.Submit)
	group, together := errgroup.WithContext(ctx)
	for _, part := range parts {
		if g.starting.Acquire(together, 1) != nil {
			// Something went wrong that the group knows.
			break
		}
		group.Go(func() error { return g.gather(together, part, to, started) })
	}
	return cmp.Or(group.Wait(), context.Cause(ctx))
}

// doubtful lists the trials whose evidence is missing, or whose container never started although it
// was wanted to, with the reason. A denial that was not wanted is no doubt: it would be hidden by
// trying again.
func doubtful(pod workload.Pod, observed map[workload.Key]check.Observation) map[workload.Key]string {
	again := map[workload.Key]string{}
	for _, placement := range pod.Placements {
		o := observed[placement.Key]
		switch want := placement.Trial.Want; {
		case o.Skip != "" || placement.Lacks(o):
		case o.Problem != "":
			again[placement.Key] = o.Problem
		case o.Result != nil && o.Result.Outcome == probe.Broken:
			again[placement.Key] = "the probe broke: " + o.Result.Problem
		case !placement.Trial.Procedure.IsZero() && o.Result != nil:
			// It met with what there was, a refusal included.
		case notAdmitted(o.State.Reason):
		case !o.State.Started && (want == nil || !want.Met(o)):
			again[placement.Key] = "not started: " + o.State.Reason + " " + o.State.Message
		}
	}
	return again
}

// notAdmitted says that the kubelet refused the pod for good, for what it asks: trying again is of no use.
func notAdmitted(reason string) bool {
	switch reason {
	case "AppArmor", "SysctlForbidden", "PodFeatureUnsupported", "SupplementalGroupsPolicyNotSupported":
		return true
	}
	return false
}

// attempt submits the pod, for which starting was acquired and is released, waits until each of its
// containers has ended or was refused, and reads their output.
func (g *gatherer) attempt(ctx context.Context, pod workload.Pod) (map[workload.Key]check.Observation, error) {
	// What the suite does to a running pod may take long, and starts nothing.
	started := sync.OnceFunc(func() { g.starting.Release(1) })
	defer started()
	pods := g.to.Client.CoreV1().Pods(g.namespace)
	err := g.to.CreatePod(ctx, pod.Object, g.options.Timeouts.Log)
	forbidden := g.forbids(pod, err)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case forbidden != "" || apierrors.IsForbidden(err) || apierrors.IsInvalid(err):
		observed := brokenPod(pod, "")
		for key, o := range observed {
			o.Rejected, o.Skip = err.Error(), forbidden
			observed[key] = o
		}
		return observed, g.options.Evidence.Write(pod.Object.Name, podEvidence{Pod: pod.Object, Rejected: err.Error()})
	case err != nil:
		return brokenPod(pod, fmt.Sprintf("create the pod: %v", err)), nil
	}
	waiting, cancel := context.WithTimeout(ctx, g.options.Timeouts.Pod)
	defer cancel()
	known, err := g.watch.until(waiting, pod.Object.Name, settled(pod))
	if err == nil && len(pod.Ephemeral) > 0 {
		known, err = g.addEphemeral(waiting, pod, known)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	problem := ""
	if forbidden = g.to.Forbids(err); err != nil && forbidden == "" {
		problem = fmt.Sprintf("the pod was not done after %s: %v; last seen: %s", g.options.Timeouts.Pod, err, g.lastSeen(ctx, pod.Object.Name, known.pod))
	}
	started()
	if !pod.Compared() && restless(known) {
		// The kubelet would try for good to start what was refused; nobody waits until it is gone.
		defer func() { _ = pods.Delete(ctx, pod.Object.Name, metav1.DeleteOptions{}) }()
	}
	observed, err := g.read(ctx, pod, known, problem)
	for key, o := range observed {
		// Only what was to be added to the running pod can have been forbidden.
		if forbidden != "" && !o.State.Started {
			o.Skip = forbidden
			observed[key] = o
		}
	}
	return observed, err
}

// forbids says that the owners of the cluster keep the pod out of it; empty where it was not refused, or by
// the level of Pod Security that its trials want enforced.
func (g *gatherer) forbids(pod workload.Pod, err error) string {
	forbidden := g.to.Forbids(err)
	for _, placement := range pod.Placements {
		if level := placement.Trial.Pod.EnforceLevel; level != "" && strings.Contains(forbidden, `violates PodSecurity "`+level) {
			return ""
		}
	}
	return forbidden
}

// restless says that the kubelet will go on trying to start a container of the pod.
func restless(s seen) bool {
	switch {
	case s.pod == nil:
		return true
	case s.pod.Status.Phase == corev1.PodSucceeded || s.pod.Status.Phase == corev1.PodFailed:
		return false
	case s.pod.Spec.RestartPolicy != corev1.RestartPolicyNever || len(s.pod.Status.ContainerStatuses) == 0:
		return true
	}
	return slices.ContainsFunc(s.pod.Status.ContainerStatuses, func(status corev1.ContainerStatus) bool {
		return status.State.Running == nil && status.State.Terminated == nil
	})
}

// addEphemeral adds the ephemeral containers to a running pod and waits for them.
func (g *gatherer) addEphemeral(ctx context.Context, pod workload.Pod, known seen) (seen, error) {
	changed := known.pod.DeepCopy()
	changed.Spec.EphemeralContainers = append(changed.Spec.EphemeralContainers, pod.Ephemeral...)
	_, err := g.to.Client.CoreV1().Pods(g.namespace).UpdateEphemeralContainers(ctx, changed.Name, changed, metav1.UpdateOptions{})
	if err != nil {
		return known, fmt.Errorf("add the ephemeral containers: %w", err)
	}
	return g.watch.until(ctx, changed.Name, func(s seen) bool {
		for _, container := range pod.Ephemeral {
			if of := state(s, container.Name); !of.Terminated && !refused(of) {
				return false
			}
		}
		return true
	})
}

// podEvidence is what is kept of a pod.
type podEvidence struct {
	Pod      *corev1.Pod       `json:"pod"`
	Rejected string            `json:"rejected,omitempty"`
	Problem  string            `json:"problem,omitempty"`
	Logs     map[string]string `json:"logs,omitempty"`
	// Filters are the seccomp filters of containers, as read on the node, or FiltersUnread.
	Filters       map[string]filterEvidence `json:"filters,omitempty"`
	FiltersUnread string                    `json:"filtersUnread,omitempty"`
}

// read makes the observations of a pod that settled, or of one that did not in time.
func (g *gatherer) read(ctx context.Context, pod workload.Pod, known seen, problem string) (map[workload.Key]check.Observation, error) {
	evidence := podEvidence{Pod: known.pod, Problem: problem, Logs: map[string]string{}}
	containers := map[string]check.Observation{}
	for _, placement := range pod.Placements {
		if _, done := containers[placement.Container]; done {
			continue
		}
		o := check.Observation{
			Problem: problem, Namespace: g.namespace, Pod: pod.Object.Name,
			Container: placement.Container, Node: pod.Object.Spec.NodeName,
			NodeBounding: g.bounding(pod.Object.Spec.NodeName),
		}
		if known.pod != nil {
			o.State = state(known, placement.Container)
		}
		// A container that ended or holds has its say, even where a sibling never settled.
		if o.State.Started && pod.Enough(placement.Container) && !pod.Holding(placement.Container) {
			// The log is the procedures' business.
			o.Problem = ""
		} else if o.State.Started && (o.State.Terminated || pod.Holding(placement.Container)) {
			o.Problem = ""
			g.readOutput(ctx, placement, pod.Holding(placement.Container), &o)
			evidence.Logs[placement.Container] = o.Log
			if len(placement.Trial.Container.Command) == 0 {
				o.Log = ""
			}
		} else if o.Problem == "" && infrastructure(o.State.Reason) {
			o.Problem = o.State.Reason + ": " + o.State.Message
		} else if refused(o.State) {
			o.Problem = ""
		}
		containers[placement.Container] = o
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	chains, unread := g.readFilters(ctx, pod, known)
	evidence.addFilters(chains, unread)
	if err := g.options.Evidence.Write(pod.Object.Name, evidence); err != nil {
		return nil, err
	}
	executed := g.execAll(ctx, pod, containers)
	carriedOut := g.carryOut(ctx, pod, known, containers)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	observed := make(map[workload.Key]check.Observation, len(pod.Placements))
	for _, placement := range pod.Placements {
		o := containers[placement.Container]
		if placement.Trial.Exec {
			o = executed[placement.Container]
		}
		if placement.Trial.Procedure.IsZero() {
			o.Result = result(o.Document, placement.Trial.Action)
		} else {
			o = carriedOut[procedureKey(placement)]
		}
		if placement.Trial.Action.Op == probe.OpSyscallTable && !placement.Trial.Exec {
			o = withFilter(o, pod, chains, unread)
		}
		if problem := unanswered(o, placement.Trial.Want); problem != "" {
			o.Problem = problem
		}
		if o.Problem == "" && o.NodeBounding == 0 && check.NeedsNode(placement.Trial.Want, o) {
			o.Skip = "what the node itself may do is not known: the cluster allows no privileged pod to ask it"
		}
		observed[placement.Key] = o
	}
	return observed, nil
}

func (g *gatherer) bounding(node string) probe.Set {
	for _, n := range g.to.Nodes {
		if n.Name == node {
			return n.Bounding
		}
	}
	return 0
}

func result(document *probe.Document, action probe.Action) *probe.Result {
	if document == nil || action.IsZero() {
		return nil
	}
	for i := range document.Results {
		if document.Results[i].Action.Key() == action.Key() {
			return &document.Results[i]
		}
	}
	return nil
}

// readOutput reads the container's log, and the probe's document in it. The log may lag behind the
// container's end, so a document that is not complete is waited for; a probe that holds may still be at it.
func (g *gatherer) readOutput(ctx context.Context, placement workload.Placement, holds bool, o *check.Observation) {
	isProbe := len(placement.Trial.Container.Command) == 0
	deadline := time.Now().Add(g.options.Timeouts.Log)
	var last error
	err := wait.PollUntilContextTimeout(ctx, 250*time.Millisecond, g.options.Timeouts.Pod, true, func(ctx context.Context) (bool, error) {
		if holds && !o.State.Terminated {
			// It may end without a word.
			if now := state(g.watch.last(o.Pod), o.Container); now.Terminated {
				o.State = now
			}
			deadline = time.Now().Add(g.options.Timeouts.Log)
		}
		log, err := g.log(ctx, o.Pod, o.Container)
		if err != nil {
			last = fmt.Errorf("read the log: %w", err)
			return late(deadline)
		}
		o.Log = string(log)
		if !isProbe {
			// A command that failed says why; its words may still be on their way.
			if last = nil; o.Log != "" || o.State.ExitCode == 0 {
				return true, nil
			}
			return late(deadline)
		}
		if o.Document, last = parseDocument(o.Log); last == nil {
			return true, nil
		}
		return late(deadline)
	})
	if err == nil || (last == nil && !isProbe) {
		return
	}
	if last == nil {
		last = err
	}
	o.Problem = fmt.Sprintf("%v (the container ended with exit code %d, signal %d, %s %s; the log ends with %q)",
		last, o.State.ExitCode, o.State.Signal, o.State.Reason, o.State.Message, tail(o.Log, 300))
}

// late ends a poll when the deadline has passed.
func late(deadline time.Time) (bool, error) {
	if time.Now().After(deadline) {
		return false, context.DeadlineExceeded
	}
	return false, nil
}

func tail(text string, length int) string {
	if len(text) <= length {
		return text
	}
	return "..." + strings.ToValidUTF8(text[len(text)-length:], "")
}

// parseDocument finds the probe's document in a log, which may hold lines of others.
func parseDocument(log string) (*probe.Document, error) {
	for line := range strings.Lines(log) {
		// A line of somebody else that ended without a newline may stand before the document.
		_, text, found := strings.Cut(line, probe.DocumentPrefix)
		if !found {
			continue
		}
		document := &probe.Document{}
		if err := json.Unmarshal([]byte(text), document); err != nil {
			return nil, fmt.Errorf("the probe's document cannot be read: %w", err)
		}
		switch {
		case document.Version != probe.Version:
			return nil, fmt.Errorf("the probe speaks version %d of the protocol, the suite version %d: load the probe image of this suite", document.Version, probe.Version)
		case !document.Complete:
			return nil, fmt.Errorf("the probe's document is not complete")
		}
		return document, nil
	}
	return nil, fmt.Errorf("the log holds no document of the probe")
}
