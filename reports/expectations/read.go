package expectations

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"go.yaml.in/yaml/v3"

	"assay/framework/yamlfile"
	"assay/reports/results"
)

// SchemaVersion is the version of the file's format.
const SchemaVersion = "1"

// maxEntries is the number of entries that a file may have.
const maxEntries = 10_000

// Load reads and checks an expectations file. The error is a yamlfile.InvalidError with all problems.
func Load(file string) (*File, error) {
	content, err := yamlfile.Read(file)
	if err != nil {
		return nil, &yamlfile.InvalidError{Problems: []yamlfile.Problem{{File: file, What: err.Error(), Fix: "name an expectations file such as kind-configs/expectations.yaml"}}}
	}
	return Parse(content, file)
}

// Parse checks the content of an expectations file; file is where it comes from.
func Parse(content []byte, file string) (*File, error) {
	r := &reader{yamlfile.Reader{File: file, Example: "kind-configs/expectations.yaml"}}
	root := r.Document(content)
	if root == nil {
		return nil, r.Err()
	}
	parsed := &File{Path: file, content: content}
	versioned, listed := false, false
	r.Mapping(root, "", yamlfile.Fields{
		"schemaVersion": func(node *yaml.Node, field string) {
			versioned = true
			if node.Kind != yaml.ScalarNode || node.Value != SchemaVersion {
				r.Report(node, field, "is not a version that this program reads", "write schemaVersion: "+SchemaVersion)
			}
		},
		"expectations": func(node *yaml.Node, field string) {
			listed = true
			parsed.Entries = r.entries(node, field)
		},
	})
	if !versioned && root.Kind == yaml.MappingNode {
		r.Report(root, "schemaVersion", "is missing", "write schemaVersion: "+SchemaVersion)
	}
	if !listed && root.Kind == yaml.MappingNode {
		r.Report(root, "expectations", "is missing", "list what is expected, or write expectations: []")
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return parsed, nil
}

type reader struct{ yamlfile.Reader }

func (r *reader) entries(node *yaml.Node, field string) []Entry {
	switch {
	case node.Kind == yaml.ScalarNode && node.Tag == "!!null":
		return nil
	case node.Kind != yaml.SequenceNode:
		r.Report(node, field, "is not a list", "begin each entry with a dash")
		return nil
	case len(node.Content) > maxEntries:
		r.Report(node, field, fmt.Sprintf("has %d entries", len(node.Content)), fmt.Sprintf("have at most %d", maxEntries))
		return nil
	}
	entries := make([]Entry, 0, len(node.Content))
	for i, child := range node.Content {
		entries = append(entries, r.entry(child, fmt.Sprintf("%s[%d]", field, i)))
	}
	return entries
}

func (r *reader) entry(node *yaml.Node, field string) Entry {
	e := Entry{Line: node.Line}
	before := len(r.Problems)
	r.Mapping(node, field, yamlfile.Fields{
		"check":      r.pattern(&e.Check),
		"column":     r.pattern(&e.Column),
		"runtime":    r.version(&e.Runtime, "containerd, cri-o"),
		"ociRuntime": r.version(&e.OCIRuntime, "runc, crun"),
		"verdict": func(n *yaml.Node, f string) {
			var word string
			r.OneOf(&word, results.Pass.String(), results.Fail.String(), results.Informed.String(), results.Unsupported.String())(n, f)
			e.Verdict = results.Verdict(word)
		},
		"observed": func(n *yaml.Node, f string) { e.Observed = r.value(n, f) },
		"reason":   func(n *yaml.Node, f string) { r.Scalar(n, f, &e.Reason) },
		"owner":    func(n *yaml.Node, f string) { r.Scalar(n, f, &e.Owner) },
		"link": func(n *yaml.Node, f string) {
			if !r.Scalar(n, f, &e.Link) {
				return
			}
			if address, err := url.Parse(e.Link); err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
				r.Report(n, f, fmt.Sprintf("%q is not an address of the web", e.Link), "write https://...")
			}
		},
		"expires": func(n *yaml.Node, f string) {
			day, err := time.Parse(time.DateOnly, n.Value)
			if n.Kind != yaml.ScalarNode || err != nil {
				r.Report(n, f, "is not a day", "write it as 2027-01-31")
				return
			}
			e.Expires = day
		},
	})
	if len(r.Problems) > before || node.Kind != yaml.MappingNode {
		return e
	}
	switch {
	case e.Check == "":
		r.Report(node, field+".check", "is missing", "name a check, or a pattern such as seccomp/*")
	case e.Reason == "":
		r.Report(node, field+".reason", "is missing", "say why this is expected")
	case e.Verdict == results.Error && e.Observed == nil:
		r.Report(node, field, "expects nothing", "write verdict, observed or both")
	}
	return e
}

func (r *reader) pattern(into *string) yamlfile.Visit {
	return func(n *yaml.Node, f string) {
		if !r.Scalar(n, f, into) {
			return
		}
		if _, err := path.Match(*into, ""); err != nil {
			r.Report(n, f, fmt.Sprintf("%q is not a pattern", *into), "a star is any text without a slash, [] must be closed")
		}
	}
}

func (r *reader) version(into *Version, known string) yamlfile.Visit {
	return func(n *yaml.Node, f string) {
		var versions string
		r.Mapping(n, f, yamlfile.Fields{
			"name": r.OneOf(&into.Name, strings.Split(known, ", ")...),
			"version": func(n *yaml.Node, f string) {
				if !r.Scalar(n, f, &versions) {
					return
				}
				constraints, err := semver.NewConstraint(versions)
				if err != nil {
					r.Report(n, f, fmt.Sprintf("%q is not a range of versions", versions), "write it as '>=2.0.0 <2.5.0'")
					return
				}
				// A release candidate is what many people try first.
				constraints.IncludePrerelease = true
				into.Range = constraints
			},
		})
		if n.Kind == yaml.MappingNode && !yamlfile.Has(n, "name") {
			r.Report(n, f+".name", "is missing", "write one of "+known)
		}
	}
}

// value is a value of YAML as JSON.
func (r *reader) value(n *yaml.Node, f string) json.RawMessage {
	var decoded any
	if err := n.Decode(&decoded); err != nil {
		what, _ := yamlfile.SyntaxProblem(err)
		r.Report(n, f, "cannot be read: "+what, "write it as results.json has it")
		return nil
	}
	text, err := json.Marshal(decoded)
	if err != nil {
		r.Report(n, f, "has no form in JSON", "use texts as the names of fields")
		return nil
	}
	return text
}
