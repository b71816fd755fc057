package cluster

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"assay/framework/column"
)

// NodeExec runs a program in a node with all privileges and returns its standard output. An error holds
// what it wrote on its standard error. stdin may be nil.
func (c *Cluster) NodeExec(ctx context.Context, node string, stdin io.Reader, command ...string) ([]byte, error) {
	return c.manager.nodeExec(ctx, node, stdin, command...)
}

func (m *Manager) nodeExec(ctx context.Context, node string, stdin io.Reader, command ...string) ([]byte, error) {
	arguments := []string{"exec", "--privileged"}
	if stdin != nil {
		arguments = append(arguments, "--interactive")
	}
	call := m.engine.Command(ctx, append(append(arguments, node), command...)...)
	var stdout, stderr bytes.Buffer
	call.Stdin, call.Stdout, call.Stderr = stdin, &stdout, &stderr
	if err := call.Run(); err != nil {
		if ctx.Err() != nil {
			err = errors.Join(err, context.Cause(ctx))
		}
		return stdout.Bytes(), fmt.Errorf("%s in node %s: %w\n%s", command[0], node, err, lastPlain(cmp.Or(stderr.String(), stdout.String())))
	}
	return stdout.Bytes(), nil
}

// copyScript copies the images of an archive on standard input, by their references, into the storage of
// CRI-O. A file is read faster than a pipe, which skopeo would copy for every image.
const copyScript = `
set -e
archive=$(mktemp)
trap 'rm -f "$archive"' EXIT
cat >"$archive"
for reference; do
	skopeo copy --quiet "docker-archive:$archive:$reference" "containers-storage:$reference"
done`

