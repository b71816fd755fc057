// Package meaning is how a difference between two observations is explained.
package meaning

import "encoding/json"

// Meaning is what a difference means for workloads, in a sentence, with the text upstream that says so.
type Meaning struct {
	Text string `json:"text"`
	Link string `json:"link"`
}

// Explainer explains the change of what a check observed; before and after are the recorded values, empty
// where nothing was recorded. It has at least one sentence for every check that it knows.
type Explainer interface {
	Explain(check string, before, after json.RawMessage) []Meaning
}
