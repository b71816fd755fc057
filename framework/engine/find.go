package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// The engines, in the order in which they are tried.
const (
	Docker  = "docker"
	Podman  = "podman"
	Nerdctl = "nerdctl"
)

// answerTimeout bounds the wait for an engine's answer: a daemon that hangs is one that does not answer.
const answerTimeout = 20 * time.Second

// Options say which engine is wanted and where its configuration may be written.
type Options struct {
	// Root is the directory that holds Assay's own state directory, .assay.
	Root string
	// Name forces an engine: docker, podman or nerdctl. Empty takes the first that answers.
	Name string
	// Log receives what is installed and configured, a line each.
	Log io.Writer
}

// NotFoundError says that no engine answers, and why.
type NotFoundError struct {
	// Reasons has a text for each engine that was tried.
	Reasons []string
	// Advice says what to do about it.
	Advice string
}

func (e *NotFoundError) Error() string {
	text := "no container engine answers: " + strings.Join(e.Reasons, "; ")
	if e.Advice != "" {
		text += ". " + e.Advice
	}
	return text
}

// Prepare finds an engine, installs Podman where there is none and the machine is one on which Assay
// does so (root on Debian or Ubuntu, no engine forced), and configures it for this machine.
func Prepare(ctx context.Context, options Options) (*Engine, Machine, error) {
	machine, err := ReadMachine()
	if err != nil {
		return nil, machine, err
	}
	engine, err := Find(ctx, options)
	var missing *NotFoundError
	if errors.As(err, &missing) && machine.Root && machine.Debian() && (options.Name == "" || options.Name == Podman) {
		if err := Install(ctx, options.Log); err != nil {
			return nil, machine, err
		}
		engine, err = Find(ctx, options)
	}
	if err != nil {
		return nil, machine, err
	}
	return engine, machine, Configure(ctx, engine, machine, options)
}

// Find returns the first engine that is installed and answers. Where none does, the error is a
// NotFoundError. It changes nothing on the machine.
func Find(ctx context.Context, options Options) (*Engine, error) {
	names := []string{Docker, Podman, Nerdctl}
	if options.Name != "" {
		if options.Name != Docker && options.Name != Podman && options.Name != Nerdctl {
			return nil, fmt.Errorf("unknown container engine %q: docker, podman and nerdctl are known", options.Name)
		}
		names = []string{options.Name}
	}
	missing := &NotFoundError{
		Advice: "Install Docker (and start its daemon), Podman 4 or later, or nerdctl; " +
			"on Debian and Ubuntu Assay does it by itself when it is run by root",
	}
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			missing.Reasons = append(missing.Reasons, name+" is not installed")
			continue
		}
		engine := &Engine{Name: name, Path: path}
		if engine.Version, err = engine.answer(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			missing.Reasons = append(missing.Reasons, fmt.Sprintf("%s (%s) does not answer: %v", name, path, err))
			continue
		}
		return engine, nil
	}
	return nil, missing
}

// answer is the version of the engine's server part. Asking for it proves that the daemon runs and
// that this user may use it; the client's own version would not.
func (e *Engine) answer(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	format := "{{.ServerVersion}}"
	if e.Name == Podman {
		format = "{{.Version.Version}}"
	}
	output, err := e.Output(ctx, "info", "--format", format)
	if err != nil {
		return "", err
	}
	version := strings.TrimSpace(string(output))
	if version == "" || version == "<no value>" {
		return "", errors.New("it does not say its version")
	}
	return version, nil
}

// Output runs the engine and returns what it writes on the standard output. An error holds the last
// line of its standard error.
func (e *Engine) Output(ctx context.Context, arguments ...string) ([]byte, error) {
	command := e.Command(ctx, arguments...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return output, fmt.Errorf("%s %s: %w", e.Name, arguments[0], withText(err, stderr.String()))
	}
	return output, nil
}

// withText adds the last line that a program wrote to its error.
func withText(err error, text string) error {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return fmt.Errorf("%w: %s", err, last)
	}
	return err
}
