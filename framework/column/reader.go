package column

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"assay/framework/yamlfile"
)

// InvalidError says everything that is wrong with a matrix file.
type InvalidError = yamlfile.InvalidError

// Problem is one thing that is wrong.
type Problem = yamlfile.Problem

// reader reads a matrix file.
type reader struct {
	yamlfile.Reader
	known Known
}

func (r *reader) ociRuntime(c *Column) yamlfile.Visit {
	return r.OneOf(&c.OCIRuntime, "runc", "crun")
}

// network reads the name of a network, or a mapping: the manifests that make one, or a name with what it is to be
// like.
func (r *reader) network(c *Column) yamlfile.Visit {
	name := r.OneOf(&c.Network, KubeRouter, Kindnet, NoNetwork)
	return func(node *yaml.Node, field string) {
		if node.Kind != yaml.MappingNode {
			name(node, field)
			return
		}
		r.Mapping(node, field, yamlfile.Fields{
			"name": name,
			"firewall": func(n *yaml.Node, f string) {
				if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
					r.Report(n, f, "is neither true nor false", "write one of the two")
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
		case yamlfile.Has(node, "manifests") && c.Network == "":
			c.Network = NoNetwork
		case yamlfile.Has(node, "manifests") && c.Network != NoNetwork:
			r.Report(node, field, c.Network+" has manifests of its own", "leave out name or manifests")
		case !yamlfile.Has(node, "manifests") && c.Network == "":
			r.Report(node, field+".name", "is missing", "write kube-router, or the manifests of another network")
		}
		if c.NoFirewall && c.Network != KubeRouter {
			r.Report(node, field+".firewall", "is a setting of kube-router", "leave it out")
		}
	}
}

// version reads a version. Where known is not nil, it has to be one of those.
func (r *reader) version(into *string, known func() []string) yamlfile.Visit {
	return func(node *yaml.Node, field string) {
		var value string
		if !r.Scalar(node, field, &value) {
			return
		}
		switch {
		case strings.HasPrefix(value, "v"):
			r.Report(node, field, fmt.Sprintf("%q begins with v", value), "write "+strings.TrimPrefix(value, "v"))
		case !versionPattern.MatchString(value):
			r.Report(node, field, fmt.Sprintf("%q is not a version", value), "write all three numbers, such as 2.4.2")
		case known != nil && !slices.Contains(known(), value):
			r.Report(node, field, fmt.Sprintf("%q is not a known version", value), "known versions are "+list(known()))
		default:
			*into = value
		}
	}
}

func (r *reader) image(into *string) yamlfile.Visit {
	return func(node *yaml.Node, field string) {
		var value string
		if !r.Scalar(node, field, &value) {
			return
		}
		if !imagePattern.MatchString(value) {
			r.Report(node, field, fmt.Sprintf("%q is not the name of an image", value), "write name:tag or name@digest")
			return
		}
		*into = value
	}
}

// files reads a list of paths and what they lead to. check says what is wrong with a file, how to mend
// it and in which of its lines.
func (r *reader) files(node *yaml.Node, field string, check func(path string, content []byte) (what, fix string, line int)) []File {
	if node.Kind != yaml.SequenceNode {
		r.Report(node, field, "is not a list", "begin each path with a dash")
		return nil
	}
	var files []File
	for i, entry := range node.Content {
		at := fmt.Sprintf("%s[%d]", field, i)
		var path string
		if !r.Scalar(entry, at, &path) {
			continue
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(r.File), path)
		}
		absolute, err := filepath.Abs(path)
		if err != nil {
			r.Report(entry, at, fmt.Sprintf("%q: %v", path, err), "write an absolute path")
			continue
		}
		content, err := yamlfile.Read(absolute)
		if err != nil {
			r.Report(entry, at, fmt.Sprintf("%q %v", path, err), "paths are relative to the directory of the matrix file")
			continue
		}
		if what, fix, line := check(path, content); what != "" {
			if line > 0 {
				what = fmt.Sprintf("%s:%d %s", path, line, what)
			} else {
				what = fmt.Sprintf("%q %s", path, what)
			}
			r.Report(entry, at, what, fix)
			continue
		}
		files = append(files, File{Path: absolute, SHA256: digest(content)})
	}
	return files
}
