package impact

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// container is a container of a workload with what holds for it.
type container struct {
	corev1.Container
	// at is the path of the container.
	at string
	w  *Workload
}

// containers lists the containers of all kinds.
func (w *Workload) containers() []container {
	var all []container
	for i, c := range w.Spec.InitContainers {
		all = append(all, container{c, w.path("initContainers[%d]", i), w})
	}
	for i, c := range w.Spec.Containers {
		all = append(all, container{c, w.path("containers[%d]", i), w})
	}
	for i, c := range w.Spec.EphemeralContainers {
		all = append(all, container{corev1.Container(c.EphemeralContainerCommon), w.path("ephemeralContainers[%d]", i), w})
	}
	return all
}

// security is the container's securityContext; never nil.
func (c container) security() *corev1.SecurityContext {
	if c.SecurityContext == nil {
		return &corev1.SecurityContext{}
	}
	return c.SecurityContext
}

// podSecurity is the pod's securityContext; never nil.
func (w *Workload) podSecurity() *corev1.PodSecurityContext {
	if w.Spec.SecurityContext == nil {
		return &corev1.PodSecurityContext{}
	}
	return w.Spec.SecurityContext
}

func isTrue(value *bool) bool { return value != nil && *value }

func (c container) privileged() bool { return isTrue(c.security().Privileged) }

// escalates says that setuid programs and file capabilities can add rights.
func (c container) escalates() bool {
	allow := c.security().AllowPrivilegeEscalation
	return allow == nil || *allow
}

// user is the user that the manifest names, with the path of the field that does.
func (c container) user() (uid *int64, at string) {
	if uid := c.security().RunAsUser; uid != nil {
		return uid, c.at + ".securityContext.runAsUser"
	}
	if uid := c.w.podSecurity().RunAsUser; uid != nil {
		return uid, c.w.path("securityContext.runAsUser")
	}
	return nil, ""
}

// nonRoot says that the manifest itself keeps the container from running as root, and how.
func (c container) nonRoot() (is bool, how string) {
	if uid, _ := c.user(); uid != nil {
		return *uid != 0, fmt.Sprintf("as uid %d", *uid)
	}
	demanded := c.security().RunAsNonRoot
	if demanded == nil {
		demanded = c.w.podSecurity().RunAsNonRoot
	}
	return isTrue(demanded), "as a user that is not root"
}

// capabilityName is the name without prefix and in upper case, as the manifest means it.
func capabilityName(name corev1.Capability) string {
	return strings.TrimPrefix(strings.ToUpper(string(name)), "CAP_")
}

func (c container) adds(capability string) bool {
	set := c.security().Capabilities
	return set != nil && slices.ContainsFunc(set.Add, func(name corev1.Capability) bool {
		return capabilityName(name) == capability || capabilityName(name) == "ALL"
	})
}

func (c container) drops(capability string) bool {
	set := c.security().Capabilities
	return set != nil && slices.ContainsFunc(set.Drop, func(name corev1.Capability) bool {
		return capabilityName(name) == capability || capabilityName(name) == "ALL"
	})
}

// seccomp is the profile that holds for the container, nil where none is named, with the path.
func (c container) seccomp() (*corev1.SeccompProfile, string) {
	if profile := c.security().SeccompProfile; profile != nil {
		return profile, c.at + ".securityContext.seccompProfile"
	}
	return c.w.podSecurity().SeccompProfile, c.w.path("securityContext.seccompProfile")
}

// sysctl is the value that the pod sets, in either notation of its name.
func (w *Workload) sysctl(name string) (string, bool) {
	for _, set := range w.podSecurity().Sysctls {
		if strings.ReplaceAll(set.Name, "/", ".") == name {
			return set.Value, true
		}
	}
	return "", false
}

// use is a program that the manifest runs, with the path of the field that does.
type use struct{ program, at string }

// uses lists the programs that the manifest names: the command, or the args where they are a command of
// their own, exec probes and hooks. Of shell scripts every command counts.
func (c container) uses() []use {
	var all []use
	add := func(command []string, at string) {
		for _, program := range commands(command) {
			if u := (use{program, at}); !slices.Contains(all, u) {
				all = append(all, u)
			}
		}
	}
	switch {
	case len(c.Command) > 0:
		add(append(slices.Clone(c.Command), c.Args...), c.at+".command")
	case len(c.Args) > 0:
		add(c.Args, c.at+".args")
	}
	for name, probe := range map[string]*corev1.Probe{"livenessProbe": c.LivenessProbe, "readinessProbe": c.ReadinessProbe, "startupProbe": c.StartupProbe} {
		if probe != nil && probe.Exec != nil {
			add(probe.Exec.Command, c.at+"."+name+".exec.command")
		}
	}
	if c.Lifecycle != nil {
		for name, hook := range map[string]*corev1.LifecycleHandler{"postStart": c.Lifecycle.PostStart, "preStop": c.Lifecycle.PreStop} {
			if hook != nil && hook.Exec != nil {
				add(hook.Exec.Command, c.at+".lifecycle."+name+".exec.command")
			}
		}
	}
	slices.SortStableFunc(all, func(a, b use) int { return strings.Compare(a.at, b.at) })
	return all
}

// calls lists where the manifest runs one of the programs.
func (c container) calls(names []string) []use {
	return slices.DeleteFunc(c.uses(), func(u use) bool { return !slices.Contains(names, u.program) })
}

