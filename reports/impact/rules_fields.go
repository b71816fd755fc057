package impact

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// field is a field of the API with the checks that say whether a runtime honours it.
type field struct {
	id     string
	checks []string
	// broken is the grade where a check that passed fails: Breaks where the field itself is no longer
	// honoured, MayBreak where the check tries more than the workload may use. Where the feature is not
	// there any more the workload breaks.
	broken Grade
	// uses lists the paths where a workload uses it.
	uses func(w *Workload) []string
	// effect and fix are for the reader.
	effect, fix string
}

// inContainers makes a function that looks at every container; visit returns the part of the path behind
// the container, or "".
func inContainers(visit func(k container) string) func(*Workload) []string {
	return func(w *Workload) []string {
		var found []string
		for _, k := range w.containers() {
			if at := visit(k); at != "" {
				found = append(found, k.at+"."+at)
			}
		}
		return found
	}
}

// inPod makes a function that looks at the pod; visit returns the part of the path behind spec, or "".
func inPod(visit func(spec corev1.PodSpec) string) func(*Workload) []string {
	return func(w *Workload) []string {
		if at := visit(w.Spec); at != "" {
			return []string{w.path("%s", at)}
		}
		return nil
	}
}

// when is the text where a condition holds.
func when(condition bool, text string) string {
	if condition {
		return text
	}
	return ""
}

func volumeIs(field string, is func(corev1.Volume) bool) func(*Workload) []string {
	return func(w *Workload) []string {
		var found []string
		for i, volume := range w.Spec.Volumes {
			if is(volume) {
				found = append(found, w.path("volumes[%d].%s", i, field))
			}
		}
		return found
	}
}

func mountIs(field string, is func(corev1.VolumeMount) bool) func(*Workload) []string {
	return func(w *Workload) []string {
		var found []string
		for _, k := range w.containers() {
			for i, mount := range k.VolumeMounts {
				if is(mount) {
					found = append(found, fmt.Sprintf("%s.volumeMounts[%d].%s", k.at, i, field))
				}
			}
		}
		return found
	}
}

// safeSysctls are those that every kubelet allows.
// Source: https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/#safe-and-unsafe-sysctls
func safeSysctls() []string {
	return strings.Fields(`kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.tcp_syncookies net.ipv4.ping_group_range
		net.ipv4.ip_unprivileged_port_start net.ipv4.ip_local_reserved_ports net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout
		net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes net.ipv4.tcp_rmem net.ipv4.tcp_wmem`)
}

func sysctlIs(safe bool) func(*Workload) []string {
	return func(w *Workload) []string {
		var found []string
		for i, set := range w.podSecurity().Sysctls {
			if slices.Contains(safeSysctls(), strings.ReplaceAll(set.Name, "/", ".")) == safe {
				found = append(found, w.path("securityContext.sysctls[%d]", i))
			}
		}
		return found
	}
}

func fieldRules() []Rule {
	var rules []Rule
	for _, f := range slices.Concat(podFields(), containerFields(), volumeFields()) {
		rules = append(rules, Rule{ID: f.id, Checks: f.checks, find: f.find})
	}
	return rules
}

func (f field) find(c *Comparison, w *Workload) []Finding {
	paths := f.uses(w)
	var findings []Finding
	for _, check := range f.checks {
		change, differs := c.Change(check)
		if !differs || !change.Worse() {
			continue
		}
		grade := f.broken
		if change.After.Verdict == "unsupported" {
			grade = Breaks
		}
		what := f.effect
		if grade == MayBreak {
			what += " Check it on a node of the new kind."
		}
		for _, path := range paths {
			findings = append(findings, change.failing(grade, path, what, f.fix))
		}
	}
	return findings
}

