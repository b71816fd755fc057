// Package cluster makes, finds and deletes the kind clusters that columns run on, and does what has to
// be done in their nodes. It is the only package that imports kind.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	kind "sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/log"

	"assay/framework/engine"
	"assay/framework/placement"
)

// kindLabel marks the engine's containers that are nodes of kind; its value is the cluster.
const kindLabel = "io.x-k8s.kind.cluster"

// Timeouts bound the waits of this package.
type Timeouts struct {
	// Create is for kind: node containers, control plane, join.
	Create time.Duration
	// Ready is from there to ready nodes and a working network.
	Ready time.Duration
	// Delete is for the deletion of one cluster, also after an interrupt.
	Delete time.Duration
	// Logs is for the collection of the logs of one cluster.
	Logs time.Duration
	// Load is for one image into one node.
	Load time.Duration
}

// DefaultTimeouts are ample for a loaded machine of two cores.
func DefaultTimeouts() Timeouts {
	return Timeouts{
		Create: 8 * time.Minute, Ready: 4 * time.Minute, Delete: time.Minute, Logs: time.Minute, Load: 5 * time.Minute,
	}
}

// Manager makes clusters with one engine and keeps their records under one root directory.
type Manager struct {
	engine   *engine.Engine
	machine  engine.Machine
	store    store
	timeouts Timeouts
}

// NewManager returns a manager for a configured engine. kind reads the engine's variables from the
// environment of this process, so they are set there.
func NewManager(e *engine.Engine, machine engine.Machine, root string, timeouts Timeouts) (*Manager, error) {
	for _, variable := range e.Environment {
		name, value, _ := strings.Cut(variable, "=")
		if err := os.Setenv(name, value); err != nil {
			return nil, fmt.Errorf("set %s for kind: %w", name, err)
		}
	}
	s, err := newStore(root)
	if err != nil {
		return nil, err
	}
	return &Manager{engine: e, machine: machine, store: s, timeouts: timeouts}, nil
}

// kind is kind with the manager's engine.
func (m *Manager) kind(logger log.Logger) *kind.Provider {
	provider := kind.ProviderWithDocker()
	switch m.engine.Name {
	case engine.Podman:
		provider = kind.ProviderWithPodman()
	case engine.Nerdctl:
		provider = kind.ProviderWithNerdctl(m.engine.Path)
	}
	return kind.NewProvider(kind.ProviderWithLogger(logger), provider)
}

// containers are the names of the containers of a cluster, running or not.
func (m *Manager) containers(ctx context.Context, name string) ([]string, error) {
	output, err := m.engine.Output(ctx, "ps", "--all", "--filter", "label="+kindLabel+"="+name, "--format", "{{.Names}}")
	if err != nil {
		return nil, fmt.Errorf("list the nodes of cluster %s: %w", name, err)
	}
	return strings.Fields(string(output)), nil
}

// Delete deletes a recorded cluster: its nodes, their volumes, its kubeconfig and its record. What has
// no record is left alone. A cluster that is gone already is no error.
func (m *Manager) Delete(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, m.timeouts.Delete)
	defer cancel()
	if _, err := m.store.read(name); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("delete cluster: %w", err)
	}
	if err := m.deleteNodes(ctx, name); err != nil {
		return fmt.Errorf("delete cluster %s: %w", name, err)
	}
	if err := m.store.remove(name); err != nil {
		return fmt.Errorf("delete the record of cluster %s: %w", name, err)
	}
	return nil
}

func (m *Manager) deleteNodes(ctx context.Context, name string) error {
	nodes, err := m.containers(ctx, name)
	if err != nil || len(nodes) == 0 {
		return err
	}
	// Killed nodes need no shutdown of systemd and their pods, for which `rm` would wait ten seconds.
	// It is no error that one does not run.
	_, _ = m.engine.Output(ctx, append([]string{"kill"}, nodes...)...)
	if _, err := m.engine.Output(ctx, append([]string{"rm", "--force", "--volumes"}, nodes...)...); err != nil {
		return err
	}
	if m.engine.Name != engine.Podman {
		return nil // the volumes were anonymous and went along
	}
	// Under Podman kind makes a volume a node before the node, labelled with the node's name.
	var volumes []string
	for _, node := range nodes {
		output, err := m.engine.Output(ctx, "volume", "ls", "--quiet", "--filter", "label="+node)
		if err != nil {
			return err
		}
		volumes = append(volumes, strings.Fields(string(output))...)
	}
	if len(volumes) > 0 {
		_, err = m.engine.Output(ctx, append([]string{"volume", "rm", "--force"}, volumes...)...)
	}
	return err
}

// Records are the recorded clusters, the oldest first: those that exist, and those that are being made
// or deleted.
func (m *Manager) Records() ([]Record, error) { return m.store.list() }

// Leftovers are the recorded clusters that no running process is using: kept ones, and those of runs
// that were killed. Records without containers are removed on the way.
func (m *Manager) Leftovers(ctx context.Context) ([]Record, error) {
	records, err := m.store.list()
	if err != nil {
		return nil, err
	}
	var left []Record
	for _, record := range records {
		if !record.Kept && alive(record.PID) {
			continue
		}
		nodes, err := m.containers(ctx, record.Name)
		if err != nil {
			return nil, err
		}
		if len(nodes) > 0 {
			left = append(left, record)
			continue
		}
		if err := m.store.remove(record.Name); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// Find returns the newest kept cluster that has exactly the columns and the nodes that are wanted, after it has
// been verified: all nodes run, are ready and say the runtimes and versions of their columns. images are the
// node images by the names of the groups. Where there is none, it returns nil and the reasons why the kept
// clusters of the columns do not do.
func (m *Manager) Find(ctx context.Context, placed placement.Cluster, images map[string]string) (*Cluster, []string, error) {
	records, err := m.store.list()
	if err != nil {
		return nil, nil, err
	}
	nodeImages, err := m.imageIDs(ctx, placed, images)
	if err != nil {
		return nil, nil, err
	}
	var reasons []string
	for i := len(records) - 1; i >= 0; i-- {
		record := records[i]
		if !slices.Equal(record.Columns, columnNames(placed)) || !record.Kept {
			continue
		}
		if !record.matches(placed, nodeImages) {
			reasons = append(reasons, fmt.Sprintf("%s was made of other images or configuration", record.Name))
			continue
		}
		found, err := m.open(record, placed)
		if err == nil {
			err = found.verifyAll(ctx)
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, reasons, ctx.Err()
			}
			reasons = append(reasons, fmt.Sprintf("%s: %v", record.Name, err))
			continue
		}
		return found, reasons, nil
	}
	return nil, reasons, nil
}

// imageIDs are the IDs of the groups' images, in the order of the groups.
func (m *Manager) imageIDs(ctx context.Context, placed placement.Cluster, images map[string]string) ([]string, error) {
	var ids []string
	for _, group := range placed.Groups {
		id, err := m.imageID(ctx, images[group.Name()])
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// imageID is the ID of an image that the engine has.
func (m *Manager) imageID(ctx context.Context, image string) (string, error) {
	output, err := m.engine.Output(ctx, "image", "inspect", "--format", "{{.Id}}", image)
	if err != nil {
		return "", fmt.Errorf("node image %s: %w", image, err)
	}
	return strings.TrimPrefix(strings.TrimSpace(string(output)), "sha256:"), nil
}
