package suites

import (
	"fmt"

	"assay/framework/check"
	"assay/framework/probe"
)

// cgroupChanges are what becomes of a container's resources while it runs; the suite changes and
// measures them itself.
func cgroupChanges() []check.Check {
	resized := cpu(100, 200)
	resized.Hold = true
	// A resize is the pod's.
	pod := check.Pod{Alone: "is resized"}
	measured := check.Container{Hold: true}
	return []check.Check{
		{
			ID:     "cgroup/resize-in-place",
			Level:  check.Must,
			Claim:  "A resize of a container's CPU limit changes its cgroup, and the container is not restarted.",
			Source: "https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/",
			Trials: []check.Trial{
				{
					Name: "200m", Control: true, Pod: pod, Container: resized, Action: probe.Do(probe.OpCgroup, "cpu.quota"),
					Want: check.Values{"cpu.quota": "20000"},
				},
				{
					Name: "400m", Pod: pod, Container: resized,
					Procedure: check.Procedure{Name: check.ProcedureResizeCPU, Args: map[string]string{"limit": "400m", "quota": "40000"}},
					Want:      check.Values{"quota": "40000", "restarts": "0", "container": "same"},
				},
			},
			Unsupported: []check.Unsupported{
				{Trial: "400m", Message: "could not find the requested resource", Reason: "the API server has no resize of pods"},
			},
		},
		{
			ID:     "cgroup/stats",
			Level:  check.Must,
			Claim:  "The kubelet's summary has a container's CPU and memory, which grow as it uses them.",
			Source: "https://kubernetes.io/docs/reference/instrumentation/node-metrics/",
			Trials: []check.Trial{
				{Name: "running", Control: true, Pod: measuredPod(), Container: measured, Want: check.Running{}},
				{
					Name: "uses a second of CPU and 64 MiB", Pod: measuredPod(), Container: measured,
					Procedure: check.Procedure{Name: check.ProcedureStatsGrow, Args: map[string]string{"memory": fmt.Sprint(64 * mebibyte)}},
					Want:      check.Values{"cpu": "grew", "memory": "grew"},
				},
			},
		},
	}
}
