package nodeimage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// preloadScript is the name of the script that fills a runtime's store, in the runtime's recipe.
const preloadScript = "preload.sh"

// kindFiles are the files of kind's own node images that these have too, below images/base/files of
// kind's module. Left out are containerd's configuration and the hook that every container of kind's
// images runs, which would put files of its own into the containers under test.
func kindFiles() []string {
	return []string{
		"etc/systemd/system/kubelet.service",
		"etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
		"etc/systemd/system/kubelet.service.d/11-kind.conf",
		"etc/systemd/system/kubelet.slice",
		"etc/systemd/system/undo-mount-hacks.service",
		"etc/sysctl.d/10-network-magic.conf",
		"etc/sysctl.d/10-network-security.conf",
		"kind/bin/create-kubelet-cgroup-v2.sh",
		"kind/bin/undo-mount-hacks.sh",
		"usr/local/bin/entrypoint",
	}
}

// node builds the image of the plan and everything that it is made from.
func (b *build) node(ctx context.Context, p *plan) error {
	return b.once(ctx, p.ref, func() error {
		err := all(
			func() error { return b.programs(ctx, p, p.kubernetes) },
			func() error { return b.programs(ctx, p, p.runtime) },
			func() error { return b.programs(ctx, p, p.runc) },
			func() error { return b.baseImage(ctx, p) },
			func() error { return b.fixtures(ctx) },
		)
		if err != nil {
			return err
		}
		if err := b.controlPlane(ctx, p); err != nil {
			return err
		}
		if err := b.store(ctx, p); err != nil {
			return err
		}
		return b.step(fmt.Sprintf("make the node image %s %s", p.spec.Runtime, p.spec.Version), func(log io.Writer) error {
			temporary, err := b.temporary()
			if err != nil {
				return err
			}
			defer func() { _ = os.RemoveAll(temporary) }()
			if err := b.rootfs(ctx, p, filepath.Join(temporary, "rootfs")); err != nil {
				return err
			}
			if err := os.Link(b.storePath(p), filepath.Join(temporary, "store.tar")); err != nil {
				return fmt.Errorf("take the runtime's store: %w", err)
			}
			return b.image(ctx, log, configs(b.root, "node", "Containerfile.node"), p.ref, "node", temporary,
				map[string]string{"BASE": p.base})
		})
	})
}

// ours is the directory with the programs of ours that go into a node.
func (b *build) ours() string { return filepath.Join(b.state, "fixtures") }

// fixtures compiles the shim and pause. That takes a second, so what there is is not looked for.
func (b *build) fixtures(ctx context.Context) error {
	return b.once(ctx, "fixtures", func() error {
		return b.step("compile ocishim and pause", func(log io.Writer) error {
			if err := os.MkdirAll(b.ours(), 0o750); err != nil {
				return err
			}
			command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w",
				"-o", b.ours()+"/", "./fixtures/ocishim", "./fixtures/pause")
			command.Dir = b.root
			command.Env = append(command.Environ(), "CGO_ENABLED=0", "GOOS=linux")
			return run(log, command)
		})
	})
}

// imagesPath is the archive of the control plane's images, storePath a runtime's store with them in it.
func (b *build) imagesPath(p *plan) string {
	return filepath.Join(b.state, "images", p.images, "images.tar")
}

func (b *build) storePath(p *plan) string {
	return filepath.Join(b.state, "stores", p.spec.Runtime+"-"+p.store, "store.tar")
}

// controlPlane writes the archive of the control plane's images.
func (b *build) controlPlane(ctx context.Context, p *plan) error {
	return b.once(ctx, "images "+p.images, func() error {
		if exists(filepath.Dir(b.imagesPath(p))) {
			return nil
		}
		return b.step("make the control plane images "+p.kubernetes.version, func(log io.Writer) error {
			return b.directory(filepath.Dir(b.imagesPath(p)), func(temporary string) error {
				recipe := configs(b.root, "node", "control-plane")
				names, err := readPackages(filepath.Join(recipe, "tools"))
				if err != nil {
					return err
				}
				tools := filepath.Join(temporary, "tools.tar")
				options := append(b.containerOptions(), "--network", "none", "--volume", recipe+":/in:ro", p.base, "sh", "/in/tools.sh")
				err = toFile(tools, func(out io.Writer) error { return b.container(ctx, out, log, append(options, names...)...) })
				if err != nil {
					return err
				}
				path := filepath.Join(temporary, "layer.tar")
				sum, err := layer(path, programsOfControlPlane(b.out(p.kubernetes), b.ours()), tools)
				if err != nil {
					return err
				}
				if err := writeArchive(filepath.Join(temporary, "images.tar"), path, sum, p.kubernetes.Images); err != nil {
					return err
				}
				return errors.Join(os.Remove(path), os.Remove(tools))
			})
		})
	})
}

