// Package existing finds columns in clusters that somebody else made: groups of nodes that run the same
// container runtime. It reads the nodes, asks what the user may do, and makes nothing outside namespaces of
// the suite's own.
package existing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"assay/framework/column"
	"assay/framework/kubeconfig"
)

// readTimeout bounds what is read of a cluster before anything is made.
const readTimeout = 30 * time.Second

// Options say which nodes of which clusters are put side by side.
type Options struct {
	// Kubeconfig is a file; empty is what kubectl takes.
	Kubeconfig string
	// Contexts are those of the clusters; none is the current one.
	Contexts []string
	// Groups are the columns, in each of the clusters. Where there are none, the nodes are grouped by the
	// container runtime and version that they report.
	Groups []Group
	// NodesPerColumn is how many nodes of a column are used; 0 is all.
	NodesPerColumn int
	// ProbeImage is the reference of the probe's image, from a registry of the user's or on the nodes already.
	ProbeImage string
}

// Group is a column that the user names.
type Group struct {
	Name string
	// Selector is a label selector of nodes; empty selects all.
	Selector string
	// RuntimeClass is the class of the column's pods; empty is the nodes' default.
	RuntimeClass string
}

// Column is a column of an existing cluster.
type Column struct {
	// Column describes it; what the nodes do not say is empty.
	column.Column
	// Context is the name of the cluster's context in the kubeconfig.
	Context      string
	Client       kubernetes.Interface
	Config       *rest.Config
	RuntimeClass string
	// Nodes are those that are used, by name.
	Nodes []corev1.Node
	// Unused is how many nodes more the column has.
	Unused int
}

// Validate says what is wrong with the options; it asks no cluster.
func (o Options) Validate() error {
	if o.ProbeImage == "" {
		return errors.New("--probe-image is missing: put the image where the nodes pull from with `assay image push REF`, " +
			"or `assay image save FILE` and the tools of your registry, and name it by --probe-image REF")
	}
	if strings.Contains(o.ProbeImage, "@") {
		return fmt.Errorf("--probe-image %s is a digest: name a tag, beside which the image's variants have tags, too", o.ProbeImage)
	}
	names := map[string]bool{}
	for _, group := range o.Groups {
		if !column.ValidName(group.Name) {
			return fmt.Errorf("%q is not a name of a column: take at most 40 of a-z, 0-9, dash and dot, a letter or digit first and last", group.Name)
		}
		if names[group.Name] {
			return fmt.Errorf("there are two columns %s", group.Name)
		}
		names[group.Name] = true
		if _, err := labels.Parse(group.Selector); err != nil {
			return fmt.Errorf("column %s: %q is not a label selector: %w", group.Name, group.Selector, err)
		}
	}
	return nil
}

// Arguments are those of `assay run` that say the same.
func (o Options) Arguments() []string {
	var arguments []string
	add := func(flag, value string) { arguments = append(arguments, flag, "'"+value+"'") }
	if o.Kubeconfig != "" {
		add("--kubeconfig", o.Kubeconfig)
	}
	for _, name := range o.Contexts {
		add("--context", name)
	}
	for _, group := range o.Groups {
		add("--node-group", group.Name+"="+group.Selector)
		if group.RuntimeClass != "" {
			add("--runtime-class", group.Name+"="+group.RuntimeClass)
		}
	}
	add("--nodes-per-column", o.nodes())
	add("--probe-image", o.ProbeImage)
	return arguments
}

// nodes is NodesPerColumn as it is written.
func (o Options) nodes() string {
	if o.NodesPerColumn == 0 {
		return "all"
	}
	return strconv.Itoa(o.NodesPerColumn)
}

// ClusterError says that a cluster does not answer, or not as it should; what the user said may be right.
type ClusterError struct{ Err error }

func (e *ClusterError) Error() string { return e.Err.Error() }

// Unwrap is the error as it was met with.
func (e *ClusterError) Unwrap() error { return e.Err }

// Find reads the nodes of the clusters and returns the columns, in the order of the contexts and names. A
// cluster that cannot be read is a ClusterError, and a group without nodes an error.
func Find(ctx context.Context, options Options) ([]Column, error) {
	contexts := options.Contexts
	if len(contexts) == 0 {
		contexts = []string{""}
	}
	var columns []Column
	for _, named := range contexts {
		config, name, err := kubeconfig.Load(options.Kubeconfig, named)
		if err != nil {
			return nil, err
		}
		// The default of 5 requests a second costs half a minute for 150 pods.
		config.QPS, config.Burst = 50, 100
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			return nil, fmt.Errorf("make a client for the cluster %s: %w", name, err)
		}
		found, err := inCluster(ctx, client, options)
		if err != nil {
			return nil, fmt.Errorf("cluster %s: %w", name, err)
		}
		for _, each := range found {
			each.Context, each.Config = name, config
			if len(contexts) > 1 {
				each.Name = plain(name) + "-" + each.Name
			}
			columns = append(columns, each)
		}
	}
	unique(columns)
	return columns, nil
}

