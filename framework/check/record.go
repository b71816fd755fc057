package check

// Record selects what a check records from a trial, in a stable form that columns are compared on.
type Record struct {
	// Trial is the trial's name.
	Trial string
	// What is recorded.
	What Recorded
	// Only are the calls of RecordSyscalls that are recorded; all when empty.
	Only []string
	// Against is a trial whose table RecordSyscalls is compared with: what differs is recorded, as
	// "EPERM -> allow".
	Against string
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
	// RecordSyscalls is Values of OpSyscallTable with names instead of numbers; see Only and Against.
	RecordSyscalls Recorded = "syscalls"
	// RecordUnknownCalls is the answer to numbers that no profile knows, and the first such number.
	RecordUnknownCalls Recorded = "unknownCalls"
)

// RecordFact records a fact by its name (see FactValue).
func RecordFact(name string) Recorded { return Recorded(name) }
