package diff_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"assay/reports/diff"
	"assay/reports/internal/golden"
	"assay/reports/internal/sample"
	"assay/reports/internal/schematest"
	"assay/reports/meaning"
	"assay/reports/results"
)

// explained explains one check.
type explained struct{}

func (explained) Explain(check string, _, _ json.RawMessage) []meaning.Meaning {
	if check != "caps/default-set" {
		return nil
	}
	return []meaning.Meaning{{Text: "Images that ping as root need NET_RAW.", Link: "https://example.com/net-raw"}}
}

func input(run *results.Results, column string) diff.Input {
	return diff.Input{File: "results.json", Run: run, Column: column}
}

func compare(t *testing.T, before, after diff.Input, options diff.Options) *diff.Diff {
	t.Helper()
	matched, err := diff.Match(before, after, nil)
	if err != nil {
		t.Fatal(err)
	}
	return diff.Compare(before, after, matched, options)
}

func columns() *diff.Diff {
	run := sample.Matrix()
	before, after := input(run, "containerd"), input(run, "cri-o")
	return diff.Compare(before, after, diff.Matched{Pairs: [][2]string{{"containerd", "cri-o"}}}, diff.Options{Explainer: explained{}})
}

func TestGolden(t *testing.T) {
	for name, write := range map[string]func(*diff.Diff, *bytes.Buffer) error{
		"diff.txt":  func(d *diff.Diff, b *bytes.Buffer) error { return d.WriteText(b, diff.TextOptions{}) },
		"diff.md":   func(d *diff.Diff, b *bytes.Buffer) error { return d.WriteMarkdown(b) },
		"diff.html": func(d *diff.Diff, b *bytes.Buffer) error { return d.WriteHTML(b) },
		"diff.json": func(d *diff.Diff, b *bytes.Buffer) error { return d.WriteJSON(b) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(columns(), &b); err != nil {
				t.Fatal(err)
			}
			golden.Check(t, name, b.Bytes())
		})
	}
}

