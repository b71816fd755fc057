package procedure

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/framework/probe"
)

// stop deletes the pod, whose container runs probe.CommandSignals, with the grace period of its spec, and
// follows the container's log until it ends. Values: "lines" is what the container said besides being
// alive, in order; "stopSignal" is lifecycle.stopSignal as the API server kept it; "exitCode" is the
// container's; "end" is "at once" when it was never alive after its first signal, else "after the grace
// period" when it was killed then, give or take what tolerance says, else after how many milliseconds.
func stop(ctx context.Context, s Subject) (probe.Result, error) {
	log, err := s.pods().GetLogs(s.Pod.Name, &corev1.PodLogOptions{Container: s.Container, Follow: true}).Stream(ctx)
	if err != nil {
		return probe.Result{}, fmt.Errorf("follow the log: %w", err)
	}
	defer log.Close() //nolint:errcheck // only read
	reader := bufio.NewReader(log)
	if err := untilReady(reader); err != nil {
		return probe.Result{}, err
	}
	if err := s.remove(ctx); err != nil {
		return probe.Result{}, fmt.Errorf("delete the pod: %w", err)
	}
	lines, alive, err := followSignals(reader)
	if err != nil {
		return probe.Result{}, fmt.Errorf("follow the log: %w (so far: %q)", err, lines)
	}
	// The pod as it was last seen has it, too, when it is no more.
	pod, err := s.Watch.Until(ctx, func(pod *corev1.Pod) bool { return s.status(pod).State.Terminated != nil })
	if err != nil {
		return probe.Result{}, fmt.Errorf("wait for the exit code: %w; last seen: %+v", err, s.lastStatus(pod).State)
	}
	grace := time.Duration(*s.Pod.Spec.TerminationGracePeriodSeconds) * time.Second
	return allowed(map[string]string{
		"lines": strings.Join(lines, ", "), "end": endOf(alive, grace),
		"exitCode": strconv.Itoa(int(s.status(pod).State.Terminated.ExitCode)), "stopSignal": s.stopSignal(),
	}), nil
}

// ByEviction as Args["by"] has stop evict the pod instead of deleting it.
const ByEviction = "eviction"

func (s Subject) remove(ctx context.Context) error {
	if s.Args["by"] == ByEviction {
		return s.pods().EvictV1(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: s.Pod.Name, Namespace: s.Pod.Namespace}})
	}
	return s.pods().Delete(ctx, s.Pod.Name, metav1.DeleteOptions{})
}

func untilReady(log *bufio.Reader) error {
	for {
		line, err := log.ReadString('\n')
		if strings.TrimSpace(line) == "ready" {
			return nil
		}
		if err != nil {
			return fmt.Errorf("wait until the container is ready: %w", err)
		}
	}
}

// followSignals reads until the container's end. alive is how long it lived after its first signal.
func followSignals(log *bufio.Reader) (lines []string, alive time.Duration, err error) {
	for {
		line, err := log.ReadString('\n')
		line = strings.TrimSpace(line)
		switch milliseconds, is := strings.CutPrefix(line, "alive "); {
		case is:
			// A line that was cut by the end is of no account.
			if count, err := strconv.Atoi(milliseconds); err == nil {
				alive = time.Duration(count) * time.Millisecond
			}
		case line != "":
			lines = append(lines, line)
		}
		if err == io.EOF {
			return lines, alive, nil
		}
		if err != nil {
			return lines, alive, err
		}
	}
}

func endOf(alive, grace time.Duration) string {
	// The kubelet spends a moment of the grace period before it asks the runtime, and the runtime one
	// before it kills.
	const early, late = time.Second, 3 * time.Second
	switch {
	case alive == 0:
		return "at once"
	case alive >= grace-early && alive <= grace+late:
		return "after the grace period"
	default:
		return fmt.Sprintf("after %d ms", alive.Milliseconds())
	}
}

// stopSignal is the container's stop signal as the API server kept it; empty where it has none, or dropped
// it for want of the feature.
func (s Subject) stopSignal() string {
	for _, container := range s.Pod.Spec.Containers {
		if container.Name == s.Container && container.Lifecycle != nil && container.Lifecycle.StopSignal != nil {
			return string(*container.Lifecycle.StopSignal)
		}
	}
	return ""
}
