package probe

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// textWidth is how wide a list of names is written, in characters.
const textWidth = 100

// WriteText writes the report for a reader. What comes from the container is written without control
// characters, which a terminal would obey.
func (i Inspection) WriteText(out io.Writer) error {
	w := &report{}
	f := i.Facts
	w.section("Process")
	w.line("user", fmt.Sprintf("uid %d, euid %d, gid %d, egid %d, groups %v", f.UID, f.EUID, f.GID, f.EGID, f.Groups))
	w.line("pid", fmt.Sprint(f.PID))
	w.line("no_new_privs", fmt.Sprint(f.NoNewPrivs))
	w.line("kernel", f.Kernel+" "+f.Arch)

	w.section("Capabilities")
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		w.list(set, i.Capabilities[set])
	}
	i.writeSeccomp(w)

	w.section("Namespaces")
	w.table(i.Namespaces)
	w.section("IDs on the node")
	w.table(i.IDMappings)
	w.section("cgroup")
	w.table(i.Cgroup)
	w.table(i.Limits)
	w.section("Time")
	w.table(i.Time)
	w.section("Paths")
	w.list("masked", i.Masked)
	w.list("read-only", i.ReadOnly)
	w.section("LSM")
	w.line("label", orNone(f.LSM))
	w.line("active", orNone(i.LSMs))
	w.section("Limits (soft, hard)")
	w.table(i.Rlimits)
	w.section("Sysctls")
	w.table(i.Sysctls)
	if len(i.Problems) > 0 {
		w.section("Not found out")
		w.table(i.Problems)
	}
	_, err := w.text.WriteTo(out)
	return err
}

// writeSeccomp groups the calls by answer: what is allowed is the longest list and says the least, so
// it is counted only.
func (i Inspection) writeSeccomp(w *report) {
	w.section("Seccomp")
	modes := map[int]string{0: "off", 1: "strict", 2: "filter"}
	mode, known := modes[i.Facts.Seccomp]
	if !known {
		mode = fmt.Sprint(i.Facts.Seccomp)
	}
	w.line("mode", fmt.Sprintf("%s, %d filters", mode, i.Facts.SeccompFilters))
	byAnswer := map[string][]string{}
	for name, answer := range i.Syscalls {
		byAnswer[answer] = append(byAnswer[answer], name)
	}
	for _, answer := range slices.Sorted(maps.Keys(byAnswer)) {
		names := byAnswer[answer]
		slices.Sort(names)
		if answer == "allow" {
			w.line(answer, fmt.Sprintf("%d calls and variants", len(names)))
			continue
		}
		w.list(answer, names)
	}
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// report gathers lines.
type report struct{ text bytes.Buffer }

func (r *report) section(name string) {
	if r.text.Len() > 0 {
		r.text.WriteByte('\n')
	}
	r.text.WriteString(name + "\n")
}

func (r *report) line(name, value string) {
	fmt.Fprintf(&r.text, "  %-14s %s\n", plain(name), plain(value))
}

func (r *report) table(values map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		r.line(name, values[name])
	}
}

// list writes names over as many lines as they take, with their number.
func (r *report) list(name string, entries []string) {
	if len(entries) == 0 {
		r.line(name, "none")
		return
	}
	current := fmt.Sprintf("%d:", len(entries))
	for i, entry := range entries {
		separator := " "
		if i > 0 {
			separator = ", "
		}
		if len(current)+len(separator)+len(entry) > textWidth {
			r.line(name, current+",")
			name, current, separator = "", "", ""
		}
		current += separator + entry
	}
	r.line(name, current)
}

// plain is a text without control characters.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, text)
}
