package upgrade

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"assay/framework/probe"
	"assay/framework/target"
	"assay/framework/workload"
)

// The pods besides Polite and Stubborn.
const (
	counter  = "counter"
	server   = "server"
	client   = "client"
	newcomer = "newcomer"
)

// grace is how long a stubborn pod has to end, in seconds.
const grace = 5

// file is in a volume of the counter.
const file = "/data/written-at-start"

// count numbers a line each 200 ms and says which process it is and when, in seconds since boot, by the shell alone
// but for sleep. The file is written by the first process of the pod.
const count = `trap 'exit 0' TERM
read process rest </proc/uptime
[ -e ` + file + ` ] || echo "by the process of $process" >` + file + `
number=0
while :; do
	number=$((number + 1))
	read now rest </proc/uptime
	echo "$number $process $now"
	sleep 0.2
done`

// witnesses are the pods and objects that see the swap.
type witnesses struct {
	to        target.Target
	namespace string
	// worker is the node that is upgraded, other the one that the client is on.
	worker, other string
	drains        bool
}

// pods are those that have no owner.
func (w witnesses) pods() []*corev1.Pod {
	counting := w.pod(counter, w.worker)
	counting.Spec.Containers[0].Command = []string{"/bin/sh", "-c", count}
	counting.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	counting.Spec.Containers[0].LivenessProbe = liveness(corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/test", "-e", file}}})
	counting.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	stubborn := w.pod(Stubborn, w.worker)
	stubborn.Spec.Containers[0].Args = []string{probe.CommandSignals}
	polite := w.pod(Polite, w.worker)
	polite.Spec.Containers[0].Args = []string{probe.CommandSignals, "end"}
	connecting := w.pod(client, w.other)
	connecting.Spec.Containers[0].Args = []string{probe.CommandServe}
	return []*corev1.Pod{counting, stubborn, polite, connecting}
}

// pod is a pod of one container of its own name, which is always restarted.
func (w witnesses) pod(name, node string) *corev1.Pod {
	pod := workload.Server(w.to, w.namespace, name, node)
	seconds := int64(grace)
	pod.Spec.RestartPolicy = corev1.RestartPolicyAlways
	pod.Spec.TerminationGracePeriodSeconds = &seconds
	pod.Spec.Containers[0].Name = name
	pod.Labels = map[string]string{workload.Label: "pod", "app": name}
	return pod
}

// liveness is asked every other second, which meets with the swap; three failures in a row have the container restarted.
func liveness(handler corev1.ProbeHandler) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: handler, PeriodSeconds: 2, TimeoutSeconds: 10, FailureThreshold: 3}
}

// deployment has one server on the worker. Where the node is drained it may be started elsewhere then.
func (w witnesses) deployment() *appsv1.Deployment {
	template := w.pod(server, "")
	template.Spec.Containers[0].Args = []string{probe.CommandServe}
	template.Spec.Containers[0].LivenessProbe = liveness(corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(probe.ServePort)}})
	template.Spec.Containers[0].ReadinessProbe = template.Spec.Containers[0].LivenessProbe.DeepCopy()
	// A node that is cordoned is not to be tolerated.
	template.Spec.Tolerations = nil
	onWorker := corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
		{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{w.worker}},
	}}
	affinity := &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{onWorker}}}
	if w.drains {
		const most = 100
		affinity = &corev1.NodeAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{Weight: most, Preference: onWorker}}}
	}
	template.Spec.Affinity = &corev1.Affinity{NodeAffinity: affinity}
	one := int32(1)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: server, Namespace: w.namespace, Labels: template.Labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &one,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": server}},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: template.Labels}, Spec: template.Spec},
		},
	}
}

func (w witnesses) service() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: server, Namespace: w.namespace, Labels: map[string]string{workload.Label: "service"}},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": server},
			Ports:    []corev1.ServicePort{{Name: "tcp", Port: probe.ServePort, Protocol: corev1.ProtocolTCP}},
		},
	}
}

