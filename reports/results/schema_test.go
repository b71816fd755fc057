package results_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"assay/reports/internal/golden"
	"assay/reports/internal/sample"
	"assay/reports/internal/schematest"
	"assay/reports/results"
)

func encode(t *testing.T, run *results.Results) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := run.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDocumentsFollowTheSchema(t *testing.T) {
	schema := schematest.Load(t, "schema.json")
	runs := map[string]*results.Results{"sample": sample.Matrix(), "hostile": sample.Hostile(), "empty": {}}
	for name, run := range runs {
		t.Run(name, func(t *testing.T) {
			if err := schema.Validate(t, encode(t, run)); err != nil {
				t.Error(err)
			}
		})
	}
	golden.Check(t, "results.json", encode(t, sample.Matrix()))
}

func TestTheSchemaRefuses(t *testing.T) {
	schema := schematest.Load(t, "schema.json")
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
			if schema.Validate(t, []byte(changed)) == nil {
				t.Error("the schema accepts it")
			}
		})
	}
}

func TestTheSchemaHasTheFieldsOfTheModel(t *testing.T) {
	schematest.Load(t, "schema.json").HasFields(t, reflect.TypeFor[results.Results]())
}
