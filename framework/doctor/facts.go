// Package doctor says what the machine has, what it lacks, and what that means for the columns.
package doctor

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"assay/framework/engine"
)

// Facts are what the machine has. They are the host section of the results.
type Facts struct {
	engine.Machine

	// Kernel is uname -r, Arch the architecture in Go's words.
	Kernel string `json:"kernel"`
	Arch   string `json:"arch"`
	Cores  int    `json:"cores"`
	// MemoryBytes is all of it, MemoryAvailableBytes what can be had without swapping.
	MemoryBytes          uint64 `json:"memoryBytes"`
	MemoryAvailableBytes uint64 `json:"memoryAvailableBytes"`
	// DiskFreeBytes is what is free where the engine keeps its images, or under the root directory
	// where that is not known.
	DiskFreeBytes uint64 `json:"diskFreeBytes"`
	DiskPath      string `json:"diskPath"`
	// LSMs are the active security modules; SELinux and AppArmor are those that runtimes use.
	LSMs []string `json:"lsms"`
	// SeccompActions are the actions that the kernel's filters know.
	SeccompActions []string `json:"seccompActions"`
	// InotifyInstances is fs.inotify.max_user_instances.
	InotifyInstances uint64 `json:"inotifyInstances"`
	// UserNamespaces is user.max_user_namespaces; 0 is none.
	UserNamespaces uint64 `json:"userNamespaces"`
	// Features are kernel features by name: "yes", "module" or "no". Those whose state cannot be known
	// (no /proc/config.gz, no file of the configuration in /boot) are left out.
	Features map[string]string `json:"features"`
	// Engine is nil where none answers; EngineError says why.
	Engine      *EngineFacts `json:"engine,omitempty"`
	EngineError string       `json:"engineError,omitempty"`
	// Go is the version of the Go toolchain in PATH, empty where there is none.
	Go string `json:"go"`
}

// EngineFacts are the engine's name and version.
type EngineFacts struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// features are the options of the kernel's configuration that the columns depend on, by the names under
// which they are reported.
var features = map[string]string{
	"user namespaces":     "CONFIG_USER_NS",
	"overlay file system": "CONFIG_OVERLAY_FS",
	"seccomp filters":     "CONFIG_SECCOMP_FILTER",
	"AppArmor":            "CONFIG_SECURITY_APPARMOR",
	"SELinux":             "CONFIG_SECURITY_SELINUX",
	"SCTP":                "CONFIG_IP_SCTP",
	"NFT_QUEUE":           "CONFIG_NFT_QUEUE",
	"NETFILTER_XT_SET":    "CONFIG_NETFILTER_XT_SET",
	"bridge netfilter":    "CONFIG_BRIDGE_NETFILTER",
	"IP_VS":               "CONFIG_IP_VS",
	"IPIP":                "CONFIG_NET_IPIP",
	"loadable modules":    "CONFIG_MODULES",
	"dummy links":         "CONFIG_DUMMY",
	"hugetlb cgroup":      "CONFIG_CGROUP_HUGETLB",
	"BPF":                 "CONFIG_BPF_SYSCALL",
}

// Collect reads the machine's facts. It changes nothing. root is the directory that holds Assay's state;
// engineName forces an engine, empty takes the first that answers.
func Collect(ctx context.Context, root, engineName string) (Facts, error) {
	machine, err := engine.ReadMachine()
	if err != nil {
		return Facts{}, fmt.Errorf("read the machine's facts: %w", err)
	}
	facts := Facts{Machine: machine, Arch: runtime.GOARCH, Cores: runtime.NumCPU(), DiskPath: root}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return facts, fmt.Errorf("read the kernel's version: %w", err)
	}
	facts.Kernel = unix.ByteSliceToString(name.Release[:])
	if facts.MemoryBytes, facts.MemoryAvailableBytes, err = memory("/proc/meminfo"); err != nil {
		return facts, err
	}
	facts.LSMs = separated("/sys/kernel/security/lsm", ",")
	if len(facts.LSMs) == 0 {
		facts.LSMs = modules()
	}
	facts.SeccompActions = separated("/proc/sys/kernel/seccomp/actions_avail", " ")
	facts.InotifyInstances = number("/proc/sys/fs/inotify/max_user_instances")
	facts.UserNamespaces = number("/proc/sys/user/max_user_namespaces")
	facts.Features = kernelFeatures(facts.Kernel)
	found, err := engine.Find(ctx, engine.Options{Root: root, Name: engineName})
	if err != nil {
		if ctx.Err() != nil {
			return facts, ctx.Err()
		}
		facts.EngineError = err.Error()
	} else {
		facts.Engine = &EngineFacts{Name: found.Name, Version: found.Version}
		if path := storage(ctx, found); path != "" {
			facts.DiskPath = path
		}
	}
	if facts.DiskFreeBytes, err = diskFree(facts.DiskPath); err != nil {
		return facts, err
	}
	if output, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output(); err == nil {
		facts.Go = strings.TrimSpace(string(output))
	}
	return facts, nil
}

