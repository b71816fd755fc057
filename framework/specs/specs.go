// Package specs turns checks into Ginkgo specs: one for each check and column, which waits for its
// cell and asserts on it. The specs do nothing themselves, so they cost nothing and run in any order.
package specs

import (
	"context"
	"fmt"
	"strings"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"assay/framework/check"
	"assay/reports/failure"
	"assay/reports/results"
)

// Cells gives the cell of a check in a column, waiting for its evidence.
type Cells func(ctx context.Context, column, check string) (results.Cell, error)

// Declare adds the specs to Ginkgo's tree. It is called before RunSpecs.
func Declare(columns []string, checks []check.Check, cells Cells) {
	for _, column := range columns {
		ginkgo.Describe(column, ginkgo.Label(column), func() {
			for _, c := range checks {
				ginkgo.It(text(c), ginkgo.Label(c.Area(), string(c.Level)), func(ctx ginkgo.SpecContext) {
					cell, err := cells(ctx, column, c.ID)
					if err != nil {
						ginkgo.Fail(fmt.Sprintf("%s on %s: no evidence: %v", c.ID, column, err))
					}
					assert(c, cell)
				})
			}
		})
	}
}

// separator stands between a check's ID and its claim in the name of its spec.
const separator = ": "

func text(c check.Check) string { return c.ID + separator + c.Claim }

func assert(c check.Check, cell results.Cell) {
	described := &results.Results{Checks: []results.Check{{
		ID: c.ID, Area: c.Area(), Level: string(c.Level), Claim: c.Claim, Source: c.Source,
	}}}
	if expectation := cell.Expectation; expectation != nil && expectation.State == results.ExpectationBroken {
		ginkgo.Fail(expectation.Text + "\n" + failure.Text(described, cell))
	}
	if cell.ExpectedFailure() {
		ginkgo.Skip("expected to fail: " + cell.Expectation.Reason)
	}
	switch cell.Verdict {
	case results.Pass:
	case results.Informed:
		ginkgo.AddReportEntry("observed", string(cell.Observed), ginkgo.ReportEntryVisibilityFailureOrVerbose)
	case results.Unsupported, results.Skipped:
		ginkgo.Skip(cell.Verdict.String() + ": " + cell.Reason)
	case results.Fail:
		if c.Level != check.Must {
			ginkgo.AddReportEntry("warning", failure.Text(described, cell), ginkgo.ReportEntryVisibilityAlways)
			return
		}
		ginkgo.Fail(failure.Text(described, cell))
	case results.Error:
		ginkgo.Fail(failure.Text(described, cell))
	}
}

// Selection is the checks that Ginkgo's filters leave, by column.
type Selection map[string][]check.Check

// Selected reads the selection from a preview of the specs (ginkgo.PreviewSpecs).
func Selected(preview ginkgo.Report, checks []check.Check) Selection {
	byID := make(map[string]check.Check, len(checks))
	for _, c := range checks {
		byID[c.ID] = c
	}
	selection := Selection{}
	for _, spec := range preview.SpecReports.WithLeafNodeType(types.NodeTypeIt) {
		if spec.State != types.SpecStatePassed || len(spec.ContainerHierarchyTexts) == 0 {
			continue
		}
		id, _, _ := strings.Cut(spec.LeafNodeText, separator)
		if c, known := byID[id]; known {
			column := spec.ContainerHierarchyTexts[0]
			selection[column] = append(selection[column], c)
		}
	}
	return selection
}
