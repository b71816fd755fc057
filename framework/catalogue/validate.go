package catalogue

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"assay/framework/check"
	"assay/framework/probe"
)

// Validate says everything that is wrong with a list of checks, joined; nil for nothing. It knows the
// rules that hold for all checks: IDs, levels, texts, that trials can be told apart, that what is
// recorded is there, and that every denial has a control that differs in the one knob under test.
func Validate(checks []check.Check) error {
	var problems []error
	seen := map[string]bool{}
	objects := map[string]runtime.Object{}
	for _, c := range checks {
		for _, object := range c.Objects {
			key, err := check.ObjectKey(object)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", c.ID, err))
				continue
			}
			if other := objects[key]; other != nil && !reflect.DeepEqual(other, object) {
				problems = append(problems, fmt.Errorf("%s: another check declares another %s", c.ID, key))
			}
			objects[key] = object
		}
		if seen[c.ID] {
			problems = append(problems, fmt.Errorf("%s: the ID is used twice", c.ID))
		}
		seen[c.ID] = true
		for _, problem := range slices.Concat(identity(c), body(c), records(c), unsupported(c)) {
			problems = append(problems, fmt.Errorf("%s: %w", c.ID, problem))
		}
	}
	return errors.Join(problems...)
}

func identity(c check.Check) []error {
	var problems []error
	// The format of design and results: area/kebab-case.
	if !regexp.MustCompile(`^[a-z]+/[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(c.ID) {
		problems = append(problems, errors.New("the ID is not area/kebab-case"))
	}
	if !slices.Contains([]check.Level{check.Must, check.Should, check.Info}, c.Level) {
		problems = append(problems, fmt.Errorf("level %q is none of must, should, info", c.Level))
	}
	if body, ended := strings.CutSuffix(c.Claim, "."); !ended || body == "" || strings.Contains(body, ". ") || strings.Contains(body, "\n") {
		problems = append(problems, fmt.Errorf("the claim %q is not one sentence", c.Claim))
	}
	if source, err := url.Parse(c.Source); err != nil || source.Scheme != "https" || source.Host == "" || source.Path == "" {
		problems = append(problems, fmt.Errorf("the source %q is not the URL of a page", c.Source))
	}
	return problems
}

func body(c check.Check) []error {
	switch {
	case c.Network != nil && len(c.Trials) > 0:
		return []error{errors.New("it has trials and a network")}
	case c.Network != nil:
		return steps(c)
	case len(c.Trials) < 2:
		return []error{errors.New("it has fewer than two trials")}
	}
	var problems []error
	names := map[string]bool{}
	for _, t := range c.Trials {
		for _, problem := range trial(c, t) {
			problems = append(problems, fmt.Errorf("trial %q: %w", t.Name, problem))
		}
		if t.Name == "" || names[t.Name] {
			problems = append(problems, fmt.Errorf("trial %q: the name is empty or used twice", t.Name))
		}
		names[t.Name] = true
	}
	return problems
}

// steps says what is wrong with the steps of a check by truth tables. One without steps is about the network
// without policies, and has to say which part of it.
func steps(c check.Check) []error {
	var problems []error
	if len(c.Network.Steps) == 0 && c.Network.View == check.ViewPods {
		problems = append(problems, errors.New("its network has no steps and no view"))
	}
	if (c.Level == check.Info) != (c.Network.Watch != "") {
		problems = append(problems, errors.New("an info check watches something, and no other one does"))
	}
	names := map[string]bool{}
	for _, step := range c.Network.Steps {
		if step.Name == "" || names[step.Name] {
			problems = append(problems, fmt.Errorf("step %q: the name is empty or used twice", step.Name))
		}
		names[step.Name] = true
	}
	return problems
}

func trial(c check.Check, t check.Trial) []error {
	var problems []error
	if t.Want == nil && (c.Level != check.Info || t.Control) {
		problems = append(problems, errors.New("it wants nothing"))
	}
	if t.Claimed && !t.Control {
		problems = append(problems, errors.New("it is claimed, which is said of controls"))
	}
	if len(t.Container.Command) > 0 && !t.Action.IsZero() {
		problems = append(problems, errors.New("it has a command and an action"))
	}
	if !t.Procedure.IsZero() && (t.Exec || !t.Action.IsZero()) {
		problems = append(problems, errors.New("it has a procedure and an action"))
	}
	problems = append(problems, want(t.Want)...)
	if denial(t.Want) {
		if problem := controlled(c, t); problem != nil {
			problems = append(problems, problem)
		}
	}
	return problems
}

// want says what is misspelt in a want.
func want(w check.Want) []error {
	var problems []error
	fact := func(name string) {
		if !knownFact(name) {
			problems = append(problems, fmt.Errorf("there is no fact %q", name))
		}
	}
	switch w := w.(type) {
	case check.Fact:
		fact(w.Name)
	case check.Sets:
		for _, name := range w.Of {
			fact(name)
		}
		if len(w.Of) == 0 {
			problems = append(problems, errors.New("it wants something of no capability set"))
		}
		if _, err := probe.CapabilitySet(slices.Concat(w.Exactly, w.Without)...); err != nil {
			problems = append(problems, err)
		}
	case check.All:
		for _, part := range w {
			problems = append(problems, want(part)...)
		}
	}
	return problems
}

func knownFact(name string) bool {
	_, known := check.FactValue(check.Observation{Document: &probe.Document{}}, name)
	return known
}

// denial says whether something is to be refused.
func denial(w check.Want) bool {
	switch w := w.(type) {
	case check.Denied, check.NotStarted, check.Rejected, check.Killed, check.NeverRan:
		return true
	case check.Exited:
		return w.Failed
	case check.All:
		return slices.ContainsFunc(w, denial)
	default:
		return false
	}
}

// controlled says what is missing of a denial's control: the same action or command must be allowed in
// a shape that differs in one knob.
func controlled(c check.Check, t check.Trial) error {
	err := errors.New("the denial has no control")
	for _, control := range c.Trials {
		same := control.Action.Key() == t.Action.Key() && slices.Equal(control.Container.Command, t.Container.Command) &&
			control.Procedure.String() == t.Procedure.String()
		if !control.Control || !same || denial(control.Want) {
			continue
		}
		differing, problem := knobs(t, control)
		if problem != nil {
			return problem
		}
		if len(differing) == 1 {
			return nil
		}
		err = fmt.Errorf("control %q differs in %d knobs, not in one: %s", control.Name, len(differing), strings.Join(differing, ", "))
	}
	return err
}

func records(c check.Check) []error {
	var problems []error
	if c.Level == check.Info && len(c.Trials) > 0 && len(c.Record) == 0 {
		problems = append(problems, errors.New("it records nothing"))
	}
	kinds := []check.Recorded{
		check.RecordOutcome, check.RecordOutput, check.RecordValues, check.RecordCapabilities,
		check.RecordDeniedBy, check.RecordStarted, check.RecordSyscalls,
		check.RecordUnknownCalls,
	}
	names := map[string]bool{}
	for _, r := range c.Record {
		if !hasTrial(c, r.Trial) {
			problems = append(problems, fmt.Errorf("it records of trial %q, which is not there", r.Trial))
		}
		if r.Against != "" && !hasTrial(c, r.Against) {
			problems = append(problems, fmt.Errorf("it records against trial %q, which is not there", r.Against))
		}
		if !slices.Contains(kinds, r.What) && !knownFact(string(r.What)) {
			problems = append(problems, fmt.Errorf("it records %q, which is neither a kind nor a fact", r.What))
		}
		if len(c.Record) > 1 && (r.As == "" || names[r.As]) {
			problems = append(problems, fmt.Errorf("the record %q of trial %q has no name of its own", r.What, r.Trial))
		}
		names[r.As] = true
	}
	return problems
}

func unsupported(c check.Check) []error {
	var problems []error
	for _, u := range c.Unsupported {
		if u.Trial != "" && !hasTrial(c, u.Trial) {
			problems = append(problems, fmt.Errorf("it is unsupported by trial %q, which is not there", u.Trial))
		}
		if u.Reason == "" || (u.Message == "" && u.Errno == "") {
			problems = append(problems, errors.New("an unsupported entry lacks its reason or its evidence"))
		}
	}
	return problems
}

func hasTrial(c check.Check, name string) bool {
	return slices.ContainsFunc(c.Trials, func(t check.Trial) bool { return t.Name == name })
}
