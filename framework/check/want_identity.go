package check

import (
	"fmt"
	"slices"
	"strings"

	"assay/framework/probe"
)

// Groups wants the supplementary groups of the process to be exactly these. Its primary group may be
// among them: getgroups(2) leaves that open.
type Groups []int

// Met implements Want.
func (g Groups) Met(o Observation) bool {
	return o.Document != nil && slices.Equal(supplementary(o.Document.Facts), sorted(g))
}

// Seen implements Want.
func (Groups) Seen(o Observation) string {
	if o.Document == nil {
		return seenState(o)
	}
	return fmt.Sprintf("gid %d, groups %v", o.Document.Facts.GID, sorted(o.Document.Facts.Groups))
}

func (g Groups) String() string { return fmt.Sprintf("supplementary groups %v", []int(g)) }

// supplementary are the groups of a process besides its primary one, sorted.
func supplementary(facts probe.Facts) []int {
	return slices.DeleteFunc(sorted(facts.Groups), func(group int) bool { return group == facts.GID })
}

func sorted(groups []int) []int {
	return slices.Compact(slices.Sorted(slices.Values(groups)))
}

// ReportedUser wants the pod's status to report the uid, the gid and the groups that the process has.
type ReportedUser struct{}

// Met implements Want.
func (ReportedUser) Met(o Observation) bool {
	user := o.State.User
	if o.Document == nil || user == nil {
		return false
	}
	facts := o.Document.Facts
	return user.UID == int64(facts.UID) && user.GID == int64(facts.GID) &&
		slices.Equal(supplementary(facts), supplementary(probe.Facts{GID: facts.GID, Groups: reportedGroups(o)}))
}

// Seen implements Want.
func (ReportedUser) Seen(o Observation) string {
	if o.Document == nil {
		return seenState(o)
	}
	facts := o.Document.Facts
	text := fmt.Sprintf("the process has %d:%d %v", facts.UID, facts.GID, sorted(facts.Groups))
	if o.State.User == nil {
		return text + ", status.user is not there"
	}
	return text + fmt.Sprintf(", status.user %d:%d %v", o.State.User.UID, o.State.User.GID, sorted(reportedGroups(o)))
}

func (ReportedUser) String() string { return "status.user equal to what the process has" }

func reportedGroups(o Observation) []int {
	groups := make([]int, 0, len(o.State.User.SupplementalGroups))
	for _, group := range o.State.User.SupplementalGroups {
		groups = append(groups, int(group))
	}
	return groups
}

// Admitted wants the API server to take the pod; what becomes of it is not asked.
type Admitted struct{}

// Met implements Want.
func (Admitted) Met(o Observation) bool { return o.Rejected == "" }

// Seen implements Want.
func (Admitted) Seen(o Observation) string {
	if o.Rejected != "" {
		return seenState(o)
	}
	return "admitted"
}

func (Admitted) String() string { return "admitted by the API server" }

// Settled wants nothing but a word: the container ran, or it was refused for a reason. It is for what
// the texts leave open, where a refusal is no accident that is tried again.
type Settled struct{}

// Met implements Want.
func (Settled) Met(o Observation) bool {
	return o.State.Started || o.Rejected != "" || NotStarted{}.Met(o)
}

// Seen implements Want.
func (Settled) Seen(o Observation) string {
	if o.Document != nil {
		return "started"
	}
	return seenState(o)
}

func (Settled) String() string { return "started, or refused for a reason" }

// Keys wants the action to have read values of all Required names and of no others but Optional ones.
type Keys struct{ Required, Optional []string }

// Met implements Want.
func (k Keys) Met(o Observation) bool {
	missing, others := k.differing(o)
	return o.Result != nil && o.Result.Outcome == probe.Allowed && len(missing) == 0 && len(others) == 0
}

// Seen implements Want.
func (k Keys) Seen(o Observation) string {
	if o.Result == nil || o.Result.Outcome != probe.Allowed {
		return seenResult(o)
	}
	missing, others := k.differing(o)
	text := fmt.Sprintf("%d names", len(o.Result.Values))
	if len(missing) > 0 {
		text += ", without " + strings.Join(missing, " ")
	}
	if len(others) > 0 {
		text += ", besides " + strings.Join(others, " ")
	}
	return text
}

func (k Keys) String() string {
	text := "exactly " + strings.Join(k.Required, " ")
	if len(k.Optional) > 0 {
		text += ", maybe " + strings.Join(k.Optional, " ")
	}
	return text
}

func (k Keys) differing(o Observation) (missing, others []string) {
	if o.Result == nil {
		return k.Required, nil
	}
	for _, name := range k.Required {
		if _, there := o.Result.Values[name]; !there {
			missing = append(missing, name)
		}
	}
	for name := range o.Result.Values {
		if !slices.Contains(k.Required, name) && !slices.Contains(k.Optional, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	return missing, others
}
