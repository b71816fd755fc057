package check

import (
	"maps"
	"slices"
	"strings"

	"assay/framework/probe"
)

// MountOption wants the mount at Point (of OpMounts) to have Option.
type MountOption struct{ Point, Option string }

// Met implements Want.
func (m MountOption) Met(o Observation) bool {
	return o.Result != nil && o.Result.Outcome == probe.Allowed && hasOption(o.Result.Values[m.Point], m.Option)
}

// Seen implements Want.
func (m MountOption) Seen(o Observation) string {
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return seenResult(o)
	}
	options, mounted := o.Result.Values[m.Point]
	if !mounted {
		return m.Point + " is no mount"
	}
	return m.Point + " " + options
}

func (m MountOption) String() string { return m.Point + " mounted " + m.Option }

// Masks wants (of OpMounts) the paths of /proc and /sys that containers are kept from to be there, or
// nothing of the kind when it is empty. A path is masked by a file system that hides it, or read-only.
type Masks struct{ Masked, ReadOnly []string }

// Met implements Want.
func (m Masks) Met(o Observation) bool {
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return false
	}
	masked, readOnly := masks(o.Result.Values)
	if len(m.Masked)+len(m.ReadOnly) == 0 {
		return len(masked)+len(readOnly) == 0
	}
	return contains(masked, m.Masked) && contains(readOnly, m.ReadOnly)
}

// Seen implements Want.
func (Masks) Seen(o Observation) string {
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return seenResult(o)
	}
	masked, readOnly := masks(o.Result.Values)
	list := func(paths []string) string {
		if len(paths) == 0 {
			return probe.NoValue
		}
		return strings.Join(paths, " ")
	}
	return "masked: " + list(masked) + "; read-only: " + list(readOnly)
}

func (m Masks) String() string {
	if len(m.Masked)+len(m.ReadOnly) == 0 {
		return "no path of /proc and /sys masked or read-only"
	}
	return "masked " + strings.Join(m.Masked, " ") + ", read-only " + strings.Join(m.ReadOnly, " ")
}

// masks are the mounts on paths of /proc and /sys that hide something or take the writing away, sorted.
func masks(mounts map[string]string) (masked, readOnly []string) {
	for _, point := range slices.Sorted(maps.Keys(mounts)) {
		options := mounts[point]
		switch {
		case !strings.HasPrefix(point, "/proc/") && !strings.HasPrefix(point, "/sys/"),
			// Where the cgroups are mounted, whatever else is.
			point == "/sys/fs/cgroup", strings.HasPrefix(point, "/sys/fs/cgroup/"):
		case hasOption(options, "type=proc") || hasOption(options, "type=sysfs"):
			if hasOption(options, "ro") {
				readOnly = append(readOnly, point)
			}
		default:
			masked = append(masked, point)
		}
	}
	return masked, readOnly
}

func hasOption(options, option string) bool {
	return slices.Contains(strings.Split(options, ","), option)
}

func contains(all, some []string) bool {
	return !slices.ContainsFunc(some, func(each string) bool { return !slices.Contains(all, each) })
}
