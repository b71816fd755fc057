package knowledge_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"assay/reports/results"
	"assay/suites"
	"assay/suites/knowledge"
)

// TestEveryCheckHasAnEntry: one entry a check, with one sentence that ends and a link.
func TestEveryCheckHasAnEntry(t *testing.T) {
	table := knowledge.New()
	known := table.Checks()
	for _, check := range suites.Catalogue() {
		if !slices.Contains(known, check.ID) {
			t.Errorf("%s: no entry", check.ID)
		}
	}
	seen, texts := map[string]bool{}, map[string]string{}
	for _, id := range known {
		if seen[id] {
			t.Errorf("%s: two entries", id)
		}
		seen[id] = true
		meanings := table.Explain(id, nil, nil)
		if len(meanings) != 1 {
			t.Fatalf("%s: %d meanings of nothing in particular, want 1", id, len(meanings))
		}
		text, link := meanings[0].Text, meanings[0].Link
		if !strings.HasSuffix(text, ".") || strings.Contains(strings.TrimSuffix(text, "."), ". ") && id != "life/pod-ready-latency" {
			t.Errorf("%s: %q is not one sentence", id, text)
		}
		if other, twice := texts[text]; twice {
			t.Errorf("%s says the same as %s", id, other)
		}
		texts[text] = id
		if !strings.HasPrefix(link, "https://") {
			t.Errorf("%s: %q is no link", id, link)
		}
	}
	if got := table.Explain("no/such-check", nil, nil); got != nil {
		t.Errorf("an unknown check has %v", got)
	}
}

// TestRealDifferences: each difference of a real run has sentences with links, in both directions.
func TestRealDifferences(t *testing.T) {
	run, err := results.Load("../../reports/impact/testdata/results.json")
	if err != nil {
		t.Fatal(err)
	}
	table := knowledge.New()
	for _, check := range run.Differing() {
		row := run.Row(check.ID)
		for _, pair := range [][2]results.Cell{{row[0], row[1]}, {row[1], row[0]}} {
			meanings := table.Explain(check.ID, pair[0].Observed, pair[1].Observed)
			if len(meanings) == 0 {
				t.Errorf("%s: not explained", check.ID)
			}
			for _, m := range meanings {
				if !strings.HasPrefix(m.Link, "https://") || !strings.HasSuffix(m.Text, ".") {
					t.Errorf("%s: %q (%s)", check.ID, m.Text, m.Link)
				}
			}
		}
	}
}

