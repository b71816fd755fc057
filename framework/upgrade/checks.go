package upgrade

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"assay/framework/probe"
	"assay/reports/results"
)

// The texts that the claims rest on.
const (
	containerdOps   = "https://github.com/containerd/containerd/blob/main/docs/ops.md#systemd"
	podLifecycle    = "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/"
	criLogging      = "https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md"
	runtimeChange   = "https://kubernetes.io/docs/tasks/administer-cluster/migrating-from-dockershim/change-runtime-containerd/"
	nodeStatus      = "https://kubernetes.io/docs/reference/node/node-status/"
	safelyDrain     = "https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/"
	debugExec       = "https://kubernetes.io/docs/tasks/debug/debug-application/get-shell-running-container/"
	portForward     = "https://kubernetes.io/docs/tasks/access-application-cluster/port-forward-access-application-cluster/"
	nodeMetrics     = "https://kubernetes.io/docs/reference/instrumentation/node-metrics/"
	emptyDir        = "https://kubernetes.io/docs/concepts/storage/volumes/#emptydir"
	networkModel    = "https://kubernetes.io/docs/concepts/services-networking/"
	serviceConcept  = "https://kubernetes.io/docs/concepts/services-networking/service/"
	podTermination  = podLifecycle + "#pod-termination"
	daemonLifecycle = "https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#Type="
)

// where says in which kind of upgrade a check is made.
type where int

const (
	everywhere where = iota
	inPlace
	drained
)

// rule is a check and what it makes of an observation. judge is pure.
type rule struct {
	results.Check
	where where
	judge func(Observation) finding
}

// finding is what a rule makes of an observation.
type finding struct {
	verdict results.Verdict
	reason  string
	// observed is recorded; nil is nothing.
	observed any
	// done, wanted and seen are the trial in words.
	done, wanted, seen string
}

// broken says that nothing can be said of the runtime. The verdict is the zero value.
func broken(reason string) finding { return finding{reason: reason} }

// decided is a pass where nothing is wrong.
func decided(done, wanted string, wrong ...string) finding {
	wrong = slices.DeleteFunc(wrong, func(text string) bool { return text == "" })
	if len(wrong) == 0 {
		return finding{verdict: results.Pass, done: done, wanted: wanted, seen: wanted}
	}
	text := strings.Join(wrong, "; ")
	return finding{verdict: results.Fail, reason: text, done: done, wanted: wanted, seen: text}
}

// Checks are the rows of the matrix of upgrades.
func Checks() []results.Check {
	var all []results.Check
	for _, r := range rules() {
		all = append(all, r.Check)
	}
	return all
}

// Judge makes the cells of a column from what was observed of it.
func Judge(column string, o Observation) []results.Cell {
	var cells []results.Cell
	for _, r := range rules() {
		cell := results.Cell{Check: r.ID, Column: column, Attempts: 1}
		var f finding
		switch {
		case r.where == inPlace && o.Drained:
			f = finding{verdict: results.Skipped, reason: "the node is drained for another runtime, so that no pod is there that could stay"}
		case r.where == drained && !o.Drained:
			f = finding{verdict: results.Skipped, reason: "the runtime is changed under its pods: none is evicted"}
		default:
			f = r.judge(o)
		}
		cell.Verdict, cell.Reason = f.verdict, f.reason
		if f.observed != nil {
			text, err := json.Marshal(f.observed)
			if err != nil {
				cell.Verdict, cell.Reason = results.Error, fmt.Sprintf("write what was observed: %v", err)
			}
			cell.Observed = text
		}
		if f.done != "" {
			cell.Trials = []results.Trial{{
				Name: "upgrade", Done: f.done, Wanted: f.wanted, Seen: f.seen, Met: f.verdict != results.Fail, Node: o.Worker,
			}}
		}
		cells = append(cells, cell)
	}
	return cells
}

func must(name, claim, source string, where where, judge func(Observation) finding) rule {
	return rule{results.Check{ID: "upgrade/" + name, Area: "upgrade", Level: results.LevelMust, Claim: claim, Source: source}, where, judge}
}

func info(name, claim, source, volatile string, where where, judge func(Observation) finding) rule {
	return rule{results.Check{
		ID: "upgrade/" + name, Area: "upgrade", Level: results.LevelInfo, Claim: claim, Source: source, Volatile: volatile,
	}, where, judge}
}