func podFields() []field {
	hostUsers := func(s corev1.PodSpec) string { return when(s.HostUsers != nil && !*s.HostUsers, "hostUsers") }
	pod := func(s corev1.PodSpec) corev1.PodSecurityContext {
		if s.SecurityContext == nil {
			return corev1.PodSecurityContext{}
		}
		return *s.SecurityContext
	}
	return []field{
		{
			"host-users",
			[]string{"ns/host-users-false", "ns/host-users-false-capabilities"},
			Breaks, inPod(hostUsers),
			"asks for a user namespace (hostUsers: false), which the pod no longer gets as it should.", "use a runtime version with user namespaces, or remove the field and what rests on it",
		},
		{
			"host-network",
			[]string{"ns/host-network"},
			MayBreak, inPod(func(s corev1.PodSpec) string { return when(s.HostNetwork, "hostNetwork") }),
			"uses the node's network, which no longer works as it should.", "test it on a node of the new kind",
		},
		{
			"host-pid",
			[]string{"ns/host-pid"},
			MayBreak, inPod(func(s corev1.PodSpec) string { return when(s.HostPID, "hostPID") }),
			"uses the node's processes, which no longer works as it should.", "test it on a node of the new kind",
		},
		{
			"host-ipc",
			[]string{"ns/host-ipc"},
			MayBreak, inPod(func(s corev1.PodSpec) string { return when(s.HostIPC, "hostIPC") }),
			"uses the node's IPC namespace, which no longer works as it should.", "test it on a node of the new kind",
		},
		{
			"share-process-namespace",
			[]string{"ns/share-process-namespace"},
			MayBreak, inPod(func(s corev1.PodSpec) string { return when(isTrue(s.ShareProcessNamespace), "shareProcessNamespace") }),
			"shares its processes among its containers, which no longer works as it should.", "test it on a node of the new kind",
		},
		{
			"hostname",
			[]string{"ns/hostname"},
			MayBreak, inPod(func(s corev1.PodSpec) string { return when(s.Hostname != "", "hostname") }),
			"sets its host name, which is no longer what it should be.", "read the name from the downward API",
		},
		{"supplemental-groups-policy", []string{"user/supplemental-groups-strict"}, Breaks, inPod(func(s corev1.PodSpec) string {
			policy := pod(s).SupplementalGroupsPolicy
			return when(policy != nil && *policy == corev1.SupplementalGroupsPolicyStrict, "securityContext.supplementalGroupsPolicy")
		}), "excludes groups of the image (supplementalGroupsPolicy: Strict), which is no longer honoured.", "use a runtime version with the feature, or an image without such groups"},
		{
			"supplemental-groups",
			[]string{"user/supplemental-groups"},
			Breaks, inPod(func(s corev1.PodSpec) string {
				return when(len(pod(s).SupplementalGroups) > 0, "securityContext.supplementalGroups")
			}),
			"needs supplementary groups, which its processes no longer get.", "test access to the volumes",
		},
		{
			"fs-group",
			[]string{"user/fsgroup-emptydir", "user/fsgroup-shared"},
			MayBreak, inPod(func(s corev1.PodSpec) string { return when(pod(s).FSGroup != nil, "securityContext.fsGroup") }),
			"gives its volumes a group (fsGroup), which no longer works as it should.", "test writing to the volumes",
		},
		{"safe-sysctl", []string{"sysctl/safe"}, Breaks, sysctlIs(true), "sets a safe sysctl, which no longer takes effect.", "set it on the node"},
		{"unsafe-sysctl", []string{"sysctl/unsafe-allowed"}, MayBreak, sysctlIs(false), "sets an unsafe sysctl, which no longer takes effect where the kubelet allows it.", "allow it on the nodes (allowedUnsafeSysctls), or set it there"},
		{
			"selinux",
			[]string{"lsm/selinux-level"},
			MayBreak, inPod(func(s corev1.PodSpec) string {
				return when(pod(s).SELinuxOptions != nil, "securityContext.seLinuxOptions")
			}),
			"sets an SELinux label, which its processes no longer get.", "check the node's SELinux mode and the runtime's setting",
		},
		{"dns", []string{"fs/dns-and-hosts"}, MayBreak, inPod(func(s corev1.PodSpec) string {
			return when(len(s.HostAliases) > 0, "hostAliases") + when(len(s.HostAliases) == 0 && s.DNSConfig != nil, "dnsConfig")
		}), "sets host aliases or DNS, which its containers no longer see as they should.", "test name resolution in the pod"},
		{
			"overhead",
			[]string{"class/overhead"},
			MayBreak, inPod(func(s corev1.PodSpec) string {
				return when(len(s.Overhead) > 0 || s.RuntimeClassName != nil, "runtimeClassName")
			}),
			"may have the overhead of its RuntimeClass, which is no longer part of its cgroup.", "raise the containers' limits",
		},
		{
			"restart",
			[]string{"life/restart"},
			MayBreak, inPod(func(s corev1.PodSpec) string {
				return when(s.RestartPolicy == corev1.RestartPolicyOnFailure, "restartPolicy")
			}),
			"rests on being restarted when it fails, which no longer works as it should.", "test a failing container",
		},
	}
}

