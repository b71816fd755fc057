package network

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"assay/framework/check"
	"assay/framework/policy"
	"assay/framework/probe"
)

const (
	// shortPatience is the deadline of a connection at first: what is dropped costs this much a table. It is
	// doubled up to longPatience where connections that are wanted do not keep to it, as on a busy machine.
	shortPatience = 300 * time.Millisecond
	longPatience  = 2400 * time.Millisecond
	// surePatience is the least deadline of the tables that end a row.
	surePatience = time.Second
	// answerPatience is how much later than the last connection an answer may come.
	answerPatience = 10 * time.Second
	// inARow is how many equal tables make a converged one.
	inARow = 3
	// inAControl is how many of them make the control of a step: one shows that every connection can be made, and
	// that nothing is left of the policies before.
	inAControl = 1
)

// flow is a connection of a table with the address that is connected to.
type flow struct {
	check.Flow
	address string
	number  int32
}

// flows are the connections of a view. Of merged grids, pods of different ones do not connect on the same node:
// each of two such pods has the other as a neighbour, and the kernel has 1024 of these for all nodes of a machine
// that are containers. Source: arp(7), gc_thresh3
func (g *grid) flows(view check.View, ports []check.Port) ([]flow, error) {
	if len(ports) == 0 {
		ports = check.GridPorts()
	}
	var list []flow
	add := func(from, to, via, address string, number func(check.Port) int32) {
		for _, port := range ports {
			list = append(list, flow{Flow: check.Flow{From: from, To: to, Via: via, Port: port}, address: address, number: number(port)})
		}
	}
	own := func(port check.Port) int32 { return port.Number }
	for _, from := range slices.Sorted(maps.Keys(g.agents)) {
		for _, to := range slices.Sorted(maps.Keys(g.agents)) {
			sameNode := g.agents[from].pod.Spec.NodeName == g.agents[to].pod.Spec.NodeName
			if !inView(view, from, to, sameNode) || sameNode && g.numbers[from] != g.numbers[to] {
				continue
			}
			address := g.agents[to].pod.Status.PodIP
			switch view {
			case check.ViewServices, check.ViewHairpin:
				service := g.services[to]
				if service == nil {
					return nil, fmt.Errorf("pod %s has no service", to)
				}
				add(from, to, "service", service.Spec.ClusterIP, func(port check.Port) int32 { return port.Number - serviceShift })
			case check.ViewNodePorts:
				for _, node := range g.nodes() {
					add(from, to, node.name, node.address, func(port check.Port) int32 { return nodePort(g.services[to], port) })
				}
			case check.ViewLoopback:
				add(from, to, "its address", address, own)
				add(from, to, "127.0.0.1", "127.0.0.1", own)
			case check.ViewPods, check.ViewSameNode, check.ViewCrossNode, check.ViewHost, check.ViewOtherRuntime:
				add(from, to, "", address, own)
			default:
				return nil, fmt.Errorf("there is no view %q", view)
			}
		}
	}
	return list, nil
}

// inView says whether a view holds the connections of one pod to another.
func inView(view check.View, from, to string, sameNode bool) bool {
	extra := func(name string) bool { return name == hostPod || name == otherPod }
	between := func(special string) bool {
		return from == special && !extra(to) || to == special && !extra(from)
	}
	if view == check.ViewHost {
		return between(hostPod)
	}
	if view == check.ViewOtherRuntime {
		return between(otherPod)
	}
	if extra(from) || extra(to) {
		return false
	}
	switch view {
	case check.ViewLoopback, check.ViewHairpin:
		return from == to
	case check.ViewSameNode:
		return from != to && sameNode
	case check.ViewCrossNode:
		return from != to && !sameNode
	default:
		return from != to
	}
}

type gridNode struct{ name, address string }

