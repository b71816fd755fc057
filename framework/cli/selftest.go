package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"assay/framework/run"
	"assay/framework/selftest"
	"assay/reports/atomicfile"
	"assay/reports/results"
	"assay/suites"
)

func selftestCommand(status *int) *cobra.Command {
	var settings run.Settings
	var column, docs string
	var names []string
	c := &cobra.Command{
		Use:   "selftest",
		Short: "Prove that the checks can fail: build faults into a column, see which checks notice",
		Long: `Creates the cluster of a column, runs the checks on it, and then builds in one fault after the other, each
in namespaces of its own, and runs the checks about it. The exit status is 1 where a fault was caught by
nothing, a check that has nothing to do with it changed, or a check of level must caught no fault.`,
		Example: `  assay selftest
  assay selftest --column cri-o --fault masks-lost --fault uid-zero`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			faults, err := chosen(names)
			if err != nil {
				return &run.UsageError{Err: err}
			}
			if column != "" {
				settings.Columns = []string{column}
			}
			*status, err = prove(c, settings, faults, docs)
			return err
		},
	}
	flags := c.Flags()
	flags.StringVar(&settings.Matrix, "matrix", "", "matrix `file` (default kind-configs/matrix.yaml of the checkout)")
	flags.StringVar(&column, "column", "", "the `column` that the faults are built into (default the first of the matrix)")
	flags.StringSliceVar(&names, "fault", nil, "try this `fault` only; may be repeated")
	flags.StringVar(&docs, "docs", "", "write the tables to this Markdown `file`, too")
	flags.BoolVar(&settings.Keep, "keep", false, "leave the cluster for a look or for --reuse")
	flags.BoolVar(&settings.Reuse, "reuse", false, "take a kept cluster after verifying it; implies --keep")
	flags.StringVar(&settings.Out, "out", "", "`directory` of the runs' reports (default reports/out of the checkout)")
	flags.StringVar(&settings.Engine, "engine", "", "container `engine`: docker, podman or nerdctl (default the first that answers)")
	return c
}

// chosen are the faults of these names; all of them without names.
func chosen(names []string) ([]selftest.Fault, error) {
	all := selftest.Faults()
	if len(names) == 0 {
		return all, nil
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(f selftest.Fault) bool { return f.Name == name }) {
			return nil, fmt.Errorf("there is no fault %q", name)
		}
	}
	return slices.DeleteFunc(all, func(f selftest.Fault) bool { return !slices.Contains(names, f.Name) }), nil
}

func prove(c *cobra.Command, settings run.Settings, faults []selftest.Fault, docs string) (int, error) {
	options, err := settings.Options(c.Context())
	if err != nil {
		return 0, err
	}
	options.Progress = c.ErrOrStderr()
	ctx, again, stop := run.Interruptible(c.Context())
	defer stop()
	r := run.New(ctx, options)
	go r.LeaveOn(again, c.ErrOrStderr())

	var report selftest.Report
	var folder string
	err = r.Lend(options.Columns[0], func(ctx context.Context, loan run.Loan) (err error) {
		folder = loan.Folder
		nodes := make([]string, 0, len(loan.Cluster.Nodes))
		for _, node := range loan.Cluster.Nodes {
			nodes = append(nodes, node.Name)
		}
		remove, err := selftest.Install(ctx, options.Root, loan.Cluster, nodes)
		defer func() { err = errors.Join(err, remove()) }()
		if err != nil {
			return err
		}
		report, err = selftest.Run(ctx, loan.Target, selftest.Options{
			RunID: loan.ID, Checks: suites.Catalogue(), Faults: faults, Folder: loan.Folder, Progress: loan.Progress,
		})
		described := loan.Described
		report.Runtime = described.Runtime.Name + " " + described.Runtime.Version
		report.OCIRuntime = described.OCIRuntime.Name + " " + described.OCIRuntime.Version
		report.Kubernetes = described.Kubernetes
		return err
	})
	switch {
	case errors.Is(context.Cause(ctx), run.ErrInterrupted):
		return results.ExitInterrupted, nil
	case err != nil:
		return 0, err
	}
	if err := writeProof(report, folder, docs); err != nil {
		return 0, err
	}
	return sayProof(c.OutOrStdout(), report, folder)
}

// writeProof writes the report as selftest.json and selftest.md into the run's folder.
func writeProof(report selftest.Report, folder, docs string) error {
	files := map[string]func(io.Writer) error{
		filepath.Join(folder, "selftest.json"): report.WriteJSON,
		filepath.Join(folder, "selftest.md"):   report.WriteMarkdown,
	}
	if docs != "" {
		if err := os.MkdirAll(filepath.Dir(docs), 0o755); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		files[docs] = report.WriteMarkdown
	}
	for path, write := range files {
		if err := atomicfile.Write(path, write); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	return nil
}

func sayProof(out io.Writer, report selftest.Report, folder string) (int, error) {
	problems := report.Problems()
	for _, problem := range problems {
		if _, err := fmt.Fprintln(out, "-", problem); err != nil {
			return 0, err
		}
	}
	if _, err := fmt.Fprintf(out, "%s\n%s\n%d problems; reports are in %s\n", report.Summary(), report.Times(), len(problems), folder); err != nil {
		return 0, err
	}
	if len(problems) > 0 {
		return results.ExitFailed, nil
	}
	return results.ExitExpected, nil
}
