package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/kind/pkg/exec"
)

// bootError says why kind failed, and which workers are to blame: without them it may not fail.
type bootError struct {
	err    error
	guilty []string
}

func (e *bootError) Error() string { return e.err.Error() }

// Unwrap is the error without the blame.
func (e *bootError) Unwrap() error { return e.err }

// explain adds to an error of kind's, which only names the command, what the command and the nodes said, and looks
// for the workers that are to blame.
func (m *Manager) explain(ctx context.Context, plan Plan, record Record, step string, err error) error {
	var failed *exec.RunError
	command := []string(nil)
	if errors.As(err, &failed) {
		command = failed.Command
		err = fmt.Errorf("%w\n%s", err, lastPlain(string(failed.Output)))
	}
	suspects := m.suspects(ctx, plan, record, command)
	blamed := guilty(suspects)
	telling := blamed
	if len(telling) == 0 {
		for _, s := range suspects {
			telling = append(telling, s.node)
		}
	}
	return &bootError{err: fmt.Errorf("%s: %w\n%s", step, err, m.nodeWords(ctx, telling)), guilty: blamed}
}

// suspect is what is known of a node of a cluster that did not come up.
type suspect struct {
	node         string
	controlPlane bool
	// runs says that its container does.
	runs bool
	// named says that the command that failed was about it.
	named bool
	// serves says that its container runtime does.
	serves bool
	// joined says that Kubernetes knows it.
	joined bool
}

// guilty are the workers that are to blame, by the strongest of the signs that there are. They are not where the
// control plane shows the sign, too: no worker joins without it.
func guilty(suspects []suspect) []string {
	for _, sign := range []func(suspect) bool{
		func(s suspect) bool { return !s.runs || s.named },
		func(s suspect) bool { return !s.serves },
		// Workers join at the same time, so that those that have not are only to blame where all had their time.
		func(s suspect) bool { return !s.joined },
	} {
		var names []string
		for _, s := range suspects {
			switch {
			case !sign(s):
			case s.controlPlane:
				return nil
			default:
				names = append(names, s.node)
			}
		}
		if len(names) > 0 {
			return names
		}
	}
	return nil
}

// suspects asks the nodes of a cluster how they are. command is the one that kind failed with, if any.
func (m *Manager) suspects(ctx context.Context, plan Plan, record Record, command []string) []suspect {
	ctx, cancel := context.WithTimeout(ctx, m.timeouts.Logs)
	defer cancel()
	control := controlPlaneName(record.Name)
	suspects := []suspect{{node: control, controlPlane: true}}
	units := []string{runtimeUnit(plan.Placed.Groups[0].Node())}
	for i, group := range plan.Placed.Groups {
		suspects = append(suspects, suspect{node: workerName(record.Name, i)})
		units = append(units, runtimeUnit(group.Node()))
	}
	// Where it does not answer, nobody has joined.
	known, _ := m.nodeExec(ctx, control, nil, "kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "--request-timeout=10s", "get", "nodes", "--output=name")
	joined := strings.Fields(string(known))
	var group errgroup.Group
	for i := range suspects {
		group.Go(func() error {
			s := &suspects[i]
			state, err := m.engine.Output(ctx, "inspect", "--format", "{{.State.Status}}", s.node)
			s.runs = err == nil && strings.TrimSpace(string(state)) == "running"
			s.named = slices.Contains(command, s.node)
			_, err = m.nodeExec(ctx, s.node, nil, "systemctl", "is-active", units[i])
			s.serves = err == nil
			s.joined = slices.Contains(joined, "node/"+s.node)
			return nil
		})
	}
	_ = group.Wait() // what they cannot tell is a sign, too
	return suspects
}
