package nodeimage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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

	"sigs.k8s.io/yaml"
)

// recipe stands for the code of this package in the digests: raise it when the same inputs would give
// another image.
const recipe = "1"

// kindModule is where the files of kind's own node images come from.
const kindModule = "sigs.k8s.io/kind"

// component is a version of something that is compiled: a directory with go.mod, go.sum and
// component.yaml.
type component struct {
	name, version string
	// directory is absolute.
	directory string
	// digest stands for everything that goes into the programs.
	digest string
	// files is the directory with files of the node that only this version needs. It need not exist.
	files string
	recipeFile
}

// recipeFile is the content of a component.yaml.
type recipeFile struct {
	// Programs are main packages of the module in the directory, or of one that it requires.
	Programs []string `json:"programs"`
	// Tags are build tags.
	Tags []string `json:"tags,omitempty"`
	// Variables are set by the linker.
	Variables map[string]string `json:"variables,omitempty"`
	// CGO compiles in the builder image and links statically.
	CGO bool `json:"cgo,omitempty"`
	// C are programs in C that come with a module.
	C []cProgram `json:"c,omitempty"`
	// Images are the names of the images that kubeadm wants of a version of Kubernetes.
	Images []controlPlaneImage `json:"images,omitempty"`
}

type cProgram struct {
	Program string `json:"program"`
	Module  string `json:"module"`
	// Sources is the directory of the module whose C files make the program.
	Sources string `json:"sources"`
}

type controlPlaneImage struct {
	Name       string   `json:"name"`
	Entrypoint []string `json:"entrypoint,omitempty"`
}

// inputs are what all plans have in common.
type inputs struct {
	root string
	// goVersion is the toolchain's, kindVersion that of the module kindModule.
	goVersion, kindVersion string
	// shim and pause are digests of the programs of ours that go into a node.
	shim, pause string
}

// plan is everything that has to be known about an image before it is built.
type plan struct {
	spec Spec
	// ref names the node image, base and builder the images that it is made from and with.
	ref, base, builder string
	// images is the digest of the archive of the control plane's images, store that of the runtime's
	// store with those images in it.
	images, store             string
	runtime, kubernetes, runc component
	// kindVersion is the version of kind whose files are in the node.
	kindVersion string
}

// configs is a path below kind-configs.
func configs(root string, elements ...string) string {
	return filepath.Join(append([]string{root, "kind-configs"}, elements...)...)
}

func (b *build) readInputs(ctx context.Context) (*inputs, error) {
	in := &inputs{root: b.root}
	command := exec.CommandContext(ctx, "go", "env", "GOVERSION")
	command.Dir = b.root
	var err error
	if in.goVersion, err = output(command); err != nil {
		return nil, fmt.Errorf("ask for Go's version: %w", err)
	}
	command = exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}}", kindModule)
	command.Dir = b.root
	if in.kindVersion, err = output(command); err != nil {
		return nil, fmt.Errorf("ask for kind's version: %w", err)
	}
	if in.shim, err = digest(in.goVersion, directory(filepath.Join(b.root, "fixtures", "ocishim"))); err != nil {
		return nil, err
	}
	in.pause, err = digest(in.goVersion, directory(filepath.Join(b.root, "fixtures", "pause")))
	return in, err
}

func (in *inputs) plan(spec Spec) (*plan, error) {
	p := &plan{spec: spec, kindVersion: in.kindVersion}
	node := func(elements ...string) string {
		return configs(in.root, append([]string{"node"}, elements...)...)
	}
	debian, err := digest(recipe, runtime.GOARCH, spec.Base, file(node("dpkg.cfg")), file(node("Containerfile.debian")),
		file(node("Containerfile.bootstrap")))
	if err != nil {
		return nil, err
	}
	base, err := digest(debian, directory(node("base")))
	if err != nil {
		return nil, err
	}
	builder, err := digest(debian, directory(node("builder")))
	if err != nil {
		return nil, err
	}
	p.base, p.builder = Repository+"/base:"+base, Repository+"/builder:"+builder
	if p.runtime, err = in.component(spec.Runtime, spec.Version, builder); err != nil {
		return nil, err
	}
	if p.kubernetes, err = in.component("kubernetes", spec.Kubernetes, builder); err != nil {
		return nil, err
	}
	if p.runc, err = in.component("runc", spec.Runc, builder); err != nil {
		return nil, err
	}
	if p.images, err = digest(recipe, base, p.kubernetes.digest, in.pause, directory(node("control-plane"))); err != nil {
		return nil, err
	}
	if p.store, err = digest(p.images, p.runtime.digest, file(node(spec.Runtime, preloadScript))); err != nil {
		return nil, err
	}
	parts := []any{
		base, p.store, p.runtime.digest, p.runc.digest, p.kubernetes.digest, in.shim, in.kindVersion,
		file(node("Containerfile.node")), directory(node("files")), directory(node(spec.Runtime)),
	}
	if _, err := os.Stat(p.runtime.files); err == nil {
		parts = append(parts, directory(p.runtime.files))
	}
	tag, err := digest(parts...)
	if err != nil {
		return nil, err
	}
	p.ref = fmt.Sprintf("%s/node:%s-%s-%s", Repository, spec.Runtime, spec.Version, tag)
	return p, nil
}

