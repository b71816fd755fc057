package check

// Record selects what a check records from a trial, in a stable form that columns are compared on.
type Record struct {
	// Trial is the trial's name.
	Trial string
	// What is recorded.
	What Recorded
	// As is the name in the recorded value; empty when the check records one thing only.
	As string
}

// Recorded is a kind of value.
type Recorded string

// The kinds of values. Outcome: the action's outcome with syscall and errno, or the exit code of a
// real command. Output: the last line a real command printed. Values: all that the action read.
// Capabilities: the five sets by name. DeniedBy: who denied. Started: whether the container ran, or
// why not. A name of FactValue records that fact.
const (
	RecordOutcome      Recorded = "outcome"
	RecordOutput       Recorded = "output"
	RecordValues       Recorded = "values"
	RecordCapabilities Recorded = "capabilities"
	RecordDeniedBy     Recorded = "deniedBy"
	RecordStarted      Recorded = "started"
	// RecordSyscalls is Values of OpSyscallTable with names instead of numbers.
	RecordSyscalls Recorded = "syscalls"
)

// RecordFact records a fact by its name (see FactValue).
func RecordFact(name string) Recorded { return Recorded(name) }