func TestRefinements(t *testing.T) {
	tests := map[string]struct {
		check, before, after string
		has                  []string
	}{
		"a capability gone":        {"caps/default-set", `{"CapBnd":"2: CHOWN NET_RAW"}`, `{"CapBnd":"1: CHOWN"}`, []string{"NET_RAW is no longer", "ping", "adds it"}},
		"a capability new":         {"caps/default-set", `{"CapBnd":"1: CHOWN"}`, `{"CapBnd":"2: CHOWN NET_RAW"}`, []string{"NET_RAW is now", "drop"}},
		"inheritable":              {"caps/default-set", `{"CapInh":"none"}`, `{"CapInh":"1: CHOWN"}`, []string{"CapInh", "inherit"}},
		"non-root loses":           {"caps/nonroot-add", `{"CapEff":"1: NET_RAW"}`, `{"CapEff":"none"}`, []string{"no longer work"}},
		"non-root gains":           {"caps/nonroot-add", `{"CapEff":"none"}`, `{"CapEff":"1: NET_RAW"}`, []string{"now work"}},
		"privileged loses":         {"caps/privileged-nonroot", `{"CapEff":"CHOWN"}`, `{"CapEff":"none"}`, []string{"loses CHOWN", "fails"}},
		"ambient gained":           {"priv/inheritable-ambient", `{"CapAmb":"none"}`, `{"CapAmb":"CHOWN"}`, []string{"gains 1", "child processes"}},
		"unknown name refused":     {"caps/unknown-name", `{"add FLY":"exit 0"}`, `{"add FLY":"not started: X"}`, []string{"no longer starts"}},
		"unknown name ignored":     {"caps/unknown-name", `{"add FLY":"not started: X"}`, `{"add FLY":"exit 0"}`, []string{"now starts"}},
		"prefix honoured":          {"caps/prefix-and-case", `{"CAP_NET_RAW":"none"}`, `{"CAP_NET_RAW":"NET_RAW"}`, []string{"now granted"}},
		"prefix ignored":           {"caps/prefix-and-case", `{"CAP_NET_RAW":"NET_RAW"}`, `{"CAP_NET_RAW":"none"}`, []string{"no longer granted"}},
		"ping fails":               {"ping/default", `"works"`, `"ping: permission denied"`, []string{"no longer works", "NET_RAW"}},
		"ping works":               {"ping/default", `"ping: permission denied"`, `"works"`, []string{"now works"}},
		"calls closed":             {"seccomp/io-uring", `{"io_uring_setup":"allow"}`, `{"io_uring_setup":"EPERM"}`, []string{"io_uring", "no longer", "epoll"}},
		"calls opened":             {"seccomp/keyctl", `{"keyctl":"EPERM"}`, `{"keyctl":"allow"}`, []string{"no longer stops"}},
		"errno better":             {"seccomp/add-key", `{"add_key":"EPERM"}`, `{"add_key":"ENOSYS"}`, []string{"blocked on both sides", "fall back"}},
		"errno worse":              {"seccomp/clone3-enosys", `{"clone3":"ENOSYS"}`, `{"clone3":"EPERM"}`, []string{"fatal"}},
		"families by themselves":   {"seccomp/syscall-table", `{"bpf":"allow","mount":"EPERM","number 337":"EPERM"}`, `{"bpf":"EPERM","mount":"allow","number 337":"ENOSYS"}`, []string{"BPF and tracing", "mounting", "numbers without a call"}},
		"a capability opens less":  {"seccomp/table-with-capability", `{"SYSLOG":{"syslog":"EPERM -> allow"}}`, `{"SYSLOG":{}}`, []string{"Adding SYSLOG no longer"}},
		"unknown calls":            {"seccomp/unknown-syscall-errno", `{"answer":"ENOSYS","from number":"457"}`, `{"answer":"EPERM","from number":"457"}`, []string{"EPERM instead of ENOSYS"}},
		"a sysctl":                 {"sysctl/defaults", `{"net.ipv4.ping_group_range":"0 2147483647","a.b":"1"}`, `{"net.ipv4.ping_group_range":"1 0","a.b":"2"}`, []string{"ping without NET_RAW", "a.b"}},
		"low ports closed":         {"sysctl/low-port-nonroot", `{"bind":"allowed"}`, `{"bind":"denied: bind EACCES"}`, []string{"no longer bind"}},
		"low ports open":           {"sysctl/low-port-nonroot", `{"bind":"denied: bind EACCES"}`, `{"bind":"allowed"}`, []string{"now bind"}},
		"memory refused":           {"cgroup/memory-floor", `{"8Mi":"started"}`, `{"8Mi":"not started: X"}`, []string{"8Mi no longer starts"}},
		"memory another reason":    {"cgroup/memory-floor", `{"1Mi":"not started: Y"}`, `{"1Mi":"not started: X"}`, []string{"neither side"}},
		"extra file":               {"fs/extra-files", `{"default":{}}`, `{"default":{"/run/.containerenv":"file"}}`, []string{"/run/.containerenv is new"}},
		"image volume":             {"fs/image-volume-dir", `{"write":"allowed"}`, `{"write":"denied: openat EROFS"}`, []string{"no longer be written", "emptyDir"}},
		"masked":                   {"fs/masked-paths", `{"default":{"/proc/interrupts":"rw"}}`, `{"default":{"/proc/interrupts":"masked"}}`, []string{"/proc/interrupts is hidden"}},
		"mount options":            {"fs/mounts", `{"default":{"/etc/resolv.conf":"rw,type=ext4"}}`, `{"default":{"/etc/resolv.conf":"noexec,rw,type=tmpfs"}}`, []string{"nothing can be executed"}},
		"split size":               {"life/log-lines", `{"largestPart":"16384"}`, `{"largestPart":"8192"}`, []string{"8192 bytes instead of 16384"}},
		"short name":               {"life/short-name", `{"resolved":"hub.example/library/x"}`, `{"resolved":"none"}`, []string{"no longer resolve"}},
		"reason":                   {"life/command-and-args", `"not started: StartError"`, `"not started: CreateContainerError"`, []string{"CreateContainerError instead of StartError"}},
		"host port":                {"ns/host-port", `{"from 127.0.0.1":{"answer":"8082"}}`, `{"from 127.0.0.1":{"answer":"timed out"}}`, []string{"no longer answers"}},
		"passwd":                   {"user/etc-passwd-entry", `{"entry":"a:b"}`, `{"entry":"none"}`, []string{"no longer has an entry"}},
		"environment":              {"user/home-and-env", `{"uid 0":{},"uid 1000":{}}`, `{"uid 0":{"TERM":"xterm"},"uid 1000":{"TERM":"xterm"}}`, []string{"TERM changes from absent to xterm"}},
		"rlimits":                  {"cgroup/rlimits", `{"default":{"Max open files":"1 2 files"}}`, `{"default":{"Max open files":"1 1 files"}}`, []string{"Max open files", "Databases"}},
		"not JSON":                 {"caps/default-set", `{`, `[1`, []string{"another set"}},
		"values of another kind":   {"seccomp/table-with-capability", `"x"`, `"y"`, []string{"capability that a pod adds"}},
		"one value where more are": {"sysctl/defaults", `"x"`, `5`, []string{"other kernel settings"}},
	}
	table := knowledge.New()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var all strings.Builder
			meanings := table.Explain(test.check, json.RawMessage(test.before), json.RawMessage(test.after))
			for _, m := range meanings {
				all.WriteString(m.Text + "\n")
			}
			for _, has := range test.has {
				if !strings.Contains(all.String(), has) {
					t.Errorf("%q is not in %s", has, all.String())
				}
			}
		})
	}
}

// TestNoValueIsTooOdd: whatever was recorded, there is a sentence and no panic.
func TestNoValueIsTooOdd(t *testing.T) {
	table := knowledge.New()
	values := []string{`null`, `""`, `"x"`, `5`, `[]`, `{}`, `{"":""}`, `{"a":{"b":{"c":null}}}`, `{"bind":null,"CapBnd":5,"answer":[]}`, `{`}
	for _, id := range table.Checks() {
		for _, before := range values {
			for _, after := range values {
				if len(table.Explain(id, json.RawMessage(before), json.RawMessage(after))) == 0 {
					t.Errorf("%s: nothing for %s and %s", id, before, after)
				}
			}
		}
	}
}
