package check

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/probe"
)

// Observation is what a trial met with, from the pod's status, the probe's document and the node.
// It knows nothing of what was wanted.
type Observation struct {
	// Problem is set when the suite or the cluster broke before anything could be seen (a pod that
	// was never scheduled, a node that died, a document that is missing or cut): no statement about
	// the runtime can be made.
	Problem string
	// Namespace, Pod, Container and Node say where.
	Namespace, Pod, Container, Node string
	// Rejected is the API server's message when it refused the pod.
	Rejected string
	// Skip says why the trial was not made although nothing broke: the owners of the cluster do not allow what
	// it needs (Pod Security, a quota, an admission webhook, missing rights), or the column lacks it. Nothing
	// is said about the runtime then, unless the trial wants just this rejection.
	Skip string
	// State is the container's last state as the kubelet reports it.
	State State
	// Document is the probe's, nil when the container did not run the probe or never started.
	Document *probe.Document
	// Result is the result of the trial's action in Document; nil when the action is zero.
	Result *probe.Result
	// Filter says what the container's seccomp filters are, as read on the node, and that they agree with
	// Result; empty where they were not read.
	Filter string
	// Log is the container's log, for trials that run a real command instead of the probe.
	Log string
	// NodeBounding is the capability bounding set of the node itself: what a container can have at most; 0 where
	// it is not known.
	NodeBounding probe.Set
}

// State is a container's state, from the Kubernetes API.
type State struct {
	// Started says that the container's process ran at some time.
	Started bool
	// Terminated says that it ended; ExitCode and Signal are of its end.
	Terminated bool
	ExitCode   int32
	Signal     int32
	// Reason and Message are the kubelet's words for a container that waits or ended:
	// CreateContainerConfigError, StartError, Error, Completed ...
	Reason  string
	Message string
	// User is the identity that the pod's status reports for the container's first process; nil where it
	// reports none.
	User *corev1.LinuxContainerUser
}

// Want says what a trial wants. Implementations are values without state.
type Want interface {
	// Met judges the observation. It is called only when the observation has no Problem.
	// A Broken result is never met and never unmet: the judge has dealt with it before.
	Met(o Observation) bool
	// Seen is what was observed, in the terms of what was wanted: "denied: socket EPERM".
	Seen(o Observation) string
	// String is what is wanted: "denied with EPERM".
	String() string
}
