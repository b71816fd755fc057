package runner

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"assay/framework/check"
	"assay/framework/target"
	"assay/framework/workload"
)

// removal bounds the removal of the objects that no namespace holds.
const removal = 10 * time.Second

// makeObjects makes the objects that the checks' pods name, each once. remove takes away those that do
// not go with the namespace; it is never nil.
func makeObjects(ctx context.Context, to target.Target, namespace string, checks []check.Check) (remove func(), err error) {
	var classes []string
	remove = func() {
		// The run may have been interrupted; what is left then is labelled and in nobody's way.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removal)
		defer cancel()
		for _, name := range classes {
			_ = to.Client.NodeV1().RuntimeClasses().Delete(ctx, name, metav1.DeleteOptions{})
		}
	}
	made := map[string]bool{}
	for _, c := range checks {
		for _, object := range c.Objects {
			key, err := check.ObjectKey(object)
			if err != nil {
				return remove, fmt.Errorf("%s: %w", c.ID, err)
			}
			if made[key] {
				continue
			}
			made[key] = true
			if class, ok := object.(*nodev1.RuntimeClass); ok {
				classes = append(classes, workload.ClusterName(namespace, class.Name))
			}
			if err := makeObject(ctx, to, namespace, object); err != nil {
				return remove, fmt.Errorf("%s: create %s: %w", c.ID, key, err)
			}
		}
	}
	return remove, nil
}

func makeObject(ctx context.Context, to target.Target, namespace string, object runtime.Object) (err error) {
	options := metav1.CreateOptions{}
	switch o := object.DeepCopyObject().(type) {
	case *corev1.ConfigMap:
		label(o, "configmap")
		_, err = to.Client.CoreV1().ConfigMaps(namespace).Create(ctx, o, options)
	case *corev1.Secret:
		label(o, "secret")
		_, err = to.Client.CoreV1().Secrets(namespace).Create(ctx, o, options)
	case *nodev1.RuntimeClass:
		label(o, "runtimeclass")
		o.Name = workload.ClusterName(namespace, o.Name)
		_, err = to.Client.NodeV1().RuntimeClasses().Create(ctx, o, options)
	default:
		return fmt.Errorf("nobody knows how to make a %T", object)
	}
	return err
}

func label(object metav1.Object, kind string) {
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[workload.Label] = kind
	object.SetLabels(labels)
}
