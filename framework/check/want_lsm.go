package check

import (
	"strings"

	"assay/framework/probe"
)

// LabelLevel wants the SELinux label that was read (Values["label"]) to end in this level.
type LabelLevel string

// Met implements Want.
func (l LabelLevel) Met(o Observation) bool {
	// user:role:type:level
	const before = 3
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return false
	}
	fields := strings.SplitN(o.Result.Values["label"], ":", before+1)
	return len(fields) == before+1 && fields[before] == string(l)
}

// Seen implements Want.
func (LabelLevel) Seen(o Observation) string { return seenResult(o) }

func (l LabelLevel) String() string { return "a label of level " + string(l) }
