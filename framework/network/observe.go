package network

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"assay/framework/check"
	"assay/framework/probe"
)

// observe takes the control's table and those of the steps, and leaves the grid as it was. What the suite
// failed at is in the Problem of the observation, and the grid is then not to be used again.
func (g *grid) observe(ctx context.Context, subject check.Network) check.NetworkObservation {
	o := check.NetworkObservation{}
	err := g.take(ctx, &o, subject)
	if g.spent {
		o.Agents = g.describe()
		return o
	}
	if _, resetErr := g.apply(ctx, check.NetworkStep{}); err == nil && resetErr != nil {
		err = fmt.Errorf("put everything back: %w", resetErr)
	}
	if err == nil && o.Skipped == "" {
		err = g.blame(ctx, o, subject)
	}
	o.Agents = g.describe()
	if skipped := g.to.Forbids(err); skipped != "" {
		o.Skipped = skipped
	} else if err != nil {
		o.Problem = err.Error()
	}
	return o
}

func (g *grid) take(ctx context.Context, o *check.NetworkObservation, subject check.Network) error {
	switch subject.View {
	case check.ViewServices, check.ViewHairpin, check.ViewNodePorts:
		if err := g.makeServices(ctx); err != nil {
			return err
		}
	case check.ViewOtherRuntime:
		if g.noOther != nil {
			return fmt.Errorf("the pod on a node of another column: %w", g.noOther)
		}
		if g.agents[otherPod] == nil {
			o.Skipped = "the cluster has the nodes of one column only; a mixed topology has those of several"
			return nil
		}
	case check.ViewPods, check.ViewSameNode, check.ViewCrossNode, check.ViewLoopback, check.ViewHost:
	}
	flows, err := g.flows(subject.View, subject.Ports)
	if err != nil {
		return err
	}
	if len(flows) == 0 {
		o.Skipped = fmt.Sprintf("no two pods of the grid are in the view %q; the column has %d nodes", subject.View, len(g.nodes()))
		return nil
	}
	times := inAControl
	if len(subject.Steps) == 0 {
		times = inARow
	}
	control, err := g.step(ctx, flows, times, time.Now(), "made nothing")
	if err != nil {
		return fmt.Errorf("without policies: %w", err)
	}
	o.Tables = append(o.Tables, control)
	if o.Unsupported = unsupported(control); o.Unsupported != "" || !control.Equal {
		return nil
	}
	established, err := g.establish(ctx, subject)
	if err != nil {
		return err
	}
	for _, step := range subject.Steps {
		changed := time.Now()
		done, err := g.apply(ctx, step)
		if skipped := (skippedError{}); errors.As(err, &skipped) {
			// A pod is missing now.
			o.Skipped, g.spent = skipped.reason, true
			return nil
		}
		if err != nil {
			return fmt.Errorf("step %q: %w", step.Name, err)
		}
		// A pod that was made again has another address.
		if flows, err = g.flows(subject.View, subject.Ports); err != nil {
			return err
		}
		table, err := g.step(ctx, flows, inARow, changed, done)
		if err != nil {
			return fmt.Errorf("step %q: %w", step.Name, err)
		}
		table.Name = step.Name
		o.Tables = append(o.Tables, table)
		if !table.Equal {
			return nil
		}
	}
	o.Values, err = g.watch(ctx, subject, established)
	return err
}

// step is the table that the objects of now are to become, so many times in a row.
func (g *grid) step(ctx context.Context, flows []flow, times int, changed time.Time, done string) (check.Table, error) {
	expected, err := g.expected(flows)
	if err != nil {
		return check.Table{}, err
	}
	table, err := g.converge(ctx, flows, expected, times, changed, g.timeouts.Converge)
	table.Done = done
	return table, err
}

// unsupported says which protocol the kernel lacks.
func unsupported(control check.Table) string {
	for f, end := range control.Seen {
		if end == probe.Unsupported {
			return fmt.Sprintf("the kernel has no %s: EPROTONOSUPPORT of socket", f.Port.Protocol)
		}
	}
	return ""
}

