// Package engine is the container engine of the machine: which one there is, how it has to be called,
// and what it and the machine lack.
package engine

import (
	"context"
	"os/exec"
)

// Engine is a container engine that answers.
type Engine struct {
	// Name is docker, podman or nerdctl.
	Name string
	// Path is the program.
	Path string
	// Version is what the engine says of itself.
	Version string
	// Environment are the variables ("NAME=value") that programs which call the engine, kind among
	// them, have to see besides the process's own.
	Environment []string
	// Network is the network that the nodes are in; Configure sets it.
	Network Network
}

// Command is a call of the engine that ends with the context.
func (e *Engine) Command(ctx context.Context, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, e.Path, arguments...)
	command.Env = append(command.Environ(), e.Environment...)
	return command
}
