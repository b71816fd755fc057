// Package probe is the protocol between the suite and the program in the pod (fixtures/probe): what
// the probe is asked to do, and what it says it saw. The probe knows nothing of what was wanted.
//
// The package imports the standard library only, so that the probe stays small.
package probe

// Version is the version of the protocol. A probe refuses a request of another version.
const Version = 1

// RequestVariable is the environment variable that holds the JSON of the Request.
const RequestVariable = "ASSAY_REQUEST"

// PeerVariable is the environment variable that holds the IP address of a pod on another node.
const PeerVariable = "PEER_IP"

// DocumentPrefix starts the one line of the probe's output that holds the document; what else is in a
// container's log (warnings of the OCI runtime, say) is not the probe's.
const DocumentPrefix = "assay-document: "

// Request is what a container's probe is to do: actions in order, each undone before the next.
type Request struct {
	Version int      `json:"version"`
	Actions []Action `json:"actions,omitempty"`
	// Hold has the probe stay after it has printed the document, until it is told to end.
	Hold bool `json:"hold,omitempty"`
}

// Action is one thing the probe does. Op chooses it, Args are its operands. Use the constructors.
type Action struct {
	Op   Op       `json:"op"`
	Args []string `json:"args,omitempty"`
}

// IsZero says that nothing is to be done beyond reporting the facts of the process.
func (a Action) IsZero() bool { return a.Op == "" }

// Key identifies an action within a container: equal actions are done once.
func (a Action) Key() string {
	key := string(a.Op)
	for _, arg := range a.Args {
		key += "\x00" + arg
	}
	return key
}

// Op is the kind of an action.
type Op string

// Outcome of an action. The zero value is unknown: the probe broke or never said.
type Outcome string

// The outcomes. Allowed: the call succeeded. Denied: the kernel refused it with an errno (or, for a
// real command, the command ran and failed). Broken: the action could not be carried out, which says
// nothing about the runtime.
const (
	Unknown Outcome = ""
	Allowed Outcome = "allowed"
	Denied  Outcome = "denied"
	Broken  Outcome = "broken"
)

// Result is what one action met with.
type Result struct {
	Action  Action  `json:"action"`
	Outcome Outcome `json:"outcome"`
	// Syscall is the call that decided the outcome, as "mount" or "clock_adjtime".
	Syscall string `json:"syscall,omitempty"`
	// Errno is its errno by name ("EPERM"), empty on success.
	Errno string `json:"errno,omitempty"`
	// Filter is what the container's own seccomp filter answers for that very call with those scalar
	// arguments: "allow", an errno name, or empty where there is no filter or it could not be asked.
	Filter string `json:"filter,omitempty"`
	// Capability is the capability the kernel asks for that call, without CAP_; empty for none.
	Capability string `json:"capability,omitempty"`
	// Values are what the action read or measured, by name.
	Values map[string]string `json:"values,omitempty"`
	// Output is what a real command printed (stdout and stderr), cut at 16 KiB.
	Output string `json:"output,omitempty"`
	// ExitCode is the exit code of a real command.
	ExitCode *int `json:"exitCode,omitempty"`
	// Problem says why the outcome is Broken.
	Problem string `json:"problem,omitempty"`
}

// Document is all that one container's probe saw.
type Document struct {
	Version int      `json:"version"`
	Facts   Facts    `json:"facts"`
	Results []Result `json:"results,omitempty"`
	// Complete is true only when the probe reached its end.
	Complete bool `json:"complete"`
}

// Facts are what the kernel says of the container's first process, before any action.
type Facts struct {
	UID    int   `json:"uid"`
	EUID   int   `json:"euid"`
	GID    int   `json:"gid"`
	EGID   int   `json:"egid"`
	Groups []int `json:"groups"`
	PID    int   `json:"pid"`
	// Capabilities are the five sets by the kernel's names (CapInh ...), as in /proc/self/status.
	Capabilities Capabilities `json:"capabilities"`
	// LastCapability is /proc/sys/kernel/cap_last_cap.
	LastCapability int    `json:"lastCapability"`
	NoNewPrivs     int    `json:"noNewPrivs"`
	Seccomp        int    `json:"seccomp"`
	SeccompFilters int    `json:"seccompFilters"`
	LSM            string `json:"lsm,omitempty"`
	// Namespaces are the inode links of /proc/self/ns, by name.
	Namespaces map[string]string `json:"namespaces"`
	Kernel     string            `json:"kernel"`
	Arch       string            `json:"arch"`
}

// Capabilities are the five capability sets as bit masks (bit n is capability n; capabilities(7)).
type Capabilities struct {
	Inheritable Set `json:"inheritable"`
	Permitted   Set `json:"permitted"`
	Effective   Set `json:"effective"`
	Bounding    Set `json:"bounding"`
	Ambient     Set `json:"ambient"`
}
