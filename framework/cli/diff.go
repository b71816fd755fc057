package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"assay/framework/run"
	"assay/reports"
	"assay/reports/atomicfile"
	"assay/reports/diff"
	"assay/reports/meaning"
)

func diffCommand(status *int, explainer meaning.Explainer) *cobra.Command {
	var renamed map[string]string
	var format, failOn, out string
	c := &cobra.Command{
		Use:   "diff BEFORE AFTER",
		Short: "Compare two runs, or two columns: what fails now, what changed, what it means",
		Long: `Compares two results files (or directories of runs), or two columns of them as FILE:COLUMN, and needs no
cluster. Columns of two runs are compared by name; where each side has one column, these two are.

Exit status: 0 nothing is worse; 1 something is, by --fail-on; 3 wrong usage or invalid files.
--fail-on must counts new failures of checks of level must; should counts those of every level; change
counts besides what was skipped, removed, changed or cannot be compared; never counts nothing.`,
		Example: `  assay diff results.json:containerd results.json:cri-o    the migration question
  assay diff reports/out/20260301-020000 reports/out/latest    the upgrade gate
  assay diff old.json new.json --map containerd-2.2=containerd-2.4 --fail-on change
  assay diff old.json new.json --format html --out diff.html`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, arguments []string) error {
			if !slices.Contains(diff.FailOns(), diff.FailOn(failOn)) {
				return usage("--fail-on can be %s, not %q", words(diff.FailOns()), failOn)
			}
			write, known := diffFormats()[format]
			if !known {
				return usage("--format can be text, markdown, html or json, not %q", format)
			}
			before, after, matched, err := sides(arguments, renamed)
			if err != nil {
				return &run.UsageError{Err: err}
			}
			d := diff.Compare(before, after, matched, diff.Options{FailOn: diff.FailOn(failOn), Explainer: explainer})
			*status = d.Status()
			if out != "" {
				return atomicfile.Write(out, func(w io.Writer) error { return write(d, w) })
			}
			return write(d, c.OutOrStdout())
		},
	}
	flags := c.Flags()
	flags.StringToStringVar(&renamed, "map", nil, "compare this column with one of another name, `BEFORE=AFTER`; may be repeated")
	flags.StringVar(&format, "format", "text", "`format`: text, markdown, html or json")
	flags.StringVar(&failOn, "fail-on", string(diff.FailOnMust), "what is worse: must, should, change or never")
	flags.StringVar(&out, "out", "", "write to this `file` instead of standard output")
	return c
}

func diffFormats() map[string]func(*diff.Diff, io.Writer) error {
	return map[string]func(*diff.Diff, io.Writer) error{
		"text": func(d *diff.Diff, w io.Writer) error {
			width, colour := shape(w)
			return d.WriteText(w, diff.TextOptions{Width: width, Colour: colour})
		},
		"markdown": (*diff.Diff).WriteMarkdown,
		"html":     (*diff.Diff).WriteHTML,
		"json":     (*diff.Diff).WriteJSON,
	}
}

func sides(arguments []string, renamed map[string]string) (before, after diff.Input, matched diff.Matched, err error) {
	if before, err = diff.Open(arguments[0], reports.ResultsFile); err != nil {
		return before, after, matched, err
	}
	if after, err = diff.Open(arguments[1], reports.ResultsFile); err != nil {
		return before, after, matched, err
	}
	matched, err = diff.Match(before, after, renamed)
	return before, after, matched, err
}

// usage is an error of wrong usage.
func usage(format string, arguments ...any) error {
	return &run.UsageError{Err: fmt.Errorf(format, arguments...)}
}

// words lists words for a sentence.
func words[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, word := range list {
		texts[i] = string(word)
	}
	return strings.Join(texts, ", ")
}