func containerFields() []field {
	stop := func(k container) string {
		if k.Lifecycle != nil && k.Lifecycle.StopSignal != nil {
			return "lifecycle.stopSignal"
		}
		return ""
	}
	hook := func(name string, has func(*corev1.Lifecycle) bool) func(container) string {
		return func(k container) string { return when(k.Lifecycle != nil && has(k.Lifecycle), "lifecycle."+name) }
	}
	probe := func(k container) string {
		for _, p := range []struct {
			name  string
			probe *corev1.Probe
		}{{"livenessProbe", k.LivenessProbe}, {"readinessProbe", k.ReadinessProbe}, {"startupProbe", k.StartupProbe}} {
			if p.probe != nil && p.probe.Exec != nil {
				return p.name + ".exec"
			}
		}
		return ""
	}
	dropsAll := func(k container) string {
		return when(k.drops("CHOWN"), "securityContext.capabilities.drop")
	}
	limit := func(name corev1.ResourceName) func(container) string {
		return func(k container) string {
			_, set := k.Resources.Limits[name]
			return when(set, "resources.limits."+string(name))
		}
	}
	return []field{
		{"stop-signal", []string{"life/stop-signal"}, MayBreak, inContainers(stop), "names its stop signal, which is no longer sent as it should be.", "send the signal in a preStop hook"},
		{"prestop", []string{"life/prestop"}, Breaks, inContainers(hook("preStop", func(l *corev1.Lifecycle) bool { return l.PreStop != nil })), "has a preStop hook, which no longer runs before the stop signal.", "shut down gracefully on SIGTERM"},
		{"poststart", []string{"life/poststart"}, Breaks, inContainers(hook("postStart", func(l *corev1.Lifecycle) bool { return l.PostStart != nil })), "has a postStart hook, which no longer runs as it should.", "do its work in the container's command"},
		{"exec-probe", []string{"life/exec-probe-timeout", "life/exec", "life/exec-many"}, MayBreak, inContainers(probe), "has an exec probe, and exec no longer works as it should.", "use an HTTP, TCP or gRPC probe"},
		{"drop-all", []string{"caps/drop-all", "caps/drop-all-add-one"}, Breaks, inContainers(dropsAll), "drops all capabilities, which no longer leaves what it should.", "test the capabilities of the process (/proc/self/status)"},
		{"no-escalation", []string{"escalate/false-sets-no-new-privs"}, Breaks, inContainers(func(k container) string { return when(!k.escalates(), "securityContext.allowPrivilegeEscalation") }), "excludes escalation, which is no longer honoured.", "remove setuid programs from the image"},
		{"read-only-root", []string{"fs/read-only-root"}, Breaks, inContainers(func(k container) string {
			return when(isTrue(k.security().ReadOnlyRootFilesystem), "securityContext.readOnlyRootFilesystem")
		}), "has a read-only root, which no longer is, or whose volumes no longer are writable.", "test writing in the container"},
		{"proc-mount", []string{"fs/proc-mount-unmasked"}, Breaks, inContainers(func(k container) string {
			mount := k.security().ProcMount
			return when(mount != nil && *mount == corev1.UnmaskedProcMount, "securityContext.procMount")
		}), "asks for an unmasked /proc, which it no longer gets.", "use a runtime version with the feature"},
		{"run-as-user", []string{"user/run-as-user"}, Breaks, inContainers(func(k container) string { return when(k.security().RunAsUser != nil, "securityContext.runAsUser") }), "names its user, which is no longer honoured.", "set USER in the image"},
		{"run-as-group", []string{"user/run-as-group"}, Breaks, inContainers(func(k container) string { return when(k.security().RunAsGroup != nil, "securityContext.runAsGroup") }), "names its group, which is no longer honoured.", "set USER with a group in the image"},
		{"run-as-non-root", []string{"user/non-root-accepts", "user/non-root-named-user"}, MayBreak, inContainers(func(k container) string {
			return when(isTrue(k.security().RunAsNonRoot), "securityContext.runAsNonRoot")
		}), "demands a user that is not root, which is judged otherwise now.", "name a numeric runAsUser"},
		{"privileged", []string{"priv/can-mount", "priv/capabilities", "priv/no-masks", "priv/host-devices", "priv/sys-writable", "priv/seccomp-off"}, MayBreak, inContainers(func(k container) string { return when(k.privileged(), "securityContext.privileged") }), "is privileged, which no longer gives all that it should.", "name the capabilities, devices and mounts that it needs"},
		{"runtime-default", []string{"seccomp/runtime-default", "seccomp/clone3-enosys"}, Breaks, inContainers(func(k container) string {
			_, is := k.filtered()
			return when(is, "securityContext.seccompProfile")
		}), "asks for RuntimeDefault, which it no longer gets as it should.", "use a Localhost profile"},
		{"localhost-profile", []string{"seccomp/localhost", "seccomp/localhost-sys-admin", "seccomp/localhost-errno", "seccomp/localhost-args"}, MayBreak, inContainers(func(k container) string {
			profile, _ := k.seccomp()
			return when(profile != nil && profile.Type == corev1.SeccompProfileTypeLocalhost, "securityContext.seccompProfile")
		}), "uses a Localhost profile, and such profiles no longer hold as they should.", "test the profile on a node of the new kind"},
		{"memory-limit", []string{"cgroup/memory-limit"}, MayBreak, inContainers(limit("memory")), "has a memory limit, which no longer holds as it should.", "test it on a node of the new kind"},
		{"cpu-limit", []string{"cgroup/cpu-limit"}, MayBreak, inContainers(limit("cpu")), "has a CPU limit, which no longer holds as it should.", "test it on a node of the new kind"},
		{"resize", []string{"cgroup/resize-in-place"}, MayBreak, inContainers(func(k container) string { return when(len(k.ResizePolicy) > 0, "resizePolicy") }), "may be resized in place, which no longer works as it should.", "let it be restarted (restartPolicy: RestartContainer)"},
		{"termination-message", []string{"life/termination-message"}, MayBreak, inContainers(func(k container) string {
			return when(k.TerminationMessagePolicy == corev1.TerminationMessageFallbackToLogsOnError, "terminationMessagePolicy")
		}), "leaves a termination message from its log, which is no longer as it should be.", "write the message to the file"},
		{"apparmor-profile-enforced", []string{"lsm/apparmor-localhost"}, Breaks, inContainers(func(k container) string {
			name, at := k.appArmor()
			return when(name != "" && strings.HasPrefix(at, k.at), "securityContext.appArmorProfile")
		}), "uses an AppArmor profile, which is no longer enforced.", "load the profile on the nodes"},
	}
}

