package engine

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// What a node's systemd, kubelet, runtime and pods take of fs.inotify.max_user_instances, as measured.
const (
	inotifyControlPlane = 32
	inotifyWorker       = 17
)

const inotifyLimit = "/proc/sys/fs/inotify/max_user_instances"

// EnsureInotify sees to it that the kernel's limit of inotify instances, which all nodes of a user
// share, leaves room for the given number of new nodes: at the limit, nodes die at boot with "Too many
// open files". Root raises the limit for as long as the machine runs; others get an error that says how.
func EnsureInotify(machine Machine, controlPlanes, workers int, log io.Writer) error {
	limit, err := readNumber(inotifyLimit)
	if err != nil {
		return fmt.Errorf("read the limit of inotify instances: %w", err)
	}
	used := inotifyInstances("/proc")
	needed := uint64(used + controlPlanes*inotifyControlPlane + workers*inotifyWorker) //nolint:gosec // small positive numbers
	if needed <= limit {
		return nil
	}
	// kind's own advice is 512; several clusters at once take more.
	wanted := max(needed*2, 1024)
	if !machine.Root {
		return fmt.Errorf("the nodes need %d inotify instances, %d are used and the limit is %d; run: sudo sysctl -w fs.inotify.max_user_instances=%d",
			needed-uint64(used), used, limit, wanted) //nolint:gosec // small positive number
	}
	if err := os.WriteFile(inotifyLimit, fmt.Appendf(nil, "%d\n", wanted), 0o600); err != nil {
		return fmt.Errorf("raise fs.inotify.max_user_instances from %d to %d for the nodes: %w", limit, wanted, err)
	}
	write(log, fmt.Sprintf("raised fs.inotify.max_user_instances from %d to %d for the nodes", limit, wanted))
	return nil
}

// inotifyInstances counts the inotify instances of the processes that this one may look into.
func inotifyInstances(proc string) int {
	links, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	count := 0
	for _, link := range links {
		target, err := os.Readlink(link)
		if err == nil && strings.HasSuffix(target, "inotify") {
			count++
		}
	}
	return count
}
