package suites

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
)

func user() []check.Check {
	// The pod's own user and group, which its containers override.
	const nobody, podGroup, otherGroup int64 = 65534, 3000, 4000
	pod := check.Pod{SecurityContext: &corev1.PodSecurityContext{RunAsUser: new(nobody), RunAsGroup: new(podGroup)}}
	asRoot := container(corev1.SecurityContext{RunAsUser: new(int64(0))})
	asOther := container(corev1.SecurityContext{RunAsUser: new(uid), RunAsGroup: new(otherGroup)})
	ordinary := container(unprivilegedUser())

	rootDespiteNonRoot := unprivilegedUser()
	rootDespiteNonRoot.RunAsUser = new(int64(0))

	return []check.Check{
		{
			ID:     "user/run-as-user",
			Level:  check.Must,
			Claim:  "The process has the uid of runAsUser, and the container's value overrides the pod's.",
			Source: podSecurityContext,
			Trials: []check.Trial{
				{Name: "pod 65534", Pod: pod, Container: unset(), Want: uids(nobody)},
				{Name: "pod 65534, container 0", Pod: pod, Container: asRoot, Want: uids(0)},
				{Name: "pod 65534, container 1000", Pod: pod, Container: asOther, Want: uids(uid)},
				{Name: "container 1000", Container: ordinary, Want: uids(uid)},
			},
		},
		{
			ID:     "user/run-as-group",
			Level:  check.Must,
			Claim:  "The process has the primary gid of runAsGroup, and the container's value overrides the pod's.",
			Source: podSecurityContext,
			Trials: []check.Trial{
				{Name: "pod 3000", Pod: pod, Container: unset(), Want: gids(podGroup)},
				{Name: "pod 3000, container 4000", Pod: pod, Container: asOther, Want: gids(otherGroup)},
				{Name: "container 2000", Container: ordinary, Want: gids(gid)},
			},
		},
		{
			ID:     "user/non-root-refuses-root",
			Level:  check.Must,
			Claim:  "A container with runAsNonRoot and uid 0 never starts, and its status says why.",
			Source: containerSecurity,
			Trials: []check.Trial{
				{
					Name: "runAsUser 0", Pod: refusedPod(), Container: container(rootDespiteNonRoot),
					Want: check.NotStarted{Reason: "CreateContainerConfigError", Messages: []string{"non-root"}},
				},
				{Name: "runAsUser 1000", Control: true, Container: ordinary, Want: uids(uid)},
			},
		},
	}
}

// uids wants the real and the effective uid.
func uids(id int64) check.Want {
	text := strconv.FormatInt(id, 10)
	return check.All{check.Fact{Name: "uid", Value: text}, check.Fact{Name: "euid", Value: text}}
}

// gids wants the real and the effective gid.
func gids(id int64) check.Want {
	text := strconv.FormatInt(id, 10)
	return check.All{check.Fact{Name: "gid", Value: text}, check.Fact{Name: "egid", Value: text}}
}
