package check

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/elastic/go-seccomp-bpf/arch"

	"assay/framework/probe"
	"assay/framework/syscalls"
)

// SyscallTable is what OpSyscallTable read, by name instead of number: "mount", "socket family=38".
// Calls that the architecture's table does not have are "number 511".
func SyscallTable(o Observation) (map[string]string, error) {
	if o.Result == nil || o.Document == nil || len(o.Result.Values) == 0 {
		return nil, errors.New("there is no system call table")
	}
	table := make(map[string]string, len(o.Result.Values))
	for key, answer := range o.Result.Values {
		name, err := SyscallName(o.Document.Facts.Arch, key)
		if err != nil {
			return nil, err
		}
		table[name] = answer
	}
	return table, nil
}

// SyscallName is the name of a key of the table of an architecture, as Go names that.
func SyscallName(architecture, key string) (string, error) {
	known, err := arch.GetInfo(architecture)
	if err != nil {
		return "", fmt.Errorf("name the system calls of %q: %w", architecture, err)
	}
	number, condition, conditional := strings.Cut(key, ":")
	n, err := strconv.Atoi(number)
	if err != nil {
		return "", fmt.Errorf("system call %q of the probe's table: %w", key, err)
	}
	name, named := known.SyscallNumbers[n]
	if !named {
		name = "number " + number
	}
	if conditional {
		name += " " + condition
	}
	return name, nil
}

// Blocked stands in Answers for every answer but allow.
const Blocked = "blocked"

// Answers wants the filter to give one of these answers to each of these calls, by the names of
// SyscallTable. A call that the architecture does not have is not asked for.
type Answers map[string][]string

// Met implements Want.
func (a Answers) Met(o Observation) bool {
	table, err := SyscallTable(o)
	if err != nil || o.Result.Outcome != probe.Allowed {
		return false
	}
	met := 0
	for name, wanted := range a {
		answer, asked := table[name]
		blocked := answer != syscalls.Allow && slices.Contains(wanted, Blocked)
		if asked && !blocked && !slices.Contains(wanted, answer) {
			return false
		}
		if asked {
			met++
		}
	}
	return met > 0
}

// Seen implements Want.
func (a Answers) Seen(o Observation) string {
	table, err := SyscallTable(o)
	if err != nil || o.Result.Outcome != probe.Allowed {
		return seenResult(o)
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if answer, asked := table[name]; asked {
			parts = append(parts, name+": "+answer)
		}
	}
	if len(parts) == 0 {
		return "none of these calls was asked for"
	}
	return strings.Join(parts, "; ")
}

func (a Answers) String() string {
	parts := make([]string, 0, len(a))
	for _, name := range slices.Sorted(maps.Keys(a)) {
		parts = append(parts, name+": "+strings.Join(a[name], " or "))
	}
	return "the filter answers " + strings.Join(parts, "; ")
}

// NothingBlocked wants the filter, if there is one, to let every call through that the kernel takes.
type NothingBlocked struct{}

// Met implements Want.
func (n NothingBlocked) Met(o Observation) bool {
	return o.Result != nil && o.Result.Outcome == probe.Allowed && len(o.Result.Values) > 0 && len(n.blocked(o)) == 0
}

// Seen implements Want.
func (n NothingBlocked) Seen(o Observation) string {
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return seenResult(o)
	}
	const shown = 8
	blocked := n.blocked(o)
	text := fmt.Sprintf("%d of %d calls blocked", len(blocked), len(o.Result.Values))
	if len(blocked) > 0 {
		text += ": " + strings.Join(blocked[:min(shown, len(blocked))], ", ")
	}
	return text
}

func (NothingBlocked) String() string { return "no call blocked" }

func (NothingBlocked) blocked(o Observation) []string {
	table, err := SyscallTable(o)
	if err != nil {
		return []string{err.Error()}
	}
	var blocked []string
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if answer := table[name]; answer != syscalls.Allow && answer != syscalls.NoABI {
			blocked = append(blocked, name+" "+answer)
		}
	}
	return blocked
}

// Killed wants the container's command to be ended by a signal: exit code 128 and its number.
type Killed struct{ Signal int32 }

// Met implements Want.
func (k Killed) Met(o Observation) bool {
	return o.State.Started && o.State.Terminated && (o.State.Signal == k.Signal || o.State.ExitCode == 128+k.Signal)
}

// Seen implements Want.
func (Killed) Seen(o Observation) string { return seenState(o) }

func (k Killed) String() string {
	return fmt.Sprintf("ended by signal %d, exit %d", k.Signal, 128+k.Signal)
}

// NeverRan wants the container's command never to run: the container is refused, or it ends before it
// says Says. A filter that takes everything away hits the OCI runtime's own process in the container, and
// the kubelet hears of that before or after the container counts as started.
type NeverRan struct{ Says string }

// Met implements Want.
func (n NeverRan) Met(o Observation) bool {
	died := o.State.Started && o.State.Terminated && o.State.ExitCode != 0 && !strings.Contains(o.Log, n.Says)
	return died || NotStarted{}.Met(o)
}

// Seen implements Want.
func (NeverRan) Seen(o Observation) string { return seenState(o) }

func (n NeverRan) String() string { return fmt.Sprintf("ended or refused before it says %q", n.Says) }

// EnforcedOrRefused wants what the container asked for to be in force, so that the action is denied with
// one of Errnos, or the container never to be started: anything but to be ignored.
type EnforcedOrRefused struct{ Errnos []string }

// Met implements Want.
func (e EnforcedOrRefused) Met(o Observation) bool {
	return Denied{Errnos: e.Errnos}.Met(o) || NotStarted{}.Met(o)
}

// Seen implements Want.
func (EnforcedOrRefused) Seen(o Observation) string { return seenResult(o) }

func (e EnforcedOrRefused) String() string {
	return Denied{Errnos: e.Errnos}.String() + ", or never started"
}
