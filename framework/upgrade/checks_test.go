package upgrade

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"assay/framework/probe"
	"assay/reports/results"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// connections are one a second: the last before the swap, during it and after it.
func connections(during probe.Connection) []Connections {
	var all []Connections
	add := func(phase Phase, end probe.Connection) {
		all = append(all, Connections{
			At: noon.Add(time.Duration(len(all)) * time.Second), Phase: phase,
			Ends: map[string]probe.Connection{ToPod: end, ToService: end, Held: probe.Connected},
		})
	}
	for range settled {
		add(Before, probe.Connected)
	}
	add(During, during)
	add(During, during)
	for range settled {
		add(After, probe.Connected)
	}
	return all
}

func counted(from, to int, process string) []Line {
	var log []Line
	for number := from; number <= to; number++ {
		at := time.Duration(number) * 200 * time.Millisecond
		log = append(log, Line{Number: number, Process: process, Said: 100 + at.Seconds(), Logged: noon.Add(at)})
	}
	return log
}

func running(id string) Life { return Life{ID: id, Started: noon, Running: true, State: "runs"} }

// good is an upgrade that did nothing to the pods.
func good() Observation {
	stops := map[string]Stop{
		Polite:   {Lines: "signal SIGTERM", End: "at once", ExitCode: "0"},
		Stubborn: {Lines: "signal SIGTERM", End: "after the grace period", ExitCode: "137"},
	}
	look := func(lines int, remains ...string) Look {
		lives := map[string]Life{}
		for _, name := range []string{counter, server, Polite, Stubborn} {
			lives[name+"/"+name] = running("containerd://" + name)
		}
		return Look{
			Lives: saw(lives, nil), Log: saw(counted(1, lines, "7.1"), nil),
			Exec: saw(Answer{Text: "by the process of 7.1"}, nil), Forward: saw(Answer{Text: "same"}, nil),
			Missing: saw[[]string](nil, nil), Remains: saw(remains, nil),
		}
	}
	return Observation{
		Wanted: "containerd://2.4.2", Worker: "worker",
		Restart: saw("", nil), Daemon: saw(Daemon{State: "active/running"}, nil),
		Runtimes: saw(map[string]string{"worker": "containerd://2.4.2"}, nil),
		Node:     saw(Node{Ready: true}, nil), Times: saw(map[string]time.Duration{"restart": time.Second}, nil),
		Before: look(20, "process 7 sh"), After: look(60),
		Connections: saw(connections(probe.Connected), nil), Stops: saw(stops, nil), NewPod: saw("", nil),
		Suite: saw(Comparison{Compared: 3}, nil),
	}
}

// goodDrain is a drain that did to the pods what it promises.
func goodDrain() Observation {
	o := good()
	o.Drained, o.Wanted = true, "cri-o://1.36.1"
	o.Runtimes = saw(map[string]string{"worker": "cri-o://1.36.1"}, nil)
	o.Replacement = saw("control-plane", nil)
	o.Before, o.After = Look{Remains: o.Before.Remains}, Look{Remains: o.After.Remains}
	return o
}

func verdicts(o Observation) map[string]results.Verdict {
	all := map[string]results.Verdict{}
	for _, cell := range Judge("column", o) {
		all[strings.TrimPrefix(cell.Check, "upgrade/")] = cell.Verdict
	}
	return all
}

func TestGoodUpgradesFailNothing(t *testing.T) {
	for name, o := range map[string]Observation{"in place": good(), "drain": goodDrain()} {
		for _, cell := range Judge("column", o) {
			check := rules()[slices.IndexFunc(rules(), func(r rule) bool { return r.ID == cell.Check })]
			want := results.Pass
			switch {
			case check.where == inPlace && o.Drained, check.where == drained && !o.Drained, o.Drained && cell.Check == "upgrade/suite":
				want = results.Skipped
			case check.Level == results.LevelInfo:
				want = results.Informed
			}
			if cell.Verdict != want || want == results.Skipped && cell.Reason == "" {
				t.Errorf("%s: %s is %s (%s), want %s", name, cell.Check, cell.Verdict, cell.Reason, want)
			}
		}
	}
}

func TestWhatWasNotLookedAtIsAnError(t *testing.T) {
	for _, o := range []Observation{{}, {Drained: true}} {
		for check, verdict := range verdicts(o) {
			if verdict != results.Error && verdict != results.Skipped {
				t.Errorf("%s is %s", check, verdict)
			}
		}
	}
}

