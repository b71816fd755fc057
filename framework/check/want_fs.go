package check

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"assay/framework/probe"
)

// OneOf wants the action to succeed and each of the named values to be one of several.
type OneOf map[string][]string

// Met implements Want.
func (w OneOf) Met(o Observation) bool {
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return false
	}
	for name, wanted := range w {
		if value, known := o.Result.Values[name]; !known || !slices.Contains(wanted, value) {
			return false
		}
	}
	return true
}

// Seen implements Want.
func (w OneOf) Seen(o Observation) string {
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return seenResult(o)
	}
	seen := make(map[string]string, len(w))
	for name := range w {
		seen[name] = o.Result.Values[name]
	}
	return pairs(seen)
}

func (w OneOf) String() string {
	parts := make([]string, 0, len(w))
	for _, name := range slices.Sorted(maps.Keys(w)) {
		parts = append(parts, name+"="+strings.Join(w[name], " or "))
	}
	return strings.Join(parts, " ")
}

// Lines wants the action to succeed, and the text that it read (Values["content"], or a command's output)
// to have lines.
type Lines struct {
	// Having are regular expressions, each of which has to match a whole line; Lacking are those that no
	// line may match. Runs of blanks in a line count as one space. $NAMESPACE, $POD and $NODE stand for the
	// trial's own.
	Having, Lacking []string
}

// Met implements Want.
func (l Lines) Met(o Observation) bool {
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return false
	}
	for _, pattern := range l.Having {
		if !matchesLine(pattern, o) {
			return false
		}
	}
	return !slices.ContainsFunc(l.Lacking, func(pattern string) bool { return matchesLine(pattern, o) })
}

// matchesLine says whether a line matches. A pattern that is none matches nothing; the catalogue's
// validation finds it.
func matchesLine(pattern string, o Observation) bool {
	named := strings.NewReplacer("$NAMESPACE", o.Namespace, "$POD", o.Pod, "$NODE", o.Node)
	expression, err := regexp.Compile("^(?:" + named.Replace(pattern) + ")$")
	if err != nil {
		return false
	}
	for line := range strings.Lines(textOf(o.Result)) {
		if expression.MatchString(strings.Join(strings.Fields(line), " ")) {
			return true
		}
	}
	return false
}

// Seen implements Want.
func (l Lines) Seen(o Observation) string {
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return seenResult(o)
	}
	return fmt.Sprintf("%q", textOf(o.Result))
}

func textOf(r *probe.Result) string {
	if content, known := r.Values["content"]; known {
		return content
	}
	return r.Output
}

func (l Lines) String() string {
	text := fmt.Sprintf("the lines %q", l.Having)
	if len(l.Lacking) > 0 {
		text += fmt.Sprintf(", none like %q", l.Lacking)
	}
	return text
}
