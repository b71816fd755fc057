package procedure

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"assay/framework/probe"
)

// probeTimeout waits until the kubelet says that the container's exec probe, which runs Args["process"],
// did not end in time, and then looks for that process in the container. Values: "event" is "timed out",
// or what the kubelet said instead; "left" is "nothing" once the process is gone, else "the process" after
// 30 s.
func probeTimeout(ctx context.Context, s Subject) (probe.Result, error) {
	said := ""
	err := wait.PollUntilContextCancel(ctx, 250*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		events, err := s.Client.CoreV1().Events(s.Pod.Namespace).List(ctx, metav1.ListOptions{
			FieldSelector: "involvedObject.name=" + s.Pod.Name + ",reason=Unhealthy",
		})
		if err != nil {
			return false, nil //nolint:nilerr // asked again until the deadline
		}
		for _, event := range events.Items {
			if strings.HasSuffix(event.InvolvedObject.FieldPath, "{"+s.Container+"}") {
				said = event.Message
			}
		}
		return said != "", nil
	})
	if err != nil {
		return probe.Result{}, fmt.Errorf("wait for the probe to fail: %w", err)
	}
	values := map[string]string{"event": said, "left": "the process"}
	if strings.Contains(said, "timed out") {
		values["event"] = "timed out"
	}
	const patience = 30 * time.Second
	looking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	looked := false
	err = wait.PollUntilContextCancel(looking, 500*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		left, err := s.runs(ctx, s.Args["process"])
		if last = err; err != nil {
			return false, nil //nolint:nilerr // tried again until the deadline
		}
		looked = true
		return !left, nil
	})
	if ctx.Err() != nil {
		return probe.Result{}, context.Cause(ctx)
	}
	if err == nil {
		values["left"] = "nothing"
	} else if !looked {
		return probe.Result{}, fmt.Errorf("look for the process: %w", last)
	}
	result := allowed(values)
	result.Output = said
	return result, nil
}

// runs says whether a process of this name is in the subject's container. Its exit code tells the answer
// from a shell that could not be had.
func (s Subject) runs(ctx context.Context, process string) (bool, error) {
	const found, none = 10, 11
	script := fmt.Sprintf(
		`for f in /proc/[0-9]*/comm; do read -r name < "$f" && [ "$name" = %s ] && exit %d; done 2>/dev/null; exit %d`,
		process, found, none)
	e := &execution{command: []string{"/bin/sh", "-c", script}}
	if err := s.exec(ctx, s.Container, e); err != nil {
		return false, err
	}
	switch e.exitCode {
	case found:
		return true, nil
	case none:
		return false, nil
	default:
		return false, fmt.Errorf("exit code %d: %s%s", e.exitCode, e.stdout.String(), e.stderr.String())
	}
}