// rules are all checks, in the order of the reports.
func rules() []rule {
	const varies = "times differ from run to run"
	return []rule{
		must("runtime-version", "Nodes report the new version of the runtime after the swap.", nodeStatus, everywhere, judgeVersion),
		must("daemon-starts", "The new daemon starts on what the old one left, at the first try, and stays.", daemonLifecycle, everywhere, judgeDaemon),
		must("node-ready", "The node is ready after the swap.", nodeStatus+"#condition", everywhere, judgeNode),
		info("times", "How long the steps took, and how long the node was not ready.", nodeStatus+"#condition", varies, everywhere, judgeTimes),
		must("containers-stay", "Containers run on while the runtime's daemon is replaced: the same containers, started when they were.", containerdOps, inPlace, judgeContainers),
		must("no-restarts", "No container is restarted because the runtime's daemon is replaced.", containerdOps, inPlace, judgeRestarts),
		must("log-continues", "The log of a container goes on after the swap, without a gap.", criLogging, inPlace, judgeLog),
		info("log-pause", "The longest pause between two lines that are written every 200 ms.", criLogging, varies, inPlace, judgePause),
		must("exec", "A command can be run in a container that was started by the old version.", debugExec, inPlace, judgeExec),
		must("port-forward", "A port of a pod that was started by the old version can be forwarded.", portForward, inPlace, judgeForward),
		must("network-pod", "A pod that was started by the old version is reached from another node under its address.", networkModel, inPlace, judgeReached(ToPod)),
		must("network-service", "A Service of the node's pods is reached from another node after the swap.", serviceConcept, everywhere, judgeReached(ToService)),
		must("network-held", "A connection that was open before the swap is open after it.", networkModel, inPlace, judgeHeld),
		info("network-outage", "How long the pod and its Service could not be reached from another node.", networkModel, varies, everywhere, judgeOutage),
		must("stats", "The kubelet's summary has the containers that were started by the old version.", nodeMetrics, inPlace, judgeStats),
		must("empty-dir", "What is in a pod's emptyDir is there after the swap.", emptyDir, inPlace, judgeVolume),
		must("stop", "A pod that was started by the old version gets SIGTERM and its grace period when it is deleted.", podTermination, inPlace, judgeStops),
		must("evicted-stop", "A pod that is evicted for the swap gets SIGTERM and its grace period.", safelyDrain, drained, judgeStops),
		must("evicted-replaced", "A pod of a Deployment is started on another node when it is evicted for the swap.", safelyDrain, drained, judgeReplacement),
		must("no-remains", "Nothing is left on the node of pods that were started by the old version and are gone.", podLifecycle+"#pod-garbage-collection", everywhere, judgeRemains),
		must("new-pod", "A new pod runs on the node after the swap: its probes, exec and connections from another node work.", runtimeChange, everywhere, judgeNewPod),
		must("suite", "No check of the suite fails after the upgrade that did not before.", containerdOps, everywhere, judgeSuite),
	}
}

func judgeVersion(o Observation) finding {
	if problem := o.Runtimes.missing("the versions that nodes report"); problem != "" {
		return broken(problem)
	}
	if len(o.Runtimes.Value) == 0 {
		return broken("no node was looked at")
	}
	var wrong []string
	for _, node := range slices.Sorted(maps.Keys(o.Runtimes.Value)) {
		if got := o.Runtimes.Value[node]; got != o.Wanted {
			wrong = append(wrong, fmt.Sprintf("node %s reports %s", node, got))
		}
	}
	return decided("read the node's containerRuntimeVersion", o.Wanted, wrong...)
}

func judgeDaemon(o Observation) finding {
	if problem := cmp.Or(o.Restart.missing("the restart of the daemon"), o.Daemon.missing("the daemon's unit")); problem != "" {
		return broken(problem)
	}
	var wrong []string
	if o.Restart.Value != "" {
		wrong = append(wrong, "it did not start: "+o.Restart.Value)
	}
	if o.Daemon.Value.State != "active/running" {
		wrong = append(wrong, "its unit is "+o.Daemon.Value.State)
	}
	if o.Daemon.Value.Restarts > 0 {
		wrong = append(wrong, fmt.Sprintf("systemd had to restart it %d times", o.Daemon.Value.Restarts))
	}
	return decided("restart the runtime's unit", "it runs, and was not restarted by systemd", wrong...)
}

func judgeNode(o Observation) finding {
	if problem := o.Node.missing("the node"); problem != "" {
		return broken(problem)
	}
	wrong := ""
	if !o.Node.Value.Ready {
		wrong = "it is not: " + o.Node.Value.Words
	}
	return decided("read the node's conditions", "Ready", wrong)
}

