// Package catalogue renders the list of checks for readers, as a page (CHECKS.md), as text and as JSON,
// and validates it.
package catalogue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"assay/framework/check"
)

// Markdown writes CHECKS.md: a table of each area.
func Markdown(w io.Writer, checks []check.Check) error {
	var page bytes.Buffer
	counts := map[check.Level]int{}
	for _, c := range checks {
		counts[c.Level]++
	}
	fmt.Fprintf(&page, "# Checks\n\n"+
		"Generated from the code by `assay list --markdown`; edit `suites/`, not this file.\n\n"+
		"%d checks: %d must, %d should, %d info. A `must` is demanded by the text its source links to, a\n"+
		"`should` is recommended there, an `info` is left to the runtime: its value is recorded and compared.\n"+
		"In the trials, `-` marks a denial, `+` the control that differs from it in one knob and must be\n"+
		"allowed.\n", len(checks), counts[check.Must], counts[check.Should], counts[check.Info])
	for _, area := range areas(checks) {
		fmt.Fprintf(&page, "\n## %s\n\n| ID | level | claim | trials |\n| --- | --- | --- | --- |\n", area)
		for _, c := range checks {
			if c.Area() == area {
				fmt.Fprintf(&page, "| `%s` | %s | %s ([source](%s)) | %s |\n",
					c.ID, c.Level, cell(c.Claim), c.Source, cell(strings.Join(trials(c), "<br>")))
			}
		}
	}
	if _, err := page.WriteTo(w); err != nil {
		return fmt.Errorf("write the checks as Markdown: %w", err)
	}
	return nil
}

// Text writes a line a check: ID, level and claim.
func Text(w io.Writer, checks []check.Check) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range checks {
		if _, err := fmt.Fprintf(out, "%s\t%s\t%s\n", c.ID, c.Level, c.Claim); err != nil {
			return fmt.Errorf("write the checks as text: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the checks as text: %w", err)
	}
	return nil
}

// Entry is a check in JSON.
type Entry struct {
	ID     string      `json:"id"`
	Area   string      `json:"area"`
	Level  check.Level `json:"level"`
	Claim  string      `json:"claim"`
	Source string      `json:"source"`
	Trials []Trial     `json:"trials"`
}

// Trial is a trial in JSON. The trials of a check by truth tables are its steps.
type Trial struct {
	Name    string `json:"name"`
	Control bool   `json:"control,omitempty"`
	// Does is the action or command; empty where the trial only reads the facts of the process.
	Does string `json:"does,omitempty"`
	// Wants is empty where the trial only records.
	Wants string `json:"wants,omitempty"`
}

// JSON writes a list of entries.
func JSON(w io.Writer, checks []check.Check) error {
	entries := make([]Entry, 0, len(checks))
	for _, c := range checks {
		entry := Entry{ID: c.ID, Area: c.Area(), Level: c.Level, Claim: c.Claim, Source: c.Source, Trials: []Trial{}}
		for _, t := range c.Trials {
			made := Trial{Name: t.Name, Control: t.Control, Does: strings.Join(t.Container.Command, " ")}
			if !t.Action.IsZero() {
				made.Does = t.Action.String()
			}
			if t.Want != nil {
				made.Wants = t.Want.String()
			}
			entry.Trials = append(entry.Trials, made)
		}
		if c.Network != nil {
			for _, step := range c.Network.Steps {
				entry.Trials = append(entry.Trials, Trial{Name: step.Name, Wants: "the truth table of the objects"})
			}
		}
		entries = append(entries, entry)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(entries); err != nil {
		return fmt.Errorf("write the checks as JSON: %w", err)
	}
	return nil
}

func areas(checks []check.Check) []string {
	var order []string
	for _, c := range checks {
		if !slices.Contains(order, c.Area()) {
			order = append(order, c.Area())
		}
	}
	return order
}

func trials(c check.Check) []string {
	var lines []string
	for _, t := range c.Trials {
		line := t.Name
		switch {
		case t.Control:
			line = "+ " + line
		case denial(t.Want):
			line = "- " + line
		}
		if t.Want != nil {
			line += ": " + t.Want.String()
		}
		lines = append(lines, line)
	}
	if c.Network != nil {
		lines = append(lines, "+ without policies: all connections")
		for _, step := range c.Network.Steps {
			lines = append(lines, "- "+step.Name+": the truth table of the objects")
		}
	}
	return lines
}

// cell keeps a text in one cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }
