package catalogue_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"assay/framework/catalogue"
	"assay/framework/check"
	"assay/framework/probe"
	"assay/suites"
)

func TestTheListIsValid(t *testing.T) {
	if err := catalogue.Validate(suites.Catalogue()); err != nil {
		t.Error(err)
	}
}

// TestChecksPageIsFresh fails when CHECKS.md is not what the code says.
func TestChecksPageIsFresh(t *testing.T) {
	var want bytes.Buffer
	if err := catalogue.Markdown(&want, suites.All()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../CHECKS.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("CHECKS.md is stale; write it anew: make generate")
	}
}

// TestDocumentsNameChecks: the pages that are written by hand name checks that exist.
func TestDocumentsNameChecks(t *testing.T) {
	areas, ids := map[string]bool{}, map[string]bool{}
	for _, c := range suites.Catalogue() {
		areas[c.Area()], ids[c.ID] = true, true
	}
	code := regexp.MustCompile("`([a-z]+)/([a-z0-9-]+)`")
	for _, page := range []string{"../../docs/divergences.md", "../../README.md", "../../CONTRIBUTING.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, named := range code.FindAllSubmatch(text, -1) {
			id := string(named[1]) + "/" + string(named[2])
			if areas[string(named[1])] && !ids[id] {
				t.Errorf("%s names %s, which is no check", page, id)
			}
		}
	}
}

// TestFirstChecks keeps the IDs: they are permanent, and a check that goes away is no accident.
func TestFirstChecks(t *testing.T) {
	levels := map[string]check.Level{
		"caps/default-set": check.Info, "caps/inheritable-empty": check.Must, "caps/add-net-admin": check.Must,
		"caps/drop-net-raw": check.Must, "caps/drop-chown": check.Must, "caps/drop-all": check.Must,
		"caps/add-all": check.Must, "caps/drop-all-add-one": check.Must, "caps/nonroot-add": check.Info,
		"caps/file-capability": check.Must, "caps/setuid-binary": check.Must,
		"ping/default": check.Info, "ping/without-net-raw": check.Must, "ping/unprivileged-icmp": check.Info,
		"ping/group-range-sysctl": check.Must, "ping/crash-loop": check.Must,
		"priv/can-mount": check.Must, "priv/seccomp-off": check.Must, "priv/inheritable-ambient": check.Info,
		"user/run-as-user": check.Must, "user/run-as-group": check.Must, "user/non-root-refuses-root": check.Must,
		"escalate/false-sets-no-new-privs": check.Must,
		"seccomp/unconfined":               check.Must, "seccomp/runtime-default": check.Must, "seccomp/localhost": check.Must,
		"seccomp/mount": check.Must, "seccomp/syscall-table": check.Info,
		"fs/read-only-root": check.Must, "ns/host-pid": check.Must,
		"sysctl/defaults": check.Info, "sysctl/safe": check.Must, "sysctl/low-port-nonroot": check.Info,
		"netpol/default-deny-ingress": check.Must, "netpol/pod-selector": check.Must,
	}
	for _, c := range suites.Catalogue() {
		if level, known := levels[c.ID]; known && level != c.Level {
			t.Errorf("%s is %s, want %s", c.ID, c.Level, level)
		}
		delete(levels, c.ID)
	}
	for id := range levels {
		t.Errorf("%s is not in the list", id)
	}
}

// TestDenialsNameTheirSeccompProfile: outside the seccomp area, what is denied for want of a capability must not
// depend on the seccomp filter that the kubelet or the runtime gives by default.
func TestDenialsNameTheirSeccompProfile(t *testing.T) {
	for _, c := range suites.Catalogue() {
		for _, trial := range c.Trials {
			denied, isDenial := trial.Want.(check.Denied)
			if !isDenial || strings.Join(denied.Errnos, "") != "EPERM" {
				continue
			}
			profiled := trial.Pod.SecurityContext != nil && trial.Pod.SecurityContext.SeccompProfile != nil
			if context := trial.Container.SecurityContext; context != nil && context.SeccompProfile != nil {
				profiled = true
			}
			if !profiled {
				t.Errorf("%s, trial %q: EPERM is wanted under whatever seccomp profile is the default", c.ID, trial.Name)
			}
		}
	}
}

func sound() check.Check {
	context := func(drop ...corev1.Capability) check.Container {
		return check.Container{SecurityContext: &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Drop: drop}}}
	}
	action := probe.Do(probe.OpLinkAdd)
	return check.Check{
		ID: "caps/some-thing", Level: check.Must, Claim: "Something is true.", Source: "https://example.com/text",
		Trials: []check.Trial{
			{Name: "-", Container: context("CHOWN"), Action: action, Want: check.Denied{}},
			{Name: "+", Control: true, Container: context(), Action: action, Want: check.Allowed{}},
		},
	}
}

