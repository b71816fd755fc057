// Package nodeimage builds the images that the nodes of kind clusters run: Debian, a container runtime,
// Kubernetes, and the control plane's images in the runtime's own store. Everything comes from Debian
// packages and Go modules; no image registry is needed.
//
// Images and what goes into them are named by a digest of their inputs. What exists is not built again,
// and a changed input rebuilds only what depends on it.
package nodeimage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"assay/framework/engine"
)

// Repository is where all images of Assay are named; it exists on no registry.
const Repository = "localhost/assay"

// Label marks images that Assay built; its value says what the image is: node, base or builder.
const Label = "dev.assay"

// Spec says which node image is wanted.
type Spec struct {
	// Runtime is the container runtime: the name of a directory of kind-configs/components.
	Runtime string
	// Version is the runtime's version without a leading v.
	Version string
	// Kubernetes is the version without a leading v. Empty takes the newest one there is.
	Kubernetes string
	// Runc is the version of the OCI runtime runc. Empty takes the newest one there is.
	Runc string
	// Base is the image with Debian that the node is made from. Empty takes debian:trixie where the
	// engine has it or can pull it, and bootstraps the same from Debian's packages where it cannot.
	Base string
}

// Image is a node image that the engine has.
type Image struct {
	// Ref is the image's name, with a digest of its inputs in the tag.
	Ref string
	// ID is the engine's digest of the image.
	ID string
	// Size is in bytes, all layers together.
	Size int64
	// Kubernetes and Runc are the versions in the image, without a leading v.
	Kubernetes string
	Runc       string
	// Built says that the image did not exist before.
	Built bool
}

// Result is what became of one wanted image.
type Result struct {
	Image Image
	// Err says why there is no image. Its text has the path and the end of the log of the failed step.
	Err error
}

// Progress is told of every step that takes time. The function that Step returns is called once, with
// the step's error, when the step has ended.
type Progress interface {
	Step(name string) (done func(error))
}

// Ensure makes sure that the engine has an image for each of the specs, and builds those that it lacks.
// root is the directory of Assay's go.mod; built files and logs go to .assay below it. The results are
// in the order of the specs: one that fails does not keep the others from being built.
func Ensure(ctx context.Context, container *engine.Engine, root string, specs []Spec, progress Progress) []Result {
	results := make([]Result, len(specs))
	absolute, err := filepath.Abs(root)
	if err != nil {
		return failAll(results, fmt.Errorf("find the root directory: %w", err))
	}
	b := &build{
		engine:   container,
		root:     absolute,
		state:    filepath.Join(absolute, engine.StateDirectory),
		progress: progress,
		compile:  make(chan struct{}, 1),
		packages: make(chan struct{}, 1),
		tasks:    map[string]*task{},
	}
	inputs, err := b.readInputs(ctx)
	if err != nil {
		return failAll(results, err)
	}
	var group sync.WaitGroup
	for index, spec := range specs {
		group.Go(func() {
			image, err := b.ensure(ctx, inputs, spec)
			if err != nil {
				err = fmt.Errorf("node image for %s %s: %w", spec.Runtime, spec.Version, err)
			}
			results[index] = Result{Image: image, Err: err}
		})
	}
	group.Wait()
	for index := range results {
		if !results[index].Image.Built {
			continue
		}
		// Only what was built needs room. Files that cannot be deleted now are tried again the next time,
		// and no reason to do without the images.
		_ = b.forget()
		break
	}
	return results
}

func failAll(results []Result, err error) []Result {
	for index := range results {
		results[index].Err = fmt.Errorf("node images: %w", err)
	}
	return results
}

func (b *build) ensure(ctx context.Context, inputs *inputs, spec Spec) (Image, error) {
	p, err := inputs.plan(spec)
	if err != nil {
		return Image{}, err
	}
	image, err := b.inspect(ctx, p.ref)
	if errors.Is(err, errNoImage) {
		if err := b.node(ctx, p); err != nil {
			return Image{}, err
		}
		image, err = b.inspect(ctx, p.ref)
		image.Built = true
	}
	if err != nil {
		return Image{}, err
	}
	image.Kubernetes, image.Runc = p.kubernetes.version, p.runc.version
	return image, nil
}

// errNoImage says that the engine does not have an image.
var errNoImage = errors.New("the engine does not have the image")

// inspect asks the engine for an image. An engine that fails for another reason than the image's
// absence fails when the image is built, with its own text.
func (b *build) inspect(ctx context.Context, ref string) (Image, error) {
	output, err := b.engine.Command(ctx, "image", "inspect", ref).Output()
	if ctx.Err() != nil {
		return Image{}, ctx.Err()
	}
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", ref, errNoImage)
	}
	var images []struct {
		ID   string `json:"Id"`
		Size int64
	}
	if err := json.Unmarshal(output, &images); err != nil {
		return Image{}, fmt.Errorf("read what the engine says of %s: %w", ref, err)
	}
	if len(images) == 0 {
		return Image{}, fmt.Errorf("%s: %w", ref, errNoImage)
	}
	return Image{Ref: ref, ID: images[0].ID, Size: images[0].Size}, nil
}

// Remove deletes every image that Assay built and returns how many it deleted. Images that containers
// use stay, and are in the error.
func Remove(ctx context.Context, container *engine.Engine) (int, error) {
	list := container.Command(ctx, "images", "--filter", "label="+Label, "--format", "{{.Repository}}:{{.Tag}}")
	text, err := output(list)
	if err != nil {
		return 0, fmt.Errorf("list the images of Assay: %w", err)
	}
	removed := 0
	var failed []error
	for _, ref := range strings.Fields(text) {
		if _, err := output(container.Command(ctx, "rmi", ref)); err != nil {
			failed = append(failed, fmt.Errorf("remove an image of Assay: %w", err))
			continue
		}
		removed++
	}
	return removed, errors.Join(failed...)
}