// start makes all witnesses and waits until they are ready. It returns those of the worker by their names, and the
// client and the Service.
func (w witnesses) start(ctx context.Context) (on map[string]*corev1.Pod, connecting *corev1.Pod, service *corev1.Service, err error) {
	if _, err := w.to.Client.CoreV1().Namespaces().Create(ctx, workload.Namespace(w.namespace, ""), metav1.CreateOptions{}); err != nil {
		return nil, nil, nil, fmt.Errorf("create namespace %s: %w", w.namespace, err)
	}
	group, grouped := errgroup.WithContext(ctx)
	for _, pod := range w.pods() {
		group.Go(func() error { return w.to.CreatePod(grouped, pod, podPatience) })
	}
	group.Go(func() error {
		_, err := w.to.Client.AppsV1().Deployments(w.namespace).Create(grouped, w.deployment(), metav1.CreateOptions{})
		return err
	})
	group.Go(func() (err error) {
		service, err = w.to.Client.CoreV1().Services(w.namespace).Create(grouped, w.service(), metav1.CreateOptions{})
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, nil, nil, fmt.Errorf("make the witnesses: %w", err)
	}
	names := []string{counter, Stubborn, Polite, client, server}
	var found map[string]*corev1.Pod
	err = until(ctx, podPatience, "ready witnesses", func(ctx context.Context) (bool, string) {
		var seen string
		found, seen = w.ready(ctx)
		return len(found) == len(names), seen
	})
	if err != nil {
		return nil, nil, nil, err
	}
	if on := found[server].Spec.NodeName; on != w.worker {
		return nil, nil, nil, fmt.Errorf("the server was to be on node %s and is on %s", w.worker, on)
	}
	connecting = found[client]
	delete(found, client)
	return found, connecting, service, nil
}

// ready are the witnesses that are ready now, by their names, and what the others are.
func (w witnesses) ready(ctx context.Context) (ready map[string]*corev1.Pod, others string) {
	list, err := w.to.Client.CoreV1().Pods(w.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err.Error()
	}
	ready = map[string]*corev1.Pod{}
	for i := range list.Items {
		pod := &list.Items[i]
		if pod.DeletionTimestamp == nil && podReady(pod) {
			ready[pod.Labels["app"]] = pod
		} else {
			others += describe(pod) + "; "
		}
	}
	return ready, others
}

// newPod starts a pod on the worker and waits until it is ready.
func (w witnesses) newPod(ctx context.Context) (*corev1.Pod, error) {
	pod := w.pod(newcomer, w.worker)
	pod.Spec.Containers[0].Args = []string{probe.CommandServe}
	pod.Spec.Containers[0].ReadinessProbe = liveness(corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(probe.ServePort)}})
	pod.Spec.Containers[0].LivenessProbe = liveness(corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/true"}}})
	if err := w.to.CreatePod(ctx, pod, podPatience); err != nil {
		return nil, fmt.Errorf("create pod %s: %w", newcomer, err)
	}
	err := until(ctx, newPodPatience, "pod "+newcomer, func(ctx context.Context) (bool, string) {
		now, err := w.to.Client.CoreV1().Pods(w.namespace).Get(ctx, newcomer, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		pod = now
		return podReady(pod), describe(pod) + w.warnings(ctx, newcomer)
	})
	return pod, err
}

// warnings are those about a pod, where there are any.
func (w witnesses) warnings(ctx context.Context, pod string) string {
	events, err := w.to.Client.CoreV1().Events(w.namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=Warning,involvedObject.name=" + pod})
	if err != nil {
		return ""
	}
	said := map[string]bool{}
	for _, event := range events.Items {
		said[event.Reason+": "+event.Message] = true
	}
	text := ""
	for _, each := range slices.Sorted(maps.Keys(said)) {
		text += ", " + each
	}
	return text
}

// lives are the containers of pods as the API server has them now, by pod and name.
func (w witnesses) lives(ctx context.Context, pods map[string]*corev1.Pod) Seen[map[string]Life] {
	lives := map[string]Life{}
	for _, pod := range pods {
		now, err := w.to.Client.CoreV1().Pods(w.namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && now.UID != pod.UID {
			continue
		}
		if err != nil {
			return saw(lives, fmt.Errorf("ask for pod %s: %w", pod.Name, err))
		}
		for _, status := range now.Status.ContainerStatuses {
			life := Life{ID: status.ContainerID, Restarts: int(status.RestartCount), State: stateOf(status)}
			if status.State.Running != nil {
				life.Running, life.Started = true, status.State.Running.StartedAt.Time
			}
			lives[pod.Labels["app"]+"/"+status.Name] = life
		}
	}
	return saw(lives, nil)
}

func podReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// describe is a pod in words.
func describe(pod *corev1.Pod) string {
	text := fmt.Sprintf("pod %s on %q is %s", pod.Name, pod.Spec.NodeName, pod.Status.Phase)
	for _, status := range pod.Status.ContainerStatuses {
		text += fmt.Sprintf(", container %s %s (restarted %d times)", status.Name, stateOf(status), status.RestartCount)
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Status != corev1.ConditionTrue && condition.Message != "" {
			text += fmt.Sprintf(", %s: %s", condition.Type, condition.Message)
		}
	}
	return text
}

func stateOf(status corev1.ContainerStatus) string {
	switch state := status.State; {
	case state.Running != nil:
		return "runs since " + state.Running.StartedAt.UTC().Format(time.RFC3339)
	case state.Terminated != nil:
		return fmt.Sprintf("ended (%s, exit code %d)", state.Terminated.Reason, state.Terminated.ExitCode)
	case state.Waiting != nil:
		return fmt.Sprintf("waits (%s %s)", state.Waiting.Reason, state.Waiting.Message)
	default:
		return "has no state"
	}
}
