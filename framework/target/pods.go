package target

import (
	"cmp"
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// CreatePod creates a pod in its namespace. A new namespace takes no pods before it has its service account, which
// comes by itself a moment later; that moment is waited for, with patience.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
func (t Target) CreatePod(ctx context.Context, pod *corev1.Pod, patience time.Duration) error {
	const interval = 100 * time.Millisecond
	var last error
	err := wait.PollUntilContextTimeout(ctx, interval, patience, true, func(ctx context.Context) (bool, error) {
		_, last = t.Client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{})
		return !apierrors.IsForbidden(last) || !strings.Contains(last.Error(), `serviceaccount "default" not found`), nil
	})
	return cmp.Or(last, err)
}
