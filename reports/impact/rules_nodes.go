package impact

import (
	"fmt"
	"slices"
	"strings"

	"assay/reports/inert"
)

const (
	logLines     = "life/log-lines"
	cgroupDriver = "cgroup/driver"
)

func nodeRules() []Rule {
	return []Rule{
		{ID: "log-lines", Checks: []string{logLines}, find: logShippers},
		{ID: "cgroup-path", Checks: []string{cgroupDriver}, find: cgroupReaders},
		{ID: "runtime-path", find: runtimePaths},
	}
}

// hostPaths lists the directories of the node that a pod mounts, with the path of the field.
func (w *Workload) hostPaths() map[string]string {
	found := map[string]string{}
	for i, volume := range w.Spec.Volumes {
		if volume.HostPath != nil {
			found[w.path("volumes[%d].hostPath.path", i)] = volume.HostPath.Path
		}
	}
	return found
}

// mountsBelow finds a hostPath at, above or below one of the directories of a node.
func (w *Workload) mountsBelow(directories ...string) (at string, is bool) {
	paths := w.hostPaths()
	for _, field := range sortedKeys(paths) {
		path := strings.TrimSuffix(paths[field], "/")
		if slices.ContainsFunc(directories, func(directory string) bool {
			return path == directory || strings.HasPrefix(path, directory+"/")
		}) {
			return field, true
		}
	}
	return "", false
}

// logShippers finds pods that read the logs of other containers on the node, where long lines are split at
// another length.
func logShippers(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(logLines)
	at, reads := w.mountsBelow("/var/log", "/var/log/pods", "/var/log/containers")
	if !reads {
		return nil
	}
	const fix = "let it join partial lines (tags P and F of the CRI log format)"
	if change.Worse() {
		return []Finding{change.failing(MayBreak, at, "reads the node's container logs, whose lines are no longer as they should be. Check what it makes of long lines.", fix)}
	}
	value, differs := change.Value("largestPart")
	if !differs {
		return nil
	}
	return []Finding{change.finding(MayBreak, at, value,
		fmt.Sprintf("reads the node's container logs, whose long lines are split after %s bytes instead of %s. Check that it joins the parts, and that JSON logs of more than %s bytes arrive whole.",
			value.After, value.Before, value.After), fix)}
}

// cgroupReaders finds pods that look at the node's cgroup tree, where containers lie elsewhere.
func cgroupReaders(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(cgroupDriver)
	at, reads := w.mountsBelow("/sys/fs/cgroup", "/sys")
	if !reads {
		return nil
	}
	for _, value := range change.Values {
		if value.Before != value.After {
			return []Finding{change.finding(MayBreak, at, value,
				"mounts the node's cgroup tree, where containers lie elsewhere. Check that it still assigns them to their pods.", "use a version that knows the runtime's paths, or the kubelet's summary API")}
		}
	}
	return nil
}

// runtimePaths finds pods that mount a path of the node which has the name of the runtime in it, such as its
// socket, where the other column has another runtime. What it rests on is the columns, no check.
func runtimePaths(c *Comparison, w *Workload) []Finding {
	before, _ := c.A.Results.Column(c.A.Column)
	after, _ := c.B.Results.Column(c.B.Column)
	name := pathName(before.Runtime.Name)
	if name == "" || name == pathName(after.Runtime.Name) {
		return nil
	}
	var findings []Finding
	paths := w.hostPaths()
	for _, field := range sortedKeys(paths) {
		if !slices.ContainsFunc(strings.FieldsFunc(paths[field], func(r rune) bool { return r == '/' || r == '.' }), func(part string) bool { return pathName(part) == name }) {
			continue
		}
		findings = append(findings, Finding{
			Grade: Breaks, Path: field,
			What:   fmt.Sprintf("mounts %s of the node, which belongs to %s; nodes with %s have no such path.", inert.Short(paths[field], longestValue), before.Runtime.Name, after.Runtime.Name),
			Fix:    fmt.Sprintf("mount the path of %s there, or use a program that finds the runtime's socket itself", after.Runtime.Name),
			Before: inert.Short(before.Runtime.Name+" "+before.Runtime.Version, longestValue), After: inert.Short(after.Runtime.Name+" "+after.Runtime.Version, longestValue),
			Link: "https://kubernetes.io/docs/setup/production-environment/container-runtimes/",
		})
	}
	return findings
}

// pathName is a runtime's name as paths have it: without the hyphen.
func pathName(name string) string { return strings.ReplaceAll(strings.ToLower(name), "-", "") }
