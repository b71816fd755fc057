package probe

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Set is a capability set: bit n is capability number n of capabilities(7).
// In JSON it is a string of sixteen hexadecimal digits, as in /proc/self/status.
// Source: https://man7.org/linux/man-pages/man7/capabilities.7.html
type Set uint64

// capabilityNames are the names of linux/capability.h by number, without CAP_.
func capabilityNames() []string {
	return []string{
		"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
		"SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
		"IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
		"SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
		"LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
		"WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
	}
}

// CapabilitySet is the set of the named capabilities, without CAP_; an unknown name is an error.
func CapabilitySet(names ...string) (Set, error) {
	var set Set
	known := capabilityNames()
	for _, name := range names {
		number := slices.Index(known, name)
		if number < 0 {
			return 0, fmt.Errorf("no capability is named %q", name)
		}
		set |= 1 << number
	}
	return set, nil
}

// FullSet holds every capability up to and including number last (cap_last_cap).
func FullSet(last int) Set {
	if last < 0 || last >= 63 {
		return ^Set(0)
	}
	return Set(1)<<(last+1) - 1
}

// Has says whether the named capability is in the set.
func (s Set) Has(name string) bool {
	number := slices.Index(capabilityNames(), name)
	return number >= 0 && s&(1<<number) != 0
}

// Names lists the set by name, sorted; a number without a name is listed as the kernel does, "CAP_41".
func (s Set) Names() []string {
	known := capabilityNames()
	names := make([]string, 0, bits.OnesCount64(uint64(s)))
	for number := range 64 {
		switch {
		case s&(1<<number) == 0:
		case number < len(known):
			names = append(names, known[number])
		default:
			names = append(names, fmt.Sprintf("CAP_%d", number))
		}
	}
	slices.Sort(names)
	return names
}

// String is the hexadecimal mask with the number of capabilities and their names.
func (s Set) String() string {
	return fmt.Sprintf("0x%x (%d: %s)", uint64(s), bits.OnesCount64(uint64(s)), strings.Join(s.Names(), " "))
}

// MarshalText writes the set as the kernel does.
func (s Set) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%016x", uint64(s)), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Set) UnmarshalText(text []byte) error {
	value, err := strconv.ParseUint(string(text), 16, 64)
	if err != nil {
		return fmt.Errorf("capability set %q: %w", text, err)
	}
	*s = Set(value)
	return nil
}
