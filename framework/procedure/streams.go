package procedure

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"

	"assay/framework/probe"
)

// payload is what goes through a stream: 1 MiB of lines that are all different.
func payload() []byte {
	const size, line = probe.DigestBytes, 64
	var text bytes.Buffer
	for number := range size / line {
		fmt.Fprintf(&text, "%0*d\n", line-1, number)
	}
	return text.Bytes()
}

// same says whether what came back is what was sent.
func same(sent, came []byte) string {
	if bytes.Equal(sent, came) {
		return "same"
	}
	return fmt.Sprintf("%d bytes of %d", len(came), len(sent))
}

// execThrough sends 1 MiB through cat: Values["output"] is "same" where it comes back, and "exitCode".
func execThrough(ctx context.Context, s Subject) (probe.Result, error) {
	sent := payload()
	e := &execution{command: []string{"/bin/cat"}, stdin: bytes.NewReader(sent)}
	if err := s.exec(ctx, s.Container, e); err != nil {
		return probe.Result{}, err
	}
	return allowed(map[string]string{"output": same(sent, e.stdout.Bytes()), "exitCode": strconv.Itoa(e.exitCode)}), nil
}

// execTerminal asks a command for the size of its terminal, which is Args["rows"] and Args["columns"]:
// Values["size"]. The size comes after the command has started.
func execTerminal(ctx context.Context, s Subject) (probe.Result, error) {
	rows, err := strconv.ParseUint(s.Args["rows"], 10, 16)
	if err != nil {
		return probe.Result{}, fmt.Errorf("rows: %w", err)
	}
	columns, err := strconv.ParseUint(s.Args["columns"], 10, 16)
	if err != nil {
		return probe.Result{}, fmt.Errorf("columns: %w", err)
	}
	// Somebody sits at the terminal, who types nothing.
	keyboard, typist := io.Pipe()
	defer typist.Close() //nolint:errcheck // nothing was typed
	e := &execution{
		command:  []string{probe.ProgramPath, probe.CommandTerminal, s.Args["rows"], s.Args["columns"]},
		stdin:    keyboard,
		terminal: &remotecommand.TerminalSize{Height: uint16(rows), Width: uint16(columns)},
	}
	if err := s.exec(ctx, s.Container, e); err != nil {
		return probe.Result{}, err
	}
	if e.exitCode != 0 {
		return probe.Result{}, fmt.Errorf("exit code %d: %s", e.exitCode, e.stdout.String())
	}
	return allowed(map[string]string{"size": strings.TrimSpace(e.stdout.String())}), nil
}

// execEnded waits for the end of the container and runs a command in it. Values["answer"] is "clear" where
// it is refused with a word about the container's state, "unclear" where it is with another (Output has
// it), "none" after 20 s without, and "it ran".
func execEnded(ctx context.Context, s Subject) (probe.Result, error) {
	if err := s.ended(ctx); err != nil {
		return probe.Result{}, err
	}
	const patience = 20 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := s.exec(ctx, s.Container, &execution{command: []string{"/bin/true"}})
	if errors.Is(err, errNoTime) {
		return probe.Result{}, err
	}
	if ctx.Err() != nil {
		return allowed(map[string]string{"answer": "none"}), nil
	}
	if err == nil {
		return allowed(map[string]string{"answer": "it ran"}), nil
	}
	if s.Forbids(err) != "" {
		return probe.Result{}, err
	}
	answer := "unclear"
	for _, clear := range []string{"not running", "stopped", "exited", "not found", "completed", "not created or running"} {
		if strings.Contains(strings.ToLower(err.Error()), clear) {
			answer = "clear"
		}
	}
	result := allowed(map[string]string{"answer": answer})
	result.Output = err.Error()
	return result, nil
}

