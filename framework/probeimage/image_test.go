package probeimage

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"assay/framework/probe"
)

func readLayer(t *testing.T, layer io.Reader) map[string]*tar.Header {
	t.Helper()
	headers := map[string]*tar.Header{}
	for reader := tar.NewReader(layer); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return headers
		}
		if err != nil {
			t.Fatal(err)
		}
		path := "/" + strings.TrimSuffix(header.Name, "/")
		if headers[path] != nil {
			t.Errorf("%s is there twice", path)
		}
		if headers[filepath.Dir(path)] == nil && filepath.Dir(path) != "/" {
			t.Errorf("%s comes before its directory", path)
		}
		headers[path] = header
	}
}

func TestLayer(t *testing.T) {
	layer, err := layerTar([]byte("program"), []byte("busybox"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := layerTar([]byte("program"), []byte("busybox"))
	if err != nil || !bytes.Equal(layer, again) {
		t.Errorf("equal inputs made other bytes, %v", err)
	}
	headers := readLayer(t, bytes.NewReader(layer))
	for path, want := range map[string]struct {
		kind byte
		mode int64
		size int64
	}{
		probe.ProgramPath:            {tar.TypeReg, 0o755, 7},
		probe.SetuidPath:             {tar.TypeReg, 0o4755, 7},
		probe.BusyboxPath:            {tar.TypeReg, 0o755, 7},
		probe.PingPath:               {tar.TypeSymlink, 0o777, 0},
		probe.PingFileCapabilityPath: {tar.TypeReg, 0o755, 7},
		probe.PingSetuidPath:         {tar.TypeReg, 0o4755, 7},
		probe.WritableDirectory:      {tar.TypeDir, 0o1777, 0},
		"/etc/passwd":                {tar.TypeReg, 0o644, int64(len(passwd))},
		"/etc/group":                 {tar.TypeReg, 0o644, int64(len(group))},
	} {
		header := headers[path]
		if header == nil {
			t.Errorf("%s is not there", path)
			continue
		}
		if header.Typeflag != want.kind || header.Mode != want.mode || header.Size != want.size {
			t.Errorf("%s: got type %c, mode %o, %d bytes", path, header.Typeflag, header.Mode, header.Size)
		}
	}
	if got := headers[probe.PingPath].Linkname; got != "busybox" {
		t.Errorf("%s is a link to %s", probe.PingPath, got)
	}
	for path, header := range headers {
		capability := header.PAXRecords["SCHILY.xattr.security.capability"]
		if (path == probe.PingFileCapabilityPath) != (capability != "") {
			t.Errorf("%s: capability %x", path, capability)
		}
		if header.Uid != 0 || header.Gid != 0 || header.ModTime.Unix() != 0 {
			t.Errorf("%s: got owner %d:%d, time %s", path, header.Uid, header.Gid, header.ModTime)
		}
	}
}

// The bytes that "setcap cap_net_raw+ep" writes.
func TestNetRawFileCapability(t *testing.T) {
	if got, want := hex.EncodeToString([]byte(netRawFileCapability())), "0100000200200000000000000000000000000000"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCheckStatic(t *testing.T) {
	if err := checkStatic([]byte("#!/bin/sh\n"), "amd64"); err == nil {
		t.Error("a script: got no error")
	}
	shell, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Skip("no /bin/sh to look at")
	}
	file, err := elf.NewFile(bytes.NewReader(shell))
	if err != nil || file.Section(".interp") == nil {
		t.Skip("/bin/sh is not dynamically linked here")
	}
	if err := checkStatic(shell, runtime.GOARCH); err == nil {
		t.Error("a dynamically linked program: got no error")
	}
}

func TestBuild(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	options := Options{Root: root, Arch: runtime.GOARCH, CacheDir: cache, Busybox: filepath.Join(cache, "busybox")}
	// Any static program will do for a busybox: the probe.
	program, err := compile(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	write := func(content []byte) {
		if err := os.WriteFile(options.Busybox, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(program)
	first, err := Build(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	checkArchive(t, first)

	before, err := os.Stat(first.ArchivePath)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Build(t.Context(), options)
	if err != nil || !reflect.DeepEqual(second, first) {
		t.Errorf("the same inputs: got %+v, %v, want %+v", second, err, first)
	}
	if after, err := os.Stat(first.ArchivePath); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("the archive was written again: %v", err)
	}

	write(append(program, 0))
	if other, err := Build(t.Context(), options); err != nil || other.Reference == first.Reference || other.Digest == first.Digest {
		t.Errorf("another busybox: got %+v, %v", other, err)
	}
	left, err := filepath.Glob(filepath.Join(cache, "*-*"))
	if err != nil || len(left) != 2 {
		t.Errorf("want the two archives and nothing else, got %v, %v", left, err)
	}
	write([]byte("nonsense"))
	if _, err := Build(t.Context(), options); err == nil {
		t.Error("a busybox that is no program: got no error")
	}
}

func checkArchive(t *testing.T, built Image) {
	t.Helper()
	tag, err := name.NewTag(built.Reference)
	if err != nil {
		t.Fatal(err)
	}
	image, err := tarball.ImageFromPath(built.ArchivePath, &tag)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if len(config.Config.Entrypoint) != 1 || config.Config.Entrypoint[0] != probe.ProgramPath || config.Config.User != "" {
		t.Errorf("configuration: got %+v", config.Config)
	}
	if len(built.Variants) != len(configs()) {
		t.Errorf("got variants %v, want %d", built.Variants, len(configs()))
	}
	for variant, want := range configs() {
		tag, err := name.NewTag(variant.Reference(built.Reference))
		if err != nil {
			t.Fatal(err)
		}
		image, err := tarball.ImageFromPath(built.ArchivePath, &tag)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := image.ConfigFile(); err != nil || !reflect.DeepEqual(got.Config, want) {
			t.Errorf("%s: got %+v, %v", variant, got, err)
		}
		if !slices.Contains(built.Variants, tag.String()) {
			t.Errorf("%s is not among %v", tag, built.Variants)
		}
	}
	if digest, err := image.ConfigName(); err != nil || digest.String() != built.Digest {
		t.Errorf("digest: got %s, %v, want %s", digest, err, built.Digest)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("got %d layers, %v", len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = content.Close() }()
	if headers := readLayer(t, content); headers[probe.SetuidPath] == nil {
		t.Error("the layer has no set-uid probe")
	}
}

func TestBusyboxFromPackageTakesWhatIsThere(t *testing.T) {
	directory := t.TempDir()
	want := filepath.Join(directory, "busybox-"+runtime.GOARCH)
	if err := os.WriteFile(want, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := BusyboxFromPackage(t.Context(), "", directory); err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
}