// component reads a version of a component; without a version the newest one.
func (in *inputs) component(name, version, builder string) (component, error) {
	known, err := versions(configs(in.root, "components", name))
	if err != nil {
		return component{}, fmt.Errorf("find the versions of %s: %w", name, err)
	}
	if len(known) == 0 {
		return component{}, fmt.Errorf("no version of %s has a recipe", name)
	}
	if version == "" {
		version = known[len(known)-1]
	}
	if !slices.Contains(known, version) {
		return component{}, fmt.Errorf("there is no recipe for %s %s; there are: %s (a version is added as a directory of %s)",
			name, version, strings.Join(known, ", "), configs(in.root, "components", name))
	}
	c := component{name: name, version: version, directory: configs(in.root, "components", name, version)}
	content, err := os.ReadFile(filepath.Join(c.directory, "component.yaml"))
	if err != nil {
		return component{}, fmt.Errorf("read the recipe of %s %s: %w", name, version, err)
	}
	if err := yaml.UnmarshalStrict(content, &c.recipeFile); err != nil {
		return component{}, fmt.Errorf("read the recipe of %s %s: %s: %w", name, version, filepath.Join(c.directory, "component.yaml"), err)
	}
	parts := []any{recipe, runtime.GOARCH, in.goVersion, sources(c.directory)}
	if c.CGO || len(c.C) > 0 {
		parts = append(parts, builder)
	}
	if c.digest, err = digest(parts...); err != nil {
		return component{}, err
	}
	c.files = filepath.Join(c.directory, nodeFiles)
	return c, nil
}

// versions are the names of the directories in a directory, the oldest version first.
func versions(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	slices.SortFunc(names, compareVersions)
	return names, nil
}

// compareVersions orders versions by their numbers, and where those are equal by their text.
func compareVersions(a, b string) int {
	if order := slices.Compare(numbers(a), numbers(b)); order != 0 {
		return order
	}
	return strings.Compare(a, b)
}

func numbers(version string) []int {
	var found []int
	for part := range strings.SplitSeq(version, ".") {
		number, err := strconv.Atoi(part)
		if err != nil {
			return found
		}
		found = append(found, number)
	}
	return found
}

// Parts of a digest that stand for content: a file, a directory, and the directory of a component without
// its files for the node.
type (
	file      string
	directory string
	sources   string
)

// nodeFiles is the directory of a component with files of the node.
const nodeFiles = "files"

// digest is a short digest of texts, of files and of directories, which count with the names, the
// execute permissions and the contents of all files in them.
func digest(parts ...any) (string, error) {
	sum := sha256.New()
	for _, part := range parts {
		switch part := part.(type) {
		case string:
			_, _ = fmt.Fprintf(sum, "text %d %s\n", len(part), part)
		case file:
			content, err := os.ReadFile(string(part))
			if err != nil {
				return "", fmt.Errorf("read an input: %w", err)
			}
			_, _ = fmt.Fprintf(sum, "file %d %s\n", len(content), content)
		case directory:
			if err := addTree(sum, string(part), ""); err != nil {
				return "", err
			}
		case sources:
			if err := addTree(sum, string(part), nodeFiles); err != nil {
				return "", err
			}
		default:
			return "", fmt.Errorf("digest of a %T", part)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}

// addTree adds the files of a directory to a digest, but for the directory except in it.
func addTree(sum io.Writer, root, except string) error {
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() && relative == except {
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(sum, "entry %s %t %d %s\n", relative, info.Mode()&0o100 != 0, len(content), content)
		return err
	})
	if err != nil {
		return fmt.Errorf("read an input: %w", err)
	}
	return nil
}
