package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

func priv() []check.Check {
	mount := probe.Do(probe.OpMount, probe.WritableDirectory)
	link := probe.Do(probe.OpLinkAdd)
	eperm := check.Denied{Errnos: []string{"EPERM"}}

	privileged := nothingConfined()
	privileged.Privileged = new(true)
	privilegedWith := func(profile *corev1.SeccompProfile) check.Container {
		return container(corev1.SecurityContext{Privileged: new(true), SeccompProfile: profile})
	}

	mounts := probe.Do(probe.OpMounts)
	writeSys := probe.Do(probe.OpOpenWrite, "/sys/bus/platform/uevent")

	return []check.Check{
		{
			ID:     "priv/capabilities",
			Level:  check.Must,
			Claim:  "A privileged root process holds every capability that its node has to give.",
			Source: runtimeInterface + "#L1024",
			Trials: []check.Trial{
				{Name: "privileged", Pod: privilegedPod(), Container: container(privileged), Want: check.Sets{Of: heldSets(), Node: true}},
				{Name: "not privileged, drop ALL", Control: true, Container: only(), Want: check.Sets{Of: heldSets()}},
			},
		},
		{
			ID:     "priv/no-masks",
			Level:  check.Must,
			Claim:  "A privileged container has no masked and no read-only paths in /proc and /sys, one that is not has.",
			Source: "https://kubernetes.io/docs/concepts/security/linux-kernel-security-constraints/#privileged-containers",
			Trials: []check.Trial{
				{Name: "privileged", Pod: privilegedPod(), Container: container(privileged), Action: mounts, Want: check.Masks{}},
				{
					// Of the default lists, what every kernel has.
					Name: "not privileged", Container: container(nothingConfined()), Action: mounts,
					Want: check.Masks{Masked: []string{"/sys/firmware"}, ReadOnly: []string{"/proc/sys", "/proc/bus"}},
				},
			},
		},
		{
			ID:     "priv/sys-writable",
			Level:  check.Must,
			Claim:  "A privileged container has /sys read-write, one that is not has it read-only.",
			Source: runtimeInterface + "#L1024",
			Trials: []check.Trial{
				{
					Name: "not privileged, open for writing", Container: container(nothingConfined()), Action: writeSys,
					Want: check.Denied{Errnos: []string{"EROFS"}},
				},
				{Name: "privileged, open for writing", Control: true, Claimed: true, Pod: privilegedPod(), Container: container(privileged), Action: writeSys, Want: check.Allowed{}},
				{
					Name: "not privileged, mount", Container: container(nothingConfined()), Action: mounts,
					Want: check.MountOption{Point: "/sys", Option: "ro"},
				},
				{
					Name: "privileged, mount", Pod: privilegedPod(), Container: container(privileged), Action: mounts,
					Want: check.MountOption{Point: "/sys", Option: "rw"},
				},
			},
		},
		{
			ID:     "priv/can-mount",
			Level:  check.Must,
			Claim:  "A privileged container mounts and makes network links, one that is not does neither.",
			Source: runtimeInterface + "#L1024",
			Trials: []check.Trial{
				{Name: "not privileged, mount", Container: container(nothingConfined()), Action: mount, Want: eperm},
				{Name: "privileged, mount", Control: true, Pod: privilegedPod(), Container: container(privileged), Action: mount, Want: check.Allowed{}},
				{Name: "not privileged, link", Container: container(nothingConfined()), Action: link, Want: eperm},
				{Name: "privileged, link", Control: true, Pod: privilegedPod(), Container: container(privileged), Action: link, Want: check.Allowed{}},
			},
			Unsupported: []check.Unsupported{{
				Trial: "privileged, link", Errno: "EOPNOTSUPP", Reason: "the kernel makes neither dummy links nor bridges",
			}},
		},
		{
			ID:     "priv/seccomp-off",
			Level:  check.Must,
			Claim:  "A privileged container runs without a seccomp filter, whatever profile it names.",
			Source: seccompReference,
			Trials: []check.Trial{
				{Name: "privileged, RuntimeDefault", Pod: privilegedPod(), Container: privilegedWith(runtimeDefault()), Want: filtered(false)},
				{Name: "not privileged, RuntimeDefault", Control: true, Container: withProfile(runtimeDefault()), Want: filtered(true)},
				{Name: "privileged, Localhost", Pod: privilegedPod(), Container: privilegedWith(denyChmod()), Want: filtered(false)},
				{Name: "not privileged, Localhost", Control: true, Pod: sideBySide(), Container: container(chmodDenied()), Want: filtered(true)},
			},
		},
		{
			ID:     "priv/inheritable-ambient",
			Level:  check.Info,
			Claim:  "Records the inheritable and the ambient set of a privileged container.",
			Source: runtimeInterface + "#L1003",
			Trials: []check.Trial{
				{Name: "privileged", Pod: privilegedPod(), Container: container(privileged)},
				{
					Name: "not privileged", Control: true, Container: container(nothingConfined()),
					Want: check.Sets{Of: []string{"CapInh", "CapAmb"}},
				},
			},
			Record: []check.Record{
				{Trial: "privileged", What: check.RecordFact("CapInh"), As: "CapInh"},
				{Trial: "privileged", What: check.RecordFact("CapAmb"), As: "CapAmb"},
			},
		},
	}
}
