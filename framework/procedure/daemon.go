package procedure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"assay/framework/probe"
)

// staticPods is where the kubelets of kind's nodes look for static pods.
const staticPods = "/etc/kubernetes/manifests"

// interval is how often what a restart changes is looked at.
const interval = 500 * time.Millisecond

// life is what tells one run of a container from another.
type life struct {
	id       string
	restarts int32
	runs     bool
}

// restartRuntime makes a static pod on the node of the subject, restarts the runtime's daemon there and
// waits until it serves again. Values: "pod" and "static pod" are "the same container", "ended" when
// it does not run any more, or how many restarts were counted; "process" says whether the first process of the subject's container is "the same";
// "exec" is "works" when a command can be run again, "new container" is "runs" when the node starts one.
func restartRuntime(ctx context.Context, s Subject) (result probe.Result, err error) {
	if s.NodeExec == nil {
		return probe.Result{}, errors.New("the suite may not touch the nodes of this cluster")
	}
	unit, err := s.runtimeUnit(ctx)
	if err != nil {
		return probe.Result{}, err
	}
	static, remove, err := s.makeStaticPod(ctx)
	if err != nil {
		return probe.Result{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()

	before, err := s.lives(ctx, static)
	if err != nil {
		return probe.Result{}, err
	}
	process, err := s.processStart(ctx)
	if err != nil {
		return probe.Result{}, fmt.Errorf("before the restart: %w", err)
	}
	if _, err := s.NodeExec(ctx, s.Pod.Spec.NodeName, nil, "systemctl", "restart", unit); err != nil {
		return probe.Result{}, fmt.Errorf("restart %s: %w", unit, err)
	}
	values := map[string]string{"exec": "works", "process": "the same", "new container": "runs"}
	after, err := s.untilExec(ctx)
	switch {
	case ctx.Err() != nil:
		return probe.Result{}, context.Cause(ctx)
	case err != nil:
		values["exec"] = err.Error()
		values["process"] = "unknown"
	case after != process:
		values["process"] = "another"
	}
	// The kubelet has seen the node as it is once it has started another pod on it.
	if _, err := s.startTime(ctx, s.Pod.Name+"-after"); err != nil {
		values["new container"] = err.Error()
	}
	now, err := s.lives(ctx, static)
	if err != nil {
		return probe.Result{}, fmt.Errorf("after the restart: %w", err)
	}
	values["pod"] = compareLives(before[0], now[0])
	values["static pod"] = compareLives(before[1], now[1])
	return allowed(values), nil
}

// runtimeUnit is the systemd unit of the node's runtime.
func (s Subject) runtimeUnit(ctx context.Context) (string, error) {
	node, err := s.Client.CoreV1().Nodes().Get(ctx, s.Pod.Spec.NodeName, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("ask for the node's runtime: %w", err)
	}
	name, _, _ := strings.Cut(node.Status.NodeInfo.ContainerRuntimeVersion, "://")
	switch name {
	case "containerd":
		return "containerd.service", nil
	case "cri-o":
		return "crio.service", nil
	default:
		return "", fmt.Errorf("the unit of the runtime %q is not known", name)
	}
}

// makeStaticPod has the kubelet run a copy of the subject's pod from a file, and waits until it runs.
// It returns the name of its mirror in the API.
func (s Subject) makeStaticPod(ctx context.Context) (name string, remove func() error, err error) {
	node := s.Pod.Spec.NodeName
	pod := corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: s.Pod.Name + "-static", Namespace: s.Pod.Namespace, Labels: s.Pod.Labels},
		Spec:       *s.Pod.Spec.DeepCopy(),
	}
	// Static pods have neither a node to choose nor an account.
	pod.Spec.NodeName, pod.Spec.ServiceAccountName, pod.Spec.DeprecatedServiceAccount = "", "", ""
	manifest, err := json.Marshal(pod)
	if err != nil {
		return "", nil, fmt.Errorf("write the static pod: %w", err)
	}
	file := path.Join(staticPods, "assay-"+pod.Namespace+".json")
	remove = func() error {
		// The run may have been interrupted; the node must not keep the pod for that.
		const patience = 20 * time.Second
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		_, err := s.NodeExec(ctx, node, nil, "rm", "-f", file)
		return err
	}
	// The kubelet reads every file of the directory, but for those that begin with a dot.
	_, err = s.NodeExec(ctx, node, strings.NewReader(string(manifest)), "sh", "-c",
		`mkdir -p "$1" && cat > "$1/.assay" && mv "$1/.assay" "$2"`, "sh", staticPods, file)
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("write the static pod: %w", err), remove())
	}
	name = pod.Name + "-" + node
	err = wait.PollUntilContextCancel(ctx, interval, true, func(ctx context.Context) (bool, error) {
		mirror, err := s.pods().Get(ctx, name, metav1.GetOptions{})
		return err == nil && running(mirror), nil
	})
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("wait for the static pod %s: %w", name, err), remove())
	}
	return name, remove, nil
}

// lives are those of the first container of the subject's pod and of the static pod.
func (s Subject) lives(ctx context.Context, static string) ([2]life, error) {
	var lives [2]life
	for i, name := range []string{s.Pod.Name, static} {
		pod, err := s.pods().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return lives, fmt.Errorf("ask for pod %s: %w", name, err)
		}
		if len(pod.Status.ContainerStatuses) == 0 {
			return lives, fmt.Errorf("pod %s has no status of its container", name)
		}
		status := pod.Status.ContainerStatuses[0]
		lives[i] = life{id: status.ContainerID, restarts: status.RestartCount, runs: status.State.Running != nil}
	}
	return lives, nil
}

func compareLives(before, after life) string {
	switch {
	case after.restarts != before.restarts:
		return fmt.Sprintf("%d restarts", after.restarts-before.restarts)
	case after.id != before.id:
		return "another container"
	case !after.runs:
		return "ended"
	default:
		return "the same container"
	}
}

// processStart is the time at which the first process of the subject's container started, as the kernel
// has it.
func (s Subject) processStart(ctx context.Context) (string, error) {
	e := &execution{command: []string{"/bin/cat", "/proc/1/stat"}}
	if err := s.exec(ctx, s.Container, e); err != nil {
		return "", err
	}
	// PID (COMMAND) STATE PPID ...: starttime is field 22, the 20th after the command.
	const startTime = 20
	fields := strings.Fields(e.stdout.String()[strings.LastIndexByte(e.stdout.String(), ')')+1:])
	if e.exitCode != 0 || len(fields) < startTime {
		return "", fmt.Errorf("read /proc/1/stat: exit %d: %s", e.exitCode, e.stderr.String())
	}
	return fields[startTime-1], nil
}

// untilExec waits until a command can be run again, and returns processStart.
func (s Subject) untilExec(ctx context.Context) (string, error) {
	const patience = 45 * time.Second
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	start, last := "", error(nil)
	err := wait.PollUntilContextCancel(waiting, interval, true, func(ctx context.Context) (bool, error) {
		// A request that meets with the restart may never be answered; the next one is.
		const answer = 5 * time.Second
		ctx, cancel := context.WithTimeout(ctx, answer)
		defer cancel()
		var err error
		if start, err = s.processStart(ctx); err != nil {
			last = err
		}
		return err == nil, nil
	})
	if err != nil {
		return "", fmt.Errorf("no exec within %s: %w", patience, errors.Join(last, err))
	}
	return start, nil
}
