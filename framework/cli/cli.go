// Package cli is the command `assay`: what it can be told, and what it answers.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"assay/framework/run"
	"assay/reports/results"
	"assay/suites/knowledge"
)

// Main carries out a command line and returns the exit status. Its words go to out, progress and
// errors to problems.
func Main(ctx context.Context, arguments []string, out, problems io.Writer) int {
	status := results.ExitExpected
	root := command(&status) //nolint:contextcheck // cobra hands the context to the commands
	root.SetArgs(arguments)
	root.SetOut(out)
	root.SetErr(problems)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return status
	}
	_, _ = fmt.Fprintln(problems, "assay:", err)
	var usage *run.UsageError
	if errors.As(err, &usage) {
		return results.ExitUsage
	}
	return results.ExitBroken
}

func command(status *int) *cobra.Command {
	root := &cobra.Command{
		Use:   "assay",
		Short: "What changes for my pods when the container runtime under them changes?",
		Long: `Assay compares the behaviour of Kubernetes container runtimes on real clusters.

It creates a kind cluster for each column of a matrix (containerd and CRI-O by default), runs probe
pods with varying securityContext, seccomp and NetworkPolicy settings, observes what really happens,
and writes a matrix of checks x runtimes: index.html, results.json, junit.xml, matrix.md.

Exit status: 0 as expected; 1 a check of level must failed or an expectation was broken; 2 the suite could
not do its work; 3 wrong usage or invalid files; 130 interrupted.`,
		Example: `  assay run                                   the default matrix
  assay run --column cri-o --focus caps/      one column, the checks of capabilities
  assay diff a.json:containerd a.json:cri-o   what changes for my pods
  assay list                                  all checks
  assay doctor                                what this machine has and lacks`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &run.UsageError{Err: fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
	})
	root.AddCommand(runCommand(status), selftestCommand(status), upgradeCommand(status, knowledge.New()), listCommand(), doctorCommand(), buildCommand(), cleanCommand(), inspectCommand(),
		rbacCommand(), imageCommand(), columnsCommand(),
		renderCommand(), mergeCommand(status), diffCommand(status, knowledge.New()), impactCommand(status),
		expectationsCommand(status), historyCommand())
	wrapArguments(root)
	return root
}

// wrapArguments makes wrong arguments of any command wrong usage.
func wrapArguments(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, arguments []string) error {
			if err := check(c, arguments); err != nil {
				return &run.UsageError{Err: fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
			}
			return nil
		}
	}
	for _, child := range c.Commands() {
		wrapArguments(child)
	}
}
