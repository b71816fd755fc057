package html

import (
	"fmt"
	"slices"

	"assay/reports/inert"
	"assay/reports/results"
)

// colours is the number of colours of phases; the style has a class for each.
const colours = 8

// times is the picture of where the time went: a bar for the run and for each column.
type times struct {
	Bars []bar
	// Height is that of the picture in pixels.
	Height int
	// Phases are the same in numbers, in the order in which they began.
	Phases []phase
}

// phase is the time of a phase in the run's own bar and in each column's; empty where it had none.
type phase struct {
	Name   string
	Colour int
	Took   []string
}

type bar struct {
	Name, Total string
	// Y is the upper edge in pixels.
	Y        int
	Segments []segment
}

// segment is a phase. X and Width are in percent of the picture's width.
type segment struct {
	Name, Took string
	X, Width   string
	Colour     int
	// Wide says that the label has room in the segment, on a screen that is not small.
	Wide bool
}

// Label is the text in the segment and of its tooltip.
func (s segment) Label() string { return s.Name + " " + s.Took }

// The measures in pixels: those of the text and of the picture are about what they are on a notebook.
const (
	barHeight      = 30
	characterWidth = 7
	pictureWidth   = 1050
)

// mostPhases is how many phases of one column are drawn.
const mostPhases = 200

func newTimes(run *results.Results) times {
	names := run.PhaseNames()
	longest := 0.0
	totals := map[string]float64{}
	for _, phase := range run.Phases {
		totals[phase.Column] += max(phase.Seconds, 0)
		longest = max(longest, totals[phase.Column])
	}
	if longest <= 0 {
		return times{}
	}
	var t times
	var columns []string
	add := func(column, name string) {
		if totals[column] <= 0 {
			return
		}
		b := bar{Name: inert.Short(name, nameWidth), Total: results.Duration(totals[column]).String(), Y: t.Height}
		at := 0.0
		for _, phase := range run.Phases {
			if phase.Column != column || phase.Seconds <= 0 || len(b.Segments) == mostPhases {
				continue
			}
			b.Segments = append(b.Segments, segment{
				Name: inert.Short(phase.Name, nameWidth), Took: results.Duration(phase.Seconds).String(),
				X: percent(at / longest), Width: percent(phase.Seconds / longest),
				Colour: slices.Index(names, phase.Name) % colours,
			})
			last := &b.Segments[len(b.Segments)-1]
			last.Wide = float64(len(last.Label())*characterWidth) < phase.Seconds/longest*pictureWidth
			at += phase.Seconds
		}
		t.Bars = append(t.Bars, b)
		t.Height += barHeight
		columns = append(columns, column)
	}
	add("", "whole run")
	for _, column := range run.Columns {
		add(column.Name, column.Name)
	}
	for i, name := range names[:min(len(names), mostPhases)] {
		p := phase{Name: inert.Short(name, nameWidth), Colour: i % colours}
		for _, column := range columns {
			text := ""
			if took, found := run.PhaseTime(column, name); found {
				text = took.String()
			}
			p.Took = append(p.Took, text)
		}
		t.Phases = append(t.Phases, p)
	}
	return t
}

func percent(part float64) string { return fmt.Sprintf("%.3f%%", 100*part) }
