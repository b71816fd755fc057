package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"

	"assay/framework/check"
	"assay/framework/workload"
)

// skippedError is the reason why a check cannot be carried out in this cluster.
type skippedError struct{ reason string }

func (e skippedError) Error() string { return e.reason }

// requestsAtOnce bounds the requests that change policies.
const requestsAtOnce = 8

// apply makes the cluster what the step says, and says in words what it did.
func (g *grid) apply(ctx context.Context, step check.NetworkStep) (string, error) {
	var done []string
	for name, namespace := range g.namespaces {
		changed, err := g.labelNamespace(ctx, namespace, step.NamespaceLabels[name])
		if err != nil {
			return "", err
		}
		g.namespaces[name] = changed
	}
	for _, name := range slices.Sorted(maps.Keys(g.agents)) {
		if slices.Contains(step.Recreate, name) {
			if err := g.recreate(ctx, name, step); err != nil {
				return "", err
			}
			done = append(done, "made pod "+name+" again")
			continue
		}
		if err := g.labelAgent(ctx, name, step.PodLabels[name]); err != nil {
			return "", err
		}
	}
	for _, labels := range []map[string]map[string]string{step.NamespaceLabels, step.PodLabels} {
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			done = append(done, fmt.Sprintf("labelled %s %v", name, labels[name]))
		}
	}
	changed, err := g.applyPolicies(ctx, step.Policies)
	return strings.Join(append(done, changed...), ", "), err
}

// applyPolicies creates, updates and deletes policies until there are those.
func (g *grid) applyPolicies(ctx context.Context, policies []networkingv1.NetworkPolicy) ([]string, error) {
	wanted := map[string]*networkingv1.NetworkPolicy{}
	for _, p := range policies {
		placed, err := g.place(p)
		if err != nil {
			return nil, fmt.Errorf("NetworkPolicy %s/%s: %w", p.Namespace, p.Name, err)
		}
		wanted[placed.Namespace+"/"+placed.Name] = placed
	}
	var done []string
	made := make([]*networkingv1.NetworkPolicy, len(wanted))
	group, grouped := errgroup.WithContext(ctx)
	group.SetLimit(requestsAtOnce)
	keys := slices.Sorted(maps.Keys(wanted))
	for i, key := range keys {
		p, there := wanted[key], g.policies[key]
		client := g.to.Client.NetworkingV1().NetworkPolicies(p.Namespace)
		if there == nil {
			done = append(done, "created NetworkPolicy "+p.Name)
		} else {
			done = append(done, "updated NetworkPolicy "+p.Name)
		}
		group.Go(func() error {
			var err error
			if there == nil {
				made[i], err = client.Create(grouped, p, metav1.CreateOptions{})
			} else {
				p.ResourceVersion = there.ResourceVersion
				made[i], err = client.Update(grouped, p, metav1.UpdateOptions{})
			}
			if err != nil {
				return fmt.Errorf("write NetworkPolicy %s: %w", p.Name, err)
			}
			return nil
		})
	}
	for key, p := range g.policies {
		if wanted[key] != nil {
			continue
		}
		done = append(done, "deleted NetworkPolicy "+p.Name)
		group.Go(func() error {
			err := g.to.Client.NetworkingV1().NetworkPolicies(p.Namespace).Delete(grouped, p.Name, metav1.DeleteOptions{})
			if err != nil && !apierrors.IsNotFound(err) {
				return fmt.Errorf("delete NetworkPolicy %s: %w", p.Name, err)
			}
			return nil
		})
	}
	err := group.Wait()
	if err != nil {
		// Some are there and some are not: the grid is given up, and its namespaces with it.
		return nil, err
	}
	clear(g.policies)
	for i, key := range keys {
		g.policies[key] = made[i]
	}
	if len(done) > shownChanges {
		done = append(done[:shownChanges], fmt.Sprintf("and %d more", len(done)-shownChanges))
	}
	return done, nil
}

// shownChanges bounds what is said of a step with many policies.
const shownChanges = 5

