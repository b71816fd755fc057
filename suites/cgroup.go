package suites

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"assay/framework/check"
	"assay/framework/probe"
)

// The sizes of memory, in bytes.
const mebibyte = 1 << 20

// resources makes a container's limits and requests. A quantity of 0 is left out.
func resources(kind corev1.ResourceName, request, limit resource.Quantity) corev1.ResourceRequirements {
	var made corev1.ResourceRequirements
	if !request.IsZero() {
		made.Requests = corev1.ResourceList{kind: request}
	}
	if !limit.IsZero() {
		made.Limits = corev1.ResourceList{kind: limit}
	}
	return made
}

func withResources(made corev1.ResourceRequirements) check.Container {
	return check.Container{Resources: made}
}

func memoryLimit(bytes int64) check.Container {
	return withResources(resources(corev1.ResourceMemory, resource.Quantity{}, *resource.NewQuantity(bytes, resource.BinarySI)))
}

func cpu(milliRequest, milliLimit int64) check.Container {
	return withResources(resources(corev1.ResourceCPU,
		*resource.NewMilliQuantity(milliRequest, resource.DecimalSI), *resource.NewMilliQuantity(milliLimit, resource.DecimalSI)))
}

// nodeCgroups is a pod that sees the cgroups of its node at nodeCgroupPath: a container does not see
// those above its own.
func nodeCgroups() (check.Pod, check.Container) {
	const volume = "cgroups"
	pod := nodeFilesPod(hostPath(volume, "/sys/fs/cgroup", corev1.HostPathDirectory))
	return pod, check.Container{VolumeMounts: []corev1.VolumeMount{{Name: volume, MountPath: nodeCgroupPath, ReadOnly: true}}}
}

const nodeCgroupPath = "/node-cgroup"

func cgroupMemory() []check.Check {
	const limit = 64 * mebibyte
	read := probe.Do(probe.OpCgroup, "memory.limit")

	// One container exceeds its limit beside a sibling that has no part in it.
	pod := check.Pod{Alone: "exceeds its memory limit"}
	allocate := func(of int64) check.Container {
		c := memoryLimit(of)
		c.Command = []string{probe.ProgramPath, probe.CommandAllocate, fmt.Sprint(2 * limit)}
		return c
	}
	sibling := check.Container{Hold: true}

	floor := func(bytes int64) check.Container {
		c := memoryLimit(bytes)
		c.Command = []string{"/bin/true"}
		return c
	}
	var floors []check.Trial
	var recorded []check.Record
	for _, bytes := range []int64{256 << 10, 1 * mebibyte, 11 * mebibyte, 12 * mebibyte, 32 * mebibyte} {
		name := resource.NewQuantity(bytes, resource.BinarySI).String()
		floors = append(floors, check.Trial{
			Name: name, Pod: check.Pod{Alone: "memory floor"}, Container: floor(bytes), Want: check.Settled{},
		})
		recorded = append(recorded, check.Record{Trial: name, What: check.RecordStarted, As: name})
	}

	return []check.Check{
		{
			ID:     "cgroup/memory-limit",
			Level:  check.Must,
			Claim:  "A container's memory limit is in its cgroup, and the container that exceeds it is OOMKilled while its sibling lives.",
			Source: "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#how-pods-with-resource-limits-are-run",
			Trials: []check.Trial{
				{Name: "64Mi", Container: memoryLimit(limit), Action: read, Want: check.Values{"memory.limit": fmt.Sprint(limit)}},
				{Name: "no limit", Control: true, Container: unset(), Action: read, Want: check.Values{"memory.limit": "max"}},
				{Name: "128Mi of 64Mi", Pod: pod, Container: allocate(limit), Want: check.OOMKilled{}},
				{Name: "128Mi of 512Mi", Control: true, Pod: pod, Container: allocate(8 * limit), Want: check.Exited{}},
				{Name: "sibling", Pod: pod, Container: sibling, Want: check.Running{}},
				{
					Name: "sibling, exec", Pod: pod, Container: sibling, Exec: true,
					Action: probe.Do(probe.OpReadFile, "/proc/self/oom_score_adj"), Want: check.Allowed{},
				},
			},
		},
		{
			ID:     "cgroup/memory-floor",
			Level:  check.Info,
			Claim:  "Records with which small memory limits a container starts.",
			Source: "https://github.com/cri-o/cri-o/blob/v1.36.1/docs/crio.conf.5.md#crioruntimeruntimes-table",
			Trials: floors,
			Record: recorded,
		},
	}
}

func cgroupCPU() []check.Check {
	quota := probe.Do(probe.OpCgroup, "cpu.quota", "cpu.period")
	share := probe.Do(probe.OpCgroup, "cpu.shares", "cpu.weight")
	const source = "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#how-pods-with-resource-limits-are-run"
	return []check.Check{
		{
			ID:     "cgroup/cpu-limit",
			Level:  check.Must,
			Claim:  "A container's CPU limit is the quota of its cgroup.",
			Source: source,
			Trials: []check.Trial{
				{Name: "250m", Container: cpu(0, 250), Action: quota, Want: check.Values{"cpu.quota": "25000", "cpu.period": "100000"}},
				{Name: "1500m", Container: cpu(100, 1500), Action: quota, Want: check.Values{"cpu.quota": "150000", "cpu.period": "100000"}},
				{Name: "no limit", Control: true, Container: unset(), Action: quota, Want: check.Values{"cpu.quota": "max"}},
			},
		},
		{
			ID:     "cgroup/cpu-request",
			Level:  check.Must,
			Claim:  "A container's CPU request is the weight of its cgroup.",
			Source: source,
			Trials: []check.Trial{
				{Name: "100m", Container: cpu(100, 1500), Action: share, Want: check.CPUShare{Milli: 100}},
				{Name: "250m by its limit", Container: cpu(0, 250), Action: share, Want: check.CPUShare{Milli: 250}},
				{Name: "no request", Control: true, Container: unset(), Action: share, Want: check.CPUShare{}},
			},
		},
	}
}

