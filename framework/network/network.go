// Package network observes NetworkPolicy by truth tables: agents in a namespace connect to each other
// before and after the policies, and what is wanted is computed from the objects by the policy engine.
package network

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"assay/framework/check"
	"assay/framework/probe"
	"assay/framework/target"
	"assay/framework/workload"
)

// Timeouts are the deadlines of an observation.
type Timeouts struct {
	// Agents is how long the agents may take to run.
	Agents time.Duration
	// Converge is how long the network may take until the truth table is the expected one.
	Converge time.Duration
}

const (
	// connectTimeout is the deadline of one connection; a dropped packet costs this much.
	connectTimeout = time.Second
	// pollInterval is the time between two tables.
	pollInterval = 250 * time.Millisecond
	// inARow is how many equal tables make a converged one.
	inARow = 3
)

// agentNames are the pods of a check's namespace.
func agentNames() []string { return []string{"a", "b", "c"} }

// Observe runs the agents, takes the table without policies, applies the policies and takes tables
// until they are as expected or the deadline passes. What the suite fails at is in the Problem.
// Suffix keeps the pods of several attempts apart.
func Observe(ctx context.Context, to target.Target, namespace, suffix string, subject check.Network, timeouts Timeouts) check.NetworkObservation {
	o := check.NetworkObservation{Agents: map[string]check.Agent{}}
	if err := observe(ctx, &o, to, namespace, suffix, subject, timeouts); err != nil {
		if o.Skip = to.Forbids(err); o.Skip == "" {
			o.Problem = err.Error()
		}
	}
	return o
}

func observe(ctx context.Context, o *check.NetworkObservation, to target.Target, namespace, suffix string, subject check.Network, timeouts Timeouts) error {
	pods, err := startAgents(ctx, to, namespace, suffix, timeouts.Agents)
	if err != nil {
		return err
	}
	defer removeAgents(ctx, to, pods)
	for name, pod := range pods {
		o.Agents[name] = check.Agent{Node: pod.Spec.NodeName, Address: pod.Status.PodIP, Labels: pod.Labels}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	grid, err := connectGrid(ctx, to, pods)
	if err != nil {
		return err
	}
	defer grid.close(ctx)
	// The control: without policies everything is allowed.
	everything := allowedTable(func(string, string) bool { return true })
	if o.Before, _, err = grid.converge(ctx, everything, timeouts.Converge); err != nil {
		return fmt.Errorf("before the policies: %w", err)
	}
	if !equal(o.Before, everything) {
		return nil
	}
	o.Expected, err = expectation(ctx, to, namespace, pods, subject)
	if err != nil {
		return err
	}
	for _, p := range subject.Policies {
		p.Namespace = namespace
		if _, err := to.Client.NetworkingV1().NetworkPolicies(namespace).Create(ctx, &p, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create NetworkPolicy %s: %w", p.Name, err)
		}
	}
	defer removePolicies(ctx, to, namespace)
	var took time.Duration
	o.After, took, err = grid.converge(ctx, o.Expected, timeouts.Converge)
	if err != nil {
		return fmt.Errorf("with the policies: %w", err)
	}
	if equal(o.After, o.Expected) {
		o.ConvergedSeconds = took.Seconds()
	}
	return nil
}

// expectation asks the policy engine about the objects as the cluster has them.
func expectation(ctx context.Context, to target.Target, namespace string, pods map[string]*corev1.Pod, subject check.Network) (map[string]map[string]bool, error) {
	ns, err := to.Client.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("read namespace %s: %w", namespace, err)
	}
	return policyTable(*ns, pods, subject.Policies)
}

// startAgents runs the agents on alternating nodes and waits for their addresses.
func startAgents(ctx context.Context, to target.Target, namespace, suffix string, timeout time.Duration) (map[string]*corev1.Pod, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	pods := map[string]*corev1.Pod{}
	for i, name := range agentNames() {
		pod := workload.Server(to, namespace, name+suffix, to.Nodes[i%len(to.Nodes)].Name)
		pod.Labels["pod"] = name
		created, err := to.Client.CoreV1().Pods(namespace).Create(ctx, pod, metav1.CreateOptions{})
		if err != nil {
			return nil, fmt.Errorf("create agent %s: %w", pod.Name, err)
		}
		pods[name] = created
	}
	lastSeen := ""
	err := wait.PollUntilContextCancel(ctx, pollInterval, false, func(ctx context.Context) (bool, error) {
		list, err := to.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "pod"})
		if err != nil {
			lastSeen = " " + err.Error()
			return false, nil //nolint:nilerr // polled again until the deadline, which then says so
		}
		lastSeen = ""
		for _, pod := range list.Items {
			name := pod.Labels["pod"]
			if pods[name] == nil || pods[name].Name != pod.Name {
				continue
			}
			pods[name] = &pod
		}
		for _, name := range agentNames() {
			pod := pods[name]
			running := len(pod.Status.ContainerStatuses) == 1 && pod.Status.ContainerStatuses[0].State.Running != nil
			if !running || pod.Status.PodIP == "" {
				lastSeen += fmt.Sprintf(" agent %s is %s;", name, pod.Status.Phase)
			}
		}
		return lastSeen == "", nil
	})
	if err != nil {
		return nil, fmt.Errorf("the agents do not run:%s %w", lastSeen, context.Cause(ctx))
	}
	return pods, nil
}

