// Package check defines what a check is: a value that names one claim about the behaviour of a
// container runtime, the trials that put it to the test, and what is wanted of each.
//
// A check knows nothing of clusters, Ginkgo or reports. It can be listed, documented, validated and
// counted without any of them.
package check

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"assay/framework/probe"
)

// Level says how binding a claim is.
type Level string

// The levels. Must: the Kubernetes, CRI or OCI text demands it. Should: recommended, a deviation is a
// warning. Info: the texts leave it to the runtime; the check records a value.
const (
	Must   Level = "must"
	Should Level = "should"
	Info   Level = "info"
)

// Check is one claim about behaviour.
type Check struct {
	// ID is `area/kebab-case` and permanent.
	ID    string
	Level Level
	// Claim is one sentence that is true of a conforming runtime (must, should), or says what is
	// recorded (info).
	Claim string
	// Source is the URL of the Kubernetes, CRI, OCI or man page text that makes the claim.
	Source string
	// Trials are the pods and actions that test the claim. Exactly one of Trials and Network is set.
	Trials []Trial
	// Objects are there before the trials' pods and are named by them: ConfigMaps and Secrets in the pods'
	// namespace, and RuntimeClasses, which get a name of the run's own that the pods' runtimeClassName
	// follows. Checks that share an object declare equal ones.
	Objects []runtime.Object
	// Relations compare what two trials saw, where the claim is about both.
	Relations []Relation
	// Network is set by checks that are judged by truth tables.
	Network *Network
	// Record says what an info check records, from which trial. A must check may record too.
	Record []Record
	// Last has the check run by itself when all others of its column are done, for it disturbs the node as
	// a whole. It needs target.Target.NodeExec, and is skipped where there is none.
	Last bool
	// Volatile says why what the check records differs from run to run; empty when it must not. Such
	// values are shown, and never compared.
	Volatile string
	// Unsupported lists the observations that mean "the runtime or the kernel declares or shows that
	// it lacks the feature". Accepting a field and ignoring it is never among them.
	Unsupported []Unsupported
}

// Area is the part of the ID before the slash.
func (c Check) Area() string {
	for i, r := range c.ID {
		if r == '/' {
			return c.ID[:i]
		}
	}
	return c.ID
}

// NeedsNodeFiles says whether a trial names a seccomp or AppArmor profile of the node's own (Localhost), which
// the suite has to put there first.
func (c Check) NeedsNodeFiles() bool {
	return slices.ContainsFunc(c.Trials, func(t Trial) bool {
		if context := t.Pod.SecurityContext; context != nil && localhost(context.SeccompProfile, context.AppArmorProfile) {
			return true
		}
		context := t.Container.SecurityContext
		return context != nil && localhost(context.SeccompProfile, context.AppArmorProfile)
	})
}

func localhost(seccomp *corev1.SeccompProfile, appArmor *corev1.AppArmorProfile) bool {
	return seccomp != nil && seccomp.Type == corev1.SeccompProfileTypeLocalhost ||
		appArmor != nil && appArmor.Type == corev1.AppArmorProfileTypeLocalhost
}

// Trial is one container shape, one action in it, and what is wanted.
type Trial struct {
	// Name is unique in the check: the value of the knob under test ("drop NET_RAW").
	Name string
	// Control marks the twin of a denial, which differs in the one knob under test and must be
	// allowed: where it is not, the check is an error, whatever the other trials say.
	Control bool
	// Claimed says of a control that the check claims what it wants, so that the check fails where it is not
	// met: a privileged container that cannot write to /sys is no broken probe.
	Claimed bool
	// Pod holds the pod-level knobs; trials whose Pod values are equal but for volumes share pods.
	Pod Pod
	// Container holds the container-level knobs; trials with equal Pod and Container share a container.
	Container Container
	// Action is what the probe does. The zero Action asks for nothing but the facts of the process.
	Action probe.Action
	// Exec has the action done by a process that is started with exec in the container, instead of by
	// the container's first process. It needs a Container that holds.
	Exec bool
	// Procedure is what the suite does to the container once it runs, or was refused for its image; its
	// result takes the place of an action's.
	Procedure Procedure
	// Want is judged against what was observed; nil only in trials of info checks that record.
	Want Want
}

