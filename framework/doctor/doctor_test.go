package doctor

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"assay/framework/engine"
)

// ordinary is a machine that lacks nothing.
func ordinary() Facts {
	facts := Facts{
		Machine: engine.Machine{
			Root: true, Distribution: "debian", DistributionName: "Debian GNU/Linux 13 (trixie)", Cgroup: engine.CgroupV2,
			OpenFiles: 1 << 20, Processes: 1 << 20, PIDMax: 1 << 22, ModulesDirectory: true,
		},
		Kernel: "6.12.0", Arch: "amd64", Cores: 4, MemoryBytes: 16 * gigabyte, MemoryAvailableBytes: 12 * gigabyte,
		DiskFreeBytes: 100 * gigabyte, DiskPath: "/var/lib/containers", LSMs: []string{"capability", "apparmor"},
		SeccompActions: []string{"errno", "user_notif", "allow"}, InotifyInstances: 1024, UserNamespaces: 10000,
		Features: map[string]string{}, Engine: &EngineFacts{Name: "podman", Version: "5.4.2"}, Go: "go1.26.8",
	}
	for name := range features {
		facts.Features[name] = "yes"
	}
	return facts
}

func TestDiagnose(t *testing.T) {
	tests := map[string]struct {
		change   func(*Facts)
		severity Severity
		lack     string
		meaning  string
	}{
		"no engine, root on Debian":  {func(f *Facts) { f.Engine, f.EngineError = nil, "docker is not installed" }, Notes, "docker is not installed", ""},
		"no engine, somebody else":   {func(f *Facts) { f.Engine, f.Root = nil, false }, Blocks, "engine", ""},
		"no Go":                      {func(f *Facts) { f.Go = "" }, Blocks, "Go", ""},
		"hybrid cgroups":             {func(f *Facts) { f.Cgroup = engine.CgroupHybrid }, Restricts, "hybrid", "cgroupfs"},
		"cgroup v1":                  {func(f *Facts) { f.Cgroup = engine.CgroupV1 }, Restricts, "cgroup v2", "cgroupfs"},
		"without SYS_RESOURCE":       {func(f *Facts) { f.MissingCapabilities = []string{"SYS_RESOURCE"} }, Restricts, "SYS_RESOURCE", "oom_score_adj"},
		"without another capability": {func(f *Facts) { f.MissingCapabilities = []string{"SYS_TIME"} }, Restricts, "SYS_TIME", "privileged"},
		"no LSM":                     {func(f *Facts) { f.LSMs = nil }, Restricts, "AppArmor", "seccomp"},
		"no user notification":       {func(f *Facts) { f.SeccompActions = []string{"errno"} }, Restricts, "notification", "syscall-table"},
		"no seccomp":                 {func(f *Facts) { f.Features["seccomp filters"] = "no" }, Restricts, "seccomp filters", ""},
		"no NFT_QUEUE":               {func(f *Facts) { f.Features["NFT_QUEUE"] = "no" }, Notes, "NFT_QUEUE", "kube-router"},
		"no SCTP":                    {func(f *Facts) { f.Features["SCTP"] = "no" }, Restricts, "SCTP", ""},
		"little memory":              {func(f *Facts) { f.MemoryAvailableBytes = gigabyte }, Restricts, "1.0 GB", ""},
		"little disk":                {func(f *Facts) { f.DiskFreeBytes = 2 * gigabyte }, Restricts, "2.0 GB", ""},
		"few inotify instances":      {func(f *Facts) { f.InotifyInstances = 128 }, Notes, "128", ""},
		"no /lib/modules":            {func(f *Facts) { f.ModulesDirectory = false }, Notes, "/lib/modules", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			facts := ordinary()
			test.change(&facts)
			report := Diagnose(facts)
			i := slices.IndexFunc(report.Findings, func(f Finding) bool { return strings.Contains(f.Lack, test.lack) })
			if i < 0 {
				t.Fatalf("no finding with %q in %+v", test.lack, report.Findings)
			}
			if got := report.Findings[i]; got.Severity != test.severity || !strings.Contains(got.Meaning, test.meaning) {
				t.Errorf("got %+v, want severity %s and %q in the meaning", got, test.severity, test.meaning)
			}
			if report.Blocked() != (test.severity == Blocks) {
				t.Errorf("Blocked() is %t", report.Blocked())
			}
		})
	}
}

func TestAnOrdinaryMachineLacksNothing(t *testing.T) {
	if report := Diagnose(ordinary()); len(report.Findings) != 0 {
		t.Errorf("findings: %+v", report.Findings)
	}
}

func TestWrite(t *testing.T) {
	facts := ordinary()
	facts.MissingCapabilities = []string{"SYS_RESOURCE"}
	report := Diagnose(facts)
	var text, document bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"6.12.0", "podman 5.4.2", "systemd", "SYS_RESOURCE"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in:\n%s", want, text.String())
		}
	}
	if err := report.WriteJSON(&document); err != nil {
		t.Fatal(err)
	}
	var read Report
	if err := json.Unmarshal(document.Bytes(), &read); err != nil || len(read.Findings) != len(report.Findings) || read.Facts.Kernel != "6.12.0" {
		t.Errorf("the JSON does not read back: %v\n%s", err, document.String())
	}
}

func TestParseConfig(t *testing.T) {
	states := parseConfig(strings.NewReader("CONFIG_USER_NS=y\nCONFIG_IP_SCTP=m\n# CONFIG_IP_VS is not set\n"))
	for name, want := range map[string]string{"user namespaces": "yes", "SCTP": "module", "IP_VS": "no", "NFT_QUEUE": "no"} {
		if states[name] != want {
			t.Errorf("%s: %q, want %q", name, states[name], want)
		}
	}
}

func TestMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meminfo")
	if err := os.WriteFile(path, []byte("MemTotal:       2048 kB\nMemFree: 1 kB\nMemAvailable:   1024 kB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	total, available, err := memory(path)
	if err != nil || total != 2<<20 || available != 1<<20 {
		t.Errorf("got %d, %d, %v", total, available, err)
	}
}

func TestDiskFreeOfADirectoryThatDoesNotExistYet(t *testing.T) {
	if free, err := diskFree(filepath.Join(t.TempDir(), "a", "b")); err != nil || free == 0 {
		t.Errorf("got %d, %v", free, err)
	}
}

func TestCollect(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	facts, err := Collect(t.Context(), t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if facts.Kernel == "" || facts.MemoryBytes == 0 || facts.Engine != nil || facts.EngineError == "" {
		t.Errorf("got %+v", facts)
	}
}
