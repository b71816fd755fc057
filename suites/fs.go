package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

// The volumes of the area: what they are called and where they are.
const (
	scratch     = "scratch"
	scratchPath = "/scratch"
)

// emptyDir is a volume that begins empty.
func emptyDir(name string, source corev1.EmptyDirVolumeSource) corev1.Volume { //nolint:unparam // the name belongs to the volume
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &source}}
}

// hostPath is a volume that is a directory of the node.
func hostPath(name, path string, kind corev1.HostPathType) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path, Type: &kind}}}
}

// mounting is a container that mounts volumes.
func mounting(mounts ...corev1.VolumeMount) check.Container {
	return check.Container{VolumeMounts: mounts}
}

func fsRoot() []check.Check {
	pod := check.Pod{Volumes: []corev1.Volume{emptyDir(scratch, corev1.EmptyDirVolumeSource{})}}
	readOnly := func(yes bool) check.Container {
		c := container(corev1.SecurityContext{ReadOnlyRootFilesystem: &yes})
		c.VolumeMounts = []corev1.VolumeMount{{Name: scratch, MountPath: scratchPath}}
		return c
	}
	write := probe.Do(probe.OpWriteFile, probe.WritableDirectory)
	files := probe.Do(probe.OpReadOnly, "/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/dev/termination-log")
	extra := probe.Do(probe.OpExtraFiles)
	imageVolumes := func(readOnly bool) check.Container {
		c := container(corev1.SecurityContext{ReadOnlyRootFilesystem: &readOnly})
		c.Extra.Image = probe.VariantVolume.Image()
		return c
	}
	writeVolume := probe.Do(probe.OpWriteFile, probe.VolumeDirectory)
	return []check.Check{
		{
			ID:     "fs/read-only-root",
			Level:  check.Must,
			Claim:  "With readOnlyRootFilesystem nothing on the root file system can be written, and an emptyDir still can.",
			Source: containerSecurity,
			Trials: []check.Trial{
				{Name: "true", Pod: pod, Container: readOnly(true), Action: write, Want: check.Denied{Errnos: []string{"EROFS"}}},
				{Name: "false", Control: true, Pod: pod, Container: readOnly(false), Action: write, Want: check.Allowed{}},
				{Name: "true, emptyDir", Pod: pod, Container: readOnly(true), Action: probe.Do(probe.OpWriteFile, scratchPath), Want: check.Allowed{}},
			},
		},
		{
			ID:     "fs/read-only-root-etc-files",
			Level:  check.Info,
			Claim:  "Records whether the files that the kubelet and the runtime mount can be written under a read-only root file system.",
			Source: containerSecurity,
			Trials: []check.Trial{
				{Name: "true", Pod: pod, Container: readOnly(true), Action: files},
				{Name: "false", Control: true, Pod: pod, Container: readOnly(false), Action: files, Want: check.Values{"/dev/termination-log": "rw"}},
			},
			Record: []check.Record{
				{Trial: "true", What: check.RecordValues, As: "readOnlyRootFilesystem true"},
				{Trial: "false", What: check.RecordValues, As: "readOnlyRootFilesystem false"},
			},
		},
		{
			ID:     "fs/image-volume-dir",
			Level:  check.Info,
			Claim:  "Records whether the VOLUME of an image can be written under a read-only root file system, and what it lies on.",
			Source: "https://github.com/opencontainers/image-spec/blob/main/config.md#properties",
			Trials: []check.Trial{
				{Name: "true", Container: imageVolumes(true), Action: writeVolume},
				{Name: "true, mount", Container: imageVolumes(true), Action: probe.Do(probe.OpFileSystem, probe.VolumeDirectory)},
				{Name: "false", Control: true, Container: imageVolumes(false), Action: writeVolume, Want: check.Allowed{}},
			},
			Record: []check.Record{
				{Trial: "true", What: check.RecordOutcome, As: "write"},
				{Trial: "true, mount", What: check.RecordValues, As: "mount"},
			},
		},
		{
			ID:     "fs/extra-files",
			Level:  check.Info,
			Claim:  "Records the files in a container that neither the image nor the pod asked for.",
			Source: runtimeInterface,
			Trials: []check.Trial{
				{Name: "default", Container: unset(), Action: extra},
				{Name: "privileged", Pod: privilegedPod(), Container: nodeContainer(), Action: probe.Do(probe.OpFiles, "/run/.containerenv", "/run/secrets")},
			},
			Record: []check.Record{
				{Trial: "default", What: check.RecordValues, As: "default"},
				{Trial: "privileged", What: check.RecordValues, As: "privileged"},
			},
		},
	}
}

// maskedByDefault are the paths that the kubelet has runtimes hide.
// Source: https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/securitycontext/util.go
func maskedByDefault() []string {
	return []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware",
	}
}

