package difference_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"assay/reports/difference"
	_ "assay/reports/internal/golden" // its flag, so that go test ./reports/... -update runs here too
	"assay/reports/results"
)

func raw(values ...string) []json.RawMessage {
	messages := make([]json.RawMessage, len(values))
	for i, value := range values {
		messages[i] = json.RawMessage(value)
	}
	return messages
}

func TestBetween(t *testing.T) {
	type row = difference.Row
	fourteen := `"AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT"`
	nine := `"CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETGID SETPCAP SETUID"`
	tests := map[string]struct {
		observed []json.RawMessage
		want     []row
	}{
		"the same":                 {raw(`{"a":1,"b":2}`, `{"b":2,"a":1}`), nil},
		"one column":               {raw(`{"a":1}`), nil},
		"no column":                {nil, nil},
		"texts":                    {raw(`"allowed"`, `"denied: EPERM"`), []row{{Values: []string{"allowed", "denied: EPERM"}}}},
		"numbers and booleans":     {raw(`1024`, `true`, `null`), []row{{Values: []string{"1024", "true", "null"}}}},
		"only members that differ": {raw(`{"a":1,"b":2}`, `{"a":1,"b":3}`), []row{{Of: []string{"b"}, Values: []string{"2", "3"}}}},
		"a member one lacks":       {raw(`{"a":1,"b":2}`, `{"a":1}`), []row{{Of: []string{"b"}, Values: []string{"2", "absent"}}}},
		"nested":                   {raw(`{"x":{"a":1,"b":1}}`, `{"x":{"a":2,"b":1}}`), []row{{Of: []string{"x a"}, Values: []string{"1", "2"}}}},
		"grouped, the most first": {
			raw(`{"a":"allow","k":"EPERM","m":"EPERM","z":"ENOSYS"}`, `{"a":"EPERM","k":"allow","m":"allow","z":"ENOSYS"}`),
			[]row{
				{Of: []string{"k", "m"}, Values: []string{"EPERM", "allow"}},
				{Of: []string{"a"}, Values: []string{"allow", "EPERM"}},
			},
		},
		"capabilities as text": {
			raw(`{"CapBnd":`+fourteen+`,"CapEff":`+fourteen+`,"CapInh":"none"}`, `{"CapBnd":`+nine+`,"CapEff":`+nine+`,"CapInh":"none"}`),
			[]row{{Of: []string{"CapBnd", "CapEff"}, Values: []string{"14: AUDIT_WRITE MKNOD NET_RAW SETFCAP SYS_CHROOT and 9 shared", "9: all shared"}}},
		},
		"capabilities and none": {raw(fourteen, `"none"`), []row{{Values: []string{"14: " + strings.Trim(fourteen, `"`), "none"}}}},
		"a list and one of it":  {raw(nine, `"KILL"`), []row{{Values: []string{"9: CHOWN DAC_OVERRIDE FOWNER FSETID NET_BIND_SERVICE SETGID SETPCAP SETUID and 1 shared", "1: all shared"}}}},
		"lists":                 {raw(`["a","b","c","d","e"]`, `["b","c","d","e","f"]`), []row{{Values: []string{"5: a and 4 shared", "5: f and 4 shared"}}}},
		"short lists":           {raw(`["a","b"]`, `["b"]`), []row{{Values: []string{"2: a b", "1: b"}}}},
		"an empty list":         {raw(`[]`, `["b"]`), []row{{Values: []string{"none", "1: b"}}}},
		"only the order":        {raw(`[1,2,3,4,5]`, `[2,1,3,4,5]`), []row{{Values: []string{"5: 1 2 3 4 5", "5: 2 1 3 4 5"}}}},
		"an element twice":      {raw(`[1,1,2]`, `[1,2]`), []row{{Values: []string{"3: 1 1 2", "2: 1 2"}}}},
		"one constant":          {raw(`"EPERM"`, `"ENOSYS"`), []row{{Values: []string{"EPERM", "ENOSYS"}}}},
		"an object and a text":  {raw(`{"a":1}`, `"refused"`), []row{{Values: []string{`{"a":1}`, "refused"}}}},
		"an empty object":       {raw(`{}`, `{"a":{}}`), []row{{Of: []string{"a"}, Values: []string{"absent", "none"}}}},
		"no name":               {raw(`{"":1}`, `{"":2}`), []row{{Of: []string{`""`}, Values: []string{"1", "2"}}}},
		"not JSON":              {raw(`{`, `"x"`), []row{{Values: []string{"{", "x"}}}},
		"hostile":               {raw(`{"a\u001b[31m":"\u001b[0m"}`, `{"a\u001b[31m":" \n"}`), []row{{Of: []string{`a\x1b[31m`}, Values: []string{`\x1b[0m`, "empty"}}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := difference.Between(test.observed)
			if len(got) == 0 && len(test.want) == 0 {
				return
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("\n got %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestShort(t *testing.T) {
	table := map[string]string{}
	for _, name := range strings.Fields("a b c d e f g h i j k l") {
		table["call_"+name] = "allow"
	}
	table["mount"] = "EPERM"
	large, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ observed, want string }{
		"nothing":        {``, "absent"},
		"a text":         {`"allowed"`, "allowed"},
		"an empty text":  {`""`, "empty"},
		"a list":         {`["a","b"]`, "2: a b"},
		"nested lists":   {`[["a"],{"b":1}]`, `2: [a] {"b":1}`},
		"constants":      {`"CHOWN KILL"`, "2: CHOWN KILL"},
		"capabilities":   {`{"CapBnd":"CHOWN KILL","CapEff":"CHOWN KILL","CapInh":"none"}`, "CapBnd, CapEff 2: CHOWN KILL; CapInh none"},
		"an object":      {`{"b":1,"a":{"c":"x"}}`, "a c x; b 1"},
		"a large object": {string(large), "12 allow; 1 EPERM"},
		"a long text":    {`"` + strings.Repeat("x", 1<<20) + `"`, strings.Repeat("x", 57) + "..."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := difference.Short(json.RawMessage(test.observed), 60); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestOf(t *testing.T) {
	type cell = results.Cell
	tests := map[string]struct {
		cells []cell
		want  []difference.Row
	}{
		"the same":                 {[]cell{{Verdict: results.Pass}, {Verdict: results.Pass}, {Verdict: results.Pass}}, nil},
		"errors differ from none":  {[]cell{{Verdict: results.Pass}, {Verdict: results.Error}, {Verdict: results.Skipped}}, nil},
		"verdicts without a value": {[]cell{{Verdict: results.Pass}, {Verdict: results.Fail, Reason: "CapInh is set"}, {}}, []difference.Row{{Verdict: true, Values: []string{"pass", "fail: CapInh is set", "(error)"}}}},
		"values beside an error": {
			[]cell{{Verdict: results.Informed, Observed: json.RawMessage(`{"a":1,"b":1}`)}, {Verdict: results.Informed, Observed: json.RawMessage(`{"a":2,"b":1}`)}, {}},
			[]difference.Row{{Of: []string{"a"}, Values: []string{"1", "2", "(error)"}}},
		},
		"verdicts and values": {
			[]cell{{Verdict: results.Pass, Observed: json.RawMessage(`1`)}, {Verdict: results.Fail, Observed: json.RawMessage(`2`)}, {Verdict: results.Unsupported}},
			[]difference.Row{{Verdict: true, Values: []string{"pass", "fail", "unsupported"}}, {Values: []string{"1", "2", "(unsupported)"}}},
		},
		"a value and none": {
			[]cell{{Verdict: results.Pass, Observed: json.RawMessage(`1`)}, {Verdict: results.Pass}, {Verdict: results.Skipped}},
			[]difference.Row{{Values: []string{"1", "absent", "absent"}}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			run := &results.Results{
				Columns: []results.Column{{Name: "x"}, {Name: "y"}, {Name: "z"}},
				Checks:  []results.Check{{ID: "a/b", Level: results.LevelMust}},
			}
			for i, cell := range test.cells {
				cell.Check, cell.Column = "a/b", run.Columns[i].Name
				run.Cells = append(run.Cells, cell)
			}
			if got := difference.Of(run, "a/b"); !reflect.DeepEqual(got, test.want) {
				t.Errorf("\n got %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestLabel(t *testing.T) {
	row := difference.Row{Of: []string{"keyctl", "mount", "umount2"}}
	for most, want := range map[int]string{1: "keyctl and 2 more", 2: "keyctl, mount and 1 more", 3: "keyctl, mount, umount2"} {
		if got := row.Label(most); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNodes(t *testing.T) {
	answer := func(verdict results.Verdict, reason, observed string, nodes ...string) results.NodeAnswer {
		return results.NodeAnswer{Nodes: nodes, Verdict: verdict, Reason: reason, Observed: json.RawMessage(observed)}
	}
	if lines := difference.Nodes(results.Cell{}); len(lines) != 0 {
		t.Errorf("nodes that agree: %v", lines)
	}
	lines := difference.Nodes(results.Cell{Nodes: []results.NodeAnswer{
		answer(results.Informed, "recorded", `{"a": "1", "b": "2", "c": "3"}`, "n1", "n2", "n3"),
		answer(results.Informed, "recorded", `{"a": "7", "b": "2", "c": "3"}`, "n4", "n5"),
		answer(results.Skipped, "the cluster does not allow it", "", "n6"),
	}})
	want := []string{"3 of 6 nodes: info", "2 of 6 nodes (n4, n5): info, a 7 instead of 1", "1 of 6 nodes (n6): skipped: the cluster does not allow it"}
	if !slices.Equal(lines, want) {
		t.Errorf("got %q", lines)
	}
	many := make([]string, 40)
	lines = difference.Nodes(results.Cell{Nodes: []results.NodeAnswer{answer(results.Pass, "", `"x"`, "n1"), answer(results.Error, "lost", "", many...)}})
	if !strings.Contains(lines[1], "and 30 more") {
		t.Errorf("got %q", lines)
	}
}
