package network

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"assay/framework/check"
	"assay/framework/policy"
	"assay/framework/probe"
	"assay/framework/target"
)

// simulation is a cluster whose network does what the policy engine says of the objects that are in it, or
// something else.
type simulation struct {
	client *fake.Clientset
	// open makes the network enforce nothing, fault makes it enforce something else.
	open  bool
	fault policy.Fault
	// sctp says that the kernel has SCTP.
	sctp bool
	// intercept answers in the place of an agent where it says so.
	intercept func(from string, request probe.ConnectRequest) (probe.ConnectResponse, bool, error)

	mutex sync.Mutex
	next  map[string]int
	pods  int
	kept  map[string]bool
	// offered are the addresses of the next pods, by node.
	offered map[string]string
	// seen is the world as it was seen last.
	seen *world
}

func simulate() *simulation {
	s := &simulation{client: fake.NewClientset(), next: map[string]int{}, kept: map[string]bool{}, offered: map[string]string{}}
	s.client.PrependReactor("create", "namespaces", func(action clienttesting.Action) (bool, runtime.Object, error) {
		namespace := action.(clienttesting.CreateAction).GetObject().(*corev1.Namespace)
		namespace.Labels[corev1.LabelMetadataName] = namespace.Name
		return false, nil, nil
	})
	s.client.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		pod := action.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
		s.mutex.Lock()
		defer s.mutex.Unlock()
		node := 1 + slices.Index([]string{"one", "two", "three"}, pod.Spec.NodeName)
		s.pods++
		address := s.offered[pod.Spec.NodeName]
		if address == "" {
			s.next[pod.Spec.NodeName]++
			address = fmt.Sprintf("10.0.%d.%d", node, s.next[pod.Spec.NodeName]+1)
		}
		delete(s.offered, pod.Spec.NodeName)
		pod.Status.HostIP = fmt.Sprintf("192.0.2.%d", node)
		if pod.Spec.HostNetwork {
			address = pod.Status.HostIP
		}
		pod.UID = "uid-" + pod.UID
		pod.Status.Phase, pod.Status.PodIP, pod.Status.PodIPs = corev1.PodRunning, address, []corev1.PodIP{{IP: address}}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name: "server", ContainerID: fmt.Sprint("container-", s.pods), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		}}
		return false, nil, nil
	})
	s.client.PrependReactor("create", "services", func(action clienttesting.Action) (bool, runtime.Object, error) {
		service := action.(clienttesting.CreateAction).GetObject().(*corev1.Service)
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.next["services"]++
		service.Spec.ClusterIP = fmt.Sprintf("10.96.0.%d", s.next["services"])
		for i := range service.Spec.Ports {
			s.next["node ports"]++
			service.Spec.Ports[i].NodePort = int32(30000 + s.next["node ports"])
		}
		return false, nil, nil
	})
	return s
}

// target is the cluster with two nodes, and a third one that is another column's.
func (s *simulation) target() target.Target {
	return target.Target{
		Column: "simulated", Client: s.client, ProbeImage: "probe",
		Nodes: []target.Node{{Name: "one"}, {Name: "two"}}, Others: []target.Node{{Name: "three"}},
		OfferAddress: func(_ context.Context, node, address string) (func(context.Context) error, error) {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			s.offered[node] = address
			return func(context.Context) error { return nil }, nil
		},
	}
}

// simulatedAgent is the way to a pod's probe.
type simulatedAgent struct {
	*simulation
	pod *corev1.Pod
}

func (s *simulation) dial(_ context.Context, _ target.Target, pod *corev1.Pod) (asker, error) {
	return &simulatedAgent{s, pod}, nil
}

func (a *simulatedAgent) close(context.Context) {}

func (a *simulatedAgent) ask(ctx context.Context, request probe.ConnectRequest) (probe.ConnectResponse, error) {
	return request.CarryOut(ctx, a.round)
}

