package check

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"assay/framework/probe"
)

// Network is the part of a check that is judged by truth tables. It is about a grid of pods that serve and
// connect: a, b and c in each of the namespaces x, y and z, on alternating nodes, with the labels pod=a and
// ns=x, and one pod in the network of a node. Objects name them so, the cluster's names are put in later:
// a policy's namespace is "x", kubernetes.io/metadata.name is "x", and {x/a} in a CIDR is the address of a pod.
//
// First, without any of the check's objects, all connections have to be made: the control. Then each step
// has to become the table that its objects mean, which is computed from the objects.
type Network struct {
	// Steps are taken one after the other; none where the check is about the network without policies.
	Steps []NetworkStep
	// View is which connections are looked at.
	View View
	// Ports are those connected to; none are GridPorts.
	Ports []Port
	// Watch is what an info check records once the last step is taken.
	Watch Watch
	// Many has all grids of the area taken as one, with as many pods: the namespaces are x1, y1, z1, x2 ... and w,
	// which has the pods that are missing in the number, from a on. Namespaces of grid 1 have the label grid=1.
	Many int
	// Slow says that networks in use are known to let the whole deadline pass: the check is begun among the first, so
	// that the others are not over long before it.
	Slow bool
}

// NetworkStep is a state of the cluster: what is not in it is not there.
type NetworkStep struct {
	// Name is of the trial.
	Name     string
	Policies []networkingv1.NetworkPolicy
	// PodLabels are labels of pods ("x/a") besides their own, NamespaceLabels of namespaces ("x").
	PodLabels       map[string]map[string]string
	NamespaceLabels map[string]map[string]string
	// Recreate are pods ("x/a") that are deleted and made again in this step.
	Recreate []string
	// SameAddress wants the pods of Recreate to have the addresses that they had.
	SameAddress bool
}

// View is which connections a table holds.
type View string

// The views. A pod's connection to itself is in none but those about it: what policies mean there is left
// to the implementation.
const (
	// ViewPods is every pod of the grid to every other one.
	ViewPods View = ""
	// ViewSameNode and ViewCrossNode are the part of it that stays on a node, and that does not.
	ViewSameNode  View = "same node"
	ViewCrossNode View = "cross node"
	// ViewServices is every pod to every other one through its service's ClusterIP.
	ViewServices View = "services"
	// ViewNodePorts is every pod to every other one through its service's port of every node.
	ViewNodePorts View = "node ports"
	// ViewLoopback is every pod to itself, by 127.0.0.1 and by its own address.
	ViewLoopback View = "loopback"
	// ViewHairpin is every pod to itself through its service.
	ViewHairpin View = "hairpin"
	// ViewHost is every pod to the one in the node's network, and that one to every pod.
	ViewHost View = "host"
	// ViewOtherRuntime is every pod to one on a node of another column of the cluster, and back.
	ViewOtherRuntime View = "other runtime"
)

// Watch is what an info check records.
type Watch string

// The kinds.
const (
	// WatchLoopback records how pods reach themselves.
	WatchLoopback Watch = "loopback"
	// WatchHost records how pods reach the pod in the node's network, and it them.
	WatchHost Watch = "host"
	// WatchDenials records how a denied connection ends, by direction and protocol.
	WatchDenials Watch = "denials"
	// WatchEstablished records what becomes of connections that were made before the policies.
	WatchEstablished Watch = "established"
)

// Port is a port of a connection.
type Port struct {
	Protocol corev1.Protocol
	Number   int32
}

// ICMP is the protocol of an echo, which has no port; NetworkPolicy does not know it.
const ICMP corev1.Protocol = "ICMP"

// String is the port as tables name it: "TCP 8080".
func (p Port) String() string {
	if p.Protocol == ICMP {
		return string(ICMP)
	}
	return fmt.Sprintf("%s %d", p.Protocol, p.Number)
}

// The ports that the pods of the grid serve: TCP on four in a row and on the port of DNS, UDP on the first two
// and on the port of DNS, SCTP on the first two where the kernel has it.
const (
	GridPort    int32 = 28080
	GridPortEnd int32 = 28083
	DNSPort     int32 = 53
)

// The names of ports. On pods c they are the other way round than on the others, for names are resolved for
// each pod.
const (
	// PortNameFirst is TCP GridPort, of pods c the port after it.
	PortNameFirst = "first"
	// PortNameSecond is the other one of the two.
	PortNameSecond = "second"
	// PortNameUDP is UDP GridPort.
	PortNameUDP = "first-udp"
)

// GridPorts are the ports that a check looks at when it does not say otherwise.
func GridPorts() []Port {
	return []Port{{corev1.ProtocolTCP, GridPort}, {corev1.ProtocolTCP, GridPort + 1}, {corev1.ProtocolUDP, GridPort}}
}

// Flow is a connection of a table. From and To are pods ("x/a"); Via tells flows to the same pod apart, as
// the node of a node port.
type Flow struct {
	From, To, Via string
	Port          Port
}

// String is the flow as messages name it.
func (f Flow) String() string {
	text := f.From + " to " + f.To
	if f.Via != "" {
		text += " via " + f.Via
	}
	return text + " " + f.Port.String()
}

// MarshalText makes a flow the key of a JSON object.
func (f Flow) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// Connections are how connections ended.
type Connections map[Flow]probe.Connection

// NetworkObservation is what was seen of one check by truth tables. It knows nothing of a verdict.
type NetworkObservation struct {
	// Problem is set when no statement about the network can be made.
	Problem string `json:"problem,omitempty"`
	// Unsupported says what the kernel lacks, Skipped what the cluster does not have.
	Unsupported string `json:"unsupported,omitempty"`
	Skipped     string `json:"skipped,omitempty"`
	// Agents are the pods of the grid, by name ("x/a").
	Agents map[string]Agent `json:"agents"`
	// Tables are the control's and then those of the steps that were taken.
	Tables []Table `json:"tables"`
	// Values are what was recorded.
	Values map[string]string `json:"values,omitempty"`
}

// Agent is a pod of the grid.
type Agent struct {
	Namespace string            `json:"namespace"`
	Pod       string            `json:"pod"`
	Node      string            `json:"node"`
	Address   string            `json:"address"`
	Labels    map[string]string `json:"labels"`
}

// Table is the last truth table of a step, and the expected one.
type Table struct {
	// Name is the step's; the control has none.
	Name string `json:"name,omitempty"`
	// Done is what was done before, in words.
	Done     string        `json:"done"`
	Expected map[Flow]bool `json:"expected"`
	Seen     Connections   `json:"seen"`
	// Equal says that the table became the expected one, and stayed it as often as was wanted.
	Equal bool `json:"equal"`
	// Seconds is the time from the last change until the first table of that row.
	Seconds float64 `json:"seconds"`
	// InARow is how many tables in a row were as expected in the end.
	InARow int `json:"inARow"`
	// Taken is how many tables were taken, with those of the connections alone that still differed.
	Taken int `json:"taken"`
}