// readOnlyByDefault are the paths that the kubelet has runtimes guard, with a file that can be written
// where the path is a directory of such.
// Source: https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/securitycontext/util.go
func readOnlyByDefault() []string {
	return []string{
		"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sys/kernel/hostname", "/proc/sysrq-trigger",
	}
}

// every wants each path to be one of several things.
func every(paths []string, wanted ...string) check.OneOf {
	want := check.OneOf{}
	for _, path := range paths {
		want[path] = wanted
	}
	return want
}

func fsMasks() []check.Check {
	const manual = "https://kubernetes.io/docs/concepts/security/linux-kernel-security-constraints/"
	masks := probe.Do(probe.OpMasks, maskedByDefault()...)
	writable := probe.Do(probe.OpReadOnly, readOnlyByDefault()...)
	all := probe.Do(probe.OpMasks)
	// The node's own: nothing hides them there, and a kernel that lacks one lacks it for all.
	privileged := nodeContainer()

	unmasked := func(kind corev1.ProcMountType) check.Container {
		return container(corev1.SecurityContext{ProcMount: &kind})
	}
	userNamespace := mappedPod("first")
	return []check.Check{
		{
			ID:     "fs/masked-paths",
			Level:  check.Must,
			Claim:  "The paths of /proc and /sys that tell about the node cannot be read in a container that is not privileged.",
			Source: manual,
			Trials: []check.Trial{
				{Name: "not privileged", Container: unset(), Action: masks, Want: every(maskedByDefault(), "masked", "absent")},
				{
					Name: "privileged", Control: true, Pod: privilegedPod(), Container: privileged, Action: masks,
					Want: check.OneOf{"/proc/interrupts": {"readable"}, "/proc/timer_list": {"readable", "EPERM", "absent"}},
				},
				{Name: "the whole list", Container: unset(), Action: all, Want: check.Allowed{}},
			},
			Record: []check.Record{
				{Trial: "not privileged", What: check.RecordValues, As: "default list"},
				{Trial: "the whole list", What: check.RecordValues, As: "all mounts"},
			},
		},
		{
			ID:     "fs/read-only-paths",
			Level:  check.Must,
			Claim:  "The paths of /proc that steer the node cannot be written in a container that is not privileged.",
			Source: manual,
			Trials: []check.Trial{
				{Name: "not privileged", Container: unset(), Action: writable, Want: every(readOnlyByDefault(), "ro", "absent")},
				{
					Name: "privileged", Control: true, Pod: privilegedPod(), Container: privileged, Action: writable,
					Want: check.Values{"/proc/sys": "rw", "/proc/sys/kernel/hostname": "rw", "/proc/irq": "rw"},
				},
			},
			Record: []check.Record{{Trial: "not privileged", What: check.RecordValues}},
		},
		{
			ID:     "fs/proc-mount-unmasked",
			Level:  check.Must,
			Claim:  "With procMount Unmasked /proc is neither hidden nor read-only in a pod of its own user namespace, and it is rejected in others.",
			Source: "https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#proc-access",
			Trials: []check.Trial{
				{
					Name: "Unmasked, masks", Pod: userNamespace, Container: unmasked(corev1.UnmaskedProcMount), Action: masks,
					Want: every(maskedInProc(), "readable", "empty", "absent", "EPERM", "EACCES"),
				},
				{
					Name: "Default, masks", Control: true, Pod: userNamespace, Container: unmasked(corev1.DefaultProcMount), Action: masks,
					Want: every(maskedInProc(), "masked", "absent"),
				},
				{
					Name: "Unmasked, read-only", Pod: userNamespace, Container: unmasked(corev1.UnmaskedProcMount), Action: writable,
					Want: check.Values{"/proc/sys": "rw", "/proc/irq": "rw", "/proc/bus": "rw"},
				},
				{
					Name: "Default, read-only", Control: true, Pod: userNamespace, Container: unmasked(corev1.DefaultProcMount), Action: writable,
					Want: check.Values{"/proc/sys": "ro", "/proc/irq": "ro", "/proc/bus": "ro"},
				},
				{
					Name: "Unmasked, hostUsers true", Pod: check.Pod{Alone: "Unmasked", HostUsers: new(true), Node: 1}, Container: unmasked(corev1.UnmaskedProcMount), Action: masks,
					Want: check.Rejected{Messages: []string{"hostUsers", "Unmasked"}},
				},
				{
					Name: "Unmasked, hostUsers false", Control: true, Pod: userNamespace, Container: unmasked(corev1.UnmaskedProcMount), Action: masks,
					Want: check.Started{},
				},
			},
			Unsupported: []check.Unsupported{
				{Message: "user namespaces is not supported", Reason: "the runtime says that it has no user namespaces"},
				{Message: "does not support user namespaces", Reason: "the runtime says that it has no user namespaces"},
			},
		},
	}
}

// maskedInProc are the masks that procMount is about.
func maskedInProc() []string { return maskedByDefault()[:len(maskedByDefault())-1] }
