package suites

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"assay/framework/check"
)

const podSecurityStandards = "https://kubernetes.io/docs/concepts/security/pod-security-standards/"

// The levels that are enforced in namespaces.
const (
	baseline   = "baseline"
	restricted = "restricted"
)

// admission is a pod with one container, as Pod Security Admission sees it.
type admission struct {
	pod     check.Pod
	context corev1.SecurityContext
	extra   corev1.Container
}

func (a admission) trial(name string) check.Trial {
	return check.Trial{Name: name, Pod: a.pod, Container: check.Container{SecurityContext: &a.context, Extra: a.extra}}
}

// violation is one field in which a pod differs from one that a level admits, and the admission's words
// for it.
type violation struct {
	name, words string
	change      func(*admission)
}

// compliant is a pod that a level admits.
func compliant(level string) admission {
	a := admission{pod: check.Pod{EnforceLevel: level}}
	if level == restricted {
		a.context = corev1.SecurityContext{
			RunAsUser: new(uid), RunAsNonRoot: new(true), AllowPrivilegeEscalation: new(false),
			Capabilities: capabilities(nil, []corev1.Capability{"ALL"}), SeccompProfile: runtimeDefault(),
		}
	}
	return a
}

// admissions are the trials of a level: the pod that it admits, and each violation alone.
func admissions(level string, violations []violation) []check.Trial {
	control := compliant(level).trial("compliant")
	control.Control, control.Want = true, check.Admitted{}
	trials := []check.Trial{control}
	for _, v := range violations {
		a := compliant(level)
		v.change(&a)
		a.pod.Alone = level + " " + v.name
		trial := a.trial(v.name)
		trial.Want = check.Rejected{Messages: []string{"violates PodSecurity", level, v.words}}
		trials = append(trials, trial)
	}
	return trials
}

// forbiddenToAll are fields that both levels forbid. What a level forbids of Windows is left out.
func forbiddenToAll() []violation {
	const namespaces = "host namespaces"
	get := func() *corev1.HTTPGetAction {
		return &corev1.HTTPGetAction{Host: "localhost", Port: intstr.FromInt(80)}
	}
	return []violation{
		{"hostNetwork true", namespaces, func(a *admission) { a.pod.HostNetwork = true }},
		{"hostPID true", namespaces, func(a *admission) { a.pod.HostPID = true }},
		{"hostIPC true", namespaces, func(a *admission) { a.pod.HostIPC = true }},
		{"hostPort", "hostPort", func(a *admission) {
			a.extra.Ports = []corev1.ContainerPort{{ContainerPort: 8080, HostPort: 8080}}
		}},
		{"hostPath volume", "hostPath", func(a *admission) { a.pod.Volumes = []corev1.Volume{hostPath("tmp", "/tmp", corev1.HostPathDirectory)} }},
		{"host of a probe", "probe or lifecycle host", func(a *admission) {
			a.extra.LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: get()}}
		}},
		{"host of a lifecycle hook", "probe or lifecycle host", func(a *admission) {
			a.extra.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{HTTPGet: get()}}
		}},
		{"add SYS_ADMIN", "capabilities", func(a *admission) {
			dropped := []corev1.Capability(nil)
			if a.context.Capabilities != nil {
				dropped = a.context.Capabilities.Drop
			}
			a.context.Capabilities = capabilities([]corev1.Capability{"SYS_ADMIN"}, dropped)
		}},
		{"seccompProfile Unconfined", "seccompProfile", func(a *admission) { a.context.SeccompProfile = unconfined() }},
		{"appArmorProfile Unconfined", "AppArmor", func(a *admission) { a.context.AppArmorProfile = noAppArmor() }},
		{"seLinuxOptions type", "seLinuxOptions", func(a *admission) {
			a.context.SELinuxOptions = &corev1.SELinuxOptions{Type: "spc_t"}
		}},
		{"seLinuxOptions user", "seLinuxOptions", func(a *admission) {
			a.context.SELinuxOptions = &corev1.SELinuxOptions{User: "system_u"}
		}},
		{"an unsafe sysctl", "forbidden sysctls", func(a *admission) {
			a.pod.SecurityContext = &corev1.PodSecurityContext{Sysctls: []corev1.Sysctl{{Name: "kernel.msgmax", Value: "65536"}}}
		}},
	}
}

