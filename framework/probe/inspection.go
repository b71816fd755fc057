package probe

// Inspection is the probe's report of the container it runs in (CommandInspect).
type Inspection struct {
	// Version is that of the protocol.
	Version int   `json:"version"`
	Facts   Facts `json:"facts"`
	// Capabilities are the names in the five sets, by the kernel's names (CapInh ...).
	Capabilities map[string][]string `json:"capabilities"`
	// Syscalls are the answers of the container's own seccomp filter, asked of it call by call, by the
	// call's name and, where an argument decides, the condition ("socket family=38"): "allow", an errno's
	// name or "kill".
	Syscalls map[string]string `json:"syscalls,omitempty"`
	// Namespaces are those of the process, by name; IDMappings, Cgroup and Time say what becomes of IDs,
	// of the cgroup hierarchy and of the clocks in them (the values of OpIDMappings, OpCgroupView and
	// OpTimeNamespace).
	Namespaces map[string]string `json:"namespaces"`
	IDMappings map[string]string `json:"idMappings,omitempty"`
	Cgroup     map[string]string `json:"cgroup,omitempty"`
	Time       map[string]string `json:"time,omitempty"`
	// Masked are the paths of /proc and /sys that something else is mounted over, ReadOnly those that
	// are mounted read-only.
	Masked   []string `json:"masked"`
	ReadOnly []string `json:"readOnly"`
	// Rlimits are "soft hard" by the names of /proc/PID/limits, Limits those of the cgroup by file.
	Rlimits map[string]string `json:"rlimits,omitempty"`
	Limits  map[string]string `json:"limits,omitempty"`
	// LSMs is the kernel's list of active security modules, empty where it cannot be read; the label of
	// the process is in Facts.
	LSMs    string            `json:"lsms,omitempty"`
	Sysctls map[string]string `json:"sysctls,omitempty"`
	// Problems say what could not be found out and why, by the name of the field.
	Problems map[string]string `json:"problems,omitempty"`
}
