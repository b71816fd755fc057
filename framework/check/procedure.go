package check

import (
	"maps"
	"slices"
)

// Procedure is something that the suite itself does to a trial's running container through the API:
// streams, logs, deletion with a grace period, and the like (framework/procedure). Its outcome and what
// it measured are the result of the trial, judged by the ordinary wants; a procedure that could not be
// carried out is a problem, which says nothing about the runtime.
type Procedure struct {
	// Name is one of the names of procedures.
	Name string
	// Args are its operands by name.
	Args map[string]string
}

// IsZero says that there is none.
func (p Procedure) IsZero() bool { return p.Name == "" }

// String is the procedure with its operands, in a stable order. Equal procedures of a container are
// carried out once.
func (p Procedure) String() string {
	text := p.Name
	for _, name := range slices.Sorted(maps.Keys(p.Args)) {
		text += " " + name + "=" + p.Args[name]
	}
	return text
}

// The procedures; what each does, its operands and its values are said where it is implemented.
const (
	// ProcedureResizeCPU changes the container's CPU limit by the resize subresource.
	ProcedureResizeCPU = "resize-cpu"
	// ProcedureStatsGrow follows the kubelet's summary while the container uses CPU and memory.
	ProcedureStatsGrow = "stats-grow"
	// ProcedureExec runs a script in the container.
	ProcedureExec = "exec"
	// ProcedureExecThrough sends 1 MiB through a command in the container.
	ProcedureExecThrough = "exec-through"
	// ProcedureExecTerminal runs a command at a terminal of a size.
	ProcedureExecTerminal = "exec-terminal"
	// ProcedureExecEnded runs a command in the container once it has ended.
	ProcedureExecEnded = "exec-ended"
	// ProcedureExecMany runs many commands at once.
	ProcedureExecMany = "exec-many"
	// ProcedureAttach sends 1 MiB through the container's first process.
	ProcedureAttach = "attach"
	// ProcedureForward sends 1 MiB to a port of the pod and waits for the answer after its end.
	ProcedureForward = "port-forward"
	// ProcedureForwardEcho sends 1 MiB to a port of the pod that sends it back.
	ProcedureForwardEcho = "port-forward-echo"
	// ProcedureStop deletes the pod and follows what the container meets with.
	ProcedureStop = "stop"
	// ProcedureRestarts waits for restarts of the container.
	ProcedureRestarts = "restarts"
	// ProcedureImageError waits for what is wrong with the container's image.
	ProcedureImageError = "image-error"
	// ProcedureReadLogs compares the container's log with what it wrote.
	ProcedureReadLogs = "read-logs"
	// ProcedureProbeTimeout waits until the container's exec probe is timed out.
	ProcedureProbeTimeout = "probe-timeout"
	// ProcedureRestartRuntime restarts the container runtime of the container's node.
	ProcedureRestartRuntime = "restart-runtime"
	// ProcedureLatency measures how long the pod takes to run.
	ProcedureLatency = "latency"
)
