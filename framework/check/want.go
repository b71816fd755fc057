package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"assay/framework/probe"
)

// Allowed wants the action to succeed.
type Allowed struct{}

// Met implements Want.
func (Allowed) Met(o Observation) bool { return o.Result != nil && o.Result.Outcome == probe.Allowed }

// Seen implements Want.
func (Allowed) Seen(o Observation) string { return seenResult(o) }

func (Allowed) String() string { return "allowed" }

// Denied wants the action to be refused, with one of Errnos (any when there are none) and, where
// Output is set, with that text in the output of the real command.
type Denied struct {
	Errnos []string
	Output string
}

// Met implements Want.
func (d Denied) Met(o Observation) bool {
	if o.Result == nil || o.Result.Outcome != probe.Denied {
		return false
	}
	if len(d.Errnos) > 0 && !slices.Contains(d.Errnos, o.Result.Errno) {
		return false
	}
	return strings.Contains(strings.ToLower(o.Result.Output), strings.ToLower(d.Output))
}

// Seen implements Want.
func (Denied) Seen(o Observation) string { return seenResult(o) }

func (d Denied) String() string {
	text := "denied"
	if len(d.Errnos) > 0 {
		text += " with " + strings.Join(d.Errnos, " or ")
	}
	if d.Output != "" {
		text += fmt.Sprintf(", saying %q", d.Output)
	}
	return text
}

// seenResult says in a line what an action met with.
func seenResult(o Observation) string {
	r := o.Result
	if r == nil {
		return seenState(o)
	}
	text := string(r.Outcome)
	if r.Syscall != "" || r.Errno != "" {
		text += ": " + strings.TrimSpace(r.Syscall+" "+r.Errno)
	}
	if r.ExitCode != nil {
		text += fmt.Sprintf(": exit %d", *r.ExitCode)
	}
	if r.Output != "" {
		text += fmt.Sprintf(", %q", lastLine(r.Output))
	}
	if len(r.Values) > 0 && len(r.Values) <= 8 {
		text += " (" + pairs(r.Values) + ")"
	}
	if r.Problem != "" {
		text += ": " + r.Problem
	}
	return text
}

func pairs(values map[string]string) string {
	parts := make([]string, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		parts = append(parts, name+"="+values[name])
	}
	return strings.Join(parts, " ")
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func seenState(o Observation) string {
	switch {
	case o.Rejected != "":
		return "rejected by the API server: " + o.Rejected
	case !o.State.Started:
		return strings.TrimSpace(fmt.Sprintf("not started: %s %s", o.State.Reason, o.State.Message))
	case o.State.Terminated && o.State.Signal != 0:
		return fmt.Sprintf("ended by signal %d, exit %d", o.State.Signal, o.State.ExitCode)
	case o.State.Terminated:
		text := fmt.Sprintf("exit %d", o.State.ExitCode)
		if log := lastLine(o.Log); log != "" {
			text += fmt.Sprintf(", %q", log)
		}
		return text
	default:
		return "running"
	}
}

// SandboxFailed is the reason of a container whose pod got no sandbox. It says nothing of the container, and often
// nothing of the pod either: a runtime that is restarting, or a network that is not there yet, fails in this way.
const SandboxFailed = "FailedCreatePodSandBox"

// NotStarted wants the container never to run, for Reason, with all of Messages in the kubelet's
// message (case-insensitive). A pod without a sandbox meets it only where Reason or Messages say so.
type NotStarted struct {
	Reason   string
	Messages []string
}

// Met implements Want.
func (n NotStarted) Met(o Observation) bool {
	if o.State.Started || o.Rejected != "" || o.State.Reason == "" {
		return false
	}
	if n.Reason != "" && o.State.Reason != n.Reason {
		return false
	}
	if o.State.Reason == SandboxFailed && n.Reason == "" && len(n.Messages) == 0 {
		return false
	}
	for _, message := range n.Messages {
		if !strings.Contains(strings.ToLower(o.State.Message), strings.ToLower(message)) {
			return false
		}
	}
	return true
}

// Seen implements Want.
func (NotStarted) Seen(o Observation) string { return seenState(o) }

func (n NotStarted) String() string {
	text := "never started"
	if n.Reason != "" {
		text += " (" + n.Reason + ")"
	}
	if len(n.Messages) > 0 {
		text += fmt.Sprintf(", the message says %q", n.Messages)
	}
	return text
}

// Rejected wants the API server to refuse the pod, with all of Messages in its words
// (case-insensitive).
type Rejected struct{ Messages []string }

// Met implements Want.
func (r Rejected) Met(o Observation) bool {
	if o.Rejected == "" {
		return false
	}
	for _, message := range r.Messages {
		if !strings.Contains(strings.ToLower(o.Rejected), strings.ToLower(message)) {
			return false
		}
	}
	return true
}

// Seen implements Want.
func (Rejected) Seen(o Observation) string { return seenState(o) }

func (r Rejected) String() string {
	text := "rejected by the API server"
	if len(r.Messages) > 0 {
		text += fmt.Sprintf(", saying %q", r.Messages)
	}
	return text
}

// Started wants the container to run.
type Started struct{}

// Met implements Want.
func (Started) Met(o Observation) bool { return o.State.Started }

// Seen implements Want.
func (Started) Seen(o Observation) string { return seenState(o) }

func (Started) String() string { return "started" }

// Exited wants the container to run its command to an end: with a non-zero exit code and Log in its
// log when Failed, with 0 otherwise.
type Exited struct {
	Failed bool
	Log    string
}

// Met implements Want.
func (e Exited) Met(o Observation) bool {
	return o.State.Started && o.State.Terminated && (o.State.ExitCode != 0) == e.Failed &&
		strings.Contains(strings.ToLower(o.Log), strings.ToLower(e.Log))
}

// Seen implements Want.
func (Exited) Seen(o Observation) string { return seenState(o) }

func (e Exited) String() string {
	text := "exit 0"
	if e.Failed {
		text = "a non-zero exit"
	}
	if e.Log != "" {
		text += fmt.Sprintf(" with %q in the log", e.Log)
	}
	return text
}

// Values wants the action to succeed and to have read these values.
type Values map[string]string

// Met implements Want.
func (v Values) Met(o Observation) bool {
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return false
	}
	for name, value := range v {
		if o.Result.Values[name] != value {
			return false
		}
	}
	return true
}

