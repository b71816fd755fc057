package impact

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"assay/reports/inert"
	"assay/reports/markup"
)

// WriteMarkdown writes the report for step summaries and pull requests.
func (r *Report) WriteMarkdown(w io.Writer) error {
	const largest = 900 << 10
	var page strings.Builder
	fmt.Fprintf(&page, "## Impact: %s to %s\n\n**%s**\n\n", markup.Prose(r.Comparison.A.String(), longestName), markup.Prose(r.Comparison.B.String(), longestName), r.Summary())
	var parts []string
	for _, verdict := range r.Verdicts {
		if verdict.Grade == Unaffected {
			continue
		}
		var part strings.Builder
		fmt.Fprintf(&part, "### %s: %s\n\n%s\n\n", strings.ToUpper(verdict.Grade.String()[:1])+verdict.Grade.String()[1:],
			markup.Prose(verdict.Workload.String(), longestText), markup.Code(where(verdict.Workload.Source, verdict.Workload.Line), longestText))
		for _, f := range verdict.Findings {
			evidence := "the columns' runtimes"
			if f.Check != "" {
				evidence = markup.Link(markup.Code(f.Check, longestName), f.Link)
			}
			fmt.Fprintf(&part, "- **%s** %s: %s\n  *Fix:* %s\n  *Seen:* %s, %s to %s\n", f.Grade, markup.Code(f.Path, longestText),
				markup.Prose(f.What, longestText), markup.Prose(f.Fix, longestText), evidence, markup.Code(f.Before, longestValue), markup.Code(f.After, longestValue))
		}
		part.WriteString("\n")
		parts = append(parts, part.String())
	}
	markup.Part(&page, parts, largest, "workloads", "the text and the JSON")
	if count := r.Count(Unaffected); count > 0 {
		var names strings.Builder
		for _, verdict := range r.Verdicts {
			if verdict.Grade == Unaffected {
				fmt.Fprintf(&names, "- %s\n", markup.Prose(verdict.Workload.String(), longestText))
			}
		}
		page.WriteString(markup.Folded(fmt.Sprintf("%d unaffected", count), names.String(), longestName))
	}
	for _, note := range r.notes() {
		fmt.Fprintf(&page, "\n%s\n", markup.Prose(note, 2*longestText))
	}
	if _, err := io.WriteString(w, page.String()); err != nil {
		return fmt.Errorf("write the impact as Markdown: %w", err)
	}
	return nil
}

// sideJSON is a side in JSON.
type sideJSON struct {
	Run     string `json:"run"`
	Column  string `json:"column"`
	Runtime string `json:"runtime"`
	Version string `json:"version"`
}

func (s Side) json() sideJSON {
	column, _ := s.Results.Column(s.Column)
	return sideJSON{s.Results.Run.ID, s.Column, column.Runtime.Name, column.Runtime.Version}
}

// workloadJSON is a workload with its findings in JSON.
type workloadJSON struct {
	Kind      string    `json:"kind"`
	Namespace string    `json:"namespace,omitempty"`
	Name      string    `json:"name"`
	Source    string    `json:"source"`
	Line      int       `json:"line,omitempty"`
	Grade     Grade     `json:"grade"`
	Findings  []Finding `json:"findings"`
}

// WriteJSON writes the report as one JSON object: "before" and "after" are the sides, "counts" the number of
// workloads by grade, "workloads" all workloads with their findings, the worst first, "others" the number of
// objects of other kinds, "notRead" the kinds of a cluster that could not be listed, "notCompared" the checks about which one side says nothing.
func (r *Report) WriteJSON(w io.Writer) error {
	counts := map[string]int{}
	for _, grade := range grades() {
		counts[grade.String()] = r.Count(grade)
	}
	workloads := make([]workloadJSON, 0, len(r.Verdicts))
	for _, verdict := range r.Verdicts {
		made := workloadJSON{
			Kind: verdict.Workload.Kind, Namespace: verdict.Workload.Namespace, Name: verdict.Workload.Name,
			Source: inert.Text(verdict.Workload.Source), Line: verdict.Workload.Line, Grade: verdict.Grade, Findings: verdict.Findings,
		}
		if made.Findings == nil {
			made.Findings = []Finding{}
		}
		workloads = append(workloads, made)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		Before      sideJSON       `json:"before"`
		After       sideJSON       `json:"after"`
		Differences int            `json:"differences"`
		NotCompared []string       `json:"notCompared,omitempty"`
		Counts      map[string]int `json:"counts"`
		Workloads   []workloadJSON `json:"workloads"`
		Others      map[string]int `json:"others,omitempty"`
		NotRead     []string       `json:"notRead,omitempty"`
	}{r.Comparison.A.json(), r.Comparison.B.json(), r.Comparison.Differences(), r.Comparison.NotCompared, counts, workloads, r.Manifests.Others, r.Manifests.NotRead})
	if err != nil {
		return fmt.Errorf("write the impact as JSON: %w", err)
	}
	return nil
}