func volumeFields() []field {
	return []field{
		{"recursive-read-only", []string{"fs/recursive-read-only"}, Breaks, mountIs("recursiveReadOnly", func(m corev1.VolumeMount) bool {
			return m.RecursiveReadOnly != nil && *m.RecursiveReadOnly != corev1.RecursiveReadOnlyDisabled
		}), "asks for a mount that is read-only throughout, which is no longer honoured.", "use a runtime version with the feature"},
		{"mount-propagation", []string{"fs/mount-propagation"}, MayBreak, mountIs("mountPropagation", func(m corev1.VolumeMount) bool {
			return m.MountPropagation != nil && *m.MountPropagation != corev1.MountPropagationNone
		}), "rests on mount propagation, which no longer works as it should.", "check the propagation of the node's root mount"},
		{
			"sub-path",
			[]string{"fs/sub-path"},
			MayBreak, mountIs("subPath", func(m corev1.VolumeMount) bool { return m.SubPath != "" || m.SubPathExpr != "" }),
			"mounts a part of a volume, which no longer works as it should.", "mount the whole volume",
		},
		{
			"image-volume",
			[]string{"fs/image-volume"},
			Breaks, volumeIs("image", func(v corev1.Volume) bool { return v.Image != nil }),
			"mounts an image as a volume, which is no longer there as it should be.", "use a runtime version with the feature, or copy the files in an init container",
		},
		{"empty-dir-memory", []string{"fs/empty-dir-memory"}, MayBreak, volumeIs("emptyDir", func(v corev1.Volume) bool {
			return v.EmptyDir != nil && v.EmptyDir.Medium == corev1.StorageMediumMemory
		}), "has a volume in memory, whose size is no longer limited as it should be.", "test filling it"},
		{"projected-files", []string{"fs/projected-files"}, MayBreak, volumeIs("name", func(v corev1.Volume) bool {
			return v.ConfigMap != nil || v.Secret != nil || v.Projected != nil || v.DownwardAPI != nil
		}), "mounts files from the API, whose content, mode or owner is no longer what it should be.", "test reading them"},
		{
			"host-path",
			[]string{"fs/host-path-symlink"},
			MayBreak, volumeIs("hostPath", func(v corev1.Volume) bool { return v.HostPath != nil }),
			"mounts a directory of the node; links there are followed otherwise.", "name the directory that the link leads to",
		},
	}
}