func TestWhatCouldNotBeHadIsAnError(t *testing.T) {
	broken := errors.New("the API server is gone")
	for name, breaks := range map[string]func(*Observation){
		"runtime-version": func(o *Observation) { o.Runtimes.Err = broken },
		"daemon-starts":   func(o *Observation) { o.Daemon.Err = broken },
		"node-ready":      func(o *Observation) { o.Node.Err = broken },
		"times":           func(o *Observation) { o.Times.Err = broken },
		"containers-stay": func(o *Observation) { o.After.Lives.Err = broken },
		"no-restarts":     func(o *Observation) { o.Before.Lives.Err = broken },
		"log-continues":   func(o *Observation) { o.After.Log.Err = broken },
		"log-pause":       func(o *Observation) { o.After.Log.Value = nil },
		"exec":            func(o *Observation) { o.Before.Exec.Value.Problem = "no exec" },
		"port-forward":    func(o *Observation) { o.After.Forward.Err = broken },
		"network-pod":     func(o *Observation) { o.Connections.Value = o.Connections.Value[settled:] },
		"network-service": func(o *Observation) { o.Connections.Err = broken },
		"network-held": func(o *Observation) {
			o.Connections.Value = connections(probe.Connected)
			o.Connections.Value[settled-1].Ends[Held] = probe.Reset
		},
		"network-outage": func(o *Observation) { o.Connections.Value = nil },
		"stats":          func(o *Observation) { o.Before.Missing.Value = []string{"counter/counter"} },
		"empty-dir":      func(o *Observation) { o.After.Exec.Value = Answer{Problem: "no exec"} },
		"stop":           func(o *Observation) { o.Stops.Value = map[string]Stop{Polite: {Problem: "no log"}} },
		"no-remains":     func(o *Observation) { o.Before.Remains.Value = nil },
		"new-pod":        func(o *Observation) { o.NewPod.Err = broken },
		"suite":          func(o *Observation) { o.Suite.Value.NotComparable = []string{"caps/one"} },
	} {
		o := good()
		breaks(&o)
		if got := verdicts(o)[name]; got != results.Error {
			t.Errorf("%s is %s", name, got)
		}
	}
	o := goodDrain()
	o.Replacement.Err, o.Stops.Err = broken, broken
	for _, name := range []string{"evicted-stop", "evicted-replaced"} {
		if got := verdicts(o)[name]; got != results.Error {
			t.Errorf("%s is %s", name, got)
		}
	}
}

