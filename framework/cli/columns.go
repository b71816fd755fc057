package cli

import (
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"assay/framework/column"
	"assay/framework/nodeimage"
	"assay/framework/placement"
	"assay/framework/run"
)

// What columns cost, in MB: the nodes of a cluster that idle, and the probes of a column while they are there.
const (
	idleControlPlane = 480
	idleWorker       = 120
	probesOfColumn   = 3000
)

func columnsCommand() *cobra.Command {
	var settings run.Settings
	c := &cobra.Command{
		Use:   "columns",
		Short: "Say what columns a matrix file stands for, what they share, and what they cost",
		Long: `Writes the columns of a matrix file, its products multiplied out, as 'assay run' would make them, what they
share, the clusters, nodes and node images that they take, and the memory of those that are there at the same
time. Nothing is made.

Columns that differ in nothing but their OCI runtime share nodes: they have their turns one after the other, and
those that are not runc are selected by a RuntimeClass. With topology isolated, nodes are a cluster of a control
plane and a worker; with topology mixed they are one worker of the one cluster of all columns, which have to be
of the same Kubernetes, network and manifests.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			options, err := settings.Options(c.Context())
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			writeColumns(w, options)
			return w.Flush()
		},
	}
	c.Flags().StringVar(&settings.Matrix, "matrix", "", "matrix `file` (default kind-configs/matrix.yaml of the checkout)")
	c.Flags().StringSliceVar(&settings.Columns, "column", nil, "this `column` only; may be repeated")
	topologyFlag(c.Flags(), &settings)
	parallelFlag(c.Flags(), &settings)
	return c
}

// writeColumns writes a line a column and the sums; the writer says in the end what went wrong.
func writeColumns(w *tabwriter.Writer, options run.Options) {
	line := func(cells ...string) { _, _ = fmt.Fprintln(w, strings.Join(cells, "\t")) }
	line("COLUMN", "RUNTIME", "OCI RUNTIME", "KUBERNETES", "NETWORK", "CONFIG", "NODE IMAGE", "NODES")
	built := map[nodeimage.Spec]bool{}
	placed := options.Placed()
	for _, c := range options.Columns {
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
			orDash(strings.Join(fragments, " ")), image, nodesOf(c, placed))
	}
	nodes, groups := 0, 0
	for _, cluster := range placed {
		nodes, groups = nodes+cluster.Nodes(), groups+len(cluster.Groups)
	}
	atOnce := options.ColumnsAtOnce()
	idle := idleControlPlane + groups*idleWorker
	if options.Topology != column.Mixed {
		// A cluster is there while one of its columns has its turn.
		idle = atOnce * (idleControlPlane + idleWorker)
	}
	_, _ = fmt.Fprintf(w, "\ntopology %s: %d columns in %s, %s in all; %s to be there or to be built\n", options.Topology,
		len(options.Columns), count(len(placed), "cluster"), count(nodes, "node"), count(len(built), "node image"))
	_, _ = fmt.Fprintf(w, "%d at the same time (--parallel): about %.1f GB of memory for the nodes, up to %.1f GB with all probes\n",
		atOnce, float64(idle)/1000, float64(idle+atOnce*probesOfColumn)/1000)
}

// nodesOf says which nodes a column has, and with whom it shares them.
func nodesOf(c column.Column, placed []placement.Cluster) string {
	for _, cluster := range placed {
		for _, group := range cluster.Groups {
			if !group.Has(c.Name) {
				continue
			}
			if group.Name() != c.Name {
				return "those of " + group.Name()
			}
			if cluster.PodsOnControlPlane() {
				return "a control plane and a worker"
			}
			return "a worker"
		}
	}
	return "-"
}

func count(number int, what string) string {
	if number == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", number, what)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
