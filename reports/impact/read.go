package impact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	nodev1 "k8s.io/api/node/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	kubernetesyaml "sigs.k8s.io/yaml"
)

// LargestManifest is the most that is read of one file, in bytes.
const LargestManifest = 64 << 20

// deepest is how deep lists may lie in lists.
const deepest = 4

// InvalidError says that a manifest cannot be read, with the place.
type InvalidError struct {
	File string
	// Line counts from 1; 0 where the problem has no line.
	Line    int
	Problem string
}

func (e *InvalidError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem)
	}
	return fmt.Sprintf("%s: %s", e.File, e.Problem)
}

// Reader reads manifests.
type Reader struct{ decoder runtime.Decoder }

// NewReader is a reader that knows all kinds that make pods, NetworkPolicies and RuntimeClasses; objects
// of other kinds are counted.
func NewReader() (*Reader, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme, networkingv1.AddToScheme, nodev1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("make the decoder of manifests: %w", err)
		}
	}
	return &Reader{decoder: serializer.NewCodecFactory(scheme).UniversalDeserializer()}, nil
}

// Files reads files and directories, the latter with all below them that is YAML or JSON by its name, and
// for "-" the given input. Errors are InvalidErrors with the place.
func (r *Reader) Files(into *Manifests, paths []string, input io.Reader) error {
	for _, path := range paths {
		if path == "-" {
			if err := r.Read(into, input, "standard input"); err != nil {
				return err
			}
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return &InvalidError{File: path, Problem: "cannot be read: " + cause(err)}
		}
		if !info.IsDir() {
			if err := r.file(into, path); err != nil {
				return err
			}
			continue
		}
		if err := r.directory(into, path); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) directory(into *Manifests, path string) error {
	found := false
	// With a slash behind it a link to a directory is followed.
	err := filepath.WalkDir(path+string(filepath.Separator), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return &InvalidError{File: name, Problem: "cannot be read: " + cause(err)}
		}
		if extension := strings.ToLower(filepath.Ext(name)); entry.IsDir() || !slices.Contains([]string{".yaml", ".yml", ".json"}, extension) {
			return nil
		}
		if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
			return nil
		}
		found = true
		return r.file(into, filepath.Clean(name))
	})
	if err != nil {
		return err
	}
	if !found {
		return &InvalidError{File: path, Problem: "holds no file whose name ends with .yaml, .yml or .json"}
	}
	return nil
}

func (r *Reader) file(into *Manifests, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return &InvalidError{File: path, Problem: "cannot be read: " + cause(err)}
	}
	defer file.Close() //nolint:errcheck // read only
	return r.Read(into, file, path)
}

