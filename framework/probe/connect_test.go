package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// rounds answers round after round with these connections, the last one for ever, and notes what was asked.
type rounds struct {
	answers []map[string]Connection
	asked   [][]string
	timeout []int
}

func (r *rounds) connect(_ context.Context, request ConnectRequest) (ConnectResponse, error) {
	var names []string
	for _, target := range request.Targets {
		names = append(names, target.Name)
	}
	r.asked, r.timeout = append(r.asked, names), append(r.timeout, request.TimeoutMilliseconds)
	answer := r.answers[min(len(r.asked), len(r.answers))-1]
	if answer == nil {
		return ConnectResponse{}, errors.New("no answer")
	}
	return ConnectResponse{Connections: answer}, nil
}

// intervals are so many intervals between rounds, in milliseconds.
func intervals(count float64) int { return int(count * float64(roundInterval.Milliseconds())) }

func TestSettle(t *testing.T) {
	good := map[string]Connection{"open": Connected, "closed": Refused}
	leaking := map[string]Connection{"open": Connected, "closed": Connected}
	dead := map[string]Connection{"open": TimedOut, "closed": Refused}
	broken := map[string]Connection{"open": Connected, "closed": BrokenProbe}
	lacking := map[string]Connection{"open": Unsupported, "closed": Unsupported}
	for name, row := range map[string]struct {
		answers []map[string]Connection
		settle  Settle
		settled bool
		asked   string
	}{
		"at once":               {[]map[string]Connection{good}, Settle{Rows: 3, Milliseconds: 1000}, true, "[[open closed] [open closed] [open closed]]"},
		"one that is late":      {[]map[string]Connection{leaking, leaking, good}, Settle{Rows: 2, Milliseconds: 1000}, true, "[[open closed] [closed] [closed] [open closed]]"},
		"one that comes later":  {[]map[string]Connection{good, leaking, good}, Settle{Rows: 2, Milliseconds: 1000}, true, "[[open closed] [open closed] [closed] [open closed]]"},
		"no time":               {[]map[string]Connection{good, leaking}, Settle{Rows: 2}, false, "[[open closed] [open closed]]"},
		"never":                 {[]map[string]Connection{leaking}, Settle{Rows: 1, Milliseconds: intervals(2.5)}, false, "[[open closed] [closed] [closed] [closed] [open closed]]"},
		"a wanted one is dead":  {[]map[string]Connection{dead}, Settle{Rows: 1, Milliseconds: 50}, false, "[[open closed] [open] [open closed]]"},
		"broken is not blocked": {[]map[string]Connection{broken}, Settle{Rows: 1}, false, "[[open closed]]"},
		"no such protocol":      {[]map[string]Connection{lacking}, Settle{Rows: 1, Milliseconds: 1000}, false, "[[open closed]]"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &rounds{answers: row.answers}
				request := ConnectRequest{
					Targets: []Target{{Name: "open"}, {Name: "closed", Blocked: true}}, TimeoutMilliseconds: 300, Settle: &row.settle,
				}
				got, err := request.CarryOut(t.Context(), r.connect)
				if err != nil {
					t.Fatal(err)
				}
				if asked := fmt.Sprint(r.asked); got.Settled != row.settled || asked != row.asked || got.Rounds != len(r.asked) {
					t.Errorf("settled %t after %d rounds: %s, want %t: %s", got.Settled, got.Rounds, asked, row.settled, row.asked)
				}
				if last := row.answers[len(row.answers)-1]; got.Connections["closed"] != last["closed"] {
					t.Errorf("the last word is %v", got.Connections)
				}
			})
		})
	}
}

