package engine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Install installs Podman from the packages of a Debian or Ubuntu on which this process is root, with
// an OCI runtime and a network stack that has names for containers, which kind's nodes need to find
// each other.
func Install(ctx context.Context, log io.Writer) error {
	write(log, "no container engine answers: installing podman from the distribution's packages")
	if err := apt(ctx, "update", "--quiet"); err != nil {
		return fmt.Errorf("install podman: %w", err)
	}
	network, err := networkPackages(ctx)
	if err != nil {
		return fmt.Errorf("install podman: %w", err)
	}
	return installPackages(ctx, log, append([]string{"podman", "runc", "iptables"}, network...)...)
}

// complete installs what a Podman that is there already lacks: an OCI runtime for this machine's
// cgroups, and names for containers.
func complete(ctx context.Context, machine Machine, log io.Writer) error {
	needsRunc := false
	if _, err := exec.LookPath("runc"); err != nil {
		needsRunc = machine.Cgroup != CgroupV2
	}
	needsNames := !hasNetavark() && !hasDNSName()
	if !needsRunc && !needsNames {
		return nil
	}
	if !machine.Root || !machine.Debian() {
		var lacks []string
		if needsRunc {
			lacks = append(lacks, "runc (the cgroups are "+machine.Cgroup+", which Podman's crun cannot use)")
		}
		if needsNames {
			lacks = append(lacks, "netavark and aardvark-dns (nodes find each other by name)")
		}
		return fmt.Errorf("install %s", strings.Join(lacks, " and "))
	}
	if err := apt(ctx, "update", "--quiet"); err != nil {
		return err
	}
	var packages []string
	if needsRunc {
		packages = append(packages, "runc")
	}
	if needsNames {
		network, err := networkPackages(ctx)
		if err != nil {
			return err
		}
		packages = append(packages, network...)
	}
	return installPackages(ctx, log, packages...)
}

// networkPackages are the distribution's packages for Podman's network: netavark where it has it
// (Debian 12, Ubuntu 24.04), the CNI plugins with the one for names where it has not.
func networkPackages(ctx context.Context) ([]string, error) {
	for _, packages := range [][]string{
		{"netavark", "aardvark-dns"},
		{"containernetworking-plugins", "golang-github-containernetworking-plugin-dnsname"},
	} {
		output, err := exec.CommandContext(ctx, "apt-cache", append([]string{"policy"}, packages...)...).Output()
		if err != nil {
			return nil, fmt.Errorf("apt-cache policy: %w", err)
		}
		if strings.Count(string(output), "Candidate:") == len(packages) && !strings.Contains(string(output), "Candidate: (none)") {
			return packages, nil
		}
	}
	return nil, fmt.Errorf("the package sources have neither netavark nor the CNI plugins with dnsname")
}

func installPackages(ctx context.Context, log io.Writer, packages ...string) error {
	write(log, "apt-get install "+strings.Join(packages, " "))
	arguments := append([]string{"install", "--yes", "--quiet", "--no-install-recommends"}, packages...)
	if err := apt(ctx, arguments...); err != nil {
		return fmt.Errorf("install %s: %w", strings.Join(packages, ", "), err)
	}
	return nil
}

func apt(ctx context.Context, arguments ...string) error {
	// Another apt-get may hold the lock, unattended-upgrades of a machine just booted for one.
	arguments = append([]string{"-o", "DPkg::Lock::Timeout=120"}, arguments...)
	command := exec.CommandContext(ctx, "apt-get", arguments...)
	command.Env = append(command.Environ(), "DEBIAN_FRONTEND=noninteractive")
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		return fmt.Errorf("apt-get: %w\n%s", err, output.String())
	}
	return nil
}

// hasNetavark says whether Podman's own network stack with names is installed; it looks where Podman
// looks.
func hasNetavark() bool {
	directories := []string{"/usr/local/libexec/podman", "/usr/local/lib/podman", "/usr/libexec/podman", "/usr/lib/podman"}
	return inOne(directories, "netavark") && inOne(directories, "aardvark-dns")
}

// hasDNSName says whether the CNI plugin for names is installed.
func hasDNSName() bool {
	return inOne([]string{"/usr/local/libexec/cni", "/usr/libexec/cni", "/usr/local/lib/cni", "/usr/lib/cni", "/opt/cni/bin"}, "dnsname")
}

func inOne(directories []string, program string) bool {
	return slices.ContainsFunc(directories, func(directory string) bool {
		_, err := os.Stat(filepath.Join(directory, program))
		return err == nil
	})
}

func write(log io.Writer, line string) {
	if log != nil {
		fmt.Fprintln(log, line) //nolint:errcheck // a log that cannot be written must not end the work
	}
}
