// Package inventory reads the workloads of a live cluster. It only lists and changes nothing.
package inventory

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"

	"assay/framework/kubeconfig"
	"assay/reports/impact"
)

// Options say which cluster is read.
type Options struct {
	// Kubeconfig is a file; empty is what kubectl takes: KUBECONFIG or ~/.kube/config.
	Kubeconfig string
	// Context is one of the file's; empty is the current one.
	Context string
	// Namespace is the one that is read; empty is all.
	Namespace string
}

// page is how many objects are asked for at once.
const page = 500

// Open makes a client for the cluster, and the name by which reports call it.
func Open(options Options) (kubernetes.Interface, string, error) {
	config, name, err := kubeconfig.Load(options.Kubeconfig, options.Context)
	if err != nil {
		return nil, "", err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, "", fmt.Errorf("make a client for the cluster: %w", err)
	}
	return client, "cluster " + name, nil
}

// Read lists what makes pods and has no controller of its own, so that a Deployment is not told again by its
// ReplicaSets and pods, and the NetworkPolicies and RuntimeClasses. Kinds that the user may not list are noted
// in the manifests; when that is all of them, or a list fails otherwise, the error says which.
func Read(ctx context.Context, client kubernetes.Interface, namespace, source string, into *impact.Manifests) error {
	core, apps, batch := client.CoreV1(), client.AppsV1(), client.BatchV1()
	kinds := []struct {
		kind string
		list func(context.Context, metav1.ListOptions) ([]runtime.Object, string, error)
	}{
		{"deployments", lister(apps.Deployments(namespace).List)},
		{"daemonsets", lister(apps.DaemonSets(namespace).List)},
		{"statefulsets", lister(apps.StatefulSets(namespace).List)},
		{"replicasets", lister(apps.ReplicaSets(namespace).List)},
		{"replicationcontrollers", lister(core.ReplicationControllers(namespace).List)},
		{"cronjobs", lister(batch.CronJobs(namespace).List)},
		{"jobs", lister(batch.Jobs(namespace).List)},
		{"pods", lister(core.Pods(namespace).List)},
		{"podtemplates", lister(core.PodTemplates(namespace).List)},
		{"networkpolicies", lister(client.NetworkingV1().NetworkPolicies(namespace).List)},
		{"runtimeclasses", lister(client.NodeV1().RuntimeClasses().List)},
	}
	var forbidden error
	for _, kind := range kinds {
		options := metav1.ListOptions{Limit: page}
		for {
			objects, next, err := kind.list(ctx, options)
			if apierrors.IsForbidden(err) {
				into.NotRead = append(into.NotRead, kind.kind)
				forbidden = err
				break
			}
			if err != nil {
				return fmt.Errorf("list the %s of %s: %w", kind.kind, source, err)
			}
			for _, object := range objects {
				if meta, is := object.(metav1.Object); is && metav1.GetControllerOf(meta) == nil {
					into.Add(object, source)
				}
			}
			if next == "" {
				break
			}
			options.Continue = next
		}
	}
	if len(into.NotRead) == len(kinds) {
		return fmt.Errorf("list the workloads of %s: %w", source, forbidden)
	}
	return nil
}
