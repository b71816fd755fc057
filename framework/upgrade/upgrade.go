// Package upgrade replaces the container runtime under the pods of a live node, as an administrator does, and observes
// what that does to them: the files of the new version are put into the place of the old one's and the daemon is
// restarted with the pods left running, or, for another runtime, the node is drained first. Judging is in checks.go,
// pure.
package upgrade

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/framework/check"
	"assay/framework/column"
	"assay/framework/procedure"
	"assay/framework/run"
	"assay/framework/runner"
	"assay/framework/target"
	"assay/reports/meaning"
	"assay/reports/results"
)

// Sabotage is what is done to the swap to see the checks fail.
type Sabotage string

const (
	// NoSabotage does nothing.
	NoSabotage Sabotage = ""
	// KillContainers kills the witnesses' processes at the swap.
	KillContainers Sabotage = "kill-containers"
)

// Options say how upgrades are tested.
type Options struct {
	// Root is the checkout: the recipes of node images are below it.
	Root string
	// Checks are those of the suite that runs before and after; none leaves the suite out.
	Checks   []check.Check
	Sabotage Sabotage
	// Explainer says in the comparison of the two runs of the suite what a difference means; it may be nil.
	Explainer meaning.Explainer
}

// rollout is one upgrade of one cluster.
type rollout struct {
	upgrade column.Upgrade
	lent    run.Upgrading
	options Options
	// worker is the node under observation, upgraded are the nodes that have become what they are to be.
	worker, controlPlane string
	upgraded             []string
	// target and described are these nodes, once the suite could run on them.
	target    target.Target
	described results.Column
	witnesses witnesses
	// pods are the witnesses on the worker, by name; client is on the control plane.
	pods   map[string]*corev1.Pod
	client *corev1.Pod
	watch  func(pod string) procedure.Watch
	seen   Observation

	mutex sync.Mutex
	times map[string]time.Duration
}

