package selftest

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"assay/fixtures/saboteur/spoil"
)

func capabilityFaults() []Fault {
	return []Fault{
		{
			Name: "capability-kept", Means: "Every container has all capabilities of its node, those that it drops among them.",
			About: []string{
				"caps/add-net-admin", "caps/add-sys-time", "caps/drop-net-raw", "caps/drop-chown", "caps/drop-mknod",
				"caps/add-all-drop-one", "caps/file-capability", "ping/without-net-raw",
				"ping/crash-loop", "priv/can-mount",
			},
			Touches: []string{"caps/*", "ping/*", "priv/*", "seccomp/*"},
		},
		{
			Name: "drop-all-keeps-one", Means: "A container that drops ALL keeps KILL.",
			About: []string{"caps/drop-all", "caps/init-container"}, Touches: []string{"caps/*"},
		},
		{
			Name: "sys-admin-kept", Means: "A container that drops SYS_ADMIN is given it, and the filter that belongs to it.",
			About: []string{"seccomp/mount"}, Touches: []string{"caps/*", "priv/*", "seccomp/*"},
			Lose: eachContainer(func(c *corev1.Container) {
				if c.SecurityContext == nil || c.SecurityContext.Capabilities == nil {
					return
				}
				wishes := c.SecurityContext.Capabilities
				if at := slices.Index(wishes.Drop, "SYS_ADMIN"); at >= 0 {
					wishes.Drop = slices.Delete(slices.Clone(wishes.Drop), at, at+1)
					wishes.Add = append(slices.Clone(wishes.Add), "SYS_ADMIN")
				}
			}),
		},
		{
			Name: "capability-lost", Means: "NET_BIND_SERVICE and SYS_ADMIN are not given to those that add them.",
			About:   []string{"caps/drop-all-add-one", "caps/add-all", "priv/capabilities"},
			Touches: []string{"caps/*", "priv/*", "seccomp/*"},
		},
		{
			Name: "inheritable-filled", Means: "The inheritable set is filled.",
			About: []string{"caps/inheritable-empty"}, Touches: []string{"caps/*"},
		},
		{
			Name: "bounding-full", Means: "The bounding set holds all capabilities of the node.",
			About: []string{"caps/file-capability"}, Touches: []string{"caps/*"},
		},
		{
			Name: "exec-privileges", Means: "A process started with exec has more capabilities than its container.",
			About: []string{"caps/exec-same-sets"}, Touches: []string{"caps/*"},
		},
		{
			Name: "unknown-capability-lost", Means: "The name of a capability that is not known is ignored.",
			About: []string{"caps/unknown-name"}, Touches: []string{"caps/*"},
			Lose: eachContainer(func(c *corev1.Container) {
				if c.SecurityContext == nil || c.SecurityContext.Capabilities == nil {
					return
				}
				known := append(spoil.Capabilities(^uint64(0)), "CAP_ALL")
				unknown := func(name corev1.Capability) bool { return !slices.Contains(known, "CAP_"+string(name)) }
				added := c.SecurityContext.Capabilities
				added.Add = slices.DeleteFunc(slices.Clone(added.Add), unknown)
				added.Drop = slices.DeleteFunc(slices.Clone(added.Drop), unknown)
			}),
		},
		{
			Name: "no-new-privs-lost", Means: "allowPrivilegeEscalation false is ignored.",
			About: []string{
				"escalate/false-sets-no-new-privs", "caps/setuid-binary", "caps/file-capability-no-new-privs", "psa/restricted-pod-runs",
			},
			Touches: []string{"escalate/*", "caps/*"},
		},
		{
			Name: "no-new-privs-set", Means: "No container may escalate its privileges.",
			About: []string{"escalate/true-allows-setuid"}, Touches: []string{"escalate/*", "caps/*", "ping/*"},
		},
		{
			Name: "escalation-field-lost", Means: "allowPrivilegeEscalation is ignored where it contradicts another field.",
			About: []string{"escalate/sys-admin-or-privileged-conflict"}, Touches: []string{"escalate/*"},
			Lose: eachContainer(func(c *corev1.Container) {
				if c.SecurityContext != nil && c.SecurityContext.AllowPrivilegeEscalation != nil && contradicts(*c.SecurityContext) {
					c.SecurityContext.AllowPrivilegeEscalation = nil
				}
			}),
		},
		{
			Name: "sys-writable", Means: "/sys is writable in every container.",
			About: []string{"priv/sys-writable"}, Touches: []string{"priv/*"},
		},
		{
			Name: "device-added", Means: "Every container has a device that nobody asked for.",
			About: []string{"priv/default-devices", "priv/host-devices"}, Touches: []string{"priv/*"},
		},
		{
			Name: "device-cgroup-open", Means: "The device cgroup lets every device through.",
			About: []string{"priv/device-cgroup"}, Touches: []string{"priv/*"},
		},
	}
}

