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
}

// Label is the text in the segment and of its tooltip.
func (s segment) Label() string { return s.Name + " " + s.Took }

const barHeight = 30

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
			at += phase.Seconds
		}
		t.Bars = append(t.Bars, b)
		t.Height += barHeight
	}
	add("", "whole run")
	for _, column := range run.Columns {
		add(column.Name, column.Name)
	}
	return t
}

func percent(part float64) string { return fmt.Sprintf("%.3f%%", 100*part) }
