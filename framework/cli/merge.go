package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"assay/framework/run"
	"assay/reports"
	"assay/reports/merge"
)

func mergeCommand(status *int) *cobra.Command {
	var out string
	var expected expected
	c := &cobra.Command{
		Use:   "merge RESULTS... --out DIR",
		Short: "Make one run of columns that ran in different jobs",
		Long: `Merges results files or directories of runs into one results.json with all reports and the evidence. The
columns keep the order of the arguments, and each remembers its run and its host. Columns of the same
name from different runs, and checks that are not the same, are refused.

Exit status: that of a run with these results; 3 wrong usage or invalid files.`,
		Example: `  assay merge job-containerd/results.json job-cri-o/results.json --out merged`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, arguments []string) error {
			if out == "" {
				return usage("--out is missing: the directory that the merged run goes to")
			}
			var inputs []merge.Input
			var folders []string
			for _, argument := range arguments {
				loaded, folder, err := load(argument)
				if err != nil {
					return err
				}
				inputs = append(inputs, merge.Input{File: argument, Run: loaded})
				folders = append(folders, folder)
			}
			merged, err := merge.Runs(inputs)
			if err != nil {
				return &run.UsageError{Err: err}
			}
			if err := expected.apply(merged); err != nil {
				return err
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return fmt.Errorf("make the directory of the merged run: %w", err)
			}
			for _, folder := range folders {
				if err := copyEvidence(folder, out); err != nil {
					return err
				}
			}
			if err := merged.Write(filepath.Join(out, reports.ResultsFile)); err != nil {
				return err
			}
			files, err := reports.Render(out, out, merged, reports.Formats()...)
			if err != nil {
				return err
			}
			*status = merged.Run.Exit
			return say(c, merged, out, append([]string{reports.ResultsFile}, files...))
		},
	}
	c.Flags().StringVar(&out, "out", "", "`directory` that the merged run goes to")
	expected.flags(c)
	return c
}

// copyEvidence copies the evidence of a run, which its results name relative to themselves. What is
// there already stays: the same run may be named twice.
func copyEvidence(from, to string) error {
	const folder = "evidence"
	root, err := os.OpenRoot(from)
	if err != nil {
		return fmt.Errorf("copy the evidence: %w", err)
	}
	defer root.Close() //nolint:errcheck // read only
	columns, err := fs.ReadDir(root.FS(), folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("copy the evidence: %w", err)
	}
	for _, column := range columns {
		target := filepath.Join(to, folder, column.Name())
		if _, err := os.Stat(target); err == nil || !column.IsDir() {
			continue
		}
		evidence, err := fs.Sub(root.FS(), folder+"/"+column.Name())
		if err != nil {
			return fmt.Errorf("copy the evidence: %w", err)
		}
		if err := os.CopyFS(target, evidence); err != nil {
			return fmt.Errorf("copy the evidence: %w", err)
		}
	}
	return nil
}