// storage is the directory in which the engine keeps images and containers, where it is on this machine.
func storage(ctx context.Context, e *engine.Engine) string {
	format := "{{.DockerRootDir}}"
	if e.Name == engine.Podman {
		format = "{{.Store.GraphRoot}}"
	}
	output, err := e.Output(ctx, "info", "--format", format)
	if err != nil {
		return ""
	}
	path := strings.TrimSpace(string(output))
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return ""
	}
	return path
}

// diskFree is what an unprivileged user may still write. A directory that does not exist yet has what
// its parent has.
func diskFree(path string) (uint64, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return 0, err
	}
	for {
		var stat unix.Statfs_t
		err := unix.Statfs(path, &stat)
		if err == nil {
			return stat.Bavail * uint64(stat.Bsize), nil //nolint:gosec,unconvert // a block size is positive
		}
		if !errors.Is(err, fs.ErrNotExist) || path == "/" {
			return 0, &fs.PathError{Op: "statfs", Path: path, Err: err}
		}
		path = filepath.Dir(path)
	}
}

// memory reads MemTotal and MemAvailable, in bytes.
func memory(path string) (total, available uint64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		kibibytes, err := strconv.ParseUint(fields[1], 10, 64)
		if err != nil {
			continue
		}
		switch fields[0] {
		case "MemTotal:":
			total = kibibytes << 10
		case "MemAvailable:":
			available = kibibytes << 10
		}
	}
	return total, available, lines.Err()
}

// modules are the security modules that show themselves where securityfs is not mounted.
func modules() []string {
	var found []string
	if content, err := os.ReadFile("/sys/module/apparmor/parameters/enabled"); err == nil && strings.HasPrefix(string(content), "Y") {
		found = append(found, "apparmor")
	}
	if _, err := os.Stat("/sys/fs/selinux/enforce"); err == nil {
		found = append(found, "selinux")
	}
	return found
}

// separated is the list in a file of one line, nil where the file cannot be read.
func separated(path, separator string) []string {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(strings.Split(strings.TrimSpace(string(content)), separator), func(s string) bool { return s == "" })
}

// number is the number in a file, 0 where it cannot be read.
func number(path string) uint64 {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	value, err := strconv.ParseUint(strings.TrimSpace(string(content)), 10, 64)
	if err != nil {
		return 0
	}
	return value
}

// kernelFeatures looks the features up in the kernel's configuration.
func kernelFeatures(kernel string) map[string]string {
	if file, err := os.Open("/proc/config.gz"); err == nil {
		defer file.Close() //nolint:errcheck // only read
		if plain, err := gzip.NewReader(file); err == nil {
			return parseConfig(plain)
		}
	}
	if file, err := os.Open("/boot/config-" + filepath.Base(kernel)); err == nil {
		defer file.Close() //nolint:errcheck // only read
		return parseConfig(file)
	}
	return map[string]string{}
}

func parseConfig(config io.Reader) map[string]string {
	set := map[string]string{}
	lines := bufio.NewScanner(config)
	for lines.Scan() {
		if name, value, found := strings.Cut(lines.Text(), "="); found {
			set[name] = value
		}
	}
	states := map[string]string{}
	for feature, option := range features {
		switch set[option] {
		case "y":
			states[feature] = "yes"
		case "m":
			states[feature] = "module"
		default:
			states[feature] = "no"
		}
	}
	return states
}
