package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

func fsMounts() []check.Check {
	mounts := probe.Do(probe.OpMounts)
	shm := probe.Do(probe.OpFileSystem, "/dev/shm")
	id := probe.Do(probe.OpFileID, "/dev/shm")
	// The same pod's containers, and another pod beside it.
	sharing, other := firstPod(), secondPod()
	return []check.Check{
		{
			ID:     "fs/mounts",
			Level:  check.Info,
			Claim:  "Records every mount of a container with its options.",
			Source: "https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html",
			Trials: []check.Trial{
				{Name: "default", Container: unset(), Action: mounts},
				{Name: "privileged", Pod: privilegedPod(), Container: nodeContainer(), Action: mounts},
			},
			Record: []check.Record{
				{Trial: "default", What: check.RecordValues, As: "default"},
				{Trial: "privileged", What: check.RecordValues, As: "privileged"},
			},
		},
		{
			ID:     "fs/dev-shm",
			Level:  check.Must,
			Claim:  "The containers of a pod share a /dev/shm of 64 MiB, which other pods do not have.",
			Source: "https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#default-filesystems",
			Trials: []check.Trial{
				{Name: "one container", Pod: sharing, Container: holdingApart("first"), Action: id, Want: check.Allowed{}},
				{Name: "its sibling", Pod: sharing, Container: holdingApart("second"), Action: id, Want: check.Allowed{}},
				{Name: "another pod", Pod: other, Container: holding(unset()), Action: id, Want: check.Allowed{}},
				{Name: "size", Pod: sharing, Container: holdingApart("first"), Action: shm, Want: check.Values{"size": "67108864", "type": "tmpfs"}},
			},
			Relations: []check.Relation{
				{Left: "one container", Right: "its sibling", Value: "id", Equal: true},
				{Left: "one container", Right: "another pod", Value: "id"},
			},
			Record: []check.Record{{Trial: "size", What: check.RecordValues}},
		},
		propagation(),
		recursiveReadOnly(),
		symlink(),
	}
}

// propagation has a privileged container mount something on a directory of the node, and looks from its
// siblings, which were started before, by exec after.
func propagation() check.Check {
	const (
		volume = "node-directory"
		path   = "/node-directory"
	)
	look := probe.Do(probe.OpMounted, path)
	pod := check.Pod{
		Alone:   "mount propagation",
		Volumes: []corev1.Volume{hostPath(volume, "/run/assay-propagation", corev1.HostPathDirectoryOrCreate)},
		// The one that mounted unmounts when it is told to end.
		Extra: corev1.PodSpec{TerminationGracePeriodSeconds: new(int64(5))},
	}
	with := func(mode corev1.MountPropagationMode, privileged bool) check.Container {
		c := mounting(corev1.VolumeMount{Name: volume, MountPath: path, MountPropagation: &mode})
		c.SecurityContext = &corev1.SecurityContext{Privileged: &privileged, AppArmorProfile: noAppArmor()}
		c.Hold = true
		return c
	}
	rejected := pod
	rejected.Alone = "Bidirectional without privileged"
	mount := probe.Do(probe.OpMountKeep, path)
	return check.Check{
		ID:     "fs/mount-propagation",
		Level:  check.Must,
		Claim:  "A mount that is made later reaches a container with HostToContainer and not one with None, and leaves one with Bidirectional, which has to be privileged.",
		Source: "https://kubernetes.io/docs/concepts/storage/volumes/#mount-propagation",
		Trials: []check.Trial{
			{
				Name: "None", Pod: pod, Container: with(corev1.MountPropagationNone, false), Exec: true, Action: look,
				Want: check.Values{"mounted": "false"},
			},
			{
				Name: "HostToContainer", Pod: pod, Container: with(corev1.MountPropagationHostToContainer, false), Exec: true, Action: look,
				Want: check.Values{"mounted": "true"},
			},
			{
				Name: "Bidirectional", Control: true, Pod: pod, Container: with(corev1.MountPropagationBidirectional, true),
				Action: mount, Want: check.Allowed{},
			},
			{
				Name: "Bidirectional, not privileged", Pod: rejected, Container: with(corev1.MountPropagationBidirectional, false),
				Action: mount, Want: check.Rejected{Messages: []string{"Bidirectional", "privileged"}},
			},
		},
	}
}

