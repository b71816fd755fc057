package runner

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/workload"
)

// change changes the pods before they are submitted; see Options.Submit.
func change(pods []workload.Pod, how func(*corev1.Pod)) {
	if how == nil {
		return
	}
	for _, pod := range pods {
		how(pod.Object)
	}
}
