package upgrade

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"assay/framework/cluster"
	"assay/framework/column"
	"assay/framework/nodeimage"
)

// installScript unpacks the archive on its input beside the running files and puts each into its place with one
// rename: a program that runs keeps its file, and one that starts meanwhile finds either. The arguments are the root
// with a slash behind it, and files of the old runtime that the new one does not have.
const installScript = `
set -e
root=$1
shift
stage=${root}var/lib/assay-upgrade
rm -rf "$stage"
mkdir -p "$stage"
tar -x -C "$stage"
cd "$stage"
find . ! -type d | sed 's#^\./##' >"$stage.list"
while IFS= read -r file; do
	mkdir -p "$root$(dirname "$file")"
	cp -a "$file" "$root$file.assay-new"
	mv -fT "$root$file.assay-new" "$root$file"
done <"$stage.list"
cd /
rm -rf "$stage" "$stage.list"
for file; do
	rm -f "$root$file"
done`

// restartScript has the node's set-up step write what the new runtime reads of the host, and restarts the daemon as an
// administrator does. The step alone is restarted: systemd would take the old runtime along.
const restartScript = `
set -e
systemctl daemon-reload
systemctl --job-mode=ignore-dependencies restart assay-node.service
systemctl restart "$1"`

// removeScript stops the kubelet and the runtime of the unit for good, with what is left of its containers: those of
// DaemonSets are not evicted. The further arguments are the IDs of their pods, which the kernel has in the names of
// cgroups, whatever the runtime.
const removeScript = `
set -e
unit=$1
shift
systemctl stop kubelet.service
systemctl disable --now "$unit"
pods=/run/assay-upgrade.pods
for id; do
	echo "pod$id"
	echo "pod$id" | tr - _
done >"$pods"
for try in 1 2 3 4 5 6 7 8 9 10; do
	left=$( { grep -l -s -F -f "$pods" /proc/[0-9]*/cgroup; grep -l -s -x -e containerd-shim -e conmon /proc/[0-9]*/comm; } | cut -d / -f 3 | sort -u)
	[ -n "$left" ] || break
	kill -9 $left 2>/dev/null || true
	sleep 0.5
done
rm -f "$pods"
if [ -n "$left" ]; then
	echo "these processes of $unit do not end: $left" >&2
	exit 1
fi
cut -d ' ' -f 5 /proc/self/mountinfo | grep -E '^/run/(containerd|containers)/|^/var/lib/containers/storage/overlay/' | sort -r | while read -r mount; do
	umount -l "$mount" || true
done`

// endpointScript has the kubelet use another runtime. kubeadm writes where the runtime listens into the kubelet's
// configuration, and older versions into its flags. It prints the files that it changed.
// Source: https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/
const endpointScript = `
cd /var/lib/kubelet
for file in config.yaml instance-config.yaml kubeadm-flags.env; do
	if [ -e "$file" ] && grep -q -F "$1" "$file"; then
		sed -i "s#$1#$2#g" "$file" && echo "$file"
	fi
done`

// startScript starts a runtime that the node did not have, and then the kubelet. systemd enabled the runtime's unit with
// its files.
const startScript = `
set -e
systemctl daemon-reload
systemctl --job-mode=ignore-dependencies restart assay-node.service
systemctl restart "$1"
systemctl start kubelet.service`

// killScript kills all processes of pods, whose IDs are the arguments, and prints how many.
const killScript = `
for id; do
	under=$(echo "$id" | tr - _)
	grep -l -s -e "pod$id" -e "pod$under" /proc/[0-9]*/cgroup
done | cut -d / -f 3 | sort -u | {
	killed=0
	while read -r process; do
		kill -9 "$process" && killed=$((killed + 1))
	done
	echo "$killed"
}`

// unit is the systemd unit of a runtime.
func unit(runtime string) string {
	if runtime == column.CRIO {
		return "crio.service"
	}
	return "containerd.service"
}

