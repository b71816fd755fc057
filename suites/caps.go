package suites

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

// The capabilities under test, one at a time. The containers of the trials have no seccomp filter, whose
// rules may depend on capabilities, and name every capability that matters: the runtimes' default
// sets differ.

// allTested has all of the capabilities that the single-capability checks take away.
func allTested() check.Container { return lessOne("") }

// lessOne drops one of the capabilities under test and adds the others, so that each denial differs from
// allTested in its capability and nothing else.
func lessOne(dropped corev1.Capability) check.Container {
	var add, drop []corev1.Capability
	for _, name := range []corev1.Capability{"CHOWN", "MKNOD", "NET_ADMIN", "NET_RAW", "SYS_TIME"} {
		if name == dropped {
			drop = append(drop, name)
		} else {
			add = append(add, name)
		}
	}
	context := nothingConfined()
	context.Capabilities = capabilities(add, drop)
	return container(context)
}

// only drops all capabilities and adds these.
func only(added ...corev1.Capability) check.Container {
	return container(corev1.SecurityContext{
		SeccompProfile: unconfined(),
		Capabilities:   capabilities(added, []corev1.Capability{"ALL"}),
	})
}

// netRawAs has NET_RAW alone, and this user.
func netRawAs(user int64) check.Container {
	c := only("NET_RAW")
	c.SecurityContext.RunAsUser = &user
	return c
}

func addNetRaw() check.Container {
	return container(corev1.SecurityContext{Capabilities: capabilities([]corev1.Capability{"NET_RAW"}, nil)})
}

func capsDefaults() []check.Check {
	return []check.Check{
		{
			ID:     "caps/default-set",
			Level:  check.Info,
			Claim:  "Records the capability sets of a root container that asks for nothing.",
			Source: setCapabilities,
			Trials: []check.Trial{
				{Name: "no securityContext", Container: unset()},
				{Name: "drop ALL", Control: true, Container: only(), Want: check.Sets{Of: heldSets()}},
			},
			Record: []check.Record{{Trial: "no securityContext", What: check.RecordCapabilities}},
		},
		{
			ID:     "caps/inheritable-empty",
			Level:  check.Must,
			Claim:  "The inheritable set is empty in every container that is not privileged.",
			Source: "https://github.com/containerd/containerd/security/advisories/GHSA-c9cp-9c75-9v8c",
			Trials: []check.Trial{
				{Name: "no securityContext", Container: unset(), Want: check.Sets{Of: []string{"CapInh"}}},
				{Name: "add NET_RAW", Container: addNetRaw(), Want: check.Sets{Of: []string{"CapInh"}}},
				{Name: "runAsUser 1000", Container: container(unprivilegedUser()), Want: check.Sets{Of: []string{"CapInh"}}},
			},
		},
	}
}