var addressOf = regexp.MustCompile(`\{([^}]+)\}`)

// place puts the cluster's names and addresses into a policy of a check.
func (g *grid) place(p networkingv1.NetworkPolicy) (*networkingv1.NetworkPolicy, error) {
	placed := p.DeepCopy()
	namespace := g.namespaces[p.Namespace]
	if namespace == nil {
		return nil, fmt.Errorf("the grid has no namespace %q", p.Namespace)
	}
	placed.Namespace = namespace.Name
	placed.Labels = map[string]string{workload.Label: "networkpolicy"}
	var problems []error
	peers := func(list []networkingv1.NetworkPolicyPeer) {
		for i := range list {
			g.placeNames(list[i].NamespaceSelector)
			if block := list[i].IPBlock; block != nil {
				var err error
				if block.CIDR, err = g.placeBlock(block.CIDR); err != nil {
					problems = append(problems, err)
				}
				for j := range block.Except {
					if block.Except[j], err = g.placeBlock(block.Except[j]); err != nil {
						problems = append(problems, err)
					}
				}
			}
		}
	}
	for _, rule := range placed.Spec.Ingress {
		peers(rule.From)
	}
	for _, rule := range placed.Spec.Egress {
		peers(rule.To)
	}
	return placed, errors.Join(problems...)
}

// placeNames puts in the cluster's names of namespaces where a selector asks for them.
func (g *grid) placeNames(selector *metav1.LabelSelector) {
	if selector == nil {
		return
	}
	real := func(name string) string {
		if namespace := g.namespaces[name]; namespace != nil {
			return namespace.Name
		}
		return name
	}
	if name, asked := selector.MatchLabels[corev1.LabelMetadataName]; asked {
		selector.MatchLabels[corev1.LabelMetadataName] = real(name)
	}
	for i, expression := range selector.MatchExpressions {
		if expression.Key != corev1.LabelMetadataName {
			continue
		}
		for j, name := range expression.Values {
			selector.MatchExpressions[i].Values[j] = real(name)
		}
	}
}

// placeBlock puts in the address of a pod where a CIDR names one.
func (g *grid) placeBlock(cidr string) (string, error) {
	named := addressOf.FindStringSubmatch(cidr)
	if named == nil {
		return cidr, nil
	}
	a := g.agents[named[1]]
	if a == nil {
		return "", fmt.Errorf("the grid has no pod %q", named[1])
	}
	prefix, err := netip.ParsePrefix(strings.Replace(cidr, named[0], a.pod.Status.PodIP, 1))
	if err != nil {
		return "", fmt.Errorf("block %q: %w", cidr, err)
	}
	return prefix.Masked().String(), nil
}

// ownLabels says whether a label is of the grid itself and not of a step.
func ownLabel(key string) bool {
	return key == "pod" || key == "ns" || key == "grid" || strings.Contains(key, "/")
}

// labelPatch is the merge patch that gives an object those labels besides the grid's own; nil where it has them.
func labelPatch(has, wanted map[string]string) []byte {
	change := map[string]*string{}
	for key, value := range wanted {
		if has[key] != value {
			change[key] = &value
		}
	}
	for key := range has {
		if _, stays := wanted[key]; !stays && !ownLabel(key) {
			change[key] = nil
		}
	}
	if len(change) == 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": change}})
	if err != nil {
		// A map of texts can always be marshalled.
		return nil
	}
	return patch
}

func (g *grid) labelNamespace(ctx context.Context, namespace *corev1.Namespace, wanted map[string]string) (*corev1.Namespace, error) {
	patch := labelPatch(namespace.Labels, wanted)
	if patch == nil {
		return namespace, nil
	}
	changed, err := g.to.Client.CoreV1().Namespaces().Patch(ctx, namespace.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return nil, fmt.Errorf("label namespace %s: %w", namespace.Name, err)
	}
	return changed, nil
}

