package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

// Groups of pods that the image does not know.
const (
	firstGroup  int64 = 5000
	secondGroup int64 = 6000
	fsGroup     int64 = 7000
)

// userGroups are the checks of supplementary groups and of fsGroup.
func userGroups() []check.Check {
	asMember := func(policy *corev1.SupplementalGroupsPolicy, groups ...int64) check.Pod {
		return check.Pod{SecurityContext: &corev1.PodSecurityContext{
			RunAsUser: new(int64(probe.MemberID)), SupplementalGroups: groups, SupplementalGroupsPolicy: policy,
		}}
	}
	merge, strict := corev1.SupplementalGroupsPolicyMerge, corev1.SupplementalGroupsPolicyStrict
	listed := check.Pod{SecurityContext: &corev1.PodSecurityContext{
		RunAsUser: new(uid), RunAsGroup: new(gid), SupplementalGroups: []int64{firstGroup, secondGroup}, FSGroup: new(fsGroup),
	}}
	holding := check.Container{Hold: true}

	exec := check.Check{
		ID:     "user/exec-same-identity",
		Level:  check.Must,
		Claim:  "A process that is started with exec has the uid, the gid and the groups of the container's first process.",
		Source: runtimeInterface,
		Trials: []check.Trial{
			{Name: "runAsUser", Pod: listed, Container: holding, Want: check.All{uids(uid), gids(gid)}},
			{Name: "runAsUser, exec", Pod: listed, Container: holding, Exec: true, Want: check.All{uids(uid), gids(gid)}},
			{Name: "user of the image", Pod: asMember(nil, firstGroup), Container: holding, Want: uids(probe.MemberID)},
			{Name: "user of the image, exec", Pod: asMember(nil, firstGroup), Container: holding, Exec: true, Want: uids(probe.MemberID)},
		},
	}
	for _, who := range []string{"runAsUser", "user of the image"} {
		exec.Relations = append(exec.Relations, sameFacts(who, who+", exec", "uid", "euid", "gid", "egid", "groups")...)
	}

	return []check.Check{
		{
			ID:     "user/supplemental-groups",
			Level:  check.Must,
			Claim:  "The process has all of supplementalGroups and fsGroup among its groups, and no others.",
			Source: podSecurityContext,
			Trials: []check.Trial{
				{Name: "5000, 6000, fsGroup 7000", Pod: listed, Container: holding, Want: check.Groups{int(firstGroup), int(secondGroup), int(fsGroup)}},
				{Name: "none", Control: true, Container: container(unprivilegedUser()), Want: check.Groups{}},
			},
		},
		{
			ID:     "user/supplemental-groups-image",
			Level:  check.Must,
			Claim:  "Unless the policy is Strict, the groups that the image's /etc/group gives the user are added to those of the pod.",
			Source: podSecurityContext,
			Trials: []check.Trial{
				{Name: "policy unset", Pod: asMember(nil, firstGroup), Container: holding, Want: check.Groups{int(firstGroup), probe.ImageGroup}},
				{Name: "policy Merge", Pod: asMember(&merge, firstGroup), Container: unset(), Want: check.Groups{int(firstGroup), probe.ImageGroup}},
				{
					Name: "a user without such groups", Control: true, Pod: asMember(nil, firstGroup),
					Container: container(corev1.SecurityContext{RunAsUser: new(uid)}), Want: check.Groups{int(firstGroup)},
				},
			},
		},
		{
			ID:     "user/supplemental-groups-strict",
			Level:  check.Must,
			Claim:  "Under the policy Strict the process has the pod's groups only, and the pod's status reports what the process has.",
			Source: "https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#supplementalgroupspolicy",
			Trials: []check.Trial{
				{
					Name: "Strict", Pod: asMember(&strict, firstGroup), Container: unset(),
					Want: check.All{check.Groups{int(firstGroup)}, check.ReportedUser{}},
				},
				{Name: "Strict, no groups", Pod: asMember(&strict), Container: unset(), Want: check.All{check.Groups{}, check.ReportedUser{}}},
				{
					Name: "Merge", Control: true, Pod: asMember(&merge, firstGroup), Container: unset(),
					Want: check.Groups{int(firstGroup), probe.ImageGroup},
				},
				{Name: "Merge, status", Pod: asMember(&merge, firstGroup), Container: unset(), Want: check.ReportedUser{}},
			},
			// A node that lacks the feature refuses the pod; one that takes it and merges fails.
			Unsupported: []check.Unsupported{{
				Trial: "Strict", Message: "SupplementalGroupsPolicy=Strict is not supported",
				Reason: "the node's runtime does not declare supplementalGroupsPolicy",
			}},
		},
		exec,
		fsGroupEmptyDir(),
		fsGroupShared(),
	}
}

