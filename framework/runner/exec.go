package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"

	"assay/framework/check"
	"assay/framework/probe"
	"assay/framework/workload"
)

// execAll has the actions done that are to be done by a process started with exec, and returns what
// was observed of them, by container.
func (g *gatherer) execAll(ctx context.Context, pod workload.Pod, containers map[string]check.Observation) map[string]check.Observation {
	executed := make(map[string]check.Observation, len(pod.Exec))
	for name, request := range pod.Exec {
		o := containers[name]
		if o.Problem == "" && o.State.Started && !o.State.Terminated {
			document, err := g.exec(ctx, o.Pod, name, request)
			o.Document = document
			if err != nil {
				o.Problem, o.Skip = err.Error(), g.to.Forbids(err)
			}
		}
		executed[name] = o
	}
	return executed
}

// exec runs the probe in a running container and returns its document.
func (g *gatherer) exec(ctx context.Context, pod, container string, request probe.Request) (*probe.Document, error) {
	if g.to.Config == nil {
		return nil, errors.New("the target cannot exec")
	}
	ctx, cancel := context.WithTimeout(ctx, g.options.Timeouts.Log)
	defer cancel()
	encoded, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("write the probe's request: %w", err)
	}
	url := g.to.Client.CoreV1().RESTClient().Post().Resource("pods").Namespace(g.namespace).Name(pod).
		SubResource("exec").VersionedParams(&corev1.PodExecOptions{
		Container: container,
		Command:   []string{probe.ProgramPath, probe.CommandAnswer},
		Stdin:     true, Stdout: true, Stderr: true,
	}, scheme.ParameterCodec).URL()
	executor, err := remotecommand.NewWebSocketExecutor(g.to.Config, "GET", url.String())
	if err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	var stdout, stderr bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: bytes.NewReader(encoded), Stdout: &stdout, Stderr: &stderr})
	if err != nil {
		return nil, fmt.Errorf("exec: %w: %s", err, tail(stderr.String(), 300))
	}
	return parseDocument(stdout.String())
}
