package column

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v3"

	"assay/framework/yamlfile"
)

const (
	// SchemaVersion is the version of the matrix file's format.
	SchemaVersion = "1"
	// maxColumns is the number of columns that a matrix may have.
	maxColumns = 64

	// DefaultOCIRuntime is the handler that nodes use without a RuntimeClass.
	DefaultOCIRuntime = "runc"
)

var (
	namePattern    = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,38}[a-z0-9])?$`)
	versionPattern = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)
	imagePattern   = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$`)
)

// ValidName says whether a column may have the name: at most 40 of a-z, 0-9, dash and dot, a letter or digit
// first and last.
func ValidName(name string) bool { return namePattern.MatchString(name) }

// Load reads and checks a matrix file. Paths in it are relative to the directory of the file. An error
// about the content of the file, or of the files it names, is an InvalidError that holds all problems.
func Load(path string, known Known) (*Matrix, error) {
	content, err := yamlfile.Read(path)
	if err != nil {
		return nil, &InvalidError{Problems: []Problem{{File: path, What: err.Error(), Fix: "name a matrix file such as kind-configs/matrix.yaml"}}}
	}
	return Parse(content, path, known)
}

// Parse checks the content of a matrix file; path is where it comes from.
func Parse(content []byte, path string, known Known) (*Matrix, error) {
	r := &reader{Reader: yamlfile.Reader{File: path, Example: "kind-configs/matrix.yaml"}, known: known}
	root := r.Document(content)
	if root == nil {
		return nil, r.Err()
	}
	matrix := &Matrix{Path: path, Topology: Isolated, lines: map[string]int{}}
	var columns, products, upgrades *yaml.Node
	defaults := Column{}
	versioned := false
	r.Mapping(root, "", yamlfile.Fields{
		"schemaVersion": func(node *yaml.Node, field string) {
			versioned = true
			if node.Kind != yaml.ScalarNode || node.Value != SchemaVersion {
				r.Report(node, field, "is not a version that this program reads", "write schemaVersion: "+SchemaVersion)
			}
		},
		"defaults": func(node *yaml.Node, field string) { r.defaults(node, field, &defaults) },
		"topology": func(node *yaml.Node, field string) {
			var name string
			if r.OneOf(&name, string(Isolated), string(Mixed))(node, field); name != "" {
				matrix.Topology = Topology(name)
			}
		},
		"columns":  func(node *yaml.Node, _ string) { columns = node },
		"products": func(node *yaml.Node, _ string) { products = node },
		"upgrades": func(node *yaml.Node, _ string) { upgrades = node },
		"expectations": func(node *yaml.Node, field string) {
			if r.Scalar(node, field, &matrix.Expectations) && !filepath.IsAbs(matrix.Expectations) {
				matrix.Expectations = filepath.Join(filepath.Dir(path), matrix.Expectations)
			}
		},
	})
	if !versioned && root.Kind == yaml.MappingNode {
		r.Report(root, "schemaVersion", "is missing", "write schemaVersion: "+SchemaVersion)
	}
	if columns == nil && products == nil && root.Kind == yaml.MappingNode {
		r.Report(root, "columns", "is missing", "list at least one column, or products")
	}
	add := func(node *yaml.Node, field string, found ...Column) {
		for _, c := range found {
			if line, twice := matrix.lines[c.Name]; twice && c.Name != "" {
				r.Report(node, field+".name", fmt.Sprintf("%q is the name of the column in line %d", c.Name, line), "give each column a name of its own")
			}
			matrix.lines[c.Name] = node.Line
			matrix.Columns = append(matrix.Columns, c)
		}
	}
	r.list(columns, "columns", func(node *yaml.Node, field string) { add(node, field, r.column(node, field, defaults)) })
	r.list(products, "products", func(node *yaml.Node, field string) { add(node, field, r.product(node, field, defaults)...) })
	if len(matrix.Columns) > maxColumns {
		r.Report(products, "products", fmt.Sprintf("and columns make %d columns", len(matrix.Columns)), fmt.Sprintf("have at most %d", maxColumns))
	}
	r.upgrades(upgrades, "upgrades", matrix)
	if err := r.Err(); err != nil {
		return nil, err
	}
	return matrix, nil
}

// list reads a list that may be left out, but not be empty.
func (r *reader) list(node *yaml.Node, field string, read yamlfile.Visit) {
	switch {
	case node == nil:
	case node.Kind != yaml.SequenceNode:
		r.Report(node, field, "is not a list", "begin each entry with a dash")
	case len(node.Content) == 0:
		r.Report(node, field, "is empty", "list at least one")
	case len(node.Content) > maxColumns:
		r.Report(node, field, fmt.Sprintf("has %d entries", len(node.Content)), fmt.Sprintf("have at most %d", maxColumns))
	default:
		for i, entry := range node.Content {
			read(entry, fmt.Sprintf("%s[%d]", field, i))
		}
	}
}

// defaults are what columns have that do not say otherwise.
func (r *reader) defaults(node *yaml.Node, field string, into *Column) {
	r.Mapping(node, field, yamlfile.Fields{
		"ociRuntime": r.ociRuntime(into),
		"kubernetes": r.version(&into.Kubernetes, func() []string { return r.known.Kubernetes }),
		"base":       r.image(&into.Base),
		"network":    r.network(into),
	})
}

