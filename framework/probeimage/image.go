// Package probeimage builds the image of the probe: the program of fixtures/probe on nothing but a
// static busybox, as an archive that every container runtime can load. No registry and no engine is
// involved.
package probeimage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"assay/framework/probe"
)

// Repository is the name of the image without its tag.
const Repository = "localhost/assay/probe"

// hashLength is how many hexadecimal digits of the content's hash the tag has.
const hashLength = 16

// Options say what to build from.
type Options struct {
	// Root is the directory of Assay's module, which has fixtures/probe.
	Root string
	// Arch is the architecture of the nodes as Go names it; that of this machine when empty.
	Arch string
	// CacheDir is the directory of the archives; it is made.
	CacheDir string
	// Busybox is the path of a static busybox for Arch.
	Busybox string
}

// Image is a built image.
type Image struct {
	// Reference is the image's name with a tag that is a hash of its content and that of its variants.
	Reference string
	// Variants are the references of the variants (see probe.Variant), sorted.
	Variants []string
	// ArchivePath is the docker-archive that holds them all.
	ArchivePath string
	// Digest is the image ID, the digest of its configuration ("sha256:...").
	Digest string
}

// Build compiles the probe and composes its image. Equal content has an equal Reference, and an archive
// that is there already is not written again.
func Build(ctx context.Context, options Options) (Image, error) {
	if options.Arch == "" {
		options.Arch = runtime.GOARCH
	}
	if err := os.MkdirAll(options.CacheDir, 0o750); err != nil {
		return Image{}, fmt.Errorf("probe image: %w", err)
	}
	busybox, err := os.ReadFile(options.Busybox)
	if err != nil {
		return Image{}, fmt.Errorf("probe image: read busybox: %w", err)
	}
	if err := checkStatic(busybox, options.Arch); err != nil {
		return Image{}, fmt.Errorf("probe image: busybox %s: %w", options.Busybox, err)
	}
	program, err := compile(ctx, options)
	if err != nil {
		return Image{}, fmt.Errorf("probe image: compile fixtures/probe: %w", err)
	}
	layer, err := layerTar(program, busybox)
	if err != nil {
		return Image{}, fmt.Errorf("probe image: compose the layer: %w", err)
	}
	image, err := compose(layer, options)
	if err != nil {
		return Image{}, fmt.Errorf("probe image: write the archive: %w", err)
	}
	return image, nil
}

func compile(ctx context.Context, options Options) (program []byte, err error) {
	directory, err := os.MkdirTemp(options.CacheDir, "compile-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	output, err := filepath.Abs(filepath.Join(directory, "probe"))
	if err != nil {
		return nil, err
	}
	// Without -buildvcs=false each commit would make another image.
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", output, "./fixtures/probe")
	command.Dir = options.Root
	command.Env = append(command.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+options.Arch)
	if text, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", command, err, bytes.TrimSpace(text))
	}
	return os.ReadFile(output)
}

// compose makes the image of the layer and its variants, and writes their archive where there is none.
func compose(layer []byte, options Options) (Image, error) {
	// Not compressed: it goes from this machine's disk into this machine's nodes.
	image, err := mutate.AppendLayers(empty.Image, static.NewLayer(layer, types.DockerUncompressedLayer))
	if err != nil {
		return Image{}, err
	}
	images := map[probe.Variant]v1.Image{}
	for variant, config := range configs() {
		if images[variant], err = configured(image, options.Arch, config); err != nil {
			return Image{}, fmt.Errorf("variant %s: %w", variant, err)
		}
	}
	if image, err = configured(image, options.Arch, baseConfig()); err != nil {
		return Image{}, err
	}
	images[""] = image
	digest, err := image.ConfigName()
	if err != nil {
		return Image{}, err
	}
	hash, err := contentHash(images)
	if err != nil {
		return Image{}, err
	}
	built := Image{
		Reference:   Repository + ":" + hash,
		ArchivePath: filepath.Join(options.CacheDir, "probe-"+hash+".tar"),
		Digest:      digest.String(),
	}
	tagged := make(map[name.Tag]v1.Image, len(images))
	for _, variant := range slices.Sorted(maps.Keys(images)) {
		reference := built.Reference
		if variant != "" {
			reference = variant.Reference(built.Reference)
			built.Variants = append(built.Variants, reference)
		}
		tag, err := name.NewTag(reference)
		if err != nil {
			return Image{}, err
		}
		tagged[tag] = images[variant]
	}
	if _, err := os.Stat(built.ArchivePath); err == nil {
		return built, nil
	}
	return built, writeArchive(built.ArchivePath, tagged)
}

// writeArchive writes under another name first, so that an archive is whole or not there.
func writeArchive(path string, images map[name.Tag]v1.Image) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "archive-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	if err := errors.Join(tarball.MultiWrite(images, file), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
