package probe_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"assay/framework/probe"
)

func TestCapabilitySet(t *testing.T) {
	for _, row := range []struct {
		names []string
		want  probe.Set
	}{
		{nil, 0},
		{[]string{"CHOWN"}, 1},
		{[]string{"CHOWN", "CHOWN"}, 1},
		{[]string{"NET_ADMIN", "NET_RAW"}, 1<<12 | 1<<13},
		{[]string{"SYS_ADMIN"}, 1 << 21},
		{[]string{"CHECKPOINT_RESTORE"}, 1 << 40},
		// The default set of containerd, as /proc/self/status has it.
		{strings.Fields("CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP " +
			"NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE"), 0xa80425fb},
	} {
		got, err := probe.CapabilitySet(row.names...)
		if err != nil || got != row.want {
			t.Errorf("%v: %x, %v; want %x", row.names, uint64(got), err, uint64(row.want))
		}
		for _, name := range row.names {
			if !got.Has(name) {
				t.Errorf("the set of %v has no %s", row.names, name)
			}
		}
		again, err := probe.CapabilitySet(got.Names()...)
		if err != nil || again != got {
			t.Errorf("the names %v of %x make %x, %v", got.Names(), uint64(got), uint64(again), err)
		}
		if !slices.IsSorted(got.Names()) {
			t.Errorf("%v are not sorted", got.Names())
		}
	}
	for _, name := range []string{"", "CAP_CHOWN", "chown", "FLY", "ALL"} {
		if _, err := probe.CapabilitySet("CHOWN", name); err == nil {
			t.Errorf("%q is taken for a capability", name)
		}
		if (^probe.Set(0)).Has(name) {
			t.Errorf("a full set has %q", name)
		}
	}
}

func TestFullSet(t *testing.T) {
	for last, want := range map[int]probe.Set{
		0: 1, 1: 3, 40: 1<<41 - 1, 62: 1<<63 - 1, 63: ^probe.Set(0), 64: ^probe.Set(0), -1: ^probe.Set(0),
	} {
		if got := probe.FullSet(last); got != want {
			t.Errorf("up to %d: %x, want %x", last, uint64(got), uint64(want))
		}
	}
}

func TestNumbersWithoutNames(t *testing.T) {
	if got := (probe.Set(1)<<63 | 1<<41).Names(); !slices.Equal(got, []string{"CAP_41", "CAP_63"}) {
		t.Errorf("names %v", got)
	}
}

func TestSetAsJSON(t *testing.T) {
	for set, want := range map[probe.Set]string{
		0: `"0000000000000000"`, 0xa80425fb: `"00000000a80425fb"`, ^probe.Set(0): `"ffffffffffffffff"`,
	} {
		text, err := json.Marshal(set)
		if err != nil || string(text) != want {
			t.Errorf("%x is %s, %v; want %s", uint64(set), text, err, want)
		}
		var back probe.Set
		if err := json.Unmarshal(text, &back); err != nil || back != set {
			t.Errorf("%s is read as %x, %v", text, uint64(back), err)
		}
	}
	for _, text := range []string{`""`, `"0x1"`, `"1ffffffffffffffff"`, `"CHOWN"`, `7`} {
		var set probe.Set
		if err := json.Unmarshal([]byte(text), &set); err == nil {
			t.Errorf("%s is read as %x", text, uint64(set))
		}
	}
}

func TestActionKeys(t *testing.T) {
	equal, others := probe.Do(probe.OpSocket, "inet", "raw"), []probe.Action{
		{},
		probe.Do(probe.OpSocket), probe.Do(probe.OpSocket, "inet"), probe.Do(probe.OpSocket, "inetraw"),
		probe.Do(probe.OpSocket, "raw", "inet"), probe.Do(probe.OpSocket, "inet raw"), probe.Do(probe.OpICMP, "inet", "raw"),
	}
	if equal.Key() != probe.Do(probe.OpSocket, "inet", "raw").Key() {
		t.Error("equal actions have different keys")
	}
	for _, other := range others {
		if other.Key() == equal.Key() {
			t.Errorf("%+v has the key of %+v", other, equal)
		}
	}
	if !(probe.Action{}).IsZero() || equal.IsZero() {
		t.Error("the zero action is not told apart")
	}
}
