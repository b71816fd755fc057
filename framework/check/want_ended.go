package check

import (
	"fmt"
	"strings"
)

// Ended wants the container to run to an end with an exit code and, where they are set, a reason and the
// whole of a message, as the container's status has them.
type Ended struct {
	ExitCode int32
	Reason   string
	// Message is compared as a whole when it is not nil; empty wants none.
	Message *string
}

// Met implements Want.
func (e Ended) Met(o Observation) bool {
	return o.State.Started && o.State.Terminated && o.State.ExitCode == e.ExitCode &&
		(e.Reason == "" || o.State.Reason == e.Reason) && (e.Message == nil || o.State.Message == *e.Message)
}

// Seen implements Want.
func (e Ended) Seen(o Observation) string {
	if !o.State.Started || !o.State.Terminated {
		return seenState(o)
	}
	return endedText(o.State.ExitCode, o.State.Reason, &o.State.Message)
}

func (e Ended) String() string { return endedText(e.ExitCode, e.Reason, e.Message) }

func endedText(exitCode int32, reason string, message *string) string {
	text := fmt.Sprintf("exit %d", exitCode)
	if reason != "" {
		text += " (" + reason + ")"
	}
	if message == nil {
		return text
	}
	const shown = 60
	start := *message
	if len(start) > shown {
		start = start[:shown] + "..."
	}
	return text + fmt.Sprintf(", a message of %d bytes: %q", len(*message), start)
}

// Printed wants the container's command to end with 0 and its log to be exactly this, but for blanks
// around it.
type Printed string

// Met implements Want.
func (p Printed) Met(o Observation) bool {
	return o.State.Started && o.State.Terminated && o.State.ExitCode == 0 && strings.TrimSpace(o.Log) == string(p)
}

// Seen implements Want.
func (Printed) Seen(o Observation) string {
	if !o.State.Started || !o.State.Terminated {
		return seenState(o)
	}
	return fmt.Sprintf("exit %d, %q", o.State.ExitCode, strings.TrimSpace(o.Log))
}

func (p Printed) String() string { return fmt.Sprintf("exit 0, %q", string(p)) }

// AnyOf wants any in the list, where the texts leave several ways.
type AnyOf []Want

// Met implements Want.
func (a AnyOf) Met(o Observation) bool {
	for _, want := range a {
		if want.Met(o) {
			return true
		}
	}
	return false
}

// Seen implements Want.
func (a AnyOf) Seen(o Observation) string {
	if len(a) == 0 {
		return seenResult(o)
	}
	for _, want := range a {
		if want.Met(o) {
			return want.Seen(o)
		}
	}
	return a[0].Seen(o)
}

func (a AnyOf) String() string {
	parts := make([]string, 0, len(a))
	for _, want := range a {
		parts = append(parts, want.String())
	}
	return strings.Join(parts, ", or ")
}