func contradicts(context corev1.SecurityContext) bool {
	return context.Privileged != nil && *context.Privileged ||
		context.Capabilities != nil && slices.Contains(context.Capabilities.Add, "CAP_SYS_ADMIN")
}

func seccompFaults() []Fault {
	touched := []string{"seccomp/*", "priv/seccomp-off", "caps/add-sys-time"}
	return []Fault{
		{
			Name: "seccomp-removed", Means: "No container has a seccomp filter.",
			About: []string{
				"seccomp/runtime-default", "seccomp/localhost", "seccomp/localhost-sys-admin", "seccomp/localhost-errno",
				"seccomp/localhost-args", "seccomp/localhost-kill", "seccomp/localhost-deny-all", "seccomp/localhost-log",
				"seccomp/exec-inherits", "seccomp/two-containers", "seccomp/unshare-user",
				"psa/restricted-pod-runs",
			},
			Touches: touched,
		},
		{
			Name: "seccomp-default-allow", Means: "What no rule of a filter is about is allowed.",
			About: []string{"seccomp/unshare-user", "seccomp/localhost-deny-all"}, Touches: touched,
		},
		{
			Name: "seccomp-rules-allow", Means: "Every rule of a filter allows.",
			About:   []string{"seccomp/localhost", "seccomp/localhost-sys-admin", "seccomp/localhost-errno"},
			Touches: touched,
		},
		{
			Name: "seccomp-errno-changed", Means: "Filters refuse with EPROTO, whatever their profile says.",
			About: []string{"seccomp/localhost-errno", "seccomp/localhost", "seccomp/clone3-enosys"}, Touches: touched,
		},
		{
			Name: "seccomp-args-dropped", Means: "The conditions on arguments are left out of the rules.",
			About: []string{"seccomp/localhost-args", "seccomp/unshare-user"}, Touches: touched,
		},
		{
			Name: "seccomp-kill-softened", Means: "A rule that kills refuses instead.",
			About: []string{"seccomp/localhost-kill"}, Touches: touched,
		},
		{
			Name: "seccomp-log-silenced", Means: "A rule that logs allows in silence.",
			About: []string{"seccomp/localhost-log"}, Touches: touched,
		},
		{
			Name: "seccomp-added", Means: "A container without a profile, or with Unconfined, has a filter.",
			About: []string{"seccomp/unconfined", "priv/seccomp-off"}, Touches: append(touched, "priv/*"),
		},
		{
			Name: "seccomp-of-sibling", Means: "All containers of a pod that have a filter have that of the first one.",
			About:   []string{"seccomp/two-containers"},
			Touches: touched,
		},
		{
			Name: "localhost-profile-lost", Means: "A Localhost profile is ignored.",
			About:   []string{"seccomp/localhost-missing-file", "seccomp/localhost-malformed", "seccomp/localhost-deny-all"},
			Touches: touched,
			Lose: func(pod *corev1.Pod) {
				unconfined := &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}
				localhost := func(profile *corev1.SeccompProfile) bool {
					return profile != nil && profile.Type == corev1.SeccompProfileTypeLocalhost
				}
				if context := pod.Spec.SecurityContext; context != nil && localhost(context.SeccompProfile) {
					context.SeccompProfile = unconfined
				}
				eachContainer(func(c *corev1.Container) {
					if c.SecurityContext != nil && localhost(c.SecurityContext.SeccompProfile) {
						c.SecurityContext.SeccompProfile = unconfined
					}
				})(pod)
			},
		},
		{
			Name: "apparmor-off", Means: "No container has an AppArmor profile.",
			About: []string{"lsm/apparmor-localhost"}, Touches: []string{"lsm/*"},
		},
	}
}