// store fills a store of the runtime with the control plane's images. It is privileged because a
// runtime mounts what it unpacks; the store is a volume because it cannot lie on the container's own
// layered file system.
func (b *build) store(ctx context.Context, p *plan) error {
	return b.once(ctx, "store "+p.store, func() error {
		if exists(filepath.Dir(b.storePath(p))) {
			return nil
		}
		return b.step("fill the image store of "+p.spec.Runtime+" "+p.spec.Version, func(log io.Writer) error {
			return b.directory(filepath.Dir(b.storePath(p)), func(temporary string) error {
				options := []string{
					"--privileged", "--network", "none", "--volume", "/var/lib/containerd", "--volume", "/var/lib/containers",
					"--volume", b.imagesPath(p) + ":/in/images.tar:ro",
					"--volume", configs(b.root, "node", p.spec.Runtime, preloadScript) + ":/in/" + preloadScript + ":ro",
					"--volume", b.out(p.runtime) + ":/in/bin:ro",
					"--env", "PATH=/in/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
					p.base, "sh", "/in/" + preloadScript,
				}
				for _, image := range p.kubernetes.Images {
					options = append(options, image.Name)
				}
				return toFile(filepath.Join(temporary, "store.tar"), func(out io.Writer) error {
					return b.container(ctx, out, log, options...)
				})
			})
		})
	})
}

// rootfs lays out what a node has on top of the base: kind's files, those of all nodes, those of the
// runtime and of its version, the programs, and the links that enable services.
func (b *build) rootfs(ctx context.Context, p *plan, root string) error {
	kind, err := b.kindDirectory(ctx)
	if err != nil {
		return err
	}
	for _, name := range kindFiles() {
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(name, "kind/bin/") || strings.HasPrefix(name, "usr/local/bin/") {
			mode = 0o755
		}
		if err := copyFile(filepath.Join(kind, "images", "base", "files", name), filepath.Join(root, name), mode); err != nil {
			return err
		}
	}
	for _, tree := range []string{
		configs(b.root, "node", "files"),
		configs(b.root, "node", p.spec.Runtime),
		p.runtime.files,
	} {
		if err := copyTree(tree, root); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := os.Remove(filepath.Join(root, preloadScript)); err != nil {
		return fmt.Errorf("lay out the node's files: %w", err)
	}
	bin := filepath.Join(root, "usr", "local", "bin")
	for _, directory := range []string{b.out(p.runtime), b.out(p.runc)} {
		if err := copyTree(directory, bin); err != nil {
			return err
		}
	}
	if err := copyFile(filepath.Join(b.out(p.kubernetes), "kubernetes"), filepath.Join(root, "usr", "bin", "kubernetes"), 0o755); err != nil {
		return err
	}
	shim := filepath.Join(root, "usr", "local", "lib", "assay", "ocishim")
	if err := copyFile(filepath.Join(b.ours(), "ocishim"), shim, 0o755); err != nil {
		return err
	}
	// kind reads the version of Kubernetes from this file.
	if err := writeFile(filepath.Join(root, "kind", "version"), "v"+p.kubernetes.version); err != nil {
		return err
	}
	facts, err := json.MarshalIndent(map[string]string{
		"runtime": p.spec.Runtime + " " + p.spec.Version, "runc": p.runc.version, "kubernetes": p.kubernetes.version,
		"kind": p.kindVersion, "base": p.base,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("write what the node is made of: %w", err)
	}
	if err := writeFile(filepath.Join(root, "usr", "local", "lib", "assay", "node.json"), string(facts)+"\n"); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(root, "etc", "kubernetes", "manifests"), 0o755); err != nil {
		return fmt.Errorf("lay out the node's files: %w", err)
	}
	return enable(root)
}

// kindDirectory is where Go keeps the module of kind; it is downloaded if it is not there yet.
func (b *build) kindDirectory(ctx context.Context) (string, error) {
	command := exec.CommandContext(ctx, "go", "mod", "download", "-json", kindModule)
	command.Dir = b.root
	text, err := output(command)
	if err != nil {
		return "", fmt.Errorf("find the files of kind: %w", err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal([]byte(text), &module); err != nil {
		return "", fmt.Errorf("find the files of kind: %w", err)
	}
	return module.Dir, nil
}

// enable links the binary kubernetes under its names, the shim as the program that sets up a node, and
// every service of the tree into the target that a node boots to.
func enable(root string) error {
	links := map[string]string{"usr/local/lib/assay/node-setup": "ocishim"}
	for _, name := range []string{"kubelet", "kubeadm", "kubectl"} {
		links["usr/bin/"+name] = "kubernetes"
	}
	units := filepath.Join("etc", "systemd", "system")
	services, err := filepath.Glob(filepath.Join(root, units, "*.service"))
	if err != nil {
		return fmt.Errorf("enable the node's services: %w", err)
	}
	for _, service := range services {
		name := filepath.Base(service)
		links[filepath.Join(units, "multi-user.target.wants", name)] = "../" + name
	}
	for name, target := range links {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("lay out the node's files: %w", err)
		}
		if err := os.Symlink(target, path); err != nil {
			return fmt.Errorf("lay out the node's files: %w", err)
		}
	}
	return nil
}

func writeFile(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("lay out the node's files: %w", err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		return fmt.Errorf("lay out the node's files: %w", err)
	}
	return nil
}

// copyTree copies the files of a directory, with modes that do not depend on this user's umask.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("copy files: %w", err)
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		return copyFile(path, filepath.Join(to, relative), mode)
	})
}

func copyFile(from, to string, mode fs.FileMode) (err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("copy a file: %w", err)
	}
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copy a file: %w", err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return fmt.Errorf("copy a file: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return os.Chmod(to, mode)
}
