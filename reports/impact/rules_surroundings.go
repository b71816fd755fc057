package impact

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"assay/reports/difference"
)

const (
	homeAndEnv  = "user/home-and-env"
	unknownUser = "user/run-as-user-unknown"
	passwdEntry = "user/etc-passwd-entry"
	extraFiles  = "fs/extra-files"
	maskedPaths = "fs/masked-paths"
	readOnly    = "fs/read-only-paths"
	etcFiles    = "fs/read-only-root-etc-files"
	devices     = "priv/default-devices"
	defaults    = "sysctl/defaults"
)

func surroundingRules() []Rule {
	return []Rule{
		{ID: "environment", Checks: []string{homeAndEnv, unknownUser}, find: environment},
		{ID: "passwd-entry", Checks: []string{passwdEntry}, find: passwdEntries},
		{ID: "path", Checks: []string{extraFiles, maskedPaths, readOnly, etcFiles, devices}, find: paths},
		{ID: "sysctl-default", Checks: []string{defaults}, find: sysctlDefaults},
	}
}

// environment finds containers that use a variable which the runtime no longer sets, or sets otherwise.
func environment(c *Comparison, w *Workload) []Finding {
	var findings []Finding
	for _, check := range []string{homeAndEnv, unknownUser} {
		change, differs := c.Change(check)
		if !differs {
			continue
		}
		for _, k := range w.containers() {
			nonRoot, _ := k.nonRoot()
			for _, value := range change.Values {
				if value.Before == value.After || value.Before == difference.Absent || len(value.Path) == 0 {
					continue
				}
				if who := value.Path[0]; len(value.Path) > 1 && (who == "uid 0") == nonRoot {
					continue
				}
				name := value.Path[len(value.Path)-1]
				if finding, is := variable(change, value, k, name); is && !slices.ContainsFunc(findings, func(f Finding) bool { return f.Path == finding.Path && f.What == finding.What }) {
					findings = append(findings, finding)
				}
			}
		}
	}
	return findings
}

func variable(change Change, value difference.Value, k container, name string) (Finding, bool) {
	if slices.ContainsFunc(k.Env, func(env corev1.EnvVar) bool { return env.Name == name }) {
		return Finding{}, false
	}
	fix := fmt.Sprintf("set %s in env", name)
	for _, text := range []string{"$" + name, "${" + name, "$(" + name + ")"} {
		if at, mentioned := k.mentions(text); mentioned {
			return change.finding(MayBreak, at, value, fmt.Sprintf("uses the variable %s, which the runtime sets otherwise or not at all now. Check what it does with it.", name), fix), true
		}
	}
	if name == "TERM" && k.TTY && value.After == difference.Absent {
		return change.finding(MayBreak, k.at+".tty", value, "has a terminal, and TERM is no longer set. Check what is drawn on it.", fix), true
	}
	return Finding{}, false
}

// firstUser is the first uid that is no user of the system: images know the ones before that they run as.
const firstUser = 1000

// passwdEntries finds users that images do not know, with programs that ask for their name.
func passwdEntries(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(passwdEntry)
	value, differs := change.Value("entry")
	if !differs || value.After != "none" {
		return nil
	}
	asks := []string{"git", "ssh", "scp", "sftp", "rsync", "initdb", "postgres", "whoami", "java", "spark-submit", "ansible", "ansible-playbook", "npm"}
	images := []string{"postgres", "spark", "git-sync", "jenkins", "ansible", "gitlab-runner", "notebook", "jupyter"}
	var findings []Finding
	for _, k := range w.containers() {
		uid, at := k.user()
		if uid == nil || *uid == 0 {
			continue
		}
		who := ""
		if called := k.calls(asks); len(called) > 0 {
			who = called[0].program
		} else if *uid >= firstUser && k.isImage(images) {
			who = k.Image
		}
		if who != "" {
			findings = append(findings, change.finding(MayBreak, at, value,
				fmt.Sprintf("runs %s as uid %d, which has no entry in /etc/passwd any more unless the image has one. Check the image's /etc/passwd.", who, *uid), "add the user to the image"))
		}
	}
	return findings
}

// paths finds commands that name a path which is gone, hidden or read-only.
func paths(c *Comparison, w *Workload) []Finding {
	var findings []Finding
	for _, check := range []string{extraFiles, maskedPaths, readOnly, etcFiles, devices} {
		change, differs := c.Change(check)
		if !differs {
			continue
		}
		for _, value := range change.Values {
			if value.Before == value.After || len(value.Path) == 0 {
				continue
			}
			path, of := value.Path[len(value.Path)-1], value.Path[0]
			if check == devices {
				path = "/dev/" + path
			}
			gone := value.After == difference.Absent || value.After == "absent" || value.After == "masked" || value.After == "ro"
			if !gone || !strings.HasPrefix(path, "/") || strings.Count(path, "/") < 2 {
				continue
			}
			for _, k := range w.containers() {
				if of == "privileged" != k.privileged() && len(value.Path) > 1 && check == extraFiles || k.privileged() && check != extraFiles || k.mounted(path) {
					continue
				}
				if at, mentioned := k.mentions(path); mentioned {
					findings = append(findings, change.finding(MayBreak, at, value, fmt.Sprintf("names %s, which changes from %s to %s. Check what it needs it for.", path, value.Before, value.After), "mount what it needs as a volume"))
				}
			}
		}
	}
	return findings
}

// sysctlDefaults finds images that are known to depend on a kernel setting whose default changes for the
// worse, in pods that do not set it. The ranges of ping and of ports have rules of their own.
func sysctlDefaults(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(defaults)
	needs := map[string][]string{
		"net.ipv4.ip_forward":      {"wireguard", "openvpn", "tailscale", "kube-router", "frr", "squid"},
		"net.core.somaxconn":       {"redis", "nginx", "haproxy", "envoy", "valkey"},
		"kernel.shmmax":            {"postgres", "oracle", "db2", "sap-hana"},
		"kernel.shmall":            {"postgres", "oracle", "db2", "sap-hana"},
		"kernel.shmmni":            {"oracle", "db2"},
		"kernel.pid_max":           {"elasticsearch", "scylla"},
		"net.ipv4.tcp_syncookies":  {"haproxy", "envoy"},
		"fs.mqueue.msg_max":        {"freeswitch", "asterisk"},
		"net.ipv4.tcp_tw_reuse":    {"haproxy", "envoy", "squid"},
		"net.ipv4.tcp_fin_timeout": {"haproxy", "envoy", "squid"},
	}
	var findings []Finding
	for _, value := range change.Values {
		if value.Before == value.After || number(value.After) >= number(value.Before) {
			continue
		}
		if _, set := w.sysctl(value.Name()); set {
			continue
		}
		for _, k := range w.containers() {
			if k.isImage(needs[value.Name()]) {
				findings = append(findings, change.finding(MayBreak, k.at+".image", value,
					fmt.Sprintf("the image %s depends on %s, whose default is lower now. Check its log for warnings.", k.Image, value.Name()), "set it in "+w.path("securityContext.sysctls")))
			}
		}
	}
	return findings
}
