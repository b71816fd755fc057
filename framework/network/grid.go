package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"assay/framework/check"
	"assay/framework/policy"
	"assay/framework/probe"
	"assay/framework/target"
	"assay/framework/workload"
)

// layout is the pods of a grid.
type layout struct {
	// number is the grid's, from 1; the grid of the pods that are missing in a number has 0.
	number int
	// pods are the names of the pods by the name of their namespace.
	pods map[string][]string
	// host adds the pod in the node's network, other the one on a node of another column.
	host, other bool
}

// The pods besides those of a layout. The host's pod is in namespace x, like one that a policy may isolate.
const (
	hostPod  = "x/host"
	otherPod = "x/other"
)

// gridLayout is the grid of the checks.
func gridLayout(number int) layout {
	pods := []string{"a", "b", "c"}
	return layout{number: number, pods: map[string][]string{"x": pods, "y": pods, "z": pods}}
}

// surroundings are what all grids of an area have in common.
type surroundings struct {
	to       target.Target
	timeouts Timeouts
	fault    policy.Fault
	open     opener
	// starting is held by who has pods of the area start.
	starting *semaphore.Weighted
}

// grid is running agents with the objects around them.
type grid struct {
	surroundings
	// namespaces are by the names that checks use.
	namespaces map[string]*corev1.Namespace
	// agents are by the names that checks use ("x/a").
	agents map[string]*agent
	// services are those of the agents; none until they are needed.
	services map[string]*corev1.Service
	// policies are those that are in the cluster, by namespace and name there.
	policies map[string]*networkingv1.NetworkPolicy
	// numbers are those of the grids that were merged, by agent; none where it is one.
	numbers map[string]int
	// before is what was expected last of each connection, and came true.
	before map[check.Flow]bool
	// noOther is why the pod on a node of another column does not run, which is no failure of the column's nodes.
	noOther error
	// spent says that the grid is not to be used again.
	spent bool
	// made counts the pods that were made again, for their names.
	made int
}

// agent is a pod of the grid with an open line to its probe.
type agent struct {
	pod  *corev1.Pod
	line asker
}

// asker takes requests to a probe.
type asker interface {
	ask(ctx context.Context, request probe.ConnectRequest) (probe.ConnectResponse, error)
	close(ctx context.Context)
}

// opener opens the way to the probe of a pod, which stays open as long as the context.
type opener func(ctx context.Context, to target.Target, pod *corev1.Pod) (asker, error)

// startGrid makes the namespaces and pods and opens a line to each. The grid lives as long as the context.
// What is there of a grid that does not start is removed.
func startGrid(ctx context.Context, s surroundings, prefix string, l layout) (*grid, error) {
	g := emptyGrid(s)
	if err := g.start(ctx, prefix, l); err != nil {
		g.remove(ctx)
		return nil, err
	}
	return g, nil
}

func emptyGrid(s surroundings) *grid {
	return &grid{
		surroundings: s,
		namespaces:   map[string]*corev1.Namespace{}, agents: map[string]*agent{},
		services: map[string]*corev1.Service{}, policies: map[string]*networkingv1.NetworkPolicy{}, numbers: map[string]int{},
		before: map[check.Flow]bool{},
	}
}

