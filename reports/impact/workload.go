// Package impact says which workloads of a user are touched by the differences between two columns: it
// reads manifests, and holds each workload against rules that rest on what the checks observed.
package impact

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Workload is something that makes pods.
type Workload struct {
	Kind, Namespace, Name string
	// Source says where it was read: a file's name, or the cluster.
	Source string
	// Line counts from 1 in Source; 0 where there are no lines.
	Line int
	// Prefix is the path to Meta and Spec: "spec.template." of a Deployment, "" of a Pod; in a List it
	// begins with "items[2].".
	Prefix string
	Meta   metav1.ObjectMeta
	Spec   corev1.PodSpec

	node   *yaml.Node
	offset int
}

// String is the workload's name for the reader: "Deployment shop/web".
func (w *Workload) String() string {
	if w.Namespace == "" {
		return w.Kind + " " + w.Name
	}
	return w.Kind + " " + w.Namespace + "/" + w.Name
}

// Manifests is what was read.
type Manifests struct {
	Workloads []*Workload
	Policies  []networkingv1.NetworkPolicy
	// Handlers are the handlers of the RuntimeClasses that were read, by the class's name.
	Handlers map[string]string
	// Others counts the objects that make no pods, or whose kind is not known, by kind.
	Others map[string]int
	// NotRead are the kinds of a live cluster that the user may not list.
	NotRead []string
	// Documents is how many objects were read.
	Documents int
}

// place is where an object was read.
type place struct {
	source       string
	line, offset int
	prefix       string
	node         *yaml.Node
}

// Add adds an object of the API that was read from the named source, such as a live cluster.
func (m *Manifests) Add(object runtime.Object, source string) {
	m.add(object, place{source: source})
}

func (m *Manifests) add(object runtime.Object, at place) {
	m.Documents++
	template := func(kind string, meta metav1.ObjectMeta, path string, t corev1.PodTemplateSpec) {
		m.workload(kind, meta, path, t.ObjectMeta, t.Spec, at)
	}
	switch o := object.(type) {
	case *corev1.Pod:
		m.workload("Pod", o.ObjectMeta, "", o.ObjectMeta, o.Spec, at)
	case *corev1.PodTemplate:
		template("PodTemplate", o.ObjectMeta, "template.", o.Template)
	case *corev1.ReplicationController:
		t := o.Spec.Template
		if t == nil {
			t = &corev1.PodTemplateSpec{}
		}
		template("ReplicationController", o.ObjectMeta, "spec.template.", *t)
	case *appsv1.Deployment:
		template("Deployment", o.ObjectMeta, "spec.template.", o.Spec.Template)
	case *appsv1.ReplicaSet:
		template("ReplicaSet", o.ObjectMeta, "spec.template.", o.Spec.Template)
	case *appsv1.DaemonSet:
		template("DaemonSet", o.ObjectMeta, "spec.template.", o.Spec.Template)
	case *appsv1.StatefulSet:
		template("StatefulSet", o.ObjectMeta, "spec.template.", o.Spec.Template)
	case *batchv1.Job:
		template("Job", o.ObjectMeta, "spec.template.", o.Spec.Template)
	case *batchv1.CronJob:
		template("CronJob", o.ObjectMeta, "spec.jobTemplate.spec.template.", o.Spec.JobTemplate.Spec.Template)
	case *networkingv1.NetworkPolicy:
		m.Policies = append(m.Policies, *o)
		m.other("NetworkPolicy")
	case *nodev1.RuntimeClass:
		if m.Handlers == nil {
			m.Handlers = map[string]string{}
		}
		m.Handlers[o.Name] = o.Handler
		m.other("RuntimeClass")
	default:
		m.other(object.GetObjectKind().GroupVersionKind().Kind)
	}
}

func (m *Manifests) other(kind string) {
	if m.Others == nil {
		m.Others = map[string]int{}
	}
	m.Others[kind]++
}

func (m *Manifests) workload(kind string, meta metav1.ObjectMeta, path string, podMeta metav1.ObjectMeta, spec corev1.PodSpec, at place) {
	name := meta.Name
	if name == "" {
		name = meta.GenerateName
	}
	m.Workloads = append(m.Workloads, &Workload{
		Kind: kind, Namespace: meta.Namespace, Name: name, Source: at.source, Line: at.line,
		Prefix: at.prefix + path, Meta: podMeta, Spec: spec, node: at.node, offset: at.offset,
	})
}

// path is the path of a field of the pod's spec.
func (w *Workload) path(format string, args ...any) string {
	return w.Prefix + "spec." + fmt.Sprintf(format, args...)
}

// step is one step of a path: a member's name, an index, or a quoted name.
var step = regexp.MustCompile(`^\.?(?:([^.\[\]]+)|\[(\d+)\]|\["([^"]+)"\])`) //nolint:gochecknoglobals // a pattern

// line is the line of a field, or of the last part of its path that the manifest has.
func (w *Workload) line(path string) int {
	node := w.node
	if node == nil {
		return w.Line
	}
	line := w.Line
	for path != "" {
		found := step.FindStringSubmatch(path)
		if found == nil {
			return line
		}
		path = path[len(found[0]):]
		next := child(node, found[1]+found[3], found[2])
		if next == nil {
			return line
		}
		node, line = next, w.offset+next.Line
	}
	return line
}

// child is a member or an element of a node, seen through aliases.
func child(node *yaml.Node, name, index string) *yaml.Node {
	for node.Kind == yaml.DocumentNode && len(node.Content) > 0 || node.Kind == yaml.AliasNode && node.Alias != nil {
		if node.Kind == yaml.AliasNode {
			node = node.Alias
		} else {
			node = node.Content[0]
		}
	}
	if index != "" {
		i, err := strconv.Atoi(index)
		if err != nil || node.Kind != yaml.SequenceNode || i >= len(node.Content) {
			return nil
		}
		return node.Content[i]
	}
	if node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if strings.EqualFold(node.Content[i].Value, name) {
			value := node.Content[i+1]
			if value.Line < node.Content[i].Line {
				return node.Content[i]
			}
			return value
		}
	}
	return nil
}
