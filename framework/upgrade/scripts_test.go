package upgrade

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shell runs a script as a node does.
func shell(t *testing.T, stdin []byte, script string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "sh", append([]string{"-c", script, "sh"}, arguments...)...)
	command.Stdin = bytes.NewReader(stdin)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return strings.TrimSpace(string(output))
}

func TestScriptsAreShell(t *testing.T) {
	for name, script := range map[string]string{
		"install": installScript, "restart": restartScript, "remove": removeScript, "endpoint": endpointScript,
		"start": startScript, "kill": killScript, "remains": remainsScript, "count": count,
	} {
		if output, err := exec.CommandContext(t.Context(), "sh", "-n", "-c", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, output)
		}
	}
}

func TestInstallReplacesFilesAndLeavesThoseThatAreOpen(t *testing.T) {
	root := t.TempDir()
	program := filepath.Join(root, "usr/local/bin/runtime")
	for name, content := range map[string]string{"usr/local/bin/runtime": "old", "usr/local/bin/gone": "old", "etc/other": "stays"} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	running, err := os.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()

	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	for _, header := range []tar.Header{
		{Name: "usr/local/bin/runtime", Typeflag: tar.TypeReg, Mode: 0o755, Size: 3},
		{Name: "etc/wants/unit", Typeflag: tar.TypeSymlink, Linkname: "../unit", Mode: 0o777},
	} {
		if err := writer.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if header.Size > 0 {
			if _, err := writer.Write([]byte("new")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	shell(t, archive.Bytes(), installScript, root+"/", "usr/local/bin/gone", "usr/local/bin/never-there")

	content, err := os.ReadFile(program)
	if err != nil || string(content) != "new" {
		t.Errorf("the program is %q, %v", content, err)
	}
	if info, err := os.Stat(program); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the program is %v, %v", info, err)
	}
	old := make([]byte, 3)
	if _, err := running.Read(old); err != nil || string(old) != "old" {
		t.Errorf("the program that runs is %q, %v", old, err)
	}
	if link, err := os.Readlink(filepath.Join(root, "etc/wants/unit")); err != nil || link != "../unit" {
		t.Errorf("the link is %q, %v", link, err)
	}
	for name, there := range map[string]bool{"usr/local/bin/gone": false, "etc/other": true, "var/lib/assay-upgrade": false, "var/lib/assay-upgrade.list": false} {
		if _, err := os.Stat(filepath.Join(root, name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRemainsFindsMonitors(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	const nobody = "00000000-aaaa-bbbb-cccc-000000000000"
	if said := shell(t, []byte(id), remainsScript, nobody); said != "" {
		t.Errorf("of a pod that is not there: %q", said)
	}
	if said := shell(t, nil, remainsScript, nobody); said != "" {
		t.Errorf("without IDs: %q", said)
	}
	monitor := exec.CommandContext(t.Context(), "sh", "-c", "read line; exit", id)
	stdin, err := monitor.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := monitor.Start(); err != nil {
		t.Fatal(err)
	}
	said := shell(t, []byte(id), remainsScript, nobody)
	_ = stdin.Close()
	_ = monitor.Wait()
	if !strings.HasPrefix(said, "monitor ") || strings.Contains(said, "\n") {
		t.Errorf("with a monitor: %q", said)
	}
}

func TestCounterCounts(t *testing.T) {
	script := strings.ReplaceAll(count, file, filepath.Join(t.TempDir(), "file"))
	ctx, cancel := context.WithCancel(t.Context())
	command := exec.CommandContext(ctx, "sh", "-c", script)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	lines := bufio.NewScanner(output)
	for range 3 {
		lines.Scan()
		log.WriteString("2026-03-01T02:00:00.5Z " + lines.Text() + "\n")
	}
	cancel()
	_ = command.Wait()
	parsed, err := parseLog(log.String())
	if err != nil || len(parsed) != 3 || gap(parsed) != "" || parsed[0].Process != parsed[2].Process {
		t.Errorf("%v, %v", parsed, err)
	}
}
