// Package facts lists what ran on what: the parts of the columns, the host, the versions.
package facts

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"assay/reports/results"
)

// Fact is one part of the columns, with its text in each of them.
type Fact struct {
	Name string
	// Values has a text for each column, in the order of the columns; empty where it is not known.
	Values []string
}

// Columns lists the parts that are known of a column at least.
func Columns(run *results.Results) []Fact {
	var known []Fact
	for _, fact := range []struct {
		name string
		of   func(results.Column) string
	}{
		{"runtime", func(c results.Column) string { return words(c.Runtime.Name, c.Runtime.Version) }},
		{"OCI runtime", func(c results.Column) string { return words(c.OCIRuntime.Name, c.OCIRuntime.Version) }},
		{"libseccomp", func(c results.Column) string { return c.OCIRuntime.Libseccomp }},
		{"Kubernetes", func(c results.Column) string { return c.Kubernetes }},
		{"network", func(c results.Column) string { return words(c.Network.Name, c.Network.Version) }},
		{"nodes", nodes},
		{"node image", func(c results.Column) string { return c.NodeImage }},
		{"configuration", func(c results.Column) string { return strings.Join(slices.Sorted(maps.Keys(c.Config)), ", ") }},
		{"observed in", func(c results.Column) string { return origin(c) }},
		{"cells", func(c results.Column) string { return run.Count(c.Name).String() }},
	} {
		values := make([]string, len(run.Columns))
		for i, column := range run.Columns {
			values[i] = fact.of(column)
		}
		if slices.ContainsFunc(values, func(value string) bool { return value != "" }) {
			known = append(known, Fact{Name: fact.name, Values: values})
		}
	}
	return known
}

// origin is the run and the host of a column that was merged in.
func origin(column results.Column) string {
	if column.From == nil {
		return ""
	}
	return strings.Join(nonEmpty("run "+column.From.Run.ID, Host(column.From.Host)), ", ")
}

func nodes(column results.Column) string {
	if len(column.Nodes) == 0 {
		return ""
	}
	var kinds []string
	for _, node := range column.Nodes {
		kind := strings.Join(nonEmpty(node.OS, prefixed("kernel ", node.Kernel)), ", ")
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return fmt.Sprintf("%d: %s", len(column.Nodes), strings.Join(kinds, "; "))
}

// Host is the machine in a line.
func Host(host results.Host) string {
	return strings.Join(nonEmpty(
		host.OS, prefixed("kernel ", host.Kernel), host.Arch, prefixed("cgroup ", words(host.Cgroup, parenthesized(host.CgroupDriver))), host.Engine,
		plural(host.Cores, "core"), memory(host.MemoryBytes),
	), ", ")
}

// Versions are those of the suite and its parts in a line, by name.
func Versions(run results.Run) string {
	versions := make([]string, 0, len(run.Versions))
	for _, part := range slices.Sorted(maps.Keys(run.Versions)) {
		versions = append(versions, part+" "+run.Versions[part])
	}
	return strings.Join(versions, ", ")
}

// Restriction is one thing that the nodes of columns lack.
type Restriction struct {
	results.Restriction
	// Columns are the names of the columns.
	Columns []string
}

// Restrictions are what the nodes lack and the host does not list, each of them once.
func Restrictions(run *results.Results) []Restriction {
	var list []Restriction
	for _, column := range run.Columns {
		for _, node := range column.Nodes {
			for _, restriction := range node.Restrictions {
				if slices.Contains(run.Host.Restrictions, restriction) {
					continue
				}
				at := slices.IndexFunc(list, func(one Restriction) bool { return one.Restriction == restriction })
				if at < 0 {
					at = len(list)
					list = append(list, Restriction{Restriction: restriction})
				}
				if !slices.Contains(list[at].Columns, column.Name) {
					list[at].Columns = append(list[at].Columns, column.Name)
				}
			}
		}
	}
	return list
}

func words(a, b string) string { return strings.Join(nonEmpty(a, b), " ") }

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(text string) bool { return text == "" })
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func parenthesized(text string) string {
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}

func plural(n int, noun string) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 " + noun
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}

func memory(bytes uint64) string {
	if bytes == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f GiB of memory", float64(bytes)/(1<<30))
}
