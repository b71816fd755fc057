package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"assay/framework/engine"
)

// Severity says how bad a lack is.
type Severity string

const (
	// Blocks means that nothing can run before it is mended.
	Blocks Severity = "blocks"
	// Restricts means that the columns run, and differ from those of an ordinary machine.
	Restricts Severity = "restricts"
	// Notes means that the columns are as elsewhere.
	Notes Severity = "notes"
)

// Finding is something that the machine lacks.
type Finding struct {
	Severity Severity `json:"severity"`
	// Lack is what is missing, Meaning what follows for the columns, Fix what to do about it where
	// something can be done.
	Lack    string `json:"lack"`
	Meaning string `json:"meaning"`
	Fix     string `json:"fix,omitempty"`
}

// Report is the facts and what follows from them.
type Report struct {
	Facts    Facts     `json:"host"`
	Findings []Finding `json:"findings"`
}

const (
	gigabyte = 1 << 30
	// What two columns need: their nodes' memory is about 1.2 GB, building adds 4 GB; images, volumes and
	// the Go build cache take 12 GB.
	wantMemory = 4 * gigabyte
	wantDisk   = 15 * gigabyte
	wantCores  = 2
	// wantFiles is what systemd, the kubelet and a runtime get by with.
	wantFiles = 8192
)

// Diagnose says what follows from the facts. The most severe findings are first.
func Diagnose(facts Facts) Report {
	var findings []Finding
	add := func(severity Severity, when bool, lack, meaning, fix string) {
		if when {
			findings = append(findings, Finding{severity, lack, meaning, fix})
		}
	}
	feature := func(name string) bool { return facts.Features[name] == "no" }

	install := "install Docker, Podman 4 or later, or nerdctl"
	if facts.Root && facts.Debian() {
		install = "nothing: assay installs Podman from the distribution's packages"
	}
	severity := Blocks
	if facts.Root && facts.Debian() {
		severity = Notes
	}
	add(severity, facts.Engine == nil, "a container engine that answers ("+facts.EngineError+")", "no kind cluster can be made", install)
	add(Blocks, facts.Go == "", "a Go toolchain", "the runtimes and node images cannot be built; ready node images (image: in the matrix) work", "install Go 1.26 or later")
	add(Restricts, facts.UserNamespaces == 0 || feature("user namespaces"), "user namespaces", "pods with hostUsers: false cannot run; their checks are unsupported", "")
	add(Blocks, feature("overlay file system"), "the overlay file system", "the runtimes cannot unpack images in the nodes", "")
	add(Restricts, feature("seccomp filters") || len(facts.SeccompActions) == 0, "seccomp filters", "no seccomp profile can be applied; all checks of seccomp are unsupported", "")

	add(Restricts, facts.Cgroup == engine.CgroupHybrid, "cgroup v2 (the machine has hybrid cgroups)",
		"nodes run on cgroup v1 with the cgroupfs driver; Podman is used with runc; memory.min, memory.high and swap of pods are unsupported", "boot with systemd.unified_cgroup_hierarchy=1")
	add(Restricts, facts.Cgroup == engine.CgroupV1, "cgroup v2",
		"nodes run on cgroup v1 with the cgroupfs driver; memory.min, memory.high and swap of pods are unsupported", "boot with systemd.unified_cgroup_hierarchy=1")
	if len(facts.MissingCapabilities) > 0 {
		add(Restricts, true, "the "+plural(len(facts.MissingCapabilities), "capability", "capabilities")+" "+strings.Join(facts.MissingCapabilities, ", "),
			capabilityMeaning(facts), "")
	}
	add(Restricts, !slices.Contains(facts.LSMs, "apparmor") && !slices.Contains(facts.LSMs, "selinux"), "AppArmor and SELinux",
		"the runtimes apply no profile or label; denials in the checks come from seccomp and capabilities alone", "")
	add(Restricts, !slices.Contains(facts.SeccompActions, "user_notif"), "seccomp user notification", "the syscall tables cannot be read; seccomp/syscall-table is unsupported", "")
	add(Restricts, feature("loadable modules"), "loadable kernel modules", "what the kernel was not built with cannot be had", "")
	add(Restricts, feature("SCTP"), "SCTP", "checks of SCTP are unsupported", "")
	add(Restricts, facts.OpenFiles < wantFiles, fmt.Sprintf("open files: the hard limit is %d", facts.OpenFiles), "the kubelet and the runtimes may run out of them", "raise the limit (ulimit -n)")
	add(Restricts, facts.MemoryAvailableBytes < wantMemory, fmt.Sprintf("memory: %.1f GB are available", gigabytes(facts.MemoryAvailableBytes)),
		"two columns need 4 GB with what builds them", "run the columns one after the other (--columns)")
	add(Restricts, facts.DiskFreeBytes < wantDisk, fmt.Sprintf("disk space: %.1f GB are free in %s", gigabytes(facts.DiskFreeBytes), facts.DiskPath),
		"the first run needs about 15 GB", "make room")
	add(Restricts, facts.Cores < wantCores, "cores: there is one", "control planes may lose their timing", "")

	add(Notes, !facts.ModulesDirectory, "/lib/modules", "kind mounts it into every node", modulesFix(facts))
	add(Notes, feature("NFT_QUEUE"), "NFT_QUEUE", "kindnet cannot enforce NetworkPolicy; kube-router does", "")
	add(Notes, feature("IPIP"), "IPIP", "kube-router runs without overlay, as the columns have it", "")
	add(Notes, feature("IP_VS"), "IP_VS", "services go through kube-proxy in iptables mode, as the columns have it", "")
	add(Notes, feature("hugetlb cgroup"), "the hugetlb cgroup controller", "limits of huge pages are taken out of containers by the shim", "")
	add(Notes, facts.InotifyInstances < 512, fmt.Sprintf("inotify instances: the limit is %d", facts.InotifyInstances), "four nodes take about 100", inotifyFix(facts))
	add(Notes, len(facts.Features) == 0, "the kernel's configuration (no /proc/config.gz, none in /boot)", "which features the kernel has is found out by the checks", "")

	slices.SortStableFunc(findings, func(a, b Finding) int { return rank(a.Severity) - rank(b.Severity) })
	return Report{Facts: facts, Findings: findings}
}

