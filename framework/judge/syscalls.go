package judge

import (
	"fmt"
	"strconv"

	"assay/framework/check"
	"assay/framework/syscalls"
)

// recordSyscalls is a trial's system call table by name, or the part of it that is asked for.
func recordSyscalls(r check.Record, observations map[string]check.Observation) (map[string]string, error) {
	table, err := check.SyscallTable(observations[r.Trial])
	if err != nil {
		return nil, fmt.Errorf("trial %q: %w", r.Trial, err)
	}
	if r.Against != "" {
		return difference(table, r.Against, observations)
	}
	if len(r.Only) == 0 {
		return table, nil
	}
	part := make(map[string]string, len(r.Only))
	for _, name := range r.Only {
		// A call that this architecture does not have is not recorded.
		if answer, asked := table[name]; asked {
			part[name] = answer
		}
	}
	return part, nil
}

// difference is what the table of another trial answers otherwise.
func difference(table map[string]string, against string, observations map[string]check.Observation) (map[string]string, error) {
	other := observations[against]
	if !other.State.Started {
		return nil, fmt.Errorf("trial %q has no system call table: %s", against, started(other))
	}
	base, err := check.SyscallTable(other)
	if err != nil {
		return nil, fmt.Errorf("trial %q: %w", against, err)
	}
	changed := map[string]string{}
	for name, answer := range table {
		if base[name] != answer {
			changed[name] = base[name] + " -> " + answer
		}
	}
	return changed, nil
}

// unknownCalls is the answer to a number that no profile can know, and the number from which on
// all have it.
func unknownCalls(o check.Observation) (map[string]string, error) {
	// The answers by number, the condition-free rows of the table.
	if _, err := check.SyscallTable(o); err != nil {
		return nil, err
	}
	unknown := o.Result.Values[strconv.Itoa(syscalls.UnknownNumber)]
	from := syscalls.LastNumber + 1
	for from > 0 && o.Result.Values[strconv.Itoa(from-1)] == unknown {
		from--
	}
	return map[string]string{"answer": unknown, "from number": strconv.Itoa(from)}, nil
}