// psa are the checks of Pod Security Admission.
func psa() []check.Check {
	ofBaseline := append(forbiddenToAll(),
		// The level restricted wants escalation off, with which the API server takes no privileged container.
		violation{"privileged true", "privileged", func(a *admission) { a.context.Privileged = new(true) }},
		violation{"pod's seccompProfile Unconfined", "seccompProfile", func(a *admission) {
			a.pod.SecurityContext = &corev1.PodSecurityContext{SeccompProfile: unconfined()}
		}},
	)
	const escalation, nonRoot, capability = "allowPrivilegeEscalation != false", "runAsNonRoot != true", "unrestricted capabilities"
	ofRestricted := append(forbiddenToAll(),
		violation{"nfs volume", "restricted volume types", func(a *admission) {
			a.pod.Volumes = []corev1.Volume{{Name: "nfs", VolumeSource: corev1.VolumeSource{
				NFS: &corev1.NFSVolumeSource{Server: "localhost", Path: "/"},
			}}}
		}},
		violation{"allowPrivilegeEscalation unset", escalation, func(a *admission) { a.context.AllowPrivilegeEscalation = nil }},
		violation{"allowPrivilegeEscalation true", escalation, func(a *admission) { a.context.AllowPrivilegeEscalation = new(true) }},
		violation{"runAsNonRoot unset", nonRoot, func(a *admission) { a.context.RunAsNonRoot = nil }},
		violation{"runAsNonRoot false", nonRoot, func(a *admission) { a.context.RunAsNonRoot = new(false) }},
		violation{"runAsUser 0", "runAsUser=0", func(a *admission) { a.context.RunAsUser = new(int64(0)) }},
		violation{"seccompProfile unset", "seccompProfile", func(a *admission) { a.context.SeccompProfile = nil }},
		violation{"capabilities not dropped", capability, func(a *admission) { a.context.Capabilities = nil }},
		violation{"add CHOWN", capability, func(a *admission) {
			a.context.Capabilities = capabilities([]corev1.Capability{"CHOWN"}, a.context.Capabilities.Drop)
		}},
	)
	mayBind := compliant(restricted)
	mayBind.context.Capabilities = capabilities([]corev1.Capability{"NET_BIND_SERVICE"}, mayBind.context.Capabilities.Drop)
	admitted := mayBind.trial("add NET_BIND_SERVICE")
	admitted.Want = check.Admitted{}

	runs := check.All{
		uids(uid), check.Fact{Name: "NoNewPrivs", Value: "1"}, check.Sets{Of: []string{"CapPrm", "CapEff"}}, filtered(true),
	}
	// The runtime owes both the same: neither is a control of the other.
	enforced, free := compliant(restricted), compliant(restricted)
	free.pod.EnforceLevel = ""
	running, alike := enforced.trial("enforced"), free.trial("not enforced")
	running.Want, alike.Want = runs, runs

	return []check.Check{
		{
			ID:     "psa/baseline",
			Level:  check.Must,
			Claim:  "The level baseline rejects each of the fields that it forbids, and admits a pod with none of them.",
			Source: podSecurityStandards + "#baseline",
			Trials: admissions(baseline, ofBaseline),
		},
		{
			ID:     "psa/restricted",
			Level:  check.Must,
			Claim:  "The level restricted rejects each of the fields that it forbids, and admits a pod with none of them.",
			Source: podSecurityStandards + "#restricted",
			Trials: append(append(admissions(restricted, ofRestricted), admitted), procMounts()...),
		},
		{
			ID:     "psa/restricted-pod-runs",
			Level:  check.Must,
			Claim:  "A pod that satisfies the level restricted runs, without root, capabilities and escalation, under a filter.",
			Source: podSecurityStandards + "#restricted",
			Trials: []check.Trial{running, alike},
		},
	}
}

// procMounts are the trials of procMount: the API server takes Unmasked with hostUsers false only.
func procMounts() []check.Trial {
	masked, unmasked := compliant(restricted), compliant(restricted)
	masked.pod.HostUsers, unmasked.pod.HostUsers = new(false), new(false)
	unmasked.pod.Alone = "restricted procMount"
	unmasked.context.ProcMount = new(corev1.UnmaskedProcMount)
	control, denied := masked.trial("hostUsers false"), unmasked.trial("hostUsers false, procMount Unmasked")
	control.Control, control.Want = true, check.Admitted{}
	denied.Want = check.Rejected{Messages: []string{"violates PodSecurity", restricted, "procMount"}}
	return []check.Trial{denied, control}
}
