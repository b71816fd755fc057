package diff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"assay/reports/difference"
	"assay/reports/inert"
	"assay/reports/results"
)

// The most characters that reports for the eye show of a value, and names of one change.
const (
	valueWidth  = 160
	reasonWidth = 400
	nameWidth   = 60
	namesShown  = 60
)

// heading says what a class means for a pair.
func heading(class Class, pair *Pair) string {
	before, after := inert.Short(pair.Before, nameWidth), inert.Short(pair.After, nameWidth)
	if before == after {
		before, after = "before", "after"
	}
	switch class {
	case NewFailure:
		return "New failures: " + after + " fails, " + before + " does not"
	case NewlySkipped:
		return "Newly skipped or unsupported: " + after + " has no answer, " + before + " has"
	case Changed:
		return "Changed: the verdict is the same, what was observed is not"
	case StillFailing:
		return "Still failing: " + before + " and " + after
	case Fixed:
		return "Fixed: " + before + " fails or lacks it, " + after + " does not"
	case NotComparable:
		return "Not comparable: the suite or the cluster broke on a side, nothing is said about the runtime"
	case Flaky:
		return "Flaky: the same on both sides, but only after more than one attempt"
	case Removed:
		return "Removed: observed with " + before + " only"
	case Added:
		return "Added: observed with " + after + " only"
	default:
		return string(class)
	}
}

// headline is the whole comparison in a sentence.
func (d *Diff) headline() string {
	counts := map[Class]int{}
	same := 0
	for _, pair := range d.Pairs {
		same += pair.Same
		for _, entry := range pair.Entries {
			counts[entry.Class]++
		}
	}
	var parts []string
	for _, class := range Classes() {
		if counts[class] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[class], class))
		}
	}
	parts = append(parts, fmt.Sprintf("%d the same", same))
	verdict := "Nothing is worse"
	switch {
	case d.Worse == 1:
		verdict = "1 check is worse"
	case d.Worse > 1:
		verdict = fmt.Sprintf("%d checks are worse", d.Worse)
	case d.Empty():
		verdict = "No difference"
	}
	if d.FailOn != FailOnMust {
		verdict += fmt.Sprintf(" (--fail-on %s)", d.FailOn)
	}
	return verdict + ": " + strings.Join(parts, ", ")
}

// title names the two columns with their versions.
func (p *Pair) title() string {
	before, after := p.side(p.Before, func(f Fact) string { return f.Before }), p.side(p.After, func(f Fact) string { return f.After })
	if before == after {
		return before
	}
	return before + " → " + after
}

func (p *Pair) side(name string, of func(Fact) string) string {
	var parts []string
	for _, fact := range p.Environment {
		if (fact.Name == "runtime" || fact.Name == "OCI runtime") && of(fact) != "" {
			parts = append(parts, of(fact))
		}
	}
	slices.SortStableFunc(parts, func(a, b string) int { // the runtime that gave the column its name first
		return strings.Compare(fmt.Sprint(!strings.HasPrefix(a, name)), fmt.Sprint(!strings.HasPrefix(b, name)))
	})
	text := inert.Short(name, nameWidth)
	if len(parts) > 0 {
		text += " (" + inert.Short(strings.Join(parts, ", "), valueWidth) + ")"
	}
	return text
}

// same names the facts that are equal on both sides.
func (p *Pair) sameFacts() string {
	var parts []string
	for _, fact := range p.Environment {
		if fact.Same && fact.Name != "node limits" {
			parts = append(parts, inert.Short(fact.Name+" "+fact.After, valueWidth))
		}
	}
	return strings.Join(parts, ", ")
}

// transition says what became of a value.
func transition(c difference.Change) string {
	if !c.List() {
		return value(c.Before) + " → " + value(c.After)
	}
	var parts []string
	if len(c.Gone) > 0 {
		parts = append(parts, "gone "+inert.Short(strings.Join(c.Gone, " "), valueWidth))
	}
	if len(c.Added) > 0 {
		parts = append(parts, "added "+inert.Short(strings.Join(c.Added, " "), valueWidth))
	}
	return strings.Join(parts, ", ") + fmt.Sprintf(" (%d → %d)", c.Kept+len(c.Gone), c.Kept+len(c.Added))
}

// value is a value for the eye. One that holds an arrow is a change itself and is put in quotes.
func value(text string) string {
	text = inert.Short(text, valueWidth)
	if strings.Contains(text, "->") {
		return "«" + text + "»"
	}
	return text
}

// named lists the names that a change is about; of names that count on only the first and the last are
// said: "number 337-387".
func named(c difference.Change, most int) string {
	names := ranges(c.Of)
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func ranges(names []string) []string {
	short := make([]string, 0, len(names))
	for i := 0; i < len(names); {
		prefix, first, counts := numbered(names[i])
		end := i + 1
		for last := first; counts && end < len(names); end++ {
			next, number, is := numbered(names[end])
			if !is || next != prefix || number != last+1 {
				break
			}
			last = number
		}
		if end-i > 2 {
			short = append(short, fmt.Sprintf("%s-%d", names[i], first+end-i-1))
		} else {
			short = append(short, names[i:end]...)
		}
		i = end
	}
	return short
}

// numbered takes the number off a name that is a word and a number.
func numbered(name string) (prefix string, number int, is bool) {
	prefix, digits, found := strings.Cut(name, " ")
	number, err := strconv.Atoi(digits)
	return prefix, number, found && err == nil
}

// states says what the verdicts and their reasons were where the verdict changed or is a failure.
func (e *Entry) states() []string {
	if e.Class == Changed && e.Before.Verdict == e.After.Verdict || !e.differs() {
		return nil
	}
	var lines []string
	for _, side := range []struct {
		name  string
		state *State
	}{{"was", e.Before}, {"is", e.After}} {
		if side.state == nil {
			continue
		}
		lines = append(lines, fmt.Sprintf("%-3s %s", side.name, side.state.words()))
	}
	return lines
}

func (s *State) words() string {
	switch s.Verdict {
	case results.Pass:
		return s.Verdict.String()
	case results.Informed:
		return strings.TrimSpace(s.Verdict.String() + " " + difference.Short(s.Observed, valueWidth))
	case results.Fail, results.Unsupported, results.Skipped, results.Error:
	}
	if s.Reason == "" {
		return s.Verdict.String()
	}
	return s.Verdict.String() + ": " + inert.Short(s.Reason, reasonWidth)
}

// notes are what else has to be said of an entry.
func (e *Entry) notes() []string {
	var notes []string
	if e.Expected != "" {
		notes = append(notes, "expected: "+inert.Short(e.Expected, reasonWidth))
	}
	if e.Flaky {
		notes = append(notes, fmt.Sprintf("flaky: %d and %d attempts", attempts(e.Before), attempts(e.After)))
	}
	if e.Redefined {
		notes = append(notes, "the check itself has another claim or level than before")
	}
	return notes
}

func attempts(state *State) int {
	if state == nil {
		return 0
	}
	return state.Attempts
}

// brief says that the name of the entry says all of it.
func (e *Entry) brief() bool {
	return e.Class == Added || e.Class == Removed || !e.differs()
}

// name is the check with the verdict where it is not known from the class.
func (e *Entry) name() string {
	name := e.Check
	switch {
	case e.Before == nil:
		name += " (" + e.After.Verdict.String() + ")"
	case e.After == nil || e.Class == NotComparable:
		name += " (" + e.Before.Verdict.String() + ")"
	}
	return inert.Short(name, nameWidth)
}
