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
	kindconfigs "assay/kind-configs"
)

// Images that Assay builds carry the images of the control plane under this name.
const imageRepository = "localhost/assay"

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

// handlerFragment is the fragment that makes the column's OCI runtime the default handler; runc is it
// without one.
func handlerFragment(c column.Column) (name string, content []byte, err error) {
	if c.OCIRuntime == "" || c.OCIRuntime == "runc" {
		return "", nil, nil
	}
	name = c.OCIRuntime + "." + c.Runtime.Name
	switch {
	case c.Runtime.Name == column.CRIO:
		name += ".conf"
	case c.Runtime.OldFormat():
		name += "-1.toml"
	default:
		name += ".toml"
	}
	content, err = fs.ReadFile(kindconfigs.Files, "cluster/"+name)
	return name, content, err
}

// kindConfig is the configuration of a column's cluster: a control plane and a worker. fragments are
// files on this machine in the order in which the runtime reads them.
func kindConfig(name, image string, c column.Column, fragments []string, machine engine.Machine, podSubnet netip.Prefix) (*v1alpha4.Cluster, error) {
	patches, err := render("cluster/kubeadm.yaml.tmpl", kubeadmValues(c, machine))
	if err != nil {
		return nil, err
	}
	var mounts []v1alpha4.Mount
	for i, fragment := range fragments {
		mounts = append(mounts, v1alpha4.Mount{
			HostPath: fragment,
			// After the image's own files.
			ContainerPath: fmt.Sprintf("%s/90-%02d-%s", fragmentDirectory(c.Runtime.Name), i, filepath.Base(fragment)),
			Readonly:      true,
		})
	}
	node := func(role v1alpha4.NodeRole) v1alpha4.Node {
		return v1alpha4.Node{Role: role, Image: image, ExtraMounts: mounts}
	}
	config := &v1alpha4.Cluster{
		TypeMeta: v1alpha4.TypeMeta{Kind: "Cluster", APIVersion: "kind.x-k8s.io/v1alpha4"},
		Name:     name,
		Nodes:    []v1alpha4.Node{node(v1alpha4.ControlPlaneRole), node(v1alpha4.WorkerRole)},
		Networking: v1alpha4.Networking{
			IPFamily:          v1alpha4.IPv4Family,
			PodSubnet:         podSubnet.String(),
			DisableDefaultCNI: c.Network != column.Kindnet,
			KubeProxyMode:     v1alpha4.IPTablesProxyMode,
		},
		KubeadmConfigPatches: []string{patches},
	}
	v1alpha4.SetDefaultsCluster(config)
	return config, nil
}

type kubeadm struct {
	ImageRepository string
	CRISocket       string
	CgroupDriver    string
	AllowCgroupV1   bool
}

// kubeadmValues leaves ready node images as they are: their images and their cgroup driver are their own.
func kubeadmValues(c column.Column, machine engine.Machine) kubeadm {
	values := kubeadm{CRISocket: criSocket(c.Runtime.Name)}
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