// nodes are the nodes of the grid's pods, by numbers from 1 in the place of their names.
func (g *grid) nodes() []gridNode {
	addresses := map[string]string{}
	for _, a := range g.agents {
		addresses[a.pod.Spec.NodeName] = a.pod.Status.HostIP
	}
	var nodes []gridNode
	for i, name := range slices.Sorted(maps.Keys(addresses)) {
		nodes = append(nodes, gridNode{fmt.Sprintf("node %d", i+1), addresses[name]})
	}
	return nodes
}

func nodePort(service *corev1.Service, port check.Port) int32 {
	for _, p := range service.Spec.Ports {
		if p.Protocol == port.Protocol && p.TargetPort.IntVal == port.Number {
			return p.NodePort
		}
	}
	return 0
}

// expected asks the policy engine about the objects as the cluster has them.
func (g *grid) expected(flows []flow) (map[check.Flow]bool, error) {
	namespaces := map[string]map[string]string{}
	for _, namespace := range g.namespaces {
		namespaces[namespace.Name] = namespace.Labels
	}
	policies := make([]networkingv1.NetworkPolicy, 0, len(g.policies))
	for _, key := range slices.Sorted(maps.Keys(g.policies)) {
		policies = append(policies, *g.policies[key])
	}
	engine, err := policy.New(namespaces, policies)
	if err != nil {
		return nil, err
	}
	engine = engine.WithFault(g.fault)
	pods := make(map[string]policy.Pod, len(g.agents))
	for name, a := range g.agents {
		if pods[name], err = policyPod(a.pod); err != nil {
			return nil, fmt.Errorf("agent %s: %w", name, err)
		}
	}
	expected := make(map[check.Flow]bool, len(flows))
	for _, f := range flows {
		// Policies say nothing of ICMP; the views with it are taken without policies.
		expected[f.Flow] = f.Port.Protocol == check.ICMP || engine.Allows(pods[f.From], pods[f.To], f.Port.Number, f.Port.Protocol)
	}
	return expected, nil
}

// policyPod is a pod of the cluster as the engine takes it.
func policyPod(pod *corev1.Pod) (policy.Pod, error) {
	made := policy.Pod{
		Namespace: pod.Namespace, Name: pod.Name, Labels: pod.Labels, Node: pod.Spec.NodeName, HostNetwork: pod.Spec.HostNetwork,
	}
	for _, ip := range pod.Status.PodIPs {
		address, err := netip.ParseAddr(ip.IP)
		if err != nil {
			return made, fmt.Errorf("its address: %w", err)
		}
		made.IPs = append(made.IPs, address)
	}
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			made.Ports = append(made.Ports, policy.Port{Name: port.Name, Number: port.ContainerPort, Protocol: port.Protocol})
		}
	}
	return made, nil
}

// converge takes tables until they are as expected so often in a row or the deadline passes, and returns the last
// one with the time since the change that it is to follow. First each agent makes its connections again until they
// end as expected; then all of them make all of theirs at the same time, for the rest of the row. An error means
// that no statement about the network can be made.
func (g *grid) converge(ctx context.Context, flows []flow, expected map[check.Flow]bool, times int, changed time.Time, deadline time.Duration) (check.Table, error) {
	started := time.Now()
	table := check.Table{Expected: expected, Seen: check.Connections{}}
	patience := shortPatience
	for {
		began := time.Since(changed)
		left := max(0, deadline-time.Since(started))
		rows, err := g.settle(ctx, &table, flows, patience, probe.Settle{Rows: 1, Milliseconds: int(left.Milliseconds())})
		table.InARow = 0
		if err == nil && rows.all {
			maps.Copy(g.before, expected)
			table.InARow, table.Seconds = 1, (began + rows.after).Seconds()
			if times > 1 {
				rows, err = g.settle(ctx, &table, flows, max(patience, surePatience), probe.Settle{Rows: times - 1})
			}
			if err == nil && rows.all {
				table.InARow, table.Equal = times, true
				return table, nil
			}
		}
		broken := brokenError{}
		if err != nil && !errors.As(err, &broken) || time.Since(started) >= deadline || unsupported(table) != "" {
			return table, err
		}
		// A machine that is too busy for an agent to reach itself is no reason to give up before the deadline.
		patience = min(2*patience, longPatience)
	}
}

