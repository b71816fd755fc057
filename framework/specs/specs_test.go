package specs

import (
	"testing"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"assay/framework/check"
)

func TestSelected(t *testing.T) {
	checks := []check.Check{{ID: "caps/drop-all", Claim: "a: claim"}, {ID: "caps/drop-all-add-one", Claim: "another"}}
	spec := func(column, leaf string, state types.SpecState) types.SpecReport {
		return types.SpecReport{
			ContainerHierarchyTexts: []string{column}, LeafNodeType: types.NodeTypeIt, LeafNodeText: leaf, State: state,
		}
	}
	preview := ginkgo.Report{SpecReports: types.SpecReports{
		spec("containerd", text(checks[0]), types.SpecStatePassed),
		spec("containerd", text(checks[1]), types.SpecStateSkipped),
		spec("cri-o", text(checks[0]), types.SpecStatePassed),
		spec("cri-o", text(checks[1]), types.SpecStatePassed),
		spec("cri-o", "no/such-check: at all", types.SpecStatePassed),
	}}
	selection := Selected(preview, checks)
	if len(selection["containerd"]) != 1 || selection["containerd"][0].ID != "caps/drop-all" {
		t.Errorf("containerd: %v", selection["containerd"])
	}
	if len(selection["cri-o"]) != 2 {
		t.Errorf("cri-o: %v", selection["cri-o"])
	}
}

func TestFilterIsValidated(t *testing.T) {
	for _, wrong := range []Filter{{Focus: []string{"("}}, {Skip: []string{"["}}, {LabelFilter: "caps &&"}} {
		if wrong.Validate() == nil {
			t.Errorf("%+v was accepted", wrong)
		}
	}
	if err := (Filter{Focus: []string{"caps/"}, LabelFilter: "must && !info"}).Validate(); err != nil {
		t.Error(err)
	}
}
