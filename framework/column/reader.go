package column

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader walks the nodes of a YAML document and collects what is wrong with them. It works on nodes
// and not on Go values because only they know their lines.
type reader struct {
	file     string
	known    Known
	problems []Problem
}

// visit reads the value of a field; path is the way to it.
type visit func(node *yaml.Node, path string)

// fields are the fields that a mapping may have.
type fields map[string]visit

func (r *reader) report(node *yaml.Node, field, what, fix string) {
	r.problems = append(r.problems, Problem{File: r.file, Line: node.Line, Field: field, What: what, Fix: fix})
}

// document parses one YAML document without anchors and aliases; nil after a problem.
func (r *reader) document(content []byte) *yaml.Node {
	if len(content) > maxFile {
		r.problems = append(r.problems, Problem{File: r.file, What: fmt.Sprintf("is larger than %d bytes", maxFile), Fix: "split the matrix"})
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0 {
		r.problems = append(r.problems, Problem{File: r.file, Line: 1, What: "is empty", Fix: "see kind-configs/matrix.yaml for an example"})
		return nil
	}
	if err != nil {
		what, line := yamlProblem(err)
		r.problems = append(r.problems, Problem{File: r.file, Line: line, What: "is not valid YAML: " + what, Fix: "mend the file"})
		return nil
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		line := second.Line
		if err != nil {
			_, line = yamlProblem(err)
		}
		r.problems = append(r.problems, Problem{File: r.file, Line: line, What: "has a second document", Fix: "keep one document a file"})
		return nil
	}
	if !r.plain(document.Content[0]) {
		return nil
	}
	return document.Content[0]
}

// plain reports anchors and aliases. A matrix needs none, defaults does their work, and a few lines of
// them can stand for gigabytes.
func (r *reader) plain(node *yaml.Node) bool {
	ok := true
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		r.report(node, "", "anchors and aliases are not read", "write the value out, or use defaults")
		return false
	}
	for _, child := range node.Content {
		ok = r.plain(child) && ok
	}
	return ok
}

// mapping reads a mapping and reports fields that are unknown or there twice.
func (r *reader) mapping(node *yaml.Node, path string, known fields) {
	if node.Kind != yaml.MappingNode {
		r.report(node, path, "is not a mapping", "write its fields as `name: value`, one a line")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		field := key.Value
		if path != "" {
			field = path + "." + key.Value
		}
		if line, twice := seen[key.Value]; twice {
			r.report(key, field, fmt.Sprintf("is there twice, first in line %d", line), "remove one of the two")
			continue
		}
		seen[key.Value] = key.Line
		read, exists := known[key.Value]
		if !exists || key.Kind != yaml.ScalarNode {
			r.report(key, field, "is not a known field", "the fields here are "+strings.Join(names(known), ", "))
			continue
		}
		read(value, field)
	}
}

func names(known fields) []string {
	list := make([]string, 0, len(known))
	for name := range known {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// has says whether a mapping has the field.
func has(node *yaml.Node, field string) bool {
	for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == field {
			return true
		}
	}
	return false
}

// scalar reads a text. Numbers are taken as they are written, so that 2.10 stays 2.10.
func (r *reader) scalar(node *yaml.Node, field string, into *string) bool {
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" || node.Tag == "!!bool" || node.Value == "" {
		r.report(node, field, "is not a text", "write a text")
		return false
	}
	*into = node.Value
	return true
}

func (r *reader) oneOf(into *string, values ...string) visit {
	return func(node *yaml.Node, field string) {
		var value string
		if !r.scalar(node, field, &value) {
			return
		}
		if !slices.Contains(values, value) {
			r.report(node, field, fmt.Sprintf("%q is not known", value), "write one of "+strings.Join(values, ", "))
			return
		}
		*into = value
	}
}

func (r *reader) ociRuntime(c *Column) visit { return r.oneOf(&c.OCIRuntime, "runc", "crun") }

