package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
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

	"assay/framework/placement"
	"assay/framework/progress"
)

// Plan says what cluster is wanted; placement.Place makes that of one column, too.
type Plan struct {
	RunID  string
	Placed placement.Cluster
	// Images are the node images by the names of the groups. They are there, or the engine can pull them.
	Images map[string]string
	// Progress receives the steps.
	Progress *progress.Log
	// Logs is where the logs of a column's nodes are collected that do not become ready; empty is nowhere.
	Logs func(column string) string
	// Keep leaves a cluster that does not become ready for inspection.
	Keep bool
}

// Create makes a cluster with the nodes and the network of its columns; each column has to wait for its
// own nodes with Await. Where workers are to blame for a failure, it is made without them: failed has the errors
// of their columns. On an error, which is that of all columns that are not in failed, or when the context ends,
// the logs of what was made are collected and it is deleted again.
func (m *Manager) Create(ctx context.Context, plan Plan) (created *Cluster, failed map[string]error, err error) {
	return createWithout(plan.Placed, func(placed placement.Cluster) (*Cluster, map[string]error, error) {
		plan.Placed = placed
		return m.attempt(ctx, plan)
	})
}

// createWithout makes a placement, and again without the groups that are to blame when it fails, until it is
// there, nobody is to blame or nobody is left. An attempt returns what is wrong with groups, by name: beside the
// cluster, which is there without them, or beside an error that they are to blame for.
func createWithout[T any](placed placement.Cluster, attempt func(placement.Cluster) (T, map[string]error, error)) (made T, failed map[string]error, err error) {
	failed = map[string]error{}
	for {
		made, bad, err := attempt(placed)
		left := placed.Without(func(group placement.Group) bool { return bad[group.Name()] != nil })
		for _, group := range placed.Groups {
			for _, c := range group.Columns {
				if reason := bad[group.Name()]; reason != nil {
					failed[c.Name] = reason
				}
			}
		}
		if err == nil || len(bad) == 0 || len(left.Groups) == 0 {
			return made, failed, err
		}
		placed = left
	}
}

// attempt makes a cluster once. See createWithout for what it returns.
func (m *Manager) attempt(ctx context.Context, plan Plan) (*Cluster, map[string]error, error) {
	names := strings.Join(columnNames(plan.Placed), ", ")
	if missing := m.pull(ctx, plan); len(missing) > 0 {
		return nil, missing, fmt.Errorf("create the cluster of %s: %w", names, errors.Join(slices.Collect(maps.Values(missing))...))
	}
	record, config, err := m.plan(ctx, plan)
	if err != nil {
		return nil, nil, fmt.Errorf("create the cluster of %s: %w", names, err)
	}
	created, bad, err := m.create(ctx, plan, record, config)
	if err != nil {
		err = fmt.Errorf("create the cluster of %s: %w", names, err)
	}
	var boot *bootError
	if errors.As(err, &boot) && ctx.Err() == nil {
		bad = map[string]error{}
		for i, group := range plan.Placed.Groups {
			if slices.Contains(boot.guilty, workerName(record.Name, i)) {
				bad[group.Name()] = err
			}
		}
	}
	if err == nil {
		return created, bad, nil
	}
	again := len(bad) > 0 && len(bad) < len(plan.Placed.Groups)
	if again {
		plan.Progress.Line("the cluster is made again without %s", strings.Join(slices.Sorted(maps.Keys(bad)), ", "))
	}
	err = m.discard(ctx, plan, record.Name, err, plan.Keep && !again)
	for name := range bad {
		bad[name] = err
	}
	return nil, bad, err
}

// discard collects the logs of a cluster that did not become what it should, and deletes it unless it is to be
// kept. It returns the reason with what went wrong on the way, and where the logs are.
func (m *Manager) discard(ctx context.Context, plan Plan, name string, reason error, keep bool) error {
	// What was made is looked at and deleted even where the context has ended.
	after := context.WithoutCancel(ctx)
	if ctx.Err() != nil {
		return errors.Join(reason, m.Delete(after, name))
	}
	if err := m.collect(after, plan, name, reason); err != nil {
		reason = errors.Join(reason, err)
	}
	if keep {
		return errors.Join(reason, m.Keep(name))
	}
	return errors.Join(reason, m.Delete(after, name))
}

// plan reserves a pod subnet and writes the record.
func (m *Manager) plan(ctx context.Context, plan Plan) (Record, *v1alpha4.Cluster, error) {
	nodeImages, err := m.imageIDs(ctx, plan.Placed, plan.Images)
	if err != nil {
		return Record{}, nil, err
	}
	record, err := m.store.allocate(ctx, Record{
		Name: Name(plan.RunID, plan.Placed.Name()), RunID: plan.RunID, Columns: columnNames(plan.Placed),
		Hash: hash(plan.Placed, nodeImages), Created: time.Now().UTC(), PID: os.Getpid(),
	}, m.engine.Network.PodSubnets())
	if err != nil {
		return record, nil, err
	}
	var groups []nodes
	for _, group := range plan.Placed.Groups {
		fragments, err := m.fragments(record, group)
		if err != nil {
			return record, nil, errors.Join(err, m.store.remove(record.Name))
		}
		groups = append(groups, nodes{Group: group, image: plan.Images[group.Name()], fragments: fragments})
	}
	config, err := kindConfig(record.Name, plan.Placed, groups, m.machine, record.PodSubnet)
	if err != nil {
		return record, nil, errors.Join(err, m.store.remove(record.Name))
	}
	return record, config, nil
}

