package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"assay/framework/run"
	"assay/reports/expectations"
)

func expectationsCommand(status *int) *cobra.Command {
	var strict, update bool
	c := &cobra.Command{
		Use:   "expectations FILE RESULTS",
		Short: "Compare an old run with an expectations file, as a run does at its end",
		Long: `Compares the results of a run with an expectations file and says which failures are expected, which
expectations are broken, and which entries are out of date. --update writes what was observed into the
file; comments and order stay.

Exit status: that of a run with these results: 0 as expected, 1 a must failed or an expectation was
broken, 2 the run has errors, 3 wrong usage or invalid files.`,
		Example: `  assay expectations kind-configs/expectations.yaml reports/out/latest --strict`,
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, arguments []string) error {
			file, err := expectations.Load(arguments[0])
			if err != nil {
				return &run.UsageError{Err: err}
			}
			loaded, _, err := load(arguments[1])
			if err != nil {
				return err
			}
			file.Apply(loaded, expectations.Options{Strict: strict})
			out := c.OutOrStdout()
			for _, cell := range loaded.Cells {
				if cell.Expectation == nil {
					continue
				}
				if _, err := fmt.Fprintf(out, "%-7s %s in %s: %s (%s)\n", cell.Expectation.State, cell.Check, cell.Column, cell.Expectation.Text, cell.Expectation.Entry); err != nil {
					return err
				}
			}
			for _, finding := range loaded.Expectations.Findings {
				if _, err := fmt.Fprintf(out, "%s: %s\n", finding.Entry, finding.Text); err != nil {
					return err
				}
			}
			if update {
				notes, err := file.Write(arguments[0], loaded)
				for _, note := range notes {
					if _, err := fmt.Fprintln(out, note); err != nil {
						return err
					}
				}
				if err != nil {
					return err
				}
			}
			*status = loaded.Run.Exit
			_, err = fmt.Fprintln(out, loaded.Outcome())
			return err
		},
	}
	c.Flags().BoolVar(&strict, "strict", false, "fail where an expected failure passes or an expectation has expired")
	c.Flags().BoolVar(&update, "update", false, "write what was observed into the file")
	return c
}
