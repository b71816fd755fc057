package check

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ObjectKey identifies an object of checks by kind and name. An error means that checks cannot have
// objects of this kind, or that it has no name.
func ObjectKey(object runtime.Object) (string, error) {
	var kind, name string
	switch o := object.(type) {
	case *corev1.ConfigMap:
		kind, name = "ConfigMap", o.Name
	case *corev1.Secret:
		kind, name = "Secret", o.Name
	case *nodev1.RuntimeClass:
		kind, name = "RuntimeClass", o.Name
	default:
		return "", fmt.Errorf("a check cannot have a %T", object)
	}
	if name == "" {
		return "", fmt.Errorf("a %s has no name", kind)
	}
	return kind + " " + name, nil
}
