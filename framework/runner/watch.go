package runner

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// watch is one informer on the pods of a namespace, for all that wait for one of them.
type watch struct {
	mutex   sync.Mutex
	latest  map[string]*corev1.Pod
	changed map[string]chan struct{}
}

// newWatch starts the informer; it ends with the context.
func newWatch(ctx context.Context, client kubernetes.Interface, namespace string) (*watch, error) {
	w := &watch{latest: map[string]*corev1.Pod{}, changed: map[string]chan struct{}{}}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	informer := factory.Core().V1().Pods().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { w.put(object) },
		UpdateFunc: func(_, object any) { w.put(object) },
	})
	if err != nil {
		return nil, fmt.Errorf("watch the pods of namespace %s: %w", namespace, err)
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return nil, fmt.Errorf("watch the pods of namespace %s: %w", namespace, context.Cause(ctx))
	}
	return w, nil
}

func (w *watch) put(object any) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.latest[pod.Name] = pod
	if changed, waiting := w.changed[pod.Name]; waiting {
		close(changed)
		delete(w.changed, pod.Name)
	}
}

// until waits until the pod satisfies the condition and returns it. When the context ends first, it
// returns the pod as it was seen last (nil when it never was) with the context's cause.
func (w *watch) until(ctx context.Context, name string, condition func(*corev1.Pod) bool) (*corev1.Pod, error) {
	for {
		w.mutex.Lock()
		pod := w.latest[name]
		changed, waiting := w.changed[name]
		if !waiting {
			changed = make(chan struct{})
			w.changed[name] = changed
		}
		w.mutex.Unlock()
		if pod != nil && condition(pod) {
			return pod, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return pod, context.Cause(ctx)
		}
	}
}
