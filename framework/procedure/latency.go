package procedure

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/framework/probe"
)

// latency makes the subject's pod Args["count"] times anew, one after the other. Values: "shortest",
// "median" and "longest" time from the pod's submission until its containers run, in milliseconds.
func latency(ctx context.Context, s Subject) (probe.Result, error) {
	times, err := s.startTimes(ctx)
	if err != nil {
		return probe.Result{}, err
	}
	text := func(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
	return allowed(map[string]string{
		"shortest": text(times[0]), "median": text(times[len(times)/2]), "longest": text(times[len(times)-1]),
	}), nil
}

func running(pod *corev1.Pod) bool {
	for _, status := range pod.Status.ContainerStatuses {
		if status.State.Running == nil {
			return false
		}
	}
	return len(pod.Status.ContainerStatuses) == len(pod.Spec.Containers)
}

// startTimes are the times of the pods from submission to running, sorted.
func (s Subject) startTimes(ctx context.Context) ([]time.Duration, error) {
	count, err := strconv.Atoi(s.Args["count"])
	if err != nil || count < 1 {
		return nil, fmt.Errorf("count %q is not a number of pods", s.Args["count"])
	}
	var times []time.Duration
	for i := range count {
		took, err := s.startTime(ctx, fmt.Sprintf("%s-%d", s.Pod.Name, i+1))
		if err != nil {
			return nil, err
		}
		times = append(times, took)
	}
	slices.Sort(times)
	return times, nil
}

func (s Subject) startTime(ctx context.Context, name string) (time.Duration, error) {
	watch, err := s.pods().Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		return 0, fmt.Errorf("watch pod %s: %w", name, err)
	}
	defer watch.Stop()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.Pod.Namespace, Labels: s.Pod.Labels},
		Spec:       *s.Pod.Spec.DeepCopy(),
	}
	submitted := time.Now()
	if _, err := s.pods().Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		return 0, fmt.Errorf("create pod %s: %w", name, err)
	}
	// The namespace takes it along where this fails.
	defer func() { _ = s.pods().Delete(context.WithoutCancel(ctx), name, metav1.DeleteOptions{}) }()
	for {
		select {
		case event, open := <-watch.ResultChan():
			if !open {
				return 0, fmt.Errorf("watch pod %s: the watch ended", name)
			}
			if seen, ok := event.Object.(*corev1.Pod); ok && running(seen) {
				return time.Since(submitted), nil
			}
		case <-ctx.Done():
			return 0, fmt.Errorf("wait until pod %s runs: %w", name, context.Cause(ctx))
		}
	}
}
