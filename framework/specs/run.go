package specs

import (
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/formatter"
	"github.com/onsi/ginkgo/v2/types"

	"assay/framework/check"
)

// description is the suite's name in Ginkgo's reports.
const description = "Assay"

// Execution gathers the evidence that the specs wait for.
type Execution interface {
	// Start begins to gather the evidence of the selected checks and returns at once. Its error means
	// that there is nothing to wait for.
	Start(selection Selection) error
	// Cells is where the specs get their cells from.
	Cells() Cells
}

// Filter are Ginkgo's filters by the names of its flags, for callers that do not have them.
type Filter struct {
	Focus, Skip []string
	LabelFilter string
}

// Validate says what is wrong with the filters.
func (f Filter) Validate() error {
	for name, expressions := range map[string][]string{"focus": f.Focus, "skip": f.Skip} {
		for _, expression := range expressions {
			if _, err := regexp.Compile(expression); err != nil {
				return fmt.Errorf("--%s %q is not a regular expression: %w", name, expression, err)
			}
		}
	}
	if _, err := types.ParseLabelFilter(f.LabelFilter); err != nil {
		// Ginkgo's own words are laid out for a terminal, over several lines.
		return fmt.Errorf("--label-filter %q is not an expression of labels, as 'caps || ping' or 'seccomp && !info'", f.LabelFilter)
	}
	return nil
}

// Run declares the specs of the checks and columns, starts the execution with what the filters leave,
// and lets Ginkgo run the specs. It returns false when a spec failed. No filter of the caller's leaves
// Ginkgo's own flags in force.
func Run(t ginkgo.GinkgoTestingT, columns []string, checks []check.Check, execution Execution, filter *Filter) (bool, error) {
	suite, reporter := ginkgo.GinkgoConfiguration()
	if suite.ParallelTotal > 1 {
		return false, errors.New("the specs only wait for evidence that one process gathers; run them without -p and --procs")
	}
	if filter != nil {
		suite.FocusStrings, suite.SkipStrings, suite.LabelFilter = filter.Focus, filter.Skip, filter.LabelFilter
		// The caller prints what came of the run from the results.
		formatter.ColorableStdOut = io.Discard
	}
	Declare(columns, checks, execution.Cells())
	selection := Selected(ginkgo.PreviewSpecs(description, suite, reporter), checks)
	if !suite.DryRun {
		if err := execution.Start(selection); err != nil {
			return false, err
		}
	}
	return ginkgo.RunSpecs(t, description, suite, reporter), nil
}

// Select says what the filters leave of the checks on the columns, without running anything. It is called once, and
// not besides Run: Ginkgo has one tree of specs.
func Select(columns []string, checks []check.Check, filter Filter) Selection {
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.FocusStrings, suite.SkipStrings, suite.LabelFilter = filter.Focus, filter.Skip, filter.LabelFilter
	Declare(columns, checks, nil)
	return Selected(ginkgo.PreviewSpecs(description, suite, reporter), checks)
}
