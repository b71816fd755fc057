package check

import (
	"testing"

	"assay/framework/probe"
)

func TestNeedsNode(t *testing.T) {
	adjusted := func(value string) Observation {
		return Observation{Result: &probe.Result{Outcome: probe.Allowed, Values: map[string]string{"content": value}}}
	}
	for name, test := range map[string]struct {
		want Want
		o    Observation
		need bool
	}{
		"all that the node has":              {Sets{Of: []string{"CapEff"}, Node: true}, Observation{}, true},
		"named capabilities":                 {Sets{Of: []string{"CapEff"}, Exactly: []string{"CHOWN"}}, Observation{}, false},
		"a value that the node may forbid":   {OOMScoreAdj{From: -997, To: -997}, adjusted("0"), true},
		"a value that it did not forbid":     {OOMScoreAdj{From: -997, To: -997}, adjusted("-997"), false},
		"a value that any node may give":     {OOMScoreAdj{From: 1000, To: 1000}, adjusted("0"), false},
		"something else":                     {Allowed{}, Observation{}, false},
		"nothing, for an info check records": {nil, Observation{}, false},
	} {
		if got := NeedsNode(test.want, test.o); got != test.need {
			t.Errorf("%s: got %t", name, got)
		}
	}
}
