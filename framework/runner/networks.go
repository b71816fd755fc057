package runner

import (
	"context"
	"path"
	"time"

	"assay/framework/check"
	"assay/framework/judge"
	"assay/framework/network"
	"assay/framework/target"
)

// runNetworks gathers the truth tables of the checks that are judged by them.
func runNetworks(ctx context.Context, to target.Target, options Options, namespace string, checks []check.Check) error {
	if len(checks) == 0 {
		return nil
	}
	return network.Observe(ctx, to, network.Options{
		Prefix: namespace + "-net", Checks: checks, Fault: options.PolicyEngineFault,
		Timeouts: network.Timeouts{Agents: options.Timeouts.Pod, Converge: options.Timeouts.Network},
		Seen: func(c check.Check, o check.NetworkObservation, earlier []string, took time.Duration) error {
			cell := judge.Network(c, o)
			cell.Earlier, cell.Attempts = earlier, len(earlier)+1
			cell.Column, cell.Seconds = to.Column, took.Seconds()
			name := "net-" + path.Base(c.ID)
			if err := options.Evidence.Write(name, o); err != nil {
				return err
			}
			for i := range cell.Trials {
				cell.Trials[i].Evidence = options.Evidence.Name(name)
			}
			options.Cell(cell)
			return nil
		},
	})
}