func identityFaults() []Fault {
	touched := []string{"user/*"}
	return []Fault{
		{
			Name: "uid-zero", Means: "Every process has uid 0.",
			About: []string{
				"user/run-as-user", "user/image-user", "user/non-root-accepts", "psa/restricted-pod-runs",
			},
			Touches: append(touched, "caps/*", "ping/*", "fs/*", "escalate/*"),
		},
		{
			Name: "uid-truncated", Means: "A uid is cut to 16 bits.",
			About: []string{"user/run-as-user-unknown"}, Touches: touched,
		},
		{
			Name: "gid-changed", Means: "Every process has gid 27.",
			About: []string{"user/run-as-group"}, Touches: touched,
		},
		{
			Name: "groups-lost", Means: "No process has supplementary groups.",
			About:   []string{"user/supplemental-groups"},
			Touches: touched,
		},
		{
			Name: "image-groups-lost", Means: "The groups of the image are not added although the policy is Merge.",
			About: []string{"user/supplemental-groups-image"}, Touches: touched,
		},
		{
			Name: "groups-merged", Means: "The groups of the image are added although the policy is Strict.",
			About: []string{"user/supplemental-groups-strict"}, Touches: touched,
		},
		{
			Name: "groups-policy-lost", Means: "supplementalGroupsPolicy is accepted and ignored.",
			About: []string{"user/supplemental-groups-strict"}, Touches: touched,
			Lose: func(pod *corev1.Pod) {
				if pod.Spec.SecurityContext != nil {
					pod.Spec.SecurityContext.SupplementalGroupsPolicy = nil
				}
			},
		},
		{
			Name: "fsgroup-lost", Means: "fsGroup is ignored.",
			About: []string{"user/fsgroup-emptydir", "user/supplemental-groups"}, Touches: touched,
			Lose: func(pod *corev1.Pod) {
				if pod.Spec.SecurityContext != nil {
					pod.Spec.SecurityContext.FSGroup = nil
				}
			},
		},
		{
			Name: "fsgroup-added", Means: "The volumes of every pod belong to a group that all containers are in.",
			About: []string{"user/fsgroup-shared"}, Touches: touched,
			Lose: func(pod *corev1.Pod) {
				const everybody int64 = 7777
				if pod.Spec.SecurityContext == nil {
					pod.Spec.SecurityContext = &corev1.PodSecurityContext{}
				}
				if pod.Spec.SecurityContext.FSGroup == nil {
					pod.Spec.SecurityContext.FSGroup = new(everybody)
				}
			},
		},
		{
			Name: "exec-identity", Means: "A process started with exec has uid 0, gid 0 and no groups.",
			About: []string{"user/exec-same-identity"}, Touches: append(touched, "caps/exec-same-sets"),
		},
		{
			Name: "run-as-non-root-lost", Means: "runAsNonRoot is ignored.",
			About:   []string{"user/non-root-refuses-root", "user/non-root-refuses-image-root", "user/non-root-named-user"},
			Touches: touched,
			Lose: func(pod *corev1.Pod) {
				if pod.Spec.SecurityContext != nil {
					pod.Spec.SecurityContext.RunAsNonRoot = nil
				}
				eachContainer(func(c *corev1.Container) {
					if c.SecurityContext != nil {
						c.SecurityContext.RunAsNonRoot = nil
					}
				})(pod)
			},
		},
	}
}

// eachContainer changes the containers of a pod.
func eachContainer(change func(*corev1.Container)) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		for i := range pod.Spec.InitContainers {
			change(&pod.Spec.InitContainers[i])
		}
		for i := range pod.Spec.Containers {
			change(&pod.Spec.Containers[i])
		}
	}
}
