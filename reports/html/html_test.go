package html_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"assay/reports/html"
	_ "assay/reports/internal/golden" // its flag, so that go test ./reports/... -update runs here too
	"assay/reports/internal/sample"
	"assay/reports/results"

	xhtml "golang.org/x/net/html"
)

// rendered is a page taken apart.
type rendered struct {
	text    string
	details struct {
		Columns []struct {
			Name   string
			Config []struct {
				Name     string
				Document int
			}
		}
		Checks []struct {
			ID, Source string
			Recorded   struct {
				Names  []string
				Differ int
			}
			Cells []struct {
				Verdict, Reason, Rerun string
				Trials                 []struct {
					Name, Evidence             string
					Log, Pod, Status, Document int
				}
			}
		}
		Documents []string
	}
}

func render(t *testing.T, run *results.Results, evidence fs.FS) rendered {
	t.Helper()
	var b bytes.Buffer
	if err := html.Write(&b, run, evidence); err != nil {
		t.Fatal(err)
	}
	r := rendered{text: b.String()}
	found := regexp.MustCompile(`<script type="application/json" id="details">(.*)</script>`).FindStringSubmatch(r.text)
	if found == nil {
		t.Fatal("there are no details")
	}
	var packed string
	if err := json.Unmarshal([]byte(found[1]), &packed); err != nil {
		t.Fatal(err)
	}
	reader, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed)))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(reader).Decode(&r.details); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryCellHasAPermalinkAndItsEvidence(t *testing.T) {
	run := sample.Matrix()
	page := render(t, run, nil)
	for i, check := range run.Checks {
		for j, cell := range run.Row(check.ID) {
			if link := fmt.Sprintf(`href="#%s@%s"`, check.ID, cell.Column); !strings.Contains(page.text, link) {
				t.Errorf("there is no %s", link)
			}
			shown := page.details.Checks[i].Cells[j]
			if shown.Verdict != cell.Verdict.String() || shown.Reason != cell.Reason || shown.Rerun != cell.Rerun || len(shown.Trials) != len(cell.Trials) {
				t.Errorf("%s in %s is shown as %+v", cell.Check, cell.Column, shown)
			}
		}
	}
}

// The page is the same for the same results, so that it can be compared.
func TestThePageIsStable(t *testing.T) {
	if render(t, sample.Matrix(), nil).text != render(t, sample.Matrix(), nil).text {
		t.Error("two pages of one run are not the same")
	}
}

func TestOnlyDifferencesComeFirstUnlessSomethingFailed(t *testing.T) {
	const only = `class="only"`
	run := sample.Matrix()
	if strings.Contains(render(t, run, nil).text, only) {
		t.Error("failures are hidden")
	}
	for i := range run.Cells {
		if v := &run.Cells[i].Verdict; *v == results.Fail || *v == results.Error {
			*v = results.Pass
		}
	}
	if !strings.Contains(render(t, run, nil).text, only) {
		t.Error("nothing failed, and the page starts with everything")
	}
}

func TestTheValuesThatDifferComeFirst(t *testing.T) {
	run := sample.Matrix()
	page := render(t, run, nil)
	for i, check := range run.Checks {
		if check.ID != "seccomp/syscall-table" {
			continue
		}
		recorded := page.details.Checks[i].Recorded
		if recorded.Differ == 0 || recorded.Differ >= len(recorded.Names) {
			t.Errorf("%d of %d calls differ", recorded.Differ, len(recorded.Names))
		}
	}
}

const podEvidence = `{"pod": {"metadata": {"name": "groups-strict", "managedFields": [{"manager": "left-out"}]},
	"spec": {"containers": [{"name": "main", "image": "probe"}, {"name": "sibling", "image": "other"}]},
	"status": {"containerStatuses": [{"name": "main", "state": {"terminated": {"exitCode": 7}}}]}},
	"logs": {"main": "assay-document: {\"version\":1}", "sibling": "not this"}}`

func TestEvidenceFilesAreInThePage(t *testing.T) {
	run := sample.Matrix()
	page := render(t, run, fstest.MapFS{
		"evidence/cri-o/groups-strict.json": {Data: []byte(podEvidence)},
		"evidence/cri-o/agent-a.json":       {Data: []byte(`{"before": {"a": "connected"}}`)},
	})
	found := 0
	for _, check := range page.details.Checks {
		for _, cell := range check.Cells {
			for _, trial := range cell.Trials {
				text := func(number int) string {
					if number == 0 {
						return ""
					}
					return page.details.Documents[number-1]
				}
				switch trial.Evidence {
				case "evidence/cri-o/groups-strict.json":
					found++
					pod := text(trial.Pod)
					if !strings.Contains(pod, "image: probe") || strings.Contains(pod, "image: other") || strings.Contains(pod, "left-out") {
						t.Errorf("the pod is shown as\n%s", pod)
					}
					if !strings.Contains(text(trial.Status), "exitCode: 7") || text(trial.Document) != `{"version":1}` {
						t.Errorf("got the status %q and the document %q", text(trial.Status), text(trial.Document))
					}
				case "evidence/cri-o/agent-a.json":
					found++
					if !strings.Contains(text(trial.Document), "connected") {
						t.Error("another document is not shown")
					}
				case "":
				default:
					t.Errorf("%s is shown and not there", trial.Evidence)
				}
			}
		}
	}
	if found != 2 {
		t.Errorf("%d trials have evidence", found)
	}
}