func capsSingle() []check.Check {
	link := probe.Do(probe.OpLinkAdd)
	chown := probe.Do(probe.OpChown, probe.WritableDirectory, strconv.FormatInt(uid, 10))
	eperm := check.Denied{Errnos: []string{"EPERM"}}

	rawSockets := check.Check{
		ID:     "caps/drop-net-raw",
		Level:  check.Must,
		Claim:  "Without NET_RAW root opens neither raw nor packet sockets, with it all of them.",
		Source: "https://man7.org/linux/man-pages/man7/raw.7.html",
	}
	for _, socket := range []struct {
		name      string
		arguments []string
	}{
		{"ICMP", []string{"inet", "raw", "icmp"}},
		{"TCP", []string{"inet", "raw", "tcp"}},
		{"packet", []string{"packet", "raw", "all"}},
	} {
		open := probe.Do(probe.OpSocket, socket.arguments...)
		rawSockets.Trials = append(rawSockets.Trials,
			check.Trial{Name: "drop NET_RAW, " + socket.name, Container: lessOne("NET_RAW"), Action: open, Want: eperm},
			check.Trial{Name: "add NET_RAW, " + socket.name, Control: true, Container: allTested(), Action: open, Want: check.Allowed{}},
		)
	}

	setTime := probe.Do(probe.OpClockAdjtime)
	timed := func(add, drop []corev1.Capability) check.Container {
		return container(corev1.SecurityContext{SeccompProfile: runtimeDefault(), Capabilities: capabilities(add, drop)})
	}
	sysTime := []corev1.Capability{"SYS_TIME"}
	mknod := probe.Do(probe.OpMknod, probe.WritableDirectory)

	return []check.Check{
		{
			ID:     "caps/add-sys-time",
			Level:  check.Must,
			Claim:  "With SYS_TIME added a container may set the clock, without it the kernel refuses, under RuntimeDefault as without a filter.",
			Source: "https://man7.org/linux/man-pages/man2/clock_adjtime.2.html",
			Trials: []check.Trial{
				{Name: "drop SYS_TIME", Container: lessOne("SYS_TIME"), Action: setTime, Want: eperm},
				{Name: "add SYS_TIME", Control: true, Container: allTested(), Action: setTime, Want: check.Allowed{}},
				{
					// The filter refuses first, and with an errno of its own.
					Name: "drop SYS_TIME, RuntimeDefault", Container: timed(nil, sysTime), Action: setTime,
					Want: check.Denied{Errnos: []string{"EPERM", "ENOSYS"}},
				},
				{
					Name: "add SYS_TIME, RuntimeDefault", Control: true, Container: timed(sysTime, nil),
					Action: setTime, Want: check.Allowed{},
				},
			},
		},
		{
			ID:     "caps/drop-mknod",
			Level:  check.Must,
			Claim:  "Without MKNOD root makes no device, with it the null device.",
			Source: "https://man7.org/linux/man-pages/man2/mknod.2.html",
			Trials: []check.Trial{
				{Name: "drop MKNOD", Container: lessOne("MKNOD"), Action: mknod, Want: eperm},
				{Name: "add MKNOD", Control: true, Container: allTested(), Action: mknod, Want: check.Allowed{}},
			},
		},
		{
			ID:     "caps/add-net-admin",
			Level:  check.Must,
			Claim:  "With NET_ADMIN added a container makes a network link in its own namespace, without it the kernel refuses.",
			Source: setCapabilities,
			Trials: []check.Trial{
				{Name: "drop NET_ADMIN", Container: lessOne("NET_ADMIN"), Action: link, Want: eperm},
				{Name: "add NET_ADMIN", Control: true, Container: allTested(), Action: link, Want: check.Allowed{}},
			},
			Unsupported: []check.Unsupported{{
				Trial: "add NET_ADMIN", Errno: "EOPNOTSUPP", Reason: "the kernel makes neither dummy links nor bridges",
			}},
		},
		rawSockets,
		{
			ID:     "caps/drop-chown",
			Level:  check.Must,
			Claim:  "Without CHOWN root gives no file away, with it any.",
			Source: "https://man7.org/linux/man-pages/man2/chown.2.html",
			Trials: []check.Trial{
				{Name: "drop CHOWN", Container: lessOne("CHOWN"), Action: chown, Want: eperm},
				{Name: "add CHOWN", Control: true, Container: allTested(), Action: chown, Want: check.Allowed{}},
			},
		},
	}
}

func capsAll() []check.Check {
	addAll := container(corev1.SecurityContext{
		SeccompProfile: unconfined(),
		Capabilities:   capabilities([]corev1.Capability{"ALL"}, nil),
	})
	allButOne := container(corev1.SecurityContext{
		SeccompProfile: unconfined(),
		Capabilities:   capabilities([]corev1.Capability{"ALL"}, []corev1.Capability{"SYS_ADMIN"}),
	})
	one := check.Sets{Of: heldSets(), Exactly: []string{"NET_BIND_SERVICE"}}
	return []check.Check{
		{
			ID:     "caps/drop-all",
			Level:  check.Must,
			Claim:  "With ALL dropped every capability set of a root process is empty.",
			Source: runtimeInterface + "#L1003",
			Trials: []check.Trial{
				{Name: "drop ALL", Container: only(), Want: check.Sets{Of: allSets()}},
				{Name: "drop ALL, add NET_BIND_SERVICE", Control: true, Container: only("NET_BIND_SERVICE"), Want: one},
			},
		},
		{
			ID:     "caps/add-all",
			Level:  check.Must,
			Claim:  "With ALL added a root process holds every capability that its node has to give.",
			Source: runtimeInterface + "#L1003",
			Trials: []check.Trial{
				{Name: "add ALL", Container: addAll, Want: check.Sets{Of: heldSets(), Node: true}},
				{Name: "drop ALL", Control: true, Container: only(), Want: check.Sets{Of: heldSets()}},
			},
		},
		{
			ID:     "caps/add-all-drop-one",
			Level:  check.Must,
			Claim:  "With ALL added and SYS_ADMIN dropped a root process holds all that its node has to give but that one.",
			Source: runtimeInterface + "#L1003",
			Trials: []check.Trial{
				{
					Name: "add ALL, drop SYS_ADMIN", Container: allButOne,
					Want: check.Sets{Of: heldSets(), Node: true, Without: []string{"SYS_ADMIN"}},
				},
				{Name: "add ALL", Control: true, Container: addAll, Want: check.Sets{Of: heldSets(), Node: true}},
			},
		},
		{
			ID:     "caps/drop-all-add-one",
			Level:  check.Must,
			Claim:  "With ALL dropped and NET_BIND_SERVICE added a root process holds exactly that one.",
			Source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted",
			Trials: []check.Trial{
				{Name: "drop ALL, add NET_BIND_SERVICE", Container: only("NET_BIND_SERVICE"), Want: one},
				{Name: "drop ALL", Control: true, Container: only(), Want: check.Sets{Of: heldSets()}},
			},
		},
	}
}

