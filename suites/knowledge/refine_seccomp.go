package knowledge

import (
	"fmt"
	"slices"
	"strings"

	"assay/reports/difference"
	"assay/reports/meaning"
	"assay/reports/programs"
)

const allow = "allow"

// calls groups the rows of a table of system calls that changed by family and by direction, and has a
// sentence for each group. Who is under the filter comes first in it.
func calls(who string) func([]difference.Value) []meaning.Meaning {
	return func(changed []difference.Value) []meaning.Meaning {
		var meanings []meaning.Meaning
		left := slices.Clone(changed)
		for _, family := range programs.Families() {
			var of []difference.Value
			left = slices.DeleteFunc(left, func(value difference.Value) bool {
				if family.HasCall(value.Name()) {
					of = append(of, value)
					return true
				}
				return false
			})
			meanings = append(meanings, directions(who, family, of)...)
		}
		return append(meanings, directions(who, programs.Need{Name: "other calls", Link: ociSeccomp}, left)...)
	}
}

// directions has a sentence for each way in which calls of a family changed.
func directions(who string, family programs.Need, changed []difference.Value) []meaning.Meaning {
	var order []string
	groups := map[string][]string{}
	for _, value := range changed {
		key := value.Before + " to " + value.After
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], value.Name())
	}
	var meanings []meaning.Meaning
	for _, key := range order {
		before, after, _ := strings.Cut(key, " to ")
		text := fmt.Sprintf("%s, %s (%s) change from %s: ", who, family.Name, list(groups[key]), key)
		switch {
		case after == allow && before == "ENOSYS" && family.Name == "newest calls":
			text += "programs that know them can use them."
		case after == allow:
			text += "the filter no longer stops them; what is left are the capability and the kernel's own checks."
		case before == allow:
			text += used(family, "can no longer use them", "are blocked now") + fallback(family)
		case after == "ENOSYS":
			text += "blocked on both sides; the C library and programs that take ENOSYS as \"not there\" fall back where EPERM made them fail."
		case before == "ENOSYS":
			text += "blocked on both sides; programs that fall back on ENOSYS may take the new answer as fatal" + suffix(family)
		default:
			text += "blocked on both sides, programs see another error."
		}
		meanings = append(meanings, meaning.Meaning{Text: text, Link: family.Link})
	}
	return meanings
}

func used(family programs.Need, can, otherwise string) string {
	if len(family.Commands) == 0 {
		return "they " + otherwise
	}
	return "programs such as " + list(family.Commands) + " " + can
}

func fallback(family programs.Need) string {
	if family.Fallback == "" {
		return "."
	}
	return "; " + family.Fallback + "."
}

func suffix(family programs.Need) string {
	if len(family.Commands) == 0 {
		return "."
	}
	return " (" + list(family.Commands) + ")."
}

// opened explains the table of what a capability opens: "EPERM -> allow" under the capability's name.
func opened(changed []difference.Value) []meaning.Meaning {
	type group struct{ gone, changed, came []string }
	groups := map[string]*group{}
	var order []string
	for _, value := range changed {
		if len(value.Path) < 2 {
			continue
		}
		capability, call := value.Path[0], value.Path[1]
		if groups[capability] == nil {
			groups[capability] = &group{}
			order = append(order, capability)
		}
		switch g := groups[capability]; {
		case value.After == difference.Absent:
			g.gone = append(g.gone, call)
		case value.Before == difference.Absent:
			g.came = append(g.came, call)
		default:
			g.changed = append(g.changed, call)
		}
	}
	var meanings []meaning.Meaning
	say := func(format, capability string, calls []string) {
		if len(calls) > 0 {
			meanings = append(meanings, meaning.Meaning{Text: fmt.Sprintf(format, capability, list(calls)), Link: seccompNode})
		}
	}
	for _, capability := range order {
		g := groups[capability]
		say("Adding %s no longer changes what RuntimeDefault says to %s: the profile has the same answer with and without the capability.", capability, g.gone)
		say("Adding %s now changes what RuntimeDefault says to %s: pods without it have another answer than pods with it.", capability, g.came)
		say("Without %s the answer to %s is another; with it they are as before.", capability, g.changed)
	}
	return meanings
}

func unknownCalls(changed []difference.Value) []meaning.Meaning {
	return each(changed, ociSeccomp, func(value difference.Value) string {
		if value.Name() == "answer" {
			return fmt.Sprintf("Calls that no profile knows are answered with %s instead of %s: programs fall back on ENOSYS and may take EPERM as fatal.", value.After, value.Before)
		}
		return fmt.Sprintf("The first number that the profile does not know is %s, it was %s: the newest calls in between are known to one side only.", value.After, value.Before)
	})
}
