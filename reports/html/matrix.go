package html

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"assay/reports/difference"
	"assay/reports/inert"
	"assay/reports/results"
)

// mostDifferences is how many differences of a check the matrix shows at once; the rest is a click away.
const mostDifferences = 4

// area is the checks of an area.
type area struct {
	Name string
	// Differ is the number of its checks in which the columns differ.
	Differ int
	Checks []row
}

// row is a check.
type row struct {
	// ID is the fragment of the row's permalink, not yet escaped.
	ID, Level, Claim, Link string
	// Number is the check's place in the details.
	Number  int
	Differs bool
	Cells   []cell
	// Differences are the values in which the columns differ, beneath the cells.
	Differences []comparison
	// More says what lies behind the button that shows all recorded values; empty where there is none.
	More string
}

type cell struct {
	Verdict results.Verdict
	// Text is the recorded value, or the reason where that says more; it may be empty.
	Text     string
	DeniedBy string
	// Outliers says that nodes of the column answer otherwise than its others; empty where none does.
	Outliers string
	Link     string
	// Group is 0 where the value is that of the first column, else it counts the other values, up to 3.
	Group int
}

// comparison is one thing in which the columns differ.
type comparison struct {
	Label  string
	Values []value
}

type value struct {
	Text  string
	Group int
}

// finding is a cell that fails, or an error.
type finding struct {
	Verdict                     results.Verdict
	Check, Column, Reason, Link string
}

// mostFindings is how many findings stand above the matrix.
const mostFindings = 12

// findings lists the failures, then the errors, then the recommendations that are not followed; more is how
// many others there are.
func findings(run *results.Results) (list []finding, more int) {
	broken, warnings := run.Failures()
	cells := slices.Concat(broken, run.Errors(), warnings)
	for _, cell := range cells[:min(len(cells), mostFindings)] {
		check, column := inert.Short(cell.Check, nameWidth), inert.Short(cell.Column, nameWidth)
		list = append(list, finding{
			Verdict: cell.Verdict, Check: check, Column: column, Reason: inert.Short(cell.Reason, valueWidth),
			Link: "#" + fragment(check) + "@" + fragment(column),
		})
	}
	return list, len(cells) - len(list)
}

// areas groups the checks, in the order in which the areas first appear.
func areas(run *results.Results) []area {
	var list []area
	places := map[string]int{}
	for i, check := range run.Checks {
		at, found := places[check.Area]
		if !found {
			at = len(list)
			places[check.Area] = at
			list = append(list, area{Name: inert.Short(check.Area, nameWidth)})
		}
		r := newRow(run, check)
		r.Number = i
		if r.Differs {
			list[at].Differ++
		}
		list[at].Checks = append(list[at].Checks, r)
	}
	return list
}

func newRow(run *results.Results, check results.Check) row {
	id := inert.Short(check.ID, nameWidth)
	r := row{
		ID: id, Level: inert.Short(check.Level, nameWidth), Claim: inert.Short(check.Claim, claimWidth),
		Link: "#" + fragment(id),
	}
	rows := difference.Of(run, check.ID)
	r.Differs = len(rows) > 0
	rows = slices.DeleteFunc(rows, func(row difference.Row) bool { return row.Verdict })
	// One value that differs stands in the cells, several beneath them.
	single := len(rows) == 1 && len(rows[0].Of) == 0
	members := 0
	for i, from := range run.Row(check.ID) {
		c := cell{Verdict: from.Verdict, Link: r.Link + "@" + fragment(inert.Short(run.Columns[i].Name, nameWidth))}
		switch {
		case from.Verdict == results.Fail || !from.Stated() || from.Verdict == results.Unsupported:
			c.Text = inert.Short(from.Reason, reasonWidth)
		case single:
			c.Text = inert.Short(rows[0].Values[i], valueWidth)
		case len(rows) == 0 && from.Verdict == results.Informed && len(from.Observed) > 0:
			c.Text = difference.Short(from.Observed, valueWidth)
		}
		if outliers := from.Outliers(); outliers > 0 {
			c.Outliers = fmt.Sprintf("outliers: %d", outliers)
		}
		for _, trial := range from.Trials {
			if trial.DeniedBy != "" && !trial.Control {
				c.DeniedBy = inert.Short(trial.DeniedBy, nameWidth)
				break
			}
		}
		if c.Text == "" && c.DeniedBy != "" && from.Verdict == results.Pass {
			c.Text = "denied by " + c.DeniedBy
		}
		if len(from.Observed) < longestRecorded && (r.Differs || from.Verdict == results.Informed) {
			members = max(members, len(difference.Members(from.Observed)))
		}
		r.Cells = append(r.Cells, c)
	}
	if single {
		groups := grouped(rows[0].Values)
		for i := range r.Cells {
			r.Cells[i].Group = groups[i]
		}
	} else {
		for _, row := range rows[:min(len(rows), mostDifferences)] {
			r.Differences = append(r.Differences, newComparison(row))
		}
	}
	listed := 0
	for _, row := range rows[:min(len(rows), mostDifferences)] {
		listed += len(row.Of)
	}
	if members > 1 && members > listed {
		r.More = fmt.Sprintf("all %d values", members)
	}
	if left := len(rows) - mostDifferences; left > 0 && r.More != "" {
		r.More = fmt.Sprintf("%d more differences, %s", left, r.More)
	}
	return r
}

func newComparison(row difference.Row) comparison {
	const names = 8
	c := comparison{Label: inert.Short(row.Label(names), reasonWidth)}
	groups := grouped(row.Values)
	for i, text := range row.Values {
		c.Values = append(c.Values, value{Text: inert.Short(text, valueWidth), Group: groups[i]})
	}
	return c
}

// grouped numbers the texts: the same text has the same number, up to 3.
func grouped(texts []string) []int {
	numbers := map[string]int{}
	groups := make([]int, len(texts))
	for i, text := range texts {
		number, found := numbers[text]
		if !found {
			number = len(numbers)
			numbers[text] = number
		}
		groups[i] = min(number, 3)
	}
	return groups
}

// fragment escapes what a URL's fragment cannot hold, and the colon, which may look like a scheme.
func fragment(text string) string {
	return strings.NewReplacer("%2F", "/", "+", "%20", "%40", "@").Replace(url.QueryEscape(text))
}

// web is the source where it is an address of the web, otherwise empty.
func web(source string) string {
	address, err := url.Parse(source)
	if err != nil || address.Scheme != "https" && address.Scheme != "http" || address.Host == "" || len(source) > 2000 {
		return ""
	}
	return address.String()
}