func capabilityMeaning(facts Facts) string {
	meaning := "containers cannot have what their node has not: privileged containers and `add: [ALL]` have fewer capabilities; " +
		"CRI-O asks for all that the kernel knows, so the OCI runtime shim takes them out"
	if facts.Lacks("SYS_RESOURCE") {
		meaning += fmt.Sprintf("; without SYS_RESOURCE limits cannot be raised (nodes get nofile=%d) and a negative oom_score_adj cannot be set, which the shim takes out too", facts.OpenFiles)
	}
	if facts.Lacks("SYS_ADMIN") {
		meaning += "; without SYS_ADMIN no node can run"
	}
	return meaning
}

func modulesFix(facts Facts) string {
	if facts.Root {
		return "nothing: assay makes the empty directory"
	}
	return "sudo mkdir -p /lib/modules"
}

func inotifyFix(facts Facts) string {
	if facts.Root {
		return "nothing: assay raises it when it is needed"
	}
	return "sudo sysctl -w fs.inotify.max_user_instances=1024"
}

func rank(s Severity) int { return slices.Index([]Severity{Blocks, Restricts, Notes}, s) }

func plural(count int, one, many string) string {
	if count == 1 {
		return one
	}
	return many
}

func gigabytes(bytes uint64) float64 { return float64(bytes) / gigabyte }

// WriteJSON writes the report as JSON.
func (r Report) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteText writes the report for people.
func (r Report) WriteText(out io.Writer) error {
	f := r.Facts
	engineText := "none answers"
	if f.Engine != nil {
		engineText = f.Engine.Name + " " + f.Engine.Version
	}
	var text strings.Builder
	line := func(name, format string, values ...any) {
		fmt.Fprintf(&text, "  %-14s %s\n", name, fmt.Sprintf(format, values...))
	}
	text.WriteString("This machine has\n")
	line("system", "%s, kernel %s, %s", orUnknown(f.DistributionName), f.Kernel, f.Arch)
	line("cores", "%d", f.Cores)
	line("memory", "%.1f GB, %.1f GB available", gigabytes(f.MemoryBytes), gigabytes(f.MemoryAvailableBytes))
	line("disk", "%.1f GB free in %s", gigabytes(f.DiskFreeBytes), f.DiskPath)
	line("engine", "%s", engineText)
	line("go", "%s", orUnknown(f.Go))
	line("cgroups", "%s, so the cgroup driver is %s", f.Cgroup, f.CgroupDriver())
	line("limits", "%d open files, %d processes, %d inotify instances", f.OpenFiles, f.Processes, f.InotifyInstances)
	line("LSMs", "%s", orUnknown(strings.Join(f.LSMs, ", ")))
	line("seccomp", "%s", orUnknown(strings.Join(f.SeccompActions, ", ")))
	names := make([]string, 0, len(f.Features))
	for name, state := range f.Features {
		if state != "no" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	line("kernel has", "%s", orUnknown(strings.Join(names, ", ")))
	for _, severity := range []Severity{Blocks, Restricts, Notes} {
		title := map[Severity]string{
			Blocks: "It lacks, and nothing runs without", Restricts: "It lacks, and the columns are different for it", Notes: "It lacks, and nothing follows for the columns",
		}[severity]
		for _, finding := range r.Findings {
			if finding.Severity != severity {
				continue
			}
			if title != "" {
				fmt.Fprintf(&text, "\n%s\n", title)
				title = ""
			}
			fmt.Fprintf(&text, "  - %s\n      %s\n", finding.Lack, finding.Meaning)
			if finding.Fix != "" {
				fmt.Fprintf(&text, "      fix: %s\n", finding.Fix)
			}
		}
	}
	fmt.Fprintf(&text, "\n%s\n", r.verdict())
	_, err := io.WriteString(out, text.String())
	return err
}

// Blocked says whether something has to be mended before anything can run.
func (r Report) Blocked() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == Blocks })
}

func (r Report) verdict() string {
	switch {
	case r.Blocked():
		return "The columns cannot run here."
	case slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == Restricts }):
		return "The columns run here; what the machine lacks is recorded in the results."
	}
	return "The columns run here as on any machine."
}

func orUnknown(text string) string {
	if text == "" {
		return "none known"
	}
	return text
}