func (g *grid) start(ctx context.Context, prefix string, l layout) error {
	place := 0
	for _, name := range slices.Sorted(maps.Keys(l.pods)) {
		namespace, err := g.makeNamespace(ctx, prefix, name, l.number)
		if err != nil {
			return err
		}
		g.namespaces[name] = namespace
		for _, pod := range l.pods[name] {
			g.agents[name+"/"+pod] = &agent{pod: g.design(name, pod, g.to.Nodes[place%len(g.to.Nodes)].Name)}
			place++
		}
		if len(l.pods[name])%len(g.to.Nodes) == 0 {
			// Every pod of a name would be on the same node.
			place++
		}
	}
	if l.host {
		pod := g.design("x", "host", g.to.Nodes[0].Name)
		pod.Spec.HostNetwork = true
		pod.Spec.Containers[0].Args = append([]string{probe.CommandAgent}, endpoints(check.GridPorts())...)
		pod.Spec.Containers[0].Ports = nil
		g.agents[hostPod] = &agent{pod: pod}
	}
	if l.other && len(g.to.Others) > 0 {
		pod := g.design("x", "other", g.to.Others[0].Name)
		pod.Spec.RuntimeClassName = nil
		g.agents[otherPod] = &agent{pod: pod}
	}
	group, started := errgroup.WithContext(ctx)
	for name := range g.agents {
		group.Go(func() error {
			err := g.startAgent(started, ctx, name)
			if name == otherPod {
				g.noOther = err
				return nil
			}
			return err
		})
	}
	err := group.Wait()
	if g.noOther != nil {
		delete(g.agents, otherPod)
	}
	return err
}

func (g *grid) makeNamespace(ctx context.Context, prefix, name string, number int) (*corev1.Namespace, error) {
	labels := map[string]string{
		workload.Label:                       "namespace",
		"pod-security.kubernetes.io/enforce": "privileged",
		"ns":                                 name,
		"grid":                               fmt.Sprint(number),
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: prefix + "-" + name, Labels: labels}}
	made, err := g.to.Client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("create namespace %s: %w", namespace.Name, err)
	}
	return made, nil
}

// design is the pod of an agent. Pods named c have the names of the first two ports the other way round.
func (g *grid) design(namespace, name, node string) *corev1.Pod {
	pod := workload.Server(g.to, g.namespaces[namespace].Name, name, node)
	pod.Labels["pod"] = name
	container := &pod.Spec.Containers[0]
	container.Args = append([]string{probe.CommandAgent}, endpoints(servedPorts())...)
	// Its first process answers the requests, for each process that is started besides costs as much as a container.
	container.Stdin = true
	first, second := check.GridPort, check.GridPort+1
	if name == "c" {
		first, second = second, first
	}
	container.Ports = []corev1.ContainerPort{
		{Name: check.PortNameFirst, ContainerPort: first, Protocol: corev1.ProtocolTCP},
		{Name: check.PortNameSecond, ContainerPort: second, Protocol: corev1.ProtocolTCP},
		{Name: check.PortNameUDP, ContainerPort: check.GridPort, Protocol: corev1.ProtocolUDP},
	}
	// An echo by ICMP needs a raw socket, a port below 1024 the other one.
	container.SecurityContext = &corev1.SecurityContext{
		Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_RAW", "NET_BIND_SERVICE"}},
	}
	return pod
}

// servedPorts are all ports that agents serve.
func servedPorts() []check.Port {
	ports := []check.Port{{Protocol: corev1.ProtocolTCP, Number: check.DNSPort}, {Protocol: corev1.ProtocolUDP, Number: check.DNSPort}}
	for number := check.GridPort; number <= check.GridPortEnd; number++ {
		ports = append(ports, check.Port{Protocol: corev1.ProtocolTCP, Number: number})
		if number < check.GridPort+2 {
			ports = append(ports, check.Port{Protocol: corev1.ProtocolUDP, Number: number}, check.Port{Protocol: corev1.ProtocolSCTP, Number: number})
		}
	}
	return ports
}

// endpoints are ports as the probe's server takes them.
func endpoints(ports []check.Port) []string {
	var texts []string
	for _, port := range ports {
		texts = append(texts, strings.ToLower(string(port.Protocol))+"/"+fmt.Sprint(port.Number))
	}
	return texts
}

// startAgent creates the agent's pod, waits until it runs and opens the line, which lives as long as life.
func (g *grid) startAgent(ctx, life context.Context, name string) error {
	a := g.agents[name]
	pod, err := g.runPod(ctx, a.pod)
	if err != nil {
		return fmt.Errorf("agent %s: %w", name, err)
	}
	a.pod = pod
	if a.line, err = g.open(life, g.to, a.pod); err != nil {
		return fmt.Errorf("open a line to agent %s: %w", name, err)
	}
	return nil
}