// Pod is the pod-level part of a shape.
type Pod struct {
	SecurityContext       *corev1.PodSecurityContext `json:"securityContext,omitempty"`
	HostPID               bool                       `json:"hostPID,omitempty"`
	HostIPC               bool                       `json:"hostIPC,omitempty"`
	HostNetwork           bool                       `json:"hostNetwork,omitempty"`
	HostUsers             *bool                      `json:"hostUsers,omitempty"`
	ShareProcessNamespace *bool                      `json:"shareProcessNamespace,omitempty"`
	RuntimeClassName      *string                    `json:"runtimeClassName,omitempty"`
	Volumes               []corev1.Volume            `json:"volumes,omitempty"`
	// Extra holds what else the pod is to have; the fields above win.
	Extra corev1.PodSpec `json:"extra,omitzero"`
	// Annotations are the pod's.
	Annotations map[string]string `json:"annotations,omitempty"`
	// Node puts the pod on the column's first (1) or second (2) node, for trials that are compared;
	// 0 is any. A column with one node has it for both.
	Node int `json:"node,omitempty"`
	// EnforceLevel puts the pod into a namespace where Pod Security Admission enforces this level, baseline
	// or restricted; empty is one where everything is admitted.
	EnforceLevel string `json:"enforceLevel,omitempty"`
	// Alone keeps the pod to the trials of this one name: for pods that are expected not to run, and
	// for shapes that hurt their neighbours.
	Alone string `json:"alone,omitempty"`
}

// Container is the container-level part of a shape.
type Container struct {
	SecurityContext *corev1.SecurityContext     `json:"securityContext,omitempty"`
	Resources       corev1.ResourceRequirements `json:"resources,omitzero"`
	VolumeMounts    []corev1.VolumeMount        `json:"volumeMounts,omitempty"`
	// Command replaces the probe with a real command, for checks of what users type. The container's
	// exit code and log are the observation; there is no document. Arguments may hold $(PEER_IP), the
	// address of a pod on another node.
	Command []string `json:"command,omitempty"`
	// Extra holds what else the container is to have; the fields above win.
	Extra corev1.Container `json:"extra,omitzero"`
	// Kind is what the container is in its pod; empty is an ordinary one.
	Kind Kind `json:"kind,omitempty"`
	// Hold keeps the container running after the probe has said what it saw.
	Hold bool `json:"hold,omitempty"`
	// Apart tells two containers of otherwise equal shape apart, for trials about siblings.
	Apart string `json:"apart,omitempty"`
	// Target is the Apart of the container of the same pod whose PID namespace an ephemeral one joins.
	Target string `json:"target,omitempty"`
}

// Kind is what a container is in its pod.
type Kind string

// The kinds besides the ordinary one. Sidecar is an init container that restarts and so runs beside
// the others; Ephemeral is added to the pod when its ordinary containers run, which have to hold.
const (
	Init      Kind = "init"
	Sidecar   Kind = "sidecar"
	Ephemeral Kind = "ephemeral"
)

// Relation compares one value of two trials of a check.
type Relation struct {
	// Left and Right are names of trials.
	Left, Right string
	// Value is the name of a fact (see FactValue) or of a value of the trial's action.
	Value string
	// Equal wants the values to be equal, otherwise they have to differ.
	Equal bool
	// If are values of the left trial without which nothing is claimed of the machine; a value that is
	// missing makes the relation not hold.
	If Values
	// Control makes the check an error where it does not hold.
	Control bool
}

// Unsupported is one way a runtime or kernel shows that it lacks a feature.
type Unsupported struct {
	// Trial names the trial it is seen in; empty is any.
	Trial string
	// Message is a substring of the container's or pod's status message (case-insensitive).
	Message string
	// Errno is the errno of the trial's action.
	Errno string
	// Reason is what the report says of it.
	Reason string
}

// Shows says whether the lack is seen in what was observed in the trial of this name.
func (u Unsupported) Shows(trial string, o Observation) bool {
	if u.Trial != "" && u.Trial != trial {
		return false
	}
	text := strings.ToLower(o.State.Message + "\n" + o.Rejected + "\n" + o.Problem)
	return u.Message != "" && strings.Contains(text, strings.ToLower(u.Message)) ||
		u.Errno != "" && o.Result != nil && o.Result.Errno == u.Errno
}