// network reads the name of a network, or a mapping: the manifests that make one, or a name with what it is to be
// like.
func (r *reader) network(c *Column) visit {
	name := r.oneOf(&c.Network, KubeRouter, Kindnet, NoNetwork)
	return func(node *yaml.Node, field string) {
		if node.Kind != yaml.MappingNode {
			name(node, field)
			return
		}
		r.mapping(node, field, fields{
			"name": name,
			"firewall": func(n *yaml.Node, f string) {
				if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
					r.report(n, f, "is neither true nor false", "write one of the two")
					return
				}
				c.NoFirewall = n.Value == "false"
			},
			"manifests": func(n *yaml.Node, f string) {
				if n.Kind == yaml.ScalarNode {
					// One path needs no list.
					n = &yaml.Node{Kind: yaml.SequenceNode, Line: n.Line, Content: []*yaml.Node{n}}
				}
				c.NetworkManifests = r.files(n, f, checkManifest)
			},
		})
		switch {
		case has(node, "manifests") && c.Network == "":
			c.Network = NoNetwork
		case has(node, "manifests") && c.Network != NoNetwork:
			r.report(node, field, c.Network+" has manifests of its own", "leave out name or manifests")
		case !has(node, "manifests") && c.Network == "":
			r.report(node, field+".name", "is missing", "write kube-router, or the manifests of another network")
		}
		if c.NoFirewall && c.Network != KubeRouter {
			r.report(node, field+".firewall", "is a setting of kube-router", "leave it out")
		}
	}
}

// version reads a version. Where known is not nil, it has to be one of those.
func (r *reader) version(into *string, known func() []string) visit {
	return func(node *yaml.Node, field string) {
		var value string
		if !r.scalar(node, field, &value) {
			return
		}
		switch {
		case strings.HasPrefix(value, "v"):
			r.report(node, field, fmt.Sprintf("%q begins with v", value), "write "+strings.TrimPrefix(value, "v"))
		case !versionPattern.MatchString(value):
			r.report(node, field, fmt.Sprintf("%q is not a version", value), "write all three numbers, such as 2.4.2")
		case known != nil && !slices.Contains(known(), value):
			r.report(node, field, fmt.Sprintf("%q is not a known version", value), "known versions are "+list(known()))
		default:
			*into = value
		}
	}
}

func (r *reader) image(into *string) visit {
	return func(node *yaml.Node, field string) {
		var value string
		if !r.scalar(node, field, &value) {
			return
		}
		if !imagePattern.MatchString(value) {
			r.report(node, field, fmt.Sprintf("%q is not the name of an image", value), "write name:tag or name@digest")
			return
		}
		*into = value
	}
}

// files reads a list of paths and what they lead to. check says what is wrong with a file, how to mend
// it and in which of its lines.
func (r *reader) files(node *yaml.Node, field string, check func(path string, content []byte) (what, fix string, line int)) []File {
	if node.Kind != yaml.SequenceNode {
		r.report(node, field, "is not a list", "begin each path with a dash")
		return nil
	}
	var files []File
	for i, entry := range node.Content {
		at := fmt.Sprintf("%s[%d]", field, i)
		var path string
		if !r.scalar(entry, at, &path) {
			continue
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(r.file), path)
		}
		absolute, err := filepath.Abs(path)
		if err != nil {
			r.report(entry, at, fmt.Sprintf("%q: %v", path, err), "write an absolute path")
			continue
		}
		content, err := readLimited(absolute)
		if err != nil {
			r.report(entry, at, fmt.Sprintf("%q %v", path, err), "paths are relative to the directory of the matrix file")
			continue
		}
		if what, fix, line := check(path, content); what != "" {
			if line > 0 {
				what = fmt.Sprintf("%s:%d %s", path, line, what)
			} else {
				what = fmt.Sprintf("%q %s", path, what)
			}
			r.report(entry, at, what, fix)
			continue
		}
		files = append(files, File{Path: absolute, SHA256: digest(content)})
	}
	return files
}
