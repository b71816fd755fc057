package cli

import (
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"assay/framework/check"
	"assay/framework/run"
	"assay/framework/specs"
	"assay/suites"
)

func runCommand(status *int) *cobra.Command {
	var settings run.Settings
	var filter specs.Filter
	var candidates bool
	var clusters clusterFlags
	c := &cobra.Command{
		Use:   "run",
		Short: "Create the clusters of a matrix, run the checks, write the reports",
		Long: `Creates clusters for the columns of the matrix, runs the selected checks on all columns at the same
time, writes the reports to reports/out/<run> (and reports/out/latest), and deletes the clusters.

With topology isolated a column has a cluster of two nodes, with mixed (one cluster, a worker for each column) it
costs one node, and pods are probed across runtimes; checks that need two nodes of a column are skipped then.
Columns that differ in their OCI runtime only share nodes and take turns. 'assay columns' says who shares what.

The filters are Ginkgo's: --focus and --skip are regular expressions on "<column> <check>: <claim>",
--label-filter is an expression over columns, areas and levels.

What is expected of the columns is in the expectations file that the matrix names: an expected failure does
not fail the run, a broken expectation does.

With --kubeconfig or --context nothing is created: the columns are groups of nodes of clusters that are there,
by the container runtime that the nodes report or as --node-group says. The run keeps to namespaces of its own,
which it deletes in the end; 'assay rbac' prints the rights that it needs. What the owners of the cluster do
not allow is skipped, with their words. The nodes pull the probe's image from where 'assay image push' put it.

Two nodes of a column share its checks. With more (--nodes-per-column all) every node answers all checks for
itself, and the reports say which nodes answer otherwise than the others of their column; a check that fails on
one node fails. That costs about 130 pods a node, most of which end within seconds; no more than 12 of a node
start at the same time, and no more than 8 nodes of a column have their turn, each with a second one for what
needs two. The API server of a cluster gets 50 requests a second at most.`,
		Example: `  assay run --label-filter 'seccomp && must'
  assay run --focus 'ping/default:' --keep
  assay run --matrix kind-configs/examples/cri-o-net-raw.yaml
  assay run --topology mixed --focus 'net/cross-runtime:'
  assay run --context staging --context production --probe-image REF
  assay run --context production --probe-image REF --nodes-per-column all --label-filter must
  assay run --kubeconfig F --probe-image REF --node-group plain=pool=a --node-group crun=pool=a --runtime-class crun=crun`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			err := clusters.read(c.Flags(), &settings)
			if err != nil {
				return &run.UsageError{Err: err}
			}
			*status, err = runSuite(c, settings, filter, selected(candidates))
			return err
		},
	}
	flags := c.Flags()
	flags.StringVar(&settings.Matrix, "matrix", "", "matrix `file` (default kind-configs/matrix.yaml of the checkout)")
	flags.StringSliceVar(&settings.Columns, "column", nil, "run this `column` only; may be repeated")
	flags.StringArrayVar(&filter.Focus, "focus", nil, "run the specs that match this `regexp`; may be repeated")
	flags.StringArrayVar(&filter.Skip, "skip", nil, "leave out the specs that match this `regexp`; may be repeated")
	flags.StringVar(&filter.LabelFilter, "label-filter", "", "run the specs whose labels satisfy this `expression`, as 'caps || ping'")
	flags.BoolVar(&candidates, "candidates", false, "run the checks that are not settled yet, too")
	flags.BoolVar(&settings.Keep, "keep", false, "leave the clusters for a look or for --reuse")
	flags.BoolVar(&settings.Reuse, "reuse", false, "take kept clusters of the same columns and nodes after verifying them; implies --keep")
	topologyFlag(flags, &settings)
	parallelFlag(flags, &settings)
	flags.StringVar(&settings.Expectations, "expectations", "", "expectations `file` (default the one that the matrix names)")
	flags.BoolVar(&settings.Strict, "strict", false, "fail where an expected failure passes or an expectation has expired")
	flags.BoolVar(&settings.UpdateExpectations, "update-expectations", false, "write what was observed into the expectations file")
	flags.StringVar(&settings.Out, "out", "", "`directory` of the runs' reports (default reports/out of the checkout)")
	flags.StringVar(&settings.Engine, "engine", "", "container `engine`: docker, podman or nerdctl (default the first that answers)")
	clusters.add(flags)
	flags.StringVar(&settings.PolicyEngineFault, "policy-engine-fault", "", "compute wrong expectations of NetworkPolicy checks, to see them fail")
	flags.Lookup("policy-engine-fault").Hidden = true
	return c
}

func topologyFlag(flags *pflag.FlagSet, settings *run.Settings) {
	flags.StringVar(&settings.Topology, "topology", "", "put the columns on clusters by this `topology`: isolated or mixed (default what the matrix says)")
}

func parallelFlag(flags *pflag.FlagSet, settings *run.Settings) {
	flags.IntVar(&settings.Parallel, "parallel", 0, "run so `many` columns at the same time, never two of the same nodes (default one a core, at least 2; all of them in existing clusters)")
}

func runSuite(c *cobra.Command, settings run.Settings, filter specs.Filter, checks []check.Check) (int, error) {
	options, err := settings.Options(c.Context())
	if err != nil {
		return 0, err
	}
	if err := filter.Validate(); err != nil {
		return 0, &run.UsageError{Err: err}
	}
	options.Checks = checks
	options.Progress = c.ErrOrStderr()
	options.CommandLine = append([]string{"assay"}, os.Args[1:]...)
	ctx, again, stop := run.Interruptible(c.Context())
	defer stop()
	r := run.New(ctx, options)
	go r.LeaveOn(again, c.ErrOrStderr())

	names := make([]string, 0, len(options.Columns))
	for _, column := range options.Columns {
		names = append(names, column.Name)
	}
	if _, err := specs.Run(quiet{}, names, options.Checks, r, &filter); err != nil {
		return 0, err
	}
	final, folder, files, err := r.Finish()
	if err != nil {
		return 0, err
	}
	return final.Run.Exit, say(c, &final, folder, files)
}

// selected are the checks of a run, with the candidates where they are wanted.
func selected(candidates bool) []check.Check {
	if candidates {
		return suites.Catalogue()
	}
	return suites.All()
}

// quiet takes Ginkgo's word that a spec failed: the exit status comes from the results.
type quiet struct{}

func (quiet) Fail() {}

// shape is the width of a terminal, and whether it shows colours; 0 is no terminal.
func shape(out io.Writer) (width int, colour bool) {
	file, ok := out.(*os.File)
	if !ok {
		return 0, false
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0, false
	}
	return width, os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