// Seen implements Want.
func (v Values) Seen(o Observation) string {
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return seenResult(o)
	}
	seen := make(map[string]string, len(v))
	for name := range v {
		seen[name] = o.Result.Values[name]
	}
	return pairs(seen)
}

func (v Values) String() string { return pairs(v) }

// Every wants the action to succeed and every value it read to be this one.
type Every string

// Met implements Want.
func (e Every) Met(o Observation) bool {
	return o.Result != nil && o.Result.Outcome == probe.Allowed && len(o.Result.Values) > 0 && len(e.others(o)) == 0
}

// Seen implements Want.
func (e Every) Seen(o Observation) string {
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return seenResult(o)
	}
	const shown = 8
	others := e.others(o)
	text := fmt.Sprintf("%d of %d values are %s", len(o.Result.Values)-len(others), len(o.Result.Values), string(e))
	switch {
	case len(others) == 0:
	case len(others) <= shown:
		text += ", not " + pairs(others)
	default:
		names := slices.Sorted(maps.Keys(others))[:shown]
		text += fmt.Sprintf(", not %s and %d more", strings.Join(names, " "), len(others)-shown)
	}
	return text
}

func (e Every) String() string { return "every value " + string(e) }

// others are the values that are not this one.
func (e Every) others(o Observation) map[string]string {
	others := map[string]string{}
	for name, value := range o.Result.Values {
		if value != string(e) {
			others[name] = value
		}
	}
	return others
}

// Fact wants one fact of the container's first process to have a value.
type Fact struct {
	// Name is a name of FactValue.
	Name string
	// Value is compared with the fact's text.
	Value string
}

// Met implements Want.
func (f Fact) Met(o Observation) bool {
	value, known := FactValue(o, f.Name)
	return known && value == f.Value
}

// Seen implements Want.
func (f Fact) Seen(o Observation) string {
	value, known := FactValue(o, f.Name)
	if !known {
		return seenState(o)
	}
	return f.Name + " " + value
}

func (f Fact) String() string { return f.Name + " " + f.Value }

