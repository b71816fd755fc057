// Package schematest checks documents and the Go types behind them against a published JSON schema.
package schematest

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema is a schema file.
type Schema struct {
	compiled *jsonschema.Schema
	text     map[string]any
}

// Load reads the schema file of the package under test.
func Load(t *testing.T, path string) *Schema {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(path, document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	var decoded map[string]any
	if err := json.Unmarshal(text, &decoded); err != nil {
		t.Fatal(err)
	}
	return &Schema{compiled, decoded}
}

// Validate says what is wrong with a document.
func (s *Schema) Validate(t *testing.T, document []byte) error {
	t.Helper()
	decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	return s.compiled.Validate(decoded)
}

// HasFields sees to it that every field of the type is described, and nothing is described that the type
// lacks.
func (s *Schema) HasFields(t *testing.T, model reflect.Type) {
	t.Helper()
	definitions, _ := s.text["$defs"].(map[string]any)
	compare(t, model.Name(), model, s.text, definitions)
}

func compare(t *testing.T, path string, model reflect.Type, schema, definitions map[string]any) {
	t.Helper()
	if reference, is := schema["$ref"].(string); is {
		schema, _ = definitions[strings.TrimPrefix(reference, "#/$defs/")].(map[string]any)
	}
	if model.Kind() == reflect.Pointer {
		model = model.Elem()
	}
	if model.Kind() == reflect.Slice && model != reflect.TypeFor[json.RawMessage]() {
		items, _ := schema["items"].(map[string]any)
		compare(t, path+"[]", model.Elem(), items, definitions)
		return
	}
	if model.Kind() != reflect.Struct || model == reflect.TypeFor[time.Time]() {
		return
	}
	properties, _ := schema["properties"].(map[string]any)
	if len(properties) != model.NumField() {
		t.Errorf("%s: %d properties for %d fields", path, len(properties), model.NumField())
	}
	for field := range model.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		property, is := properties[name].(map[string]any)
		if !is {
			t.Errorf("%s.%s is not in the schema", path, name)
			continue
		}
		compare(t, path+"."+name, field.Type, property, definitions)
	}
}