// shared is a pod with an emptyDir at sharedDirectory; group 0 is no fsGroup.
func shared(group int64) check.Pod {
	pod := check.Pod{
		Volumes: []corev1.Volume{{
			Name: "shared", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}},
		}},
		SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: new(true)},
	}
	if group != 0 {
		pod.SecurityContext.FSGroup = &group
	}
	return pod
}

const sharedDirectory = "/shared"

// sharing is a container with the volume of shared.
func sharing(user, group int64) check.Container {
	context := unprivilegedUser()
	context.RunAsUser, context.RunAsGroup = &user, &group
	c := container(context)
	c.VolumeMounts = []corev1.VolumeMount{{Name: "shared", MountPath: sharedDirectory}}
	return c
}

func fsGroupEmptyDir() check.Check {
	look := probe.Do(probe.OpOwnership, sharedDirectory)
	return check.Check{
		ID:     "user/fsgroup-emptydir",
		Level:  check.Must,
		Claim:  "An emptyDir belongs to fsGroup and has the setgid bit, so that new files carry the group.",
		Source: podSecurityContext,
		Trials: []check.Trial{
			{
				Name: "fsGroup 7000", Pod: shared(fsGroup), Container: sharing(uid, gid), Action: look,
				Want: check.Values{"gid": "7000", "mode": "2777", "fileUid": "1000", "fileGid": "7000"},
			},
			{
				Name: "no fsGroup", Control: true, Pod: shared(0), Container: sharing(uid, gid), Action: look,
				Want: check.Values{"gid": "0", "mode": "0777", "fileUid": "1000", "fileGid": "2000"},
			},
		},
	}
}

func fsGroupShared() check.Check {
	const file = sharedDirectory + "/file"
	with, without := shared(fsGroup), shared(0)
	// It runs before the others, and leaves a file for its group.
	writer := sharing(uid, gid)
	writer.Kind = check.Init
	writer.Command = []string{"/bin/sh", "-c", "umask 007 && echo shared > " + file}
	reader := sharing(probe.MemberID, probe.MemberID)
	read, write := probe.Do(probe.OpReadFile, file), probe.Do(probe.OpOpenWrite, file)
	return check.Check{
		ID:     "user/fsgroup-shared",
		Level:  check.Must,
		Claim:  "Two containers with different users share the files of a volume through fsGroup, and not without it.",
		Source: podSecurityContext,
		Trials: []check.Trial{
			{Name: "fsGroup, first user writes", Control: true, Pod: with, Container: writer, Want: check.Exited{}},
			{Name: "no fsGroup, first user writes", Control: true, Pod: without, Container: writer, Want: check.Exited{}},
			{Name: "no fsGroup, second user reads", Pod: without, Container: reader, Action: read, Want: check.Denied{Errnos: []string{"EACCES"}}},
			{Name: "fsGroup, second user reads", Control: true, Pod: with, Container: reader, Action: read, Want: check.Allowed{}},
			{Name: "fsGroup, second user writes", Pod: with, Container: reader, Action: write, Want: check.Allowed{}},
		},
	}
}
