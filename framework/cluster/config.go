package cluster

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"assay/framework/column"
	"assay/framework/engine"
	"assay/framework/placement"
	kindconfigs "assay/kind-configs"
)

// Images that Assay builds carry the images of the control plane under this name.
const imageRepository = "localhost/assay"

// patchDirectory is where images that Assay builds have kubeadm's patches of the static pods.
const patchDirectory = "/etc/assay/kubeadm"

// criSockets are where the runtimes listen.
func criSocket(runtime string) string {
	if runtime == column.CRIO {
		return "unix:///var/run/crio/crio.sock"
	}
	return "unix:///run/containerd/containerd.sock"
}

// fragmentDirectory is where a runtime reads fragments of its configuration, in the order of their names.
func fragmentDirectory(runtime string) string {
	if runtime == column.CRIO {
		return "/etc/crio/crio.conf.d"
	}
	return "/etc/containerd/conf.d"
}

// handlerFragment is the fragment that makes an OCI runtime the default handler of a runtime; runc is it
// without one.
func handlerFragment(runtime column.Runtime, handler string) (name string, content []byte, err error) {
	if handler == column.DefaultOCIRuntime {
		return "", nil, nil
	}
	name = handler + "." + runtime.Name
	switch {
	case runtime.Name == column.CRIO:
		name += ".conf"
	case runtime.OldFormat():
		name += "-1.toml"
	default:
		name += ".toml"
	}
	content, err = fs.ReadFile(kindconfigs.Files, "cluster/"+name)
	return name, content, err
}

// MaxNodes is how many nodes a cluster may have: each has a /24 of a pod subnet of /20.
const MaxNodes = 16

// nodes is what the nodes of a group are made of.
type nodes struct {
	placement.Group
	// image is the node image.
	image string
	// fragments are files on this machine in the order in which the runtime reads them.
	fragments []string
}

// config is the configuration of one of the nodes. The control plane of a mixed cluster is no column's: it has
// no fragments and stays tainted.
func (n nodes) config(role v1alpha4.NodeRole, pods bool) (v1alpha4.Node, error) {
	runtime := n.Node().Runtime.Name
	values := struct {
		CRISocket, Patches string
		Pods               bool
	}{CRISocket: criSocket(runtime), Pods: pods}
	if n.Node().Image == "" {
		values.Patches = patchDirectory
	}
	patches, err := render("cluster/kubeadm-node.yaml.tmpl", values)
	node := v1alpha4.Node{Role: role, Image: n.image, KubeadmConfigPatches: []string{patches}}
	if !pods {
		return node, err
	}
	for i, fragment := range n.fragments {
		node.ExtraMounts = append(node.ExtraMounts, v1alpha4.Mount{
			HostPath: fragment,
			// After the image's own files.
			ContainerPath: fmt.Sprintf("%s/90-%02d-%s", fragmentDirectory(runtime), i, filepath.Base(fragment)),
			Readonly:      true,
		})
	}
	return node, err
}

// kindConfig is the configuration of a cluster: a control plane, which is like the nodes of the first group, and
// a worker for each group, in their order.
func kindConfig(name string, placed placement.Cluster, groups []nodes, machine engine.Machine, podSubnet netip.Prefix) (*v1alpha4.Cluster, error) {
	// What is of the whole cluster is the same for all its columns.
	first := groups[0].Node()
	patches, err := render("cluster/kubeadm.yaml.tmpl", kubeadmValues(first, machine))
	if err != nil {
		return nil, err
	}
	control, err := groups[0].config(v1alpha4.ControlPlaneRole, placed.PodsOnControlPlane())
	if err != nil {
		return nil, err
	}
	config := &v1alpha4.Cluster{
		TypeMeta: v1alpha4.TypeMeta{Kind: "Cluster", APIVersion: "kind.x-k8s.io/v1alpha4"},
		Name:     name,
		Nodes:    []v1alpha4.Node{control},
		Networking: v1alpha4.Networking{
			IPFamily:          v1alpha4.IPv4Family,
			PodSubnet:         podSubnet.String(),
			DisableDefaultCNI: first.Network != column.Kindnet,
			KubeProxyMode:     v1alpha4.IPTablesProxyMode,
		},
		KubeadmConfigPatches: []string{patches},
	}
	for _, group := range groups {
		worker, err := group.config(v1alpha4.WorkerRole, true)
		if err != nil {
			return nil, err
		}
		config.Nodes = append(config.Nodes, worker)
	}
	v1alpha4.SetDefaultsCluster(config)
	return config, nil
}

// controlPlaneName and workerName are the names that kind gives the nodes; workers are numbered in the order of
// its configuration, the first of them is 0 here.
func controlPlaneName(cluster string) string { return cluster + "-control-plane" }

func workerName(cluster string, index int) string {
	if index == 0 {
		return cluster + "-worker"
	}
	return fmt.Sprintf("%s-worker%d", cluster, index+1)
}

type kubeadm struct {
	ImageRepository string
	CgroupDriver    string
	AllowCgroupV1   bool
}

// kubeadmValues leaves ready node images as they are: their images and their cgroup driver are their own.
func kubeadmValues(c column.Column, machine engine.Machine) kubeadm {
	values := kubeadm{}
	if c.Image == "" {
		values.ImageRepository = imageRepository
		values.CgroupDriver = machine.CgroupDriver()
	}
	// The field exists from 1.31 on; an older kubelet refuses it.
	values.AllowCgroupV1 = machine.Cgroup != engine.CgroupV2 && minor(c.Kubernetes) >= 31
	return values
}

// minor is the second number of a version, 0 where there is none.
func minor(version string) int {
	parts := strings.Split(version, ".")
	if len(parts) < 2 {
		return 0
	}
	number, err := strconv.Atoi(parts[1])
	if err != nil {
		return 0
	}
	return number
}

// render fills in one of the templates of kind-configs.
func render(path string, values any) (string, error) {
	text, err := fs.ReadFile(kindconfigs.Files, path)
	if err != nil {
		return "", err
	}
	parsed, err := template.New(filepath.Base(path)).Option("missingkey=error").Parse(string(text))
	if err != nil {
		return "", fmt.Errorf("kind-configs/%s: %w", path, err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, values); err != nil {
		return "", fmt.Errorf("kind-configs/%s: %w", path, err)
	}
	return out.String(), nil
}
