package selftest

import (
	"testing"

	"assay/framework/check"
	"assay/suites"
)

// TestChecks: what faults are about is in the suite, and of the level that it has to have.
func TestChecks(t *testing.T) {
	levels := map[string]check.Level{}
	for _, c := range suites.Catalogue() {
		levels[c.ID] = c.Level
	}
	for _, fault := range Faults() {
		for _, id := range fault.About {
			if levels[id] != check.Must {
				t.Errorf("%s is about %s, of level %q", fault.Name, id, levels[id])
			}
		}
		for _, id := range fault.Records {
			if levels[id] != check.Info {
				t.Errorf("%s is recorded by %s, of level %q", fault.Name, id, levels[id])
			}
		}
	}
	for _, id := range sample() {
		if levels[id] != check.Must {
			t.Errorf("%s is not in the suite", id)
		}
	}
	for id := range shownOtherwise() {
		if levels[id] != check.Must {
			t.Errorf("%s is not in the suite", id)
		}
	}
}
