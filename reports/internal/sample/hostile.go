package sample

import (
	"encoding/json"
	"strings"

	"assay/reports/results"
)

// Nasty are texts that a container, a kubelet or a file from elsewhere may hold, and that a report must
// neither run, obey nor choke on.
func Nasty() []string {
	return []string{
		"<script>alert(1)</script>",
		"\x1b[2J\x1b]0;owned\x07\x1b[31mred",
		"| a | b |\n| --- | --- |\n```\n# heading\n",
		"</details></summary></table><img src=x onerror=alert(1)>",
		"]]></failure></testcase><testcase name=\"forged\"/>",
		"\xff\xfe invalid \xc3( UTF-8 \x00 and \ufffe",
		"`code` ``more`` ``` fence\n~~~\n@everyone [link](javascript:alert(1)) ![i](http://x/y)",
		"reversed \u202e txt.exe \u2028 line",
		strings.Repeat("A long line without an end ", 100),
	}
}

// megabyte is a text that no report may show in full.
func megabyte() string { return strings.Repeat("A very long line without an end ", 1<<15) }

// Hostile is a run in which every text that comes from elsewhere is one of Nasty, and
// one cell has a megabyte in every field.
func Hostile() *results.Results {
	run := Matrix()
	nasty := Nasty()
	next := 0
	text := func() string {
		next++
		return nasty[next%len(nasty)]
	}
	run.Host.OS, run.Host.Kernel, run.Host.Engine = text(), text(), text()
	run.Host.Restrictions = append(run.Host.Restrictions, results.Restriction{What: text(), Detail: text(), Effect: text()})
	for i := range run.Columns {
		column := &run.Columns[i]
		column.NodeImage, column.Runtime.Version, column.Network.Version = text(), text(), text()
		for j := range column.Nodes {
			column.Nodes[j].Kernel, column.Nodes[j].Runtime = text(), text()
		}
	}
	for i := range run.Checks {
		run.Checks[i].Claim, run.Checks[i].Source = text(), "javascript:"+text()
	}
	for i := range run.Cells {
		cell := &run.Cells[i]
		cell.Reason, cell.Rerun = text(), text()
		cell.Earlier = []string{text()}
		value, name := text(), text()
		// Not encoded by encoding/json, which would replace invalid UTF-8: probes may send it as it is.
		cell.Observed = json.RawMessage(`{"` + quote(name) + `":"` + quote(value) + `"}`)
		cell.Nodes = []results.NodeAnswer{
			{Nodes: []string{text(), text()}, Verdict: cell.Verdict, Observed: cell.Observed},
			{Nodes: []string{text()}, Verdict: cell.Verdict, Reason: text(), Observed: json.RawMessage(`{"` + quote(text()) + `":"` + quote(text()) + `"}`)},
			{Nodes: []string{text()}, Verdict: results.Error, Reason: text()},
		}
		for j := range cell.Trials {
			trial := &cell.Trials[j]
			trial.Name, trial.Done, trial.Seen, trial.Log, trial.Pod = text(), text(), text(), text(), text()
		}
	}
	huge := &run.Cells[2*5+1] // a failure
	huge.Reason, huge.Rerun, huge.Earlier = megabyte(), megabyte(), []string{megabyte()}
	huge.Observed = json.RawMessage(`{"` + megabyte() + `":"` + megabyte() + `"}`)
	huge.Trials[0].Seen, huge.Trials[0].Log = megabyte(), megabyte()
	run.Columns[1].Error, run.Columns[1].Logs = text(), text()
	run.Columns[1].Name = "../../etc/<b>\x1b[31m|`"
	for i := range run.Cells {
		if run.Cells[i].Column == "cri-o" {
			run.Cells[i].Column = run.Columns[1].Name
		}
	}
	for i := range run.Phases {
		if run.Phases[i].Column == "cri-o" {
			run.Phases[i].Column = run.Columns[1].Name
		}
	}
	return run
}

// quote escapes what JSON forbids in a string and leaves invalid UTF-8 as it is.
func quote(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\x00", `\u0000`, "\x1b", `\u001b`, "\x07", `\u0007`).Replace(text)
}