func judgeTimes(o Observation) finding {
	if problem := cmp.Or(o.Node.missing("the node"), o.Times.missing("the times")); problem != "" {
		return broken(problem)
	}
	observed := map[string]string{"not ready": seconds(o.Node.Value.NotReady)}
	for step, took := range o.Times.Value {
		observed[step] = seconds(took)
	}
	return finding{verdict: results.Informed, observed: observed}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// eachLife compares the containers of both sides. A container that did not run before tells nothing.
func eachLife(o Observation, wanted string, compare func(before, after Life) string) finding {
	if problem := both("the witnesses' containers", o.Before.Lives, o.After.Lives); problem != "" {
		return broken(problem)
	}
	if len(o.Before.Lives.Value) == 0 {
		return broken("no container was looked at")
	}
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(o.Before.Lives.Value)) {
		before := o.Before.Lives.Value[name]
		after, there := o.After.Lives.Value[name]
		switch {
		case !before.Running || before.Restarts > 0:
			return broken(fmt.Sprintf("control failed: before the swap %s was %s, restarted %d times", name, before.State, before.Restarts))
		case !there:
			wrong = append(wrong, name+" is gone")
		default:
			if text := compare(before, after); text != "" {
				wrong = append(wrong, name+" "+text)
			}
		}
	}
	return decided("replace the runtime's files and restart its daemon, with the pods left running", wanted, wrong...)
}

func judgeContainers(o Observation) finding {
	return eachLife(o, "the same containers run", func(before, after Life) string {
		switch {
		case before.ID != after.ID:
			return "is another container"
		case !after.Running:
			return "is " + after.State
		case !before.Started.Equal(after.Started):
			return fmt.Sprintf("was started at %s and now says %s", before.Started.UTC().Format(time.RFC3339), after.Started.UTC().Format(time.RFC3339))
		default:
			return ""
		}
	})
}

func judgeRestarts(o Observation) finding {
	return eachLife(o, "no restarts", func(before, after Life) string {
		if after.Restarts == before.Restarts {
			return ""
		}
		return fmt.Sprintf("was restarted %d times", after.Restarts-before.Restarts)
	})
}

func judgeLog(o Observation) finding {
	if problem := both("the counter's log", o.Before.Log, o.After.Log); problem != "" {
		return broken(problem)
	}
	before, after := o.Before.Log.Value, o.After.Log.Value
	if problem := gap(before); len(before) == 0 || problem != "" {
		return broken("control failed: the log before the swap: " + cmp.Or(problem, "is empty"))
	}
	last := before[len(before)-1]
	wrong := gap(after)
	switch {
	case len(after) == 0:
		wrong = "it is empty"
	case after[len(after)-1].Process != last.Process:
		wrong = "it is that of another process"
	case wrong == "" && after[len(after)-1].Number <= last.Number:
		wrong = fmt.Sprintf("it ends at line %d, as before the swap", after[len(after)-1].Number)
	}
	return decided("read the log of a container that numbers its lines", "all numbers, from before the swap on", wrong)
}

// gap is what is wrong with the order of lines.
func gap(lines []Line) string {
	for i, line := range lines {
		if i == 0 && line.Number != 1 {
			return fmt.Sprintf("it begins with line %d", line.Number)
		}
		if i > 0 && line.Number != lines[i-1].Number+1 {
			return fmt.Sprintf("line %d comes after line %d", line.Number, lines[i-1].Number)
		}
	}
	return ""
}

func judgePause(o Observation) finding {
	if problem := o.After.Log.missing("the counter's log"); problem != "" {
		return broken(problem)
	}
	lines := o.After.Log.Value
	if len(lines) < 2 {
		return broken("the log has no two lines")
	}
	var said float64
	var logged time.Duration
	for i := 1; i < len(lines); i++ {
		said = math.Max(said, lines[i].Said-lines[i-1].Said)
		logged = max(logged, lines[i].Logged.Sub(lines[i-1].Logged))
	}
	return finding{verdict: results.Informed, observed: map[string]string{
		"between lines as written": fmt.Sprintf("%.1f s", said), "between lines as logged": seconds(logged),
	}}
}

// worked says what became of something that worked before.
func worked(what string, first, second Seen[Answer], wanted string, right func(before, after Answer) string) finding {
	if problem := both(what, first, second); problem != "" {
		return broken(problem)
	}
	before, after := first.Value, second.Value
	if before.Problem != "" {
		return broken("control failed: before the swap: " + before.Problem)
	}
	wrong := after.Problem
	if wrong == "" {
		wrong = right(before, after)
	}
	return decided(what, wanted, wrong)
}

