package suites

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

// withImage is a container of a variant of the probe's image.
func withImage(variant probe.Variant, context *corev1.SecurityContext) check.Container {
	return check.Container{SecurityContext: context, Extra: corev1.Container{Image: variant.Image()}}
}

// userImages are the checks of the user that the image names, and of runAsNonRoot.
func userImages() []check.Check {
	nonRoot := func() *corev1.SecurityContext { return &corev1.SecurityContext{RunAsNonRoot: new(true)} }
	refusedFor := func(words ...string) check.Want {
		return check.NotStarted{Reason: "CreateContainerConfigError", Messages: words}
	}
	accepted := check.Trial{
		Name: "image user 1001", Control: true, Container: withImage(probe.VariantUserNumber, nonRoot()), Want: uids(probe.MemberID),
	}
	member := check.All{uids(probe.MemberID), gids(probe.MemberID)}

	return []check.Check{
		{
			ID:     "user/image-user",
			Level:  check.Must,
			Claim:  "The process has the user of the image, by number or by name, unless runAsUser says otherwise.",
			Source: "https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties",
			Trials: []check.Trial{
				{Name: "no user", Container: unset(), Want: check.All{uids(0), gids(0)}},
				{Name: "1001", Container: withImage(probe.VariantUserNumber, nil), Want: member},
				{Name: "member", Container: withImage(probe.VariantUserName, nil), Want: member},
				{Name: "1001:50000", Container: withImage(probe.VariantUserGroup, nil), Want: uids(probe.MemberID)},
				{
					Name: "member, runAsUser 0", Container: withImage(probe.VariantUserName, &corev1.SecurityContext{RunAsUser: new(int64(0))}),
					Want: uids(0),
				},
			},
			// The kubelet hands on the user of "1001:50000" and not the group.
			Record: []check.Record{
				{Trial: "1001", What: check.RecordFact("gid"), As: "gid of 1001"},
				{Trial: "1001:50000", What: check.RecordFact("gid"), As: "gid of 1001:50000"},
			},
		},
		{
			ID:     "user/non-root-accepts",
			Level:  check.Must,
			Claim:  "A container with runAsNonRoot runs when its uid is not 0, whether runAsUser or the image says so.",
			Source: containerSecurity,
			Trials: []check.Trial{
				{Name: "runAsUser 1000", Container: container(unprivilegedUser()), Want: uids(uid)},
				{Name: "image user 1001", Container: accepted.Container, Want: uids(probe.MemberID)},
				{
					Name:      "image user root, runAsUser 1000",
					Container: withImage(probe.VariantUserRoot, &corev1.SecurityContext{RunAsNonRoot: new(true), RunAsUser: new(uid)}),
					Want:      uids(uid),
				},
			},
		},
		{
			ID:     "user/non-root-refuses-image-root",
			Level:  check.Must,
			Claim:  "A container with runAsNonRoot and an image that runs as root never starts, and its status says why.",
			Source: containerSecurity,
			Trials: []check.Trial{
				{
					Name: "image without a user", Pod: refusedPod(),
					Container: container(*nonRoot()), Want: refusedFor("runAsNonRoot", "root"),
				},
				accepted,
			},
		},
		{
			ID:     "user/non-root-named-user",
			Level:  check.Must,
			Claim:  "A container with runAsNonRoot and an image whose user is a name never starts, and its status names it.",
			Source: containerSecurity,
			Trials: []check.Trial{
				{
					Name: "image user member", Pod: refusedPod(),
					Container: withImage(probe.VariantUserName, nonRoot()), Want: refusedFor("non-numeric", probe.MemberName),
				},
				{
					Name: "image user root", Pod: refusedPod(),
					Container: withImage(probe.VariantUserRoot, nonRoot()), Want: refusedFor("non-numeric", "root"),
				},
				accepted,
			},
		},
	}
}

// strangerID is a uid that the image does not know.
const strangerID int64 = 123456

// userSurroundings are the checks of what a process finds besides its identity.
func userSurroundings() []check.Check {
	stranger := container(corev1.SecurityContext{RunAsUser: new(strangerID)})
	known := container(corev1.SecurityContext{RunAsUser: new(uid)})
	environment, umask := probe.Do(probe.OpEnvironment), probe.Do(probe.OpUmask)
	entry := func(id int64) probe.Action { return probe.Do(probe.OpUserEntry, strconv.FormatInt(id, 10)) }
	return []check.Check{
		{
			ID:     "user/run-as-user-unknown",
			Level:  check.Must,
			Claim:  "A uid that the image does not know runs, with gid 0; one that it knows has its gid there.",
			Source: "https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties",
			Trials: []check.Trial{
				{Name: "uid 123456", Container: stranger, Want: check.All{uids(strangerID), gids(0)}},
				{Name: "uid 1000", Control: true, Container: known, Want: check.All{uids(uid), gids(uid)}},
				{Name: "uid 123456, environment", Container: stranger, Action: environment, Want: check.Allowed{}},
			},
			Record: []check.Record{{Trial: "uid 123456, environment", What: check.RecordValues}},
		},
		{
			ID:     "user/umask",
			Level:  check.Info,
			Claim:  "Records the umask of a container's first process.",
			Source: "https://man7.org/linux/man-pages/man2/umask.2.html",
			Trials: []check.Trial{
				{Name: "no securityContext", Container: unset(), Action: umask},
				{Name: "uid 1000", Container: known, Action: umask},
			},
			Record: []check.Record{
				{Trial: "no securityContext", What: check.RecordValues, As: "uid 0"},
				{Trial: "uid 1000", What: check.RecordValues, As: "uid 1000"},
			},
		},
		{
			ID:     "user/home-and-env",
			Level:  check.Info,
			Claim:  "Records the environment of a container that asks for no variable.",
			Source: "https://kubernetes.io/docs/concepts/containers/container-environment/",
			Trials: []check.Trial{
				{Name: "no securityContext", Container: unset(), Action: environment},
				{Name: "uid 1000", Container: known, Action: environment},
			},
			Record: []check.Record{
				{Trial: "no securityContext", What: check.RecordValues, As: "uid 0"},
				{Trial: "uid 1000", What: check.RecordValues, As: "uid 1000"},
			},
		},
		{
			ID:     "user/etc-passwd-entry",
			Level:  check.Info,
			Claim:  "Records whether the runtime writes an entry into /etc/passwd for a uid that the image does not know.",
			Source: "https://man7.org/linux/man-pages/man5/passwd.5.html",
			Trials: []check.Trial{
				{Name: "uid 123456", Container: stranger, Action: entry(strangerID)},
				{
					Name: "uid 1000", Control: true, Container: known, Action: entry(uid),
					Want: check.Values{"entry": "assay:x:1000:1000:assay:/:/bin/sh"},
				},
			},
			Record: []check.Record{{Trial: "uid 123456", What: check.RecordValues}},
		},
	}
}