// nodeExec runs a program in a node; see cluster.Cluster.
type nodeExec func(ctx context.Context, node string, stdin io.Reader, command ...string) ([]byte, error)

// shell runs a script in a node.
func (e nodeExec) shell(ctx context.Context, node string, stdin io.Reader, script string, arguments ...string) (string, error) {
	output, err := e(ctx, node, stdin, append([]string{"sh", "-c", script, "sh"}, arguments...)...)
	return strings.TrimSpace(string(output)), err
}

// parcel are the files of a runtime as the node image has them.
type parcel struct {
	archive []byte
	// obsolete are files of the old runtime that the new one does not have.
	obsolete []string
}

// pack takes the files of the new runtime out of its node image.
func (r *rollout) pack(ctx context.Context) (parcel, error) {
	from, to := r.upgrade.From.Runtime, r.upgrade.To.Runtime
	old, err := nodeimage.RuntimeFiles(r.options.Root, from.Name, from.Version)
	if err != nil {
		return parcel{}, err
	}
	files, err := nodeimage.RuntimeFiles(r.options.Root, to.Name, to.Version)
	if err != nil {
		return parcel{}, err
	}
	var archive bytes.Buffer
	if err := nodeimage.Copy(ctx, r.lent.Engine, r.lent.Image, files, &archive); err != nil {
		return parcel{}, err
	}
	return parcel{
		archive:  archive.Bytes(),
		obsolete: slices.DeleteFunc(old, func(file string) bool { return slices.Contains(files, file) }),
	}, nil
}

// install puts the files of the new runtime into a node, and takes those out that are of the old one alone.
func (r *rollout) install(ctx context.Context, node string, of parcel) error {
	ctx, cancel := context.WithTimeout(ctx, installPatience)
	defer cancel()
	if _, err := r.exec().shell(ctx, node, bytes.NewReader(of.archive), installScript, append([]string{"/"}, of.obsolete...)...); err != nil {
		return fmt.Errorf("install %s %s: %w", r.upgrade.To.Runtime.Name, r.upgrade.To.Runtime.Version, err)
	}
	return nil
}

// restart restarts the daemon with the new files. What the restart says is an observation: it is the new daemon's.
func (r *rollout) restart(ctx context.Context, node string) Seen[string] {
	return r.daemon(ctx, node, restartScript)
}

func (r *rollout) daemon(ctx context.Context, node, script string) Seen[string] {
	bounded, cancel := context.WithTimeoutCause(ctx, restartPatience, fmt.Errorf("not done after %s", restartPatience))
	defer cancel()
	name := unit(r.upgrade.To.Runtime.Name)
	_, err := r.exec().shell(bounded, node, nil, script, name)
	switch {
	case ctx.Err() != nil:
		return saw("", context.Cause(ctx))
	case err == nil:
		return saw("", nil)
	}
	said, _ := r.exec()(ctx, node, nil, "journalctl", "--no-pager", "--output=cat", "--lines=15", "--unit="+name)
	return saw(fmt.Sprintf("%v\n%s", err, strings.TrimSpace(string(said))), nil)
}

// replace removes the old runtime from a drained node and starts the new one in its place, with the images that a node
// of it has.
func (r *rollout) replace(ctx context.Context, node string, of parcel) (Seen[string], error) {
	from, to := r.upgrade.From.Runtime.Name, r.upgrade.To.Runtime.Name
	err := r.step("stop the kubelet and "+from, func() error {
		ctx, cancel := context.WithTimeout(ctx, restartPatience)
		defer cancel()
		ids, err := r.podsOf(ctx, node)
		if err == nil {
			_, err = r.exec().shell(ctx, node, nil, removeScript, append([]string{unit(from)}, ids...)...)
		}
		return err
	})
	if err != nil {
		return Seen[string]{}, err
	}
	err = r.step("install "+to, func() error {
		if err := r.install(ctx, node, of); err != nil {
			return err
		}
		if err := r.carryStore(ctx, node); err != nil {
			return err
		}
		changed, err := r.exec().shell(ctx, node, nil, endpointScript, cluster.CRISocket(from), cluster.CRISocket(to))
		if err == nil && changed == "" {
			err = fmt.Errorf("none of the kubelet's files in /var/lib/kubelet of node %s names %s", node, cluster.CRISocket(from))
		}
		r.lent.Progress.Line("the kubelet is told of %s in %s", cluster.CRISocket(to), strings.Join(strings.Fields(changed), ", "))
		return err
	})
	if err != nil {
		return Seen[string]{}, err
	}
	var said Seen[string]
	err = r.step("start "+to+" and the kubelet", func() error {
		said = r.daemon(ctx, node, startScript)
		return r.annotate(ctx, node)
	})
	return said, err
}

