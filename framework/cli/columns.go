package cli

import (
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"assay/framework/column"
	"assay/framework/nodeimage"
	"assay/framework/run"
)

// What a column of a cluster of its own costs, in MB: a control plane and a worker that idle, and the probes
// while they are there.
const (
	nodesOfColumn  = 2
	idleOfColumn   = 600
	probesOfColumn = 3000
)

func columnsCommand() *cobra.Command {
	var settings run.Settings
	c := &cobra.Command{
		Use:   "columns",
		Short: "Say what columns a matrix file stands for, and what they cost",
		Long: `Writes the columns of a matrix file, its products multiplied out, as 'assay run' would make them, and the
nodes and node images that they take, and the memory of those that run at the same time. Nothing is made.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			options, err := settings.Options(c.Context())
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			writeColumns(w, options.Columns, options.ColumnsAtOnce())
			return w.Flush()
		},
	}
	c.Flags().StringVar(&settings.Matrix, "matrix", "", "matrix `file` (default kind-configs/matrix.yaml of the checkout)")
	c.Flags().StringSliceVar(&settings.Columns, "column", nil, "this `column` only; may be repeated")
	parallelFlag(c.Flags(), &settings)
	return c
}

// writeColumns writes a line a column and the sums; the writer says in the end what went wrong.
func writeColumns(w *tabwriter.Writer, columns []column.Column, atOnce int) {
	line := func(cells ...string) { _, _ = fmt.Fprintln(w, strings.Join(cells, "\t")) }
	line("COLUMN", "RUNTIME", "OCI RUNTIME", "KUBERNETES", "NETWORK", "CONFIG", "NODE IMAGE")
	built := map[nodeimage.Spec]bool{}
	for _, c := range columns {
		image := c.Image
		if image == "" {
			spec := run.NodeImage(c)
			image = "built"
			if built[spec] {
				image = "the same"
			}
			built[spec] = true
		}
		var fragments []string
		for _, fragment := range c.Config {
			fragments = append(fragments, filepath.Base(fragment.Path))
		}
		line(c.Name, strings.TrimSpace(c.Runtime.Name+" "+c.Runtime.Version), c.OCIRuntime, orDash(c.Kubernetes), c.Network,
			orDash(strings.Join(fragments, " ")), image)
	}
	count := len(columns)
	_, _ = fmt.Fprintf(w, "\n%d columns: %d clusters of %d nodes, %d node images to be there or to be built\n", count, count, nodesOfColumn, len(built))
	_, _ = fmt.Fprintf(w, "%d at the same time (--parallel): about %.1f GB of memory for the nodes, up to %.1f GB with all probes\n",
		atOnce, float64(atOnce*idleOfColumn)/1000, float64(atOnce*(idleOfColumn+probesOfColumn))/1000)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
