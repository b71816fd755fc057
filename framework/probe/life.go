package probe

import "strings"

// The probe's subcommands for checks of a container's life.
const (
	// CommandEmit writes to its log what LogLines, LogBytes or LogFlood say: its argument is lines, bytes
	// or flood.
	CommandEmit = "emit"
	// CommandReadLog reads the log files of a container in the directory of its argument, in the format of
	// the CRI, and prints a LogSummary. A second argument "flood" has it check LogFlood instead.
	CommandReadLog = "read-log"
	// CommandSignals prints "ready", then "signal NAME" for each signal that it gets, and from the first
	// one on every 100 ms "alive MILLISECONDS" since then. With the argument "end" it ends with the first.
	CommandSignals = "signals"
	// CommandTerminal prints the size of its terminal, "ROWS COLUMNS", once it is that of its two arguments,
	// or five seconds later.
	CommandTerminal = "terminal"
	// CommandDigest serves TCP on DigestPort: it answers the first DigestBytes bytes of a connection with a
	// line of their SHA-256, and the end of what it gets with the line "end".
	CommandDigest = "digest"
)

// DigestPort is the TCP port of CommandDigest; it waits for DigestBytes bytes.
const (
	DigestPort  = 8081
	DigestBytes = 1 << 20
)

// OpOrphan leaves a process behind that ends, and looks what becomes of it: Values["zombies"] is how many
// processes of the PID namespace have ended and are not reaped, Values["pid1"] is the command of PID 1.
const OpOrphan Op = "orphan"

// OpVariables reads Values by name of the environment variables ARGS that are set.
const OpVariables Op = "variables"

// LogLine is a line that CommandEmit writes.
type LogLine struct {
	// Stream is stdout or stderr.
	Stream string
	// Text is the line without its newline.
	Text string
	// Unterminated lines have no newline.
	Unterminated bool
}

// LogLines are the lines of CommandEmit "lines": short ones in turn on both streams, then on each 1
// byte to 256 KiB, around the sizes at which runtimes split, and a last one without a newline.
func LogLines() []LogLine {
	var lines []LogLine
	for _, stream := range []string{"stdout", "stderr", "stdout", "stderr"} {
		lines = append(lines, LogLine{Stream: stream, Text: "in turn"})
	}
	for _, stream := range []string{"stdout", "stderr"} {
		for i, size := range []int{1, 2, 80, 1000, 4096, 8191, 8192, 8193, 16383, 16384, 16385, 65536, 262144} {
			lines = append(lines, LogLine{Stream: stream, Text: strings.Repeat(string(rune('a'+i)), size)})
		}
	}
	return append(lines, LogLine{Stream: "stdout", Text: "no newline at the end", Unterminated: true})
}

// LogBytes are the lines of CommandEmit "bytes": every byte but the newline, in rising and in falling
// order.
func LogBytes() []LogLine {
	var rising, falling []byte
	for value := range 256 {
		if value != '\n' {
			rising = append(rising, byte(value))
			falling = append([]byte{byte(value)}, falling...)
		}
	}
	return []LogLine{{Stream: "stdout", Text: string(rising)}, {Stream: "stdout", Text: string(falling)}}
}

// The flood of CommandEmit "flood": FloodLines lines of FloodLineBytes bytes (with the newline) to stdout,
// numbered from 0 in their first ten digits, at FloodBytesPerSecond or as fast as they are taken.
const (
	FloodLineBytes      = 1000
	FloodBytesPerSecond = 50_000_000
	FloodLines          = 2 * FloodBytesPerSecond / FloodLineBytes
)

// LogSummary is what CommandReadLog found in the files of a log.
type LogSummary struct {
	// Lines are those of the container, put together from their parts.
	Lines []LoggedLine `json:"lines,omitempty"`
	// LargestPart is the size in bytes of the largest part of a line that came in parts; 0 if none did.
	LargestPart int `json:"largestPart"`
	// Malformed counts the records that are not in the format of the CRI, First is the first of them.
	Malformed int    `json:"malformed"`
	First     string `json:"first,omitempty"`
	// Flood is of the flood only: how many lines there are, and how many do not follow their predecessor.
	Flood      int `json:"flood,omitempty"`
	OutOfOrder int `json:"outOfOrder,omitempty"`
}

// LoggedLine is a line of a log.
type LoggedLine struct {
	Stream string `json:"stream"`
	Bytes  int    `json:"bytes"`
	// Digest is the SHA-256 of its text in hexadecimal.
	Digest string `json:"digest"`
	// Open says that no part of it is marked as the last.
	Open bool `json:"open,omitempty"`
}