// recursiveReadOnly mounts the node's /dev, below which /dev/shm is a mount of its own.
func recursiveReadOnly() check.Check {
	const volume, path = "node-dev", "/node-dev"
	pod := nodeFilesPod(hostPath(volume, "/dev", corev1.HostPathDirectory))
	rejected := pod
	rejected.Alone = "recursive read-only, but writable"
	with := func(readOnly bool, mode corev1.RecursiveReadOnlyMode) check.Container {
		return mounting(corev1.VolumeMount{Name: volume, MountPath: path, ReadOnly: readOnly, RecursiveReadOnly: &mode})
	}
	both := func(below string) check.Want { return check.Values{path: "ro", path + "/shm": below} }
	look := probe.Do(probe.OpReadOnly, path, path+"/shm")
	return check.Check{
		ID:     "fs/recursive-read-only",
		Level:  check.Must,
		Claim:  "With recursiveReadOnly a mount below a read-only volume is read-only, too, and a writable volume with it is rejected.",
		Source: "https://kubernetes.io/docs/concepts/storage/volumes/#read-only-mounts",
		Trials: []check.Trial{
			{Name: "Enabled", Pod: pod, Container: with(true, corev1.RecursiveReadOnlyEnabled), Action: look, Want: both("ro")},
			{Name: "Disabled", Control: true, Pod: pod, Container: with(true, corev1.RecursiveReadOnlyDisabled), Action: look, Want: both("rw")},
			{Name: "IfPossible", Pod: pod, Container: with(true, corev1.RecursiveReadOnlyIfPossible), Action: look, Want: both("ro")},
			{
				Name: "Enabled, readOnly false", Pod: rejected, Container: with(false, corev1.RecursiveReadOnlyEnabled), Action: look,
				Want: check.Rejected{Messages: []string{"recursiveReadOnly"}},
			},
		},
		Unsupported: []check.Unsupported{{
			Trial: "Enabled", Message: "not supported by the runtime", Reason: "the runtime says that it has no recursive read-only mounts",
		}},
	}
}

// symlink mounts /var/run of the node, which is a link to /run on every distribution that follows the
// Filesystem Hierarchy Standard 3.0, and the directory it leads to.
func symlink() check.Check {
	const viaLink, direct = "via-link", "direct"
	pod := nodeFilesPod(
		hostPath(viaLink, "/var/run", corev1.HostPathUnset),
		hostPath(direct, "/run", corev1.HostPathDirectory),
	)
	c := mounting(
		corev1.VolumeMount{Name: viaLink, MountPath: "/" + viaLink, ReadOnly: true},
		corev1.VolumeMount{Name: direct, MountPath: "/" + direct, ReadOnly: true},
	)
	id := func(path string) probe.Action { return probe.Do(probe.OpFileID, path) }
	return check.Check{
		ID:     "fs/host-path-symlink",
		Level:  check.Must,
		Claim:  "A hostPath that is a symbolic link leads to the directory that the link leads to on the node.",
		Source: "https://kubernetes.io/docs/concepts/storage/volumes/#hostpath",
		Trials: []check.Trial{
			{Name: "link", Pod: pod, Container: c, Action: id("/" + viaLink), Want: check.Allowed{}},
			{Name: "directory", Pod: pod, Container: c, Action: id("/" + direct), Want: check.Allowed{}},
			{Name: "the container's own root", Pod: pod, Container: c, Action: id("/"), Want: check.Allowed{}},
		},
		Relations: []check.Relation{
			{Left: "link", Right: "directory", Value: "id", Equal: true},
			{Left: "directory", Right: "the container's own root", Value: "id", Control: true},
		},
	}
}
