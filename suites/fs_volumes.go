package suites

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"assay/framework/check"
	"assay/framework/probe"
)

func fsVolumes() []check.Check {
	return []check.Check{subPath(), emptyDirMemory(), projectedFiles(), imageVolume(), setuidOnVolume(), dnsAndHosts()}
}

// hasLine looks for a line in a file. A volume that is empty is a denial then, not a broken probe.
func hasLine(line, file string) probe.Action { return probe.Run("grep", "-qxF", line, file) }

// preparedVolumes is the pod of volumes that init containers fill.
const preparedVolumes = "prepared volumes"

// prepared is a trial that fills a volume before the others of its pod begin.
func prepared(pod check.Pod, volume corev1.VolumeMount, script string) check.Trial {
	c := mounting(volume)
	c.Kind = check.Init
	c.Command = []string{"/bin/sh", "-c", script}
	return check.Trial{Name: "prepare", Control: true, Pod: pod, Container: c, Want: check.Exited{}}
}

func subPath() check.Check {
	const below = "/below"
	pod := check.Pod{Alone: preparedVolumes, Volumes: []corev1.Volume{emptyDir(scratch, corev1.EmptyDirVolumeSource{})}}
	with := func(mount corev1.VolumeMount) check.Container {
		mount.Name, mount.MountPath = scratch, below
		c := mounting(mount)
		c.Extra.Env = []corev1.EnvVar{{Name: "PART", Value: "part"}}
		return c
	}
	read, want := hasLine("in part", below+"/file"), check.Allowed{}
	refused := check.NotStarted{Reason: "CreateContainerConfigError", Messages: []string{"subPath"}}
	return check.Check{
		ID:     "fs/sub-path",
		Level:  check.Must,
		Claim:  "A mount with subPath or subPathExpr has that part of its volume, and one whose part is a link out of the volume is refused.",
		Source: "https://kubernetes.io/docs/concepts/storage/volumes/#using-subpath",
		Trials: []check.Trial{
			prepared(pod, corev1.VolumeMount{Name: scratch, MountPath: scratchPath},
				"mkdir "+scratchPath+"/part && printf 'in part' >"+scratchPath+"/part/file && ln -s /etc "+scratchPath+"/out && ln -s ../../../.. "+scratchPath+"/up"),
			{Name: "subPath", Control: true, Pod: pod, Container: with(corev1.VolumeMount{SubPath: "part"}), Action: read, Want: want},
			{Name: "subPathExpr", Pod: pod, Container: with(corev1.VolumeMount{SubPathExpr: "$(PART)"}), Action: read, Want: want},
			{Name: "absolute link", Pod: pod, Container: with(corev1.VolumeMount{SubPath: "out"}), Action: read, Want: refused},
			{Name: "relative link", Pod: pod, Container: with(corev1.VolumeMount{SubPath: "up"}), Action: read, Want: refused},
		},
	}
}

func emptyDirMemory() check.Check {
	pod := func(size string) check.Pod {
		limit := resource.MustParse(size)
		return check.Pod{Alone: "volumes in memory", Volumes: []corev1.Volume{
			emptyDir(scratch, corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory, SizeLimit: &limit}),
		}}
	}
	c := mounting(corev1.VolumeMount{Name: scratch, MountPath: scratchPath})
	look := probe.Do(probe.OpFileSystem, scratchPath)
	// 16 MiB.
	fill := probe.Do(probe.OpFill, scratchPath, "16777216")
	return check.Check{
		ID:     "fs/empty-dir-memory",
		Level:  check.Must,
		Claim:  "An emptyDir in memory is a tmpfs of its sizeLimit, which cannot be exceeded.",
		Source: "https://kubernetes.io/docs/concepts/storage/volumes/#emptydir",
		Trials: []check.Trial{
			{Name: "8Mi", Pod: pod("8Mi"), Container: c, Action: look, Want: check.Values{"type": "tmpfs", "size": "8388608"}},
			{Name: "16 MiB into 8Mi", Pod: pod("8Mi"), Container: c, Action: fill, Want: check.Denied{Errnos: []string{"ENOSPC"}}},
			{Name: "16 MiB into 32Mi", Control: true, Pod: pod("32Mi"), Container: c, Action: fill, Want: check.Allowed{}},
		},
	}
}