func TestWhatIsWrongFails(t *testing.T) {
	changed := func(o *Observation, change func(*Life)) {
		lives := maps.Clone(o.After.Lives.Value)
		life := lives[counter+"/"+counter]
		change(&life)
		lives[counter+"/"+counter] = life
		o.After.Lives.Value = lives
	}
	cases := []struct {
		name    string
		drained bool
		spoil   func(*Observation)
		fail    []string
		skipped []string
	}{
		{"another version", false, func(o *Observation) { o.Runtimes.Value["worker"] = "containerd://2.2.5" }, []string{"runtime-version"}, nil},
		{"a daemon that does not start", false, func(o *Observation) { o.Restart.Value = "exit status 1" }, []string{"daemon-starts"}, nil},
		{"a daemon that ends", false, func(o *Observation) { o.Daemon.Value.Restarts = 2 }, []string{"daemon-starts"}, nil},
		{"a daemon that is not there", false, func(o *Observation) { o.Daemon.Value.State = "failed/failed" }, []string{"daemon-starts"}, nil},
		{"a node that is not ready", false, func(o *Observation) { o.Node.Value.Ready = false }, []string{"node-ready"}, nil},
		{"another container", false, func(o *Observation) {
			changed(o, func(l *Life) { l.ID, l.Restarts = "containerd://other", 1 })
			o.After.Log.Value = counted(1, 80, "9.9")
		}, []string{"containers-stay", "no-restarts", "log-continues"}, []string{"exec", "stats"}},
		{"a container that ended", false, func(o *Observation) { changed(o, func(l *Life) { l.Running = false }) }, []string{"containers-stay"}, nil},
		{"a pod that is gone", false, func(o *Observation) {
			o.After.Lives.Value = maps.Clone(o.After.Lives.Value)
			delete(o.After.Lives.Value, Polite+"/"+Polite)
		}, []string{"containers-stay", "no-restarts"}, []string{"stop", "stats"}},
		{"another start", false, func(o *Observation) { changed(o, func(l *Life) { l.Started = noon.Add(time.Minute) }) }, []string{"containers-stay"}, nil},
		{"a gap in the log", false, func(o *Observation) { o.After.Log.Value = append(counted(1, 30, "7.1"), counted(33, 60, "7.1")...) }, []string{"log-continues"}, nil},
		{"a log that ended", false, func(o *Observation) { o.After.Log.Value = o.Before.Log.Value }, []string{"log-continues"}, nil},
		{"an empty log", false, func(o *Observation) { o.After.Log.Value = nil }, []string{"log-continues"}, nil},
		{"no exec", false, func(o *Observation) { o.After.Exec.Value = Answer{Problem: "no such container"} }, []string{"exec"}, nil},
		{"another file", false, func(o *Observation) { o.After.Exec.Value.Text = "other" }, []string{"empty-dir"}, nil},
		{"no port-forward", false, func(o *Observation) { o.After.Forward.Value.Text = "0 bytes of 1048576" }, []string{"port-forward"}, nil},
		{"no network", false, func(o *Observation) {
			for _, each := range o.Connections.Value {
				if each.Phase == After {
					each.Ends[ToPod], each.Ends[ToService], each.Ends[Held] = probe.Unreachable, probe.Refused, probe.BrokenProbe
				}
			}
		}, []string{"network-pod", "network-service", "network-held"}, nil},
		{"no statistics", false, func(o *Observation) { o.After.Missing.Value = []string{"counter/counter"} }, []string{"stats"}, nil},
		{"no SIGTERM", false, func(o *Observation) {
			o.Stops.Value[Stubborn] = Stop{Lines: "", End: "at once", ExitCode: "137"}
		}, []string{"stop"}, nil},
		{"a wrong exit code", false, func(o *Observation) {
			o.Stops.Value[Polite] = Stop{Lines: "signal SIGTERM", End: "at once", ExitCode: "255"}
		}, []string{"stop"}, nil},
		{"a shim that stays", false, func(o *Observation) { o.After.Remains.Value = []string{"monitor 12 containerd-shim"} }, []string{"no-remains"}, nil},
		{"no new pod", false, func(o *Observation) { o.NewPod.Value = "waits" }, []string{"new-pod"}, nil},
		{"a new failure", false, func(o *Observation) { o.Suite.Value.NewFailures = []string{"caps/one"} }, []string{"suite"}, nil},
		{"an evicted pod that is killed", true, func(o *Observation) {
			o.Stops.Value[Stubborn] = Stop{Lines: "signal SIGTERM", End: "after 1100 ms", ExitCode: "137"}
		}, []string{"evicted-stop"}, nil},
		{"no replacement", true, func(o *Observation) { o.Replacement.Value = "" }, []string{"evicted-replaced"}, nil},
		{"a replacement on the drained node", true, func(o *Observation) { o.Replacement.Value = "worker" }, []string{"evicted-replaced"}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := good()
			if c.drained {
				o = goodDrain()
			}
			usual := verdicts(o)
			c.spoil(&o)
			for check, got := range verdicts(o) {
				want := usual[check]
				switch {
				case slices.Contains(c.fail, check):
					want = results.Fail
				case slices.Contains(c.skipped, check):
					want = results.Skipped
				case check == "log-pause" && !c.drained && len(o.After.Log.Value) == 0:
					want = results.Error
				case check == "empty-dir" && !c.drained && o.After.Exec.Value.Problem != "":
					want = results.Error
				}
				if got != want {
					t.Errorf("%s is %s, want %s", check, got, want)
				}
			}
		})
	}
}

func TestOutage(t *testing.T) {
	if got := outage(connections(probe.Connected), ToPod); got != 0 {
		t.Errorf("without an outage %s", got)
	}
	// Well at 2 s, bad at 3 and 4, well at 5.
	if got := outage(connections(probe.TimedOut), ToPod); got != 3*time.Second {
		t.Errorf("with one %s", got)
	}
	if got := outage(connections(probe.TimedOut), Held); got != 0 {
		t.Errorf("of another target %s", got)
	}
}

func TestSkippedUpgradeChecksAreNotErrors(t *testing.T) {
	o := good()
	o.Suite.Value = Comparison{LeftOut: "the suite was left out"}
	if got := verdicts(o)["suite"]; got != results.Skipped {
		t.Errorf("a suite that was left out is %s", got)
	}
}

func TestResultsOfUpgradesAreValid(t *testing.T) {
	run := results.Results{Checks: Checks(), Columns: []results.Column{{Name: "column"}}, Cells: Judge("column", good())}
	run.Complete()
	if err := run.Validate(); err != nil {
		t.Error(err)
	}
	run.Judge()
	if run.Run.Exit != results.ExitExpected {
		t.Errorf("a good upgrade exits with %d: %s", run.Run.Exit, run.Outcome())
	}
}
