package probeimage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// BusyboxFromPackage takes the static busybox out of the distribution's package busybox-static and
// keeps it in directory; one that is there already is taken. It needs Debian or Ubuntu; nothing is
// installed. The result is the program's path.
func BusyboxFromPackage(ctx context.Context, arch, directory string) (string, error) {
	if arch == "" {
		arch = runtime.GOARCH
	}
	path := filepath.Join(directory, "busybox-"+arch)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(directory, 0o750); err != nil {
		return "", fmt.Errorf("busybox: %w", err)
	}
	if err := unpackBusybox(ctx, arch, directory, path); err != nil {
		return "", fmt.Errorf("busybox from the package busybox-static: %w", err)
	}
	return path, nil
}

func unpackBusybox(ctx context.Context, arch, directory, path string) (err error) {
	work, err := os.MkdirTemp(directory, "busybox-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := download(ctx, work, "busybox-static:"+arch); err != nil {
		return err
	}
	packages, err := filepath.Glob(filepath.Join(work, "*.deb"))
	if err != nil || len(packages) != 1 {
		return fmt.Errorf("apt-get download left %d packages", len(packages))
	}
	if err := run(ctx, work, "dpkg-deb", "--extract", packages[0], "unpacked"); err != nil {
		return err
	}
	// Where /bin is a link to /usr/bin the package has it there.
	for _, place := range []string{"bin/busybox", "usr/bin/busybox"} {
		err := os.Rename(filepath.Join(work, "unpacked", place), path)
		if err == nil || !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return errors.New("the package has no busybox")
}

// download fetches a package into a directory. On a machine that never asked for the package lists it
// does so first, where it may.
func download(ctx context.Context, directory, name string) error {
	// As root apt drops its privileges and then cannot write to a directory of root's.
	arguments := []string{"-o", "APT::Sandbox::User=root", "download", "--quiet", name}
	err := run(ctx, directory, "apt-get", arguments...)
	if err == nil || os.Geteuid() != 0 {
		return err
	}
	if updateErr := run(ctx, directory, "apt-get", "--quiet", "update"); updateErr != nil {
		return errors.Join(err, updateErr)
	}
	return run(ctx, directory, "apt-get", arguments...)
}

func run(ctx context.Context, directory, program string, arguments ...string) error {
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir = directory
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, bytes.TrimSpace(output))
	}
	return nil
}