func TestEqualDocumentsAreKeptOnceAndLongOnesAreCut(t *testing.T) {
	run := sample.Matrix()
	long := strings.Repeat("a line of the log\n", 1<<16)
	for i := range run.Cells {
		for j := range run.Cells[i].Trials {
			run.Cells[i].Trials[j].Log = long
		}
	}
	page := render(t, run, nil)
	if n := len(page.details.Documents); n != 1 {
		t.Fatalf("one log is kept %d times", n)
	}
	if text := page.details.Documents[0]; len(text) > 32<<10 || !strings.Contains(text, "left out") {
		t.Errorf("a log of %d bytes has %d in the page, ending with %q", len(long), len(text), text[len(text)-40:])
	}
}

// What a results file names is not what may be read: only files below the folder of the evidence's own.
func TestEvidenceStaysInItsFolder(t *testing.T) {
	run := sample.Matrix()
	run.Cells[0].Trials = []results.Trial{
		{Name: "up", Evidence: "../secret.json"}, {Name: "absolute", Evidence: "/etc/passwd"},
		{Name: "script", Evidence: "javascript:alert(1)"}, {Name: "folder", Evidence: "evidence"},
	}
	page := render(t, run, fstest.MapFS{"secret.json": {Data: []byte("secret")}, "evidence/x.json": {Data: []byte("{}")}})
	for _, trial := range page.details.Checks[0].Cells[0].Trials {
		if trial.Evidence != "" || trial.Document != 0 {
			t.Errorf("%s is in the page", trial.Name)
		}
	}
}

func TestHostileTextsAreInert(t *testing.T) {
	run := sample.Hostile()
	nasty := strings.Join(sample.Nasty(), " ")
	run.Run.ID, run.Run.CommandLine, run.Run.Versions = nasty, []string{nasty}, map[string]string{nasty: nasty}
	for i := range run.Checks {
		run.Checks[i].Area = sample.Nasty()[i%len(sample.Nasty())]
	}
	run.Columns[0].Config = map[string]string{nasty: nasty}
	run.Columns[0].Nodes[0].Name = nasty
	run.Phases[1].Name = nasty
	evidence := fstest.MapFS{}
	for i := range run.Cells {
		for j := range run.Cells[i].Trials {
			trial := &run.Cells[i].Trials[j]
			trial.DeniedBy, trial.Why, trial.Filter, trial.Node, trial.Evidence = nasty, nasty, nasty, nasty, "evidence/nasty.json"
		}
	}
	evidence["evidence/nasty.json"] = &fstest.MapFile{Data: []byte(nasty)}
	page := render(t, run, evidence)

	if strings.ContainsAny(page.text, "\x00\x1b\x07\u202e\u2028") {
		t.Error("a control character came through")
	}
	scripts, tokens := 0, xhtml.NewTokenizer(strings.NewReader(page.text))
	for tokens.Next() != xhtml.ErrorToken {
		token := tokens.Token()
		if token.Type != xhtml.StartTagToken && token.Type != xhtml.SelfClosingTagToken {
			continue
		}
		switch token.Data {
		case "script":
			scripts++
		case "img", "iframe", "object", "embed", "link", "base", "form":
			t.Errorf("there is a %s", token)
		}
		for _, attribute := range token.Attr {
			if strings.HasPrefix(attribute.Key, "on") || attribute.Key == "src" {
				t.Errorf("there is a %s", token)
			}
			if attribute.Key == "href" && !strings.HasPrefix(attribute.Val, "#") {
				t.Errorf("there is a link to %s", attribute.Val)
			}
		}
	}
	if scripts != 2 {
		t.Errorf("the page has %d scripts", scripts)
	}
	for _, check := range page.details.Checks {
		if check.Source != "" {
			t.Errorf("%q is a link", check.Source)
		}
	}
	// The details are JSON: the script puts their texts into text nodes. They hold no terminal codes either.
	all := fmt.Sprint(page.details)
	if strings.ContainsAny(all, "\x00\x1b\x07\u202e\u2028") {
		t.Error("a control character is in the details")
	}
	if len(page.text) > 1<<20 {
		t.Errorf("the page has %d bytes", len(page.text))
	}
}

func TestNothingIsLoaded(t *testing.T) {
	page := render(t, sample.Matrix(), nil).text
	for _, tag := range []string{" src=", "<link", "@import", "url("} {
		if strings.Contains(page, tag) {
			t.Errorf("the page has %s", tag)
		}
	}
	if !strings.Contains(page, "default-src &#39;none&#39;") {
		t.Error("the page has no content security policy")
	}
}

// BenchmarkRender renders 300 checks x 12 columns with syscall tables of 500 calls: it takes less than 2 s
// and 300 MB.
func BenchmarkRender(b *testing.B) {
	run := sample.Large()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	started := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if err := html.Write(io.Discard, run, nil); err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(started) / time.Duration(b.N)
	runtime.ReadMemStats(&after)
	// All that was ever allocated is more than there was at a time.
	allocated := (after.TotalAlloc - before.TotalAlloc) / uint64(b.N)
	if took > 2*time.Second || allocated > 300<<20 {
		b.Errorf("one page took %s and %d MB", took, allocated>>20)
	}
}