// unique numbers the columns that others have the name of.
func unique(columns []Column) {
	seen := map[string]int{}
	for i := range columns {
		seen[columns[i].Name]++
		if count := seen[columns[i].Name]; count > 1 {
			columns[i].Name = fmt.Sprintf("%s-%d", columns[i].Name, count)
		}
	}
}

// inCluster finds the columns of one cluster.
func inCluster(ctx context.Context, client kubernetes.Interface, options Options) ([]Column, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if len(options.Groups) == 0 {
		nodes, err := usable(ctx, client, "")
		if err != nil {
			return nil, err
		}
		byRuntime := map[string][]corev1.Node{}
		for _, node := range nodes {
			runtime := node.Status.NodeInfo.ContainerRuntimeVersion
			byRuntime[runtime] = append(byRuntime[runtime], node)
		}
		var columns []Column
		for _, runtime := range slices.Sorted(maps.Keys(byRuntime)) {
			name := plain(strings.ReplaceAll(runtime, "://", "-"))
			columns = append(columns, ofNodes(client, Group{Name: name}, byRuntime[runtime], options.NodesPerColumn))
		}
		return columns, nil
	}
	var columns []Column
	for _, group := range options.Groups {
		nodes, err := usable(ctx, client, group.Selector)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", group.Name, err)
		}
		runtimes := map[string]bool{}
		for _, node := range nodes {
			runtimes[node.Status.NodeInfo.ContainerRuntimeVersion] = true
		}
		if len(runtimes) > 1 {
			return nil, fmt.Errorf("column %s: the nodes that %q selects have different runtimes (%s): a column has one",
				group.Name, group.Selector, strings.Join(slices.Sorted(maps.Keys(runtimes)), ", "))
		}
		columns = append(columns, ofNodes(client, group, nodes, options.NodesPerColumn))
	}
	return columns, nil
}

// usable lists the nodes that run Linux, are ready and take pods, by name.
func usable(ctx context.Context, client kubernetes.Interface, selector string) ([]corev1.Node, error) {
	list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, &ClusterError{fmt.Errorf("list the nodes: %w", err)}
	}
	nodes := slices.DeleteFunc(list.Items, func(node corev1.Node) bool {
		ready := slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
			return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
		})
		system := cmp.Or(node.Status.NodeInfo.OperatingSystem, "linux")
		// A cordoned node is about to be drained.
		return !ready || node.Spec.Unschedulable || system != "linux"
	})
	if len(nodes) == 0 {
		return nil, fmt.Errorf("none of the %d nodes that %q selects runs Linux, is ready and not cordoned", len(list.Items), selector)
	}
	slices.SortFunc(nodes, func(a, b corev1.Node) int { return strings.Compare(a.Name, b.Name) })
	return nodes, nil
}

// ofNodes describes the column of nodes that have the same runtime. Workers are taken before control planes.
func ofNodes(client kubernetes.Interface, group Group, nodes []corev1.Node, most int) Column {
	info := nodes[0].Status.NodeInfo
	name, version, _ := strings.Cut(info.ContainerRuntimeVersion, "://")
	c := Column{
		Column: column.Column{
			Name:       group.Name,
			Runtime:    column.Runtime{Name: name, Version: strings.TrimPrefix(version, "v")},
			OCIRuntime: group.RuntimeClass,
			Kubernetes: strings.TrimPrefix(info.KubeletVersion, "v"),
		},
		Client: client, RuntimeClass: group.RuntimeClass, Nodes: nodes,
	}
	if most > 0 && len(nodes) > most {
		slices.SortStableFunc(nodes, func(a, b corev1.Node) int { return controls(a) - controls(b) })
		c.Nodes, c.Unused = nodes[:most], len(nodes)-most
	}
	return c
}

// controls is 1 for a node of the control plane.
func controls(node corev1.Node) int {
	if _, is := node.Labels["node-role.kubernetes.io/control-plane"]; is {
		return 1
	}
	return 0
}

// plain is a name that a column may have, made of any text.
func plain(text string) string {
	text = regexp.MustCompile(`[^a-z0-9.-]+`).ReplaceAllString(strings.ToLower(text), "-")
	return strings.Trim(text, "-.")
}
