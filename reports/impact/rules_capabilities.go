package impact

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"assay/reports/difference"
	"assay/reports/programs"
)

const (
	defaultSet  = "caps/default-set"
	unknownName = "caps/unknown-name"
	spelling    = "caps/prefix-and-case"
	nonRootSets = "caps/privileged-nonroot"
	ambientSets = "priv/inheritable-ambient"
)

func capabilityRules() []Rule {
	return []Rule{
		{ID: "default-capabilities", Checks: []string{defaultSet}, find: lostCapabilities},
		{ID: "unknown-capability", Checks: []string{unknownName}, find: unknownCapability},
		{ID: "capability-spelling", Checks: []string{spelling}, find: capabilitySpelling},
		{ID: "privileged-nonroot", Checks: []string{nonRootSets}, find: privilegedNonRoot},
		{ID: "privileged-ambient", Checks: []string{ambientSets}, find: privilegedAmbient},
	}
}

// set reads a recorded set: "2: CHOWN KILL", "CHOWN KILL" or "none".
func set(text string) []string {
	return slices.DeleteFunc(strings.Fields(text), func(word string) bool {
		return strings.HasSuffix(word, ":") || word == "none" || word == difference.Absent
	})
}

// lost is what the first set has and the second has not.
func lost(value difference.Value) []string {
	after := set(value.After)
	return slices.DeleteFunc(set(value.Before), func(name string) bool { return slices.Contains(after, name) })
}

// lostCapabilities finds containers that have a capability by default that goes, and use it, or may.
func lostCapabilities(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(defaultSet)
	value, _ := change.Value("CapBnd")
	gone := lost(value)
	var findings []Finding
	for _, k := range w.containers() {
		if k.privileged() {
			continue
		}
		mine := slices.DeleteFunc(slices.Clone(gone), func(name string) bool { return k.adds(name) || k.drops(name) })
		if len(mine) == 0 {
			continue
		}
		known := named(c, change, k, mine)
		findings = append(findings, known...)
		if nonRoot, _ := k.nonRoot(); len(known) > 0 || nonRoot || k.runsOnly(knownPrograms()) {
			continue
		}
		findings = append(findings, change.finding(MayBreak, k.at+".securityContext.capabilities", gones(mine),
			fmt.Sprintf("runs as root, or as the image says, with the default capabilities, which lose %s; whether the image needs one of them cannot be seen here.", strings.Join(mine, ", ")),
			"check whether the image "+tells(mine)+"; add what it needs to securityContext.capabilities.add, or drop ALL where it needs none"))
	}
	return findings
}

// knownPrograms are those of which it is known whether they need a capability: those that need none, and
// those that need one, which are found by their name.
func knownPrograms() []string {
	names := slices.Concat(plainPrograms(), wrappers())
	for _, need := range programs.Capabilities() {
		names = append(append(names, need.Commands...), need.Maybe...)
	}
	return names
}

// tells lists how a program that needs one of the capabilities can be told.
func tells(names []string) string {
	var parts []string
	for _, name := range names {
		need := programs.Capability(name)
		if who := slices.Concat(need.Commands, need.Maybe); len(who) > 0 {
			parts = append(parts, fmt.Sprintf("runs %s (%s)", strings.Join(who[:min(3, len(who))], ", "), name))
		} else {
			parts = append(parts, fmt.Sprintf("needs %s (%s)", name, need.Lets))
		}
	}
	return strings.Join(parts, " or ")
}

// named finds the programs and images that are known to need one of the capabilities.
func named(c *Comparison, change Change, k container, gone []string) []Finding {
	type at struct {
		path, who string
		grade     Grade
	}
	needs := map[at][]string{}
	var order []at
	add := func(a at, name string) {
		if needs[a] == nil {
			order = append(order, a)
		}
		needs[a] = append(needs[a], name)
	}
	nonRoot, how := k.nonRoot()
	for _, name := range gone {
		need := programs.Capability(name)
		called := k.calls(slices.Concat(need.Commands, need.Maybe))
		for _, u := range called {
			if name == "NET_RAW" && pings(u.program) && (pingAllowed(k.w) || pingWorks(c) || nonRoot && closesPing(c)) {
				continue
			}
			grade := Breaks
			if nonRoot || !slices.Contains(need.Commands, u.program) {
				grade = MayBreak
			}
			add(at{u.at, u.program, grade}, name)
		}
		if len(called) == 0 && !nonRoot && (k.isImage(need.Images) || k.idle() && k.imageIn(need.Images)) {
			add(at{k.at + ".image", "", MayBreak}, name)
		}
	}
	var findings []Finding
	for _, a := range order {
		names := strings.Join(needs[a], ", ")
		fix := fmt.Sprintf("add [%s] to %s.securityContext.capabilities.add", names, k.at)
		var what string
		switch {
		case a.who == "":
			what = fmt.Sprintf("the image %s is known to use %s, which the default set loses; check what it is used for here.", k.Image, names)
		case nonRoot:
			what = fmt.Sprintf("calls %s %s, which has %s only through file capabilities or setuid; the bounding set loses it. Check how the image installs it.", a.who, how, names)
		case a.grade == MayBreak:
			what = fmt.Sprintf("calls %s, which may need %s; the default set loses it. Check it on a node of %s.", a.who, names, c.B)
		default:
			what = fmt.Sprintf("calls %s, which needs %s; the default set loses it.", a.who, names)
		}
		findings = append(findings, change.finding(a.grade, a.path, gones(needs[a]), what, fix))
	}
	return findings
}