func TestTheSchema(t *testing.T) {
	schema := schematest.Load(t, "schema.json")
	schema.HasFields(t, reflect.TypeFor[diff.Diff]())
	hostile := sample.Hostile()
	for name, d := range map[string]*diff.Diff{
		"columns": columns(),
		"empty":   compare(t, input(sample.Matrix(), ""), input(sample.Matrix(), ""), diff.Options{}),
		"hostile": compare(t, input(hostile, hostile.Columns[0].Name), input(sample.Matrix(), "cri-o"), diff.Options{FailOn: diff.FailOnChange}),
	} {
		var b bytes.Buffer
		if err := d.WriteJSON(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := schema.Validate(t, b.Bytes()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClasses(t *testing.T) {
	type cell = results.Cell
	pass, fail, info := results.Pass, results.Fail, results.Informed
	value := func(text string) json.RawMessage { return json.RawMessage(text) }
	tests := map[string]struct {
		before, after *cell
		level         string
		volatile      string
		class         diff.Class
		// worse with --fail-on must, should and change
		worse [3]bool
	}{
		"the same":                   {&cell{Verdict: pass}, &cell{Verdict: pass}, "must", "", "", [3]bool{}},
		"it fails":                   {&cell{Verdict: pass}, &cell{Verdict: fail}, "must", "", diff.NewFailure, [3]bool{true, true, true}},
		"a should fails":             {&cell{Verdict: pass}, &cell{Verdict: fail}, "should", "", diff.NewFailure, [3]bool{false, true, true}},
		"it fails as expected":       {&cell{Verdict: pass}, &cell{Verdict: fail, Expectation: &results.Expectation{State: results.ExpectationMet, Verdict: fail, Reason: "r"}}, "must", "", diff.NewFailure, [3]bool{}},
		"it was unsupported":         {&cell{Verdict: results.Unsupported}, &cell{Verdict: fail}, "must", "", diff.NewFailure, [3]bool{true, true, true}},
		"fixed":                      {&cell{Verdict: fail}, &cell{Verdict: pass}, "must", "", diff.Fixed, [3]bool{}},
		"supported now":              {&cell{Verdict: results.Unsupported}, &cell{Verdict: pass}, "must", "", diff.Fixed, [3]bool{}},
		"still failing":              {&cell{Verdict: fail}, &cell{Verdict: fail}, "must", "", diff.StillFailing, [3]bool{}},
		"failing otherwise":          {&cell{Verdict: fail, Observed: value(`"a"`)}, &cell{Verdict: fail, Observed: value(`"b"`)}, "must", "", diff.StillFailing, [3]bool{false, false, true}},
		"another observation":        {&cell{Verdict: info, Observed: value(`"a"`)}, &cell{Verdict: info, Observed: value(`"b"`)}, "info", "", diff.Changed, [3]bool{false, false, true}},
		"another order of members":   {&cell{Verdict: info, Observed: value(`{"a":1,"b":2}`)}, &cell{Verdict: info, Observed: value(`{"b":2, "a":1}`)}, "info", "", "", [3]bool{}},
		"a volatile observation":     {&cell{Verdict: info, Observed: value(`"a"`)}, &cell{Verdict: info, Observed: value(`"b"`)}, "info", "it is a time", "", [3]bool{}},
		"a volatile one that fails":  {&cell{Verdict: pass, Observed: value(`"a"`)}, &cell{Verdict: fail, Observed: value(`"b"`)}, "must", "it is a time", diff.NewFailure, [3]bool{true, true, true}},
		"unsupported now":            {&cell{Verdict: pass}, &cell{Verdict: results.Unsupported}, "must", "", diff.NewlySkipped, [3]bool{false, false, true}},
		"skipped now":                {&cell{Verdict: pass}, &cell{Verdict: results.Skipped}, "must", "", diff.NewlySkipped, [3]bool{false, false, true}},
		"skipped on both sides":      {&cell{Verdict: results.Skipped}, &cell{Verdict: results.Skipped}, "must", "", "", [3]bool{}},
		"skipped before":             {&cell{Verdict: results.Skipped}, &cell{Verdict: pass}, "must", "", diff.Added, [3]bool{}},
		"an error after":             {&cell{Verdict: pass}, &cell{}, "must", "", diff.NotComparable, [3]bool{false, false, true}},
		"an error before":            {&cell{}, &cell{Verdict: fail}, "must", "", diff.NotComparable, [3]bool{false, false, true}},
		"flaky":                      {&cell{Verdict: pass}, &cell{Verdict: pass, Attempts: 2}, "must", "", diff.Flaky, [3]bool{}},
		"flaky, and it fails":        {&cell{Verdict: pass}, &cell{Verdict: fail, Attempts: 2}, "must", "", diff.NewFailure, [3]bool{true, true, true}},
		"added":                      {nil, &cell{Verdict: fail}, "must", "", diff.Added, [3]bool{}},
		"removed":                    {&cell{Verdict: pass}, nil, "must", "", diff.Removed, [3]bool{false, false, true}},
		"an info check that is must": {&cell{Verdict: info}, &cell{Verdict: pass}, "must", "", diff.Changed, [3]bool{false, false, true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			side := func(c *cell) diff.Input {
				run := &results.Results{Columns: []results.Column{{Name: "c"}}}
				if c != nil {
					c.Check, c.Column = "a/b", "c"
					run.Checks = []results.Check{{ID: "a/b", Level: test.level, Volatile: test.volatile}}
					run.Cells = []cell{*c}
				}
				return input(run, "")
			}
			for i, failOn := range []diff.FailOn{diff.FailOnMust, diff.FailOnShould, diff.FailOnChange} {
				d := compare(t, side(test.before), side(test.after), diff.Options{FailOn: failOn})
				got := diff.Class("")
				for _, entry := range d.Pairs[0].Entries {
					got = entry.Class
				}
				if got != test.class || (d.Status() == results.ExitFailed) != test.worse[i] {
					t.Errorf("--fail-on %s: got %q, exit %d; want %q, worse %v", failOn, got, d.Status(), test.class, test.worse[i])
				}
				if said := len(d.Pairs[0].LeftOut) > 0; said != (test.volatile != "") {
					t.Errorf("left out is %v", d.Pairs[0].LeftOut)
				}
				if never := compare(t, side(test.before), side(test.after), diff.Options{FailOn: diff.FailOnNever}); never.Status() != results.ExitExpected {
					t.Error("--fail-on never fails")
				}
			}
		})
	}
}

func TestARunDoesNotDifferFromItself(t *testing.T) {
	d := compare(t, input(sample.Matrix(), ""), input(sample.Matrix(), ""), diff.Options{FailOn: diff.FailOnChange})
	for _, pair := range d.Pairs {
		for _, entry := range pair.Entries {
			if entry.Class != diff.StillFailing && entry.Class != diff.Flaky && entry.Class != diff.NotComparable {
				t.Errorf("%s is %s", entry.Check, entry.Class)
			}
		}
	}
	if !d.Empty() {
		t.Error("it is not empty")
	}
}

// A capability more in the defaults shows, and nothing else does.
func TestACapabilityMore(t *testing.T) {
	after := sample.Matrix()
	after.Columns[1].Config = map[string]string{"crio-net-raw.conf": "# all nine\n\ndefault_capabilities = [\"NET_RAW\"]\n"}
	for i := range after.Cells {
		cell := &after.Cells[i]
		if cell.Check == "caps/default-set" && cell.Column == "cri-o" {
			cell.Observed = json.RawMessage(strings.ReplaceAll(string(cell.Observed), "NET_BIND_SERVICE", "NET_BIND_SERVICE NET_RAW"))
		}
	}
	d := compare(t, input(sample.Matrix(), "cri-o"), input(after, "cri-o"), diff.Options{})
	var different []diff.Entry
	for _, entry := range d.Pairs[0].Entries {
		if len(entry.Changes) > 0 {
			different = append(different, entry)
		}
	}
	if len(different) != 1 || different[0].Check != "caps/default-set" || len(different[0].Changes) != 1 {
		t.Fatalf("got %+v", different)
	}
	change := different[0].Changes[0]
	if len(change.Of) != 3 || !reflect.DeepEqual(change.Added, []string{"NET_RAW"}) || len(change.Gone) != 0 {
		t.Errorf("got %+v, want NET_RAW added to three sets", change)
	}
	if fact := d.Pairs[0].Environment[0]; fact.Same || !strings.Contains(fact.Name, "crio-net-raw.conf") || strings.Contains(fact.After, "all nine") {
		t.Errorf("got %+v first, want the configuration", fact)
	}
}

func TestMatch(t *testing.T) {
	run := func(names ...string) *results.Results {
		r := &results.Results{}
		for _, name := range names {
			r.Columns = append(r.Columns, results.Column{Name: name})
		}
		return r
	}
	type matched = diff.Matched
	tests := map[string]struct {
		before, after diff.Input
		renamed       map[string]string
		want          matched
		fails         bool
	}{
		"by name":                  {before: input(run("a", "b"), ""), after: input(run("b", "c", "a"), ""), want: matched{Pairs: [][2]string{{"a", "a"}, {"b", "b"}}, OnlyAfter: []string{"c"}}},
		"one each":                 {before: input(run("a"), ""), after: input(run("b"), ""), want: matched{Pairs: [][2]string{{"a", "b"}}}},
		"chosen":                   {before: input(run("a", "b"), "a"), after: input(run("a", "b"), "b"), want: matched{Pairs: [][2]string{{"a", "b"}}}},
		"one is chosen, by name":   {before: input(run("a", "b"), "a"), after: input(run("a", "b"), ""), want: matched{Pairs: [][2]string{{"a", "a"}}}},
		"the other is chosen":      {before: input(run("a", "b"), ""), after: input(run("a", "b"), "b"), want: matched{Pairs: [][2]string{{"b", "b"}}}},
		"renamed":                  {before: input(run("a", "b"), ""), after: input(run("b", "c"), ""), renamed: map[string]string{"a": "c"}, want: matched{Pairs: [][2]string{{"a", "c"}, {"b", "b"}}}},
		"renamed to nothing":       {before: input(run("a", "b"), ""), after: input(run("b"), ""), renamed: map[string]string{"a": "c"}, fails: true},
		"no counterparts":          {before: input(run("a", "b"), ""), after: input(run("c", "d"), ""), fails: true},
		"a choice without another": {before: input(run("a", "b"), "a"), after: input(run("c", "d"), ""), fails: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := diff.Match(test.before, test.after, test.renamed)
			if (err != nil) != test.fails || err == nil && !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

func TestEnvironmentsThatCannotBeCompared(t *testing.T) {
	other := sample.Matrix()
	other.Host.Arch, other.Host.Cgroup = "arm64", "v2"
	for i := range other.Columns {
		other.Columns[i].OCIRuntime.Libseccomp = "2.6.0"
		for n := range other.Columns[i].Nodes {
			other.Columns[i].Nodes[n].Kernel = "5.10.0"
		}
	}
	d := compare(t, input(sample.Matrix(), "cri-o"), input(other, "cri-o"), diff.Options{})
	warnings := strings.Join(d.Pairs[0].Warnings, "\n")
	for _, word := range []string{"kernel", "architecture", "cgroup version", "libseccomp"} {
		if !strings.Contains(warnings, word) {
			t.Errorf("no warning of %s in:\n%s", word, warnings)
		}
	}
	if len(d.Pairs[0].Warnings) != 4 {
		t.Errorf("got %d warnings", len(d.Pairs[0].Warnings))
	}
}

func TestHostileTextIsInert(t *testing.T) {
	hostile := sample.Hostile()
	d := diff.Compare(input(hostile, ""), input(sample.Matrix(), ""), diff.Matched{Pairs: [][2]string{{hostile.Columns[0].Name, "containerd"}, {hostile.Columns[0].Name, "cri-o"}}}, diff.Options{FailOn: diff.FailOnChange})
	var text, page, markdown bytes.Buffer
	for _, err := range []error{d.WriteText(&text, diff.TextOptions{}), d.WriteHTML(&page), d.WriteMarkdown(&markdown)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, written := range map[string]string{"text": text.String(), "HTML": page.String(), "Markdown": markdown.String()} {
		if strings.ContainsAny(written, "\x1b\x00\x07\u202e") {
			t.Errorf("%s: control characters came through", name)
		}
		if len(written) > 1<<20 {
			t.Errorf("%s has %d bytes", name, len(written))
		}
	}
	if scripts := strings.Count(page.String(), "<script"); scripts != 0 {
		t.Errorf("the page has %d scripts", scripts)
	}
}

func TestALargeComparisonIsSmallEnoughForASummary(t *testing.T) {
	before, after := sample.Large(), sample.Large()
	for i := range after.Cells {
		after.Cells[i].Observed = json.RawMessage(`{"a":"` + strings.Repeat("b", 5000) + `"}`)
		after.Cells[i].Verdict = results.Verdicts()[i%6]
	}
	var b bytes.Buffer
	if err := compare(t, input(before, ""), input(after, ""), diff.Options{}).WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 1<<20 {
		t.Errorf("%d bytes", b.Len())
	}
	if strings.Count(b.String(), "<details>") != strings.Count(b.String(), "</details>") {
		t.Error("something folded is not closed")
	}
}
