package runner

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"assay/framework/check"
)

// watch is one informer on the pods of a namespace, for all that wait for one of them.
type watch struct {
	mutex   sync.Mutex
	latest  map[string]seen
	changed map[string]chan struct{}
}

// seen is what was last seen of a pod: its object, and the event that says that its sandbox could not
// be made, which its status does not say.
type seen struct {
	pod     *corev1.Pod
	sandbox *corev1.Event
	// gone says that the pod was deleted and is no more.
	gone bool
}

// newWatch starts the informer; it ends with the context.
func newWatch(ctx context.Context, client kubernetes.Interface, namespace string) (*watch, error) {
	w := &watch{latest: map[string]seen{}, changed: map[string]chan struct{}{}}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	informer := factory.Core().V1().Pods().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { w.put(object) },
		UpdateFunc: func(_, object any) { w.put(object) },
		DeleteFunc: func(object any) { w.remove(object) },
	})
	if err != nil {
		return nil, fmt.Errorf("watch the pods of namespace %s: %w", namespace, err)
	}
	events := factory.Core().V1().Events().Informer()
	_, err = events.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { w.putEvent(object) },
		UpdateFunc: func(_, object any) { w.putEvent(object) },
	})
	if err != nil {
		return nil, fmt.Errorf("watch the events of namespace %s: %w", namespace, err)
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced, events.HasSynced) {
		return nil, fmt.Errorf("watch the pods of namespace %s: %w", namespace, context.Cause(ctx))
	}
	return w, nil
}

func (w *watch) put(object any) {
	if pod, ok := object.(*corev1.Pod); ok {
		w.change(pod.Name, func(s *seen) { s.pod = pod })
	}
}

func (w *watch) remove(object any) {
	// Where the watch was broken, the last known object comes wrapped.
	if unknown, wrapped := object.(cache.DeletedFinalStateUnknown); wrapped {
		object = unknown.Obj
	}
	if pod, ok := object.(*corev1.Pod); ok {
		w.change(pod.Name, func(s *seen) { s.pod, s.gone = pod, true })
	}
}

func (w *watch) putEvent(object any) {
	event, ok := object.(*corev1.Event)
	if ok && event.Reason == check.SandboxFailed && event.InvolvedObject.Kind == "Pod" {
		w.change(event.InvolvedObject.Name, func(s *seen) { s.sandbox = event })
	}
}

// change changes what is known of a pod and wakes who waits for it.
func (w *watch) change(name string, change func(*seen)) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	known := w.latest[name]
	change(&known)
	w.latest[name] = known
	if changed, waiting := w.changed[name]; waiting {
		close(changed)
		delete(w.changed, name)
	}
}

// last is what was last seen of a pod.
func (w *watch) last(name string) seen {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.latest[name]
}

// until waits until the pod satisfies the condition and returns what was seen. When the context ends
// first, it returns what was seen last (no pod when there never was one) with the context's cause.
func (w *watch) until(ctx context.Context, name string, condition func(seen) bool) (seen, error) {
	for {
		w.mutex.Lock()
		known := w.latest[name]
		changed, waiting := w.changed[name]
		if !waiting {
			changed = make(chan struct{})
			w.changed[name] = changed
		}
		w.mutex.Unlock()
		if known.pod != nil && condition(known) {
			return known, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return known, context.Cause(ctx)
		}
	}
}
