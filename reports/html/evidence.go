package html

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"sigs.k8s.io/yaml"

	"assay/reports/inert"
)

// The most bytes of one document in the page, of all of them, and of an evidence file that is read.
const (
	documentSize = 24 << 10
	allSize      = 12 << 20
	fileSize     = 16 << 20
)

// documents are the long texts of the page, each of them once.
type documents struct {
	Texts  []string
	places map[string]int
	left   int
}

func newDocuments() *documents { return &documents{places: map[string]int{}, left: allSize} }

// add keeps a text, cut to the size of a document, and returns its number counted from 1; 0 for no text,
// and for one that the page has no room for.
func (d *documents) add(text string) int {
	if text == "" {
		return 0
	}
	// What is spelled out becomes longer: the second cut is that of the size.
	text = inert.Cut(inert.Text(inert.Cut(text, documentSize)), documentSize)
	if number, found := d.places[text]; found {
		return number
	}
	if len(text) > d.left {
		return 0
	}
	d.left -= len(text)
	d.Texts = append(d.Texts, text)
	d.places[text] = len(d.Texts)
	return len(d.Texts)
}

// evidence reads the evidence files of a run, each of them once.
type evidence struct {
	files fs.FS
	read  map[string]*file
}

// file is an evidence file: of a pod, or another document.
type file struct {
	Pod  map[string]any    `json:"pod"`
	Logs map[string]string `json:"logs"`
	// whole is the document where it is not a pod's.
	whole string
}

func newEvidence(files fs.FS) *evidence { return &evidence{files: files, read: map[string]*file{}} }

// file is the evidence of that name; nil where there is none that can be shown.
func (e *evidence) file(name string) *file {
	if e.files == nil || !fs.ValidPath(name) || name == "." {
		return nil
	}
	if known, found := e.read[name]; found {
		return known
	}
	read, err := load(e.files, name)
	if err != nil {
		// The page goes without: the file may have been left behind where the run was made.
		read = nil
	}
	e.read[name] = read
	return read
}

func load(files fs.FS, name string) (*file, error) {
	opened, err := files.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open the evidence: %w", err)
	}
	defer opened.Close() //nolint:errcheck // read only
	info, err := opened.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at the evidence %s: %w", name, err)
	}
	if !info.Mode().IsRegular() || info.Size() > fileSize {
		return nil, fmt.Errorf("the evidence %s is no file of at most %d bytes", name, fileSize)
	}
	data, err := io.ReadAll(io.LimitReader(opened, fileSize))
	if err != nil {
		return nil, fmt.Errorf("read the evidence %s: %w", name, err)
	}
	var read file
	if err := json.Unmarshal(data, &read); err != nil || read.Pod == nil {
		return &file{whole: string(data)}, nil //nolint:nilerr // another document is shown as it is
	}
	return &read, nil
}

// manifest is the pod as YAML, as it was asked for: of its containers only the one, without what the
// cluster wrote into it.
func (f *file) manifest(container string) string {
	if f.Pod == nil {
		return ""
	}
	pod := map[string]any{"apiVersion": "v1", "kind": "Pod"}
	metadata, _ := f.Pod["metadata"].(map[string]any)
	pod["metadata"] = chosen(metadata, "name", "namespace", "labels", "annotations")
	spec, _ := f.Pod["spec"].(map[string]any)
	shown := make(map[string]any, len(spec))
	for name, value := range spec {
		shown[name] = value
	}
	left := 0
	for _, list := range []string{"initContainers", "containers"} {
		all, _ := spec[list].([]any)
		if container == "" || len(all) < 2 {
			continue
		}
		var kept []any
		for _, entry := range all {
			if fields, _ := entry.(map[string]any); fields["name"] == container {
				kept = append(kept, entry)
			}
		}
		left += len(all) - len(kept)
		shown[list] = kept
		if kept == nil {
			delete(shown, list)
		}
	}
	pod["spec"] = shown
	text, err := yaml.Marshal(pod)
	if err != nil {
		return ""
	}
	if left > 0 {
		return fmt.Sprintf("# Other containers of this pod, left out here: %d\n%s", left, text)
	}
	return string(text)
}

func chosen(object map[string]any, names ...string) map[string]any {
	some := map[string]any{}
	for _, name := range names {
		if value, found := object[name]; found {
			some[name] = value
		}
	}
	return some
}

// status is what the kubelet said of the container, as YAML.
func (f *file) status(container string) string {
	status, _ := f.Pod["status"].(map[string]any)
	for _, list := range []string{"containerStatuses", "initContainerStatuses"} {
		all, _ := status[list].([]any)
		for _, entry := range all {
			fields, _ := entry.(map[string]any)
			if fields["name"] != container {
				continue
			}
			text, err := yaml.Marshal(chosen(fields, "state", "lastState", "restartCount", "user", "resources", "allocatedResources", "volumeMounts"))
			if err != nil {
				return ""
			}
			return string(text)
		}
	}
	return ""
}

// document is what the container, or for another file the whole observation, said.
func (f *file) document(container string) string {
	if f.Pod == nil {
		return f.whole
	}
	return strings.TrimPrefix(f.Logs[container], "assay-document: ")
}
