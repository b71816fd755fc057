package impact

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"assay/reports/difference"
)

const (
	shortName   = "life/short-name"
	imageVolume = "fs/image-volume-dir"
	handlers    = "class/handler"
)

func imageRules() []Rule {
	return []Rule{
		{ID: "unqualified-image", Checks: []string{shortName}, find: unqualifiedImages},
		{ID: "image-volume-read-only", Checks: []string{imageVolume}, find: imageVolumes},
		{ID: "runtime-class", Checks: []string{handlers}, find: runtimeClasses},
	}
}

// unqualified says that an image's name has no registry: its first part is no host name.
// Source: https://kubernetes.io/docs/concepts/containers/images/#image-names
func unqualified(image string) bool {
	first, _, several := strings.Cut(image, "/")
	return image != "" && (!several || first != "localhost" && !strings.ContainsAny(first, ".:"))
}

// unqualifiedImages finds images without a registry, also those of image volumes.
func unqualifiedImages(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(shortName)
	value, differs := change.Value("resolved")
	if !differs || value.Before == "none" || value.Before == difference.Absent {
		return nil
	}
	var findings []Finding
	look := func(image, at string) {
		if !unqualified(image) {
			return
		}
		registry, _, _ := strings.Cut(value.Before, "/")
		name := image
		if !strings.Contains(image, "/") {
			name = path.Base(path.Dir(value.Before)) + "/" + image
		}
		fix := fmt.Sprintf("write the whole name: %s/%s", registry, name)
		if value.After == "none" || value.After == difference.Absent {
			findings = append(findings, change.finding(Breaks, at, value, fmt.Sprintf("the image %s names no registry, and such names no longer resolve.", image), fix))
			return
		}
		findings = append(findings, change.finding(MayBreak, at, value, fmt.Sprintf("the image %s names no registry, and such names resolve elsewhere. Check that it is the same image there.", image), fix))
	}
	for _, k := range w.containers() {
		look(k.Image, k.at+".image")
	}
	for i, volume := range w.Spec.Volumes {
		if volume.Image != nil {
			look(volume.Image.Reference, w.path("volumes[%d].image.reference", i))
		}
	}
	return findings
}

// declaredVolumes are the directories that widely used images declare as VOLUME, by the last part of the
// image's name.
func declaredVolumes() map[string][]string {
	return map[string][]string{
		"postgres": {"/var/lib/postgresql/data"}, "mysql": {"/var/lib/mysql"}, "mariadb": {"/var/lib/mysql"},
		"percona": {"/var/lib/mysql"}, "redis": {"/data"}, "valkey": {"/data"}, "mongo": {"/data/db", "/data/configdb"},
		"rabbitmq": {"/var/lib/rabbitmq"}, "cassandra": {"/var/lib/cassandra"}, "zookeeper": {"/data", "/datalog", "/logs"},
		"influxdb": {"/var/lib/influxdb2"}, "neo4j": {"/data", "/logs"}, "couchdb": {"/opt/couchdb/data"},
		"prometheus": {"/prometheus"}, "alertmanager": {"/alertmanager"}, "consul": {"/consul/data"}, "vault": {"/vault/file", "/vault/logs"},
		"registry": {"/var/lib/registry"}, "jenkins": {"/var/jenkins_home"}, "wordpress": {"/var/www/html"},
		"nextcloud": {"/var/www/html"}, "ghost": {"/var/lib/ghost/content"},
		"gitea": {"/data"}, "elasticmq": {"/data"}, "tomcat": nil, "nginx": nil, "httpd": nil, "busybox": nil, "alpine": nil,
		"debian": nil, "ubuntu": nil, "coredns": nil, "memcached": nil, "haproxy": nil, "envoy": nil, "static": nil, "pause": nil, "curl": nil,
	}
}