func (g *grid) labelAgent(ctx context.Context, name string, wanted map[string]string) error {
	a := g.agents[name]
	patch := labelPatch(a.pod.Labels, wanted)
	if patch == nil {
		return nil
	}
	changed, err := g.to.Client.CoreV1().Pods(a.pod.Namespace).Patch(ctx, a.pod.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("label pod %s: %w", name, err)
	}
	a.pod = changed
	return nil
}

// addressTries is how many pods are made to get one with an address that is free again.
const addressTries = 4

// recreate deletes the pod of an agent and makes it again on its node, where it is asked for with the address
// that it had, which no other pod of the area is to get in the meantime.
func (g *grid) recreate(ctx context.Context, name string, step check.NetworkStep) error {
	if err := g.starting.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer g.starting.Release(1)
	old := g.agents[name]
	namespace, pod, _ := strings.Cut(name, "/")
	address := old.pod.Status.PodIP
	old.line.close(ctx)
	if err := g.deletePod(ctx, old.pod, step.SameAddress); err != nil {
		return err
	}
	for range addressTries {
		resume := func(context.Context) error { return nil }
		if step.SameAddress && g.to.OfferAddress != nil {
			var err error
			if resume, err = g.to.OfferAddress(ctx, old.pod.Spec.NodeName, address); err != nil {
				return fmt.Errorf("offer address %s: %w", address, err)
			}
		}
		g.made++
		design := g.design(namespace, pod, old.pod.Spec.NodeName)
		design.Name = fmt.Sprintf("%s-again-%d", pod, g.made)
		maps.Copy(design.Labels, step.PodLabels[name])
		made, err := g.runPod(ctx, design)
		if err := errors.Join(err, resume(ctx)); err != nil {
			return fmt.Errorf("agent %s: %w", name, err)
		}
		if !step.SameAddress || made.Status.PodIP == address {
			line, err := g.open(ctx, g.to, made)
			if err != nil {
				return fmt.Errorf("open a line to agent %s: %w", name, err)
			}
			g.agents[name] = &agent{pod: made, line: line}
			return nil
		}
		if err := g.deletePod(ctx, made, false); err != nil {
			return err
		}
	}
	return skippedError{fmt.Sprintf("the network gave none of %d pods the address of one that was deleted", addressTries)}
}

// podInterval is the time between two looks at a pod that is to go.
const podInterval = 300 * time.Millisecond

// deletePod deletes a pod, and waits until it is gone where that is asked for.
func (g *grid) deletePod(ctx context.Context, pod *corev1.Pod, wanted bool) error {
	pods := g.to.Client.CoreV1().Pods(pod.Namespace)
	if err := pods.Delete(ctx, pod.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete pod %s: %w", pod.Name, err)
	}
	if !wanted {
		return nil
	}
	err := wait.PollUntilContextTimeout(ctx, podInterval, g.timeouts.Agents, true, func(ctx context.Context) (bool, error) {
		_, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
	if err != nil {
		return fmt.Errorf("pod %s is not gone: %w", pod.Name, err)
	}
	return nil
}

// makeServices gives every pod of the grid a service of its own, with ports of other numbers than the pod's.
func (g *grid) makeServices(ctx context.Context) error {
	if len(g.services) > 0 {
		return nil
	}
	for name, a := range g.agents {
		namespace, pod, _ := strings.Cut(name, "/")
		if name == hostPod || name == otherPod {
			continue
		}
		service := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: pod, Namespace: a.pod.Namespace, Labels: map[string]string{workload.Label: "service"}},
			Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort, Selector: map[string]string{"pod": pod}},
		}
		for _, port := range check.GridPorts() {
			service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{
				Name:     strings.ToLower(string(port.Protocol)) + fmt.Sprint(port.Number),
				Protocol: port.Protocol, Port: port.Number - serviceShift, TargetPort: intstr.FromInt32(port.Number),
			})
		}
		made, err := g.to.Client.CoreV1().Services(service.Namespace).Create(ctx, service, metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("create service %s of namespace %s: %w", pod, namespace, err)
		}
		g.services[name] = made
	}
	return nil
}

// serviceShift is how much lower a service's port is than its pod's.
const serviceShift = 20000