// replaced says that containers of witnesses are others than before, so that they tell nothing of old containers.
func replaced(o Observation, names ...string) (finding, bool) {
	for _, name := range names {
		of := name + "/" + name
		before, after := o.Before.Lives.Value[of], o.After.Lives.Value[of]
		if o.After.Lives.missing("") == "" && before.ID != after.ID {
			return finding{verdict: results.Skipped, reason: of + " is not the container that the old version started; see upgrade/containers-stay"}, true
		}
	}
	return finding{}, false
}

func judgeExec(o Observation) finding {
	if f, is := replaced(o, counter); is {
		return f
	}
	return worked("exec cat in an old container", o.Before.Exec, o.After.Exec, "it runs", func(Answer, Answer) string { return "" })
}

func judgeForward(o Observation) finding {
	if f, is := replaced(o, server); is {
		return f
	}
	return worked("send 1 MiB through a port-forward to an old pod", o.Before.Forward, o.After.Forward, "same", func(before, after Answer) string {
		if after.Text == before.Text {
			return ""
		}
		return after.Text
	})
}

func judgeVolume(o Observation) finding {
	if problem := both("read the file in the volume", o.Before.Exec, o.After.Exec); problem != "" {
		return broken(problem)
	}
	if o.After.Exec.Value.Problem != "" {
		return broken("the file could not be read: " + o.After.Exec.Value.Problem)
	}
	if o.Before.Exec.Value.Text == "" && o.Before.Exec.Value.Problem == "" {
		return broken("control failed: before the swap the file was empty")
	}
	return worked("read a file in the emptyDir", o.Before.Exec, o.After.Exec, "what was written before the swap", func(before, after Answer) string {
		if before.Text == after.Text {
			return ""
		}
		return fmt.Sprintf("it holds %q and held %q", after.Text, before.Text)
	})
}

// series are the connections to a target after the swap; the reason is why they tell nothing. A held connection that
// the other side closed is broken in the eyes of the probe, which has no word for it.
func series(o Observation, name string) (after []probe.Connection, reason string) {
	if problem := o.Connections.missing("connections from the other node"); problem != "" {
		return nil, problem
	}
	var before []probe.Connection
	for _, each := range o.Connections.Value {
		end, there := each.Ends[name]
		if each.Problem != "" || !there || end == probe.BrokenProbe && name != Held {
			continue
		}
		switch each.Phase {
		case Before:
			before = append(before, end)
		case After:
			after = append(after, end)
		case During:
		}
	}
	switch {
	case len(before) == 0:
		return nil, "control failed: no connection was tried before the swap"
	case before[len(before)-1] != probe.Connected:
		return nil, fmt.Sprintf("control failed: the last connection before the swap was %s", before[len(before)-1])
	case len(after) == 0:
		return nil, "no connection was tried after the swap"
	}
	return after, ""
}

// settled is how many connections in a row have to be well in the end.
const settled = 3

func judgeReached(name string) func(Observation) finding {
	return func(o Observation) finding {
		after, reason := series(o, name)
		if reason != "" {
			return broken(reason)
		}
		wrong := ""
		for _, end := range after[max(0, len(after)-settled):] {
			if end != probe.Connected {
				wrong = fmt.Sprintf("%s after the swap", end)
			}
		}
		return decided("connect by TCP from the other node", string(probe.Connected), wrong)
	}
}

func judgeHeld(o Observation) finding {
	after, reason := series(o, Held)
	if reason != "" {
		return broken(reason)
	}
	wrong := ""
	if last := after[len(after)-1]; last != probe.Connected {
		wrong = fmt.Sprintf("%s after the swap", last)
	}
	return decided("use one connection before, during and after the swap", string(probe.Connected), wrong)
}

func judgeOutage(o Observation) finding {
	observed := map[string]string{}
	for _, name := range []string{ToPod, ToService} {
		if name == ToPod && o.Drained {
			continue
		}
		if _, reason := series(o, name); reason != "" {
			return broken(reason)
		}
		observed[name] = seconds(outage(o.Connections.Value, name))
	}
	return finding{verdict: results.Informed, observed: observed}
}

