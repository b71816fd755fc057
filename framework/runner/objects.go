package runner

import (
	"cmp"
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

// makeObjects makes the objects that the checks' pods name, each once, and returns the checks whose objects
// are there; those of whose objects the cluster does not allow one are reported as skipped. remove takes away
// the objects that do not go with the namespace; it is never nil.
func makeObjects(ctx context.Context, to target.Target, options Options, namespace string, checks []check.Check) (able []check.Check, remove func(), err error) {
	var classes []string
	remove = func() {
		// The run may have been interrupted; what is left then is labelled and in nobody's way.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removal)
		defer cancel()
		for _, name := range classes {
			_ = to.Client.NodeV1().RuntimeClasses().Delete(ctx, name, metav1.DeleteOptions{})
		}
	}
	made := map[string]error{}
	for _, c := range checks {
		var refused error
		for _, object := range c.Objects {
			key, err := check.ObjectKey(object)
			if err != nil {
				return nil, remove, fmt.Errorf("%s: %w", c.ID, err)
			}
			err, known := made[key]
			if !known {
				if class, ok := object.(*nodev1.RuntimeClass); ok {
					classes = append(classes, workload.ClusterName(namespace, class.Name))
				}
				err = makeObject(ctx, to, namespace, object)
				made[key] = err
			}
			if err != nil && to.Forbids(err) == "" {
				return nil, remove, fmt.Errorf("%s: create %s: %w", c.ID, key, err)
			}
			refused = cmp.Or(refused, err)
		}
		if refused == nil {
			able = append(able, c)
		} else if err := options.skipForbidden(to, []check.Check{c}, refused); err != nil {
			return nil, remove, err
		}
	}
	return able, remove, nil
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
