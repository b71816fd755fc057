package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

// nodePod is a pod in which the node can be looked at; more is what the trial is about.
func nodePod(alone string, more check.Pod) check.Pod {
	more.HostPID, more.Node, more.Alone = true, 1, alone
	return more
}

// nodeContainer is a privileged one, which may enter the node's namespaces. Privileged containers have no profiles
// anyway.
func nodeContainer() check.Container {
	context := nothingConfined()
	context.Privileged = new(true)
	return container(context)
}

// addressedContainer is a nodeContainer that knows the addresses of its node and of its pod.
func addressedContainer() check.Container {
	c := nodeContainer()
	c.Extra.Env = []corev1.EnvVar{fromPod(probe.NodeAddressVariable, "status.hostIP"), fromPod(probe.PodAddressVariable, "status.podIP")}
	return c
}

// onNode is the trial that reads the namespaces of the first node; name is the trial's.
func onNode(name string) check.Trial { //nolint:unparam // the name belongs to the trial
	return check.Trial{
		Name: name, Pod: nodePod("node", check.Pod{}), Container: addressedContainer(),
		Action: probe.Do(probe.OpNodeNamespaces), Want: check.Allowed{},
	}
}

// holding is a container that stays, so that its namespaces are there while others are compared with
// them; apart tells siblings apart.
func holdingApart(apart string) check.Container { return check.Container{Hold: true, Apart: apart} }

// fromPod is a variable of the environment with a field of the pod.
func fromPod(variable, field string) corev1.EnvVar {
	return corev1.EnvVar{Name: variable, ValueFrom: &corev1.EnvVarSource{
		FieldRef: &corev1.ObjectFieldSelector{FieldPath: field},
	}}
}

// differ and same are relations of namespaces, by the names of /proc/PID/ns.
func differ(left, right string, namespaces ...string) []check.Relation {
	return namespaceRelations(left, right, false, namespaces)
}

func same(left, right string, namespaces ...string) []check.Relation {
	return namespaceRelations(left, right, true, namespaces)
}

func namespaceRelations(left, right string, equal bool, namespaces []string) []check.Relation {
	relations := make([]check.Relation, 0, len(namespaces))
	for _, name := range namespaces {
		relations = append(relations, check.Relation{Left: left, Right: right, Value: "ns/" + name, Equal: equal})
	}
	return relations
}

func ns() []check.Check {
	list := probe.Do(probe.OpProcesses)
	return []check.Check{
		isolation(),
		hostNetwork(),
		{
			ID:     "ns/host-pid",
			Level:  check.Must,
			Claim:  "A container sees the processes of its node with hostPID, and without it only its own, of which it is the first.",
			Source: podSpecReference,
			Trials: []check.Trial{
				{
					Name: "hostPID false", Container: unset(), Action: list,
					Want: check.All{check.Values{"foreign": "false"}, check.Fact{Name: "pid", Value: "1"}},
				},
				{
					Name: "hostPID true", Control: true, Pod: nodePod("node", check.Pod{}), Container: unset(), Action: list,
					Want: check.Values{"foreign": "true"},
				},
			},
		},
		{
			ID:     "ns/host-ipc",
			Level:  check.Must,
			Claim:  "A container is in the IPC namespace of its node with hostIPC, and not without it.",
			Source: podSpecReference,
			Trials: []check.Trial{
				{Name: "hostIPC true", Pod: check.Pod{HostIPC: true, Node: 1}, Container: unset(), Want: check.Started{}},
				{Name: "hostIPC false", Pod: firstPod(), Container: unset(), Want: check.Started{}},
				onNode("node"),
			},
			Relations: append(same("hostIPC true", "node", "ipc"), differ("hostIPC false", "node", "ipc")...),
		},
		shareProcessNamespace(),
		sandbox(),
		hostname(),
		{
			ID:     "ns/cgroup-namespace",
			Level:  check.Info,
			Claim:  "Records whether a container sees its own cgroup as the root of the hierarchy.",
			Source: "https://man7.org/linux/man-pages/man7/cgroup_namespaces.7.html",
			Trials: []check.Trial{
				{Name: "ordinary", Container: unset(), Action: probe.Do(probe.OpCgroupView)},
				{Name: "privileged", Pod: privilegedPod(), Container: nodeContainer(), Action: probe.Do(probe.OpCgroupView)},
			},
			Record: []check.Record{
				{Trial: "ordinary", What: check.RecordValues, As: "ordinary"},
				{Trial: "privileged", What: check.RecordValues, As: "privileged"},
			},
		},
		{
			ID:     "ns/time-namespace",
			Level:  check.Info,
			Claim:  "Records whether a container has a time namespace of its own, and its offsets.",
			Source: "https://man7.org/linux/man-pages/man7/time_namespaces.7.html",
			Trials: []check.Trial{
				{Name: "ordinary", Container: unset(), Action: probe.Do(probe.OpTimeNamespace)},
				{Name: "hostUsers false", Pod: mappedPod("first"), Container: unset(), Action: probe.Do(probe.OpTimeNamespace)},
			},
			Record: []check.Record{
				{Trial: "ordinary", What: check.RecordValues, As: "ordinary"},
				{Trial: "hostUsers false", What: check.RecordValues, As: "hostUsers false"},
			},
			Unsupported: lacksUserNamespaces(),
		},
	}
}

