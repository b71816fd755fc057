package nodeimage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"

	"assay/framework/engine"
)

// storeDirectory is where a runtime keeps its images; a node image has those of the control plane there.
func storeDirectory(runtime string) string {
	if runtime == "cri-o" {
		return "var/lib/containers"
	}
	return "var/lib/containerd"
}

// RuntimeFiles are the files that make the runtime in a node image, relative to its root: its programs, its
// configuration, its units and what enables them, and what the kubelet is told about it. Everything else is the same
// in all node images, with whatever runtime. root is the directory of Assay's go.mod.
func RuntimeFiles(root, runtime, version string) ([]string, error) {
	c, err := (&inputs{root: root}).component(runtime, version, "")
	if err != nil {
		return nil, err
	}
	var files []string
	for _, tree := range []string{configs(root, "node", runtime), c.files} {
		err := filepath.WalkDir(tree, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			relative, err := filepath.Rel(tree, name)
			if relative != preloadScript {
				files = append(files, filepath.ToSlash(relative))
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list the files of %s %s: %w", runtime, version, err)
		}
	}
	for _, file := range slices.Clone(files) {
		if path.Ext(file) == ".service" {
			files = append(files, path.Join(path.Dir(file), "multi-user.target.wants", path.Base(file)))
		}
	}
	for _, program := range c.Programs {
		files = append(files, path.Join("usr/local/bin", path.Base(program)))
	}
	for _, program := range c.C {
		files = append(files, path.Join("usr/local/bin", program.Program))
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// Copy writes files of an image, by their paths relative to its root, as a tar archive.
func Copy(ctx context.Context, container *engine.Engine, image string, files []string, out io.Writer) error {
	return copyOut(ctx, container, image, out, files...)
}

// CopyStore writes the runtime's store of images, as an image has it, as a tar archive.
func CopyStore(ctx context.Context, container *engine.Engine, image, runtime string, out io.Writer) error {
	return copyOut(ctx, container, image, out, "--sparse", storeDirectory(runtime))
}

func copyOut(ctx context.Context, container *engine.Engine, image string, out io.Writer, arguments ...string) error {
	command := container.Command(ctx, append([]string{
		"run", "--rm", "--network", "none", "--entrypoint", "tar", image, "-C", "/", "--create", "--xattrs", "--xattrs-include=*",
	}, arguments...)...)
	var said bytes.Buffer
	if err := runTo(out, &said, command); err != nil {
		return fmt.Errorf("copy files out of %s: %w\n%s", image, err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}
