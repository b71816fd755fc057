package nodeimage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	// debianImage is what a node is made from where the engine has it or can pull it.
	debianImage = "debian:trixie"
	// debianSuite is the same as the name of a suite of Debian packages.
	debianSuite = "trixie"
	// pullTimeout bounds the attempt to pull: a machine without a registry may not say that it has none.
	pullTimeout = 90 * time.Second
)

// baseImage makes the image that all nodes start from.
func (b *build) baseImage(ctx context.Context, p *plan) error {
	return b.debian(ctx, p, "base", p.base)
}

// builderImage makes the image in which components are compiled that are linked with C libraries.
func (b *build) builderImage(ctx context.Context, p *plan) error {
	return b.debian(ctx, p, "builder", p.builder)
}

// debian makes an image of Debian with the packages of the recipe of that name.
func (b *build) debian(ctx context.Context, p *plan, name, ref string) error {
	return b.once(ctx, ref, func() error {
		if _, err := b.inspect(ctx, ref); !errors.Is(err, errNoImage) {
			return err
		}
		recipe := configs(b.root, "node", name)
		packages, err := readPackages(filepath.Join(recipe, "packages"))
		if err != nil {
			return err
		}
		from, err := b.debianSource(ctx, p.spec.Base)
		if err != nil {
			return err
		}
		release, err := hold(ctx, b.packages)
		if err != nil {
			return err
		}
		defer release()
		return b.step("make the "+name+" image", func(log io.Writer) error {
			temporary, err := b.temporary()
			if err != nil {
				return err
			}
			defer func() { _ = os.RemoveAll(temporary) }()
			if from == "" {
				return b.bootstrap(ctx, log, temporary, recipe, packages, ref, name)
			}
			if err := copyTree(recipe, temporary); err != nil {
				return err
			}
			if err := copyFile(configs(b.root, "node", "dpkg.cfg"), filepath.Join(temporary, "dpkg.cfg"), 0o644); err != nil {
				return err
			}
			return b.image(ctx, log, configs(b.root, "node", "Containerfile.debian"), ref, name, temporary,
				map[string]string{"DEBIAN": from, "PACKAGES": strings.Join(packages, " ")})
		})
	})
}

// readPackages reads names of packages, one a line; a line that starts with # says why.
func readPackages(path string) ([]string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the list of packages: %w", err)
	}
	var packages []string
	for line := range strings.Lines(string(content)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			packages = append(packages, line)
		}
	}
	return packages, nil
}

// debianSource is the image to start from: the user's, or Debian's if the engine has it or can pull
// it. Empty means that there is none.
func (b *build) debianSource(ctx context.Context, named string) (string, error) {
	if named != "" {
		return named, nil
	}
	found := ""
	err := b.once(ctx, "pull", func() error {
		if _, err := b.inspect(ctx, debianImage); !errors.Is(err, errNoImage) {
			return err
		}
		// Failing is an answer here, so it is not the step's error.
		return b.step("look for "+debianImage, func(log io.Writer) error {
			limited, cancel := context.WithTimeout(ctx, pullTimeout)
			defer cancel()
			if err := run(log, b.engine.Command(limited, "pull", "--quiet", debianImage)); err != nil {
				_, _ = fmt.Fprintf(log, "not available, so it is bootstrapped: %v\n", err)
			}
			return ctx.Err()
		})
	})
	if err != nil {
		return "", err
	}
	if _, err := b.inspect(ctx, debianImage); err == nil {
		found = debianImage
	} else if !errors.Is(err, errNoImage) {
		return "", err
	}
	return found, nil
}