// Run carries out an upgrade on a cluster that was made for it, and records the cells of its column. An error means
// that the suite could not do its work; the cells that it kept from being observed are not recorded.
func Run(ctx context.Context, u column.Upgrade, lent run.Upgrading, options Options) error {
	r := &rollout{upgrade: u, lent: lent, options: options, times: map[string]time.Duration{}}
	for _, node := range lent.Cluster.Nodes {
		if node.ControlPlane {
			r.controlPlane = node.Name
		} else {
			r.worker = node.Name
		}
	}
	if r.worker == "" || r.controlPlane == "" {
		return errors.New("an upgrade is tested on a control plane and a worker")
	}
	r.seen.Drained, r.seen.Worker = u.Drains(), r.worker
	r.seen.Wanted = u.To.Runtime.Name + "://" + u.To.Runtime.Version
	failed := r.run(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, cell := range Judge(u.Name, r.seen) {
		if failed != nil && cell.Verdict == results.Error {
			continue
		}
		cell.Rerun = "go run . upgrade " + u.Arguments()
		lent.Record(cell)
	}
	return failed
}

func (r *rollout) run(ctx context.Context) error {
	var of parcel
	err := r.step("take the files of the runtime out of its node image", func() (err error) {
		of, err = r.pack(ctx)
		return err
	})
	if err != nil {
		return err
	}
	before, err := r.suite(ctx, "before", r.upgrade.From, r.lent.Target, r.lent.Described)
	if err != nil {
		return err
	}
	if r.seen.Drained {
		err = r.drain(ctx, of)
	} else {
		err = r.inPlace(ctx, of)
	}
	r.mutex.Lock()
	r.seen.Times = saw(maps.Clone(r.times), nil)
	r.mutex.Unlock()
	if err != nil {
		return err
	}
	return r.after(ctx, before)
}

// after runs the suite on what the nodes have become, and compares it with what it said before.
func (r *rollout) after(ctx context.Context, before *results.Results) error {
	if before == nil {
		return nil
	}
	if len(r.target.Nodes) == 0 {
		r.seen.Suite = saw(Comparison{LeftOut: "the nodes are not well after the upgrade"}, nil)
		return nil
	}
	if err := r.step("delete the last witnesses", func() error { return r.forget(ctx) }); err != nil {
		return err
	}
	after, err := r.suite(ctx, "after", r.upgrade.To, r.target, r.described)
	if err != nil {
		return err
	}
	compared, err := r.compare(before, after)
	r.seen.Suite = saw(compared, err)
	return err
}

// forget deletes the namespace of the witnesses and waits until it is gone.
func (r *rollout) forget(ctx context.Context) error {
	namespace := r.witnesses.namespace
	err := r.lent.Cluster.Client.CoreV1().Namespaces().Delete(ctx, namespace, metav1.DeleteOptions{})
	if err != nil {
		return fmt.Errorf("delete namespace %s: %w", namespace, err)
	}
	return r.untilClean(ctx, namespace)
}

// inPlace replaces the runtime's files on the worker and restarts its daemon with the pods left running, and then does
// the same to the control plane, which nothing is observed of but that it comes back: the API server is a pod there.
func (r *rollout) inPlace(ctx context.Context, of parcel) error {
	traffic, err := r.prepare(ctx)
	if err != nil {
		return err
	}
	defer traffic.stop()
	r.seen.Before = r.look(ctx, "look at the witnesses before")
	ids, err := r.findRemains(ctx)
	if err != nil {
		return err
	}
	watching := r.watchNode(ctx)
	defer watching.stop()
	traffic.enter(During)
	came, err := r.swap(ctx, r.worker, of, r.sabotage)
	if err != nil {
		return err
	}
	traffic.enter(After)
	r.settle(ctx)
	// What does not come is seen below.
	_ = traffic.untilConnected(ctx, settlePatience)
	r.seen.After = r.look(ctx, "look at the witnesses after")
	r.seen.Connections = traffic.stop()
	r.seen.NewPod = r.newPod(ctx)
	// Containers that were replaced have other IDs.
	now, err := r.remains(ctx, r.pods, nil)
	if err != nil {
		return err
	}
	ids = append(ids, containerIDs(now)...)
	if err := r.step("delete the witnesses", func() error { return r.delete(ctx) }); err != nil {
		return err
	}
	r.seen.After.Remains = r.untilNothingRemains(ctx, r.pods, ids)
	r.seen.Daemon = r.daemonState(ctx)
	r.seen.Node = watching.stop()
	r.seen.Runtimes = r.runtimes(ctx)
	if err := r.answers(ctx); err != nil || !came {
		return err
	}
	if _, err = r.swap(ctx, r.controlPlane, of, nil); err != nil {
		return err
	}
	if err := r.untilWell(ctx); err != nil {
		if ctx.Err() != nil {
			return err
		}
		r.lent.Progress.Line("%v", err)
		r.seen.Node.Value.Ready, r.seen.Node.Value.Words = false, "after the control plane was upgraded, too: "+err.Error()
		return nil
	}
	r.seen.Runtimes = r.runtimes(ctx)
	return r.prepared()
}

// drain moves the pods off the worker, replaces its runtime by another, and lets pods back. The control plane stays
// what it is.
func (r *rollout) drain(ctx context.Context, of parcel) error {
	traffic, err := r.prepare(ctx)
	if err != nil {
		return err
	}
	defer traffic.stop()
	ids, err := r.findRemains(ctx)
	if err != nil {
		return err
	}
	watching := r.watchNode(ctx)
	defer watching.stop()
	traffic.enter(During)
	if err := r.step("drain the worker", func() error { return r.evict(ctx) }); err != nil {
		return err
	}
	r.seen.After.Remains = r.untilNothingRemains(ctx, r.pods, ids)
	r.seen.Replacement = r.replacement(ctx)
	if r.seen.Restart, err = r.replace(ctx, r.worker, of); err != nil {
		return err
	}
	r.upgraded = append(r.upgraded, r.worker)
	if r.come(ctx, r.worker) {
		// The new runtime has the images of the control plane, and not the probe's.
		if err := r.prepared(); err != nil {
			return err
		}
	}
	if err := r.cordon(ctx, r.worker, false); err != nil {
		return err
	}
	traffic.enter(After)
	r.seen.NewPod = r.newPod(ctx)
	_ = traffic.untilConnected(ctx, settlePatience)
	r.seen.Connections = traffic.stop()
	r.seen.Daemon = r.daemonState(ctx)
	r.seen.Runtimes = r.runtimes(ctx)
	r.seen.Node = watching.stop()
	return r.answers(ctx)
}

// prepared makes the upgraded nodes a target, with the probe in the stores of their runtime.
func (r *rollout) prepared() (err error) {
	r.target, r.described, err = r.lent.Prepare(r.lent.Cluster.As(r.upgrade.To, r.upgraded...))
	return err
}

// prepare starts the witnesses and their traffic.
func (r *rollout) prepare(ctx context.Context) (*traffic, error) {
	to := r.lent.Target
	r.witnesses = witnesses{to: to, namespace: "assay-" + r.lent.ID + "-upgrade", worker: r.worker, other: r.controlPlane, drains: r.seen.Drained}
	var service *corev1.Service
	err := r.step("start the witnesses", func() (err error) {
		r.pods, r.client, service, err = r.witnesses.start(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	if r.watch, err = runner.WatchPods(ctx, to.Client, r.witnesses.namespace); err != nil {
		return nil, err
	}
	traffic, err := r.connect(ctx, service)
	if err != nil {
		return nil, err
	}
	if err := traffic.untilConnected(ctx, podPatience); err != nil {
		traffic.stop()
		return nil, err
	}
	return traffic, nil
}

// swap puts the new files into a node and restarts its daemon, and says whether the node comes back. spoil is called
// between the two; it may be nil.
func (r *rollout) swap(ctx context.Context, node string, of parcel, spoil func(context.Context) error) (came bool, err error) {
	if err := r.step("install on "+r.role(node), func() error { return r.install(ctx, node, of) }); err != nil {
		return false, err
	}
	if spoil != nil {
		if err := spoil(ctx); err != nil {
			return false, err
		}
	}
	err = r.step("restart the daemon on "+r.role(node), func() error {
		r.seen.Restart = r.restart(ctx, node)
		return r.seen.Restart.Err
	})
	if err != nil {
		return false, err
	}
	r.upgraded = append(r.upgraded, node)
	return r.come(ctx, node), nil
}

// role names a node without the name of its cluster.
func (r *rollout) role(node string) string {
	if node == r.worker {
		return "the worker"
	}
	return "the control plane"
}

// come waits until a node is ready with the new runtime, and says whether it is. A daemon that said why it did not start
// is given the same time: systemd starts it again and again.
func (r *rollout) come(ctx context.Context, name string) bool {
	if r.seen.Restart.Value != "" {
		r.lent.Progress.Line("the daemon did not start on %s: %s", name, r.seen.Restart.Value)
	}
	err := r.step("wait for "+r.role(name)+" with "+r.seen.Wanted, func() error {
		return until(ctx, nodePatience, "node "+name, func(ctx context.Context) (bool, string) {
			node, err := r.lent.Cluster.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return false, err.Error()
			}
			ready, words := readyCondition(node)
			version := runtimeVersion(node)
			return ready && version == r.seen.Wanted, version + ", " + words
		})
	})
	if err != nil {
		r.lent.Progress.Line("%v", err)
	}
	return err == nil
}

// untilWell waits until the nodes are ready and the pods of the system are, but for CoreDNS, which nothing here needs.
func (r *rollout) untilWell(ctx context.Context) error {
	return r.step("wait for the pods of the system", func() error {
		return until(ctx, nodePatience, "the nodes and the pods of the system", func(ctx context.Context) (bool, string) {
			for _, node := range r.lent.Cluster.Nodes {
				if ready, words, err := r.nodeReady(ctx, node.Name); err != nil || !ready {
					return false, fmt.Sprintf("node %s: %s %v", node.Name, words, err)
				}
			}
			list, err := r.lent.Cluster.Client.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: "k8s-app!=kube-dns"})
			if err != nil {
				return false, err.Error()
			}
			for i := range list.Items {
				if pod := &list.Items[i]; !podReady(pod) {
					return false, describe(pod)
				}
			}
			return true, ""
		})
	})
}

// look looks at the witnesses, at everything at the same time.
func (r *rollout) look(ctx context.Context, name string) Look {
	var l Look
	_ = r.step(name, func() error {
		l.Lives = r.witnesses.lives(ctx, r.pods)
		var all sync.WaitGroup
		all.Go(func() { l.Exec = r.readFile(ctx) })
		all.Go(func() { l.Forward = r.forward(ctx) })
		all.Go(func() { l.Missing = r.unmeasured(ctx) })
		all.Wait()
		// The counter has gone on meanwhile.
		l.Log = r.witnesses.log(ctx)
		return nil
	})
	return l
}

// findRemains finds the processes of the witnesses on the worker, and returns the IDs of their containers and sandboxes.
func (r *rollout) findRemains(ctx context.Context) ([]string, error) {
	found, err := r.remains(ctx, r.pods, nil)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	r.seen.Before.Remains = saw(found, err)
	return containerIDs(found), nil
}

// settle watches what the new daemon and the kubelet make of the old containers: until one changes, and then until all
// are ready again.
func (r *rollout) settle(ctx context.Context) {
	err := r.step("watch the old containers", func() error {
		changed := until(ctx, settlePatience, "a change", func(ctx context.Context) (bool, string) {
			now := r.witnesses.lives(ctx, r.pods)
			return now.Err == nil && !maps.Equal(now.Value, r.seen.Before.Lives.Value), ""
		})
		if changed != nil {
			// Nothing changed, which is as it should be.
			return ctx.Err()
		}
		r.lent.Progress.Line("containers have changed")
		return until(ctx, podPatience, "the witnesses", func(ctx context.Context) (bool, string) {
			ready, others := r.witnesses.ready(ctx)
			for name := range r.pods {
				if ready[name] == nil {
					return false, others
				}
			}
			return true, ""
		})
	})
	if err != nil {
		r.lent.Progress.Line("%v", err)
	}
}

// delete deletes the pods that say how they end, and then the others of the worker.
func (r *rollout) delete(ctx context.Context) error {
	r.seen.Stops = r.stopBoth(ctx, "")
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w := r.witnesses
	background := metav1.DeletePropagationBackground
	err := errors.Join(
		w.to.Client.AppsV1().Deployments(w.namespace).Delete(ctx, server, metav1.DeleteOptions{PropagationPolicy: &background}),
		w.to.Client.CoreV1().Pods(w.namespace).Delete(ctx, counter, metav1.DeleteOptions{}),
		// A stop that could not be followed may have deleted nothing.
		deleted(w.to.Client.CoreV1().Pods(w.namespace).Delete(ctx, Polite, metav1.DeleteOptions{})),
		deleted(w.to.Client.CoreV1().Pods(w.namespace).Delete(ctx, Stubborn, metav1.DeleteOptions{})),
	)
	if err != nil {
		return fmt.Errorf("delete the witnesses: %w", err)
	}
	return r.untilGone(ctx)
}

// deleted is the error of a deletion of what may be gone.
func deleted(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// stopBoth ends the two pods that say how they end.
func (r *rollout) stopBoth(ctx context.Context, by string) Seen[map[string]Stop] {
	stops := map[string]Stop{}
	var mutex sync.Mutex
	var all sync.WaitGroup
	for _, name := range []string{Polite, Stubborn} {
		all.Go(func() {
			end := r.stop(ctx, name, by)
			mutex.Lock()
			defer mutex.Unlock()
			stops[name] = end
		})
	}
	all.Wait()
	return saw(stops, ctx.Err())
}

// untilGone waits until the witnesses of the worker are no more. Those that stay are seen on the node.
func (r *rollout) untilGone(ctx context.Context) error {
	err := until(ctx, drainPatience, "the end of the witnesses", func(ctx context.Context) (bool, string) {
		list, err := r.witnesses.to.Client.CoreV1().Pods(r.witnesses.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		for i := range list.Items {
			for _, old := range r.pods {
				if list.Items[i].UID == old.UID {
					return false, describe(&list.Items[i])
				}
			}
		}
		return true, ""
	})
	if err != nil && ctx.Err() == nil {
		r.lent.Progress.Line("%v", err)
		return nil
	}
	return err
}

// evict cordons the worker and evicts its pods, as kubectl drain --force --ignore-daemonsets does.
// Source: https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/
func (r *rollout) evict(ctx context.Context) error {
	if err := r.cordon(ctx, r.worker, true); err != nil {
		return err
	}
	list, err := r.lent.Cluster.Client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + r.worker})
	if err != nil {
		return fmt.Errorf("list the pods of node %s: %w", r.worker, err)
	}
	group, grouped := errgroup.WithContext(ctx)
	group.Go(func() error {
		r.seen.Stops = r.stopBoth(grouped, procedure.ByEviction)
		return nil
	})
	group.Go(func() error { return r.sabotageAtStop(grouped) })
	for i := range list.Items {
		pod := &list.Items[i]
		if !evictable(pod) || pod.Namespace == r.witnesses.namespace && (pod.Name == Polite || pod.Name == Stubborn) {
			continue
		}
		group.Go(func() error {
			err := r.lent.Cluster.Client.PolicyV1().Evictions(pod.Namespace).Evict(grouped, &policyv1.Eviction{
				ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace},
			})
			if deleted(err) != nil {
				return fmt.Errorf("evict pod %s/%s: %w", pod.Namespace, pod.Name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return until(ctx, drainPatience, "the end of the evicted pods", func(ctx context.Context) (bool, string) {
		left, err := r.lent.Cluster.Client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + r.worker})
		if err != nil {
			return false, err.Error()
		}
		for i := range left.Items {
			if evictable(&left.Items[i]) {
				return false, describe(&left.Items[i])
			}
		}
		return true, ""
	})
}

// evictable says whether a pod is evicted for a drain: not those of DaemonSets, nor those of files of the node.
func evictable(pod *corev1.Pod) bool {
	_, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]
	owner := metav1.GetControllerOf(pod)
	return !mirror && (owner == nil || owner.Kind != "DaemonSet")
}

// sabotageAtStop is sabotage once the stubborn pod has been told to end.
func (r *rollout) sabotageAtStop(ctx context.Context) error {
	if r.options.Sabotage == NoSabotage {
		return nil
	}
	err := until(ctx, stopPatience, "the eviction", func(ctx context.Context) (bool, string) {
		pod, err := r.witnesses.to.Client.CoreV1().Pods(r.witnesses.namespace).Get(ctx, Stubborn, metav1.GetOptions{})
		return err == nil && pod.DeletionTimestamp != nil, fmt.Sprint(err)
	})
	if err != nil {
		return err
	}
	return r.sabotage(ctx)
}

// replacement is the node that another server is ready on.
func (r *rollout) replacement(ctx context.Context) Seen[string] {
	node := ""
	err := until(ctx, podPatience, "another server", func(ctx context.Context) (bool, string) {
		ready, others := r.witnesses.ready(ctx)
		if pod := ready[server]; pod != nil && pod.UID != r.pods[server].UID {
			node = pod.Spec.NodeName
		}
		return node != "", others
	})
	if ctx.Err() != nil {
		return saw("", err)
	}
	return saw(node, nil)
}

// answers says whether the API server does: where it does not, what was asked through it says nothing of the node.
func (r *rollout) answers(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, requestPatience)
	defer cancel()
	_, err := r.lent.Cluster.Client.CoreV1().Nodes().List(bounded, metav1.ListOptions{})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("the API server does not answer any more: %w", err)
	default:
		return nil
	}
}

// step carries out a step, tells of it and keeps how long it took.
func (r *rollout) step(name string, do func() error) error {
	done := r.lent.Progress.Step(name)
	began := time.Now()
	err := do()
	done(err)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.times[name] = time.Since(began)
	return err
}

func (r *rollout) exec() nodeExec { return r.lent.Cluster.NodeExec }