// LoadImages loads the images of an archive (in the format of docker save) into all nodes at once, by the
// means of the column's runtime. references are the names of the images in the archive.
func (c *Cluster) LoadImages(ctx context.Context, archive string, references ...string) error {
	ctx, cancel := context.WithTimeout(ctx, c.manager.timeouts.Load)
	defer cancel()
	// ctr imports all of them into the namespace of the CRI plugin; CRI-O reads the storage that skopeo writes.
	command := []string{"ctr", "--namespace=k8s.io", "images", "import", "-"}
	if c.column.Runtime.Name == column.CRIO {
		command = append([]string{"sh", "-c", copyScript, "sh"}, references...)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, node := range c.Nodes {
		group.Go(func() error {
			file, err := os.Open(archive)
			if err != nil {
				return err
			}
			defer file.Close() //nolint:errcheck // only read
			_, err = c.NodeExec(ctx, node.Name, file, command...)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("load the images %s: %w", strings.Join(references, ", "), err)
	}
	return nil
}

// WriteFile writes a file on all nodes, with the directories that it needs.
func (c *Cluster) WriteFile(ctx context.Context, file string, content []byte, mode os.FileMode) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, node := range c.Nodes {
		group.Go(func() error {
			// The names are arguments, not text of the script, so that none of them is read as code.
			_, err := c.NodeExec(ctx, node.Name, bytes.NewReader(content), "sh", "-c",
				`mkdir -p "$1" && cat > "$2" && chmod "$3" "$2"`, "sh", path.Dir(file), file, fmt.Sprintf("%o", mode.Perm()))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

// NodeFacts are what a node says of itself.
type NodeFacts struct {
	Node
	// Kernel is uname -r, OS the name of the node's distribution.
	Kernel string `json:"kernel"`
	OS     string `json:"os"`
	// Runtime is the full text of the container runtime's --version.
	Runtime string `json:"runtime"`
	// OCIRuntimes are the handlers that the node has.
	OCIRuntimes []OCIRuntime `json:"ociRuntimes"`
	// BoundingSet is CapBnd of the node's first process, in hexadecimal: no container has more.
	BoundingSet string `json:"boundingSet"`
	// Tasks is how many processes and threads the node may have; 0 is no limit, or one that it does not say.
	Tasks int64 `json:"tasks"`
	// Restrictions is /run/assay/restrictions.json: what the OCI runtime shim takes out of containers
	// because the node does not have it. It is null on a node without the shim.
	Restrictions json.RawMessage `json:"restrictions"`
}

// OCIRuntime is an OCI runtime of a node.
type OCIRuntime struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Libseccomp is the version that it translates profiles with; empty where it does not say it.
	Libseccomp string `json:"libseccomp"`
	// Text is all of its --version.
	Text string `json:"text"`
}

// factsScript prints the facts, each after a line with its name. One call of the engine costs more than
// all of them.
const factsScript = `
say() { echo "=== $1"; shift; "$@" 2>/dev/null; echo; }
say kernel uname -r
say os sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release
say containerd containerd --version
say cri-o crio version
say runc runc --version
say crun crun --version
say libseccomp dpkg-query --show --showformat '${Version}' libseccomp2
say bounding sed -n 's/^CapBnd:[[:space:]]*//p' /proc/1/status
say tasks sh -c 'cat /sys/fs/cgroup/pids.max || cat /sys/fs/cgroup/pids/pids.max'
say restrictions cat /run/assay/restrictions.json
`

// NodeFacts asks all nodes at once.
func (c *Cluster) NodeFacts(ctx context.Context) ([]NodeFacts, error) {
	facts := make([]NodeFacts, len(c.Nodes))
	group, ctx := errgroup.WithContext(ctx)
	for i, node := range c.Nodes {
		group.Go(func() error {
			output, err := c.NodeExec(ctx, node.Name, nil, "sh", "-c", factsScript)
			if err != nil {
				return err
			}
			facts[i] = parseFacts(string(output), c.column.Runtime.Name)
			facts[i].Node = node
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("read the facts of the nodes: %w", err)
	}
	return facts, nil
}

var (
	versionLine    = regexp.MustCompile(`(?m)^(?:runc|crun) version (\S+)`)
	libseccompLine = regexp.MustCompile(`(?m)^libseccomp: (\S+)`)
)

func parseFacts(output, runtime string) NodeFacts {
	said := map[string]string{}
	for section := range strings.SplitSeq("\n"+output, "\n=== ") {
		name, text, _ := strings.Cut(section, "\n")
		said[name] = strings.TrimSpace(text)
	}
	facts := NodeFacts{Kernel: said["kernel"], OS: said["os"], Runtime: said[runtime], BoundingSet: said["bounding"]}
	if tasks, err := strconv.ParseInt(said["tasks"], 10, 64); err == nil {
		facts.Tasks = tasks
	}
	for _, name := range []string{"runc", "crun"} {
		text := said[name]
		if text == "" {
			continue
		}
		oci := OCIRuntime{Name: name, Text: text}
		if match := versionLine.FindStringSubmatch(text); match != nil {
			oci.Version = match[1]
		}
		if match := libseccompLine.FindStringSubmatch(text); match != nil {
			oci.Libseccomp = match[1]
		} else if strings.Contains(text, "+SECCOMP") {
			// crun is linked with the distribution's library and does not say its version.
			oci.Libseccomp, _, _ = strings.Cut(said["libseccomp"], "-")
		}
		facts.OCIRuntimes = append(facts.OCIRuntimes, oci)
	}
	if text := []byte(said["restrictions"]); json.Valid(text) && len(text) > 0 {
		facts.Restrictions = text
	}
	return facts
}

// CollectLogs writes what the nodes that the columns need say into a directory.
func (c *Cluster) CollectLogs(ctx context.Context, directory string) error {
	var names []string
	for _, node := range c.required() {
		names = append(names, node.Name)
	}
	return c.manager.collectLogs(ctx, c.Name, directory, names...)
}

// collectLogs writes what nodes of a cluster say into a directory: what kind collects, the journals
// of the kubelet and the runtime, and kind's own log. It works for nodes that did not boot, for which
// there is only the engine's log of their container.
func (m *Manager) collectLogs(ctx context.Context, name, directory string, nodes ...string) error {
	ctx, cancel := context.WithTimeout(ctx, m.timeouts.Logs)
	defer cancel()
	if err := os.MkdirAll(directory, 0o750); err != nil {
		return err
	}
	if err := copyFile(m.store.createLog(name), filepath.Join(directory, "create.log")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	made, err := m.containers(ctx, name)
	if err != nil {
		return err
	}
	var group errgroup.Group
	for _, node := range nodes {
		if slices.Contains(made, node) {
			group.Go(func() error { return m.collectNode(ctx, node, filepath.Join(directory, node)) })
		}
	}
	return group.Wait()
}

// collectNode writes what there is; a source that a node does not have leaves its error in the file.
func (m *Manager) collectNode(ctx context.Context, node, directory string) error {
	if err := os.MkdirAll(directory, 0o750); err != nil {
		return err
	}
	journal := func(unit ...string) []string {
		return append([]string{"exec", "--privileged", node, "journalctl", "--no-pager", "--output=short-precise"}, unit...)
	}
	sources := map[string][]string{
		"container.log":    {"logs", node},
		"inspect.json":     {"inspect", node},
		"journal.log":      journal(),
		"kubelet.log":      journal("--unit=kubelet.service"),
		"runtime.log":      journal("--unit=containerd.service", "--unit=crio.service"),
		"units.log":        {"exec", "--privileged", node, "systemctl", "--no-pager", "list-units", "--failed"},
		"containers.log":   {"exec", "--privileged", node, "sh", "-c", "cd /var/log/pods && for f in */*/*.log; do echo \"=== $f\"; tail -n 200 \"$f\"; done"},
		"kubeadm.conf.log": {"exec", "--privileged", node, "cat", "/kind/kubeadm.conf"},
		"network.log":      {"exec", "--privileged", node, "sh", "-c", "ip address; ip route; cat /etc/cni/net.d/*"},
	}
	for name, arguments := range sources {
		file, err := os.OpenFile(filepath.Join(directory, name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		command := m.engine.Command(ctx, arguments...)
		command.Stdout, command.Stderr = file, file
		if err := command.Run(); err != nil {
			_, _ = fmt.Fprintf(file, "\n%s %s: %v\n", m.engine.Name, arguments[0], err)
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	return nil
}