// blame looks, after a table that did not become the expected one, for somebody else than the network who is to
// blame: an agent that ended, a part of the network that does not run, connections that are not made without
// policies either. Its error says who.
func (g *grid) blame(ctx context.Context, o check.NetworkObservation, subject check.Network) error {
	if len(o.Tables) == 0 || o.Tables[len(o.Tables)-1].Equal || o.Unsupported != "" {
		return nil
	}
	if err := g.intact(ctx); err != nil {
		return err
	}
	if g.to.NetworkHealth != nil {
		if err := g.to.NetworkHealth(ctx); err != nil {
			return fmt.Errorf("the network implementation is not well: %w", err)
		}
	}
	last := len(o.Tables) - 2
	if last < 0 || len(subject.Steps[last].Policies) == 0 {
		// The table was one without policies.
		return nil
	}
	flows, err := g.flows(subject.View, subject.Ports)
	if err != nil {
		return err
	}
	after, err := g.step(ctx, flows, inARow, time.Now(), "removed everything")
	if err != nil {
		return fmt.Errorf("after the policies: %w", err)
	}
	if !after.Equal {
		return errors.New("after the policies were removed, not all connections were made any more")
	}
	return nil
}

// The pods that the watches are about. In the checks that have them, x is isolated for ingress.
const (
	isolated       = "x"
	isolatedEgress = "z"
)

// watch records what an info check is about.
func (g *grid) watch(ctx context.Context, subject check.Network, established []flow) (map[string]string, error) {
	switch subject.Watch {
	case "":
		return nil, nil
	case check.WatchLoopback:
		return g.summary(ctx, check.ViewLoopback, subject.Ports, func(f flow) string {
			if !of(isolated, f.To) {
				return ""
			}
			return f.Via + ", " + string(f.Port.Protocol)
		})
	case check.WatchHost:
		return g.summary(ctx, check.ViewHost, subject.Ports, func(f flow) string {
			place := "another node"
			if g.agents[f.From].pod.Spec.NodeName == g.agents[f.To].pod.Spec.NodeName {
				place = "the same node"
			}
			switch {
			case f.From == hostPod && of(isolated, f.To):
				return "from the host pod on " + place + " to a pod isolated for ingress"
			case f.To == hostPod && of(isolatedEgress, f.From):
				return "from a pod isolated for egress to the host pod on " + place
			case f.To == hostPod && !of(isolated, f.From):
				return "from any pod to the host pod that a policy selects, on " + place
			}
			return ""
		})
	case check.WatchDenials:
		return g.denials(ctx)
	case check.WatchEstablished:
		return g.survivors(ctx, established)
	default:
		return nil, fmt.Errorf("there is no watch %q", subject.Watch)
	}
}

// of says whether a pod is in a namespace and one of the grid's own.
func of(namespace, pod string) bool {
	return pod != hostPod && pod != otherPod && len(pod) > len(namespace) && pod[:len(namespace)+1] == namespace+"/"
}

// The words of a summary: how a connection is refused differs with what was sent before.
const (
	words        = "connected"
	wordsBlocked = "blocked"
	wordsMixed   = "some connected, some blocked"
)

// summary says of each group of connections whether they are made, once several tables in a row say the same.
// Connections without a group are left out.
func (g *grid) summary(ctx context.Context, view check.View, ports []check.Port, group func(flow) string) (map[string]string, error) {
	all, err := g.flows(view, ports)
	if err != nil {
		return nil, err
	}
	flows := slices.DeleteFunc(all, func(f flow) bool { return group(f) == "" })
	// What is seen first is what is expected of the next tables; when it does not hold, what is seen then.
	for range summaryTries {
		seen, err := g.table(ctx, flows, surePatience)
		if err != nil {
			return nil, err
		}
		expected := map[check.Flow]bool{}
		for f, end := range seen {
			expected[f] = end == probe.Connected
		}
		table, err := g.converge(ctx, flows, expected, inARow, time.Now(), summaryDeadline)
		if err != nil {
			return nil, err
		}
		if !table.Equal {
			continue
		}
		values := map[string]string{}
		for _, f := range flows {
			word := wordsBlocked
			if seen[f.Flow] == probe.Connected {
				word = words
			}
			if before := values[group(f)]; before != "" && before != word {
				word = wordsMixed
			}
			values[group(f)] = word
		}
		return values, nil
	}
	return nil, errors.New("the connections that are recorded are made at one time and not at another")
}

