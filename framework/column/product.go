package column

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"assay/framework/yamlfile"
)

// axes are the fields of a column that a product may have several values of, in the order in which the columns
// are written down and named.
func axes() []string {
	return []string{"runtime", "ociRuntime", "kubernetes", "config", "network"}
}

// product is the columns that a product of axes stands for: each combination of their values, but for those
// that are excluded. A combination is read as a column that is written out would be.
func (r *reader) product(node *yaml.Node, field string, defaults Column) []Column {
	values := map[string][]*yaml.Node{}
	var exclude *yaml.Node
	fields := yamlfile.Fields{"exclude": func(n *yaml.Node, _ string) { exclude = n }}
	for _, axis := range axes() {
		fields[axis] = func(n *yaml.Node, f string) {
			if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
				r.Report(n, f, "is not a list of values", "write a list, of one value where there is one")
				return
			}
			values[axis] = n.Content
		}
	}
	before := len(r.Problems)
	r.Mapping(node, field, fields)
	if node.Kind == yaml.MappingNode && !yamlfile.Has(node, "runtime") {
		r.Report(node, field+".runtime", "is missing", "write runtime: [{name: containerd, version: ...}, ...]")
	}
	exclusions := r.exclusions(exclude, field+".exclude")
	if len(r.Problems) > before {
		return nil
	}
	var columns []Column
	used := make([]bool, len(exclusions))
	for _, combination := range combine(values) {
		if excluded(combination, exclusions, used) {
			continue
		}
		c := r.column(combination.node(node), field, defaults)
		if len(r.Problems) > before {
			// The next combination has the same value again.
			return nil
		}
		c.Name = combination.name(c)
		if !ValidName(c.Name) {
			r.Report(node, field, fmt.Sprintf("has a column that would be named %q, which is too long or not a name", c.Name), "write the column out, with a name")
			return nil
		}
		columns = append(columns, c)
	}
	for i, exclusion := range exclusions {
		if !used[i] {
			r.Report(exclusion, fmt.Sprintf("%s.exclude[%d]", field, i), "excludes nothing", "mend or remove it")
		}
	}
	if len(columns) == 0 {
		r.Report(node, field, "has no columns left", "exclude less")
	}
	return columns
}

// combination is a value of each axis that the product has.
type combination map[string]*yaml.Node

// combine makes all combinations; the last axis changes first.
func combine(values map[string][]*yaml.Node) []combination {
	all := []combination{{}}
	for _, axis := range axes() {
		if values[axis] == nil {
			continue
		}
		var longer []combination
		for _, each := range all {
			for _, value := range values[axis] {
				with := combination{axis: value}
				for known, of := range each {
					with[known] = of
				}
				longer = append(longer, with)
			}
		}
		all = longer
	}
	return all
}

// node is the combination as a column that is written out; problems that are nowhere else are told of the product.
func (c combination) node(product *yaml.Node) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode, Line: product.Line, Column: product.Column}
	for _, axis := range axes() {
		if value := c[axis]; value != nil {
			node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: axis, Line: value.Line}, value)
		}
	}
	return node
}

// name is made of what the product says of the column, so that it does not change with the other columns.
func (c combination) name(of Column) string {
	parts := []string{of.derivedName()}
	if c["kubernetes"] != nil {
		parts = append(parts, of.Kubernetes)
	}
	for _, fragment := range of.Config {
		parts = append(parts, strings.TrimSuffix(filepath.Base(fragment.Path), filepath.Ext(fragment.Path)))
	}
	if c["network"] != nil {
		parts = append(parts, of.Network)
		for _, manifest := range of.NetworkManifests {
			parts = append(parts, strings.TrimSuffix(filepath.Base(manifest.Path), filepath.Ext(manifest.Path)))
		}
	}
	return strings.ToLower(strings.ReplaceAll(strings.Join(parts, "-"), "_", "-"))
}

// exclusions reads the list of what is left out: mappings of axes to a value each.
func (r *reader) exclusions(node *yaml.Node, field string) []*yaml.Node {
	if node == nil {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		r.Report(node, field, "is not a list", "begin each exclusion with a dash")
		return nil
	}
	known := yamlfile.Fields{}
	for _, axis := range axes() {
		known[axis] = func(*yaml.Node, string) {}
	}
	for i, each := range node.Content {
		r.Mapping(each, fmt.Sprintf("%s[%d]", field, i), known)
	}
	return node.Content
}

// excluded says whether an exclusion has nothing but values of the combination, and notes which were used.
func excluded(c combination, exclusions []*yaml.Node, used []bool) bool {
	found := false
	for i, exclusion := range exclusions {
		matches := len(exclusion.Content) > 0
		for at := 0; at+1 < len(exclusion.Content); at += 2 {
			value := c[exclusion.Content[at].Value]
			matches = matches && value != nil && within(exclusion.Content[at+1], value)
		}
		used[i] = used[i] || matches
		found = found || matches
	}
	return found
}

// within says whether a value is the wanted one; of a mapping, what is wanted has to be in it.
func within(wanted, value *yaml.Node) bool {
	switch {
	case wanted.Kind != value.Kind:
		return false
	case wanted.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(wanted.Content); i += 2 {
			there := false
			for j := 0; j+1 < len(value.Content); j += 2 {
				there = there || value.Content[j].Value == wanted.Content[i].Value && within(wanted.Content[i+1], value.Content[j+1])
			}
			if !there {
				return false
			}
		}
		return true
	case wanted.Kind == yaml.SequenceNode:
		return slices.EqualFunc(wanted.Content, value.Content, within)
	default:
		return wanted.Value == value.Value
	}
}