// pull has the engine get the images that it does not have, and returns why it cannot, by the names of groups.
func (m *Manager) pull(ctx context.Context, plan Plan) map[string]error {
	missing := map[string]error{}
	for _, group := range plan.Placed.Groups {
		image := plan.Images[group.Name()]
		if _, err := m.engine.Output(ctx, "image", "inspect", image); err == nil {
			continue
		}
		done := plan.Progress.Step("pull " + image)
		_, err := m.engine.Output(ctx, "pull", image)
		done(err)
		if err != nil {
			missing[group.Name()] = fmt.Errorf("node image %s is not here and cannot be pulled: %w", image, err)
		}
	}
	return missing
}

// fragments are the paths of a group's fragments of configuration: the default handler's, which is
// written beside the record, and then those of the matrix.
func (m *Manager) fragments(record Record, group placement.Group) ([]string, error) {
	var paths []string
	name, content, err := handlerFragment(group.Node().Runtime, group.DefaultHandler())
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
	for _, file := range group.Node().Config {
		paths = append(paths, file.Path)
	}
	return paths, nil
}

// create boots the cluster and makes its network. bad is what is wrong with groups, by name.
func (m *Manager) create(ctx context.Context, plan Plan, record Record, config *v1alpha4.Cluster) (created *Cluster, bad map[string]error, err error) {
	if err := m.boot(ctx, plan, record, config); err != nil {
		return nil, nil, err
	}
	created, err = m.open(record, plan.Placed)
	if err != nil {
		return nil, nil, err
	}
	done := plan.Progress.Step("network")
	workers, err := created.connect(ctx)
	done(err)
	if err != nil {
		return nil, nil, err
	}
	bad = map[string]error{}
	for _, group := range plan.Placed.Groups {
		if err := workers[created.Worker(group)]; err != nil {
			bad[group.Name()] = err
		}
	}
	if len(bad) == len(plan.Placed.Groups) {
		return nil, nil, bad[plan.Placed.Groups[0].Name()]
	}
	record.Ready = true
	return created, bad, m.store.write(record)
}

// boot lets kind make the cluster. kind knows no contexts: when the context ends, its nodes are deleted
// until it gives up. An error is a bootError where nobody interrupted it.
func (m *Manager) boot(ctx context.Context, plan Plan, record Record, config *v1alpha4.Cluster) error {
	bounded, cancel := context.WithTimeoutCause(ctx, m.timeouts.Create, fmt.Errorf("not done after %s", m.timeouts.Create))
	defer cancel()
	log, err := os.Create(m.store.createLog(record.Name))
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // a log
	steps := &steps{progress: plan.Progress}
	provider := m.kind(&kindLogger{out: log, step: func(name string) {
		steps.begin(name)
		if name == stepConfigured {
			// kind waits meanwhile: it is this call that tells of its step.
			if err := m.introduce(bounded, record.Name); err != nil {
				plan.Progress.Line("the nodes depend on the engine's DNS: %v", err)
			}
		}
	}})
	result := make(chan error, 1)
	go func() {
		result <- provider.Create(record.Name,
			kind.CreateWithV1Alpha4Config(config),
			kind.CreateWithKubeconfigPath(m.store.kubeconfig(record.Name)),
			kind.CreateWithRetain(true)) // the logs are wanted; discard deletes
	}()
	select {
	case err := <-result:
		step := steps.end(err)
		if err == nil {
			return nil
		}
		return m.explain(context.WithoutCancel(ctx), plan, record, step, err)
	case <-bounded.Done():
	}
	step := steps.end(context.Cause(bounded))
	err = fmt.Errorf("%s: %w", step, context.Cause(bounded))
	if ctx.Err() == nil {
		// The deadline passed, nobody interrupted: what the nodes say goes with them.
		err = m.explain(ctx, plan, record, step, context.Cause(bounded))
		if err := m.collect(ctx, plan, record.Name, err); err != nil {
			plan.Progress.Line("collecting logs: %v", err)
		}
	}
	m.abandon(context.WithoutCancel(ctx), record.Name, result)
	return err
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

// errorsScript prints the last errors of the kubelet and the runtimes, in the formats of klog and logrus.
const errorsScript = `journalctl --no-pager --output=cat --lines=2000 --unit=kubelet --unit=containerd --unit=crio |
	grep -E '^E[0-9]{4} |level=(error|fatal)' | cut -c 1-400 | tail -n 6`

// nodeWords is the state of the nodes' containers and the last that they said.
func (m *Manager) nodeWords(ctx context.Context, nodes []string) string {
	ctx, cancel := context.WithTimeout(ctx, m.timeouts.Logs)
	defer cancel()
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

// collect collects the logs of a cluster's columns where folders for them are wanted; only those of the workers
// that are to blame, where the reason names them.
func (m *Manager) collect(ctx context.Context, plan Plan, name string, reason error) error {
	var boot *bootError
	blamed := errors.As(reason, &boot) && len(boot.guilty) > 0
	for i, group := range plan.Placed.Groups {
		if blamed && !slices.Contains(boot.guilty, workerName(name, i)) {
			continue
		}
		for _, c := range group.Columns {
			folder := plan.Logs(c.Name)
			if folder == "" {
				continue
			}
			if err := m.collectLogs(ctx, name, folder, controlPlaneName(name), workerName(name, i)); err != nil {
				return fmt.Errorf("collect the logs of cluster %s: %w", name, err)
			}
		}
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
