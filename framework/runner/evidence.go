package runner

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Evidence is the folder that keeps what was observed in a column.
type Evidence struct {
	// Root is the folder of the results file.
	Root string
	// Folder is the column's folder, relative to Root.
	Folder string
}

// Name is the evidence file of a pod or namespace, relative to Root.
func (e Evidence) Name(of string) string { return filepath.Join(e.Folder, of+".json") }

// Write keeps evidence as JSON; it is on disk when Write returns.
func (e Evidence) Write(of string, evidence any) error {
	path := filepath.Join(e.Root, e.Name(of))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("keep the evidence of %s: %w", of, err)
	}
	encoded, err := json.MarshalIndent(evidence, "", "  ")
	if err != nil {
		return fmt.Errorf("keep the evidence of %s: %w", of, err)
	}
	if err := os.WriteFile(path, append(encoded, '\n'), 0o644); err != nil {
		return fmt.Errorf("keep the evidence of %s: %w", of, err)
	}
	return nil
}
