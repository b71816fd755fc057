// Package html renders results as the matrix page: one file without network, with the evidence of every
// cell in it. The matrix itself is plain HTML, so that it is there without JavaScript; the script filters
// it and opens the evidence.
package html

import (
	"bufio"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"strings"

	"assay/reports/facts"
	"assay/reports/inert"
	"assay/reports/results"
)

// The most characters of what is shown in the matrix.
const (
	nameWidth   = 100
	claimWidth  = 400
	valueWidth  = 160
	reasonWidth = 300
	factWidth   = 300
)

// Options are what the page shows besides the run. The zero value is nothing.
type Options struct {
	// Evidence has the evidence files by the names that trials have for them; where it is nil or has no such
	// file, the page goes without.
	Evidence fs.FS
	// History are earlier runs, the oldest first: a cell shows what its verdict was in them.
	History []*results.Results
}

// Write writes the page.
func Write(w io.Writer, run *results.Results, options Options) error {
	page, err := newPage(run, options)
	if err != nil {
		return err
	}
	tmpl, err := template.ParseFS(files, "page.html.tmpl")
	if err != nil {
		return fmt.Errorf("parse the page's template: %w", err)
	}
	buffered := bufio.NewWriter(w)
	if err := tmpl.Execute(buffered, page); err != nil {
		return fmt.Errorf("write HTML: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write HTML: %w", err)
	}
	return nil
}

//go:embed page.html.tmpl page.css query.js evidence.js page.js
var files embed.FS

// page is what the template shows. Every text that comes from a run is inert.
type page struct {
	Style  template.CSS
	Script template.JS
	// Policy is the content security policy: nothing is loaded, and no script runs but the page's own.
	Policy string

	ID, When, Took, Command string
	Outcome                 results.Outcome
	// Tone is the look of the outcome: good, bad or broken.
	Tone            string
	Counts          []count
	Checks, Differ  int
	Warnings        int
	OnlyDifferences bool
	// Outliers says that nodes of a column answer otherwise than others of it.
	Outliers         bool
	Findings         []finding
	MoreFindings     int
	Columns          []head
	Facts            []facts.Fact
	Host, Versions   string
	HostRestrictions []results.Restriction
	NodeRestrictions []facts.Restriction
	Times            times
	Areas            []area
	// Details is the evidence: JSON, gzipped, in base64.
	Details string
}

// Last is the number of the last column.
func (p page) Last() int { return len(p.Columns) - 1 }

// Span is the number of columns of the table.
func (p page) Span() int { return len(p.Columns) + 1 }

type count struct {
	Verdict results.Verdict
	Cells   int
}

// head is the head of a column.
type head struct{ Name, Runtime, OCI, Error string }

// Beside is what the name does not say of the runtime.
func (h head) Beside() string { return strings.TrimSpace(strings.TrimPrefix(h.Runtime, h.Name)) }

func newPage(run *results.Results, options Options) (*page, error) {
	style, err := files.ReadFile("page.css")
	if err != nil {
		return nil, fmt.Errorf("read the page's style: %w", err)
	}
	script, err := script()
	if err != nil {
		return nil, err
	}
	details, err := newDetails(run, options).encode()
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256([]byte(script))
	_, warnings := run.Failures()
	counts, outcome := run.Count(), run.Outcome()
	p := &page{
		Style:  template.CSS(style), //nolint:gosec // the package's own file
		Script: template.JS(script), //nolint:gosec // the package's own files
		Policy: "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'; script-src 'sha256-" +
			base64.StdEncoding.EncodeToString(hash[:]) + "'",
		ID:       inert.Short(run.Run.ID, nameWidth),
		When:     run.Run.Started.UTC().Format("2006-01-02 15:04 MST"),
		Took:     results.Duration(run.Run.Finished.Sub(run.Run.Started).Seconds()).String(),
		Command:  command(run.Run.CommandLine),
		Outcome:  results.Outcome{Status: outcome.Status, Reason: inert.Short(outcome.Reason, reasonWidth)},
		Checks:   len(run.Checks),
		Warnings: len(warnings),
		Outliers: len(run.Outliers()) > 0,
		// Where something failed nothing is hidden.
		OnlyDifferences:  counts[results.Fail] == 0 && counts[results.Error] == 0 && len(run.Outliers()) == 0,
		Host:             inert.Short(facts.Host(run.Host), claimWidth),
		Versions:         inert.Short(facts.Versions(run.Run), claimWidth),
		HostRestrictions: restrictions(run.Host.Restrictions),
		Times:            newTimes(run),
		Details:          details,
	}
	switch p.Outcome.Status {
	case results.ExitExpected:
		p.Tone = "good"
	case results.ExitFailed:
		p.Tone = "bad"
	default:
		p.Tone = "broken"
	}
	for _, verdict := range results.Verdicts() {
		if counts[verdict] > 0 {
			p.Counts = append(p.Counts, count{verdict, counts[verdict]})
		}
	}
	for _, column := range run.Columns {
		p.Columns = append(p.Columns, head{
			Name:    inert.Short(column.Name, nameWidth),
			Runtime: inert.Short(strings.TrimSpace(column.Runtime.Name+" "+column.Runtime.Version), nameWidth),
			OCI:     inert.Short(strings.TrimSpace(column.OCIRuntime.Name+" "+column.OCIRuntime.Version), nameWidth),
			Error:   inert.Short(column.Error, reasonWidth),
		})
	}
	for _, fact := range facts.Columns(run) {
		for i := range fact.Values {
			fact.Values[i] = inert.Short(fact.Values[i], factWidth)
		}
		p.Facts = append(p.Facts, fact)
	}
	for _, restriction := range facts.Restrictions(run) {
		p.NodeRestrictions = append(p.NodeRestrictions, facts.Restriction{
			Columns: []string{inert.Short(strings.Join(restriction.Columns, ", "), claimWidth)}, Restriction: shown(restriction.Restriction),
		})
	}
	p.Findings, p.MoreFindings = findings(run)
	p.Areas = areas(run)
	for _, area := range p.Areas {
		p.Differ += area.Differ
	}
	p.OnlyDifferences = p.OnlyDifferences && p.Differ > 0
	return p, nil
}

// script is the page's script: its files, one after the other, in a scope of their own.
func script() (string, error) {
	all := "(() => {\n'use strict';\n"
	for _, name := range []string{"query.js", "evidence.js", "page.js"} {
		part, err := files.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("read the page's script: %w", err)
		}
		all += string(part)
	}
	return all + "})();\n", nil
}

func command(line []string) string {
	text := ""
	for _, argument := range line {
		text += " " + argument
	}
	return inert.Short(text, claimWidth)
}

func restrictions(list []results.Restriction) []results.Restriction {
	texts := make([]results.Restriction, len(list))
	for i, restriction := range list {
		texts[i] = shown(restriction)
	}
	return texts
}

func shown(restriction results.Restriction) results.Restriction {
	return results.Restriction{
		What: inert.Short(restriction.What, nameWidth), Detail: inert.Short(restriction.Detail, claimWidth),
		Effect: inert.Short(restriction.Effect, claimWidth),
	}
}