// outage is the longest time between two connections that were well, with others between them.
func outage(all []Connections, name string) time.Duration {
	var longest time.Duration
	var well time.Time
	bad := false
	for _, each := range all {
		end, there := each.Ends[name]
		if !there || end == probe.BrokenProbe {
			continue
		}
		if end != probe.Connected {
			bad = true
			if !well.IsZero() {
				longest = max(longest, each.At.Sub(well))
			}
			continue
		}
		if bad && !well.IsZero() {
			longest = max(longest, each.At.Sub(well))
		}
		well, bad = each.At, false
	}
	return longest
}

func judgeStats(o Observation) finding {
	if f, is := replaced(o, counter, server, Polite, Stubborn); is {
		return f
	}
	if problem := both("the kubelet's summary", o.Before.Missing, o.After.Missing); problem != "" {
		return broken(problem)
	}
	if missing := o.Before.Missing.Value; len(missing) > 0 {
		return broken("control failed: before the swap the summary lacked " + strings.Join(missing, ", "))
	}
	wrong := ""
	if missing := o.After.Missing.Value; len(missing) > 0 {
		wrong = "it lacks " + strings.Join(missing, ", ")
	}
	return decided("read /stats/summary of the node", "CPU and memory of all witnesses", wrong)
}

func judgeStops(o Observation) finding {
	if f, is := replaced(o, Polite, Stubborn); is {
		return f
	}
	if problem := o.Stops.missing("the ends of the pods"); problem != "" {
		return broken(problem)
	}
	wanted := map[string]Stop{
		Polite:   {Lines: "signal SIGTERM", End: "at once", ExitCode: "0"},
		Stubborn: {Lines: "signal SIGTERM", End: "after the grace period", ExitCode: "137"},
	}
	var wrong []string
	for _, name := range []string{Polite, Stubborn} {
		got, there := o.Stops.Value[name]
		if !there {
			return broken("the end of pod " + name + " was not looked at")
		}
		if got.Problem != "" {
			return broken(fmt.Sprintf("the end of pod %s: %s", name, got.Problem))
		}
		if got != wanted[name] {
			wrong = append(wrong, fmt.Sprintf("pod %s said %q, ended %s with %s", name, got.Lines, got.End, got.ExitCode))
		}
	}
	return decided("delete a pod that ends at SIGTERM and one that does not", "SIGTERM, then 0 at once, or 137 after the grace period", wrong...)
}

func judgeReplacement(o Observation) finding {
	if problem := o.Replacement.missing("the server's replacement"); problem != "" {
		return broken(problem)
	}
	wrong := ""
	switch o.Replacement.Value {
	case "":
		wrong = "none became ready"
	case o.Worker:
		wrong = "it was started on the drained node"
	}
	return decided("evict a pod of a Deployment", "another one is ready on another node", wrong)
}

func judgeRemains(o Observation) finding {
	if problem := both("what is on the node", o.Before.Remains, o.After.Remains); problem != "" {
		return broken(problem)
	}
	if len(o.Before.Remains.Value) == 0 {
		return broken("control failed: nothing was found of the pods while they were there")
	}
	wrong := ""
	if remains := o.After.Remains.Value; len(remains) > 0 {
		const most = 8
		wrong = strings.Join(remains[:min(most, len(remains))], "; ")
		if len(remains) > most {
			wrong += fmt.Sprintf(" and %d more", len(remains)-most)
		}
	}
	return decided("look for processes and mounts of deleted pods on the node", "none", wrong)
}

func judgeNewPod(o Observation) finding {
	if problem := o.NewPod.missing("a new pod"); problem != "" {
		return broken(problem)
	}
	return decided("start a pod on the node, run a command in it and connect to it from the other node", "it works", o.NewPod.Value)
}

func judgeSuite(o Observation) finding {
	if problem := o.Suite.missing("the suite before and after"); problem != "" {
		return broken(problem)
	}
	compared := o.Suite.Value
	switch {
	case compared.LeftOut != "":
		return finding{verdict: results.Skipped, reason: compared.LeftOut}
	case o.Drained:
		return finding{verdict: results.Skipped, reason: "it is another runtime: that pods see something else is expected, and diff.html says what"}
	case len(compared.NotComparable) > 0:
		return broken("not observed on a side: " + strings.Join(compared.NotComparable, ", "))
	case compared.Compared == 0:
		return broken("not one check was compared")
	}
	wrong := ""
	if len(compared.NewFailures) > 0 {
		wrong = "new failures: " + strings.Join(compared.NewFailures, ", ")
	}
	return decided("run the suite before and after", "no new failures", wrong)
}