// establish opens connections that stay open, before there are policies.
func (g *grid) establish(ctx context.Context, subject check.Network) ([]flow, error) {
	if subject.Watch != check.WatchEstablished {
		return nil, nil
	}
	var flows []flow
	for _, port := range []check.Port{{Protocol: corev1.ProtocolTCP, Number: check.GridPort}, {Protocol: corev1.ProtocolUDP, Number: check.GridPort}} {
		for _, pair := range [][2]string{{"y/a", isolated + "/a"}, {"y/a", isolated + "/b"}, {isolatedEgress + "/a", "y/a"}, {isolatedEgress + "/a", "y/b"}} {
			flows = append(flows, flow{
				Flow:    check.Flow{From: pair[0], To: pair[1], Port: port},
				address: g.agents[pair[1]].pod.Status.PodIP, number: port.Number,
			})
		}
	}
	// Only UDP that goes on for a while is a stream to the kernel: it may forget the rest of it when it has many
	// connections to track. Source: nf_conntrack_udp_packet in net/netfilter/nf_conntrack_proto_udp.c
	exchanges := 0
	err := wait.PollUntilContextCancel(ctx, streamAge, true, func(ctx context.Context) (bool, error) {
		ends, _, err := g.askKept(ctx, flows, probe.Target{Keep: true})
		if err != nil {
			return false, err
		}
		for f, end := range ends {
			if end != probe.Connected {
				return false, fmt.Errorf("the connection %s that is to stay open was not made: %s", f, end)
			}
		}
		exchanges++
		return exchanges == 2, nil
	})
	return flows, err
}

// streamAge is from when on the kernel takes UDP for a stream.
const streamAge = 2500 * time.Millisecond

// survivors says what became of the connections that were open before the policies.
func (g *grid) survivors(ctx context.Context, flows []flow) (map[string]string, error) {
	ends, _, err := g.askKept(ctx, flows, probe.Target{Keep: true})
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, f := range flows {
		if ends[f.Flow] == probe.BrokenProbe {
			return nil, fmt.Errorf("the connection %s that stayed open: the probe broke", f)
		}
		where := string(f.Port.Protocol) + " out of an isolated pod, " + g.nearness(f)
		if of(isolated, f.To) {
			where = string(f.Port.Protocol) + " into an isolated pod, " + g.nearness(f)
		}
		values[where] = "cut"
		if ends[f.Flow] == probe.Connected {
			values[where] = "kept"
		}
	}
	return values, nil
}

func (g *grid) nearness(f flow) string {
	if g.agents[f.From].pod.Spec.NodeName == g.agents[f.To].pod.Spec.NodeName {
		return "same node"
	}
	return "cross node"
}

// denials says how denied connections end, for each direction and protocol, on one node and across nodes.
func (g *grid) denials(ctx context.Context) (map[string]string, error) {
	values := map[string]string{}
	for _, protocol := range []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP} {
		port := check.Port{Protocol: protocol, Number: check.GridPort}
		all, err := g.flows(check.ViewPods, []check.Port{port})
		if err != nil {
			return nil, err
		}
		// One connection of each kind, for an answer to many may be rationed.
		chosen := map[string]flow{}
		for _, f := range all {
			switch {
			case of("y", f.From) && of(isolated, f.To):
				chosen[string(protocol)+" into an isolated pod, "+g.nearness(f)] = f
			case of(isolatedEgress, f.From) && of("y", f.To):
				chosen[string(protocol)+" out of an isolated pod, "+g.nearness(f)] = f
			}
		}
		flows := make([]flow, 0, len(chosen))
		for _, name := range slices.Sorted(maps.Keys(chosen)) {
			flows = append(flows, chosen[name])
		}
		_, denials, err := g.askKept(ctx, flows, probe.Target{Explain: true})
		if err != nil {
			return nil, err
		}
		for name, f := range chosen {
			values[name] = denials[f.Flow]
			if values[name] == "" {
				values[name] = "not denied"
			}
		}
	}
	return values, nil
}

// askKept makes connections with the options of like, and says how they ended and were denied.
func (g *grid) askKept(ctx context.Context, flows []flow, like probe.Target) (check.Connections, map[check.Flow]string, error) {
	requests := map[string]probe.ConnectRequest{}
	for _, f := range flows {
		request := requests[f.From]
		request.Version, request.TimeoutMilliseconds = probe.Version, int(explainPatience.Milliseconds())
		target := like
		target.Name, target.Address, target.Port, target.Protocol = f.String(), f.address, int(f.number), string(f.Port.Protocol)
		request.Targets = append(request.Targets, target)
		requests[f.From] = request
	}
	answers, err := g.ask(ctx, requests)
	if err != nil {
		return nil, nil, err
	}
	ends, denials := check.Connections{}, map[check.Flow]string{}
	for _, f := range flows {
		ends[f.Flow] = answers[f.From].Connections[f.String()]
		denials[f.Flow] = answers[f.From].Denials[f.String()]
	}
	return ends, denials, nil
}