func TestValidateFindsWhatIsWrong(t *testing.T) {
	if err := catalogue.Validate([]check.Check{sound()}); err != nil {
		t.Fatalf("the sound check: %v", err)
	}
	for title, spoil := range map[string]func(*check.Check){
		"no area":                  func(c *check.Check) { c.ID = "thing" },
		"capital in ID":            func(c *check.Check) { c.ID = "caps/Thing" },
		"no level":                 func(c *check.Check) { c.Level = "" },
		"no claim":                 func(c *check.Check) { c.Claim = "" },
		"two sentences":            func(c *check.Check) { c.Claim = "This. And that." },
		"source without a scheme":  func(c *check.Check) { c.Source = "example.com/text" },
		"source without a page":    func(c *check.Check) { c.Source = "https://example.com" },
		"one trial":                func(c *check.Check) { c.Trials = c.Trials[1:] },
		"equal names":              func(c *check.Check) { c.Trials[0].Name = "+" },
		"no want":                  func(c *check.Check) { c.Trials[1].Want = nil },
		"no control":               func(c *check.Check) { c.Trials[1].Control = false },
		"control of another kind":  func(c *check.Check) { c.Trials[1].Action = probe.Do(probe.OpMounts) },
		"control that is denied":   func(c *check.Check) { c.Trials[1].Want = check.Denied{} },
		"control without a knob":   func(c *check.Check) { c.Trials[1].Container = c.Trials[0].Container },
		"control with two knobs":   func(c *check.Check) { c.Trials[1].Pod.HostPID = true },
		"denial inside of All":     func(c *check.Check) { c.Trials[1].Want = check.All{check.Denied{}} },
		"unknown fact":             func(c *check.Check) { c.Trials[1].Want = check.Fact{Name: "shoe size"} },
		"unknown set":              func(c *check.Check) { c.Trials[1].Want = check.Sets{Of: []string{"CapAll"}} },
		"no set":                   func(c *check.Check) { c.Trials[1].Want = check.Sets{} },
		"unknown capability":       func(c *check.Check) { c.Trials[1].Want = check.Sets{Of: []string{"CapEff"}, Exactly: []string{"FLY"}} },
		"command and action":       func(c *check.Check) { c.Trials[1].Container.Command = []string{"id"} },
		"network and trials":       func(c *check.Check) { c.Network = &check.Network{} },
		"network without policies": func(c *check.Check) { c.Trials, c.Network = nil, &check.Network{} },
		"info without a record":    func(c *check.Check) { c.Level = check.Info },
		"record of no trial":       func(c *check.Check) { c.Record = []check.Record{{Trial: "?", What: check.RecordOutcome}} },
		"record of nothing":        func(c *check.Check) { c.Record = []check.Record{{Trial: "+", What: "weather"}} },
		"records without names": func(c *check.Check) {
			c.Record = []check.Record{{Trial: "+", What: check.RecordOutcome}, {Trial: "-", What: check.RecordOutcome}}
		},
		"unsupported without evidence": func(c *check.Check) { c.Unsupported = []check.Unsupported{{Reason: "old"}} },
		"unsupported without reason":   func(c *check.Check) { c.Unsupported = []check.Unsupported{{Errno: "ENOSYS"}} },
		"unsupported by no trial":      func(c *check.Check) { c.Unsupported = []check.Unsupported{{Trial: "?", Errno: "EPERM", Reason: "old"}} },
	} {
		c := sound()
		spoil(&c)
		if err := catalogue.Validate([]check.Check{c}); err == nil {
			t.Errorf("%s: accepted", title)
		}
	}
	if err := catalogue.Validate([]check.Check{sound(), sound()}); err == nil {
		t.Error("an ID that is used twice: accepted")
	}
}

func TestRendering(t *testing.T) {
	piped := sound()
	piped.Claim = "Either a|b."
	policies := check.Check{
		ID: "netpol/some", Level: check.Should, Claim: "Closed.", Source: "https://example.com/policies",
		Network: &check.Network{Steps: []check.NetworkStep{{Name: "closed", Policies: []networkingv1.NetworkPolicy{{}}}}},
	}
	checks := []check.Check{piped, policies}

	var page, text, encoded bytes.Buffer
	if err := catalogue.Markdown(&page, checks); err != nil {
		t.Fatal(err)
	}
	if err := catalogue.Text(&text, checks); err != nil {
		t.Fatal(err)
	}
	if err := catalogue.JSON(&encoded, checks); err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		for name, rendered := range map[string]string{"Markdown": page.String(), "text": text.String()} {
			if strings.Count(rendered, c.ID) != 1 {
				t.Errorf("%s names %s %d times", name, c.ID, strings.Count(rendered, c.ID))
			}
		}
	}
	for _, line := range strings.Split(page.String(), "\n") {
		if columns := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"); columns != 0 && columns != 5 {
			t.Errorf("%d bars in the row %s", columns, line)
		}
	}
	var entries []catalogue.Entry
	if err := json.Unmarshal(encoded.Bytes(), &entries); err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 || len(entries[0].Trials) != 2 || len(entries[1].Trials) != 1 || entries[1].Area != "netpol" {
		t.Errorf("JSON has %+v", entries)
	}
}