func projectedFiles() check.Check {
	const (
		name = "assay-files"
		path = "/projected"
		text = "what the object says"
	)
	mode := func(bits int32) *int32 { return &bits }
	items := func(bits int32) []corev1.KeyToPath {
		return []corev1.KeyToPath{{Key: "file", Path: "file", Mode: &bits}}
	}
	reference := corev1.LocalObjectReference{Name: name}
	pod := check.Pod{
		Volumes: []corev1.Volume{
			{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: reference, DefaultMode: mode(0o440)}}},
			{Name: "secret", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name, Items: items(0o400)}}},
			{Name: "downward", VolumeSource: corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{
				DefaultMode: mode(0o644),
				Items:       []corev1.DownwardAPIVolumeFile{{Path: "file", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
			}}},
			{Name: "token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
				DefaultMode: mode(0o600),
				Sources: []corev1.VolumeProjection{
					{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}},
					{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: reference, Items: items(0o604)}},
				},
			}}},
		},
	}
	var mounts []corev1.VolumeMount
	for _, volume := range pod.Volumes {
		mounts = append(mounts, corev1.VolumeMount{Name: volume.Name, MountPath: path + "/" + volume.Name, ReadOnly: true})
	}
	c := mounting(mounts...)
	content := func(file string) probe.Action { return hasLine(text, path+file) }
	about := check.Values{
		path + "/config/file":   "file mode=0440 uid=0 gid=0",
		path + "/secret/file":   "file mode=0400 uid=0 gid=0",
		path + "/downward/file": "file mode=0644 uid=0 gid=0",
		path + "/token/token":   "file mode=0600 uid=0 gid=0",
		path + "/token/file":    "file mode=0604 uid=0 gid=0",
	}
	files := []string{path + "/config/file", path + "/secret/file", path + "/downward/file", path + "/token/token", path + "/token/file"}
	trials := []check.Trial{
		{Name: "modes and owners", Pod: pod, Container: c, Action: probe.Do(probe.OpFiles, files...), Want: about},
		{Name: "configMap", Pod: pod, Container: c, Action: content("/config/file"), Want: check.Allowed{}},
		{Name: "secret", Pod: pod, Container: c, Action: content("/secret/file"), Want: check.Allowed{}},
		{Name: "downwardAPI", Pod: pod, Container: c, Action: probe.Run("cat", path+"/downward/file"), Want: check.Lines{Having: []string{"$POD"}}},
		{Name: "projected configMap", Pod: pod, Container: c, Action: content("/token/file"), Want: check.Allowed{}},
		// A token is three parts of base64url; it is not kept as evidence.
		{
			Name: "serviceAccountToken", Pod: pod, Container: c,
			Action: probe.Run("grep", "-qE", `^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`, path+"/token/token"), Want: check.Allowed{},
		},
	}
	return check.Check{
		ID:     "fs/projected-files",
		Level:  check.Must,
		Claim:  "The files of configMap, secret, downwardAPI and serviceAccountToken volumes have their content, their mode and their owner.",
		Source: "https://kubernetes.io/docs/concepts/storage/projected-volumes/",
		Objects: []runtime.Object{
			&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"file": text}},
			&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"file": text}},
		},
		Trials: trials,
	}
}

func imageVolume() check.Check {
	const volume, path = "image", "/image"
	// The probe's own image: the one that is surely there.
	pod := check.Pod{Alone: "image volume", Volumes: []corev1.Volume{{
		Name:         volume,
		VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{PullPolicy: corev1.PullIfNotPresent}},
	}}}
	whole := mounting(corev1.VolumeMount{Name: volume, MountPath: path})
	part := mounting(corev1.VolumeMount{Name: volume, MountPath: path, SubPath: "etc"})
	const user = "member:x:1001:1001:member:/:/bin/sh"
	return check.Check{
		ID:     "fs/image-volume",
		Level:  check.Must,
		Claim:  "A volume of an image has the image's files, of all of it or of a subPath, and cannot be written.",
		Source: "https://kubernetes.io/docs/concepts/storage/volumes/#image",
		Trials: []check.Trial{
			{Name: "whole", Pod: pod, Container: whole, Action: hasLine(user, path+"/etc/passwd"), Want: check.Allowed{}},
			{Name: "whole, read-only", Pod: pod, Container: whole, Action: probe.Do(probe.OpReadOnly, path+"/etc/passwd", path), Want: every([]string{path + "/etc/passwd", path}, "ro")},
			{Name: "subPath", Pod: pod, Container: part, Action: hasLine(user, path+"/passwd"), Want: check.Allowed{}},
			{Name: "subPath, read-only", Pod: pod, Container: part, Action: probe.Do(probe.OpReadOnly, path), Want: check.Values{path: "ro"}},
		},
		Unsupported: []check.Unsupported{
			// containerd before 2.1 does not know the field and takes the volume for a directory of the node.
			{Message: `failed to mkdir ""`, Reason: "the runtime has no image volumes: it looks for a directory without a name"},
			{Message: "may not specify more than 1 volume type", Reason: "the API server does not know image volumes"},
		},
	}
}