// gones is the part of the default bounding set that a finding rests on.
func gones(names []string) difference.Value {
	return difference.Value{Path: []string{"CapBnd"}, Before: strings.Join(names, " "), After: "none of them"}
}

// linuxCapabilities are the names that the kernel's header has.
// Source: https://man7.org/linux/man-pages/man7/capabilities.7.html
func linuxCapabilities() []string {
	return strings.Fields(`ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH
		FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW
		PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE
		SYS_TIME SYS_TTY_CONFIG WAKE_ALARM`)
}

// eachAdded calls a function for each capability that a container adds, with its path.
func eachAdded(w *Workload, visit func(k container, name corev1.Capability, at string)) {
	for _, k := range w.containers() {
		if set := k.security().Capabilities; set != nil {
			for i, name := range set.Add {
				visit(k, name, fmt.Sprintf("%s.securityContext.capabilities.add[%d]", k.at, i))
			}
		}
	}
}

// unknownCapability finds names that the kernel does not have, where only one side refuses them.
func unknownCapability(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(unknownName)
	var findings []Finding
	for _, value := range change.Values {
		if !strings.HasPrefix(value.Name(), "add ") || !refused(value.After) || refused(value.Before) {
			continue
		}
		eachAdded(w, func(k container, name corev1.Capability, at string) {
			if !slices.Contains(linuxCapabilities(), capabilityName(name)) {
				findings = append(findings, change.finding(Breaks, at, value,
					fmt.Sprintf("adds %q, which is no capability; container %s no longer starts, before the name was ignored.", string(name), k.Name),
					"correct the name, or remove it: it has had no effect"))
			}
		})
	}
	return findings
}

// refused says that a recorded container did not start.
func refused(value string) bool {
	return strings.HasPrefix(value, "not started") || strings.HasPrefix(value, "rejected")
}

// capabilitySpelling finds names that are written in a way which only one side honours. The recorded
// values are named by how NET_RAW was written.
func capabilitySpelling(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(spelling)
	var findings []Finding
	eachAdded(w, func(_ container, name corev1.Capability, at string) {
		value, differs := change.Value(likeNetRaw(string(name)))
		if !differs || !slices.Contains(linuxCapabilities(), capabilityName(name)) {
			return
		}
		correct := "write " + capabilityName(name)
		if len(set(value.After)) == 0 {
			findings = append(findings, change.finding(Breaks, at, value, fmt.Sprintf("adds %s, which is no longer granted when it is written like that, and without a word.", name), correct))
			return
		}
		findings = append(findings, change.finding(MayBreak, at, value,
			fmt.Sprintf("adds %s, which was ignored when written like that and is granted now: the container has a right that it never had. Check that it is meant to.", name), correct+", or remove it"))
	})
	return findings
}

// likeNetRaw writes NET_RAW in the way in which a name is written.
func likeNetRaw(name string) string {
	like := "NET_RAW"
	if strings.HasPrefix(strings.ToUpper(name), "CAP_") {
		like = "CAP_NET_RAW"
	}
	if name == strings.ToLower(name) {
		like = strings.ToLower(like)
	}
	return like
}

// privilegedNonRoot finds privileged containers that are not root and gain or lose capabilities.
func privilegedNonRoot(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(nonRootSets)
	value, differs := change.Value("CapEff")
	if !differs {
		return nil
	}
	var findings []Finding
	for _, k := range w.containers() {
		nonRoot, how := k.nonRoot()
		if !k.privileged() || !nonRoot {
			continue
		}
		_, at := k.user()
		if at == "" {
			at = k.at + ".securityContext.privileged"
		}
		if gone := lost(value); len(gone) > 0 {
			findings = append(findings, change.finding(Breaks, at, value,
				fmt.Sprintf("is privileged and runs %s: it had %d effective capabilities and has none of them any more.", how, len(gone)), "run it with runAsUser: 0"))
			continue
		}
		findings = append(findings, change.finding(MayBreak, at, value,
			fmt.Sprintf("is privileged and runs %s: without effective capabilities before, with all of them now. Check that it does not rely on being refused.", how),
			"run it without privileged, with the capabilities and devices that it needs"))
	}
	return findings
}

// privilegedAmbient finds privileged containers with programs that look at what they inherit.
func privilegedAmbient(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(ambientSets)
	value, differs := change.Value("CapAmb")
	if !differs {
		return nil
	}
	sensitive := []string{"bwrap", "flatpak", "dockerd", "containerd", "podman", "buildah", "systemd", "init", "newuidmap"}
	images := []string{"docker", "dind", "podman", "buildah", "bubblewrap", "kind", "k3s", "node"}
	var findings []Finding
	for _, k := range w.containers() {
		if !k.privileged() {
			continue
		}
		at, who := k.at+".securityContext.privileged", ""
		if called := k.calls(sensitive); len(called) > 0 {
			at, who = called[0].at, called[0].program
		} else if k.isImage(images) {
			who = k.Image
		}
		if who == "" {
			continue
		}
		how := "get all capabilities as inheritable and ambient ones"
		if len(lost(value)) > 0 {
			how = "lose their inheritable and ambient capabilities"
		}
		findings = append(findings, change.finding(MayBreak, at, value,
			fmt.Sprintf("is privileged and runs %s: its processes %s; nested containers and sandboxes pass them on or refuse to start. Check a nested container.", who, how),
			"start it through setpriv or capsh with the sets that it is to have"))
	}
	return findings
}
