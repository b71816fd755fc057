package probe_test

import (
	"strings"
	"testing"

	"assay/framework/probe"
)

func TestWriteTextNamesEverything(t *testing.T) {
	var text strings.Builder
	err := probe.Inspection{
		Facts:        probe.Facts{UID: 1000, Seccomp: 2, SeccompFilters: 1, LSM: "evil\x1b[2J"},
		Capabilities: map[string][]string{"CapEff": {"CHOWN", "KILL"}},
		Syscalls:     map[string]string{"mount": "EPERM", "unshare": "ENOSYS", "getpid": "allow"},
		Masked:       []string{"/proc/kcore"}, ReadOnly: []string{"/proc/sys"},
		Sysctls:  map[string]string{"net.ipv4.ip_forward": "1"},
		Problems: map[string]string{"rlimits": "no"},
	}.WriteText(&text)
	if err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []string{
		"uid 1000", "CHOWN, KILL", "filter, 1 filters", "mount", "ENOSYS", "unshare", "/proc/kcore", "/proc/sys", "ip_forward", "rlimits",
	} {
		if !strings.Contains(text.String(), wanted) {
			t.Errorf("the text leaves out %q:\n%s", wanted, text.String())
		}
	}
	if strings.ContainsRune(text.String(), '\x1b') {
		t.Error("a terminal's control character is in the text")
	}
}

func TestWriteTextBreaksLongLists(t *testing.T) {
	names := strings.Fields(strings.Repeat("a-name-of-some-length ", 30))
	var text strings.Builder
	if err := (probe.Inspection{Masked: names}).WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text.String()) {
		if len(line) > 130 {
			t.Errorf("a line of %d characters: %s", len(line), line)
		}
	}
	if strings.Count(text.String(), "a-name-of-some-length") != len(names) {
		t.Error("names are lost")
	}
}
