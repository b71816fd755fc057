package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"assay/framework/existing"
	"assay/framework/run"
)

// clusterFlags are the flags of a run in clusters that are there already.
type clusterFlags struct {
	options existing.Options
	// groups and classes are NAME=SELECTOR and NAME=CLASS.
	groups, classes []string
	nodes           string
}

// defaultNodes are as many as checks of two nodes need.
const defaultNodes = "2"

func (f *clusterFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.options.Kubeconfig, "kubeconfig", "", "run in the clusters of this kubeconfig `file`, create none")
	flags.StringArrayVar(&f.options.Contexts, "context", nil, "run in the cluster of this `context`, create none; may be repeated")
	flags.StringVar(&f.options.ProbeImage, "probe-image", "", "`reference` of the probe's image, for existing clusters")
	flags.StringArrayVar(&f.groups, "node-group", nil, "a column of an existing cluster: `NAME=SELECTOR` of nodes, as plain=pool=a,zone=b; may be repeated")
	flags.StringArrayVar(&f.classes, "runtime-class", nil, "the RuntimeClass of a --node-group: `NAME=CLASS`; may be repeated")
	flags.StringVar(&f.nodes, "nodes-per-column", defaultNodes, "use so `many` nodes of each group, or all; of more than 2 each answers for itself")
}

// inExisting are the flags that have no meaning where clusters are made.
var inExisting = []string{"probe-image", "node-group", "runtime-class", "nodes-per-column"}

// read puts what the flags say into the settings.
func (f *clusterFlags) read(flags *pflag.FlagSet, settings *run.Settings) error {
	settings.InExisting = flags.Changed("kubeconfig") || flags.Changed("context")
	if !settings.InExisting {
		for _, name := range inExisting {
			if flags.Changed(name) {
				return fmt.Errorf("--%s is for existing clusters: name one with --kubeconfig or --context", name)
			}
		}
		return nil
	}
	if f.nodes != "all" {
		count, err := strconv.Atoi(f.nodes)
		if err != nil || count < 1 {
			return fmt.Errorf("--nodes-per-column can be a number from 1 on, or all, not %q", f.nodes)
		}
		f.options.NodesPerColumn = count
	}
	for _, text := range f.groups {
		name, selector, found := strings.Cut(text, "=")
		if !found {
			return fmt.Errorf("--node-group %q is not NAME=SELECTOR; a SELECTOR of nothing selects all nodes", text)
		}
		f.options.Groups = append(f.options.Groups, existing.Group{Name: name, Selector: selector})
	}
	for _, text := range f.classes {
		name, class, found := strings.Cut(text, "=")
		if !found || class == "" {
			return fmt.Errorf("--runtime-class %q is not NAME=CLASS", text)
		}
		index := slices.IndexFunc(f.options.Groups, func(g existing.Group) bool { return g.Name == name })
		if index < 0 {
			return fmt.Errorf("--runtime-class %s: there is no --node-group %s", text, name)
		}
		f.options.Groups[index].RuntimeClass = class
	}
	settings.Existing = f.options
	return nil
}
