package results

// ExpectationState is what came of an expectation.
type ExpectationState string

// The states. Met: the cell is as expected. Passed: a failure was expected and the check passes. Broken:
// the cell is something else. Open: the cell says nothing about the runtime.
const (
	ExpectationMet    ExpectationState = "met"
	ExpectationPassed ExpectationState = "passed"
	ExpectationBroken ExpectationState = "broken"
	ExpectationOpen   ExpectationState = "open"
)

// Expectation is what an entry of an expectations file says about a cell.
type Expectation struct {
	State ExpectationState `json:"state"`
	// Verdict is the expected one; empty where only the observation is expected.
	Verdict Verdict `json:"verdict,omitempty"`
	// Text says in a sentence what was expected and, where it is another, what was observed.
	Text string `json:"text"`
	// Reason, Link, Owner and Expires (YYYY-MM-DD) are the entry's.
	Reason  string `json:"reason,omitempty"`
	Link    string `json:"link,omitempty"`
	Owner   string `json:"owner,omitempty"`
	Expires string `json:"expires,omitempty"`
	// Entry is the place of the entry, file:line.
	Entry string `json:"entry"`
}

// Expectations is what came of an expectations file as a whole.
type Expectations struct {
	File string `json:"file"`
	// Strict makes findings that are Strict fail the run.
	Strict bool `json:"strict,omitempty"`
	// Findings are about entries: expired, unmatched, or of a failure that is none any more.
	Findings []ExpectationFinding `json:"findings"`
}

// ExpectationFinding is something about an entry that somebody has to look at.
type ExpectationFinding struct {
	// Entry is the place of the entry, file:line.
	Entry string `json:"entry"`
	Text  string `json:"text"`
	// Strict says that the finding fails a strict run.
	Strict bool `json:"strict,omitempty"`
}

// ExpectedFailure says that the cell fails, and that this was expected.
func (c Cell) ExpectedFailure() bool {
	return c.Verdict == Fail && c.Expectation != nil && c.Expectation.State == ExpectationMet && c.Expectation.Verdict == Fail
}

// Expected are the cells that fail as expected.
func (r *Results) Expected() []Cell {
	return r.cells(Cell.ExpectedFailure)
}

// Unexpected are the cells that break an expectation; what fails of them is among the failures, too.
func (r *Results) Unexpected() []Cell {
	return r.cells(func(c Cell) bool {
		return c.Expectation != nil && c.Expectation.State == ExpectationBroken
	})
}

func (r *Results) cells(which func(Cell) bool) []Cell {
	var cells []Cell
	for _, cell := range r.Cells {
		if which(cell) {
			cells = append(cells, cell)
		}
	}
	return cells
}

// strictFindings counts the findings that fail the run.
func (r *Results) strictFindings() int {
	if r.Expectations == nil || !r.Expectations.Strict {
		return 0
	}
	count := 0
	for _, finding := range r.Expectations.Findings {
		if finding.Strict {
			count++
		}
	}
	return count
}

// HostOf is the host that a column ran on, and RunOf the run that it was observed in.
func (r *Results) HostOf(column Column) Host {
	if column.From != nil {
		return column.From.Host
	}
	return r.Host
}

// RunOf is the run that a column was observed in.
func (r *Results) RunOf(column Column) Run {
	if column.From != nil {
		return column.From.Run
	}
	return r.Run
}
