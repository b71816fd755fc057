package cluster

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/e2e-framework/klient/decoder"
	"sigs.k8s.io/e2e-framework/klient/k8s"
	"sigs.k8s.io/e2e-framework/klient/k8s/resources"

	"assay/framework/column"
	"assay/framework/workload"
)

// kubeRouterImage is the name under which kube-router is in the node images that Assay builds.
const kubeRouterImage = imageRepository + "/kube-router:v2.1.0"

// kubeRouterConflist is where kube-router's manifest expects the configuration of the CNI plugins.
const kubeRouterConflist = "/etc/cni/net.d/10-kube-router.conflist"

// kubeRouterHealth is the port of kube-router's own opinion of itself.
const kubeRouterHealth = "20244"

// offerScript has the CNI plugin host-local give an address next, and prints the address after which it would have
// gone on. The plugin keeps a file of the name of each address that is taken, also after the pod is gone from
// Kubernetes and until its sandbox is, and the address that it gave last.
// The network's name is in the conflist. Source: https://www.cni.dev/plugins/current/ipam/host-local/
const offerScript = `cd /var/lib/cni/networks/kube-router || exit 1
for try in $(seq 200); do
	if [ ! -e "$1" ]; then cat last_reserved_ip.0; printf %s "$2" > last_reserved_ip.0; exit; fi
	sleep 0.1
done
echo "address $1 is still taken" >&2; exit 1`

// resumeScript has host-local go on after an address.
const resumeScript = `printf %s "$1" > /var/lib/cni/networks/kube-router/last_reserved_ip.0`

// applyNetwork brings the columns' network up; kindnet is there already. bad is what is wrong with workers, by
// name.
func (c *Cluster) applyNetwork(ctx context.Context) (bad map[string]error, err error) {
	if c.column.Network == column.KubeRouter {
		if bad, err = c.applyKubeRouter(ctx); err != nil {
			return nil, fmt.Errorf("kube-router: %w", err)
		}
	}
	for _, manifest := range c.column.NetworkManifests {
		text, err := os.ReadFile(manifest.Path)
		if err != nil {
			return nil, err
		}
		if err := c.apply(ctx, string(text)); err != nil {
			return nil, fmt.Errorf("apply %s: %w", manifest.Path, err)
		}
	}
	return bad, nil
}