// removeAgents frees the nodes; nobody waits for it, and what is left goes with the namespace.
func removeAgents(ctx context.Context, to target.Target, pods map[string]*corev1.Pod) {
	for _, pod := range pods {
		_ = to.Client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{})
	}
}

// removePolicies makes way for a second attempt in the same namespace.
func removePolicies(ctx context.Context, to target.Target, namespace string) {
	_ = to.Client.NetworkingV1().NetworkPolicies(namespace).DeleteCollection(ctx, metav1.DeleteOptions{},
		metav1.ListOptions{})
}

// grid is the agents with an open line to each.
type grid struct {
	lines map[string]*line
	pods  map[string]*corev1.Pod
}

func connectGrid(ctx context.Context, to target.Target, pods map[string]*corev1.Pod) (*grid, error) {
	g := &grid{lines: map[string]*line{}, pods: pods}
	for name, pod := range pods {
		l, err := openLine(ctx, to, pod)
		if err != nil {
			return nil, fmt.Errorf("open a line to agent %s: %w", name, err)
		}
		g.lines[name] = l
	}
	return g, nil
}

func (g *grid) close(ctx context.Context) {
	for _, l := range g.lines {
		l.close(ctx)
	}
}

// converge takes tables until they are as expected several times in a row, and returns the last one
// with the time until the first of the row. When the deadline passes, it returns the last table.
func (g *grid) converge(ctx context.Context, expected map[string]map[string]bool, deadline time.Duration) (check.Connections, time.Duration, error) {
	started := time.Now()
	deadlined, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var last check.Connections
	row := 0
	var first time.Duration
	err := wait.PollUntilContextCancel(deadlined, pollInterval, true, func(ctx context.Context) (bool, error) {
		table, err := g.table(ctx)
		if err != nil {
			return false, err
		}
		last = table
		if !equal(table, expected) {
			row = 0
			return false, nil
		}
		if row == 0 {
			first = time.Since(started)
		}
		row++
		return row == inARow, nil
	})
	if last != nil && deadlined.Err() != nil && ctx.Err() == nil {
		return last, 0, nil
	}
	return last, first, err
}

// table asks all agents at once to connect to all agents.
func (g *grid) table(ctx context.Context) (check.Connections, error) {
	request := probe.ConnectRequest{Version: probe.Version, TimeoutMilliseconds: int(connectTimeout.Milliseconds())}
	for _, name := range slices.Sorted(maps.Keys(g.pods)) {
		request.Targets = append(request.Targets, probe.Target{
			Name: name, Address: g.pods[name].Status.PodIP, Port: probe.ServePort, Protocol: "TCP",
		})
	}
	rows := make([]map[string]probe.Connection, len(request.Targets))
	group, ctx := errgroup.WithContext(ctx)
	for i, from := range request.Targets {
		group.Go(func() error {
			row, err := g.lines[from.Name].ask(ctx, request)
			if err != nil {
				return fmt.Errorf("agent %s: %w", from.Name, err)
			}
			for to, connection := range row {
				if connection == probe.BrokenProbe || connection == "" {
					return fmt.Errorf("agent %s: its connection to %s broke", from.Name, to)
				}
			}
			rows[i] = row
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	table := check.Connections{}
	for i, from := range request.Targets {
		table[from.Name] = rows[i]
	}
	return table, nil
}

// equal says that just the expected connections connected. A pod's connection to itself does not
// count: implementations may allow it whatever the policies say.
// Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/
func equal(t check.Connections, expected map[string]map[string]bool) bool {
	for from, row := range expected {
		for to, allowed := range row {
			if from != to && (t[from][to] == probe.Connected) != allowed {
				return false
			}
		}
	}
	return true
}

func allowedTable(allowed func(from, to string) bool) map[string]map[string]bool {
	table := map[string]map[string]bool{}
	for _, from := range agentNames() {
		table[from] = map[string]bool{}
		for _, to := range agentNames() {
			table[from][to] = allowed(from, to)
		}
	}
	return table
}
