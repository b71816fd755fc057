package judge_test

import (
	"testing"

	"assay/framework/check"
	"assay/framework/judge"
	"assay/framework/probe"
	"assay/reports/results"
)

func TestRelationWithACondition(t *testing.T) {
	view := func(values map[string]string) check.Observation {
		return observed(probe.Facts{Namespaces: map[string]string{"cgroup": "cgroup:[1]"}}, probe.Result{
			Action: probe.Do(probe.OpCgroupView), Outcome: probe.Allowed, Values: values,
		})
	}
	c := check.Check{
		ID: "ns/example", Level: check.Must,
		Trials: []check.Trial{
			{Name: "left", Action: probe.Do(probe.OpCgroupView), Want: check.Allowed{}},
			{Name: "right", Action: probe.Do(probe.OpCgroupView), Want: check.Allowed{}},
		},
		Relations: []check.Relation{{Left: "left", Right: "right", Value: "ns/cgroup", If: check.Values{"version": "v2"}}},
	}
	for name, row := range map[string]struct {
		left map[string]string
		want results.Verdict
	}{
		"the condition holds, the relation does not": {map[string]string{"version": "v2"}, results.Fail},
		"the condition does not hold":                {map[string]string{"version": "v1"}, results.Pass},
		"the condition is not known":                 {map[string]string{}, results.Fail},
	} {
		cell := judge.Cell(c, map[string]check.Observation{"left": view(row.left), "right": view(nil)})
		if cell.Verdict != row.want {
			t.Errorf("%s: %s (%s), want %s", name, cell.Verdict, cell.Reason, row.want)
		}
	}
}
