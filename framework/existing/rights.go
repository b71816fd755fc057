package existing

import (
	"context"
	"fmt"
	"io"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"
)

// Right is something that a run does through the API.
type Right struct {
	// Group is the API group; empty is the core's.
	Group, Resource string
	Verbs           []string
	// For says what it is for.
	For string
	// Needed says that nothing can be observed without it. Without another one, the checks that use it are
	// skipped.
	Needed bool
}

// Rights are what a run uses. All but the first two are used in namespaces of the run's own only, whose names
// are not known before; RBAC has no way to say that, so they are the whole cluster's.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
func Rights() []Right {
	// Before Kubernetes 1.35 a stream that a WebSocket carries needs get only.
	stream := []string{"get", "create"}
	return []Right{
		{Resource: "nodes", Verbs: []string{"list"}, For: "which nodes there are and what they run", Needed: true},
		{Resource: "namespaces", Verbs: []string{"list", "create", "delete"}, For: "the run's own namespaces", Needed: true},
		{Resource: "pods", Verbs: []string{"get", "list", "watch", "create", "delete"}, For: "the probes", Needed: true},
		{Resource: "pods/log", Verbs: []string{"get"}, For: "what the probes say", Needed: true},
		{Resource: "events", Verbs: []string{"list", "watch"}, For: "why a sandbox could not be made", Needed: true},
		{Resource: "pods/exec", Verbs: stream, For: "checks of exec"},
		{Resource: "pods/attach", Verbs: stream, For: "checks of attach and of NetworkPolicy"},
		{Resource: "pods/portforward", Verbs: stream, For: "checks of port-forward"},
		{Resource: "pods/ephemeralcontainers", Verbs: []string{"update"}, For: "checks of ephemeral containers"},
		{Resource: "pods/resize", Verbs: []string{"patch"}, For: "checks of resizing"},
		{Resource: "configmaps", Verbs: []string{"create"}, For: "checks of volumes"},
		{Resource: "secrets", Verbs: []string{"create"}, For: "checks of volumes"},
		{Group: "networking.k8s.io", Resource: "networkpolicies", Verbs: []string{"create", "update", "delete"}, For: "checks of NetworkPolicy"},
		{Resource: "services", Verbs: []string{"create"}, For: "checks of NetworkPolicy"},
		{Resource: "namespaces", Verbs: []string{"patch"}, For: "checks of NetworkPolicy that change labels"},
		{Resource: "pods", Verbs: []string{"patch"}, For: "checks of NetworkPolicy that change labels"},
		{Group: "node.k8s.io", Resource: "runtimeclasses", Verbs: []string{"create", "delete"}, For: "checks of RuntimeClass, with classes of the run's own"},
	}
}

// Stats is the right to read the kubelets' statistics. It is not among Rights, for it gives the whole API of
// the kubelets, commands in all containers included.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/
func Stats() Right {
	return Right{Resource: "nodes/proxy", Verbs: []string{"get"}, For: "checks of the kubelets' statistics; gives the kubelets' whole API"}
}

// Missing lists the needed rights that the user does not have, as "create pods".
func Missing(ctx context.Context, client kubernetes.Interface) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var missing []string
	for _, right := range Rights() {
		if !right.Needed {
			continue
		}
		resource, sub, _ := strings.Cut(right.Resource, "/")
		for _, verb := range right.Verbs {
			review, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
				Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
					Group: right.Group, Resource: resource, Subresource: sub, Verb: verb,
				}},
			}, metav1.CreateOptions{})
			if err != nil {
				return nil, fmt.Errorf("ask what the user may do: %w", err)
			}
			if !review.Status.Allowed {
				missing = append(missing, verb+" "+right.Resource)
			}
		}
	}
	return missing, nil
}

// WriteManifest writes a service account of a name in a namespace, which is made, with these rights and no
// other.
func WriteManifest(w io.Writer, name, namespace string, rights []Right) error {
	meta := metav1.ObjectMeta{Name: name}
	role := rbacv1.ClusterRole{
		TypeMeta: metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"}, ObjectMeta: meta,
	}
	for _, right := range rights {
		role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{right.Group}, Resources: []string{right.Resource}, Verbs: right.Verbs})
	}
	objects := []any{
		corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: metav1.ObjectMeta{Name: namespace}},
		corev1.ServiceAccount{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		},
		role,
		rbacv1.ClusterRoleBinding{
			TypeMeta: metav1.TypeMeta{APIVersion: role.APIVersion, Kind: "ClusterRoleBinding"}, ObjectMeta: meta,
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: role.Kind, Name: name},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: namespace}},
		},
	}
	text := "# What `assay run --kubeconfig` uses, and nothing more:\n"
	for _, right := range rights {
		text += fmt.Sprintf("#   %-26s %s\n", right.Resource, right.For)
	}
	for _, object := range objects {
		encoded, err := yaml.Marshal(object)
		if err != nil {
			return fmt.Errorf("write the manifest: %w", err)
		}
		text += "---\n" + string(encoded)
	}
	_, err := io.WriteString(w, text)
	return err
}
