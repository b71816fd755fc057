package upgrade

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// The deadlines of what is waited for, ample for a loaded machine of two cores.
const (
	// podPatience is for the witnesses to be ready, newPodPatience for the pod after the swap.
	podPatience    = 2 * time.Minute
	newPodPatience = 2 * time.Minute
	// installPatience is for the files of a runtime on a node, restartPatience for its daemon: one that stops the
	// containers of its predecessor first takes its time.
	installPatience = 5 * time.Minute
	restartPatience = 5 * time.Minute
	// nodePatience is for nodes and the pods of the control plane and the network to be well again.
	nodePatience = 5 * time.Minute
	// drainPatience is for evicted pods to be gone.
	drainPatience = 2 * time.Minute
	// settlePatience is how long is watched what the new daemon and the kubelet make of the old pods.
	settlePatience = 25 * time.Second
	// answerPatience is for one exec or port-forward, stopPatience for the end of a pod.
	answerPatience = 60 * time.Second
	stopPatience   = 90 * time.Second
	// statsPatience is for the kubelet's summary, which is taken every 10 to 15 seconds.
	statsPatience = 75 * time.Second
	// remainsPatience is for the last of a pod on its node: the kubelet collects what is left over each minute.
	remainsPatience = 90 * time.Second
	// requestPatience is for one request of a poll.
	requestPatience = 10 * time.Second
	// pollInterval is how often is looked.
	pollInterval = 500 * time.Millisecond
)

// until polls until the state is reached. The error says what was seen last.
func until(ctx context.Context, patience time.Duration, what string, reached func(context.Context) (over bool, seen string)) error {
	last := "nothing"
	err := wait.PollUntilContextTimeout(ctx, pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		// A server that died does not answer and does not refuse either.
		ctx, cancel := context.WithTimeout(ctx, requestPatience)
		defer cancel()
		over, seen := reached(ctx)
		last = seen
		return over, nil
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("waiting for %s: not within %s; last seen: %s", what, patience, last)
	default:
		return nil
	}
}
