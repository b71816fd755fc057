// Package filterdump reads the seccomp filters of containers on their node, by a program of its own
// (fixtures/filterdump) that asks the kernel.
package filterdump

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"assay/framework/filter"
)

// Execer runs a program in a node with all privileges and returns its standard output.
type Execer interface {
	NodeExec(ctx context.Context, node string, stdin io.Reader, command ...string) ([]byte, error)
}

// Program is the compiled program.
type Program []byte

// Compile compiles the program of the module at root for an architecture of Linux.
func Compile(ctx context.Context, root, architecture string) (program Program, err error) {
	directory, err := os.MkdirTemp("", "assay-filterdump-")
	if err != nil {
		return nil, fmt.Errorf("compile fixtures/filterdump: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	output := filepath.Join(directory, "filterdump")
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", output, "./fixtures/filterdump")
	command.Dir = root
	command.Env = append(command.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+architecture)
	if text, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile fixtures/filterdump: %w\n%s", err, bytes.TrimSpace(text))
	}
	return os.ReadFile(output)
}

// script puts the program into the node, runs it and takes it away. A name of its own keeps runs that
// share a node apart; /var is where a node's image allows programs.
const script = `f=$(mktemp /var/tmp/assay-filterdump-XXXXXX) && trap 'rm -f "$f"' EXIT && cat > "$f" && chmod 700 "$f" && "$f" "$@"`

// Read returns the filters of running containers of a node, by container ID. The error is
// errors.ErrUnsupported where the kernel does not give them.
func (p Program) Read(ctx context.Context, in Execer, node string, containers []string) (map[string]filter.Chain, error) {
	command := append([]string{"sh", "-c", script, "sh"}, containers...)
	output, err := in.NodeExec(ctx, node, bytes.NewReader(p), command...)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == filter.ExitUnavailable {
		err = errors.Join(errors.ErrUnsupported, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the seccomp filters: %w", err)
	}
	var chains map[string]filter.Chain
	if err := json.Unmarshal(output, &chains); err != nil {
		return nil, fmt.Errorf("read the seccomp filters: %w", err)
	}
	return chains, nil
}
