package runner

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"

	"assay/framework/check"
	"assay/framework/procedure"
	"assay/framework/workload"
)

// procedureKey identifies a procedure within a pod.
func procedureKey(of workload.Placement) string {
	return of.Container + "\x00" + of.Trial.Procedure.String()
}

// carryOut carries out the procedures of a pod, all at once, and returns what was observed, by
// procedureKey. A container that the runtime refused is left to the wants; one that was refused for its
// image is not, since that may be what the procedure is about.
func (g *gatherer) carryOut(ctx context.Context, pod workload.Pod, known seen, containers map[string]check.Observation) map[string]check.Observation {
	observed := map[string]check.Observation{}
	var mutex sync.Mutex
	var group sync.WaitGroup
	for _, placement := range pod.Procedures() {
		group.Go(func() {
			o := containers[placement.Container]
			if known.pod != nil && (infrastructure(o.State.Reason) || o.Problem == "" && o.State.Started) {
				o = g.carryOutOne(ctx, placement, known.pod, o)
			}
			mutex.Lock()
			defer mutex.Unlock()
			observed[procedureKey(placement)] = o
		})
	}
	group.Wait()
	return observed
}

func (g *gatherer) carryOutOne(ctx context.Context, of workload.Placement, pod *corev1.Pod, o check.Observation) check.Observation {
	ctx, cancel := context.WithTimeout(ctx, g.options.Timeouts.Procedure)
	defer cancel()
	result, err := procedure.Do(ctx, of.Trial.Procedure, procedure.Subject{
		Target: g.to, Pod: pod, Container: of.Container, Watch: podWatch{g.watch, pod.Name},
	})
	o.Problem = ""
	o.Result = &result
	if err != nil {
		o.Problem, o.Skip = fmt.Sprintf("%s: %v", of.Trial.Procedure.Name, err), g.to.Forbids(err)
	}
	return o
}

// podWatch is what the watch sees of one pod.
type podWatch struct {
	watch *watch
	name  string
}

// Until implements procedure.Watch.
func (w podWatch) Until(ctx context.Context, condition func(*corev1.Pod) bool) (*corev1.Pod, error) {
	known, err := w.watch.until(ctx, w.name, func(s seen) bool { return condition(s.pod) })
	return known.pod, err
}

// Gone implements procedure.Watch.
func (w podWatch) Gone(ctx context.Context) error {
	_, err := w.watch.until(ctx, w.name, func(s seen) bool { return s.gone })
	return err
}

// WatchPods follows the pods of a namespace until the context ends, for procedures that are no trials.
func WatchPods(ctx context.Context, client kubernetes.Interface, namespace string) (func(pod string) procedure.Watch, error) {
	w, err := newWatch(ctx, client, namespace)
	return func(pod string) procedure.Watch { return podWatch{w, pod} }, err
}
