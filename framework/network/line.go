package network

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"

	"assay/framework/probe"
	"assay/framework/target"
)

// line is an open session with the probe in a pod: requests and answers are lines of JSON. It goes through the
// kubelet into the pod, so no NetworkPolicy can be in its way.
type line struct {
	requests *io.PipeWriter
	answers  chan answer
	ended    chan struct{}
	hangUp   context.CancelFunc
	// asked counts the requests.
	asked int
}

type answer struct {
	response probe.ConnectResponse
	err      error
}

// attach opens a session with the first process of a pod that is an agent; it ends with the context, or when it is
// closed.
func attach(ctx context.Context, to target.Target, pod *corev1.Pod) (asker, error) {
	return openLine(ctx, to, pod, "attach", &corev1.PodAttachOptions{
		Container: pod.Spec.Containers[0].Name, Stdin: true, Stdout: true, Stderr: true,
	})
}

// start opens a session with a process of its own; it ends with the context, or when it is closed.
func start(ctx context.Context, to target.Target, pod *corev1.Pod) (asker, error) {
	return openLine(ctx, to, pod, "exec", &corev1.PodExecOptions{
		Container: pod.Spec.Containers[0].Name,
		Command:   []string{probe.ProgramPath, probe.CommandConnect},
		Stdin:     true, Stdout: true, Stderr: true,
	})
}

func openLine(ctx context.Context, to target.Target, pod *corev1.Pod, resource string, options runtime.Object) (asker, error) {
	if to.Config == nil {
		return nil, errors.New("the target cannot stream")
	}
	url := to.Client.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).
		SubResource(resource).VersionedParams(options, scheme.ParameterCodec).URL()
	executor, err := remotecommand.NewWebSocketExecutor(to.Config, "GET", url.String())
	if err != nil {
		return nil, err
	}
	stdin, requests := io.Pipe()
	output, stdout := io.Pipe()
	var stderr bytes.Buffer
	ctx, hangUp := context.WithCancel(ctx)
	l := &line{requests: requests, answers: make(chan answer), ended: make(chan struct{}), hangUp: hangUp}
	go func() {
		defer close(l.ended)
		err := executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: stdin, Stdout: stdout, Stderr: &stderr})
		if err == nil {
			err = io.EOF
		}
		err = fmt.Errorf("the session ended: %w %s", err, stderr.String())
		_ = stdin.CloseWithError(err)
		_ = stdout.CloseWithError(err)
	}()
	go l.read(ctx, output)
	return l, nil
}

// close ends the session: a probe that was started for it ends when it has no more to read.
func (l *line) close(ctx context.Context) {
	_ = l.requests.Close()
	l.hangUp()
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	select {
	case <-l.ended:
	case <-ctx.Done():
	}
}

// closeTimeout is how long the session may take to end.
const closeTimeout = 500 * time.Millisecond

// longestAnswer bounds a line of the probe, in bytes.
const longestAnswer = 1 << 20

func (l *line) read(ctx context.Context, output io.Reader) {
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, longestAnswer)
	send := func(a answer) bool {
		select {
		case l.answers <- a:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for lines.Scan() {
		var a answer
		if a.err = json.Unmarshal(lines.Bytes(), &a.response); a.err == nil && a.response.Version != probe.Version {
			a.err = fmt.Errorf("the agent speaks version %d of the protocol, the suite version %d", a.response.Version, probe.Version)
		}
		if !send(a) {
			return
		}
	}
	err := lines.Err()
	if err == nil {
		err = io.EOF
	}
	for send(answer{err: err}) {
		continue
	}
}

// ask sends one request and waits for its answer. Answers to requests that nobody waits for any more are
// passed over. It is not to be called by two at once.
func (l *line) ask(ctx context.Context, request probe.ConnectRequest) (probe.ConnectResponse, error) {
	l.asked++
	request.ID = l.asked
	encoded, err := json.Marshal(request)
	if err != nil {
		return probe.ConnectResponse{}, fmt.Errorf("write the request: %w", err)
	}
	// A node that died takes nothing.
	sent := make(chan error, 1)
	go func() {
		_, err := l.requests.Write(append(encoded, '\n'))
		sent <- err
	}()
	for {
		select {
		case err := <-sent:
			if err != nil {
				return probe.ConnectResponse{}, fmt.Errorf("send the request: %w", err)
			}
			sent = nil
		case a := <-l.answers:
			if a.err != nil || a.response.ID == request.ID {
				return a.response, a.err
			}
		case <-ctx.Done():
			return probe.ConnectResponse{}, context.Cause(ctx)
		}
	}
}
