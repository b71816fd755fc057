package impact

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"assay/reports/difference"
	"assay/reports/programs"
)

const (
	syscallTable  = "seccomp/syscall-table"
	openedTable   = "seccomp/table-with-capability"
	dockerDialect = "seccomp/localhost-docker-dialect"
	unsetProfile  = "seccomp/unset"
	mountSysAdmin = "seccomp/mount-sys-admin"
	allow         = "allow"
	mostCalls     = 6
)

func seccompRules() []Rule {
	return []Rule{
		{ID: "syscall-closed", Checks: []string{syscallTable, openedTable}, find: closedCalls},
		{ID: "syscall-errno", Checks: []string{syscallTable}, find: fatalErrnos},
		{ID: "mount-sys-admin", Checks: []string{mountSysAdmin}, find: mountsWithSysAdmin},
		{ID: "localhost-dialect", Checks: []string{dockerDialect}, find: localhostProfiles},
		{ID: "seccomp-unset", Checks: []string{unsetProfile}, find: newlyConfined},
	}
}

// filtered says that a container is under RuntimeDefault on both sides, and where that is said.
func (c container) filtered() (at string, is bool) {
	profile, at := c.seccomp()
	return at + ".type", profile != nil && profile.Type == corev1.SeccompProfileTypeRuntimeDefault && !c.privileged()
}

// answers are what RuntimeDefault answers to a container, before and after, with the capabilities that it
// adds taken into account.
func answers(c *Comparison, k container) []difference.Value {
	table, _ := c.Change(syscallTable)
	with, _ := c.Change(openedTable)
	values := slices.Clone(table.Values)
	for i, value := range values {
		for _, opened := range with.Values {
			if len(opened.Path) != 2 || opened.Path[1] != value.Name() || !k.adds(opened.Path[0]) {
				continue
			}
			if _, answer, found := strings.Cut(opened.Before, " -> "); found {
				values[i].Before = answer
			}
			if _, answer, found := strings.Cut(opened.After, " -> "); found {
				values[i].After = answer
			}
		}
	}
	return values
}

// closedCalls finds containers under RuntimeDefault whose program is known to use calls that it no longer
// allows, or answers with another errno.
func closedCalls(c *Comparison, w *Workload) []Finding {
	change, differs := c.Change(syscallTable)
	if !differs {
		return nil
	}
	var findings []Finding
	for _, k := range w.containers() {
		at, is := k.filtered()
		if !is {
			continue
		}
		values := answers(c, k)
		for _, family := range programs.Families() {
			who, where := k.program(family)
			if who == "" {
				continue
			}
			var closed []string
			var first difference.Value
			for _, value := range values {
				if family.HasCall(value.Name()) && value.Before == allow && value.After != allow && value.After != difference.Absent {
					if closed = append(closed, value.Name()); len(closed) == 1 {
						first = value
					}
				}
			}
			if len(closed) == 0 {
				continue
			}
			grade := MayBreak
			if where != k.at+".image" && family.Fallback == "" {
				grade = Breaks
			}
			what := fmt.Sprintf("runs %s under RuntimeDefault, which no longer allows %s (%s).", who, short(closed), family.Name)
			if grade == MayBreak {
				what += " Check that it runs without"
				if family.Fallback != "" {
					what += "; " + family.Fallback
				}
				what += "."
			}
			findings = append(findings, change.finding(grade, at, first, what, "use a Localhost profile that allows these calls"))
		}
	}
	return findings
}

func short(names []string) string {
	if len(names) > mostCalls {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostCalls], ", "), len(names)-mostCalls)
	}
	return strings.Join(names, ", ")
}

// program finds a program or image of the container that is known to need something.
func (c container) program(need programs.Need) (who, at string) {
	if called := c.calls(slices.Concat(need.Commands, need.Maybe)); len(called) > 0 {
		return called[0].program, called[0].at
	}
	if c.isImage(need.Images) {
		return c.Image, c.at + ".image"
	}
	return "", ""
}