// execMany runs Args["count"] commands at once: Values["right"] is how many had their own output and exit
// code. Output names the first that had not. One that a busy runtime found no time to start is asked again.
func execMany(ctx context.Context, s Subject) (probe.Result, error) {
	count, err := strconv.Atoi(s.Args["count"])
	if err != nil {
		return probe.Result{}, fmt.Errorf("count: %w", err)
	}
	wrong := make([]string, count)
	group, ctx := errgroup.WithContext(ctx)
	for i := range count {
		group.Go(func() error {
			// Two exit codes are enough to tell whose is whose.
			code := i % 2
			e := &execution{command: []string{"/bin/sh", "-c", `echo "$1"; exit "$2"`, "sh", strconv.Itoa(i), strconv.Itoa(code)}}
			err := s.exec(ctx, s.Container, e)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if s.Forbids(err) != "" {
				return err
			}
			if output := strings.TrimSpace(e.stdout.String()); err != nil || output != strconv.Itoa(i) || e.exitCode != code {
				wrong[i] = fmt.Sprintf("command %d: %q, exit %d, %v", i, output, e.exitCode, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return probe.Result{}, err
	}
	right, result := 0, allowed(map[string]string{})
	for _, each := range wrong {
		switch {
		case each == "":
			right++
		case result.Output == "":
			result.Output = each
		}
	}
	result.Values["right"] = strconv.Itoa(right)
	return result, nil
}

// attach sends 1 MiB to the container's first process, which is cat, and closes its input: Values["output"]
// is "same" where it comes back, "exitCode" is that of the container, which ends with its input.
func attach(ctx context.Context, s Subject) (probe.Result, error) {
	if s.Config == nil {
		return probe.Result{}, errors.New("the target has no streams")
	}
	url := s.Client.CoreV1().RESTClient().Post().Resource("pods").Namespace(s.Pod.Namespace).Name(s.Pod.Name).
		SubResource("attach").VersionedParams(&corev1.PodAttachOptions{
		Container: s.Container, Stdin: true, Stdout: true, Stderr: true,
	}, scheme.ParameterCodec).URL()
	executor, err := remotecommand.NewWebSocketExecutor(s.Config, "GET", url.String())
	if err != nil {
		return probe.Result{}, fmt.Errorf("attach: %w", err)
	}
	const patience = 30 * time.Second
	streaming, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	sent := payload()
	var stdout, stderr bytes.Buffer
	err = executor.StreamWithContext(streaming, remotecommand.StreamOptions{Stdin: bytes.NewReader(sent), Stdout: &stdout, Stderr: &stderr})
	if s.Forbids(err) != "" {
		return probe.Result{}, fmt.Errorf("attach: %w", err)
	}
	values := map[string]string{"output": same(sent, stdout.Bytes()), "exitCode": "still runs"}
	result := allowed(values)
	if err != nil {
		result.Output = fmt.Sprintf("%v %s", err, stderr.String())
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pod, err := s.Watch.Until(waiting, func(pod *corev1.Pod) bool { return s.status(pod).State.Terminated != nil })
	if ctx.Err() != nil {
		return probe.Result{}, context.Cause(ctx)
	}
	if err == nil {
		values["exitCode"] = strconv.Itoa(int(s.status(pod).State.Terminated.ExitCode))
	}
	return result, nil
}

// forward forwards a connection to probe.DigestPort of the pod, sends 1 MiB, closes its own side, and reads
// on: Values["answer"] is "right" where the answer to what was sent came after that; Values["end"] is
// "passed on" where the other side was told that there is no more to come, else "kept back".
func forward(ctx context.Context, s Subject) (probe.Result, error) {
	if s.Config == nil {
		return probe.Result{}, errors.New("the target has no streams")
	}
	if err := s.untilLogged(ctx, "serving"); err != nil {
		return probe.Result{}, err
	}
	// The runtimes give what is sent back one second after the end of what was sent, which a machine under
	// load may miss.
	const attempts = 3
	sent := payload()
	digest := sha256.Sum256(sent)
	result := allowed(map[string]string{"answer": "wrong", "end": "kept back"})
	for range attempts {
		came, err := s.converse(ctx, probe.DigestPort, sent, true)
		if ctx.Err() != nil {
			return probe.Result{}, context.Cause(ctx)
		}
		if s.Forbids(err) != "" {
			return probe.Result{}, err
		}
		result.Output = fmt.Sprintf("%q", came)
		if err != nil {
			result.Output += ": " + err.Error()
		}
		answer, end, _ := strings.Cut(string(came), "\n")
		if strings.TrimSpace(end) == "end" {
			result.Values["end"] = "passed on"
		}
		if answer == hex.EncodeToString(digest[:]) {
			result.Values["answer"] = "right"
			break
		}
	}
	return result, nil
}

// forwardEcho forwards a connection to probe.ServePort of the pod, which sends everything back:
// Values["output"] is "same" where 1 MiB comes back while it is sent.
func forwardEcho(ctx context.Context, s Subject) (probe.Result, error) {
	if s.Config == nil {
		return probe.Result{}, errors.New("the target has no streams")
	}
	if err := s.untilLogged(ctx, "serving"); err != nil {
		return probe.Result{}, err
	}
	sent := payload()
	came, err := s.converse(ctx, probe.ServePort, sent, false)
	if ctx.Err() != nil {
		return probe.Result{}, context.Cause(ctx)
	}
	if s.Forbids(err) != "" {
		return probe.Result{}, err
	}
	result := allowed(map[string]string{"output": same(sent, came)})
	if err != nil {
		result.Output = err.Error()
	}
	return result, nil
}

// untilLogged waits until the container's log holds a word.
func (s Subject) untilLogged(ctx context.Context, word string) error {
	last := ""
	err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		log, err := s.log(ctx, &corev1.PodLogOptions{})
		if err != nil {
			last = err.Error()
			return false, nil //nolint:nilerr // tried again until the deadline
		}
		last = log
		return strings.Contains(log, word), nil
	})
	if err != nil {
		return fmt.Errorf("wait for %q in the log: %w; last seen: %s", word, err, last)
	}
	return nil
}

// converse sends all of a text to a port of the pod through a port-forward, and returns what came back.
// With halfClose it closes its own side and reads until the other side closed its own; else it reads as
// much as it sent, and closes then.
func (s Subject) converse(ctx context.Context, port int, text []byte, halfClose bool) ([]byte, error) {
	url := s.Client.CoreV1().RESTClient().Post().Resource("pods").Namespace(s.Pod.Namespace).Name(s.Pod.Name).
		SubResource("portforward").URL()
	dialer, err := portforward.NewSPDYOverWebsocketDialer(url, s.Config)
	if err != nil {
		return nil, fmt.Errorf("port-forward: %w", err)
	}
	connection, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, fmt.Errorf("port-forward: %w", err)
	}
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// Closing the connection ends every read and write on it.
	defer context.AfterFunc(ctx, func() { _ = connection.Close() })()
	defer connection.Close() //nolint:errcheck // it has served

	headers := http.Header{}
	headers.Set(corev1.PortHeader, strconv.Itoa(port))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	failure, err := connection.CreateStream(headers)
	if err != nil {
		return nil, fmt.Errorf("port-forward: %w", err)
	}
	// Nothing is sent on the stream of errors.
	if err := failure.Close(); err != nil {
		return nil, fmt.Errorf("port-forward: %w", err)
	}
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := connection.CreateStream(headers)
	if err != nil {
		return nil, fmt.Errorf("port-forward: %w", err)
	}
	var group errgroup.Group
	group.Go(func() error {
		if _, err := data.Write(text); err != nil || !halfClose {
			return err
		}
		return data.Close()
	})
	var came []byte
	group.Go(func() error {
		var err error
		if halfClose {
			came, err = io.ReadAll(data)
			return err
		}
		came, err = io.ReadAll(io.LimitReader(data, int64(len(text))))
		return errors.Join(err, data.Close())
	})
	err = group.Wait()
	if ctx.Err() != nil {
		return came, errors.Join(fmt.Errorf("no end within %s", patience), err)
	}
	if err == nil {
		var message []byte
		if message, err = io.ReadAll(failure); err == nil && len(message) > 0 {
			err = errors.New(string(message))
		}
	}
	return came, err
}
