package cli

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"assay/framework/check"
	"assay/framework/column"
	"assay/framework/run"
	"assay/framework/specs"
	"assay/framework/upgrade"
	"assay/reports/meaning"
)

func upgradeCommand(status *int, explainer meaning.Explainer) *cobra.Command {
	var settings run.Settings
	var filter specs.Filter
	var from, to, sabotage string
	var suite, candidates bool
	c := &cobra.Command{
		Use:   "upgrade",
		Short: "Replace the runtime under the pods of live nodes, and see what that does to them",
		Long: `Creates a cluster of one runtime, starts pods, puts the files of another version into its nodes and restarts the
daemon with the pods left running; another runtime gets a drained node. Then it looks whether the old containers still
run, with their logs, streams, network, volumes and statistics, whether they stop as they should and leave nothing
behind, and whether new pods start. The checks run on the cluster before and after, and both runs are compared.

Without --from and --to the upgrades are those that the matrix lists, one after the other. The reports are those of
'assay run', with the upgrades as columns; the suite's are in a folder of each upgrade. docs/upgrade.md says what is
checked and how.

The filters are those of 'assay run', with the upgrades as columns; they are about the checks that run before and after.

Exit status: as of 'assay run'.`,
		Example: `  assay upgrade --from containerd:2.2.5 --to containerd:2.4.2
  assay upgrade --from containerd:2.4.2 --to cri-o:1.36.1 --suite=false
  assay upgrade --label-filter 'life && must'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			options, err := upgradeOptions(c, settings, from, to)
			if err != nil {
				return err
			}
			if s := upgrade.Sabotage(sabotage); s != upgrade.NoSabotage && s != upgrade.KillContainers {
				return usage("--sabotage can be %s, not %q", upgrade.KillContainers, sabotage)
			}
			if err := filter.Validate(); err != nil {
				return &run.UsageError{Err: err}
			}
			selection := specs.Selection{}
			if suite {
				if selection, err = chosenChecks(options.Upgrades, selected(candidates), filter); err != nil {
					return err
				}
			}
			*status, err = runUpgrades(c, options, selection, upgrade.Options{
				Root: options.Root, Sabotage: upgrade.Sabotage(sabotage), Explainer: explainer,
			})
			return err
		},
	}
	flags := c.Flags()
	flags.StringVar(&from, "from", "", "the `runtime:version` that the cluster begins with, as containerd:2.2.5")
	flags.StringVar(&to, "to", "", "the `runtime:version` that it gets")
	flags.StringVar(&settings.Matrix, "matrix", "", "matrix `file` with upgrades (default kind-configs/upgrade.yaml of the checkout)")
	flags.BoolVar(&suite, "suite", true, "run the checks before and after, too")
	flags.StringArrayVar(&filter.Focus, "focus", nil, "run the checks that match this `regexp`; may be repeated")
	flags.StringArrayVar(&filter.Skip, "skip", nil, "leave out the checks that match this `regexp`; may be repeated")
	flags.StringVar(&filter.LabelFilter, "label-filter", "", "run the checks whose labels satisfy this `expression`, as 'caps || ping'")
	flags.BoolVar(&candidates, "candidates", false, "run the checks that are not settled yet, too")
	flags.BoolVar(&settings.Keep, "keep", false, "leave the clusters for a look")
	flags.StringVar(&settings.Out, "out", "", "`directory` of the runs' reports (default reports/out of the checkout)")
	flags.StringVar(&settings.Engine, "engine", "", "container `engine`: docker, podman or nerdctl (default the first that answers)")
	flags.StringVar(&settings.Expectations, "expectations", "", "expectations `file` (default the one that the matrix names)")
	flags.StringVar(&sabotage, "sabotage", "", "spoil the upgrade, to see the checks fail: kill-containers")
	return c
}

// upgradeOptions are those of a run with the upgrades that the user asked for.
func upgradeOptions(c *cobra.Command, settings run.Settings, from, to string) (run.Options, error) {
	root, err := run.Root()
	if err != nil {
		return run.Options{}, &run.UsageError{Err: err}
	}
	if settings.Matrix == "" {
		settings.Matrix = filepath.Join(root, "kind-configs", "upgrade.yaml")
	}
	options, err := settings.Options(c.Context())
	if err != nil {
		return run.Options{}, err
	}
	switch {
	case (from == "") != (to == ""):
		return run.Options{}, usage("--from and --to go together: give both, or none for the upgrades of the matrix")
	case from != "":
		known, err := column.ReadKnown(filepath.Join(root, "kind-configs", "components"))
		if err != nil {
			return run.Options{}, err
		}
		asked, err := column.ParseUpgrade(from, to, known)
		if err != nil {
			return run.Options{}, &run.UsageError{Err: err}
		}
		options.Upgrades = []column.Upgrade{asked}
	case len(options.Upgrades) == 0:
		return run.Options{}, usage("%s lists no upgrades; list them, or give --from and --to", settings.Matrix)
	}
	return options, nil
}

// chosenChecks are the checks that the filters leave, by upgrade.
func chosenChecks(upgrades []column.Upgrade, checks []check.Check, filter specs.Filter) (specs.Selection, error) {
	names := make([]string, 0, len(upgrades))
	for _, u := range upgrades {
		names = append(names, u.Name)
	}
	selection := specs.Select(names, checks, filter)
	if len(selection) == 0 {
		return nil, usage("the filters leave no check; --suite=false leaves the suite out")
	}
	return selection, nil
}

func runUpgrades(c *cobra.Command, options run.Options, selection specs.Selection, how upgrade.Options) (int, error) {
	options.Progress = c.ErrOrStderr()
	options.CommandLine = append([]string{"assay"}, os.Args[1:]...)
	ctx, again, stop := run.Interruptible(c.Context())
	defer stop()
	r := run.New(ctx, options)
	go r.LeaveOn(again, c.ErrOrStderr())

	err := r.Upgrade(options.Upgrades, upgrade.Checks(), func(ctx context.Context, u column.Upgrade, lent run.Upgrading) error {
		how := how
		how.Checks = selection[u.Name]
		return upgrade.Run(ctx, u, lent, how)
	})
	if err != nil {
		return 0, err
	}
	final, folder, files, err := r.Finish()
	if err != nil {
		return 0, err
	}
	return final.Run.Exit, say(c, &final, folder, files)
}
