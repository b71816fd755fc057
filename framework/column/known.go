package column

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Known are the versions that node images can be built of.
type Known struct {
	// Runtimes are the versions of each container runtime.
	Runtimes map[string][]string
	// Kubernetes are the versions of Kubernetes.
	Kubernetes []string
}

// ReadKnown reads the versions from a directory of component recipes, kind-configs/components: each
// directory <component>/<version> is one.
func ReadKnown(components string) (Known, error) {
	known := Known{Runtimes: map[string][]string{}}
	for _, component := range []string{Containerd, CRIO, "kubernetes"} {
		entries, err := os.ReadDir(filepath.Join(components, component))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return known, fmt.Errorf("read the known versions: %w", err)
		}
		var versions []string
		for _, entry := range entries {
			if entry.IsDir() {
				versions = append(versions, entry.Name())
			}
		}
		slices.Sort(versions)
		if component == "kubernetes" {
			known.Kubernetes = versions
		} else {
			known.Runtimes[component] = versions
		}
	}
	return known, nil
}
