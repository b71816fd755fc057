// Package column is the matrix file: which container runtimes are put side by side, in which versions
// and with which configuration.
package column

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The container runtimes that a column may have.
const (
	Containerd = "containerd"
	CRIO       = "cri-o"
)

// The networks that a column may have.
const (
	// KubeRouter is kube-router without overlay: routes and NetworkPolicy.
	KubeRouter = "kube-router"
	// Kindnet is the network that a ready kind node image brings along.
	Kindnet = "kindnet"
	// NoNetwork leaves the network to the column's own manifests.
	NoNetwork = "none"
)

// Matrix is what a matrix file says.
type Matrix struct {
	// Path is the file.
	Path string
	// Columns are in the order of the file.
	Columns []Column
	// Topology is how the columns are put on clusters.
	Topology Topology
	// Upgrades are those between the columns, in the order of the file; most files have none.
	Upgrades []Upgrade
	// Expectations is the path of the expectations file that goes with the columns; empty is none.
	Expectations string

	// lines are where the columns are in the file, by name.
	lines map[string]int
}

// Column is one thing under test.
type Column struct {
	// Name is unique in the matrix.
	Name    string  `json:"name"`
	Runtime Runtime `json:"runtime"`
	// OCIRuntime is the handler of the column's pods, runc or crun.
	OCIRuntime string `json:"ociRuntime"`
	// Kubernetes is the version of the nodes without the leading v. It is empty for a ready node image
	// about which the file does not say it.
	Kubernetes string `json:"kubernetes"`
	// Image is a ready node image. Where it is empty, the image is built.
	Image string `json:"image,omitempty"`
	// Base is the image that a built node image starts from. Where it is empty, Assay's own base is taken.
	Base string `json:"base,omitempty"`
	// Config are fragments of the runtime's configuration, applied in this order, the last one wins.
	Config []File `json:"config,omitempty"`
	// Network is kube-router, kindnet or none.
	Network string `json:"network"`
	// NetworkManifests make the network where it is none.
	NetworkManifests []File `json:"networkManifests,omitempty"`
	// NoFirewall has kube-router enforce no NetworkPolicy, to see the checks of it fail.
	NoFirewall bool `json:"noFirewall,omitempty"`
	// Manifests are applied to the cluster before it is expected to become ready.
	Manifests []File `json:"manifests,omitempty"`
}

// Runtime is a container runtime.
type Runtime struct {
	// Name is containerd or cri-o.
	Name string `json:"name"`
	// Version is without a leading v. It is empty for a ready node image about which the file does not
	// say it.
	Version string `json:"version"`
}

// OldFormat says that the runtime is a containerd before 2.0, which reads its configuration in version 2 of
// the format only
// (https://github.com/containerd/containerd/blob/main/docs/man/containerd-config.toml.5.md).
func (r Runtime) OldFormat() bool {
	return r.Name == Containerd && strings.HasPrefix(r.Version, "1.")
}

// File is a file that the matrix names.
type File struct {
	// Path is absolute.
	Path string `json:"path"`
	// SHA256 is the hexadecimal digest of the content when the matrix was read.
	SHA256 string `json:"sha256"`
}

// Hash identifies what the column is, whatever its name: two columns of equal hash are on equal nodes.
// A kept cluster is reused only where it has not changed. nodeImage is the digest or ID of the image
// that the nodes run, which stands for everything that was built into it.
func (c Column) Hash(nodeImage string) string {
	type identity struct {
		Column    Column
		NodeImage string
	}
	c.Name = ""
	// The content counts, not where it lies.
	c.Config, c.Manifests, c.NetworkManifests = withoutPaths(c.Config), withoutPaths(c.Manifests), withoutPaths(c.NetworkManifests)
	text, err := json.Marshal(identity{Column: c, NodeImage: nodeImage})
	if err != nil {
		// A struct of strings can always be marshalled.
		text = fmt.Appendf(nil, "%+v", c)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func withoutPaths(files []File) []File {
	files = slices.Clone(files)
	for i := range files {
		files[i].Path = ""
	}
	return files
}

// derivedName names a column that has no name of its own.
func (c Column) derivedName() string {
	name := c.Runtime.Name
	if c.Runtime.Version != "" {
		name += "-" + c.Runtime.Version
	}
	if c.OCIRuntime != "" && c.OCIRuntime != DefaultOCIRuntime {
		name += "-" + c.OCIRuntime
	}
	return name
}

// Select returns the columns of the given names in the order of the file; no names select all.
func (m *Matrix) Select(names []string) ([]Column, error) {
	if len(names) == 0 {
		return m.Columns, nil
	}
	var selected []Column
	known := make([]string, 0, len(m.Columns))
	for _, column := range m.Columns {
		known = append(known, column.Name)
		if slices.Contains(names, column.Name) {
			selected = append(selected, column)
		}
	}
	var problems []Problem
	for _, name := range names {
		if !slices.Contains(known, name) {
			problems = append(problems, Problem{
				File: m.Path, Field: "columns", What: fmt.Sprintf("there is no column %q", name),
				Fix: "its columns are " + strings.Join(known, ", "),
			})
		}
	}
	if len(problems) > 0 {
		return nil, &InvalidError{Problems: problems}
	}
	return selected, nil
}
