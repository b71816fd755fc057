package suites

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"assay/fixtures/apparmor"
	"assay/framework/check"
	"assay/framework/probe"
)

// withAppArmor is a container with an AppArmor profile.
func withAppArmor(kind corev1.AppArmorProfileType, name string) check.Container {
	profile := &corev1.AppArmorProfile{Type: kind}
	if name != "" {
		profile.LocalhostProfile = &name
	}
	return container(corev1.SecurityContext{AppArmorProfile: profile})
}

// withoutAppArmor is how a node shows that its kernel has no AppArmor: the file of the labels is not
// there, or cannot be read, and the kubelet does not admit pods that name a profile.
// Source: https://kubernetes.io/docs/tutorials/security/apparmor/#before-you-begin
func withoutAppArmor() []check.Unsupported {
	const reason = "the node's kernel has no AppArmor"
	return []check.Unsupported{
		{Errno: "ENOENT", Reason: reason + ": /proc/self/attr/apparmor is not there"},
		{Errno: "EINVAL", Reason: reason + " enabled: /proc/self/attr/apparmor/current cannot be read"},
		{Message: "AppArmor is not enabled on the host", Reason: reason + ": the kubelet does not admit the pod"},
	}
}

func lsm() []check.Check {
	const (
		tutorial = "https://kubernetes.io/docs/tutorials/security/apparmor/"
		level    = "s0:c123,c456"
	)
	read := probe.Do(probe.OpLSM, "apparmor")
	write := probe.Do(probe.OpWriteFile, probe.WritableDirectory)
	localhost := check.Pod{Alone: "AppArmor Localhost"}
	denyWrite := withAppArmor(corev1.AppArmorProfileTypeLocalhost, apparmor.DenyWrite)
	selinux := probe.Do(probe.OpLSM, "selinux")
	levelled := container(corev1.SecurityContext{SELinuxOptions: &corev1.SELinuxOptions{Level: level}})
	return []check.Check{
		{
			ID:     "lsm/apparmor-profile",
			Level:  check.Info,
			Claim:  "Records the name and the mode of the AppArmor profile of a container that names none.",
			Source: tutorial,
			Trials: []check.Trial{
				{Name: "default", Container: unset(), Action: read},
				{
					Name: "RuntimeDefault", Pod: check.Pod{Alone: "AppArmor RuntimeDefault"},
					Container: withAppArmor(corev1.AppArmorProfileTypeRuntimeDefault, ""), Action: read,
				},
			},
			Record: []check.Record{
				{Trial: "default", What: check.RecordValues, As: "default"},
				{Trial: "RuntimeDefault", What: check.RecordValues, As: "RuntimeDefault"},
			},
			Unsupported: withoutAppArmor(),
		},
		{
			ID:     "lsm/apparmor-localhost",
			Level:  check.Must,
			Claim:  "A container with a Localhost AppArmor profile is confined by that profile.",
			Source: tutorial,
			Trials: []check.Trial{
				{
					Name: "denies writing", Pod: localhost, Container: denyWrite, Action: write,
					Want: check.Denied{Errnos: []string{"EACCES"}},
				},
				{
					Name: "Unconfined", Control: true, Pod: localhost, Container: withAppArmor(corev1.AppArmorProfileTypeUnconfined, ""), Action: write,
					Want: check.Allowed{},
				},
				{Name: "label", Pod: localhost, Container: denyWrite, Action: read, Want: check.Values{"profile": apparmor.DenyWrite, "mode": "enforce"}},
			},
			Unsupported: slices.Concat(withoutAppArmor(), []check.Unsupported{
				{Message: "apparmor profile not found " + apparmor.DenyWrite, Reason: "the node has AppArmor, but not apparmor_parser to load the suite's profile"},
				{Message: apparmor.DenyWrite + "\" is not loaded", Reason: "the node has AppArmor, but not apparmor_parser to load the suite's profile"},
			}),
		},
		{
			ID:     "lsm/apparmor-unconfined",
			Level:  check.Must,
			Claim:  "A container with an Unconfined AppArmor profile is not confined, and one with RuntimeDefault is.",
			Source: tutorial,
			Trials: []check.Trial{
				{
					Name: "Unconfined", Container: withAppArmor(corev1.AppArmorProfileTypeUnconfined, ""), Action: read,
					Want: check.Values{"label": "unconfined"},
				},
				{
					Name: "RuntimeDefault", Control: true, Pod: check.Pod{Alone: "AppArmor RuntimeDefault"},
					Container: withAppArmor(corev1.AppArmorProfileTypeRuntimeDefault, ""), Action: read,
					Want: check.Values{"mode": "enforce"},
				},
			},
			Unsupported: withoutAppArmor(),
		},
		{
			ID:     "lsm/apparmor-unloaded",
			Level:  check.Must,
			Claim:  "A container with an AppArmor profile that the node has not loaded never starts, and its status says why.",
			Source: tutorial + "#securing-a-pod",
			Trials: []check.Trial{
				{
					Name: "not loaded", Pod: check.Pod{Alone: "AppArmor profile that is not loaded"},
					Container: withAppArmor(corev1.AppArmorProfileTypeLocalhost, "assay-not-loaded"), Action: read,
					Want: check.NotStarted{Messages: []string{"assay-not-loaded"}},
				},
				{
					Name: "Unconfined", Control: true, Container: withAppArmor(corev1.AppArmorProfileTypeUnconfined, ""), Action: read,
					Want: check.Values{"label": "unconfined"},
				},
			},
			Unsupported: withoutAppArmor(),
		},
		{
			ID:     "lsm/selinux-level",
			Level:  check.Must,
			Claim:  "The label of a process has the level of seLinuxOptions.",
			Source: "https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#assign-selinux-labels-to-a-container",
			Trials: []check.Trial{
				{Name: level, Container: levelled, Action: selinux, Want: check.LabelLevel(level)},
				{Name: "no level", Control: true, Container: unset(), Action: selinux, Want: check.Allowed{}},
			},
			Relations: []check.Relation{{Left: level, Right: "no level", Value: "label", Control: true}},
			Unsupported: []check.Unsupported{{
				Errno: "ENOENT", Reason: "the node's kernel runs without SELinux: /sys/fs/selinux is not there",
			}},
		},
	}
}
