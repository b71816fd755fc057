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
	// ProcedureExec runs a command in the container.
	ProcedureExec = "exec"
)
