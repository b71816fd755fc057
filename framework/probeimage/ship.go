package probeimage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/google/go-containerregistry/pkg/name"
)

// OfCheckout builds the image of a checkout for an architecture, with the distribution's busybox; cache is the
// directory of the archives.
func OfCheckout(ctx context.Context, root, cache, arch string) (Image, error) {
	busybox, err := BusyboxFromPackage(ctx, arch, cache)
	if err != nil {
		return Image{}, err
	}
	return Build(ctx, Options{Root: root, Arch: arch, CacheDir: cache, Busybox: busybox})
}

// Save copies the image's archive to a path.
func (i Image) Save(path string) (err error) {
	from, err := os.Open(i.ArchivePath)
	if err != nil {
		return fmt.Errorf("save the probe's image: %w", err)
	}
	defer from.Close() //nolint:errcheck // only read
	to, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("save the probe's image: %w", err)
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if _, err := io.Copy(to, from); err != nil {
		return fmt.Errorf("save the probe's image: %w", err)
	}
	return nil
}

// CheckReference says what is wrong with a reference that the image is to be pushed to.
func CheckReference(reference string) error {
	if _, err := name.NewTag(reference, name.StrictValidation); err != nil {
		return fmt.Errorf("%q is not a repository with a tag: %w", reference, err)
	}
	return nil
}

// ErrNoTool says that nothing is there that pushes images.
var ErrNoTool = errors.New("neither skopeo nor podman is installed: write the image with `assay image save FILE` and push it from a machine that has one")

// Push pushes the image as a reference and its variants as tags beside it, by skopeo or else podman, with the
// credentials that these know, and returns what it pushed.
func (i Image) Push(ctx context.Context, reference string) ([]string, error) {
	push := i.pushers()
	if push == nil {
		return nil, ErrNoTool
	}
	var pushed []string
	for _, each := range append([]string{i.Reference}, i.Variants...) {
		// The tag of a variant is that of the image with its name behind it.
		to := reference + each[len(i.Reference):]
		for _, command := range push(each, to) {
			if err := run(ctx, "", command[0], command[1:]...); err != nil {
				return pushed, fmt.Errorf("push %s: %w", to, err)
			}
		}
		pushed = append(pushed, to)
	}
	return pushed, nil
}

// pushers is how the tool that is there pushes one image of the archive; nil where there is none.
func (i Image) pushers() func(from, to string) [][]string {
	if _, err := exec.LookPath("skopeo"); err == nil {
		return func(from, to string) [][]string {
			return [][]string{{"skopeo", "copy", "docker-archive:" + i.ArchivePath + ":" + from, "docker://" + to}}
		}
	}
	if _, err := exec.LookPath("podman"); err == nil {
		return func(from, to string) [][]string {
			return [][]string{
				{"podman", "pull", "--quiet", "docker-archive:" + i.ArchivePath + ":" + from},
				{"podman", "push", "--quiet", from, "docker://" + to},
			}
		}
	}
	return nil
}
