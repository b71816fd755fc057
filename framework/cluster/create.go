package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	kind "sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/exec"

	"assay/framework/column"
	"assay/framework/progress"
)

// Options say what cluster is wanted.
type Options struct {
	RunID  string
	Column column.Column
	// Image is the node image. It is there, or the engine can pull it.
	Image string
	// Progress receives the steps.
	Progress *progress.Log
	// LogDirectory is where the logs of a cluster that does not become ready are collected.
	LogDirectory string
	// Keep leaves a cluster that does not become ready for inspection.
	Keep bool
}

// Create makes the cluster of a column: a control plane and a worker, both of which run pods, with the
// column's network, all nodes ready and verified to be what the column says. On an error, or when the
// context ends, the logs of what was made are collected and it is deleted again.
func (m *Manager) Create(ctx context.Context, options Options) (*Cluster, error) {
	record, config, err := m.plan(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("create the cluster of column %s: %w", options.Column.Name, err)
	}
	created, err := m.create(ctx, options, record, config)
	if err == nil {
		return created, nil
	}
	err = fmt.Errorf("create the cluster of column %s: %w", options.Column.Name, err)
	// What was made is looked at and deleted even where the context has ended.
	after := context.WithoutCancel(ctx)
	if ctx.Err() == nil && options.LogDirectory != "" {
		if logErr := m.collect(after, record.Name, options.LogDirectory); logErr != nil {
			err = errors.Join(err, logErr)
		} else {
			err = fmt.Errorf("%w\nthe logs of its nodes are in %s", err, options.LogDirectory)
		}
	}
	if options.Keep && ctx.Err() == nil {
		return nil, errors.Join(err, m.Keep(record.Name))
	}
	return nil, errors.Join(err, m.Delete(after, record.Name))
}

// plan gets the image, reserves a pod subnet and writes the record.
func (m *Manager) plan(ctx context.Context, options Options) (Record, *v1alpha4.Cluster, error) {
	if _, err := m.engine.Output(ctx, "image", "inspect", options.Image); err != nil {
		done := options.Progress.Step("pull " + options.Image)
		_, err := m.engine.Output(ctx, "pull", options.Image)
		done(err)
		if err != nil {
			return Record{}, nil, fmt.Errorf("node image %s is not here and cannot be pulled: %w", options.Image, err)
		}
	}
	nodeImage, err := m.imageID(ctx, options.Image)
	if err != nil {
		return Record{}, nil, err
	}
	record, err := m.store.allocate(ctx, Record{
		Name: Name(options.RunID, options.Column.Name), RunID: options.RunID, Column: options.Column.Name,
		Hash: options.Column.Hash(nodeImage), Image: options.Image, NodeImage: nodeImage,
		Created: time.Now().UTC(), PID: os.Getpid(),
	}, m.engine.Network.PodSubnets())
	if err != nil {
		return record, nil, err
	}
	fragments, err := m.fragments(record, options.Column)
	if err != nil {
		return record, nil, errors.Join(err, m.store.remove(record.Name))
	}
	config, err := kindConfig(record.Name, options.Image, options.Column, fragments, m.machine, record.PodSubnet)
	if err != nil {
		return record, nil, errors.Join(err, m.store.remove(record.Name))
	}
	return record, config, nil
}

