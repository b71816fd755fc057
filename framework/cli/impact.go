package cli

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"assay/framework/inventory"
	"assay/framework/run"
	"assay/reports/impact"
	"assay/reports/results"
)

// impactSettings are what `assay impact` can be told.
type impactSettings struct {
	files          []string
	profiles       string
	live           bool
	cluster        inventory.Options
	format, failOn string
	before, after  string
	in             io.Reader
}

func impactCommand(status *int) *cobra.Command {
	var settings impactSettings
	c := &cobra.Command{
		Use:   "impact -f MANIFESTS BEFORE AFTER",
		Short: "Say which of your workloads are touched by the differences between two columns",
		Long: `Reads manifests (files, directories with all below them, "-" for standard input) or a live cluster, which
it only reads, and holds each workload against what BEFORE and AFTER differ in. Each is a results file or
a run's directory, with :COLUMN behind it where it has several columns.

Grades: breaks; may break, with what to check; unaffected. Each finding has the field's path, the fix, and
the check that differs with what it observed.

Exit status: 0 nothing breaks; 1 something does (with --fail-on may-break also where it only may); 3 wrong
usage or invalid files.`,
		Example: `  assay impact -f manifests/ results.json:containerd results.json:cri-o
  helm template shop ./chart | assay impact -f - results.json:containerd results.json:cri-o
  kustomize build overlays/prod | assay impact -f - --format markdown old.json new.json
  assay impact --context production results.json:containerd results.json:cri-o`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, arguments []string) error {
			settings.before, settings.after, settings.in = arguments[0], arguments[1], c.InOrStdin()
			settings.live = c.Flags().Changed("kubeconfig") || c.Flags().Changed("context") || c.Flags().Changed("namespace")
			report, err := settings.judge(c.Context())
			if err != nil {
				return err
			}
			if err := writeImpact(report, settings.format, c.OutOrStdout()); err != nil {
				return err
			}
			if report.Worst() == impact.Breaks || settings.failOn == "may-break" && report.Worst() == impact.MayBreak {
				*status = results.ExitFailed
			}
			return nil
		},
	}
	flags := c.Flags()
	flags.StringArrayVarP(&settings.files, "filename", "f", nil, "manifest `file` or directory, or - for standard input; may be repeated")
	flags.StringVar(&settings.profiles, "profiles", "", "`directory` of the nodes' seccomp profiles, as below the kubelet's seccomp directory")
	flags.StringVar(&settings.cluster.Kubeconfig, "kubeconfig", "", "read the workloads of this kubeconfig `file`'s cluster")
	flags.StringVar(&settings.cluster.Context, "context", "", "read the workloads of this `context`'s cluster")
	flags.StringVar(&settings.cluster.Namespace, "namespace", "", "read this `namespace` of the cluster only")
	flags.StringVar(&settings.format, "format", "text", "`format`: text, markdown or json")
	flags.StringVar(&settings.failOn, "fail-on", "breaks", "exit 1 from which grade on: breaks or may-break")
	return c
}

// judge reads both sides and the workloads, and holds them against one another.
func (s *impactSettings) judge(ctx context.Context) (*impact.Report, error) {
	switch {
	case s.failOn != "breaks" && s.failOn != "may-break":
		return nil, usage("--fail-on can be breaks or may-break, not %q", s.failOn)
	case s.format != "text" && s.format != "markdown" && s.format != "json":
		return nil, usage("--format can be text, markdown or json, not %q", s.format)
	case len(s.files) == 0 && !s.live:
		return nil, usage("name manifests with -f, or a live cluster with --context or --kubeconfig")
	}
	comparison, err := s.compare()
	if err != nil {
		return nil, &run.UsageError{Err: err}
	}
	manifests := &impact.Manifests{}
	reader, err := impact.NewReader()
	if err != nil {
		return nil, err
	}
	if err := reader.Files(manifests, s.files, s.in); err != nil {
		return nil, &run.UsageError{Err: err}
	}
	if s.live {
		if err := s.readCluster(ctx, manifests); err != nil {
			return nil, err
		}
	}
	var profiles impact.Profiles
	if s.profiles != "" {
		if info, err := os.Stat(s.profiles); err != nil || !info.IsDir() {
			return nil, usage("--profiles %s is no directory", s.profiles)
		}
		profiles.Files = os.DirFS(s.profiles)
	}
	if err := profiles.Check(manifests); err != nil {
		return nil, &run.UsageError{Err: err}
	}
	if manifests.Documents == 0 {
		return nil, usage("there is no object in what -f names")
	}
	return impact.Judge(comparison, manifests, profiles), nil
}

func (s *impactSettings) readCluster(ctx context.Context, into *impact.Manifests) error {
	client, source, err := inventory.Open(s.cluster)
	if err != nil {
		return &run.UsageError{Err: err}
	}
	return inventory.Read(ctx, client, s.cluster.Namespace, source, into)
}

// compare opens the two sides, each of which has to be one column.
func (s *impactSettings) compare() (*impact.Comparison, error) {
	before, after, matched, err := sides([]string{s.before, s.after}, nil)
	if err != nil {
		return nil, err
	}
	if len(matched.Pairs) != 1 {
		return nil, errors.New("both sides have several columns: name one of each as FILE:COLUMN")
	}
	pair := matched.Pairs[0]
	return impact.Compare(impact.Side{Results: before.Run, Column: pair[0]}, impact.Side{Results: after.Run, Column: pair[1]}), nil
}

func writeImpact(report *impact.Report, format string, w io.Writer) error {
	switch format {
	case "markdown":
		return report.WriteMarkdown(w)
	case "json":
		return report.WriteJSON(w)
	default:
		width, colour := shape(w)
		return report.WriteText(w, impact.TextOptions{Width: width, Colour: colour})
	}
}