func isolation() check.Check {
	first, other := firstPod(), secondPod()
	own := []string{"pid", "ipc", "net", "mnt", "uts"}
	view := probe.Do(probe.OpCgroupView)
	var relations []check.Relation
	for _, list := range [][]check.Relation{
		differ("container", "container of another pod", own...),
		differ("container", "node", own...),
		differ("container", "sibling", "pid", "mnt"),
		same("container", "sibling", "ipc", "net", "uts"),
	} {
		relations = append(relations, list...)
	}
	// The runtimes leave the cgroup namespace alone on cgroup v1, which nobody forbids.
	// Source: https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/2254-cgroup-v2
	for _, right := range []string{"container of another pod", "node"} {
		relations = append(relations, check.Relation{
			Left: "container", Right: right, Value: "ns/cgroup", If: check.Values{"version": "v2"},
		})
	}
	return check.Check{
		ID:    "ns/isolation",
		Level: check.Must,
		Claim: "Pods have pid, ipc, net, mnt, uts and (with cgroup v2) cgroup namespaces that are neither the node's nor another pod's, " +
			"and the containers of a pod share net, ipc and uts.",
		Source: runtimeInterface + "#L303",
		Trials: []check.Trial{
			{Name: "container", Pod: first, Container: holdingApart("first"), Action: view, Want: check.Allowed{}},
			{Name: "sibling", Pod: first, Container: holdingApart("second"), Want: check.Started{}},
			{Name: "container of another pod", Pod: other, Container: holding(unset()), Want: check.Started{}},
			onNode("node"),
		},
		Relations: relations,
		// What was compared depends on the version, so it is on record.
		Record: []check.Record{{Trial: "container", What: check.RecordValues}},
	}
}

func hostNetwork() check.Check {
	// The two may run at the same time, so each has a port of its own.
	const port, portWithout = "18090", "18091"
	address := addressedContainer()
	has := probe.Do(probe.OpHasAddress, "$"+probe.NodeAddressVariable)
	bind := func(port string) probe.Action {
		return probe.Do(probe.OpNodeConnect, "tcp", "$"+probe.NodeAddressVariable+":"+port, "$"+probe.NodeAddressVariable, port)
	}
	with, without := nodePod("node", check.Pod{HostNetwork: true}), nodePod("node", check.Pod{})
	return check.Check{
		ID:    "ns/host-network",
		Level: check.Must,
		Claim: "With hostNetwork a container has the node's interfaces, and a port that it serves is the node's; " +
			"without it neither is so.",
		Source: podSpecReference,
		Trials: []check.Trial{
			{Name: "true, the node's address", Pod: with, Container: address, Action: has, Want: check.Values{"has": "true"}},
			{Name: "false, the node's address", Pod: without, Container: address, Action: has, Want: check.Values{"has": "false"}},
			{Name: "true, a port", Pod: with, Container: address, Action: bind(port), Want: check.Values{"answer": port}},
			{Name: "false, a port", Pod: without, Container: address, Action: bind(portWithout), Want: check.Values{"answer": string(probe.Refused)}},
			onNode("node"),
		},
		Relations: append(same("true, a port", "node", "net"), differ("false, a port", "node", "net")...),
	}
}

