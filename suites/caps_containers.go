package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
)

// sameFacts are relations that want facts of two trials to be equal.
func sameFacts(left, right string, names ...string) []check.Relation {
	relations := make([]check.Relation, 0, len(names))
	for _, name := range names {
		relations = append(relations, check.Relation{Left: left, Right: right, Value: name, Equal: true})
	}
	return relations
}

// capsContainers are the checks of capabilities in processes and containers of other kinds.
func capsContainers() []check.Check {
	asRoot, asUser := holding(only("NET_RAW")), holding(netRawAs(uid))

	exec := check.Check{
		ID:     "caps/exec-same-sets",
		Level:  check.Must,
		Claim:  "A process that is started with exec has the capability sets of the container's first process.",
		Source: runtimeInterface,
		Trials: []check.Trial{
			{Name: "uid 0", Control: true, Container: asRoot, Want: check.Sets{Of: heldSets(), Exactly: []string{"NET_RAW"}}},
			{Name: "uid 0, exec", Container: asRoot, Exec: true, Want: check.Sets{Of: heldSets(), Exactly: []string{"NET_RAW"}}},
			{Name: "uid 1000", Control: true, Container: asUser, Want: check.Sets{Of: []string{"CapBnd"}, Exactly: []string{"NET_RAW"}}},
			{Name: "uid 1000, exec", Container: asUser, Exec: true, Want: check.Sets{Of: []string{"CapBnd"}, Exactly: []string{"NET_RAW"}}},
		},
	}
	for _, who := range []string{"uid 0", "uid 1000"} {
		exec.Relations = append(exec.Relations, sameFacts(who, who+", exec", allSets()...)...)
	}
	return []check.Check{exec, capsInitContainer()}
}

func capsInitContainer() check.Check {
	// An ephemeral container is added to a pod whose other containers run.
	early, late := check.Pod{Alone: "init containers"}, ephemeralPod()
	of := func(kind check.Kind, added ...corev1.Capability) check.Container {
		c := only(added...)
		c.Kind, c.Hold = kind, kind == check.Sidecar
		return c
	}
	holding := only("NET_RAW")
	holding.Hold = true
	one := check.Sets{Of: heldSets(), Exactly: []string{"NET_RAW"}}
	none := check.Sets{Of: allSets()}
	c := check.Check{
		ID:     "caps/init-container",
		Level:  check.Must,
		Claim:  "Capabilities are added and dropped in init containers, sidecars and ephemeral containers as in ordinary ones.",
		Source: setCapabilities,
		Trials: []check.Trial{
			{Name: "ordinary, drop ALL, add NET_RAW", Control: true, Pod: early, Container: of("", "NET_RAW"), Want: one},
			{Name: "beside ephemeral ones", Control: true, Pod: late, Container: holding, Want: one},
		},
	}
	for _, kind := range []struct {
		kind check.Kind
		pod  check.Pod
	}{{check.Init, early}, {check.Sidecar, early}, {check.Ephemeral, late}} {
		name := string(kind.kind)
		c.Trials = append(c.Trials,
			check.Trial{Name: name + ", drop ALL, add NET_RAW", Pod: kind.pod, Container: of(kind.kind, "NET_RAW"), Want: one},
			check.Trial{Name: name + ", drop ALL", Pod: kind.pod, Container: of(kind.kind), Want: none},
		)
	}
	return c
}

// capsNames are the checks of what runtimes make of capability names.
func capsNames() []check.Check {
	unknown := refusedPod()
	add := func(names ...corev1.Capability) check.Container {
		return container(corev1.SecurityContext{SeccompProfile: unconfined(), Capabilities: capabilities(names, nil)})
	}
	spelled := func(name corev1.Capability) check.Trial {
		return check.Trial{
			Name: "add " + string(name), Pod: refusedPod(), Container: only(name), Want: check.Settled{},
		}
	}
	names := check.Check{
		ID:     "caps/prefix-and-case",
		Level:  check.Info,
		Claim:  "Records what the runtime makes of capability names with the prefix CAP_ and in lower case.",
		Source: setCapabilities,
		Trials: []check.Trial{
			{Name: "add NET_RAW", Control: true, Container: only("NET_RAW"), Want: check.Sets{Of: heldSets(), Exactly: []string{"NET_RAW"}}},
		},
	}
	for _, name := range []corev1.Capability{"CAP_NET_RAW", "net_raw", "cap_net_raw"} {
		trial := spelled(name)
		names.Trials = append(names.Trials, trial)
		names.Record = append(names.Record, check.Record{Trial: trial.Name, What: check.RecordFact("CapEff"), As: string(name)})
	}
	return []check.Check{
		{
			// CRI-O refuses the name; containerd hands it on to the OCI runtime, and runc and crun leave it out
			// with a warning that the pod never shows.
			// Source: https://github.com/opencontainers/runc/blob/v1.5.2/libcontainer/capabilities/capabilities.go#L47
			ID:     "caps/unknown-name",
			Level:  check.Must,
			Claim:  "A container that adds a capability of an unknown name never starts, its status names it, and its sibling runs.",
			Source: runtimeInterface + "#L1003",
			Trials: []check.Trial{
				{Name: "add FLY", Pod: unknown, Container: add("FLY"), Want: check.NotStarted{Messages: []string{"FLY"}}},
				{Name: "sibling", Control: true, Pod: unknown, Container: add(), Want: check.Started{}},
			},
		},
		names,
	}
}
