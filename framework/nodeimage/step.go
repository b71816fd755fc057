package nodeimage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"assay/framework/engine"
)

// tailLines is how much of the log of a failed step is in its error.
const tailLines = 30

// patience is how long an interrupted command may take to end.
const patience = 20 * time.Second

// build is one call of Ensure.
type build struct {
	engine *engine.Engine
	// root is the directory of the go.mod, state the directory for what is built.
	root, state string
	progress    Progress
	// compile and packages are held while a compiler or a package manager runs: one of each at a time
	// keeps two processors busy, and several of a kind only slow each other down.
	compile, packages chan struct{}

	// containers counts the containers that were run, for their names.
	containers atomic.Int64

	mutex sync.Mutex
	tasks map[string]*task
}

// task is something that several images need and that is done once.
type task struct {
	done chan struct{}
	err  error
}

// once runs do for the first caller with this key; the others wait for it and share its error.
func (b *build) once(ctx context.Context, key string, do func() error) error {
	b.mutex.Lock()
	shared, found := b.tasks[key]
	if !found {
		shared = &task{done: make(chan struct{})}
		b.tasks[key] = shared
	}
	b.mutex.Unlock()
	if !found {
		shared.err = do()
		close(shared.done)
		return shared.err
	}
	select {
	case <-shared.done:
		return shared.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// all runs functions at the same time and joins their errors.
func all(functions ...func() error) error {
	failed := make([]error, len(functions))
	var group sync.WaitGroup
	for index, function := range functions {
		group.Go(func() { failed[index] = function() })
	}
	group.Wait()
	return errors.Join(failed...)
}

// hold waits for its turn; the function that it returns ends the turn.
func hold(ctx context.Context, turn chan struct{}) (func(), error) {
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// step runs something that takes time: it is shown as progress, everything it writes is kept in a log,
// and the end of the log is in its error.
func (b *build) step(name string, do func(log io.Writer) error) error {
	done := b.progress.Step(name)
	err := b.logged(name, do)
	done(err)
	return err
}

func (b *build) logged(name string, do func(log io.Writer) error) error {
	path := filepath.Join(b.state, "logs", strings.ReplaceAll(name, " ", "-")+".log")
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("make the directory of logs: %w", err)
	}
	log, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("open the log of a step: %w", err)
	}
	failed := do(log)
	if err := log.Close(); err != nil && failed == nil {
		failed = fmt.Errorf("close the log of a step: %w", err)
	}
	if failed == nil {
		return nil
	}
	return fmt.Errorf("%s: %w\nthe log is %s; its end:\n%s", name, failed, path, tail(path))
}

// tail is the end of a log; a log that cannot be read has none.
func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	if len(lines) > tailLines {
		lines = lines[len(lines)-tailLines:]
	}
	return strings.Join(lines, "\n")
}

// run runs a command with everything it writes in the log.
func run(log io.Writer, command *exec.Cmd) error {
	return runTo(log, log, command)
}

// runTo runs a command with its standard output in out and its errors in the log.
func runTo(out, log io.Writer, command *exec.Cmd) error {
	// A log that is gone does not fail the command.
	_, _ = fmt.Fprintf(log, "+ %s\n", strings.Join(command.Args, " "))
	command.Stdout, command.Stderr = out, log
	// Interrupted, package managers and engines clean up behind themselves; killed, they do not.
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = patience
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(command.Path), err)
	}
	return nil
}

// container runs a container with its standard output in out and its errors in the log. What is in it
// may ignore an interrupt, so it is removed when the call ends early.
func (b *build) container(ctx context.Context, out, log io.Writer, options ...string) error {
	name := fmt.Sprintf("assay-build-%d-%d", os.Getpid(), b.containers.Add(1))
	arguments := append([]string{"run", "--rm", "--name", name, "--label", Label + "=build"}, options...)
	failed := runTo(out, log, b.engine.Command(ctx, arguments...))
	if ctx.Err() == nil {
		return failed
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return errors.Join(failed, run(log, b.engine.Command(limited, "rm", "--force", name)))
}

// toFile lets do write a file, which exists only if that succeeded.
func toFile(path string, do func(out io.Writer) error) error {
	file, err := os.Create(path + ".part")
	if err != nil {
		return fmt.Errorf("write a file: %w", err)
	}
	failed := do(file)
	if err := file.Close(); err != nil && failed == nil {
		failed = fmt.Errorf("write a file: %w", err)
	}
	if failed != nil {
		return failed
	}
	return os.Rename(path+".part", path)
}

// output runs a command outside of steps and returns what it printed, without the last line's end.
func output(command *exec.Cmd) (string, error) {
	var text bytes.Buffer
	command.Stderr = &text
	printed, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(command.Args, " "), err, strings.TrimSpace(text.String()))
	}
	return strings.TrimSpace(string(printed)), nil
}

// directory makes a directory of the state directory that is filled from scratch, and names it only
// when that succeeded, so that what is there is whole.
func (b *build) directory(path string, fill func(temporary string) error) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	temporary, err := os.MkdirTemp(filepath.Dir(path), ".part-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(temporary) }()
	if err := os.Chmod(temporary, 0o755); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	if err := fill(temporary); err != nil {
		return err
	}
	err = os.Rename(temporary, path)
	if _, exists := os.Stat(path); exists == nil {
		// Another process that runs at the same time may have been faster with the same thing.
		return nil
	}
	return err
}

// image builds an image from a directory, named and labelled.
func (b *build) image(ctx context.Context, log io.Writer, file, ref, kind, directory string, arguments map[string]string) error {
	// Where packages are downloaded, the host's network is the one that is known to reach the mirrors.
	options := []string{"build", "--no-cache", "--network", "host", "--file", file, "--tag", ref, "--label", Label + "=" + kind}
	for name, value := range arguments {
		options = append(options, "--build-arg", name+"="+value)
	}
	return run(log, b.engine.Command(ctx, append(options, directory)...))
}
