package junit_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"assay/reports/internal/golden"
	"assay/reports/internal/sample"
	"assay/reports/junit"
	"assay/reports/results"
)

func render(t *testing.T, run *results.Results, columns ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := junit.Write(&b, run, columns...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	run := sample.Matrix()
	golden.Check(t, "junit.xml", render(t, run))
	golden.Check(t, "junit-cri-o.xml", render(t, run, "cri-o"))
	if !bytes.Equal(render(t, run), render(t, sample.Matrix())) {
		t.Error("the same results make different files")
	}
}

// element is any XML element.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
	Text     string     `xml:",chardata"`
}

func (e element) attr(name string) string {
	for _, attr := range e.Attrs {
		if attr.Name.Local == name {
			return attr.Value
		}
	}
	return ""
}

func (e element) count(name string) (n int) {
	for _, child := range e.Children {
		if child.XMLName.Local == name {
			n++
		}
		n += child.count(name)
	}
	return n
}

// structure checks what the readers of JUnit files insist on.
func structure(t *testing.T, document []byte) element {
	t.Helper()
	var root element
	if err := xml.Unmarshal(document, &root); err != nil {
		t.Fatal(err)
	}
	allowed := map[string]string{
		"testsuites":   "testsuite",
		"testsuite":    "properties testcase system-err",
		"testcase":     "properties skipped error failure rerunFailure flakyFailure system-out",
		"properties":   "property",
		"rerunFailure": "stackTrace",
		"flakyFailure": "stackTrace",
	}
	required := map[string]string{
		"testsuites":   "name tests failures errors time",
		"testsuite":    "name tests failures errors skipped time timestamp",
		"testcase":     "name classname time",
		"property":     "name value",
		"failure":      "message type",
		"error":        "message type",
		"flakyFailure": "message type",
		"rerunFailure": "message type",
		"skipped":      "message",
	}
	var walk func(e element)
	walk = func(e element) {
		name := e.XMLName.Local
		for _, attr := range strings.Fields(required[name]) {
			if e.attr(attr) == "" {
				t.Errorf("<%s> without %s", name, attr)
			}
		}
		if len(e.Text) > junit.MaxText {
			t.Errorf("<%s> has a text of %d bytes", name, len(e.Text))
		}
		for _, child := range e.Children {
			if !strings.Contains(" "+allowed[name]+" ", " "+child.XMLName.Local+" ") {
				t.Errorf("<%s> in <%s>", child.XMLName.Local, name)
			}
			walk(child)
		}
	}
	walk(root)
	if root.XMLName.Local != "testsuites" {
		t.Errorf("the root is %s", root.XMLName.Local)
	}
	identities := map[string]bool{}
	for _, suite := range root.Children {
		for attr, name := range map[string]string{"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"} {
			if got := fmt.Sprint(suite.count(name)); got != suite.attr(attr) {
				t.Errorf("suite %s: %s=%s for %s elements", suite.attr("name"), attr, suite.attr(attr), got)
			}
		}
		for _, test := range suite.Children {
			if test.XMLName.Local != "testcase" {
				continue
			}
			identity := test.attr("classname") + "\x00" + test.attr("name")
			if identities[identity] {
				t.Errorf("two test cases %q", identity)
			}
			identities[identity] = true
			if verdicts := test.count("failure") + test.count("error") + test.count("skipped"); verdicts > 1 {
				t.Errorf("%s has %d verdicts", test.attr("name"), verdicts)
			}
		}
	}
	return root
}

func TestStructure(t *testing.T) {
	run := sample.Matrix()
	root := structure(t, render(t, run))
	if len(root.Children) != len(run.Columns) {
		t.Errorf("%d suites for %d columns", len(root.Children), len(run.Columns))
	}
	if tests := root.count("testcase"); tests != len(run.Cells) {
		t.Errorf("%d test cases for %d cells", tests, len(run.Cells))
	}
	for element, want := range map[string]int{"failure": 1, "error": 1, "skipped": 5, "flakyFailure": 1, "rerunFailure": 1} {
		if got := root.count(element); got != want {
			t.Errorf("%d <%s>, want %d", got, element, want)
		}
	}
	for _, suite := range root.Children {
		for _, test := range suite.Children {
			for _, version := range []string{"2.4.2", "1.36.1", "1.5.2"} {
				if strings.Contains(test.attr("name")+test.attr("classname"), version) {
					t.Errorf("a version in the name %s", test.attr("name"))
				}
			}
		}
	}
}

func TestTheNamesStayWhenTheVersionsChange(t *testing.T) {
	names := func(run *results.Results) (names []string) {
		for _, suite := range structure(t, render(t, run)).Children {
			for _, test := range suite.Children {
				names = append(names, suite.attr("name")+test.attr("classname")+test.attr("name"))
			}
		}
		return names
	}
	later := sample.Matrix()
	for i := range later.Columns {
		later.Columns[i].Runtime.Version = "9.9.9"
	}
	for i := range later.Cells {
		later.Cells[i].Verdict = results.Pass
		later.Cells[i].Seconds *= 2
	}
	if got, want := fmt.Sprint(names(later)), fmt.Sprint(names(sample.Matrix())); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestAFailureSaysAll(t *testing.T) {
	text := ""
	for _, suite := range structure(t, render(t, sample.Matrix())).Children {
		for _, test := range suite.Children {
			for _, child := range test.Children {
				if child.XMLName.Local == "failure" {
					text = child.Text
				}
			}
		}
	}
	for what, want := range map[string]string{
		"check": "user/supplemental-groups-strict", "column": "cri-o 1.36.1", "trial": "Strict", "wanted": "groups [1000 2000]",
		"observed": "groups [1000 2000 50000]", "done": "read the facts", "node": "assay-cri-o-worker", "pod": "groups-strict", "rerun": "--focus user/supplemental-groups-strict",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s (%q) in:\n%s", what, want, text)
		}
	}
}

