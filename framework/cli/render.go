package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"assay/framework/run"
	"assay/reports"
	"assay/reports/expectations"
	"assay/reports/results"
	"assay/reports/terminal"
)

func renderCommand() *cobra.Command {
	var out string
	var formats []string
	var expected expected
	c := &cobra.Command{
		Use:   "render RESULTS",
		Short: "Render the reports of a run again, without a cluster",
		Long: `Renders the reports from a results file or the directory of a run, next to it or into --out, and prints
what a run prints. With --expectations the run is compared with that file as if it had just ended.
The format junit-strict, on request only, is what the schema of Jenkins' xunit plugin allows: JUnit
without properties of test cases.`,
		Example: `  assay render reports/out/latest
  assay render results.json --format markdown --out summary`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, arguments []string) error {
			known := append(reports.Formats(), reports.StrictJUnit)
			for _, format := range formats {
				if !slices.Contains(known, format) {
					return usage("--format can be %s, not %q", strings.Join(known, ", "), format)
				}
			}
			loaded, from, err := load(arguments[0])
			if err != nil {
				return err
			}
			if err := expected.apply(loaded); err != nil {
				return err
			}
			directory := out
			if directory == "" {
				directory = from
			}
			files, err := reports.Render(directory, from, loaded, formats...)
			if err != nil {
				return err
			}
			return say(c, loaded, directory, files)
		},
	}
	c.Flags().StringVar(&out, "out", "", "`directory` that the reports go to (default the one of the results)")
	c.Flags().StringSliceVar(&formats, "format", reports.Formats(), "render this `format` only; may be repeated")
	expected.flags(c)
	return c
}

// load reads the results of a file or of a run's directory, and says where they lie. The error is one
// of usage.
func load(path string) (loaded *results.Results, directory string, err error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, reports.ResultsFile)
	}
	if loaded, err = results.Load(path); err != nil {
		return nil, "", &run.UsageError{Err: err}
	}
	return loaded, filepath.Dir(path), nil
}

// say prints what a run prints at its end.
func say(c *cobra.Command, final *results.Results, directory string, files []string) error {
	width, colour := shape(c.OutOrStdout())
	if err := terminal.Write(c.OutOrStdout(), final, terminal.Options{Directory: directory, Files: files, Width: width, Colour: colour}); err != nil {
		return fmt.Errorf("print the results: %w", err)
	}
	return nil
}

// expected are the flags of commands that compare old results with expectations.
type expected struct {
	file   string
	strict bool
}

func (e *expected) flags(c *cobra.Command) {
	c.Flags().StringVar(&e.file, "expectations", "", "compare with this expectations `file`")
	c.Flags().BoolVar(&e.strict, "strict", false, "fail where an expected failure passes or an expectation has expired")
}

// apply compares results with the file; without one they stay as they are.
func (e *expected) apply(to *results.Results) error {
	if e.file == "" {
		if e.strict {
			return usage("--strict needs --expectations")
		}
		return nil
	}
	file, err := expectations.Load(e.file)
	if err != nil {
		return &run.UsageError{Err: err}
	}
	file.Apply(to, expectations.Options{Strict: e.strict})
	return nil
}