// applyKubeRouter brings the network up. Each node gets the configuration of the CNI plugins with its
// own pod subnet in it and routes to the pods of the others, so that pods can start and reach each
// other before kube-router has elected routes by BGP; kube-router then takes both over.
func (c *Cluster) applyKubeRouter(ctx context.Context) (bad map[string]error, err error) {
	bad = map[string]error{}
	var mutex sync.Mutex
	var group errgroup.Group
	for _, node := range c.all {
		group.Go(func() error {
			conflist, err := render("network/kube-router.conflist.tmpl", node)
			if err != nil {
				return err
			}
			// The runtime reads the file as soon as it is there, so it has to be there as a whole.
			script := fmt.Sprintf("cat > %[1]s.new && mv %[1]s.new %[1]s", kubeRouterConflist)
			for _, other := range c.all {
				if other.Name != node.Name {
					script += fmt.Sprintf(" && ip route replace %s via %s", other.PodCIDR, other.Address)
				}
			}
			_, err = c.NodeExec(ctx, node.Name, strings.NewReader(conflist), "sh", "-c", script)
			if err == nil || node.ControlPlane {
				return err
			}
			mutex.Lock()
			defer mutex.Unlock()
			bad[node.Name] = fmt.Errorf("kube-router: %w", err)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	values := struct {
		Image       string
		Firewall    bool
		PodSelector string
	}{kubeRouterImage, !c.column.NoFirewall, workload.PolicyLabel + "!=" + workload.NoPolicy}
	if c.column.Image != "" {
		// A ready image does not have it; the runtime pulls it where it can.
		values.Image, values.PodSelector = "cloudnativelabs/kube-router:v2.1.0", ""
	}
	manifest, err := render("network/kube-router.yaml.tmpl", values)
	if err != nil {
		return nil, err
	}
	return bad, c.apply(ctx, manifest)
}

// apply creates the objects of a manifest; those that exist are left as they are.
func (c *Cluster) apply(ctx context.Context, manifest string) error {
	client, err := resources.New(c.Config)
	if err != nil {
		return err
	}
	return decoder.DecodeEach(ctx, strings.NewReader(manifest), decoder.CreateIgnoreAlreadyExists(client))
}

// networkDaemons are the DaemonSets that make the network, by namespace and name.
func networkDaemons(ctx context.Context, c column.Column) ([]metav1.ObjectMeta, error) {
	switch c.Network {
	case column.KubeRouter, column.Kindnet:
		return []metav1.ObjectMeta{{Namespace: metav1.NamespaceSystem, Name: c.Network}}, nil
	}
	var daemons []metav1.ObjectMeta
	for _, manifest := range append(c.NetworkManifests, c.Manifests...) {
		text, err := os.ReadFile(manifest.Path)
		if err != nil {
			return nil, err
		}
		err = decoder.DecodeEach(ctx, bytes.NewReader(text), func(_ context.Context, object k8s.Object) error {
			if set, is := object.(*appsv1.DaemonSet); is {
				daemons = append(daemons, metav1.ObjectMeta{Namespace: set.Namespace, Name: set.Name})
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", manifest.Path, err)
		}
	}
	return daemons, nil
}

// networkReady says what of the network does not run yet.
func (c *Cluster) networkReady(ctx context.Context) ([]string, error) {
	daemons, err := networkDaemons(ctx, c.column)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, daemon := range daemons {
		set, err := c.Client.AppsV1().DaemonSets(daemon.Namespace).Get(ctx, daemon.Name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		pods, err := c.Client.CoreV1().Pods(set.Namespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(set.Spec.Selector)})
		if err != nil {
			return nil, err
		}
		missing = append(missing, c.daemonMissing(set, pods.Items)...)
	}
	return missing, nil
}

// daemonMissing says what a DaemonSet lacks on the nodes that the columns need. kube-router is wanted on each of
// them; another network says itself where.
func (c *Cluster) daemonMissing(set *appsv1.DaemonSet, pods []corev1.Pod) []string {
	wanted := 1
	if c.column.Network == column.KubeRouter {
		wanted = len(c.required())
	}
	ready := 0
	var texts []string
	for _, pod := range pods {
		switch {
		case !c.requires(pod.Spec.NodeName):
		case podReady(pod):
			ready++
		default:
			texts = append(texts, describePod(pod))
		}
	}
	status := set.Status
	complete := status.ObservedGeneration >= set.Generation && status.CurrentNumberScheduled >= status.DesiredNumberScheduled
	if ready >= wanted && len(texts) == 0 && complete {
		return nil
	}
	return append([]string{fmt.Sprintf("%s is ready on %d nodes, %d scheduled", set.Name, ready, status.DesiredNumberScheduled)}, texts...)
}

// NetworkHealth says what is wrong with the network now. A daemon that hangs is ready for a while in the eyes of
// Kubernetes, so that kube-router is asked itself.
func (c *Cluster) NetworkHealth(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	missing, err := c.networkReady(ctx)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s", strings.Join(missing, "; "))
	}
	if c.column.Network != column.KubeRouter {
		return nil
	}
	pods := c.Client.CoreV1().Pods(metav1.NamespaceSystem)
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "k8s-app=kube-router"})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, pod := range list.Items {
		if !c.requires(pod.Spec.NodeName) {
			continue
		}
		group.Go(func() error {
			if answer, err := pods.ProxyGet("http", pod.Name, kubeRouterHealth, "/healthz", nil).DoRaw(ctx); err != nil {
				return fmt.Errorf("kube-router of node %s: %w %s", pod.Spec.NodeName, err, answer)
			}
			return nil
		})
	}
	return group.Wait()
}

// NetworkVersion is the name and the version of the network implementation, as its DaemonSet's image has it;
// empty where there is no DaemonSet, or its image has no tag.
func (c *Cluster) NetworkVersion(ctx context.Context) (name, version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	daemons, err := networkDaemons(ctx, c.column)
	if err != nil || len(daemons) == 0 {
		return c.column.Network, "", err
	}
	set, err := c.Client.AppsV1().DaemonSets(daemons[0].Namespace).Get(ctx, daemons[0].Name, metav1.GetOptions{})
	if err != nil {
		return c.column.Network, "", fmt.Errorf("read the network's version: %w", err)
	}
	name = set.Name
	if c.column.NoFirewall {
		name += " without its firewall"
	}
	if containers := set.Spec.Template.Spec.Containers; len(containers) > 0 {
		_, version, _ = strings.Cut(path.Base(containers[0].Image), ":")
		version, _, _ = strings.Cut(version, "@")
	}
	return name, strings.TrimPrefix(version, "v"), nil
}

// OfferAddress waits until nobody on a node has an address, and has its next pod get it. Once that pod has its
// address, resume has the pods after it get those that they would have got: an address that another pod had a moment
// ago is the other one's to neighbours for seconds. It is for clusters with kube-router.
func (c *Cluster) OfferAddress(ctx context.Context, node, address string) (resume func(context.Context) error, err error) {
	parsed, err := netip.ParseAddr(address)
	if err != nil {
		return nil, fmt.Errorf("offer an address: %w", err)
	}
	last, err := c.NodeExec(ctx, node, nil, "sh", "-c", offerScript, "sh", parsed.String(), parsed.Prev().String())
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		_, err := c.NodeExec(ctx, node, nil, "sh", "-c", resumeScript, "sh", string(last))
		return err
	}, nil
}

// OffersAddresses says whether OfferAddress works with the column's network.
func (c *Cluster) OffersAddresses() bool { return c.column.Network == column.KubeRouter }