// runPod creates a pod and waits until it runs and has its address.
func (g *grid) runPod(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, g.timeouts.Agents, fmt.Errorf("not within %s", g.timeouts.Agents))
	defer cancel()
	pods := g.to.Client.CoreV1().Pods(pod.Namespace)
	seen, err := pods.Create(ctx, pod, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("create pod %s: %w", pod.Name, err)
	}
	changes := &cache.ListWatch{WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
		options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, pod.Name).String()
		return pods.Watch(ctx, options)
	}}
	if !serverRuns(seen) {
		_, err := watchtools.Until(ctx, seen.ResourceVersion, changes, func(event watch.Event) (bool, error) {
			changed, is := event.Object.(*corev1.Pod)
			switch {
			case !is:
				return false, apierrors.FromObject(event.Object)
			case event.Type == watch.Deleted:
				return false, errors.New("it was deleted")
			case changed.Status.Phase == corev1.PodFailed || changed.Status.Phase == corev1.PodSucceeded:
				return false, fmt.Errorf("it ended: %s %s", changed.Status.Phase, changed.Status.Message)
			}
			seen = changed
			return serverRuns(seen), nil
		})
		if err != nil {
			return nil, fmt.Errorf("pod %s does not run: %w; last seen: phase %s", pod.Name, cmp.Or(context.Cause(ctx), err), seen.Status.Phase)
		}
	}
	return seen, nil
}

// serverRuns says whether the pod's server runs and has an address.
func serverRuns(pod *corev1.Pod) bool {
	status := pod.Status
	return len(status.ContainerStatuses) == 1 && status.ContainerStatuses[0].State.Running != nil && status.PodIP != ""
}

// intact says which agent is no longer the one that was started.
func (g *grid) intact(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(g.agents)) {
		pod := g.agents[name].pod
		seen, err := g.to.Client.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		switch {
		case err != nil:
			return fmt.Errorf("agent %s: %w", name, err)
		case seen.UID != pod.UID || !serverRuns(seen) || seen.Status.ContainerStatuses[0].ContainerID != pod.Status.ContainerStatuses[0].ContainerID:
			return fmt.Errorf("agent %s ended: it is %s", name, seen.Status.Phase)
		}
	}
	return nil
}

// remove deletes the namespaces with all that is in them, also after an interrupt; nobody waits until they are
// gone.
func (g *grid) remove(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	for _, a := range g.agents {
		if a.line != nil {
			a.line.close(ctx)
		}
	}
	for _, namespace := range g.namespaces {
		_ = g.to.Client.CoreV1().Namespaces().Delete(ctx, namespace.Name, metav1.DeleteOptions{})
	}
}

// merge takes several grids as one; its namespaces have the numbers of their grids, and what is removed is the
// grids' business. The pods in a node's network are left out.
func merge(grids map[int]*grid) *grid {
	var all *grid
	for _, number := range slices.Sorted(maps.Keys(grids)) {
		g := grids[number]
		if all == nil {
			all = emptyGrid(g.surroundings)
		}
		suffix := ""
		if number > 0 {
			suffix = fmt.Sprint(number)
		}
		for name, namespace := range g.namespaces {
			all.namespaces[name+suffix] = namespace
		}
		for name, a := range g.agents {
			namespace, pod, _ := strings.Cut(name, "/")
			if name != hostPod && name != otherPod {
				all.agents[namespace+suffix+"/"+pod] = a
				all.numbers[namespace+suffix+"/"+pod] = number
			}
		}
	}
	return all
}

// describe is the agents for the evidence.
func (g *grid) describe() map[string]check.Agent {
	agents := map[string]check.Agent{}
	for name, a := range g.agents {
		agents[name] = check.Agent{
			Namespace: a.pod.Namespace, Pod: a.pod.Name, Node: a.pod.Spec.NodeName, Address: a.pod.Status.PodIP, Labels: a.pod.Labels,
		}
	}
	return agents
}

const (
	// removeTimeout bounds the requests that delete a grid.
	removeTimeout = 10 * time.Second
)
