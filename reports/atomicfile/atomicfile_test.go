package atomicfile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"assay/reports/atomicfile"
	_ "assay/reports/internal/golden" // its flag, so that go test ./reports/... -update runs here too
)

func TestWrite(t *testing.T) {
	directory := t.TempDir()
	path := filepath.Join(directory, "file")
	text := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error {
			_, werr := io.WriteString(w, text)
			return errors.Join(werr, err)
		}
	}
	broken := errors.New("broken")
	if err := atomicfile.Write(path, text("first", nil)); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(path, text("half", broken)); !errors.Is(err, broken) {
		t.Fatalf("got %v, want the writer's error", err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != "first" {
		t.Fatalf("got %q, %v: the file must be as it was", got, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Fatalf("got mode %v, %v; want 0644", info.Mode(), err)
	}
	entries, err := os.ReadDir(directory)
	if err != nil || len(entries) != 1 {
		t.Fatalf("left behind: %v, %v", entries, err)
	}
}

func TestLink(t *testing.T) {
	directory := t.TempDir()
	path := filepath.Join(directory, "latest")
	for _, target := range []string{"first", "second"} {
		if err := atomicfile.Link(target, path); err != nil {
			t.Fatal(err)
		}
		if got, err := os.Readlink(path); err != nil || got != target {
			t.Fatalf("got %q, %v; want %q", got, err, target)
		}
	}
	entries, err := os.ReadDir(directory)
	if err != nil || len(entries) != 1 {
		t.Fatalf("left behind: %v, %v", entries, err)
	}
	folder := filepath.Join(directory, "folder")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Link("first", folder); err == nil {
		t.Fatal("a folder was replaced by a link")
	}
}
