package diff

import (
	"fmt"
	"slices"
	"strings"

	"assay/reports/results"
)

// Fact is something about the environment of two columns.
type Fact struct {
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
	// Same says that Before and After are equal.
	Same bool `json:"same,omitempty"`
	// Spoils says why columns that differ in the fact cannot well be compared; empty where they can.
	Spoils string `json:"spoils,omitempty"`
}

// environment lists the facts of two columns that either has, those that differ first.
func environment(before, after *results.Results, names [2]string) []Fact {
	left, _ := before.Column(names[0])
	right, _ := after.Column(names[1])
	was, is := before.HostOf(left), after.HostOf(right)
	facts := []Fact{
		{Name: "runtime", Before: versioned(left.Runtime.Name, left.Runtime.Version), After: versioned(right.Runtime.Name, right.Runtime.Version)},
		{Name: "OCI runtime", Before: versioned(left.OCIRuntime.Name, left.OCIRuntime.Version), After: versioned(right.OCIRuntime.Name, right.OCIRuntime.Version)},
		{Name: "libseccomp", Before: left.OCIRuntime.Libseccomp, After: right.OCIRuntime.Libseccomp, Spoils: "it knows other system calls, and answers to them differ for that alone"},
		{Name: "Kubernetes", Before: left.Kubernetes, After: right.Kubernetes},
		{Name: "network", Before: versioned(left.Network.Name, left.Network.Version), After: versioned(right.Network.Name, right.Network.Version)},
		{Name: "nodes", Before: fmt.Sprint(len(left.Nodes)), After: fmt.Sprint(len(right.Nodes))},
		{Name: "node OS", Before: nodes(left, func(n results.Node) string { return n.OS }), After: nodes(right, func(n results.Node) string { return n.OS })},
		{Name: "node limits", Before: restrictions(left), After: restrictions(right)},
		{Name: "kernel", Before: kernel(was, left), After: kernel(is, right), Spoils: "what the kernel itself answers may be what differs"},
		{Name: "architecture", Before: was.Arch, After: is.Arch, Spoils: "it has other system calls and other numbers for them"},
		{Name: "cgroup version", Before: was.Cgroup, After: is.Cgroup, Spoils: "limits and what a container sees of them differ"},
		{Name: "cgroup driver", Before: was.CgroupDriver, After: is.CgroupDriver},
		{Name: "host", Before: was.OS, After: is.OS},
		{Name: "engine", Before: was.Engine, After: is.Engine},
		{Name: "assay", Before: before.RunOf(left).Versions["assay"], After: after.RunOf(right).Versions["assay"]},
	}
	for name, fragment := range left.Config {
		facts = append(facts, Fact{Name: "configuration " + name, Before: short(fragment), After: short(right.Config[name])})
		if fragment == right.Config[name] {
			facts[len(facts)-1].After = facts[len(facts)-1].Before
		}
	}
	for name, fragment := range right.Config {
		if _, there := left.Config[name]; !there {
			facts = append(facts, Fact{Name: "configuration " + name, After: short(fragment)})
		}
	}
	facts = slices.DeleteFunc(facts, func(f Fact) bool { return f.Before == "" && f.After == "" })
	for i := range facts {
		fact := &facts[i]
		if fact.Same = fact.Before == fact.After; fact.Same || fact.Before == "" || fact.After == "" {
			fact.Spoils = ""
		}
	}
	slices.SortStableFunc(facts, func(a, b Fact) int {
		switch {
		case a.Same == b.Same && strings.HasPrefix(a.Name, "configuration ") && strings.HasPrefix(b.Name, "configuration "):
			return strings.Compare(a.Name, b.Name)
		case a.Same == b.Same:
			return 0
		case a.Same:
			return 1
		default:
			return -1
		}
	})
	return facts
}

func warnings(facts []Fact) []string {
	var warnings []string
	for _, fact := range facts {
		if fact.Spoils != "" {
			warnings = append(warnings, fmt.Sprintf("%s: %s and %s: %s", fact.Name, fact.Before, fact.After, fact.Spoils))
		}
	}
	return warnings
}

func versioned(name, version string) string {
	return strings.TrimSpace(name + " " + version)
}

// short is a configuration fragment without its comments and empty lines, in one line.
func short(fragment string) string {
	var lines []string
	for line := range strings.Lines(fragment) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

// kernel is that of the host, or of the nodes where they have others.
func kernel(host results.Host, column results.Column) string {
	if kernels := nodes(column, func(n results.Node) string { return n.Kernel }); kernels != "" {
		return kernels
	}
	return host.Kernel
}

// nodes has what the nodes say, each answer once.
func nodes(column results.Column, of func(results.Node) string) string {
	var texts []string
	for _, node := range column.Nodes {
		if text := of(node); text != "" && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

func restrictions(column results.Column) string {
	return nodes(column, func(node results.Node) string {
		parts := make([]string, 0, len(node.Restrictions))
		for _, restriction := range node.Restrictions {
			parts = append(parts, restriction.What+": "+restriction.Detail)
		}
		return strings.Join(parts, "; ")
	})
}
