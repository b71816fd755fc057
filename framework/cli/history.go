package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"assay/framework/run"
	"assay/reports"
	"assay/reports/atomicfile"
	"assay/reports/history"
	"assay/reports/results"
)

func historyCommand() *cobra.Command {
	var format, out string
	var last int
	var all bool
	c := &cobra.Command{
		Use:   "history DIR",
		Short: "Show the trend of many runs: verdicts, the first bad run, flakiness",
		Long: `Reads the results.json of every run in a directory, such as reports/out, and every *.json file directly in
it, and shows the checks of which there is something to say: that are or were bad, that are flaky, or
whose observation changed. The flake score is the share of runs in which the verdict was not that of the
run before or came only after more than one attempt.`,
		Example: `  assay history reports/out
  assay history nights --last 90 --format html --out history.html`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, arguments []string) error {
			if last < 0 {
				return usage("--last cannot be %d", last)
			}
			write, known := historyFormats(all)[format]
			if !known {
				return usage("--format can be text, html or json, not %q", format)
			}
			trend, err := readHistory(arguments[0], last)
			if err != nil {
				return &run.UsageError{Err: err}
			}
			if out != "" {
				return atomicfile.Write(out, func(w io.Writer) error { return write(trend, w) })
			}
			return write(trend, c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&format, "format", "text", "`format`: text, html or json")
	c.Flags().StringVar(&out, "out", "", "write to this `file` instead of standard output")
	c.Flags().IntVar(&last, "last", 30, "take the latest `n` runs only; 0 takes all")
	c.Flags().BoolVar(&all, "all", false, "show every check in the text")
	return c
}

func historyFormats(all bool) map[string]func(*history.History, io.Writer) error {
	return map[string]func(*history.History, io.Writer) error{
		"text": func(h *history.History, w io.Writer) error {
			width, colour := shape(w)
			return h.WriteText(w, all, width, colour)
		},
		"html": (*history.History).WriteHTML,
		"json": (*history.History).WriteJSON,
	}
}

// readHistory reads the runs of a directory one by one.
func readHistory(directory string, last int) (*history.History, error) {
	if _, err := os.ReadDir(directory); err != nil {
		return nil, fmt.Errorf("read the runs: %w", err)
	}
	var builder history.Builder
	found := false
	for _, pattern := range []string{filepath.Join("*", reports.ResultsFile), "*.json"} {
		// Only a wrong pattern is an error, and the directory is no part of it.
		files, err := filepath.Glob(filepath.Join(escaped(directory), pattern))
		if err != nil {
			return nil, fmt.Errorf("read the runs: %w", err)
		}
		for _, file := range files {
			loaded, err := results.Load(file)
			if err != nil {
				return nil, err
			}
			builder.Add(loaded)
			found = true
		}
	}
	if !found {
		return nil, fmt.Errorf("%s has no runs: neither */%s nor *.json", directory, reports.ResultsFile)
	}
	return builder.History(last), nil
}

// escaped is a path in which Glob finds no pattern.
func escaped(path string) string {
	var escaped []rune
	for _, r := range path {
		if r == '*' || r == '?' || r == '[' || r == '\\' {
			escaped = append(escaped, '\\')
		}
		escaped = append(escaped, r)
	}
	return string(escaped)
}
