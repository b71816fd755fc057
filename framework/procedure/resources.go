package procedure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"assay/framework/kubeletstats"
	"assay/framework/probe"
)

const (
	// resizeLimit is how long a resize may take until it is in the cgroup.
	resizeLimit = 40 * time.Second
	// statsLimit is how long the kubelet may take until its summary shows what a container used: it looks every
	// 10 to 15 seconds.
	statsLimit = 75 * time.Second
)

// ask has the probe do one action in the container, by exec, and returns what it read.
func (s Subject) ask(ctx context.Context, action probe.Action) (map[string]string, error) {
	request, err := json.Marshal(probe.Request{Version: probe.Version, Actions: []probe.Action{action}})
	if err != nil {
		return nil, fmt.Errorf("write the probe's request: %w", err)
	}
	e := &execution{command: []string{probe.ProgramPath, probe.CommandAnswer}, stdin: bytes.NewReader(request)}
	if err := s.exec(ctx, s.Container, e); err != nil {
		return nil, fmt.Errorf("exec %s: %w", action, err)
	}
	_, text, found := strings.Cut(e.stdout.String(), probe.DocumentPrefix)
	var document probe.Document
	if err := json.Unmarshal([]byte(text), &document); !found || err != nil || len(document.Results) != 1 {
		return nil, fmt.Errorf("%s: the probe's document cannot be read: %q", action, e.stdout.String())
	}
	if result := document.Results[0]; result.Outcome != probe.Allowed {
		return nil, fmt.Errorf("%s: %s %s %s", action, result.Outcome, result.Errno, result.Problem)
	}
	return document.Results[0].Values, nil
}

// quota is the CPU quota in the container's cgroup, in microseconds or max.
func (s Subject) quota(ctx context.Context) (string, error) {
	read, err := s.ask(ctx, probe.Do(probe.OpCgroup, "cpu.quota"))
	return read["cpu.quota"], err
}

// resizeCPU changes the CPU limit of the running container to Args["limit"], by the resize subresource
// of its pod, and waits until the CPU quota in its cgroup is Args["quota"] or the time is over.
// Values: quota, restarts (how many since), container (same or another) and, where the kubelet has not
// done it, condition.
// Source: https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/
func resizeCPU(ctx context.Context, s Subject) (probe.Result, error) {
	before := s.status(s.Pod)
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"containers": []any{map[string]any{
		"name":      s.Container,
		"resources": map[string]any{"limits": map[string]string{"cpu": s.Args["limit"]}},
	}}}})
	if err != nil {
		return probe.Result{}, fmt.Errorf("write the patch: %w", err)
	}
	if _, err := s.pods().Patch(ctx, s.Pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "resize"); err != nil {
		return probe.Result{}, fmt.Errorf("resize: %w", err)
	}
	quota := ""
	var last error
	err = wait.PollUntilContextTimeout(ctx, time.Second, resizeLimit, true, func(ctx context.Context) (bool, error) {
		quota, last = s.quota(ctx)
		return last == nil && quota == s.Args["quota"], nil
	})
	if ctx.Err() != nil {
		return probe.Result{}, context.Cause(ctx)
	}
	if err != nil && last != nil && quota == "" {
		return probe.Result{}, last
	}
	pod, err := s.pods().Get(ctx, s.Pod.Name, metav1.GetOptions{})
	if err != nil {
		return probe.Result{}, fmt.Errorf("read the pod after the resize: %w", err)
	}
	after := s.status(pod)
	measured := map[string]string{
		"quota":     quota,
		"restarts":  strconv.Itoa(int(after.RestartCount - before.RestartCount)),
		"container": "same",
	}
	if after.ContainerID != before.ContainerID {
		measured["container"] = "another"
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodResizePending || condition.Type == corev1.PodResizeInProgress && condition.Reason != "" {
			measured["condition"] = strings.TrimSpace(condition.Reason + " " + condition.Message)
		}
	}
	return allowed(measured), nil
}

// usage reads the container's from the kubelet's summary.
func (s Subject) usage(ctx context.Context) (kubeletstats.Usage, error) {
	summary, err := kubeletstats.Read(ctx, s.Client, s.Pod.Spec.NodeName)
	return summary.Of(s.Pod.UID, s.Container), err
}

// statsGrow has a process of the container use a second of CPU and Args["memory"] bytes, and follows the
// kubelet's summary. Values: cpu and memory are "grew" where the summary grew by as much (memory by three
// quarters, since a part may not count as working set), "did not grow" or "missing".
func statsGrow(ctx context.Context, s Subject) (probe.Result, error) {
	bytes, err := strconv.ParseUint(s.Args["memory"], 10, 64)
	if err != nil {
		return probe.Result{}, fmt.Errorf("memory %q: %w", s.Args["memory"], err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var before, now kubeletstats.Usage
	var last error
	deadline := time.Now().Add(statsLimit)
	follow := func(reached func() bool) error {
		err := wait.PollUntilContextTimeout(ctx, 2*time.Second, time.Until(deadline), true, func(ctx context.Context) (bool, error) {
			if now, last = s.usage(ctx); s.Forbids(last) != "" {
				return false, last
			}
			return last == nil && reached(), nil
		})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && last != nil && !errors.Is(last, context.DeadlineExceeded) {
			return last
		}
		return nil
	}
	if err := follow(func() bool { return now.Whole() }); err != nil {
		return probe.Result{}, err
	}
	before = now
	if !before.Whole() {
		return allowed(map[string]string{"cpu": "missing", "memory": "missing"}), nil
	}
	using := make(chan error, 1)
	go func() {
		// It stays longer than anybody looks, and ends with its container.
		const seconds = "120"
		e := &execution{command: []string{probe.ProgramPath, probe.CommandAllocate, s.Args["memory"], seconds}}
		using <- s.exec(ctx, s.Container, e)
	}()
	grew := func(before, now *uint64, by uint64) string {
		switch {
		case now == nil:
			return "missing"
		case *now >= *before+by:
			return "grew"
		default:
			return "did not grow"
		}
	}
	measured := map[string]string{}
	err = follow(func() bool {
		measured["cpu"] = grew(before.CPU.NanoSeconds, now.CPU.NanoSeconds, uint64(time.Second))
		measured["memory"] = grew(before.Memory.WorkingSetBytes, now.Memory.WorkingSetBytes, bytes/4*3)
		return measured["cpu"] == "grew" && measured["memory"] == "grew"
	})
	if err != nil {
		return probe.Result{}, err
	}
	select {
	case err := <-using:
		return probe.Result{}, fmt.Errorf("what was to use CPU and memory ended: %w", err)
	default:
		return allowed(measured), nil
	}
}
