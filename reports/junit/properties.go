package junit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"assay/reports/inert"
	"assay/reports/results"
)

// environment describes a column and what it ran on.
func environment(run *results.Results, column results.Column) *properties {
	var p properties
	host, observedIn := run.HostOf(column), run.RunOf(column)
	p.add("run", observedIn.ID)
	p.add("runtime", column.Runtime.Name)
	p.add("runtimeVersion", column.Runtime.Version)
	p.add("ociRuntime", column.OCIRuntime.Name)
	p.add("ociRuntimeVersion", column.OCIRuntime.Version)
	p.add("libseccomp", column.OCIRuntime.Libseccomp)
	p.add("kubernetes", column.Kubernetes)
	p.add("network", column.Network.Name)
	p.add("networkVersion", column.Network.Version)
	p.add("nodeImage", column.NodeImage)
	for _, file := range slices.Sorted(maps.Keys(column.Config)) {
		p.add("config", file)
	}
	for _, node := range column.Nodes {
		p.add("node", fmt.Sprintf("%s: %s, kernel %s, %s", node.Name, node.OS, node.Kernel, node.Runtime))
		for _, restriction := range node.Restrictions {
			p.add("nodeRestriction", node.Name+": "+restrictionText(restriction))
		}
	}
	p.add("os", host.OS)
	p.add("kernel", host.Kernel)
	p.add("arch", host.Arch)
	p.add("cgroup", host.Cgroup)
	p.add("cgroupDriver", host.CgroupDriver)
	p.add("engine", host.Engine)
	for _, restriction := range host.Restrictions {
		p.add("hostRestriction", restrictionText(restriction))
	}
	for _, part := range slices.Sorted(maps.Keys(observedIn.Versions)) {
		p.add("version."+part, observedIn.Versions[part])
	}
	return p.orNil()
}

func restrictionText(restriction results.Restriction) string {
	text := restriction.What + ": " + restriction.Detail
	if restriction.Effect != "" {
		text += "; " + restriction.Effect
	}
	return text
}

// describe describes a cell. lifecycle is the word by which Prow groups: blocking or informing.
func describe(check results.Check, cell results.Cell) *properties {
	var p properties
	lifecycle := "blocking"
	if check.Level == results.LevelShould || check.Level == results.LevelInfo {
		lifecycle = "informing"
	}
	p.add("check", check.ID)
	p.add("level", check.Level)
	p.add("lifecycle", lifecycle)
	p.add("verdict", cell.Verdict.String())
	p.add("source", check.Source)
	p.add("observed", observed(cell.Observed))
	for _, trial := range cell.Trials {
		if trial.DeniedBy != "" {
			p.add("deniedBy", trial.Name+": "+trial.DeniedBy)
		}
	}
	if cell.Attempts > 1 {
		p.add("attempts", strconv.Itoa(cell.Attempts))
	}
	if cell.Expectation != nil {
		p.add("expectation", string(cell.Expectation.State))
		p.add("expectationEntry", cell.Expectation.Entry)
		p.add("expectationLink", cell.Expectation.Link)
	}
	p.add("rerun", cell.Rerun)
	return p.orNil()
}

// observed is a recorded value in one line: a text as it is, anything else as JSON.
func observed(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var line bytes.Buffer
	if json.Compact(&line, value) != nil {
		return string(value)
	}
	return line.String()
}

func (p *properties) add(name, value string) {
	if value != "" {
		p.List = append(p.List, property{inert.Short(name, nameWidth), inert.Short(value, propertyWidth)})
	}
}

func (p *properties) orNil() *properties {
	if len(p.List) == 0 {
		return nil
	}
	return p
}
