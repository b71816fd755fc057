package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

// The files of /dev that every container has, and those that it may have: a console where it has a
// terminal, the message of its end from the kubelet.
// Source: https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config-linux.md#default-devices
func defaultDevices() check.Keys {
	return check.Keys{
		Required: []string{
			"fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero",
		},
		Optional: []string{"console", "core", "termination-log"},
	}
}

func privDevices() []check.Check {
	const nodeDevices, loopMajor = "/node-dev", "7"
	list := probe.Do(probe.OpDevices, "/dev")
	missing := probe.Do(probe.OpMissingDevices, nodeDevices)
	open := probe.Do(probe.OpOpenDevice, probe.WritableDirectory, loopMajor, "0")

	privileged := nothingConfined()
	privileged.Privileged = new(true)
	withNode := container(privileged)
	withNode.VolumeMounts = []corev1.VolumeMount{{Name: "dev", MountPath: nodeDevices, ReadOnly: true}}
	pod := nodeFilesPod(hostPath("dev", "/dev", corev1.HostPathDirectory))

	mknod := nothingConfined()
	mknod.Capabilities = capabilities([]corev1.Capability{"MKNOD"}, nil)
	privilegedMknod := mknod
	privilegedMknod.Privileged = new(true)

	return []check.Check{
		{
			ID:     "priv/host-devices",
			Level:  check.Must,
			Claim:  "A privileged container has the devices of its node in /dev, one that is not has the default ones.",
			Source: runtimeInterface + "#L1024",
			Trials: []check.Trial{
				{Name: "privileged", Pod: pod, Container: withNode, Action: missing, Want: check.Values{"missing": probe.NoValue}},
				{Name: "not privileged", Container: container(nothingConfined()), Action: list, Want: defaultDevices()},
			},
		},
		{
			ID:     "priv/default-devices",
			Level:  check.Must,
			Claim:  "A container that is not privileged has exactly the default devices in /dev.",
			Source: "https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config-linux.md#default-devices",
			Trials: []check.Trial{
				{Name: "no securityContext", Container: unset(), Action: list, Want: defaultDevices()},
				{Name: "uid 1000", Container: container(unprivilegedUser()), Action: list, Want: defaultDevices()},
			},
			Record: []check.Record{{Trial: "no securityContext", What: check.RecordValues}},
		},
		{
			ID:     "priv/device-cgroup",
			Level:  check.Must,
			Claim:  "A container that is not privileged opens no block device of the node, even where MKNOD lets it make one.",
			Source: "https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config-linux.md#allowed-device-list",
			Trials: []check.Trial{
				{Name: "not privileged", Container: container(mknod), Action: open, Want: check.Denied{Errnos: []string{"EPERM"}}},
				{Name: "privileged", Control: true, Pod: privilegedPod(), Container: container(privilegedMknod), Action: open, Want: check.Allowed{}},
			},
		},
	}
}
