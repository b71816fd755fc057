package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"assay/framework/catalogue"
	"assay/framework/cluster"
	"assay/framework/doctor"
	"assay/framework/engine"
	"assay/framework/nodeimage"
	"assay/framework/progress"
	"assay/framework/run"
)

func listCommand() *cobra.Command {
	var asJSON, asMarkdown, candidates bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List all checks",
		Long:  "Lists all checks with their level and claim. --markdown writes what CHECKS.md holds.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case asJSON && asMarkdown:
				return &run.UsageError{Err: errors.New("--json and --markdown exclude each other")}
			case asJSON:
				return catalogue.JSON(c.OutOrStdout(), selected(candidates))
			case asMarkdown:
				return catalogue.Markdown(c.OutOrStdout(), selected(candidates))
			default:
				return catalogue.Text(c.OutOrStdout(), selected(candidates))
			}
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON, with trials and sources")
	c.Flags().BoolVar(&candidates, "candidates", false, "list the checks that are not settled yet, too")
	c.Flags().BoolVar(&asMarkdown, "markdown", false, "as the Markdown of CHECKS.md")
	return c
}

func doctorCommand() *cobra.Command {
	var asJSON bool
	var name string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine has and lacks, and what that means for the columns",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			root, err := run.Root()
			if err != nil {
				return &run.UsageError{Err: err}
			}
			facts, err := doctor.Collect(c.Context(), root, name)
			if err != nil {
				return err
			}
			report := doctor.Diagnose(facts)
			if asJSON {
				return report.WriteJSON(c.OutOrStdout())
			}
			return report.WriteText(c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	c.Flags().StringVar(&name, "engine", "", "look at this container `engine` only")
	return c
}

// prepared is a configured engine with the manager of its clusters.
func prepared(c *cobra.Command, name string, log *progress.Log) (*engine.Engine, *cluster.Manager, string, error) {
	root, err := run.Root()
	if err != nil {
		return nil, nil, "", &run.UsageError{Err: err}
	}
	found, machine, err := engine.Prepare(c.Context(), engine.Options{Root: root, Name: name, Log: log.Writer()})
	if err != nil {
		return nil, nil, "", err
	}
	manager, err := cluster.NewManager(found, machine, root, cluster.DefaultTimeouts())
	return found, manager, root, err
}

func buildCommand() *cobra.Command {
	var settings run.Settings
	c := &cobra.Command{
		Use:   "build",
		Short: "Build the node images of a matrix without running anything",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			options, err := settings.Options(c.Context())
			if err != nil {
				return err
			}
			log := progress.New(c.ErrOrStderr())
			found, _, root, err := prepared(c, settings.Engine, log)
			if err != nil {
				return err
			}
			var wanted []nodeimage.Spec
			for _, column := range options.Columns {
				if column.Image == "" {
					wanted = append(wanted, run.NodeImage(column))
				}
			}
			for i, result := range nodeimage.Ensure(c.Context(), found, root, wanted, log) {
				if result.Err != nil {
					return result.Err
				}
				if _, err := fmt.Fprintf(c.OutOrStdout(), "%s %s: %s, %d MB\n", wanted[i].Runtime, wanted[i].Version, result.Image.Ref, result.Image.Size>>20); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&settings.Matrix, "matrix", "", "matrix `file` (default kind-configs/matrix.yaml of the checkout)")
	c.Flags().StringVar(&settings.Engine, "engine", "", "container `engine` (default the first that answers)")
	return c
}

func cleanCommand() *cobra.Command {
	var images bool
	var name string
	c := &cobra.Command{
		Use:   "clean",
		Short: "Delete the clusters that runs of Assay left or kept, and on request its images",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			log := progress.New(c.ErrOrStderr())
			found, manager, root, err := prepared(c, name, log)
			if err != nil {
				return err
			}
			left, err := manager.Leftovers(c.Context())
			if err != nil {
				return err
			}
			for _, record := range left {
				done := log.Step("delete cluster " + record.Name)
				err := manager.Delete(c.Context(), record.Name)
				done(err)
				if err != nil {
					return err
				}
			}
			if err := engine.RemoveNetwork(c.Context(), found, root); err != nil {
				return err
			}
			if !images {
				return nil
			}
			done := log.Step("delete the images")
			removed, err := nodeimage.Remove(c.Context(), found)
			done(err)
			log.Line("%d images deleted", removed)
			return err
		},
	}
	c.Flags().BoolVar(&images, "images", false, "delete the node images and what they were built from, too")
	c.Flags().StringVar(&name, "engine", "", "container `engine` (default the first that answers)")
	return c
}