// runsOnly says that the manifest has a command, and that it runs nothing but these programs.
func (c container) runsOnly(names []string) bool {
	uses := c.uses()
	return len(c.Command) > 0 && len(uses) > 0 && !slices.ContainsFunc(uses, func(u use) bool { return !slices.Contains(names, u.program) })
}

// plain says that the manifest runs nothing but programs that are known to need no right.
func (c container) plain() bool { return c.runsOnly(slices.Concat(plainPrograms(), wrappers())) }

// idle says that the container only waits, for someone who runs the image's programs in it by exec.
func (c container) idle() bool {
	return c.runsOnly(slices.Concat(strings.Fields("sh bash ash sleep tail cat wait trap true : pause"), wrappers()))
}

// plainPrograms need no capability for what they are used for in scripts.
func plainPrograms() []string {
	return strings.Fields(`sh bash ash true false : echo printf sleep date cat head tail ls test [ [[ env export set cd exit trap wait read local return
		mkdir cp mv rm touch ln grep egrep sed awk cut tr sort uniq wc tee find basename dirname expr seq tar gzip gunzip base64 md5sum sha256sum jq
		wget curl nc nslookup dig psql pg_dump pg_dumpall pg_isready pg_restore mysql mysqldump mysqladmin redis-cli mongosh mongodump aws gsutil s3cmd rclone mc kubectl
		python python3 node java perl ruby php npm exec kill pause nginx redis-server`)
}

// imageName is the last part of the image's name without tag and digest, and the path before it.
func imageName(image string) (base, full string) {
	full, _, _ = strings.Cut(image, "@")
	if colon := strings.LastIndexByte(full, ':'); colon > strings.LastIndexByte(full, '/') {
		full = full[:colon]
	}
	return path.Base(full), full
}

// isImage says whether the image is one of those by its last name. Where the manifest runs only plain
// programs from it, the image's own program does not run.
func (c container) isImage(names []string) bool { return c.imageIn(names) && !c.plain() }

// imageIn says whether the image is one of those by its last name.
func (c container) imageIn(names []string) bool {
	base, _ := imageName(c.Image)
	return slices.Contains(names, base)
}

// wrappers run the command that follows their own options.
func wrappers() []string {
	return strings.Fields("exec env nohup nice ionice timeout time xargs sudo su-exec gosu setpriv tini dumb-init catatonit stdbuf chrt watch busybox catchsegv")
}

// commands are the names of the programs that a command line runs.
func commands(line []string) []string {
	if len(line) == 0 {
		return nil
	}
	name := path.Base(line[0])
	if slices.Contains([]string{"sh", "bash", "ash", "dash", "zsh"}, name) {
		for i, word := range line[1:] {
			if strings.HasPrefix(word, "-") && strings.HasSuffix(word, "c") && i+2 < len(line) {
				return append([]string{name}, script(line[i+2])...)
			}
		}
		return []string{name}
	}
	found := []string{name}
	if slices.Contains(wrappers(), name) {
		rest := line[1:]
		if takesUser := name == "gosu" || name == "su-exec"; takesUser && len(rest) > 0 {
			rest = rest[1:]
		}
		for i, word := range rest {
			if wrapped(word) {
				return append(found, commands(rest[i:])...)
			}
		}
	}
	return found
}

// wrapped says whether a word behind a wrapper is the command: no option, no variable, no number.
func wrapped(word string) bool {
	_, err := strconv.ParseFloat(strings.TrimRight(word, "smhd"), 64)
	return err != nil && !strings.HasPrefix(word, "-") && !strings.Contains(word, "=") && word != ""
}

// behindSubstitution is the rest of a word behind a command substitution, which begins no command.
var behindSubstitution = regexp.MustCompile(`\)[^\s;|&()]+`) //nolint:gochecknoglobals // a pattern

// script lists the programs in command position of a shell script. It is no parser: what it takes for a
// command and is none has no name that matters.
func script(text string) []string {
	const separators = ";|&()\n`"
	keywords := strings.Fields("if then else elif while until do ! { ( time exec")
	var found []string
	for _, line := range strings.Split(text, "\n") {
		if comment := strings.TrimSpace(line); strings.HasPrefix(comment, "#") {
			continue
		}
		for _, part := range strings.FieldsFunc(behindSubstitution.ReplaceAllString(line, ")"), func(r rune) bool { return strings.ContainsRune(separators, r) }) {
			words := strings.Fields(strings.TrimSuffix(part, "$"))
			for len(words) > 0 && (slices.Contains(keywords, words[0]) || strings.Contains(words[0], "=") && !strings.HasPrefix(words[0], "=")) {
				words = words[1:]
			}
			if len(words) == 0 || slices.Contains([]string{"done", "fi", "esac", "for", "case", "in", "}", `\`}, words[0]) {
				continue
			}
			for i, word := range words {
				words[i] = strings.Trim(word, `"'`)
			}
			for _, name := range commands(words) {
				if !slices.Contains(found, name) {
					found = append(found, name)
				}
			}
		}
	}
	return found
}

// mentions says whether the manifest names a text in the command, the args or a script of the container.
func (c container) mentions(text string) (string, bool) {
	for i, word := range c.Command {
		if strings.Contains(word, text) {
			return fmt.Sprintf("%s.command[%d]", c.at, i), true
		}
	}
	for i, word := range c.Args {
		if strings.Contains(word, text) {
			return fmt.Sprintf("%s.args[%d]", c.at, i), true
		}
	}
	return "", false
}
