// Package procedure carries out what the suite itself does to a container through the Kubernetes API:
// streams, logs, restarts, deletion with a grace period. Observing only: what was wanted is none of its
// business. A file holds a family of procedures; the table names them all.
package procedure

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
	"assay/framework/target"
)

// Subject is what a procedure is done to. The container has started, or was refused for its image.
type Subject struct {
	// Target is the column: its client, the configuration for streams, its nodes.
	target.Target
	// Pod is the pod as it was last seen before the procedure.
	Pod *corev1.Pod
	// Container is the name of the trial's container in Pod.
	Container string
	// Args are the operands of the procedure.
	Args map[string]string
	// Watch follows Pod.
	Watch Watch
}

// Watch follows one pod without asking the API server again and again.
type Watch interface {
	// Until waits until the condition holds and returns the pod as it was then. When the context ends
	// first, it returns the pod as it was last seen (nil when it never was) and the context's cause.
	Until(ctx context.Context, condition func(*corev1.Pod) bool) (*corev1.Pod, error)
	// Gone waits until the pod is no more.
	Gone(ctx context.Context) error
}

// procedure is how one is carried out. The result says what was met with; the error says that the
// procedure could not be carried out, which is no statement about the runtime.
type procedure func(ctx context.Context, s Subject) (probe.Result, error)

// procedures is the list of all.
func procedures() map[string]procedure {
	return map[string]procedure{
		check.ProcedureResizeCPU:      resizeCPU,
		check.ProcedureStatsGrow:      statsGrow,
		check.ProcedureExec:           execCommand,
		check.ProcedureExecThrough:    execThrough,
		check.ProcedureExecTerminal:   execTerminal,
		check.ProcedureExecEnded:      execEnded,
		check.ProcedureExecMany:       execMany,
		check.ProcedureAttach:         attach,
		check.ProcedureForward:        forward,
		check.ProcedureForwardEcho:    forwardEcho,
		check.ProcedureStop:           stop,
		check.ProcedureRestarts:       restarts,
		check.ProcedureImageError:     imageError,
		check.ProcedureReadLogs:       readLogs,
		check.ProcedureProbeTimeout:   probeTimeout,
		check.ProcedureRestartRuntime: restartRuntime,
		check.ProcedureLatency:        latency,
	}
}

// Known says whether there is a procedure of this name.
func Known(name string) bool {
	_, known := procedures()[name]
	return known
}

// Do carries out a procedure.
func Do(ctx context.Context, p check.Procedure, s Subject) (probe.Result, error) {
	do, known := procedures()[p.Name]
	if !known {
		return probe.Result{}, fmt.Errorf("there is no procedure %q", p.Name)
	}
	s.Args = p.Args
	return do(ctx, s)
}

// pods is the API of the pods of the subject's namespace.
func (s Subject) pods() typedcorev1.PodInterface { return s.Client.CoreV1().Pods(s.Pod.Namespace) }

// status is the status of the subject's container in a pod; the zero value when there is none yet.
func (s Subject) status(pod *corev1.Pod) corev1.ContainerStatus {
	for _, list := range [][]corev1.ContainerStatus{
		pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses, pod.Status.EphemeralContainerStatuses,
	} {
		for _, status := range list {
			if status.Name == s.Container {
				return status
			}
		}
	}
	return corev1.ContainerStatus{}
}

// allowed is the result of a procedure that succeeded, with what it measured.
func allowed(values map[string]string) probe.Result {
	return probe.Result{Outcome: probe.Allowed, Values: values}
}
