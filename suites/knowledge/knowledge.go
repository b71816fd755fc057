// Package knowledge says for each check of the catalogue what a change of its verdict or of what it
// observed means for workloads: one sentence for the check, and where the parts of the value matter by
// themselves, one for each part that changed, with its direction.
package knowledge

import (
	"encoding/json"
	"slices"

	"assay/reports/difference"
	"assay/reports/meaning"
)

// entry is what is known about one check.
type entry struct {
	check string
	// text is what any change means, link the text upstream.
	text, link string
	// refine looks at the values that changed; it may have nothing to say.
	refine func(changed []difference.Value) []meaning.Meaning
}

// Table holds an entry for each check.
type Table struct{ entries map[string]entry }

var _ meaning.Explainer = Table{}

// New is the table of all entries.
func New() Table {
	table := Table{entries: map[string]entry{}}
	for _, e := range all() {
		table.entries[e.check] = e
	}
	return table
}

func all() []entry {
	return slices.Concat(caps(), ping(), priv(), user(), escalate(), seccomp(), seccompRows(), fs(), ns(), sysctl(), cgroup(), lsm(), life(), class(), psa(), net(), netpol())
}

// Checks lists the IDs of the checks that the table knows, in the order of the areas.
func (t Table) Checks() []string {
	var ids []string
	for _, e := range all() {
		ids = append(ids, e.check)
	}
	return ids
}

// Explain says what a change of a check means. It has the sentences for the parts of the value that
// changed; where there are none, the one for the check; nothing for a check that it does not know.
func (t Table) Explain(check string, before, after json.RawMessage) []meaning.Meaning {
	e, known := t.entries[check]
	if !known {
		return nil
	}
	if e.refine != nil && len(before) > 0 && len(after) > 0 {
		changed := slices.DeleteFunc(difference.Values(before, after), func(v difference.Value) bool { return v.Before == v.After })
		if meanings := e.refine(changed); len(meanings) > 0 {
			return meanings
		}
	}
	return []meaning.Meaning{{Text: e.text, Link: e.link}}
}