// carryStore copies the images of the control plane, which come from no registry, as the node image has them.
func (r *rollout) carryStore(ctx context.Context, node string) error {
	ctx, cancel := context.WithTimeout(ctx, installPatience)
	defer cancel()
	reader, writer := io.Pipe()
	copied := make(chan error, 1)
	go func() {
		err := nodeimage.CopyStore(ctx, r.lent.Engine, r.lent.Image, r.upgrade.To.Runtime.Name, writer)
		copied <- err
		_ = writer.CloseWithError(err)
	}()
	_, err := r.exec()(ctx, node, reader, "tar", "-x", "--xattrs", "--xattrs-include=*", "-C", "/")
	_ = reader.CloseWithError(errors.New("the node takes no more"))
	if err := errors.Join(err, <-copied); err != nil {
		return fmt.Errorf("copy the images to node %s: %w", node, err)
	}
	return nil
}

// annotate has the node say where its runtime listens, where kubeadm noted that.
func (r *rollout) annotate(ctx context.Context, name string) error {
	const annotation = "kubeadm.alpha.kubernetes.io/cri-socket"
	node, err := r.lent.Cluster.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("ask for node %s: %w", name, err)
	}
	if _, there := node.Annotations[annotation]; !there {
		return nil
	}
	return r.patchNode(ctx, name, map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{annotation: cluster.CRISocket(r.upgrade.To.Runtime.Name)}},
	})
}

// podsOf are the IDs of the pods that a node has now.
func (r *rollout) podsOf(ctx context.Context, node string) ([]string, error) {
	list, err := r.lent.Cluster.Client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return nil, fmt.Errorf("list the pods of node %s: %w", node, err)
	}
	var ids []string
	for _, pod := range list.Items {
		ids = append(ids, string(pod.UID))
	}
	return ids, nil
}

// cordon says whether the scheduler is to keep off a node.
func (r *rollout) cordon(ctx context.Context, name string, keepOff bool) error {
	return r.patchNode(ctx, name, map[string]any{"spec": map[string]any{"unschedulable": keepOff}})
}

func (r *rollout) patchNode(ctx context.Context, name string, patch map[string]any) error {
	text, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("write the patch of node %s: %w", name, err)
	}
	if _, err := r.lent.Cluster.Client.CoreV1().Nodes().Patch(ctx, name, types.StrategicMergePatchType, text, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("change node %s: %w", name, err)
	}
	return nil
}

// sabotage does what the user asked for to see the checks fail.
func (r *rollout) sabotage(ctx context.Context) error {
	if r.options.Sabotage != KillContainers {
		return nil
	}
	var ids []string
	for _, pod := range r.pods {
		ids = append(ids, string(pod.UID))
	}
	said, err := r.exec().shell(ctx, r.worker, nil, killScript, ids...)
	if err != nil {
		return fmt.Errorf("kill the containers: %w", err)
	}
	killed, err := strconv.Atoi(said)
	if err != nil || killed == 0 {
		return fmt.Errorf("kill the containers: nothing was killed, it said %q", said)
	}
	r.lent.Progress.Line("sabotage: killed %d processes of the witnesses", killed)
	return nil
}