// FactValue is a fact by name as text: a number, or a list of capability names ("none" when empty).
// The second result is false where there is no document or no such fact.
func FactValue(o Observation, name string) (string, bool) {
	if o.Document == nil {
		return "", false
	}
	facts := o.Document.Facts
	number := func(n int) (string, bool) { return fmt.Sprint(n), true }
	set := func(s probe.Set) (string, bool) {
		if s == 0 {
			return "none", true
		}
		return strings.Join(s.Names(), " "), true
	}
	switch name {
	case "uid":
		return number(facts.UID)
	case "euid":
		return number(facts.EUID)
	case "gid":
		return number(facts.GID)
	case "egid":
		return number(facts.EGID)
	case "pid":
		return number(facts.PID)
	case "groups":
		return fmt.Sprint(facts.Groups), true
	case "NoNewPrivs":
		return number(facts.NoNewPrivs)
	case "Seccomp":
		return number(facts.Seccomp)
	case "Seccomp_filters":
		return number(facts.SeccompFilters)
	case "CapInh":
		return set(facts.Capabilities.Inheritable)
	case "CapPrm":
		return set(facts.Capabilities.Permitted)
	case "CapEff":
		return set(facts.Capabilities.Effective)
	case "CapBnd":
		return set(facts.Capabilities.Bounding)
	case "CapAmb":
		return set(facts.Capabilities.Ambient)
	default:
		if inode, known := facts.Namespaces[strings.TrimPrefix(name, "ns/")]; known {
			return inode, true
		}
		return "", false
	}
}

// Value is what a trial saw by name: a value that its action read, or else a fact.
func Value(o Observation, name string) (string, bool) {
	if o.Result != nil {
		if value, known := o.Result.Values[name]; known {
			return value, true
		}
	}
	return FactValue(o, name)
}

// Sets wants capability sets of the container's first process to be exactly as named.
type Sets struct {
	// Of are the sets meant: CapInh, CapPrm, CapEff, CapBnd, CapAmb.
	Of []string
	// Exactly are the capabilities wanted in each, without CAP_.
	Exactly []string
	// Node wants all that the node itself can give (its bounding set up to cap_last_cap), less Without.
	Node    bool
	Without []string
}

// NeedsNode says whether nothing can be said of what was observed without the node's own bounding set: what the node
// may not do itself, no container can.
func NeedsNode(want Want, o Observation) bool {
	switch w := want.(type) {
	case Sets:
		return w.Node
	case OOMScoreAdj:
		return w.From < 0 && !w.Met(o)
	default:
		return false
	}
}

func (s Sets) wanted(o Observation) (probe.Set, error) {
	if !s.Node {
		return probe.CapabilitySet(s.Exactly...)
	}
	without, err := probe.CapabilitySet(s.Without...)
	if err != nil {
		return 0, err
	}
	return o.NodeBounding & probe.FullSet(o.Document.Facts.LastCapability) &^ without, nil
}

// Met implements Want.
func (s Sets) Met(o Observation) bool {
	if o.Document == nil {
		return false
	}
	want, err := s.wanted(o)
	if err != nil {
		return false
	}
	wantText := strings.Join(want.Names(), " ")
	if want == 0 {
		wantText = "none"
	}
	for _, name := range s.Of {
		if value, known := FactValue(o, name); !known || value != wantText {
			return false
		}
	}
	return true
}

// Seen implements Want.
func (s Sets) Seen(o Observation) string {
	if o.Document == nil {
		return seenState(o)
	}
	parts := make([]string, 0, len(s.Of))
	for _, name := range s.Of {
		value, _ := FactValue(o, name)
		parts = append(parts, name+" "+value)
	}
	return strings.Join(parts, "; ")
}

func (s Sets) String() string {
	what := "none"
	switch {
	case s.Node && len(s.Without) > 0:
		what = "all of the node's own but " + strings.Join(s.Without, " ")
	case s.Node:
		what = "all of the node's own"
	case len(s.Exactly) > 0:
		what = "exactly " + strings.Join(s.Exactly, " ")
	}
	return strings.Join(s.Of, ", ") + ": " + what
}

// All wants everything in the list.
type All []Want

// Met implements Want.
func (a All) Met(o Observation) bool {
	for _, want := range a {
		if !want.Met(o) {
			return false
		}
	}
	return true
}

// Seen implements Want.
func (a All) Seen(o Observation) string {
	parts := make([]string, 0, len(a))
	for _, want := range a {
		parts = append(parts, want.Seen(o))
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), "; ")
}

func (a All) String() string {
	parts := make([]string, 0, len(a))
	for _, want := range a {
		parts = append(parts, want.String())
	}
	return strings.Join(parts, " and ")
}