func (a *simulatedAgent) round(ctx context.Context, request probe.ConnectRequest) (probe.ConnectResponse, error) {
	if a.intercept != nil {
		if response, answered, err := a.intercept(a.pod.Namespace+"/"+a.pod.Name, request); answered {
			return response, err
		}
	}
	world, err := a.world(ctx)
	if err != nil {
		return probe.ConnectResponse{}, err
	}
	response := probe.ConnectResponse{Connections: map[string]probe.Connection{}, Denials: map[string]string{}}
	for _, target := range request.Targets {
		end := world.connect(a.pod, target)
		a.mutex.Lock()
		if target.Keep && a.kept[target.Name] {
			end = probe.Connected
		}
		a.kept[target.Name] = a.kept[target.Name] || target.Keep && end == probe.Connected
		a.mutex.Unlock()
		response.Connections[target.Name] = end
		if target.Explain && end != probe.Connected {
			response.Denials[target.Name] = "no answer"
		}
	}
	return response, nil
}

// world is the objects of one moment.
type world struct {
	*simulation
	engine   *policy.Engine
	pods     []corev1.Pod
	services []corev1.Service
	moment   time.Time
}

func (s *simulation) world(ctx context.Context) (*world, error) {
	s.mutex.Lock()
	known := s.seen
	s.mutex.Unlock()
	// All that happens at one moment sees one world. It may be older than a write of that moment; the next table is
	// of another one.
	if known != nil && known.moment.Equal(time.Now()) {
		return known, nil
	}
	namespaces, err1 := s.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	pods, err2 := s.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	services, err3 := s.client.CoreV1().Services("").List(ctx, metav1.ListOptions{})
	policies, err4 := s.client.NetworkingV1().NetworkPolicies("").List(ctx, metav1.ListOptions{})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	byName := map[string]map[string]string{}
	for _, namespace := range namespaces.Items {
		byName[namespace.Name] = namespace.Labels
	}
	if s.open {
		policies.Items = nil
	}
	engine, err := policy.New(byName, policies.Items)
	if err != nil {
		return nil, err
	}
	made := &world{simulation: s, engine: engine.WithFault(s.fault), pods: pods.Items, services: services.Items, moment: time.Now()}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.seen = made
	return made, nil
}

func (w *world) connect(from *corev1.Pod, target probe.Target) probe.Connection {
	if target.Address == "127.0.0.1" {
		return probe.Connected
	}
	protocol, port := corev1.Protocol(target.Protocol), int32(target.Port)
	if protocol == corev1.ProtocolSCTP && !w.sctp {
		return probe.Unsupported
	}
	selected := func(service corev1.Service) *corev1.Pod {
		for i, pod := range w.pods {
			if pod.Namespace == service.Namespace && labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels)) {
				return &w.pods[i]
			}
		}
		return nil
	}
	var to *corev1.Pod
	for _, service := range w.services {
		for _, each := range service.Spec.Ports {
			if each.Protocol == protocol && (service.Spec.ClusterIP == target.Address && each.Port == port || strings.HasPrefix(target.Address, "192.0.2.") && each.NodePort == port) {
				to, port = selected(service), each.TargetPort.IntVal
			}
		}
	}
	for i, pod := range w.pods {
		if to == nil && pod.Status.PodIP == target.Address {
			to = &w.pods[i]
		}
	}
	if to == nil {
		return probe.TimedOut
	}
	if protocol == check.ICMP {
		return probe.Connected
	}
	// The labels of now are the cluster's, not those that the agent started with.
	for i, pod := range w.pods {
		if pod.Namespace == from.Namespace && pod.Name == from.Name {
			from = &w.pods[i]
		}
	}
	one, err1 := policyPod(from)
	other, err2 := policyPod(to)
	if err1 != nil || err2 != nil {
		return probe.BrokenProbe
	}
	if w.engine.Allows(one, other, port, protocol) {
		return probe.Connected
	}
	return probe.Refused
}