func TestHostileTextStaysText(t *testing.T) {
	run := sample.Hostile()
	document := render(t, run)
	root := structure(t, document)
	if tests := root.count("testcase"); tests != len(run.Cells) {
		t.Errorf("%d test cases for %d cells: something was forged or lost", tests, len(run.Cells))
	}
	if bytes.ContainsAny(document, "\x1b\x00\x07\u202e") || !utf8.Valid(document) {
		t.Error("control characters or invalid UTF-8 came through")
	}
	if len(document) > 4<<20 {
		t.Errorf("%d bytes", len(document))
	}
}

func TestALongFailureIsCut(t *testing.T) {
	run := sample.Matrix()
	for i := range run.Cells {
		if run.Cells[i].Verdict == results.Fail {
			for range 40 {
				run.Cells[i].Trials = append(run.Cells[i].Trials, results.Trial{Name: "t", Log: strings.Repeat("log line\n", 1000)})
			}
		}
	}
	document := render(t, run)
	structure(t, document)
	if !bytes.Contains(document, []byte("bytes left out")) {
		t.Error("nothing says that something was left out")
	}
}

// The schema of Jenkins' xunit plugin names the elements and attributes that there may be; a file that has
// others is refused.
// Source: https://github.com/jenkinsci/xunit-plugin, src/main/resources/.../model/xsd/junit-10.xsd
func TestTheSchemaOfJenkins(t *testing.T) {
	type rule struct{ children, attributes, required string }
	rerun := rule{"stackTrace system-out system-err", "message type", "type"}
	problem := rule{"", "message type", ""}
	rules := map[string]rule{
		"testsuites": {"testsuite", "name time tests failures errors", ""},
		"testsuite": {
			"testsuite properties testcase system-out system-err",
			"name tests failures errors group time skipped timestamp hostname id package file log url", "name tests failures errors",
		},
		"testcase": {
			"skipped error failure rerunFailure rerunError flakyFailure flakyError system-out system-err",
			"name time classname group", "name",
		},
		"properties": {"property", "", ""},
		"property":   {"", "name value", "name value"},
		"failure":    problem, "error": problem, "skipped": problem,
		"rerunFailure": rerun, "rerunError": rerun, "flakyFailure": rerun, "flakyError": rerun,
		"stackTrace": {}, "system-out": {}, "system-err": {},
	}
	duration := regexp.MustCompile(`^[0-9]+(\.[0-9]*)?$`)
	for name, run := range map[string]*results.Results{"sample": sample.Matrix(), "hostile": sample.Hostile()} {
		var b bytes.Buffer
		if err := junit.WriteStrict(&b, run); err != nil {
			t.Fatal(err)
		}
		var root element
		if err := xml.Unmarshal(b.Bytes(), &root); err != nil {
			t.Fatal(err)
		}
		var walk func(e element)
		walk = func(e element) {
			rule, known := rules[e.XMLName.Local]
			if !known {
				t.Errorf("%s: there is no <%s>", name, e.XMLName.Local)
			}
			for _, attr := range e.Attrs {
				if !slices.Contains(strings.Fields(rule.attributes), attr.Name.Local) {
					t.Errorf("%s: <%s> with %s", name, e.XMLName.Local, attr.Name.Local)
				}
				if attr.Name.Local == "time" && !duration.MatchString(attr.Value) {
					t.Errorf("%s: <%s> takes %q", name, e.XMLName.Local, attr.Value)
				}
			}
			for _, attr := range strings.Fields(rule.required) {
				if !slices.ContainsFunc(e.Attrs, func(a xml.Attr) bool { return a.Name.Local == attr }) {
					t.Errorf("%s: <%s> without %s", name, e.XMLName.Local, attr)
				}
			}
			for _, child := range e.Children {
				if !slices.Contains(strings.Fields(rule.children), child.XMLName.Local) {
					t.Errorf("%s: <%s> in <%s>", name, child.XMLName.Local, e.XMLName.Local)
				}
				walk(child)
			}
		}
		walk(root)
	}
}

func TestExpectations(t *testing.T) {
	run := sample.Matrix()
	for i := range run.Cells {
		cell := &run.Cells[i]
		switch {
		case cell.Verdict == results.Fail && cell.Column == "cri-o":
			cell.Expectation = &results.Expectation{State: results.ExpectationMet, Verdict: results.Fail, Reason: "known", Entry: "e.yaml:3"}
		case cell.Check == "caps/default-set" && cell.Column == "containerd":
			cell.Expectation = &results.Expectation{State: results.ExpectationBroken, Text: "the pinned observation changed", Entry: "e.yaml:5"}
		}
	}
	document := render(t, run)
	root := structure(t, document)
	if failures := root.count("failure"); failures != 1 || !bytes.Contains(document, []byte("broken expectation")) {
		t.Errorf("%d failures, want the broken expectation", failures)
	}
	if !bytes.Contains(document, []byte("expected failure, known")) {
		t.Error("the expected failure is not skipped with its reason")
	}
}
