package runner

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/workload"
)

// change changes the pods before they are submitted; see Options.Submit. What they have of the checks,
// which others run at the same time, stays as it is.
func change(pods []workload.Pod, how func(*corev1.Pod)) {
	if how == nil {
		return
	}
	for i := range pods {
		pods[i].Object = pods[i].Object.DeepCopy()
		how(pods[i].Object)
	}
}
