package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"assay/framework/existing"
	"assay/framework/run"
)

func rbacCommand() *cobra.Command {
	var name, namespace string
	var stats bool
	c := &cobra.Command{
		Use:   "rbac",
		Short: "Print the rights that a run in an existing cluster needs",
		Long: `Prints a namespace, a service account in it, and a ClusterRole with what 'assay run --kubeconfig' does in a
cluster and nothing more. A role without some of it is good, too: the checks that need the rest are skipped.

The rights are the whole cluster's, since the names of a run's own namespaces are not known before. None of
them reads a secret or changes what the run did not make.`,
		Example: `  assay rbac | kubectl apply -f -
  kubectl --namespace assay create token assay --duration 2h`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for flag, value := range map[string]string{"name": name, "namespace": namespace} {
				if problems := validation.IsDNS1123Label(value); len(problems) > 0 {
					return &run.UsageError{Err: fmt.Errorf("--%s %q: %s", flag, value, problems[0])}
				}
			}
			rights := existing.Rights()
			if stats {
				rights = append(rights, existing.Stats())
			}
			return existing.WriteManifest(c.OutOrStdout(), name, namespace, rights)
		},
	}
	c.Flags().StringVar(&name, "name", "assay", "`name` of the service account and of the role")
	c.Flags().StringVar(&namespace, "namespace", "assay", "`namespace` of the service account")
	c.Flags().BoolVar(&stats, "stats", false, "with the right to read the kubelets' statistics, which gives their whole API")
	return c
}
