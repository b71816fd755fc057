package procedure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"

	"assay/framework/probe"
)

// execution is a command to run in a container, and what came of it.
type execution struct {
	command []string
	stdin   io.Reader
	// terminal is the size of a terminal; nil is none.
	terminal *remotecommand.TerminalSize

	stdout, stderr bytes.Buffer
	exitCode       int
}

// errNoTime marks that the runtime found no time to start a command, which says nothing about it.
var errNoTime = errors.New("the runtime had no time to start the command")

// exec runs a command in a container of the subject's pod. A command that exits with another code than
// 0 is no error. A runtime that found no time to start it is asked again until the context ends; the error
// then is errNoTime.
func (s Subject) exec(ctx context.Context, container string, e *execution) error {
	const pause = 500 * time.Millisecond
	var last, refused error
	err := wait.PollUntilContextCancel(ctx, pause, true, func(ctx context.Context) (bool, error) {
		last = s.execOnce(ctx, container, e)
		again := ctx.Err() == nil && e.neverStarted(last)
		if again {
			refused = last
		}
		return !again, nil
	})
	switch {
	case refused != nil && (err != nil || ctx.Err() != nil):
		return fmt.Errorf("%w: %w", errNoTime, refused)
	case last == nil:
		return err
	default:
		return last
	}
}

// neverStarted says that the runtime gave up before the command ran, and that it can be asked again. containerd
// allows its shim two seconds by default to tell of a task.
// Source: https://github.com/containerd/containerd/blob/main/docs/man/containerd-config.toml.5.md (timeouts)
func (e *execution) neverStarted(err error) bool {
	if err == nil || e.stdin != nil || e.stdout.Len()+e.stderr.Len() > 0 {
		return false
	}
	return strings.Contains(err.Error(), context.DeadlineExceeded.Error()) || strings.Contains(err.Error(), "code = DeadlineExceeded")
}

// execOnce is exec without another try.
func (s Subject) execOnce(ctx context.Context, container string, e *execution) error {
	if s.Config == nil {
		return errors.New("the target has no streams")
	}
	url := s.Client.CoreV1().RESTClient().Post().Resource("pods").Namespace(s.Pod.Namespace).Name(s.Pod.Name).
		SubResource("exec").VersionedParams(&corev1.PodExecOptions{
		Container: container, Command: e.command,
		Stdin: e.stdin != nil, Stdout: true, Stderr: e.terminal == nil, TTY: e.terminal != nil,
	}, scheme.ParameterCodec).URL()
	executor, err := remotecommand.NewWebSocketExecutor(s.Config, "GET", url.String())
	if err != nil {
		return fmt.Errorf("exec: %w", err)
	}
	options := remotecommand.StreamOptions{Stdin: e.stdin, Stdout: &e.stdout, Tty: e.terminal != nil}
	if e.terminal != nil {
		options.TerminalSizeQueue = &oneSize{size: e.terminal}
	} else {
		options.Stderr = &e.stderr
	}
	err = executor.StreamWithContext(ctx, options)
	var exit utilexec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		e.exitCode = exit.ExitStatus()
		return nil
	}
	return err
}

// oneSize is a terminal that is never resized.
type oneSize struct{ size *remotecommand.TerminalSize }

// Next implements remotecommand.TerminalSizeQueue.
func (o *oneSize) Next() *remotecommand.TerminalSize {
	size := o.size
	o.size = nil
	return size
}

// execCommand runs Args["script"] with the image's shell in the container.
// Allowed when the API ran it, whatever its exit code: Values stdout, stderr (trimmed) and exitCode.
func execCommand(ctx context.Context, s Subject) (probe.Result, error) {
	e := &execution{command: []string{"/bin/sh", "-c", s.Args["script"]}}
	if err := s.exec(ctx, s.Container, e); err != nil {
		return probe.Result{}, err
	}
	return allowed(map[string]string{
		"stdout":   strings.TrimSpace(e.stdout.String()),
		"stderr":   strings.TrimSpace(e.stderr.String()),
		"exitCode": strconv.Itoa(e.exitCode),
	}), nil
}
