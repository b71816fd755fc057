package procedure

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"assay/framework/probe"
)

// restarts waits until the container was restarted Args["count"] times, then until it runs (Args["until"]
// is "running") or has ended for good ("ended"). Values: "restarts", "previous" and "log" are the logs of
// the run before the last and of the last one, "lastExitCode" is that of the run before ("" where there
// was none).
func restarts(ctx context.Context, s Subject) (probe.Result, error) {
	count, err := strconv.Atoi(s.Args["count"])
	if err != nil {
		return probe.Result{}, fmt.Errorf("count: %w", err)
	}
	pod, err := s.Watch.Until(ctx, func(pod *corev1.Pod) bool {
		status := s.status(pod)
		ended := pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
		if s.Args["until"] == "ended" {
			return ended
		}
		// A pod that ended will not restart any more: that is an observation.
		return ended || int(status.RestartCount) >= count && status.State.Running != nil
	})
	if err != nil {
		return probe.Result{}, fmt.Errorf("wait for %d restarts: %w; last seen: %+v", count, err, s.lastStatus(pod))
	}
	status := s.status(pod)
	values := map[string]string{"restarts": strconv.Itoa(int(status.RestartCount)), "previous": "", "lastExitCode": ""}
	if status.RestartCount > 0 {
		if values["previous"], err = s.previousLog(ctx); err != nil {
			return probe.Result{}, err
		}
	}
	if values["log"], err = s.anyLog(ctx); err != nil {
		return probe.Result{}, err
	}
	if last := status.LastTerminationState.Terminated; last != nil {
		values["lastExitCode"] = strconv.Itoa(int(last.ExitCode))
	}
	return allowed(values), nil
}

func (s Subject) lastStatus(pod *corev1.Pod) corev1.ContainerStatus {
	if pod == nil {
		return corev1.ContainerStatus{}
	}
	return s.status(pod)
}

// anyLog waits until the container has said anything; its log may lag behind.
func (s Subject) anyLog(ctx context.Context) (string, error) {
	const patience = 15 * time.Second
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	text := ""
	err := wait.PollUntilContextCancel(waiting, 250*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		log, err := s.log(ctx, &corev1.PodLogOptions{})
		if err == nil {
			text = log
		}
		return text != "", nil
	})
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		return "", nil
	}
	return text, nil
}

// unreadable begins what the kubelet gives in the place of a log when it cannot ask the runtime for it. Its garbage
// collection, once a minute, takes a container that is created and not started for one that ended, and removes the
// one before it.
// Source: https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/kubelet/kuberuntime/kuberuntime_gc.go#L202
const unreadable = "unable to retrieve container logs for "

// previousLog is that of the container's instance before, "not kept" where there is none. A kubelet that has no
// answer from a busy runtime is asked again.
func (s Subject) previousLog(ctx context.Context) (string, error) {
	const patience = 15 * time.Second
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	text := "not kept"
	err := wait.PollUntilContextCancel(waiting, 250*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		log, err := s.log(ctx, &corev1.PodLogOptions{Previous: true})
		if err == nil {
			text = log
		}
		return err == nil && !strings.HasPrefix(log, unreadable), nil
	})
	if err != nil && ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if strings.HasPrefix(text, unreadable) {
		return "", fmt.Errorf("the log of the run before: the kubelet said for %s: %s", patience, text)
	}
	// What was seen last counts where it was not in time.
	return text, nil
}

// log is a log of the subject's container, without blanks around it.
func (s Subject) log(ctx context.Context, options *corev1.PodLogOptions) (string, error) {
	options.Container = s.Container
	log, err := s.pods().GetLogs(s.Pod.Name, options).DoRaw(ctx)
	if err != nil {
		return "", fmt.Errorf("read the log: %w", err)
	}
	return strings.TrimSpace(string(log)), nil
}
