package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"assay/framework/engine"
	"assay/framework/probeimage"
	"assay/framework/run"
)

func imageCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "image",
		Short: "Take the probe's image to where the nodes of existing clusters pull from",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(imageSaveCommand(), imagePushCommand())
	return c
}

func imageSaveCommand() *cobra.Command {
	var arch string
	c := &cobra.Command{
		Use:   "save FILE",
		Short: "Write the probe's image and its variants into an archive",
		Long: `Builds the probe's image and writes it with its variants as a docker-archive, which 'podman load',
'docker load', 'ctr images import' and 'skopeo copy docker-archive:FILE:REF' read. The variants are tags of
their own beside that of the image; all of them have to be pushed, under one repository.`,
		Example: "  assay image save probe.tar",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, arguments []string) error {
			image, err := buildProbe(c, arch)
			if err != nil {
				return err
			}
			if err := image.Save(arguments[0]); err != nil {
				return err
			}
			for _, reference := range append([]string{image.Reference}, image.Variants...) {
				if _, err := fmt.Fprintln(c.OutOrStdout(), reference); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&arch, "arch", runtime.GOARCH, "`architecture` of the nodes: amd64 or arm64")
	return c
}

func imagePushCommand() *cobra.Command {
	var arch string
	c := &cobra.Command{
		Use:   "push REF",
		Short: "Push the probe's image and its variants to a registry",
		Long: `Builds the probe's image and pushes it as REF, a repository of yours with a tag, and its variants as tags
beside it (REF-user-name ...), by skopeo or else podman, with the credentials of 'skopeo login' and 'podman
login'. 'assay run --probe-image REF' then names it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, arguments []string) error {
			if err := probeimage.CheckReference(arguments[0]); err != nil {
				return &run.UsageError{Err: err}
			}
			image, err := buildProbe(c, arch)
			if err != nil {
				return err
			}
			pushed, err := image.Push(c.Context(), arguments[0])
			for _, reference := range pushed {
				if _, writeErr := fmt.Fprintln(c.OutOrStdout(), reference); writeErr != nil {
					return errors.Join(err, writeErr)
				}
			}
			return err
		},
	}
	c.Flags().StringVar(&arch, "arch", runtime.GOARCH, "`architecture` of the nodes: amd64 or arm64")
	return c
}

// buildProbe builds the probe's image of the checkout.
func buildProbe(c *cobra.Command, arch string) (probeimage.Image, error) {
	root, err := run.Root()
	if err != nil {
		return probeimage.Image{}, &run.UsageError{Err: err}
	}
	if arch != "amd64" && arch != "arm64" {
		return probeimage.Image{}, usage("--arch can be amd64 or arm64, not %q", arch)
	}
	return probeimage.OfCheckout(c.Context(), root, filepath.Join(root, engine.StateDirectory, "probe"), arch)
}