func shareProcessNamespace() check.Check {
	look := probe.Do(probe.OpSiblings)
	observer := check.Container{Apart: "observer"}
	shared := check.Pod{ShareProcessNamespace: new(true), Alone: "shareProcessNamespace true"}
	own := check.Pod{ShareProcessNamespace: new(false), Alone: "shareProcessNamespace false"}
	return check.Check{
		ID:     "ns/share-process-namespace",
		Level:  check.Must,
		Claim:  "A container sees the processes of its siblings with shareProcessNamespace, and not without it.",
		Source: "https://kubernetes.io/docs/tasks/configure-pod-container/share-process-namespace/",
		Trials: []check.Trial{
			// First: the kubelet starts containers in this order, so it runs when the observer looks.
			{Name: "true, sibling", Pod: shared, Container: holdingApart("sibling"), Want: check.Started{}},
			{Name: "true", Pod: shared, Container: observer, Action: look, Want: check.Values{"sibling": "true"}},
			{Name: "false, sibling", Pod: own, Container: holdingApart("sibling"), Want: check.Fact{Name: "pid", Value: "1"}},
			{
				Name: "false", Pod: own, Container: observer, Action: look,
				Want: check.All{check.Values{"sibling": "false"}, check.Fact{Name: "pid", Value: "1"}},
			},
		},
		Record: []check.Record{
			{Trial: "true", What: check.RecordValues, As: "true"},
			{Trial: "false", What: check.RecordValues, As: "false"},
		},
	}
}

// sandbox looks at a pod that does not need a pause process: its process namespace is the node's.
func sandbox() check.Check {
	look := probe.Do(probe.OpNodeSandbox)
	ordinary, hostNetwork := nodePod("node", check.Pod{}), nodePod("node", check.Pod{HostNetwork: true})
	return check.Check{
		ID:    "ns/sandbox",
		Level: check.Info,
		Claim: "Records whether a pod with the node's process namespace has a pause process, and whether it has a UTS namespace " +
			"of its own, with hostNetwork and without.",
		Source: podSpecReference,
		Trials: []check.Trial{
			{Name: "hostNetwork false", Pod: ordinary, Container: addressedContainer(), Action: look},
			{Name: "hostNetwork true", Pod: hostNetwork, Container: addressedContainer(), Action: look},
		},
		Record: []check.Record{
			{Trial: "hostNetwork false", What: check.RecordValues, As: "hostNetwork false"},
			{Trial: "hostNetwork true", What: check.RecordValues, As: "hostNetwork true"},
		},
	}
}

// namedContainer knows its pod and its node by name.
func namedContainer() check.Container {
	return check.Container{Extra: corev1.Container{Env: []corev1.EnvVar{
		fromPod(probe.PodNameVariable, "metadata.name"), fromPod(probe.PodNamespaceVariable, "metadata.namespace"),
		fromPod(probe.PodAddressVariable, "status.podIP"), fromPod(probe.NodeNameVariable, "spec.nodeName"),
	}}}
}

func hostname() check.Check {
	read := probe.Do(probe.OpHostname)
	const name, subdomain = "example", "sub"
	return check.Check{
		ID:    "ns/hostname",
		Level: check.Must,
		Claim: "The host name is the pod's name, or spec.hostname, or with hostNetwork the node's; " +
			"with a subdomain /etc/hosts has the name in the cluster.",
		Source: "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-hostname-and-subdomain-fields",
		Trials: []check.Trial{
			{Name: "unset", Container: namedContainer(), Action: read, Want: check.Values{"hostname": "the pod's name"}},
			{
				Name: "hostname", Pod: ownNamesPod(), Container: namedContainer(), Action: read,
				Want: check.Values{"hostname": ownName},
			},
			{
				Name: "hostname and subdomain", Pod: check.Pod{Extra: corev1.PodSpec{Hostname: name, Subdomain: subdomain}}, Container: namedContainer(),
				Action: read, Want: check.Values{"hostname": name, "name in the cluster": name + "." + subdomain},
			},
			{
				Name: "hostNetwork", Pod: hostNetworkPod(), Container: namedContainer(), Action: read,
				Want: check.Values{"hostname": "the node's name"},
			},
		},
		Record: []check.Record{
			{Trial: "unset", What: check.RecordValues, As: "unset"},
			{Trial: "hostname", What: check.RecordValues, As: "hostname"},
			{Trial: "hostname and subdomain", What: check.RecordValues, As: "hostname and subdomain"},
			{Trial: "hostNetwork", What: check.RecordValues, As: "hostNetwork"},
		},
	}
}
