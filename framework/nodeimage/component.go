package nodeimage

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// out is the directory with the programs of a component, once they are built.
func (b *build) out(c component) string {
	return filepath.Join(b.state, "components", c.name+"-"+c.version+"-"+c.digest)
}

// programs builds the programs of a component, unless they exist.
func (b *build) programs(ctx context.Context, p *plan, c component) error {
	return b.once(ctx, "component "+c.digest, func() error {
		if exists(b.out(c)) {
			return nil
		}
		name := c.name + " " + c.version
		// Downloading waits for the network and compiling for the processor: others compile meanwhile.
		if err := b.step("download "+name, func(log io.Writer) error { return c.download(ctx, log) }); err != nil {
			return err
		}
		if c.CGO || len(c.C) > 0 {
			if err := b.builderImage(ctx, p); err != nil {
				return err
			}
		}
		release, err := hold(ctx, b.compile)
		if err != nil {
			return err
		}
		defer release()
		return b.step("compile "+name, func(log io.Writer) error {
			return b.directory(b.out(c), func(temporary string) error {
				return b.compileTo(ctx, log, p, c, temporary)
			})
		})
	})
}

// goCommand is a call of Go in the module of the component.
func (c component) goCommand(ctx context.Context, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = c.directory
	command.Env = append(command.Environ(), c.environment()...)
	return command
}

// environment are the variables that the Go tool needs for this component, on the host and in the
// builder. GOFLAGS and GOWORK of the user would change what is built.
func (c component) environment() []string {
	cgo := "0"
	if c.CGO {
		cgo = "1"
	}
	return []string{"CGO_ENABLED=" + cgo, "GOFLAGS=-mod=readonly", "GOWORK=off"}
}

// download brings the modules that the programs are made from into the module cache. Listing the
// packages downloads just those of them that are needed.
func (c component) download(ctx context.Context, log io.Writer) error {
	arguments := append([]string{"list", "-deps", "-tags", strings.Join(c.Tags, ",")}, c.Programs...)
	return runTo(io.Discard, log, c.goCommand(ctx, arguments...))
}

// compileArguments are those of go build, with the programs going to the directory out.
func (c component) compileArguments(out string) []string {
	linker := "-s -w"
	for _, name := range slices.Sorted(maps.Keys(c.Variables)) {
		linker += " -X " + name + "=" + c.Variables[name]
	}
	if c.CGO {
		linker += " -extldflags -static"
	}
	// Debugging information would only be stripped again; leaving it out saves a third of the time.
	arguments := []string{"build", "-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false", "-ldflags=" + linker}
	if len(c.Tags) > 0 {
		arguments = append(arguments, "-tags="+strings.Join(c.Tags, ","))
	}
	return append(append(arguments, "-o", out+"/"), c.Programs...)
}

func (b *build) compileTo(ctx context.Context, log io.Writer, p *plan, c component, out string) error {
	if !c.CGO {
		if err := run(log, c.goCommand(ctx, c.compileArguments(out)...)); err != nil {
			return err
		}
	} else if err := b.compileInBuilder(ctx, log, p, c, out); err != nil {
		return err
	}
	for _, program := range c.C {
		if err := b.compileC(ctx, log, p, c, program, out); err != nil {
			return err
		}
	}
	return nil
}

// compileInBuilder compiles with the host's Go, modules and build cache in a container of the builder
// image, whose C library and libseccomp the programs are linked with.
func (b *build) compileInBuilder(ctx context.Context, log io.Writer, p *plan, c component, out string) error {
	goroot, err := output(c.goCommand(ctx, "env", "GOROOT"))
	if err != nil {
		return err
	}
	modules, err := output(c.goCommand(ctx, "env", "GOMODCACHE"))
	if err != nil {
		return err
	}
	cache, err := output(c.goCommand(ctx, "env", "GOCACHE"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cache, 0o750); err != nil {
		return fmt.Errorf("make Go's build cache: %w", err)
	}
	options := append(b.containerOptions(), "--network", "none", "--workdir", c.directory,
		"--volume", goroot+":"+goroot+":ro", "--volume", modules+":"+modules+":ro", "--volume", cache+":"+cache,
		"--volume", c.directory+":"+c.directory+":ro", "--volume", out+":"+out)
	for _, variable := range append(c.environment(), "GOPROXY=off", "GOTOOLCHAIN=local", "HOME=/tmp",
		"GOMODCACHE="+modules, "GOCACHE="+cache, "PATH="+goroot+"/bin:/usr/bin:/bin") {
		options = append(options, "--env", variable)
	}
	options = append(append(options, p.builder, "go"), c.compileArguments(out)...)
	return b.container(ctx, log, log, options...)
}

// compileC compiles a program from all C files of a module's directory.
func (b *build) compileC(ctx context.Context, log io.Writer, p *plan, c component, program cProgram, out string) error {
	module, err := output(c.goCommand(ctx, "list", "-m", "-f", "{{.Dir}}", program.Module))
	if err != nil {
		return err
	}
	sources := filepath.Join(module, program.Sources)
	options := append(b.containerOptions(), "--network", "none", "--volume", sources+":"+sources+":ro",
		"--volume", out+":"+out, "--workdir", sources, p.builder,
		"sh", "-c", `exec cc -std=c99 -Os -Wall -static -s -o "$1" *.c`, "sh", filepath.Join(out, program.Program))
	return b.container(ctx, log, log, options...)
}

// containerOptions are those of every container that works on the host's files. SELinux would keep it
// from them; with Docker it would leave files of root behind in the user's directories.
func (b *build) containerOptions() []string {
	options := []string{"--security-opt", "label=disable"}
	if user := os.Getuid(); b.engine.Name == "docker" && user != 0 {
		options = append(options, "--user", strconv.Itoa(user)+":"+strconv.Itoa(os.Getgid()))
	}
	return options
}