// fragments are the paths of the column's fragments of configuration: the default handler's, which is
// written beside the record, and then those of the matrix.
func (m *Manager) fragments(record Record, c column.Column) ([]string, error) {
	var paths []string
	name, content, err := handlerFragment(c)
	if err != nil {
		return nil, err
	}
	if name != "" {
		path := filepath.Join(m.store.path(record.Name), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	for _, file := range c.Config {
		paths = append(paths, file.Path)
	}
	return paths, nil
}

func (m *Manager) create(ctx context.Context, options Options, record Record, config *v1alpha4.Cluster) (*Cluster, error) {
	if err := m.boot(ctx, options, record, config); err != nil {
		return nil, err
	}
	created, err := m.open(ctx, record, options.Column)
	if err != nil {
		return nil, err
	}
	done := options.Progress.Step("network and nodes ready")
	err = created.prepare(ctx)
	done(err)
	if err != nil {
		return nil, err
	}
	record.Ready = true
	return created, m.store.write(record)
}

// boot lets kind make the cluster. kind knows no contexts: when the context ends, its nodes are deleted
// until it gives up.
func (m *Manager) boot(ctx context.Context, options Options, record Record, config *v1alpha4.Cluster) error {
	bounded, cancel := context.WithTimeoutCause(ctx, m.timeouts.Create, fmt.Errorf("not done after %s", m.timeouts.Create))
	defer cancel()
	log, err := os.Create(m.store.createLog(record.Name))
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // a log
	steps := &steps{progress: options.Progress}
	provider := m.kind(&kindLogger{out: log, step: func(name string) {
		steps.begin(name)
		if name == stepConfigured {
			// kind waits meanwhile: it is this call that tells of its step.
			if err := m.introduce(bounded, record.Name); err != nil {
				options.Progress.Line("the nodes depend on the engine's DNS: %v", err)
			}
		}
	}})
	result := make(chan error, 1)
	go func() {
		result <- provider.Create(record.Name,
			kind.CreateWithV1Alpha4Config(config),
			kind.CreateWithKubeconfigPath(m.store.kubeconfig(record.Name)),
			kind.CreateWithRetain(true)) // the logs are wanted; Create deletes
	}()
	select {
	case err := <-result:
		if err = bootError(err, steps.end(err)); err != nil {
			err = fmt.Errorf("%w\n%s", err, m.nodeWords(context.WithoutCancel(ctx), record.Name))
		}
		return err
	case <-bounded.Done():
	}
	step := steps.end(context.Cause(bounded))
	words := ""
	if ctx.Err() == nil {
		// The deadline passed, nobody interrupted: what the nodes say goes with them.
		words = "\n" + m.nodeWords(ctx, record.Name)
		if err := m.collect(ctx, record.Name, options.LogDirectory); err != nil {
			options.Progress.Line("collecting logs: %v", err)
		}
	}
	m.abandon(context.WithoutCancel(ctx), record.Name, result)
	return fmt.Errorf("%s: %w%s", step, context.Cause(bounded), words)
}

// stepConfigured is the step of kind's before which all nodes run, and before which none needs another.
const stepConfigured = "writing configuration"

// introduce tells the nodes each other's addresses. The engine's DNS would, too, but it has been seen to
// lose nodes while containers of other clusters come and go.
func (m *Manager) introduce(ctx context.Context, name string) error {
	nodes, err := m.containers(ctx, name)
	if err != nil {
		return err
	}
	var hosts strings.Builder
	for _, node := range nodes {
		address, err := m.engine.Output(ctx, "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", node)
		if err != nil {
			return fmt.Errorf("find the address of node %s: %w", node, err)
		}
		if _, err := netip.ParseAddr(strings.TrimSpace(string(address))); err != nil {
			return fmt.Errorf("find the address of node %s: %w", node, err)
		}
		fmt.Fprintf(&hosts, "%s\t%s\n", strings.TrimSpace(string(address)), node)
	}
	for _, node := range nodes {
		if _, err := m.nodeExec(ctx, node, strings.NewReader(hosts.String()), "sh", "-c", "cat >> /etc/hosts"); err != nil {
			return fmt.Errorf("tell node %s the addresses of the others: %w", node, err)
		}
	}
	return nil
}

// abandon takes the nodes away from under kind until it returns or the deadline of deletion passes.
func (m *Manager) abandon(ctx context.Context, name string, result <-chan error) {
	ctx, cancel := context.WithTimeout(ctx, m.timeouts.Delete)
	defer cancel()
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for {
		// kind may be between two nodes; what is missed now is taken by the next round, or by Delete.
		_ = m.deleteNodes(ctx, name)
		select {
		case <-result: //nolint:errcheck // what kind met with after its nodes were taken away
			return
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// bootError adds what the failed command said to an error of kind, which only names the command.
func bootError(err error, step string) error {
	if err == nil {
		return nil
	}
	if failed := exec.RunErrorForError(err); failed != nil {
		return fmt.Errorf("%s: %w\n%s", step, err, lastPlain(string(failed.Output)))
	}
	return fmt.Errorf("%s: %w", step, err)
}

// errorsScript prints the last errors of the kubelet and the runtimes, in the formats of klog and logrus.
const errorsScript = `journalctl --no-pager --output=cat --lines=2000 --unit=kubelet --unit=containerd --unit=crio |
	grep -E '^E[0-9]{4} |level=(error|fatal)' | cut -c 1-400 | tail -n 6`

// nodeWords is the state of each node's container and the last that it said.
func (m *Manager) nodeWords(ctx context.Context, name string) string {
	ctx, cancel := context.WithTimeout(ctx, m.timeouts.Logs)
	defer cancel()
	nodes, err := m.containers(ctx, name)
	if err != nil {
		return err.Error()
	}
	slices.Sort(nodes)
	var words []string
	for _, node := range nodes {
		state, err := m.engine.Output(ctx, "inspect", "--format", "{{.State.Status}}, exit code {{.State.ExitCode}}", node)
		if err != nil {
			state = []byte(err.Error())
		}
		// The errors of the kubelet and the runtime say more than the boot; a node that does not run has
		// only its container's log. An engine that cannot tell says why by itself.
		said, err := m.engine.Command(ctx, "exec", "--privileged", node, "sh", "-c", errorsScript).CombinedOutput()
		if err != nil || len(bytes.TrimSpace(said)) == 0 {
			said, _ = m.engine.Command(ctx, "logs", "--tail", "8", node).CombinedOutput()
		}
		words = append(words, fmt.Sprintf("node %s is %s; it said last:\n%s", node, strings.TrimSpace(string(state)), lastPlain(string(said))))
	}
	return strings.Join(words, "\n")
}

// klogInfo begins the lines in which Kubernetes programs tell what they do, here every request.
var klogInfo = regexp.MustCompile(`^I[0-9]{4} `)

// lastPlain are the last lines of a program's output, indented, without those that tell of no problem.
func lastPlain(text string) string {
	const most = 15
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(text), "\n"), klogInfo.MatchString)
	if len(lines) > most {
		lines = append([]string{"..."}, lines[len(lines)-most:]...)
	}
	return "    " + strings.Join(lines, "\n    ")
}

// steps turns kind's "this begins" into steps of the progress log. kind runs in a goroutine that may
// outlive the wait for it.
type steps struct {
	progress *progress.Log

	mutex sync.Mutex
	name  string
	done  func(error)
	ended bool
}

func (s *steps) begin(name string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.ended {
		return
	}
	if s.done != nil {
		s.done(nil)
	}
	s.name, s.done = name, s.progress.Step(name)
}

// end ends the current step and returns its name.
func (s *steps) end(err error) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.done != nil && !s.ended {
		s.done(err)
	}
	s.ended = true
	return s.name
}

func (s store) createLog(name string) string  { return filepath.Join(s.path(name), "create.log") }
func (s store) kubeconfig(name string) string { return filepath.Join(s.path(name), "kubeconfig") }

// Keep marks a cluster as one that outlives its run.
func (m *Manager) Keep(name string) error {
	record, err := m.store.read(name)
	if err != nil {
		return fmt.Errorf("keep cluster: %w", err)
	}
	record.Kept = true
	return m.store.write(record)
}

// collect collects the logs where a directory for them is wanted.
func (m *Manager) collect(ctx context.Context, name, directory string) error {
	if directory == "" {
		return nil
	}
	if err := m.CollectLogs(ctx, name, directory); err != nil {
		return fmt.Errorf("collect the logs of cluster %s: %w", name, err)
	}
	return nil
}

// copyFile copies a small file.
func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // only read
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