// brokenError is of a table that says nothing, since a probe broke; the next one may say something.
type brokenError struct{ reason string }

func (b brokenError) Error() string { return b.reason }

// settled says whether all agents saw what is expected, and when the last of them did, from the request on.
type settled struct {
	all   bool
	after time.Duration
}

// self is the name of the connection that every agent makes to its own server by 127.0.0.1 besides: no policy
// is in its way, so that an agent or a server that broke is not taken for a blocked one.
const self = "self"

// table has all agents make their connections once, at the same time.
func (g *grid) table(ctx context.Context, flows []flow, timeout time.Duration) (check.Connections, error) {
	table := check.Table{Expected: map[check.Flow]bool{}, Seen: check.Connections{}}
	_, err := g.settle(ctx, &table, flows, timeout, probe.Settle{Rows: 1})
	return table.Seen, err
}

// settle has all agents make their connections at the same time, as often as is said, and puts into the table how they
// ended. Agents that only serve are asked for themselves.
func (g *grid) settle(ctx context.Context, table *check.Table, flows []flow, timeout time.Duration, how probe.Settle) (settled, error) {
	how.LongestMilliseconds = int(longPatience.Milliseconds())
	requests := map[string]probe.ConnectRequest{}
	for i, f := range flows {
		request := requests[f.From]
		expected := table.Expected[f.Flow]
		before, known := g.before[f.Flow]
		request.Targets = append(request.Targets, probe.Target{
			Name: strconv.Itoa(i), Address: f.address, Port: int(f.number), Protocol: string(f.Port.Protocol),
			Blocked: !expected, Changed: known && before != expected,
		})
		requests[f.From] = request
	}
	for name := range g.agents {
		request := requests[name]
		request.Version, request.TimeoutMilliseconds, request.Settle = probe.Version, int(timeout.Milliseconds()), &how
		request.Targets = append(request.Targets, probe.Target{Name: self, Address: "127.0.0.1", Port: int(check.GridPort), Protocol: "TCP"})
		requests[name] = request
	}
	// An agent answers in time but for its last round.
	patience := time.Duration(how.Milliseconds)*time.Millisecond + time.Duration(how.Rows)*longPatience + answerPatience
	asking, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer in %s", patience))
	defer cancel()
	answers, err := g.ask(asking, requests)
	if err != nil {
		return settled{}, err
	}
	result := settled{all: true}
	rounds := 0
	for name, answer := range answers {
		if end := answer.Connections[self]; end != probe.Connected {
			return settled{}, brokenError{fmt.Sprintf("agent %s does not reach its own server: %s %s", name, end, answer.Problems[self])}
		}
		result.all = result.all && answer.Settled
		result.after = max(result.after, time.Duration(answer.SettledMilliseconds)*time.Millisecond)
		rounds = max(rounds, answer.Rounds)
	}
	table.Taken += rounds
	for i, f := range flows {
		answer := answers[f.From]
		key := strconv.Itoa(i)
		switch end := answer.Connections[key]; end {
		case probe.BrokenProbe, "":
			return settled{}, brokenError{fmt.Sprintf("the connection %s broke: %s", f.Flow, answer.Problems[key])}
		default:
			table.Seen[f.Flow] = end
		}
	}
	return result, nil
}

// ask sends each agent its request and waits for the answers.
func (g *grid) ask(ctx context.Context, requests map[string]probe.ConnectRequest) (map[string]probe.ConnectResponse, error) {
	names := slices.Sorted(maps.Keys(requests))
	answers := make([]probe.ConnectResponse, len(names))
	group, ctx := errgroup.WithContext(ctx)
	for i, name := range names {
		group.Go(func() error {
			var err error
			if answers[i], err = g.agents[name].line.ask(ctx, requests[name]); err != nil {
				return fmt.Errorf("agent %s: %w", name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	byName := make(map[string]probe.ConnectResponse, len(names))
	for i, name := range names {
		byName[name] = answers[i]
	}
	return byName, nil
}
