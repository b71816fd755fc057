package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/framework/check"
	"assay/framework/workload"
)

// settled says that every container of the pod has ended, was refused or holds, so that nothing more
// will come of it by itself.
func settled(pod workload.Pod) func(seen) bool {
	return func(s seen) bool {
		if s.pod.Status.Phase == corev1.PodFailed || s.pod.Status.Phase == corev1.PodSucceeded {
			return true
		}
		spec := s.pod.Spec
		if s.sandbox != nil && s.pod.Status.PodIP == "" && !spec.HostNetwork && wantedRefusal(pod, s.sandbox) {
			return true
		}
		done := func(name string) bool {
			state := state(s, name)
			return state.Terminated || refused(state) && state.Reason != check.SandboxFailed || state.Started && pod.Enough(name)
		}
		for _, container := range spec.InitContainers {
			state := state(s, container.Name)
			if refused(state) && state.Reason != check.SandboxFailed || state.Terminated && state.ExitCode != 0 {
				// The containers after it will not run.
				return true
			}
			if !done(container.Name) {
				return false
			}
		}
		return !slices.ContainsFunc(spec.Containers, func(c corev1.Container) bool { return !done(c.Name) })
	}
}

// wantedRefusal says that a trial of the pod wants the sandbox to be refused as the event says, or takes that for
// a lack. To others it says nothing: the kubelet tries again, and a runtime that is restarting will have it.
func wantedRefusal(pod workload.Pod, event *corev1.Event) bool {
	o := check.Observation{State: check.State{Reason: event.Reason, Message: event.Message}}
	return slices.ContainsFunc(pod.Placements, func(each workload.Placement) bool {
		return each.Trial.Want != nil && each.Trial.Want.Met(o) || each.Lacks(o)
	})
}

// unanswered says why a container that did not start says nothing about its trial: nobody wanted its
// sandbox to be refused, or the runtime did not answer at all.
func unanswered(o check.Observation, want check.Want) string {
	if o.State.Started || o.Rejected != "" || o.Problem != "" {
		return ""
	}
	if o.State.Reason == check.SandboxFailed && (want == nil || !want.Met(o)) {
		return o.State.Reason + ": " + o.State.Message
	}
	for _, code := range []string{
		"code = Unavailable", "code = DeadlineExceeded", "code = Canceled",
		// The node is out of processes: EAGAIN of fork(2).
		"esource temporarily unavailable",
	} {
		if strings.Contains(o.State.Message, code) {
			return "the runtime did not answer: " + o.State.Message
		}
	}
	return ""
}

// refused says that the kubelet or the runtime would not start the container, and said why.
// Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-state-waiting
func refused(state check.State) bool {
	if state.Started || state.Terminated {
		return false
	}
	switch state.Reason {
	case check.SandboxFailed:
		return true
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError":
		return state.Message != ""
	}
	return infrastructure(state.Reason)
}

// infrastructure says that the reason is about images, which are the suite's business.
func infrastructure(reason string) bool {
	switch reason {
	case "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError", "RegistryUnavailable":
		return true
	}
	return false
}

// state is the state of one container of a pod.
func state(s seen, container string) check.State {
	pod := s.pod
	if pod == nil {
		return check.State{}
	}
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses) {
		if status.Name != container {
			continue
		}
		of := stateOf(status)
		switch {
		case of.Started || of.Terminated || refused(of):
			return of
		case pod.Status.Phase == corev1.PodFailed:
			return check.State{Reason: pod.Status.Reason, Message: pod.Status.Message}
		case s.sandbox != nil:
			return check.State{Reason: s.sandbox.Reason, Message: s.sandbox.Message}
		}
		return of
	}
	if s.sandbox != nil {
		return check.State{Reason: s.sandbox.Reason, Message: s.sandbox.Message}
	}
	// A pod that the kubelet did not admit has no container states.
	return check.State{Reason: pod.Status.Reason, Message: pod.Status.Message}
}

func stateOf(status corev1.ContainerStatus) check.State {
	var user *corev1.LinuxContainerUser
	if status.User != nil {
		user = status.User.Linux
	}
	switch {
	case status.State.Terminated != nil:
		ended := status.State.Terminated
		return check.State{
			Started:    ran(*ended),
			Terminated: true,
			ExitCode:   ended.ExitCode,
			Signal:     ended.Signal,
			Reason:     ended.Reason,
			Message:    ended.Message,
			User:       user,
		}
	case status.State.Running != nil:
		return check.State{Started: true, User: user}
	case status.State.Waiting != nil:
		return check.State{Started: ranBefore(status), Reason: status.State.Waiting.Reason, Message: status.State.Waiting.Message}
	default:
		return check.State{}
	}
}

// ranBefore says that a container that waits for its next run had one.
func ranBefore(status corev1.ContainerStatus) bool {
	last := status.LastTerminationState.Terminated
	return last != nil && ran(*last)
}

// ran says that a container's process ran, for the kubelet also says that a container ended which the
// OCI runtime could not start.
func ran(ended corev1.ContainerStateTerminated) bool {
	switch ended.Reason {
	case "StartError", "ContainerCannotRun", "ContainerStatusUnknown":
		return false
	}
	return true
}

// lastSeen says what was last known of a pod: its phase, its containers' states, its events.
func (g *gatherer) lastSeen(ctx context.Context, name string, pod *corev1.Pod) string {
	if pod == nil {
		return "never seen by the watch"
	}
	parts := []string{"phase " + string(pod.Status.Phase)}
	if pod.Status.Message != "" {
		parts = append(parts, pod.Status.Reason+" "+pod.Status.Message)
	}
	for _, status := range pod.Status.ContainerStatuses {
		s := stateOf(status)
		switch {
		case s.Terminated:
			parts = append(parts, fmt.Sprintf("%s ended with %d", status.Name, s.ExitCode))
		case s.Started:
			parts = append(parts, status.Name+" running")
		default:
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s waiting: %s %s", status.Name, s.Reason, s.Message)))
		}
	}
	events, err := g.to.Client.CoreV1().Events(g.namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=" + name})
	if err != nil {
		parts = append(parts, "its events cannot be read: "+err.Error())
		return strings.Join(parts, "; ")
	}
	const most = 3
	for _, event := range events.Items[max(0, len(events.Items)-most):] {
		parts = append(parts, fmt.Sprintf("event %s: %s", event.Reason, event.Message))
	}
	return strings.Join(parts, "; ")
}