func capsNonRoot() []check.Check {
	withNetRaw := unprivilegedUser()
	withNetRaw.Capabilities = capabilities([]corev1.Capability{"NET_RAW"}, []corev1.Capability{"ALL"})
	noEscalation := unprivilegedUser()
	noEscalation.AllowPrivilegeEscalation = new(false)

	withoutGain := withNetRaw
	withoutGain.AllowPrivilegeEscalation = new(false)
	privileged, privilegedUser := nothingConfined(), nothingConfined()
	privileged.Privileged, privilegedUser.Privileged = new(true), new(true)
	privilegedUser.RunAsUser = new(uid)

	// The loopback answers everywhere, so that only the socket decides.
	filePing := probe.Run(probe.PingFileCapabilityPath, "-c", "1", "-W", "2", "127.0.0.1")
	setuid := probe.Do(probe.OpRunProbe, probe.SetuidPath)
	return []check.Check{
		{
			ID:     "caps/nonroot-add",
			Level:  check.Info,
			Claim:  "Records which sets of a process with a uid other than 0 hold a capability that was added.",
			Source: "https://github.com/kubernetes/kubernetes/issues/56374",
			Trials: []check.Trial{
				{Name: "runAsUser 1000", Container: netRawAs(uid)},
				{
					Name: "runAsUser unset", Control: true, Container: only("NET_RAW"),
					Want: check.Sets{Of: heldSets(), Exactly: []string{"NET_RAW"}},
				},
			},
			Record: []check.Record{{Trial: "runAsUser 1000", What: check.RecordCapabilities}},
		},
		{
			// The pod denies unprivileged ICMP sockets, which ping would fall back on.
			ID:     "caps/file-capability",
			Level:  check.Must,
			Claim:  "A file capability takes effect for uid 1000 exactly when it is in the bounding set.",
			Source: capabilitiesManual,
			Trials: []check.Trial{
				{Name: "drop ALL", Pod: pingForNobody(), Container: container(unprivilegedUser()), Action: filePing, Want: check.Denied{}},
				{Name: "drop ALL, add NET_RAW", Control: true, Pod: pingForNobody(), Container: container(withNetRaw), Action: filePing, Want: check.Allowed{}},
			},
		},
		{
			ID:     "caps/file-capability-no-new-privs",
			Level:  check.Must,
			Claim:  "A file capability gives uid 1000 nothing when privilege escalation is not allowed.",
			Source: "https://docs.kernel.org/userspace-api/no_new_privs.html",
			Trials: []check.Trial{
				{Name: "allowPrivilegeEscalation false", Pod: pingForNobody(), Container: container(withoutGain), Action: filePing, Want: check.Denied{}},
				{Name: "allowPrivilegeEscalation true", Control: true, Pod: pingForNobody(), Container: container(withNetRaw), Action: filePing, Want: check.Allowed{}},
			},
		},
		{
			ID:     "caps/privileged-nonroot",
			Level:  check.Info,
			Claim:  "Records the effective and the ambient set of a privileged container with a uid other than 0.",
			Source: "https://github.com/kubernetes/kubernetes/issues/56374",
			Trials: []check.Trial{
				{Name: "runAsUser 1000", Pod: privilegedPod(), Container: container(privilegedUser)},
				{
					Name: "runAsUser unset", Control: true, Pod: privilegedPod(), Container: container(privileged),
					Want: check.Sets{Of: heldSets(), Node: true},
				},
			},
			Record: []check.Record{
				{Trial: "runAsUser 1000", What: check.RecordFact("CapEff"), As: "CapEff"},
				{Trial: "runAsUser 1000", What: check.RecordFact("CapAmb"), As: "CapAmb"},
			},
		},
		{
			ID:     "caps/setuid-binary",
			Level:  check.Must,
			Claim:  "A set-uid root program gives uid 1000 the effective uid 0 exactly when privilege escalation is allowed.",
			Source: "https://docs.kernel.org/userspace-api/no_new_privs.html",
			Trials: []check.Trial{
				{
					Name: "allowPrivilegeEscalation false", Container: container(noEscalation),
					Action: setuid, Want: check.Values{"uid": "1000", "euid": "1000"},
				},
				{
					Name: "allowPrivilegeEscalation true", Control: true, Container: container(unprivilegedUser()),
					Action: setuid, Want: check.Values{"uid": "1000", "euid": "0"},
				},
			},
		},
	}
}
