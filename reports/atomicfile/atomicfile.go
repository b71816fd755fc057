// Package atomicfile writes files that are there as a whole or not at all.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Write writes a file (mode 0644) through a temporary one next to it, which takes its name only once
// everything was written. On an error a file that lay at path is as it was. It does not wait for the
// disk, which a machine that boots clusters keeps busy for seconds.
func Write(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	buffer := bufio.NewWriter(file)
	if err = write(buffer); err == nil {
		err = buffer.Flush()
	}
	if err == nil {
		err = file.Chmod(0o644)
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}

// Link makes path a symbolic link to target, which replaces a link that is there at once: no reader
// ever finds none. It refuses to replace anything but a link.
func Link(target, path string) error {
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink == 0 {
		return fmt.Errorf("link %s to %s: it exists and is not a symbolic link", path, target)
	}
	directory, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("link %s to %s: %w", path, target, err)
	}
	temporary := filepath.Join(directory, "link")
	err = os.Symlink(target, temporary)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err = errors.Join(err, os.RemoveAll(directory)); err != nil {
		return fmt.Errorf("link %s to %s: %w", path, target, err)
	}
	return nil
}
