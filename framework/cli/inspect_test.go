package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/reports/results"
)

func TestInspect(t *testing.T) {
	directory := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.json", `{"version":1,"facts":{"uid":1000},"syscalls":{"mount":"EPERM"}}`)
	status, text, problems := execute(t, "inspect", good)
	if status != results.ExitExpected || !strings.Contains(text, "uid 1000") || !strings.Contains(text, "mount") {
		t.Errorf("exit %d: %s%s", status, text, problems)
	}
	for _, path := range []string{
		filepath.Join(directory, "missing.json"), write("other.json", "not JSON"), write("old.json", `{"version":0}`),
	} {
		if status, _, problems := execute(t, "inspect", path); status != results.ExitUsage || problems == "" {
			t.Errorf("%s: exit %d: %s", path, status, problems)
		}
	}
	if status, _, _ := execute(t, "inspect"); status != results.ExitUsage {
		t.Errorf("without a document: exit %d", status)
	}
}
