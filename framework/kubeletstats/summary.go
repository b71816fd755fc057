// Package kubeletstats reads what a kubelet measures of the containers of its node.
package kubeletstats

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// Summary is what is read of the kubelet's summary.
// Source: https://kubernetes.io/docs/reference/instrumentation/node-metrics/
type Summary struct {
	Pods []struct {
		PodRef struct {
			UID types.UID `json:"uid"`
		} `json:"podRef"`
		Containers []struct {
			Name string `json:"name"`
			Usage
		} `json:"containers"`
	} `json:"pods"`
}

// Usage is a container's; what the kubelet has not measured is nil.
type Usage struct {
	CPU struct {
		NanoSeconds *uint64 `json:"usageCoreNanoSeconds"`
	} `json:"cpu"`
	Memory struct {
		WorkingSetBytes *uint64 `json:"workingSetBytes"`
	} `json:"memory"`
}

// Whole says whether CPU and memory were measured.
func (u Usage) Whole() bool { return u.CPU.NanoSeconds != nil && u.Memory.WorkingSetBytes != nil }

// Read reads the summary of a node through the API server.
func Read(ctx context.Context, client kubernetes.Interface, node string) (Summary, error) {
	text, err := client.CoreV1().RESTClient().Get().Resource("nodes").Name(node).
		SubResource("proxy").Suffix("stats/summary").DoRaw(ctx)
	if err != nil {
		return Summary{}, fmt.Errorf("read the summary of node %s: %w", node, err)
	}
	var read Summary
	if err := json.Unmarshal(text, &read); err != nil {
		return Summary{}, fmt.Errorf("the summary of node %s: %w", node, err)
	}
	return read, nil
}

// Of is the usage of a container, which is empty where the summary does not name it.
func (s Summary) Of(pod types.UID, container string) Usage {
	for _, each := range s.Pods {
		for _, measured := range each.Containers {
			if each.PodRef.UID == pod && measured.Name == container {
				return measured.Usage
			}
		}
	}
	return Usage{}
}
