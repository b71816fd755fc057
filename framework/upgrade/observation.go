package upgrade

import (
	"time"

	"assay/framework/probe"
)

// Observation is what was seen of one upgrade. The zero value of every part says that it was not looked at.
type Observation struct {
	// Drained says that the node was drained for it; otherwise its pods were left to run.
	Drained bool
	// Wanted is the containerRuntimeVersion that the nodes are to report.
	Wanted string
	// Restart is what the restart of the daemon said; empty where it went well.
	Restart Seen[string]
	// Daemon is the unit of the new runtime in the end.
	Daemon Seen[Daemon]
	// Runtimes are the containerRuntimeVersions that the upgraded nodes report in the end.
	Runtimes Seen[map[string]string]
	// Node is the worker from the swap on.
	Node Seen[Node]
	// Times are how long the steps took.
	Times Seen[map[string]time.Duration]
	// Before and After are what the witnesses are, before the swap and after it.
	Before, After Look
	// Connections are those of the client on the other node, in order.
	Connections Seen[[]Connections]
	// Stops are the ends of the pods that were deleted or evicted, by name.
	Stops Seen[map[string]Stop]
	// NewPod is why a new pod does not run on the node; empty where it does.
	NewPod Seen[string]
	// Replacement is the node that the evicted server was started on while its own was drained.
	Replacement Seen[string]
	// Suite is what became of the suite that runs before and after.
	Suite Seen[Comparison]
	// Worker is the name of the node.
	Worker string
}

// Look is what was seen of the witnesses at one time.
type Look struct {
	// Lives are their containers by pod and name.
	Lives Seen[map[string]Life]
	// Log is what the counter said.
	Log Seen[[]Line]
	// Exec is what a command in the counter said of the file in its volume; Forward what came back through a
	// port-forward to the server.
	Exec    Seen[Answer]
	Forward Seen[Answer]
	// Missing are the containers that the kubelet's summary lacks.
	Missing Seen[[]string]
	// Remains are what the node has of the pods; after the swap when they are deleted.
	Remains Seen[[]string]
}

// Seen is something that was looked at: its value, or why it could not be had.
type Seen[T any] struct {
	Value  T
	Err    error
	Looked bool
}

// saw is what a look gave.
func saw[T any](value T, err error) Seen[T] { return Seen[T]{Value: value, Err: err, Looked: true} }

// missing says why there is no value; empty where there is one.
func (s Seen[T]) missing(what string) string {
	switch {
	case !s.Looked:
		return what + ": not looked at"
	case s.Err != nil:
		return what + ": " + s.Err.Error()
	default:
		return ""
	}
}

// both says why a look before the swap or the same look after it gave no value.
func both[T any](what string, before, after Seen[T]) string {
	if problem := before.missing(what + ", before"); problem != "" {
		return problem
	}
	return after.missing(what + ", after")
}

// Daemon is the unit of a runtime, as systemd has it.
type Daemon struct {
	// State is ActiveState/SubState.
	State string
	// Restarts are those that systemd made because it had ended.
	Restarts int
}

// Node is a node from the swap on.
type Node struct {
	// Ready says that it is ready in the end, Words what its condition says.
	Ready bool
	Words string
	// NotReady is how long it was not.
	NotReady time.Duration
}

// Life is what tells one run of a container from another.
type Life struct {
	ID       string
	Started  time.Time
	Restarts int
	Running  bool
	// State is in words.
	State string
}

// Line is a line of the counter.
type Line struct {
	// Number is 1 in the first line of a process, Process what tells it from another.
	Number  int
	Process string
	// Said is when the process wrote it, in seconds since the node's boot; Logged when the runtime took it.
	Said   float64
	Logged time.Time
}

// Answer is what was answered, or why nothing was.
type Answer struct{ Text, Problem string }

// Connections are those of one moment, by target.
type Connections struct {
	// At is when they were asked for.
	At   time.Time
	Ends map[string]probe.Connection
	// Problem says that the client could not be asked.
	Problem string
	// Phase is before, during or after the swap.
	Phase Phase
}

// Phase is a part of the time around the swap.
type Phase int

// The phases.
const (
	Before Phase = iota
	During
	After
)

// The targets of connections.
const (
	// ToPod is a new connection to the server's address each time, ToService one to its Service.
	ToPod     = "pod"
	ToService = "service"
	// Held is one connection to the server that stays open.
	Held = "held"
)

// Stop is the end of a pod.
type Stop struct {
	// Lines are what it said from the deletion on, End when it ended, ExitCode its exit code; see
	// check.ProcedureStop.
	Lines, End, ExitCode string
	// Problem is why there is none of that.
	Problem string
}

// The pods that are stopped.
const (
	// Polite ends at the first signal, Stubborn says what it gets and stays until it is killed.
	Polite   = "polite"
	Stubborn = "stubborn"
)

// Comparison is what differs between the suite before and the suite after, by checks.
type Comparison struct {
	// LeftOut is why the suite did not run; empty where it did.
	LeftOut string
	// NewFailures are of level must.
	NewFailures []string
	// NotComparable could not be observed on one of the sides.
	NotComparable []string
	// Compared is how many checks there are, Changed how many were observed to change.
	Compared, Changed int
}
