package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

const (
	userNamespaces = "https://kubernetes.io/docs/concepts/workloads/pods/user-namespaces/"
	// namesPath is where the volume with the names of mappedPod is mounted.
	namesPath = "/names"
)

// mappedPod is a pod with a user namespace of its own; which tells two of them apart.
func mappedPod(which string) check.Pod {
	return check.Pod{HostUsers: new(false), Node: 1, Alone: which + " user namespace"}
}

// withVolumes adds an emptyDir and a volume with a file that the kubelet writes as root.
func withVolumes(pod check.Pod) check.Pod {
	pod.Volumes = []corev1.Volume{
		{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: "names", VolumeSource: corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{
			Items: []corev1.DownwardAPIVolumeFile{{Path: "name", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
		}}},
	}
	return pod
}

// lacksUserNamespaces are the words of runtimes and kernels that say so.
func lacksUserNamespaces() []check.Unsupported {
	return []check.Unsupported{
		{Message: "not support user namespaces", Reason: "the runtime says that it lacks user namespaces"},
		{Message: "user namespaces are not supported", Reason: "the runtime says that it lacks user namespaces"},
		{Message: "idmapped mount", Reason: "the node lacks ID-mapped mounts, which user namespaces of pods need"},
	}
}

func nsUsers() []check.Check {
	mounted := holdingApart("")
	mounted.VolumeMounts = []corev1.VolumeMount{{Name: "scratch", MountPath: scratchPath}, {Name: "names", MountPath: namesPath}}
	file := namesPath + "/name"
	read := probe.Do(probe.OpIDMappings, scratchPath, file)
	rootOwns := check.Values{
		"owner of " + scratchPath: "0:0", "owner of a new file in " + scratchPath: "0:0", "owner of " + file: "0:0",
	}
	mapped := check.All{rootOwns, check.Values{
		"uid identity": "false", "uid count": "65536", "uid aligned": "true",
		"gid identity": "false", "gid count": "65536", "gid aligned": "true",
	}}
	plain, plainHost := mappedPod("first"), check.Pod{HostUsers: new(true), Node: 1}
	first, other := withVolumes(mappedPod("first")), withVolumes(mappedPod("second"))
	host := withVolumes(plainHost)

	var relations []check.Relation
	for _, list := range [][]check.Relation{
		{
			{Left: "false", Right: "false, another pod", Value: "uid first"},
			{Left: "false", Right: "false, another pod", Value: "gid first"},
		},
		differ("false", "false, another pod", "user"),
		differ("false", "node", "user"),
		same("true", "node", "user"),
	} {
		relations = append(relations, list...)
	}

	admin := nothingConfined()
	admin.Capabilities = capabilities([]corev1.Capability{"SYS_ADMIN"}, nil)
	ask := probe.Do(probe.OpNodeAdmin)

	return []check.Check{
		{
			ID:    "ns/host-users-false",
			Level: check.Must,
			Claim: "With hostUsers false a pod has 65536 IDs that no other pod has, its root is not the node's, " +
				"and files of its volumes that belong to root do so inside; with hostUsers true its root is the node's.",
			Source: userNamespaces,
			Trials: []check.Trial{
				{Name: "false", Pod: first, Container: mounted, Action: read, Want: mapped},
				{Name: "false, another pod", Pod: other, Container: mounted, Action: read, Want: mapped},
				{
					Name: "true", Control: true, Pod: host, Container: mounted, Action: read,
					Want: check.All{rootOwns, check.Values{"uid identity": "true", "gid identity": "true"}},
				},
				onNode("node"),
			},
			Relations:   relations,
			Unsupported: lacksUserNamespaces(),
		},
		{
			ID:    "ns/host-users-false-capabilities",
			Level: check.Must,
			Claim: "With hostUsers false SYS_ADMIN is a capability in the pod, where it permits a mount, " +
				"and none on the node, where swapoff is refused.",
			Source: userNamespaces,
			Trials: []check.Trial{
				{Name: "false, swapoff", Pod: plain, Container: container(admin), Action: ask, Want: check.Denied{Errnos: []string{"EPERM"}}},
				{Name: "true, swapoff", Control: true, Pod: plainHost, Container: container(admin), Action: ask, Want: check.Allowed{}},
				{
					Name: "false, mount", Pod: plain, Container: container(admin),
					Action: probe.Do(probe.OpMount, probe.WritableDirectory), Want: check.Allowed{},
				},
				{Name: "false, CapEff", Pod: plain, Container: container(admin), Action: probe.Do(probe.OpIDMappings), Want: check.Values{"uid identity": "false"}},
			},
			Unsupported: lacksUserNamespaces(),
		},
	}
}