// bootstrap makes an image from Debian packages alone, with the package mirrors of this machine.
func (b *build) bootstrap(ctx context.Context, log io.Writer, temporary, recipe string, packages []string, ref, kind string) error {
	if os.Getuid() != 0 {
		return fmt.Errorf("the engine neither has nor can pull %s, and bootstrapping it takes root; "+
			"name an image with Debian as base: in the matrix file", debianImage)
	}
	if err := installBootstrapper(ctx, log); err != nil {
		return err
	}
	sources, err := mirrors(ctx)
	if err != nil {
		return err
	}
	arguments := []string{
		"--variant=minbase", "--include=" + strings.Join(packages, ","),
		"--dpkgopt=" + configs(b.root, "node", "dpkg.cfg"),
	}
	proxies, err := proxyOptions(ctx)
	if err != nil {
		return err
	}
	arguments = append(arguments, proxies...)
	finish := filepath.Join(recipe, "finish.sh")
	if _, err := os.Stat(finish); err == nil {
		// mmdebstrap runs the hook with the new root as its argument.
		arguments = append(arguments, `--customize-hook=chroot "$1" /bin/sh -s <"$ASSAY_FINISH"`)
	}
	arguments = append(arguments, debianSuite, filepath.Join(temporary, "rootfs.tar"))
	command := exec.CommandContext(ctx, "mmdebstrap", append(arguments, sources...)...)
	command.Env = append(command.Environ(), "ASSAY_FINISH="+finish)
	if err := run(log, command); err != nil {
		return err
	}
	return b.image(ctx, log, configs(b.root, "node", "Containerfile.bootstrap"), ref, kind, temporary, nil)
}

// installBootstrapper installs mmdebstrap on a Debian or Ubuntu that lacks it.
func installBootstrapper(ctx context.Context, log io.Writer) error {
	if _, err := exec.LookPath("mmdebstrap"); err == nil {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("the engine neither has nor can pull %s, and this machine has no apt-get to bootstrap it; "+
			"name an image with Debian as base: in the matrix file", debianImage)
	}
	for _, arguments := range [][]string{
		{"update"},
		{"install", "--yes", "--no-install-recommends", "mmdebstrap", "debian-archive-keyring"},
	} {
		command := exec.CommandContext(ctx, "apt-get", arguments...)
		command.Env = append(command.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if err := run(log, command); err != nil {
			return fmt.Errorf("install mmdebstrap: %w", err)
		}
	}
	return nil
}

// mirrors are lines for sources.list with the Debian mirrors of this machine and the suite of the
// nodes. A machine without a Debian mirror, an Ubuntu, has none: mmdebstrap then knows one itself.
func mirrors(ctx context.Context) ([]string, error) {
	text, err := output(exec.CommandContext(ctx, "apt-get", "indextargets",
		"--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"))
	if err != nil {
		return nil, fmt.Errorf("ask for the machine's package mirrors: %w", err)
	}
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return nil, fmt.Errorf("ask for the machine's distribution: %w", err)
	}
	return mirrorLines(text, string(release)), nil
}

// mirrorLines keeps the distribution's own mirrors: those of others serve other suites.
func mirrorLines(targets, release string) []string {
	fields := map[string]string{}
	for line := range strings.Lines(release) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found {
			fields[name] = strings.Trim(value, `"'`)
		}
	}
	codename := fields["VERSION_CODENAME"]
	if fields["ID"] != "debian" || codename == "" {
		return nil
	}
	suites := map[string]string{
		codename: debianSuite, codename + "-updates": debianSuite + "-updates", codename + "-security": debianSuite + "-security",
	}
	var lines []string
	for target := range strings.Lines(targets) {
		words := strings.Fields(target)
		if len(words) != 3 || words[2] != "main" || suites[words[1]] == "" {
			continue
		}
		lines = append(lines, fmt.Sprintf("deb %s %s main", words[0], suites[words[1]]))
	}
	return lines
}

// proxyOptions hand the proxies that apt uses on this machine to mmdebstrap, which does not read the
// machine's configuration of apt.
func proxyOptions(ctx context.Context) ([]string, error) {
	text, err := output(exec.CommandContext(ctx, "apt-config", "dump"))
	if err != nil {
		return nil, fmt.Errorf("ask for apt's proxies: %w", err)
	}
	var options []string
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "Acquire::http") && strings.Contains(line, "::Proxy ") {
			options = append(options, "--aptopt="+line)
		}
	}
	return options, lines.Err()
}

// temporary makes a directory for the context of an image.
func (b *build) temporary() (string, error) {
	parent := filepath.Join(b.state, "tmp")
	if err := os.MkdirAll(parent, 0o750); err != nil {
		return "", fmt.Errorf("make a temporary directory: %w", err)
	}
	path, err := os.MkdirTemp(parent, "image-")
	if err != nil {
		return "", fmt.Errorf("make a temporary directory: %w", err)
	}
	return path, nil
}
