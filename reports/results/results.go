// Package results is the model of one run: the matrix of checks x columns with its evidence, as it
// lies in results.json. Every report is rendered from it, and it knows nothing of how it came about.
package results

import (
	"encoding/json"
	"time"
)

// SchemaVersion is the version of results.json that this package reads and writes.
const SchemaVersion = 1

// Verdict is what the judge makes of what was wanted and what was observed.
type Verdict string

// The verdicts. The zero value is an error, so that a forgotten assignment cannot pass.
const (
	Error       Verdict = ""
	Pass        Verdict = "pass"
	Fail        Verdict = "fail"
	Informed    Verdict = "info"
	Unsupported Verdict = "unsupported"
	Skipped     Verdict = "skipped"
)

// Verdicts lists all verdicts in the order in which reports show them.
func Verdicts() []Verdict { return []Verdict{Fail, Error, Unsupported, Skipped, Informed, Pass} }

// String is the verdict's word.
func (v Verdict) String() string {
	if v == Error {
		return "error"
	}
	return string(v)
}

// MarshalText writes the word; the zero value is "error".
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads a word; one that is not known is refused.
func (v *Verdict) UnmarshalText(text []byte) error {
	for _, known := range Verdicts() {
		if known.String() == string(text) {
			*v = known
			return nil
		}
	}
	return &UnknownVerdictError{Word: string(text)}
}

// UnknownVerdictError says that a results file holds a verdict that this version does not know.
type UnknownVerdictError struct{ Word string }

func (e *UnknownVerdictError) Error() string { return "unknown verdict " + e.Word }

// Results is one run.
type Results struct {
	SchemaVersion int      `json:"schemaVersion"`
	Run           Run      `json:"run"`
	Host          Host     `json:"host"`
	Columns       []Column `json:"columns"`
	Checks        []Check  `json:"checks"`
	Cells         []Cell   `json:"cells"`
	Phases        []Phase  `json:"phases"`
	// Expectations is what came of the expectations file that the run was compared with; nil where
	// there was none.
	Expectations *Expectations `json:"expectations,omitempty"`
}

