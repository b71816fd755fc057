package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"

	"assay/framework/engine"
	"assay/framework/placement"
)

// namePrefix begins the names of all of Assay's clusters.
const namePrefix = "assay-"

// maxName leaves room for "-control-plane" in a host name of 63 characters.
const maxName = 48

// Record is what is kept of a cluster from before it is made until after it is deleted. Only clusters
// with a record are ever deleted.
type Record struct {
	Name  string `json:"name"`
	RunID string `json:"runID"`
	// Columns are the names of those whose nodes the cluster has.
	Columns []string `json:"columns"`
	// Hash is what the nodes are.
	Hash      string       `json:"hash"`
	PodSubnet netip.Prefix `json:"podSubnet"`
	Created   time.Time    `json:"created"`
	// PID is the process that made it.
	PID int `json:"pid"`
	// Ready says that the cluster was complete once.
	Ready bool `json:"ready"`
	// Kept says that the cluster is to outlive its run.
	Kept bool `json:"kept"`
}

// Name is the name of a cluster of a run, by the name that its placement gives it.
func Name(runID, placed string) string {
	name := namePrefix + runID + "-" + placed
	// A dot would split the nodes' host names.
	name = strings.ReplaceAll(strings.ToLower(name), ".", "-")
	if len(name) > maxName {
		name = name[:maxName]
	}
	return strings.Trim(name, "-")
}

var recordedName = regexp.MustCompile(`^` + namePrefix + `[a-z0-9-]+$`)

// store is the directory of records: a directory a cluster, with its record and its kubeconfig.
type store struct{ directory string }

func newStore(root string) (store, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return store{}, err
	}
	return store{directory: filepath.Join(root, engine.StateDirectory, "clusters")}, nil
}

func (s store) path(name string) string { return filepath.Join(s.directory, name) }

// allocate picks a pod subnet that no recorded cluster has and writes the record, alone among all
// processes that use the directory.
func (s store) allocate(ctx context.Context, record Record, subnets []netip.Prefix) (Record, error) {
	if !recordedName.MatchString(record.Name) {
		return record, fmt.Errorf("%q cannot be the name of a cluster", record.Name)
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return record, err
	}
	defer unlock()
	records, err := s.list()
	if err != nil {
		return record, err
	}
	var names []string
	for _, other := range records {
		if other.Name == record.Name {
			return record, fmt.Errorf("there is a cluster %s already", record.Name)
		}
		names = append(names, other.Name)
		subnets = slices.DeleteFunc(slices.Clone(subnets), func(subnet netip.Prefix) bool { return subnet == other.PodSubnet })
	}
	if len(subnets) == 0 {
		return record, fmt.Errorf("all pod subnets are taken by %s; delete clusters that are not needed", strings.Join(names, ", "))
	}
	record.PodSubnet = subnets[0]
	if err := os.MkdirAll(s.path(record.Name), 0o700); err != nil {
		return record, err
	}
	return record, s.write(record)
}

func (s store) write(record Record) error {
	text, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(s.path(record.Name), "record.json")
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (s store) read(name string) (Record, error) {
	var record Record
	if !recordedName.MatchString(name) {
		return record, fmt.Errorf("%q is not a cluster of assay", name)
	}
	text, err := os.ReadFile(filepath.Join(s.path(name), "record.json"))
	if err != nil {
		return record, err
	}
	if err := json.Unmarshal(text, &record); err != nil {
		return record, fmt.Errorf("the record of cluster %s: %w", name, err)
	}
	if record.Name != name {
		return record, fmt.Errorf("the record of cluster %s names cluster %q", name, record.Name)
	}
	return record, nil
}

func (s store) remove(name string) error {
	if !recordedName.MatchString(name) {
		return fmt.Errorf("%q is not a cluster of assay", name)
	}
	return os.RemoveAll(s.path(name))
}

// list reads all records, the oldest first. A directory whose record cannot be read is left out: it is
// one that is being made or removed.
func (s store) list() ([]Record, error) {
	entries, err := os.ReadDir(s.directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the recorded clusters: %w", err)
	}
	var records []Record
	for _, entry := range entries {
		if record, err := s.read(entry.Name()); err == nil {
			records = append(records, record)
		}
	}
	slices.SortStableFunc(records, func(a, b Record) int { return a.Created.Compare(b.Created) })
	return records, nil
}

// lock takes the directory's lock, which the kernel drops when the process ends, however it ends.
func (s store) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(s.directory, 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(s.directory, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock %s: %w", s.directory, err)
	}
	return func() { _ = file.Close() }, nil // closing unlocks
}

// alive says whether a process still runs.
func alive(pid int) bool {
	return pid > 0 && !errors.Is(unix.Kill(pid, 0), unix.ESRCH)
}

// matches says whether the record is of a cluster with exactly the columns and nodes that are wanted.
func (r Record) matches(placed placement.Cluster, nodeImages []string) bool {
	return r.Ready && slices.Equal(r.Columns, columnNames(placed)) && r.Hash == hash(placed, nodeImages)
}

func columnNames(placed placement.Cluster) []string {
	var names []string
	for _, c := range placed.Columns() {
		names = append(names, c.Name)
	}
	return names
}

// hash identifies what the nodes of a cluster are; nodeImages are the IDs of the groups' images.
func hash(placed placement.Cluster, nodeImages []string) string {
	parts := []string{string(placed.Topology)}
	for i, group := range placed.Groups {
		node := group.Node()
		node.OCIRuntime = group.DefaultHandler()
		parts = append(parts, node.Hash(nodeImages[i]))
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, " ")))
	return hex.EncodeToString(sum[:])
}
