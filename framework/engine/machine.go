package engine

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/sys/capability"
	"golang.org/x/sys/unix"
)

// The cgroup setups of a machine.
const (
	// CgroupV1 is the legacy hierarchy, a mount a controller.
	CgroupV1 = "v1"
	// CgroupHybrid is v1 for the controllers with a v2 mount beside it that holds none.
	CgroupHybrid = "hybrid"
	// CgroupV2 is the unified hierarchy.
	CgroupV2 = "v2"
)

// Machine is what decides how an engine has to be configured here.
type Machine struct {
	// Root says whether this process is the superuser.
	Root bool `json:"root"`
	// Distribution is ID of /etc/os-release ("debian"), DistributionLike its ID_LIKE.
	Distribution     string `json:"distribution"`
	DistributionLike string `json:"distributionLike,omitempty"`
	// DistributionName is its PRETTY_NAME.
	DistributionName string `json:"distributionName"`
	// Cgroup is v1, hybrid or v2.
	Cgroup string `json:"cgroup"`
	// MissingCapabilities are the capabilities that the kernel knows and that this process's
	// bounding set lacks, without the prefix CAP_.
	MissingCapabilities []string `json:"missingCapabilities"`
	// OpenFiles and Processes are the hard limits RLIMIT_NOFILE and RLIMIT_NPROC.
	OpenFiles uint64 `json:"openFiles"`
	Processes uint64 `json:"processes"`
	// PIDMax is /proc/sys/kernel/pid_max, which engines take as the upper bound of RLIMIT_NPROC.
	PIDMax uint64 `json:"pidMax"`
	// ModulesDirectory says whether /lib/modules exists; kind mounts it into every node.
	ModulesDirectory bool `json:"modulesDirectory"`
}

// ReadMachine reads the facts of this machine.
func ReadMachine() (Machine, error) {
	m := Machine{Root: os.Geteuid() == 0}
	for _, c := range capability.ListKnown() {
		held, err := capability.GetBound(c)
		if err != nil {
			break // the kernel does not know this one, nor any after it
		}
		if !held {
			m.MissingCapabilities = append(m.MissingCapabilities, strings.ToUpper(c.String()))
		}
	}
	release, err := readRelease("/etc/os-release")
	if err != nil {
		return m, err
	}
	m.Distribution, m.DistributionLike, m.DistributionName = release["ID"], release["ID_LIKE"], release["PRETTY_NAME"]
	if m.Cgroup, err = cgroupVersion("/sys/fs/cgroup"); err != nil {
		return m, err
	}
	if m.OpenFiles, err = hardLimit(unix.RLIMIT_NOFILE); err != nil {
		return m, fmt.Errorf("read the limit of open files: %w", err)
	}
	if m.Processes, err = hardLimit(unix.RLIMIT_NPROC); err != nil {
		return m, fmt.Errorf("read the limit of processes: %w", err)
	}
	if m.PIDMax, err = readNumber("/proc/sys/kernel/pid_max"); err != nil {
		return m, err
	}
	if _, err := os.Stat("/lib/modules"); err == nil {
		m.ModulesDirectory = true
	}
	return m, nil
}

// Lacks says whether the bounding set is without the named capability ("SYS_RESOURCE").
func (m Machine) Lacks(name string) bool {
	for _, missing := range m.MissingCapabilities {
		if missing == name {
			return true
		}
	}
	return false
}

// Debian says whether this is Debian or a distribution made from it, such as Ubuntu.
func (m Machine) Debian() bool {
	for _, id := range strings.Fields(m.Distribution + " " + m.DistributionLike) {
		if id == "debian" || id == "ubuntu" {
			return true
		}
	}
	return false
}

// CgroupDriver is the cgroup driver that the kubelet and the runtimes use in nodes of this machine:
// systemd under cgroup v2. Under v1 it is cgroupfs, because runc's systemd driver fails to freeze
// cgroups there when many pods start at once.
func (m Machine) CgroupDriver() string {
	if m.Cgroup == CgroupV2 {
		return "systemd"
	}
	return "cgroupfs"
}

func hardLimit(resource int) (uint64, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(resource, &limit); err != nil {
		return 0, err
	}
	return limit.Max, nil
}

// unlimited is RLIM_INFINITY.
const unlimited = math.MaxUint64

func cgroupVersion(mount string) (string, error) {
	version, err := fileSystem(mount)
	if err != nil {
		return "", fmt.Errorf("find the cgroup version: %w", err)
	}
	if version == unix.CGROUP2_SUPER_MAGIC {
		return CgroupV2, nil
	}
	unified, err := fileSystem(filepath.Join(mount, "unified"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return CgroupV1, nil
	case err != nil:
		return "", fmt.Errorf("find the cgroup version: %w", err)
	case unified == unix.CGROUP2_SUPER_MAGIC:
		return CgroupHybrid, nil
	}
	return CgroupV1, nil
}

func fileSystem(path string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	return int64(stat.Type), nil //nolint:unconvert // the width of Type differs by architecture
}

func readNumber(path string) (uint64, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	number, err := strconv.ParseUint(strings.TrimSpace(string(content)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return number, nil
}

// readRelease reads a file in the format of os-release(5); one that does not exist is empty.
func readRelease(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	values := map[string]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		name, value, found := strings.Cut(lines.Text(), "=")
		if found {
			values[strings.TrimSpace(name)] = strings.Trim(value, `"'`)
		}
	}
	return values, lines.Err()
}