// TestSettleAsksAFewOfMany has a whole row be made again only once the few that are awaited end as expected.
func TestSettleAsksAFewOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leaking, good := map[string]Connection{}, map[string]Connection{}
		request := ConnectRequest{TimeoutMilliseconds: 300, Settle: &Settle{Rows: 1, Milliseconds: 1000}}
		for i := range 20 {
			name := fmt.Sprint(i)
			request.Targets = append(request.Targets, Target{Name: name, Blocked: true})
			leaking[name], good[name] = Connected, Refused
		}
		r := &rounds{answers: []map[string]Connection{leaking, leaking, good}}
		got, err := request.CarryOut(t.Context(), r.connect)
		var counts []int
		for _, names := range r.asked {
			counts = append(counts, len(names))
		}
		if err != nil || !got.Settled || !slices.Equal(counts, []int{20, awaited, awaited, 20 - awaited}) {
			t.Errorf("settled %t: %v, %v", got.Settled, counts, err)
		}
		if want := (3 * roundInterval).Milliseconds(); got.SettledMilliseconds != want {
			t.Errorf("settled after %d ms, want %d", got.SettledMilliseconds, want)
		}
	})
}

// TestSettleAsksForChangesFirst has the rest be looked at once what is expected to have changed did.
func TestSettleAsksForChangesFirst(t *testing.T) {
	before, after := map[string]Connection{"new": Connected, "old": Connected}, map[string]Connection{"new": Refused, "old": Connected}
	for name, row := range map[string]struct {
		milliseconds int
		asked        string
	}{
		"with time":    {1000, "[[new] [new] [old] [new old]]"},
		"without time": {0, "[[new old]]"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &rounds{answers: []map[string]Connection{before, after}}
				request := ConnectRequest{
					Targets: []Target{{Name: "new", Blocked: true, Changed: true}, {Name: "old"}}, TimeoutMilliseconds: 300,
					Settle: &Settle{Rows: 2, Milliseconds: row.milliseconds},
				}
				got, err := request.CarryOut(t.Context(), r.connect)
				if asked := fmt.Sprint(r.asked); err != nil || asked != row.asked || got.Settled != (row.milliseconds > 0) {
					t.Errorf("settled %t: %s, %v; want %s", got.Settled, asked, err, row.asked)
				}
			})
		})
	}
}

// TestSettleSeesAllAtTheEnd has what is in order by now not be reported as it was in the first round, where the few
// that are awaited never end as expected.
func TestSettleSeesAllAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy, now := map[string]Connection{"self": TimedOut}, map[string]Connection{"self": Connected}
		request := ConnectRequest{TimeoutMilliseconds: 300, Settle: &Settle{Rows: 1, Milliseconds: 1000, LongestMilliseconds: 2000}}
		for i := range awaited {
			name := fmt.Sprint(i)
			request.Targets = append(request.Targets, Target{Name: name, Blocked: true})
			busy[name], now[name] = Connected, Connected
		}
		request.Targets = append(request.Targets, Target{Name: "self"})
		r := &rounds{answers: []map[string]Connection{busy, now}}
		got, err := request.CarryOut(t.Context(), r.connect)
		if err != nil || got.Settled || got.Connections["self"] != Connected {
			t.Errorf("settled %t: %v, %v", got.Settled, got.Connections, err)
		}
		if last := r.timeout[len(r.timeout)-1]; last != 2000 {
			t.Errorf("the last round has %d ms, want the longest deadline", last)
		}
	})
}

func TestSettleHasPatienceWithWhatIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rounds{answers: []map[string]Connection{{"open": TimedOut}}}
		request := ConnectRequest{
			Targets: []Target{{Name: "open"}}, TimeoutMilliseconds: 300, Settle: &Settle{Rows: 1, Milliseconds: intervals(3.5), LongestMilliseconds: 1000},
		}
		if _, err := request.CarryOut(t.Context(), r.connect); err != nil || !slices.Equal(r.timeout, []int{300, 600, 1000, 1000, 1000}) {
			t.Errorf("timeouts %v, %v", r.timeout, err)
		}
	})
}

func TestSettleEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		request := ConnectRequest{Targets: []Target{{Name: "open"}}, Settle: &Settle{Rows: 1, Milliseconds: 10_000}}
		if _, err := request.CarryOut(t.Context(), (&rounds{answers: []map[string]Connection{nil}}).connect); err == nil {
			t.Error("the error of a round is lost")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 350*time.Millisecond)
		defer cancel()
		if _, err := request.CarryOut(ctx, (&rounds{answers: []map[string]Connection{{"open": Refused}}}).connect); err == nil {
			t.Error("it goes on after its context")
		}
	})
}