// imageVolumes finds containers with a read-only root whose image has, or may have, a VOLUME that the pod
// mounts nothing on.
func imageVolumes(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(imageVolume)
	value, differs := change.Value("write")
	if !differs || value.Before != "allowed" {
		return nil
	}
	var findings []Finding
	for _, k := range w.containers() {
		if !isTrue(k.security().ReadOnlyRootFilesystem) {
			continue
		}
		at := k.at + ".securityContext.readOnlyRootFilesystem"
		base, _ := imageName(k.Image)
		declared, known := declaredVolumes()[base]
		open := slices.DeleteFunc(slices.Clone(declared), k.mounted)
		switch {
		case len(open) > 0 && k.mountsWritable():
			findings = append(findings, change.finding(MayBreak, at, value,
				fmt.Sprintf("has a read-only root, and the image %s declares %s as VOLUME, which was writable and no longer is. Check whether the program writes there, or to the volumes that are mounted.", k.Image, strings.Join(open, ", ")),
				fmt.Sprintf("mount an emptyDir or a claim at %s", strings.Join(open, ", "))))
		case len(open) > 0:
			findings = append(findings, change.finding(Breaks, at, value,
				fmt.Sprintf("has a read-only root, and the image %s declares %s as VOLUME, which was writable and no longer is.", k.Image, strings.Join(open, ", ")),
				fmt.Sprintf("mount an emptyDir or a claim at %s", strings.Join(open, ", "))))
		case !known && !k.mountsWritable():
			findings = append(findings, change.finding(MayBreak, at, value,
				fmt.Sprintf("has a read-only root and mounts nothing writable; directories that the image %s declares as VOLUME were writable and no longer are. Check the image's configuration for Volumes.", k.Image),
				"mount an emptyDir at each VOLUME of the image that the program writes to"))
		}
	}
	return findings
}

// mounted says that a volume lies at the directory or above it.
func (c container) mounted(directory string) bool {
	return slices.ContainsFunc(c.VolumeMounts, func(mount corev1.VolumeMount) bool {
		at := path.Clean(mount.MountPath)
		return directory == at || strings.HasPrefix(directory, at+"/") || strings.HasPrefix(at, directory+"/")
	})
}

// mountsWritable says that the container mounts a volume to write to.
func (c container) mountsWritable() bool {
	return slices.ContainsFunc(c.VolumeMounts, func(mount corev1.VolumeMount) bool {
		return !mount.ReadOnly && slices.ContainsFunc(c.w.Spec.Volumes, func(volume corev1.Volume) bool {
			return volume.Name == mount.Name && volume.ConfigMap == nil && volume.Secret == nil && volume.Projected == nil && volume.DownwardAPI == nil && volume.Image == nil
		})
	})
}

// runtimeClasses finds pods whose RuntimeClass has a handler that is gone. The handler is that of the
// RuntimeClass among the manifests, or the one of the class's own name.
func runtimeClasses(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(handlers)
	if w.Spec.RuntimeClassName == nil || *w.Spec.RuntimeClassName == "" {
		return nil
	}
	name := *w.Spec.RuntimeClassName
	handler, read := c.manifests.Handlers[name]
	if !read {
		handler = name
	}
	at := w.path("runtimeClassName")
	value, differs := change.Value(handler)
	const fix = "configure the handler on the nodes, or name a RuntimeClass that has one (scheduling.nodeSelector keeps pods on nodes that do)"
	switch {
	case differs && value.After != "allowed" && value.Before == "allowed":
		return []Finding{change.finding(Breaks, at, value, fmt.Sprintf("names RuntimeClass %s, whose handler %s no longer works.", name, handler), fix)}
	case !differs && value.Before == difference.Absent && change.Worse():
		return []Finding{change.failing(MayBreak, at, fmt.Sprintf("names RuntimeClass %s, whose handler %s was not tried; handlers that were tried no longer work. Check the nodes' configuration.", name, handler), fix)}
	}
	return nil
}
