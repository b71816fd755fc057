package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// StateDirectory is the directory under the root that holds what Assay keeps between runs.
const StateDirectory = ".assay"

// Configure makes the engine usable on this machine: for Podman a containers.conf of Assay's own
// with what the machine forces, the network of the nodes, and the variables that select both in
// Environment. It writes nothing outside Root but /lib/modules, which kind mounts, where it is missing
// and this is root.
func Configure(ctx context.Context, engine *Engine, machine Machine, options Options) error {
	if !machine.ModulesDirectory {
		if !machine.Root {
			return errors.New("/lib/modules does not exist, and kind mounts it into every node; run: sudo mkdir -p /lib/modules")
		}
		if err := os.MkdirAll("/lib/modules", 0o755); err != nil {
			return fmt.Errorf("make the directory that kind mounts into every node: %w", err)
		}
		write(options.Log, "made the empty directory /lib/modules, which kind mounts into every node")
	}
	root, err := filepath.Abs(options.Root)
	if err != nil {
		return err
	}
	if engine.Name == Podman {
		if err := configurePodman(ctx, engine, machine, root, options); err != nil {
			return fmt.Errorf("configure podman: %w", err)
		}
	}
	network, err := ensureNetwork(ctx, engine, root)
	if err != nil {
		return fmt.Errorf("make the nodes' network: %w", err)
	}
	engine.Network = network
	engine.Environment = append(engine.Environment, "KIND_EXPERIMENTAL_PROVIDER="+engine.Name)
	switch engine.Name {
	case Docker:
		engine.Environment = append(engine.Environment, "KIND_EXPERIMENTAL_DOCKER_NETWORK="+network.Name)
	case Podman:
		engine.Environment = append(engine.Environment, "KIND_EXPERIMENTAL_PODMAN_NETWORK="+network.Name)
	}
	return nil
}

func configurePodman(ctx context.Context, engine *Engine, machine Machine, root string, options Options) error {
	if err := complete(ctx, machine, options.Log); err != nil {
		return err
	}
	path := filepath.Join(root, StateDirectory, "containers.conf")
	command := engine.Command(ctx, "info", "--format", "{{.Host.NetworkBackend}}")
	// What counts is Podman without this file, which an earlier call may have put into the environment.
	command.Env = slices.DeleteFunc(command.Env, func(variable string) bool { return variable == "CONTAINERS_CONF="+path })
	backend, err := command.Output()
	if err != nil {
		return fmt.Errorf("ask for the network backend: %w", err)
	}
	// A Podman that was first used without netavark goes on with CNI.
	wanted := containersConf(machine, hasNetavark() && strings.TrimSpace(string(backend)) != "netavark")
	if wanted == nil {
		return nil // the machine's own configuration does
	}
	existing, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(existing, wanted) {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(path, wanted, 0o600); err != nil {
			return err
		}
	}
	engine.Environment = append(engine.Environment, "CONTAINERS_CONF="+path)
	return nil
}

// containersConf is Podman's configuration for this machine, in the format of containers.conf(5).
// It says only what the machine forces, and is nil where it forces nothing; everything else is as Podman
// has it by default.
func containersConf(machine Machine, netavark bool) []byte {
	var text strings.Builder
	if machine.Lacks("SYS_RESOURCE") {
		// Podman's default limits are above the machine's, and raising a limit takes this capability.
		// A node has all pods of a run, and Podman's default is 2048 processes.
		fmt.Fprintf(&text, "\n[containers]\npids_limit = 0\ndefault_ulimits = [%q, %q]\n",
			limit("nofile", machine.OpenFiles, 1<<20), limit("nproc", machine.Processes, machine.PIDMax))
	}
	if machine.Cgroup != CgroupV2 {
		// Old versions of crun refuse hybrid cgroups; runc takes all three setups.
		text.WriteString("\n[engine]\nruntime = \"runc\"\n")
	}
	if netavark {
		// The default networks of CNI have no names for containers.
		text.WriteString("\n[network]\nnetwork_backend = \"netavark\"\n")
	}
	if text.Len() == 0 {
		return nil
	}
	return []byte("# Written by assay for this machine; changes are overwritten.\n" + text.String())
}

// limit is an entry of default_ulimits, soft and hard the same: what the machine has, no more than most.
func limit(name string, has, most uint64) string {
	if has == unlimited || has > most {
		has = most
	}
	return fmt.Sprintf("%s=%d:%d", name, has, has)
}
