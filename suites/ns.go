package suites

import (
	"assay/framework/check"
	"assay/framework/probe"
)

func ns() []check.Check {
	list := probe.Do(probe.OpProcesses)
	return []check.Check{
		{
			ID:     "ns/host-pid",
			Level:  check.Must,
			Claim:  "A container sees the processes of its node with hostPID, and without it only its own, of which it is the first.",
			Source: "https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec",
			Trials: []check.Trial{
				{
					Name: "hostPID false", Container: unset(), Action: list,
					Want: check.All{check.Values{"foreign": "false"}, check.Fact{Name: "pid", Value: "1"}},
				},
				{
					Name: "hostPID true", Control: true, Pod: check.Pod{HostPID: true}, Container: unset(), Action: list,
					Want: check.Values{"foreign": "true"},
				},
			},
		},
	}
}
