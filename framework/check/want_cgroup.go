package check

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"assay/framework/probe"
)

// OOMKilled wants the container's process to have been killed for want of memory.
// Source: https://kubernetes.io/docs/tasks/configure-pod-container/assign-memory-resource/#exceed-a-container-s-memory-limit
type OOMKilled struct{}

// Met implements Want.
func (OOMKilled) Met(o Observation) bool {
	const killed = 137
	return o.State.Started && o.State.Terminated && o.State.Reason == "OOMKilled" && o.State.ExitCode == killed
}

// Seen implements Want.
func (OOMKilled) Seen(o Observation) string { return seenReason(o) }

func (OOMKilled) String() string { return "OOMKilled, exit 137" }

func seenReason(o Observation) string {
	if o.State.Terminated && o.State.Reason != "" {
		return seenState(o) + ", " + o.State.Reason
	}
	return seenState(o)
}

// Running wants the container to run, still.
type Running struct{}

// Met implements Want.
func (Running) Met(o Observation) bool { return o.State.Started && !o.State.Terminated }

// Seen implements Want.
func (Running) Seen(o Observation) string { return seenReason(o) }

func (Running) String() string { return "running" }

// CPUShare wants the cgroup to have the weight of a CPU request, as it was read by OpCgroup.
type CPUShare struct {
	// Milli is the request in thousandths of a CPU; 0 is none.
	Milli int
}

// shares is the cpu.shares of version 1 that the kubelet asks for.
// Source: https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/kubelet/cm/helpers_linux.go
func (c CPUShare) shares() int { return max(2, c.Milli*1024/1000) }

// weights are the cpu.weight of version 2 that OCI runtimes make of the shares: by the formula of old, and
// by the one of runc 1.3.2 and crun 1.23, under which the default is the default again.
// Source: https://github.com/opencontainers/cgroups/blob/v0.0.6/utils.go
func (c CPUShare) weights() []string {
	shares := float64(c.shares())
	old := 1 + ((c.shares()-2)*9999)/262142
	logarithm := math.Log2(shares)
	exponent := (logarithm*logarithm+125*logarithm)/612 - 7.0/34
	weights := []string{strconv.Itoa(old), strconv.Itoa(int(math.Ceil(math.Pow(10, exponent))))}
	if c.shares() == 2 {
		weights[1] = "1"
	}
	return weights
}

// Met implements Want.
func (c CPUShare) Met(o Observation) bool {
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return false
	}
	if shares, version1 := o.Result.Values["cpu.shares"]; version1 {
		return shares == strconv.Itoa(c.shares())
	}
	weight := o.Result.Values["cpu.weight"]
	weights := c.weights()
	return weight == weights[0] || weight == weights[1]
}

// Seen implements Want.
func (CPUShare) Seen(o Observation) string { return seenResult(o) }

func (c CPUShare) String() string {
	return fmt.Sprintf("cpu.shares %d or cpu.weight %s", c.shares(), strings.Join(c.weights(), " or "))
}

// OOMScoreAdj wants the text that was read (Values["content"]) to be an oom_score_adj of this range.
type OOMScoreAdj struct{ From, To int }

// allowance is what the range becomes on a node that may not lower the value below its own: a negative
// one is not to be had there, and becomes the node's.
// Source: https://man7.org/linux/man-pages/man5/proc_pid_oom_score_adj.5.html
func (a OOMScoreAdj) allowance(o Observation) (from, to int, restricted bool) {
	if a.From < 0 && o.NodeBounding != 0 && !o.NodeBounding.Has("SYS_RESOURCE") {
		return a.From, max(a.To, 0), true
	}
	return a.From, a.To, false
}

// Met implements Want.
func (a OOMScoreAdj) Met(o Observation) bool {
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return false
	}
	value, err := strconv.Atoi(strings.TrimSpace(o.Result.Values["content"]))
	from, to, _ := a.allowance(o)
	return err == nil && from <= value && value <= to
}

// Seen implements Want.
func (a OOMScoreAdj) Seen(o Observation) string {
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return seenResult(o)
	}
	text := "oom_score_adj " + strings.TrimSpace(o.Result.Values["content"])
	if _, to, restricted := a.allowance(o); restricted {
		text += fmt.Sprintf(" (the node lacks SYS_RESOURCE and cannot lower it; up to %d is accepted)", to)
	}
	return text
}

func (a OOMScoreAdj) String() string {
	if a.From == a.To {
		return fmt.Sprintf("oom_score_adj %d", a.From)
	}
	return fmt.Sprintf("oom_score_adj %d to %d", a.From, a.To)
}