func setuidOnVolume() check.Check {
	const program = scratchPath + "/probe-setuid"
	pod := func(medium corev1.StorageMedium) check.Pod {
		return check.Pod{Alone: preparedVolumes, Volumes: []corev1.Volume{
			emptyDir(scratch, corev1.EmptyDirVolumeSource{Medium: medium}),
		}}
	}
	mount := corev1.VolumeMount{Name: scratch, MountPath: scratchPath}
	ordinary := container(unprivilegedUser())
	// The set-uid program needs nothing of the bounding set to become another user.
	ordinary.VolumeMounts = []corev1.VolumeMount{mount}
	prepare := func(name string, pod check.Pod) check.Trial {
		trial := prepared(pod, mount, "cp "+probe.SetuidPath+" "+program+" && chmod 4755 "+program)
		trial.Name = name
		return trial
	}
	run := probe.Do(probe.OpRunProbe, program)
	disk, memory := pod(corev1.StorageMediumDefault), pod(corev1.StorageMediumMemory)
	return check.Check{
		ID:     "fs/setuid-on-volume",
		Level:  check.Info,
		Claim:  "Records whether a set-uid program on a volume changes the user.",
		Source: "https://man7.org/linux/man-pages/man8/mount.8.html",
		Trials: []check.Trial{
			prepare("prepare emptyDir", disk),
			{Name: "emptyDir", Pod: disk, Container: ordinary, Action: run},
			{Name: "emptyDir, mount", Pod: disk, Container: ordinary, Action: probe.Do(probe.OpFileSystem, scratchPath)},
			prepare("prepare memory", memory),
			{Name: "memory", Pod: memory, Container: ordinary, Action: run},
			{
				Name: "root file system", Control: true, Pod: disk, Container: ordinary,
				Action: probe.Do(probe.OpRunProbe, probe.SetuidPath), Want: check.Values{"euid": "0"},
			},
		},
		Record: []check.Record{
			{Trial: "emptyDir", What: check.RecordValues, As: "emptyDir"},
			{Trial: "memory", What: check.RecordValues, As: "emptyDir in memory"},
		},
	}
}

// ownName is the host name of ownNamesPod.
const ownName = "assay-host"

// ownNamesPod is a pod with a host name, entries of /etc/hosts and a resolver of its own; the addresses are those
// for documentation.
func ownNamesPod() check.Pod {
	return check.Pod{Alone: "its own names", Extra: corev1.PodSpec{
		Hostname:    ownName,
		HostAliases: []corev1.HostAlias{{IP: "192.0.2.10", Hostnames: []string{"one.example", "two.example"}}},
		DNSPolicy:   corev1.DNSNone,
		DNSConfig: &corev1.PodDNSConfig{
			Nameservers: []string{"192.0.2.53"},
			Searches:    []string{"first.example", "second.example"},
			Options:     []corev1.PodDNSConfigOption{{Name: "ndots", Value: new("3")}, {Name: "edns0"}},
		},
	}}
}

func dnsAndHosts() check.Check {
	hosts, resolver := probe.Run("cat", "/etc/hosts"), probe.Run("cat", "/etc/resolv.conf")
	own, ordinary := ownNamesPod(), firstPod()
	policy := func(of corev1.DNSPolicy) check.Pod {
		return check.Pod{Alone: "dnsPolicy " + string(of), Node: 1, Extra: corev1.PodSpec{DNSPolicy: of}}
	}
	merged := policy(corev1.DNSClusterFirst)
	merged.Alone = "dnsPolicy ClusterFirst with dnsConfig"
	merged.Extra.DNSConfig = &corev1.PodDNSConfig{Searches: []string{"first.example"}}
	const clusterSearch = `search $NAMESPACE\.svc\.\S+ svc\.\S+`
	return check.Check{
		ID:     "fs/dns-and-hosts",
		Level:  check.Must,
		Claim:  "The /etc/hosts of a pod has its name and its hostAliases, and its /etc/resolv.conf follows dnsPolicy and dnsConfig.",
		Source: "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/",
		Trials: []check.Trial{
			{
				Name: "hosts", Pod: own, Container: namedContainer(), Action: hosts,
				Want: check.Lines{Having: []string{`127\.0\.0\.1 localhost`, `[0-9a-f.:]+ ` + ownName, `192\.0\.2\.10 one\.example two\.example`}},
			},
			{
				Name: "hosts of another pod", Pod: ordinary, Container: unset(), Action: hosts,
				Want: check.Lines{Having: []string{`127\.0\.0\.1 localhost`, `[0-9a-f.:]+ $POD`}, Lacking: []string{`.*one\.example.*`}},
			},
			{
				Name: "None", Pod: own, Container: namedContainer(), Action: resolver,
				Want: check.Lines{
					Having:  []string{`nameserver 192\.0\.2\.53`, `search first\.example second\.example`, `options (ndots:3 edns0|edns0 ndots:3)`},
					Lacking: []string{`nameserver (?:[^1]|1[^9]).*`},
				},
			},
			{
				// It is the default of the API.
				Name: "ClusterFirst", Pod: ordinary, Container: unset(), Action: resolver,
				Want: check.Lines{Having: []string{`nameserver \S+`, clusterSearch + `.*`, `options .*ndots:5.*`}},
			},
			{
				Name: "ClusterFirst with dnsConfig", Pod: merged, Container: unset(), Action: resolver,
				Want: check.Lines{Having: []string{clusterSearch + `.* first\.example`, `options .*ndots:5.*`}},
			},
			{
				Name: "Default", Pod: policy(corev1.DNSDefault), Container: unset(), Action: resolver,
				Want: check.Lines{Having: []string{`nameserver \S+`}, Lacking: []string{`search .*\.svc\..*`, `options .*ndots:5.*`}},
			},
		},
	}
}