// fatalErrnos finds containers under RuntimeDefault where a call that the C library tries first gets an
// answer other than ENOSYS, which it takes as a failure; every program may be touched.
func fatalErrnos(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(syscallTable)
	var findings []Finding
	for _, k := range w.containers() {
		at, is := k.filtered()
		if !is {
			continue
		}
		for _, value := range answers(c, k) {
			worse := value.Before == allow || value.Before == "ENOSYS"
			if worse && slices.Contains(programs.Fallbacks(), value.Name()) && value.After != allow && value.After != "ENOSYS" && value.After != difference.Absent {
				findings = append(findings, change.finding(MayBreak, at, value,
					fmt.Sprintf("is under RuntimeDefault, which answers %s with %s now; the C library falls back on ENOSYS only. Check that the program starts.", value.Name(), value.After),
					"use a Localhost profile that allows the call or answers ENOSYS"))
				break
			}
		}
	}
	return findings
}

// mountsWithSysAdmin finds containers that add SYS_ADMIN under RuntimeDefault, where mount no longer works.
func mountsWithSysAdmin(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(mountSysAdmin)
	value, differs := change.Value("RuntimeDefault")
	if !differs || !strings.HasPrefix(value.Before, "allowed") {
		return nil
	}
	var findings []Finding
	for _, k := range w.containers() {
		if at, is := k.filtered(); is && k.adds("SYS_ADMIN") {
			findings = append(findings, change.finding(MayBreak, at, value,
				"adds SYS_ADMIN under RuntimeDefault, which no longer lets it mount. Check whether it mounts.", "use a Localhost profile that allows mount, or Unconfined"))
		}
	}
	return findings
}

// localhostProfiles finds Localhost profiles in a dialect that the sides read differently.
func localhostProfiles(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(dockerDialect)
	var opened, closed []string
	var first difference.Value
	for _, value := range change.Values {
		switch {
		case value.Before == value.After:
			continue
		case value.After == allow:
			opened = append(opened, value.Name())
		default:
			closed = append(closed, value.Name())
		}
		if len(opened)+len(closed) == 1 {
			first = value
		}
	}
	if len(opened)+len(closed) == 0 {
		return nil
	}
	var effects []string
	if len(closed) > 0 {
		effects = append(effects, "blocks "+short(closed))
	}
	if len(opened) > 0 {
		effects = append(effects, "no longer blocks "+short(opened))
	}
	effect := strings.Join(effects, " and ")
	const fix = "write the profile as a plain OCI profile, without archMap, includes and excludes"
	var findings []Finding
	seen := map[string]bool{}
	for _, k := range w.containers() {
		profile, at := k.seccomp()
		at += ".localhostProfile"
		if profile == nil || profile.Type != corev1.SeccompProfileTypeLocalhost || profile.LocalhostProfile == nil || k.privileged() || seen[at] {
			continue
		}
		seen[at] = true
		name := *profile.LocalhostProfile
		kind, err := c.profiles.look(name)
		switch {
		case err == nil && kind == dialectProfile:
			findings = append(findings, change.finding(Breaks, at, first,
				fmt.Sprintf("the profile %s is in Docker's dialect (archMap, includes, excludes) and means another filter: in the suite's example it %s.", name, effect), fix))
		case err != nil || kind == notRead:
			findings = append(findings, change.finding(MayBreak, at, first,
				fmt.Sprintf("uses the profile %s, which was not read; a profile in Docker's dialect %s. Check it for archMap, includes and excludes, or give --profiles.", name, effect), fix))
		}
	}
	return findings
}

// newlyConfined finds containers that name no profile, where the sides differ in what that means.
func newlyConfined(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(unsetProfile)
	value, differs := change.Value("Seccomp")
	if !differs || value.Before != "0" {
		return nil
	}
	var findings []Finding
	for _, k := range w.containers() {
		if profile, at := k.seccomp(); profile == nil && !k.privileged() {
			findings = append(findings, change.finding(MayBreak, at, value,
				"names no seccomp profile: it ran without a filter and gets the default one now. Check that it does not use calls which that blocks.",
				"set seccompProfile to RuntimeDefault and test it, or to Unconfined where it must be"))
		}
	}
	return findings
}
