package junit

import (
	"testing"

	"assay/reports/results"
)

// GitLab takes no file of 30 MB: the more texts there are, the less each may be.
func TestTextLimit(t *testing.T) {
	for cells, want := range map[int]int{0: MaxText, 1: MaxText, 600: allTexts / 600, 3600: allTexts / 3600, 1_000_000: leastText} {
		run := &results.Results{Cells: make([]results.Cell, cells)}
		if got := textLimit(run, nil); got != want {
			t.Errorf("%d cells: got %d bytes, want %d", cells, got, want)
		}
	}
	passing := &results.Results{Cells: []results.Cell{{Verdict: results.Pass}, {Verdict: results.Informed}}}
	if got := textLimit(passing, nil); got != MaxText {
		t.Errorf("cells that pass have no text: got %d", got)
	}
}
