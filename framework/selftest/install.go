package selftest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"assay/fixtures/saboteur/spoil"
)

// Nodes are those of a cluster, as far as the saboteur needs them.
type Nodes interface {
	// WriteFile writes a file on all nodes.
	WriteFile(ctx context.Context, file string, content []byte, mode os.FileMode) error
	// NodeExec runs a command in a node.
	NodeExec(ctx context.Context, node string, stdin io.Reader, command ...string) ([]byte, error)
}

// removal bounds how long it may take to take the saboteur out of the nodes after an interrupt.
const removal = 30 * time.Second

// The scripts put the saboteur into the place of the OCI runtimes, which it finds in its own directory,
// and put them back. Each link is replaced at once: containers start all the time.
const (
	putIn = `set -e
mkdir -p /run/assay/saboteur/oci
for name in runc crun; do
  link=/run/assay/oci/$name
  [ "$(readlink $link)" = "$1" ] || cp -P --remove-destination $link /run/assay/saboteur/oci/$name
  ln -s "$1" $link.new
  mv -T $link.new $link
done`
	takeOut = `set -e
for name in runc crun; do
  link=/run/assay/oci/$name
  [ "$(readlink $link)" != "$1" ] || { cp -P --remove-destination /run/assay/saboteur/oci/$name $link.new; mv -T $link.new $link; }
done`
)

// Install compiles the saboteur and puts it into the nodes. remove takes it out again; it is never nil,
// and works after the end of the context.
func Install(ctx context.Context, root string, cluster Nodes, names []string) (remove func() error, err error) {
	remove = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removal)
		defer cancel()
		return eachNode(ctx, cluster, names, takeOut)
	}
	program, err := compile(ctx, root)
	if err != nil {
		return remove, fmt.Errorf("compile fixtures/saboteur: %w", err)
	}
	if err := cluster.WriteFile(ctx, spoil.Program, program, 0o755); err != nil {
		return remove, fmt.Errorf("put the saboteur into the nodes: %w", err)
	}
	return remove, eachNode(ctx, cluster, names, putIn)
}

func eachNode(ctx context.Context, cluster Nodes, names []string, script string) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, node := range names {
		group.Go(func() error {
			_, err := cluster.NodeExec(ctx, node, nil, "sh", "-c", script, "sh", spoil.Program)
			if err != nil {
				return fmt.Errorf("change the OCI runtimes: %w", err)
			}
			return nil
		})
	}
	return group.Wait()
}

func compile(ctx context.Context, root string) (program []byte, err error) {
	directory, err := os.MkdirTemp("", "assay-saboteur-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	output := filepath.Join(directory, "saboteur")
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", output, "./fixtures/saboteur")
	command.Dir = root
	command.Env = append(command.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	if text, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", command, err, bytes.TrimSpace(text))
	}
	return os.ReadFile(output)
}
