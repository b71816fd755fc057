package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

func fs() []check.Check {
	const volume, mountPath = "scratch", "/scratch"
	pod := check.Pod{Volumes: []corev1.Volume{{
		Name:         volume,
		VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}},
	}}}
	readOnly := func(yes bool) check.Container {
		c := container(corev1.SecurityContext{ReadOnlyRootFilesystem: &yes})
		c.VolumeMounts = []corev1.VolumeMount{{Name: volume, MountPath: mountPath}}
		return c
	}
	write := probe.Do(probe.OpWriteFile, probe.WritableDirectory)
	return []check.Check{
		{
			ID:     "fs/read-only-root",
			Level:  check.Must,
			Claim:  "With readOnlyRootFilesystem nothing on the root file system can be written, and an emptyDir still can.",
			Source: containerSecurity,
			Trials: []check.Trial{
				{Name: "true", Pod: pod, Container: readOnly(true), Action: write, Want: check.Denied{Errnos: []string{"EROFS"}}},
				{Name: "false", Control: true, Pod: pod, Container: readOnly(false), Action: write, Want: check.Allowed{}},
				{Name: "true, emptyDir", Pod: pod, Container: readOnly(true), Action: probe.Do(probe.OpWriteFile, mountPath), Want: check.Allowed{}},
			},
		},
	}
}
