package judge

import (
	"maps"
	"strconv"
	"testing"

	"assay/framework/check"
	"assay/framework/probe"
)

func tableOf(values map[string]string) check.Observation {
	return check.Observation{
		State:    check.State{Started: true},
		Document: &probe.Document{Complete: true, Facts: probe.Facts{Arch: "amd64"}},
		Result:   &probe.Result{Outcome: probe.Allowed, Values: values},
	}
}

func TestRecordSyscalls(t *testing.T) {
	observations := map[string]check.Observation{
		"plain": tableOf(map[string]string{"39": "allow", "165": "EPERM", "435": "ENOSYS"}),
		"with":  tableOf(map[string]string{"39": "allow", "165": "allow", "435": "allow"}),
	}
	for name, test := range map[string]struct {
		record check.Record
		want   map[string]string
	}{
		"all":        {check.Record{Trial: "plain"}, map[string]string{"getpid": "allow", "mount": "EPERM", "clone3": "ENOSYS"}},
		"some":       {check.Record{Trial: "plain", Only: []string{"mount", "not of this machine"}}, map[string]string{"mount": "EPERM"}},
		"difference": {check.Record{Trial: "with", Against: "plain"}, map[string]string{"mount": "EPERM -> allow", "clone3": "ENOSYS -> allow"}},
		"none":       {check.Record{Trial: "plain", Against: "plain"}, map[string]string{}},
	} {
		got, err := recordSyscalls(test.record, observations)
		if err != nil || !maps.Equal(got, test.want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, test.want)
		}
	}
	observations["refused"] = check.Observation{State: check.State{Reason: "CreateContainerError"}}
	if _, err := recordSyscalls(check.Record{Trial: "with", Against: "refused"}, observations); err == nil {
		t.Error("a difference to nothing: got no error")
	}
}

func TestUnknownCalls(t *testing.T) {
	values := map[string]string{"1023": "ENOSYS"}
	for number := range 512 {
		values[strconv.Itoa(number)] = "allow"
		if number > 466 {
			values[strconv.Itoa(number)] = "ENOSYS"
		}
	}
	values["435"] = "ENOSYS"
	got, err := unknownCalls(tableOf(values))
	if want := map[string]string{"answer": "ENOSYS", "from number": "467"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	values["511"] = "EPERM"
	if got, err := unknownCalls(tableOf(values)); err != nil || got["from number"] != "512" {
		t.Errorf("no such number: got %v, %v", got, err)
	}
}
