package results_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"assay/reports/internal/golden"
	"assay/reports/internal/sample"
	"assay/reports/results"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file, err := os.Open("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	document, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func encode(t *testing.T, run *results.Results) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := run.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDocumentsFollowTheSchema(t *testing.T) {
	schema := compiled(t)
	runs := map[string]*results.Results{"sample": sample.Matrix(), "hostile": sample.Hostile(), "empty": {}}
	for name, run := range runs {
		t.Run(name, func(t *testing.T) {
			document, err := jsonschema.UnmarshalJSON(bytes.NewReader(encode(t, run)))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(document); err != nil {
				t.Error(err)
			}
		})
	}
	golden.Check(t, "results.json", encode(t, sample.Matrix()))
}

func TestTheSchemaRefuses(t *testing.T) {
	schema := compiled(t)
	valid := string(encode(t, sample.Matrix()))
	for name, replace := range map[string][2]string{
		"another version":    {`"schemaVersion": 1`, `"schemaVersion": 2`},
		"an unknown verdict": {`"verdict": "pass"`, `"verdict": "passed"`},
		"an unknown level":   {`"level": "must"`, `"level": "may"`},
		"no time":            {`"started": "2026-`, `"started": "on `},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(valid, replace[0], replace[1], 1)
			if changed == valid {
				t.Fatal("nothing was changed")
			}
			document, err := jsonschema.UnmarshalJSON(strings.NewReader(changed))
			if err != nil {
				t.Fatal(err)
			}
			if schema.Validate(document) == nil {
				t.Error("the schema accepts it")
			}
		})
	}
}

// Every field of the model is described, and nothing is described that the model lacks.
func TestTheSchemaHasTheFieldsOfTheModel(t *testing.T) {
	text, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	definitions, _ := schema["$defs"].(map[string]any)
	compare(t, "results", reflect.TypeFor[results.Results](), schema, definitions)
}

func compare(t *testing.T, path string, model reflect.Type, schema, definitions map[string]any) {
	t.Helper()
	if reference, is := schema["$ref"].(string); is {
		schema, _ = definitions[strings.TrimPrefix(reference, "#/$defs/")].(map[string]any)
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