// cause is the text of an error of package os without the path.
func cause(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// Read reads the documents of a stream, which name stands for in messages.
func (r *Reader) Read(into *Manifests, input io.Reader, name string) error {
	text, err := io.ReadAll(io.LimitReader(input, LargestManifest+1))
	if err != nil {
		return &InvalidError{File: name, Problem: "cannot be read: " + cause(err)}
	}
	if len(text) > LargestManifest {
		return &InvalidError{File: name, Problem: fmt.Sprintf("is larger than %d MiB, the most that is read", LargestManifest>>20)}
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	for _, part := range split(text) {
		if err := r.document(into, part, name); err != nil {
			return err
		}
	}
	return nil
}

// document is one document of a stream; before is the number of lines before it.
type document struct {
	text   []byte
	before int
}

// split divides a stream at the lines that begin a document: "---", alone or followed by a space, as the
// YAML specification has it (9.1.2).
func split(text []byte) []document {
	var documents []document
	start, startLine, line := 0, 0, 0
	for at := 0; at < len(text); line++ {
		end := len(text)
		if next := bytes.IndexByte(text[at:], '\n'); next >= 0 {
			end = at + next + 1
		}
		if marker := text[at:end]; bytes.HasPrefix(marker, []byte("---")) && (len(marker) == 3 || bytes.IndexByte([]byte(" \t\r\n"), marker[3]) >= 0) {
			documents = append(documents, document{text[start:at], startLine})
			start, startLine = at, line
		}
		at = end
	}
	return append(documents, document{text[start:], startLine})
}

// errorLine finds the line in a message of the YAML parser.
var errorLine = regexp.MustCompile(`line (\d+): `) //nolint:gochecknoglobals // a pattern

func (r *Reader) document(into *Manifests, d document, name string) error {
	decoded, err := toJSON(d.text)
	if err != nil {
		problem := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "), "yaml: ")
		line := d.before + 1
		if at := errorLine.FindStringSubmatch(problem); at != nil {
			if n, err := strconv.Atoi(at[1]); err == nil {
				line = d.before + n
			}
			problem = errorLine.ReplaceAllString(problem, "")
			if strings.HasPrefix(problem, "did not find expected") {
				line++ // the parser counts the lines of these errors, and only of these, from 0
			}
		}
		if bytes.Contains(d.text, []byte("{{")) {
			problem += " (it looks like a template; render it first: helm template, kustomize build)"
		}
		return &InvalidError{File: name, Line: line, Problem: "is not YAML: " + problem}
	}
	if trimmed := bytes.TrimSpace(decoded); len(trimmed) == 0 || string(trimmed) == "null" {
		return nil
	}
	at := place{source: name, line: d.before + 1, offset: d.before}
	var node yaml.Node
	// The lines of fields are a service: where this parser has another opinion, they are the document's.
	if yaml.Unmarshal(d.text, &node) == nil && len(node.Content) > 0 {
		at.node, at.line = &node, d.before+node.Content[0].Line
	}
	return r.object(into, decoded, at, 0)
}

// toJSON is a document as JSON. What is JSON already may hold tabs, which YAML refuses.
func toJSON(text []byte) ([]byte, error) {
	if json.Valid(text) {
		return text, nil
	}
	return kubernetesyaml.YAMLToJSON(text)
}

// head is what every object has.
type head struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Items      []json.RawMessage `json:"items"`
}

func (r *Reader) object(into *Manifests, text []byte, at place, depth int) error {
	invalid := func(format string, args ...any) error {
		return &InvalidError{File: at.source, Line: at.line, Problem: fmt.Sprintf(format, args...)}
	}
	var h head
	if err := json.Unmarshal(text, &h); err != nil {
		return invalid("is no Kubernetes object: %s", plainJSON(err))
	}
	if h.Kind == "" || h.APIVersion == "" {
		return invalid("is no Kubernetes object: it has no kind or no apiVersion")
	}
	if strings.HasSuffix(h.Kind, "List") && h.Items != nil {
		if depth == deepest {
			return invalid("has lists in lists, more than %d deep", deepest)
		}
		for i, item := range h.Items {
			below := at
			below.prefix += fmt.Sprintf("items[%d].", i)
			below.line = (&Workload{Line: at.line, node: at.node, offset: at.offset}).line(strings.TrimSuffix(below.prefix, "."))
			if err := r.object(into, typed(item, h), below, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	object, _, err := r.decoder.Decode(text, nil, nil)
	switch {
	case runtime.IsNotRegisteredError(err):
		into.Documents++
		into.other(h.Kind)
		return nil
	case err != nil:
		return invalid("%s cannot be read: %s", h.Kind, plainJSON(err))
	}
	into.add(object, at)
	return nil
}

// typed gives an element of a list such as a DeploymentList the kind that the API leaves out there.
func typed(item json.RawMessage, list head) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(item, &fields) != nil || fields == nil || fields["kind"] != nil || list.Kind == "List" {
		return item
	}
	for name, value := range map[string]string{"kind": strings.TrimSuffix(list.Kind, "List"), "apiVersion": list.APIVersion} {
		text, err := json.Marshal(value)
		if err != nil {
			return item
		}
		fields[name] = text
	}
	whole, err := json.Marshal(fields)
	if err != nil {
		return item
	}
	return whole
}

// plainJSON is the message of a JSON decoder without the names of Go types.
func plainJSON(err error) string {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		if kind.Field == "" {
			return "it is a JSON " + kind.Value
		}
		return fmt.Sprintf("%s cannot be a JSON %s", kind.Field, kind.Value)
	}
	return goType.ReplaceAllString(err.Error(), "field $1: it cannot be a $2")
}

// goType is how Kubernetes' decoder names a field of the wrong type.
var goType = regexp.MustCompile(`^json: cannot unmarshal (?:\w+) into Go struct field \w+\.(\S+) of type (\S+)$`) //nolint:gochecknoglobals // a pattern
