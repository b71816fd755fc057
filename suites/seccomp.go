package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/fixtures/seccomp"
	"assay/framework/check"
	"assay/framework/probe"
)

// localhost is a profile of the suite.
func localhost(name string) *corev1.SeccompProfile {
	return &corev1.SeccompProfile{
		Type:             corev1.SeccompProfileTypeLocalhost,
		LocalhostProfile: new(seccomp.Localhost(name)),
	}
}

// denyChmod is the profile of the suite that denies chmod.
func denyChmod() *corev1.SeccompProfile { return localhost(seccomp.DenyChmod) }

// confinedBy is nothingConfined but for a profile of the suite, and with capabilities added.
func confinedBy(name string, add ...corev1.Capability) corev1.SecurityContext {
	confined := nothingConfined()
	confined.SeccompProfile = localhost(name)
	if len(add) > 0 {
		confined.Capabilities = capabilities(add, nil)
	}
	return confined
}

// chmodDenied is nothingConfined but for denyChmod.
func chmodDenied() corev1.SecurityContext { return confinedBy(seccomp.DenyChmod) }

// nothingConfinedWith is nothingConfined with capabilities added.
func nothingConfinedWith(add ...corev1.Capability) corev1.SecurityContext {
	context := nothingConfined()
	context.Capabilities = capabilities(add, nil)
	return context
}

// holding is the container with a process that stays.
func holding(c check.Container) check.Container {
	c.Hold = true
	return c
}

func withProfile(profile *corev1.SeccompProfile) check.Container {
	return container(corev1.SecurityContext{SeccompProfile: profile})
}

// filtered wants a seccomp filter, or none, in the words of /proc/self/status.
// Source: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
func filtered(yes bool) check.Want {
	if yes {
		return check.Fact{Name: "Seccomp", Value: "2"}
	}
	return check.Fact{Name: "Seccomp", Value: "0"}
}

// oneFilter wants exactly one filter.
func oneFilter() check.Want {
	return check.All{filtered(true), check.Fact{Name: "Seccomp_filters", Value: "1"}}
}

// seccompProfiles are the checks of which profile a container has.
func seccompProfiles() []check.Check {
	defaultPod := check.Pod{SecurityContext: &corev1.PodSecurityContext{SeccompProfile: runtimeDefault()}}
	chmod := probe.Do(probe.OpChmod, probe.WritableDirectory)
	return []check.Check{
		{
			ID:     "seccomp/unconfined",
			Level:  check.Must,
			Claim:  "Unconfined means no seccomp filter, for the pod or for a container that overrides its pod.",
			Source: seccompReference,
			Trials: []check.Trial{
				{Name: "container Unconfined", Container: container(nothingConfined()), Want: filtered(false)},
				{Name: "pod Unconfined", Pod: pingForNobody(), Container: addNetRaw(), Want: filtered(false)},
				{Name: "pod RuntimeDefault, container Unconfined", Pod: defaultPod, Container: withProfile(unconfined()), Want: filtered(false)},
				{Name: "pod RuntimeDefault", Control: true, Pod: defaultPod, Container: unset(), Want: filtered(true)},
			},
		},
		{
			ID:     "seccomp/runtime-default",
			Level:  check.Must,
			Claim:  "RuntimeDefault means exactly one seccomp filter, whether the pod or the container asks for it.",
			Source: seccompReference,
			Trials: []check.Trial{
				{Name: "pod RuntimeDefault", Pod: defaultPod, Container: unset(), Want: oneFilter()},
				{Name: "container RuntimeDefault", Container: withProfile(runtimeDefault()), Want: oneFilter()},
				{Name: "pod RuntimeDefault, container Unconfined", Control: true, Pod: defaultPod, Container: withProfile(unconfined()), Want: filtered(false)},
			},
		},
		{
			ID:     "seccomp/unset",
			Level:  check.Info,
			Claim:  "Records what a container gets that names no profile: no filter, unless the kubelet has seccompDefault.",
			Source: "https://kubernetes.io/docs/tutorials/security/seccomp/#enable-the-use-of-runtimedefault-as-the-default-seccomp-profile-for-all-workloads",
			Trials: []check.Trial{
				{Name: "unset", Container: unset()},
				{Name: "Unconfined", Control: true, Container: container(nothingConfined()), Want: filtered(false)},
			},
			Record: []check.Record{
				{Trial: "unset", What: check.RecordFact("Seccomp"), As: "Seccomp"},
				{Trial: "unset", What: check.RecordFact("Seccomp_filters"), As: "Seccomp_filters"},
			},
		},
		{
			ID:     "seccomp/localhost",
			Level:  check.Must,
			Claim:  "A Localhost profile that denies chmod with EPERM does so.",
			Source: seccompReference,
			Trials: []check.Trial{
				{Name: "Localhost", Pod: sideBySide(), Container: container(chmodDenied()), Action: chmod, Want: check.Denied{Errnos: []string{"EPERM"}}},
				{Name: "Unconfined", Control: true, Pod: sideBySide(), Container: container(nothingConfined()), Action: chmod, Want: check.Allowed{}},
			},
		},
	}
}