// Run says what ran, when and how it ended.
type Run struct {
	ID       string    `json:"id"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	// Exit is the exit status of `assay run`: 0, 1, 2, 3 or 130.
	Exit int `json:"exit"`
	// Versions are those of the suite and its parts, by name.
	Versions map[string]string `json:"versions"`
	// CommandLine holds no secrets.
	CommandLine []string `json:"commandLine"`
}

// Host is the machine that the clusters ran on.
type Host struct {
	OS     string `json:"os"`
	Kernel string `json:"kernel"`
	Arch   string `json:"arch"`
	// Cgroup is v1 or v2.
	Cgroup string `json:"cgroup"`
	// CgroupDriver is cgroupfs or systemd.
	CgroupDriver string `json:"cgroupDriver"`
	Engine       string `json:"engine"`
	Cores        int    `json:"cores"`
	MemoryBytes  uint64 `json:"memoryBytes"`
	// Restrictions are what the host lacks and what follows, as the OCI shim of the nodes met it.
	Restrictions []Restriction `json:"restrictions"`
}

// Restriction is one thing that the host lacks.
type Restriction struct {
	What   string `json:"what"`
	Detail string `json:"detail"`
	// Effect is what it means for the columns.
	Effect string `json:"effect,omitempty"`
}

// Column is one thing under test.
type Column struct {
	Name       string     `json:"name"`
	Runtime    Runtime    `json:"runtime"`
	OCIRuntime OCIRuntime `json:"ociRuntime"`
	Kubernetes string     `json:"kubernetes"`
	Network    Network    `json:"network"`
	Nodes      []Node     `json:"nodes"`
	NodeImage  string     `json:"nodeImage"`
	// Config are the configuration fragments, by file name.
	Config map[string]string `json:"config,omitempty"`
	// Error says why the column as a whole could not be observed; empty when it could.
	Error string `json:"error,omitempty"`
	// Logs is the folder of the nodes' logs, relative to the results file, when they were collected.
	Logs string `json:"logs,omitempty"`
	// From is the run that the column was observed in, where it was merged in from another.
	From *Origin `json:"from,omitempty"`
}

// Origin is the run that a merged column comes from, and the host of that run.
type Origin struct {
	Run  Run  `json:"run"`
	Host Host `json:"host"`
}

// Runtime is a CRI runtime.
type Runtime struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// OCIRuntime is the runtime that the CRI runtime executes.
type OCIRuntime struct {
	Name       string `json:"name"`
	Version    string `json:"version"`
	Libseccomp string `json:"libseccomp"`
}

// Network is the network implementation.
type Network struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Node is a node of a column.
type Node struct {
	Name    string `json:"name"`
	OS      string `json:"os"`
	Kernel  string `json:"kernel"`
	Runtime string `json:"runtime"`
	// BoundingSet is the capability bounding set of the node itself, in hexadecimal.
	BoundingSet  string        `json:"boundingSet,omitempty"`
	Restrictions []Restriction `json:"restrictions,omitempty"`
}

// Check is a check's description as it was at the time of the run.
type Check struct {
	ID     string `json:"id"`
	Area   string `json:"area"`
	Level  string `json:"level"`
	Claim  string `json:"claim"`
	Source string `json:"source"`
	// Volatile says why what is recorded differs from run to run; empty where it must not. Such values
	// are shown and never compared.
	Volatile string `json:"volatile,omitempty"`
}

// Cell is the verdict of one check in one column.
type Cell struct {
	Check   string  `json:"check"`
	Column  string  `json:"column"`
	Verdict Verdict `json:"verdict"`
	// Reason says in a sentence why the verdict is what it is.
	Reason string `json:"reason"`
	// Observed is what was observed, stable over runs: a text, or a JSON object of recorded values.
	// Columns and runs are compared on it.
	Observed json.RawMessage `json:"observed,omitempty"`
	Trials   []Trial         `json:"trials,omitempty"`
	// Attempts is how many times the trials ran; more than one after infrastructure errors.
	Attempts int `json:"attempts"`
	// Seconds is the time from the first pod's submission to the last evidence.
	Seconds float64 `json:"seconds"`
	// Rerun is the command that reruns just this cell.
	Rerun string `json:"rerun,omitempty"`
	// Earlier holds the reasons of the attempts before the last.
	Earlier []string `json:"earlier,omitempty"`
	// Expectation is what was expected of the cell and what came of it; nil where nothing was said.
	Expectation *Expectation `json:"expectation,omitempty"`
	// Nodes are the answers of the column's nodes where each was asked for itself and they are not all the same:
	// the answer of most nodes first. The cell's own is the worst of them.
	Nodes []NodeAnswer `json:"nodes,omitempty"`
}

// NodeAnswer is what some nodes of a column have in common that others of it answer otherwise.
type NodeAnswer struct {
	// Nodes are the names of the nodes, in the order of the column's.
	Nodes   []string `json:"nodes"`
	Verdict Verdict  `json:"verdict"`
	// Reason is that of the first of the nodes.
	Reason   string          `json:"reason"`
	Observed json.RawMessage `json:"observed,omitempty"`
}

// Trial is what was wanted and what was observed, with the evidence.
type Trial struct {
	Name    string `json:"name"`
	Control bool   `json:"control,omitempty"`
	// Done is what was done, in words.
	Done   string `json:"done"`
	Wanted string `json:"wanted,omitempty"`
	Seen   string `json:"seen"`
	// Met says that Seen is what was wanted; true also where nothing was.
	Met bool `json:"met"`
	// DeniedBy is who denied: seccomp, capability, LSM, kernel; empty when nothing was denied.
	DeniedBy string `json:"deniedBy,omitempty"`
	// Why is the reasoning behind DeniedBy.
	Why       string `json:"why,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Pod       string `json:"pod,omitempty"`
	Container string `json:"container,omitempty"`
	Node      string `json:"node,omitempty"`
	// Evidence names the entry of Evidence files (`evidence/<column>/<pod>.json`) relative to the
	// results file: the pod as the API server has it, the logs and the probe's documents.
	Evidence string `json:"evidence,omitempty"`
	// Filter is the hash of the container's seccomp filters, as the node's kernel has them, and what came
	// of comparing them with the container's own answers.
	Filter string `json:"filter,omitempty"`
	// Log is the text of a real command.
	Log string `json:"log,omitempty"`
}

// Phase is where time went.
type Phase struct {
	// Column is empty for phases of the whole run.
	Column  string  `json:"column,omitempty"`
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}
