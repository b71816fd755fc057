package probe

import (
	"context"
	"slices"
	"time"
)

// Target is an address to connect to.
type Target struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	// Port is 0 for ICMP.
	Port int `json:"port,omitempty"`
	// Protocol is TCP, UDP, SCTP or ICMP.
	Protocol string `json:"protocol"`
	// Keep leaves the connection open. A later request with Keep and the same name asks for an echo over the
	// connection that is open already. TCP and UDP only.
	Keep bool `json:"keep,omitempty"`
	// Explain asks how a connection is denied; see ConnectResponse.Denials. It is made after the others. TCP and UDP
	// over IPv4 only.
	Explain bool `json:"explain,omitempty"`
	// Blocked says that the connection is expected not to be made, Changed that this was otherwise until now; see
	// Settle.
	Blocked bool `json:"blocked,omitempty"`
	Changed bool `json:"changed,omitempty"`
}

// ConnectRequest asks for one connection to each target, all at once.
type ConnectRequest struct {
	Version int `json:"version"`
	// ID is of the response, too.
	ID      int      `json:"id,omitempty"`
	Targets []Target `json:"targets"`
	// TimeoutMilliseconds is the deadline of each connection.
	TimeoutMilliseconds int `json:"timeoutMilliseconds"`
	// Settle has the connections be made more than once.
	Settle *Settle `json:"settle,omitempty"`
}

// Settle has all connections be made again until they end as expected so many times in a row. As long as some do
// not, only some of these are made again; those that are expected to have changed are the first to be looked at.
type Settle struct {
	// Rows is how many times in a row they have to end as expected, at least 1.
	Rows int `json:"rows"`
	// Milliseconds is how long connections that do not end as expected are made again; 0 gives up at once.
	Milliseconds int `json:"milliseconds"`
	// LongestMilliseconds bounds the deadline of a connection, which is doubled when one that is expected to be made
	// does not keep to it, as on a busy machine.
	LongestMilliseconds int `json:"longestMilliseconds"`
}

// Connection is how a connection ended. The zero value says that nothing is known.
type Connection string

// The ends of a connection. Broken is the probe's own failure, never "blocked"; Unsupported is a protocol
// that the kernel lacks.
const (
	Connected   Connection = "connected"
	Refused     Connection = "refused"
	Reset       Connection = "reset"
	TimedOut    Connection = "timed out"
	Unreachable Connection = "unreachable"
	BrokenProbe Connection = "broken"
	Unsupported Connection = "unsupported"
)

// ConnectResponse answers a ConnectRequest.
type ConnectResponse struct {
	Version int `json:"version"`
	ID      int `json:"id,omitempty"`
	// Connections are by target name.
	Connections map[string]Connection `json:"connections"`
	// Problems are the words behind Broken, by target name.
	Problems map[string]string `json:"problems,omitempty"`
	// Denials say how a connection was denied, by the names of the targets that were to be explained: "no
	// answer", "TCP reset", an errno of the local machine or the ICMP message that came ("ICMP port unreachable").
	Denials map[string]string `json:"denials,omitempty"`
	// Rounds is how many times connections were made. Settled says that they ended as expected as often as Settle
	// says, SettledMilliseconds when the first round of that row began, from the start of the request.
	Rounds              int   `json:"rounds,omitempty"`
	Settled             bool  `json:"settled,omitempty"`
	SettledMilliseconds int64 `json:"settledMilliseconds,omitempty"`
}

const (
	// roundInterval is the time between two rounds of connections.
	roundInterval = 400 * time.Millisecond
	// awaited is how many of the connections that do not end as expected are made again until they do: then it is
	// the others' turn.
	awaited = 2
)

// CarryOut answers the request; connect makes the connections of one round, which is a request without Settle. The
// error is that of connect, or of the context.
func (r ConnectRequest) CarryOut(ctx context.Context, connect func(context.Context, ConnectRequest) (ConnectResponse, error)) (ConnectResponse, error) {
	if r.Settle == nil {
		return connect(ctx, r)
	}
	started := time.Now()
	total := ConnectResponse{Version: r.Version, ID: r.ID, Connections: map[string]Connection{}, Problems: map[string]string{}}
	round, row := r, 0
	round.Settle = nil
	// What did not end as expected yet.
	pending := r.Targets
	if changed := r.changed(); len(changed) > 0 && r.Settle.Milliseconds > 0 {
		round.Targets = changed[:min(len(changed), awaited)]
	}
	next := time.NewTicker(roundInterval)
	defer next.Stop()
	for {
		began := time.Since(started)
		seen, err := connect(ctx, round)
		if err != nil {
			return total, err
		}
		total.Rounds++
		for _, target := range round.Targets {
			total.Connections[target.Name], total.Problems[target.Name] = seen.Connections[target.Name], seen.Problems[target.Name]
		}
		differing := seen.differing(round.Targets)
		pending = total.differing(pending)
		switch {
		case len(pending) == 0:
			if row++; row == 1 {
				total.SettledMilliseconds = began.Milliseconds()
			}
			if total.Settled = row >= r.Settle.Rows; total.Settled {
				return total, nil
			}
			pending, round.Targets = r.Targets, r.Targets
		case seen.lacks():
			return total, nil
		case time.Since(started).Milliseconds() >= int64(r.Settle.Milliseconds):
			// What was seen of those whose turn did not come may be long past.
			if len(round.Targets) == len(r.Targets) {
				return total, nil
			}
			row, pending, round.Targets = 0, r.Targets, r.Targets
			round.TimeoutMilliseconds = max(round.TimeoutMilliseconds, r.Settle.LongestMilliseconds)
		case len(differing) == 0:
			round.Targets = pending
		default:
			row, round.Targets = 0, differing[:min(len(differing), awaited)]
			if seen.late(differing) {
				round.TimeoutMilliseconds = max(round.TimeoutMilliseconds, min(2*round.TimeoutMilliseconds, r.Settle.LongestMilliseconds))
			}
		}
		select {
		case <-next.C:
		case <-ctx.Done():
			return total, context.Cause(ctx)
		}
	}
}

// changed are the targets that are expected to end otherwise than until now.
func (r ConnectRequest) changed() []Target {
	return slices.DeleteFunc(slices.Clone(r.Targets), func(t Target) bool { return !t.Changed })
}

// differing are the targets whose connections did not end as expected.
func (r ConnectResponse) differing(targets []Target) []Target {
	var differing []Target
	for _, target := range targets {
		end := r.Connections[target.Name]
		if broken := end == "" || end == BrokenProbe || end == Unsupported; broken || (end == Connected) == target.Blocked {
			differing = append(differing, target)
		}
	}
	return differing
}

// late says whether a connection that is expected to be made did not keep to its deadline.
func (r ConnectResponse) late(targets []Target) bool {
	return slices.ContainsFunc(targets, func(t Target) bool { return !t.Blocked && r.Connections[t.Name] == TimedOut })
}

// lacks says whether the kernel has no such protocol; that does not change.
func (r ConnectResponse) lacks() bool {
	for _, end := range r.Connections {
		if end == Unsupported {
			return true
		}
	}
	return false
}
