package nodeimage

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// kubernetesLinks are the programs that the binary kubernetes is in the control plane's image.
func kubernetesLinks() []string {
	return []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd"}
}

// layer writes the one layer that all images of the control plane share: programs by their paths in
// the image, links in /usr/local/bin to the binary kubernetes, and the content of the tar tools.
// It returns the hexadecimal SHA-256 digest of the layer.
func layer(path string, programs map[string]string, tools string) (digest string, err error) {
	out, err := os.Create(path)
	if err != nil {
		return "", fmt.Errorf("make the control plane's layer: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	sum := sha256.New()
	archive := tar.NewWriter(io.MultiWriter(out, sum))
	// The directories that programs expect of any file system.
	for _, directory := range []string{"etc", "run", "tmp", "usr", "usr/local", "usr/local/bin", "var", "var/lib"} {
		mode := int64(0o755)
		if directory == "tmp" {
			mode = 0o1777
		}
		header := &tar.Header{Typeflag: tar.TypeDir, Name: directory + "/", Mode: mode}
		if err := archive.WriteHeader(header); err != nil {
			return "", fmt.Errorf("write the control plane's layer: %w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		if err := appendFile(archive, name, programs[name]); err != nil {
			return "", err
		}
	}
	for _, name := range kubernetesLinks() {
		header := &tar.Header{Typeflag: tar.TypeSymlink, Name: "usr/local/bin/" + name, Linkname: "kubernetes", Mode: 0o777}
		if err := archive.WriteHeader(header); err != nil {
			return "", fmt.Errorf("write the control plane's layer: %w", err)
		}
	}
	if err := appendTar(archive, tools); err != nil {
		return "", err
	}
	if err := archive.Close(); err != nil {
		return "", fmt.Errorf("write the control plane's layer: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func appendFile(archive *tar.Writer, name, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("add a program to the control plane's layer: %w", err)
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		return fmt.Errorf("add a program to the control plane's layer: %w", err)
	}
	if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: info.Size()}); err != nil {
		return fmt.Errorf("add %s to the control plane's layer: %w", name, err)
	}
	if _, err := io.Copy(archive, in); err != nil {
		return fmt.Errorf("add %s to the control plane's layer: %w", name, err)
	}
	return nil
}

func appendTar(archive *tar.Writer, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("add tools to the control plane's layer: %w", err)
	}
	defer func() { _ = in.Close() }()
	reader := tar.NewReader(in)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("add tools to the control plane's layer: %w", err)
		}
		if err := archive.WriteHeader(header); err != nil {
			return fmt.Errorf("add %s to the control plane's layer: %w", header.Name, err)
		}
		if _, err := io.Copy(archive, reader); err != nil {
			return fmt.Errorf("add %s to the control plane's layer: %w", header.Name, err)
		}
	}
}

// imageConfig is the configuration of an image
// (https://github.com/opencontainers/image-spec/blob/main/config.md).
type imageConfig struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Config       struct {
		Env        []string
		Entrypoint []string `json:",omitempty"`
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
	History []struct{} `json:"history"`
}

// archiveEntry is an image in the manifest of an archive as "docker save" writes it.
type archiveEntry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// writeArchive writes an archive of images that share one layer and differ in their names and
// entrypoints.
func writeArchive(path, layerPath, layerDigest string, images []controlPlaneImage) (err error) {
	out, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make the archive of images: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	archive := tar.NewWriter(out)
	layerName := layerDigest + ".tar"
	if err := appendFile(archive, layerName, layerPath); err != nil {
		return err
	}
	var manifest []archiveEntry
	for _, image := range images {
		config := imageConfig{Architecture: runtime.GOARCH, OS: "linux", History: []struct{}{{}}}
		config.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
		config.Config.Entrypoint = image.Entrypoint
		config.RootFS.Type, config.RootFS.DiffIDs = "layers", []string{"sha256:" + layerDigest}
		content, err := json.Marshal(config)
		if err != nil {
			return fmt.Errorf("write the configuration of %s: %w", image.Name, err)
		}
		sum := sha256.Sum256(content)
		name := hex.EncodeToString(sum[:]) + ".json"
		if at := slices.IndexFunc(manifest, func(entry archiveEntry) bool { return entry.Config == name }); at >= 0 {
			manifest[at].RepoTags = append(manifest[at].RepoTags, image.Name)
			continue
		}
		if err := appendBytes(archive, name, content); err != nil {
			return err
		}
		manifest = append(manifest, archiveEntry{Config: name, RepoTags: []string{image.Name}, Layers: []string{layerName}})
	}
	content, err := json.Marshal(manifest)
	if err != nil {
		return fmt.Errorf("write the archive's manifest: %w", err)
	}
	if err := appendBytes(archive, "manifest.json", content); err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("write the archive of images: %w", err)
	}
	return nil
}

func appendBytes(archive *tar.Writer, name string, content []byte) error {
	if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		return fmt.Errorf("add %s to the archive: %w", name, err)
	}
	if _, err := io.Copy(archive, bytes.NewReader(content)); err != nil {
		return fmt.Errorf("add %s to the archive: %w", name, err)
	}
	return nil
}

// programsOfControlPlane are the programs of the layer: their paths in the image and on the host.
func programsOfControlPlane(kubernetes, ours string) map[string]string {
	return map[string]string{
		"usr/local/bin/kubernetes":  filepath.Join(kubernetes, "kubernetes"),
		"usr/local/bin/coredns":     filepath.Join(kubernetes, "coredns"),
		"usr/local/bin/kube-router": filepath.Join(kubernetes, "kube-router"),
		"pause":                     filepath.Join(ours, "pause"),
	}
}