func cgroupProcesses() []check.Check {
	pod, view := nodeCgroups()
	// It takes all the processes that its pod may have.
	greedy := pod
	greedy.Alone = "exceeds its pids limit"

	score := probe.Do(probe.OpReadFile, "/proc/self/oom_score_adj")
	guaranteed := withResources(corev1.ResourceRequirements{Limits: corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi"),
	}})
	// The quality of service is the pod's: a sibling without limits would make it burstable.
	guaranteedPod := check.Pod{Alone: "Guaranteed"}
	return []check.Check{
		{
			ID:     "cgroup/pids-limit",
			Level:  check.Info,
			Claim:  "Records the pids limit of the container and of its pod, and what a process more meets with.",
			Source: "https://kubernetes.io/docs/concepts/policy/pid-limiting/",
			Trials: []check.Trial{
				{Name: "limits", Pod: pod, Container: view, Action: probe.Do(probe.OpNodeCgroup, nodeCgroupPath, "container.pids.limit", "pod.pids.limit")},
				{
					Name: "one more", Pod: greedy, Container: view, Action: probe.Do(probe.OpProcessLimit, nodeCgroupPath),
					Want: check.OneOf{"reached": {"EAGAIN", "no limit"}},
				},
			},
			Record: []check.Record{
				{Trial: "limits", What: check.RecordValues, As: "limits"},
				{Trial: "one more", What: check.RecordValues, As: "one more"},
			},
		},
		{
			ID:     "cgroup/oom-score-adj",
			Level:  check.Must,
			Claim:  "The oom_score_adj of a process follows its pod's quality of service.",
			Source: "https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#node-out-of-memory-behavior",
			Trials: []check.Trial{
				{Name: "BestEffort", Container: unset(), Action: score, Want: check.OOMScoreAdj{From: 1000, To: 1000}},
				{Name: "Burstable", Container: memoryLimit(64 * mebibyte), Action: score, Want: check.OOMScoreAdj{From: 2, To: 999}},
				{Name: "Guaranteed", Pod: guaranteedPod, Container: guaranteed, Action: score, Want: check.OOMScoreAdj{From: -997, To: -997}},
			},
		},
		{
			ID:     "cgroup/rlimits",
			Level:  check.Info,
			Claim:  "Records the resource limits of a process.",
			Source: "https://man7.org/linux/man-pages/man2/getrlimit.2.html",
			Trials: []check.Trial{
				{Name: "default", Container: unset(), Action: probe.Do(probe.OpRlimits)},
				{Name: "uid 1000", Container: container(unprivilegedUser()), Action: probe.Do(probe.OpRlimits)},
			},
			Record: []check.Record{
				{Trial: "default", What: check.RecordValues, As: "default"},
				{Trial: "uid 1000", What: check.RecordValues, As: "uid 1000"},
			},
		},
	}
}

func cgroupLayout() []check.Check {
	pod, view := nodeCgroups()
	where := probe.Do(probe.OpNodeCgroup, nodeCgroupPath, "version", "driver", "path")
	pages := probe.Do(probe.OpCgroup, "hugetlb.*")
	return []check.Check{
		{
			ID:     "cgroup/driver",
			Level:  check.Info,
			Claim:  "Records the version of cgroups, who lays them out, and where the container's is.",
			Source: "https://kubernetes.io/docs/setup/production-environment/container-runtimes/#cgroup-drivers",
			Trials: []check.Trial{
				{Name: "BestEffort", Pod: pod, Container: view, Action: where},
				{Name: "own view", Control: true, Container: unset(), Action: probe.Do(probe.OpCgroup, "version"), Want: check.Allowed{}},
			},
			Record: []check.Record{{Trial: "BestEffort", What: check.RecordValues}},
		},
		{
			ID:     "cgroup/hugepages",
			Level:  check.Info,
			Claim:  "Records the limits of huge pages of a container that asks for none.",
			Source: "https://kubernetes.io/docs/tasks/manage-hugepages/scheduling-hugepages/",
			Trials: []check.Trial{
				{Name: "default", Container: unset(), Action: pages},
				{Name: "with a memory limit", Container: memoryLimit(64 * mebibyte), Action: pages},
			},
			Record: []check.Record{
				{Trial: "default", What: check.RecordValues, As: "default"},
				{Trial: "with a memory limit", What: check.RecordValues, As: "with a memory limit"},
			},
			Unsupported: []check.Unsupported{{
				Errno: "ENOENT", Reason: "the container's cgroup has no hugetlb controller: the node's kernel or its cgroup setup lacks it",
			}},
		},
	}
}