func (r *reader) column(node *yaml.Node, field string, defaults Column) Column {
	before := len(r.Problems)
	c := Column{}
	var config, manifests, version *yaml.Node
	r.Mapping(node, field, yamlfile.Fields{
		"name": func(n *yaml.Node, f string) {
			if r.Scalar(n, f, &c.Name) && !namePattern.MatchString(c.Name) {
				r.Report(n, f, fmt.Sprintf("%q is not a name", c.Name), "take at most 40 of a-z, 0-9, dash and dot, a letter or digit first and last")
			}
		},
		"runtime": func(n *yaml.Node, f string) {
			r.Mapping(n, f, yamlfile.Fields{
				"name":    r.OneOf(&c.Runtime.Name, Containerd, CRIO),
				"version": func(n *yaml.Node, _ string) { version = n },
			})
			if c.Runtime.Name == "" && n.Kind == yaml.MappingNode && len(r.Problems) == before {
				r.Report(n, f+".name", "is missing", "write containerd or cri-o")
			}
		},
		"ociRuntime": r.ociRuntime(&c),
		"kubernetes": func(n *yaml.Node, f string) {
			known := func() []string { return r.known.Kubernetes }
			if yamlfile.Has(node, "image") {
				known = nil // a ready image may have any
			}
			r.version(&c.Kubernetes, known)(n, f)
		},
		"image":     r.image(&c.Image),
		"base":      r.image(&c.Base),
		"config":    func(n *yaml.Node, _ string) { config = n },
		"network":   r.network(&c),
		"manifests": func(n *yaml.Node, _ string) { manifests = n },
	})
	if node.Kind != yaml.MappingNode {
		return c
	}
	if !yamlfile.Has(node, "runtime") {
		r.Report(node, field+".runtime", "is missing", "write runtime: {name: containerd, version: ...}")
	}
	r.runtimeVersion(&c, version, node, field)
	r.applyDefaults(&c, node, field, defaults)
	if config != nil {
		c.Config = r.files(config, field+".config", func(path string, content []byte) (string, string, int) {
			return checkFragment(c.Runtime, path, content)
		})
	}
	if manifests != nil {
		c.Manifests = r.files(manifests, field+".manifests", checkManifest)
	}
	if c.Network == NoNetwork && len(c.Manifests)+len(c.NetworkManifests) == 0 && len(r.Problems) == before {
		r.Report(node, field+".network", "is none, and there are no manifests that make one", "list the network's manifests, or take kube-router")
	}
	if c.Name == "" && len(r.Problems) == before {
		c.Name = c.derivedName()
		if !namePattern.MatchString(c.Name) {
			r.Report(node, field+".name", fmt.Sprintf("is missing, and %q is not a name", c.Name), "give the column a name")
		}
	}
	return c
}

// runtimeVersion reads the version once the runtime and the kind of image are known.
func (r *reader) runtimeVersion(c *Column, version, node *yaml.Node, field string) {
	field += ".runtime.version"
	switch {
	case version != nil && (c.Image != "" || c.Runtime.Name == ""):
		r.version(&c.Runtime.Version, nil)(version, field)
	case version != nil:
		r.version(&c.Runtime.Version, func() []string { return r.known.Runtimes[c.Runtime.Name] })(version, field)
	case c.Image == "" && c.Runtime.Name != "":
		r.Report(node, field, "is missing", "known versions of "+c.Runtime.Name+" are "+list(r.known.Runtimes[c.Runtime.Name]))
	}
}

func (r *reader) applyDefaults(c *Column, node *yaml.Node, field string, defaults Column) {
	c.OCIRuntime = first(c.OCIRuntime, defaults.OCIRuntime, DefaultOCIRuntime)
	if c.Image != "" {
		if yamlfile.Has(node, "base") {
			r.Report(node, field+".base", "has no meaning beside image, of which nothing is built", "remove one of the two")
		}
		c.Network = first(c.Network, Kindnet)
		return
	}
	if c.Network == Kindnet {
		r.Report(node, field+".network", "kindnet is only in ready node images", "take kube-router, or set image")
	}
	c.Base = first(c.Base, defaults.Base)
	if c.Network == "" {
		c.NetworkManifests, c.NoFirewall = defaults.NetworkManifests, defaults.NoFirewall
	}
	c.Network = first(c.Network, defaults.Network, KubeRouter)
	c.Kubernetes = first(c.Kubernetes, defaults.Kubernetes)
	if c.Kubernetes == "" && !yamlfile.Has(node, "kubernetes") {
		r.Report(node, field+".kubernetes", "is missing, and defaults has none", "known versions are "+list(r.known.Kubernetes))
	}
}

func first(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

// checkFragment says what is wrong with a fragment of a runtime's configuration, how to mend it, and in
// which of its lines.
func checkFragment(runtime Runtime, path string, content []byte) (what, fix string, line int) {
	extension := map[string]string{Containerd: ".toml", CRIO: ".conf"}[runtime.Name]
	if extension != "" && filepath.Ext(path) != extension {
		return "is not read by " + runtime.Name, "give the file a name that ends in " + extension, 0
	}
	var document map[string]any
	if _, err := toml.Decode(string(content), &document); err != nil {
		var parse toml.ParseError
		if errors.As(err, &parse) {
			return "is not valid TOML: " + parse.Message, "mend the file", parse.Position.Line
		}
		return "is not valid TOML: " + err.Error(), "mend the file", 0
	}
	if version, _ := document["version"].(int64); version > 2 && runtime.OldFormat() {
		return fmt.Sprintf("is of version %d of the format, and containerd %s reads version 2", version, runtime.Version),
			"write version = 2, and plugins by the names that they have there", 0
	}
	return "", "", 0
}

// checkManifest says what is wrong with a file of Kubernetes objects.
func checkManifest(_ string, content []byte) (what, fix string, line int) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return "", "", 0
		}
		if err != nil {
			what, line := yamlfile.SyntaxProblem(err)
			return "is not valid YAML: " + what, "mend the file", line
		}
	}
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func list(values []string) string {
	if len(values) == 0 {
		return "none (kind-configs/components has none)"
	}
	values = slices.Clone(values)
	return strings.Join(values, ", ")
}
