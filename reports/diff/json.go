package diff

import (
	"encoding/json"
	"fmt"
	"io"
)

// WriteJSON writes the comparison as JSON, by schema.json.
func (d *Diff) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(d); err != nil {
		return fmt.Errorf("write the comparison as JSON: %w", err)
	}
	return nil
}
