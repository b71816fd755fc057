package knowledge

const (
	model     = "https://kubernetes.io/docs/concepts/services-networking/"
	service   = model + "service/"
	policies  = model + "network-policies/"
	selectors = policies + "#behavior-of-to-and-from-selectors"
	ports     = policies + "#targeting-a-range-of-ports"
	isolation = policies + "#the-two-sorts-of-pod-isolation"
	object    = "https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/"
)

func net() []entry {
	return []entry{
		{"net/pod-to-pod-same-node", "Pods on one node reach one another or not.", model, nil},
		{"net/pod-to-pod-cross-node", "Pods on different nodes reach one another or not: every distributed workload is touched.", model, nil},
		{"net/pod-to-service", "Pods reach services by their cluster IP or not.", service, nil},
		{"net/node-port", "Services of type NodePort are reachable at the nodes or not.", service + "#type-nodeport", nil},
		{"net/loopback", "A pod reaches itself by its own address or not: clustered programs that announce their pod's IP connect to themselves.", model, nil},
		{"net/hairpin", "A pod reaches itself through its own service or not: programs that call their own service fail for the share of requests that come back.", "https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/#a-pod-fails-to-reach-itself-via-the-service-ip", nil},
		{"net/interfaces", "Pods have other interfaces, addresses, routes or another MTU: large packets may be dropped, and programs that name an interface fail.", "https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/network-plugins/", parts("", "The pod's network:")},
		{"net/cross-runtime", "Pods on nodes with one runtime reach those on nodes with the other or not: a migration node by node cuts workloads in two.", model, nil},
	}
}

func netpol() []entry {
	return []entry{
		{"netpol/default-deny-ingress", "A policy that closes all ingress does or does not: namespaces that start from deny are open, or closed where they should not be.", policies + "#default-deny-all-ingress-traffic", nil},
		{"netpol/default-deny-egress", "A policy that closes all egress does or does not: data can leave, or DNS stops.", policies + "#default-deny-all-egress-traffic", nil},
		{"netpol/default-deny-both", "A policy that closes ingress and egress does or does not.", policies + "#default-deny-all-ingress-and-all-egress-traffic", nil},
		{"netpol/allow-all-ingress", "A policy that opens all ingress does or does not override the others.", policies + "#allow-all-ingress-traffic", nil},
		{"netpol/allow-all-egress", "A policy that opens all egress does or does not override the others.", policies + "#allow-all-egress-traffic", nil},
		{"netpol/pod-selector", "Policies that name peers by pod labels admit other pods.", selectors, nil},
		{"netpol/namespace-selector", "Policies that name peers by namespace labels admit other namespaces.", selectors, nil},
		{"netpol/pod-and-namespace-selector", "A peer with both selectors admits other pods than those that match both: tenants reach one another, or allowed clients do not.", selectors, nil},
		{"netpol/or-list", "Peers in a list admit other pods than those that match any of them.", selectors, nil},
		{"netpol/match-expressions-in", "Selectors with In match other pods or namespaces.", object, nil},
		{"netpol/match-expressions-not-in", "Selectors with NotIn match other pods or namespaces.", object, nil},
		{"netpol/match-expressions-exists", "Selectors with Exists or DoesNotExist match other pods or namespaces.", object, nil},
		{"netpol/default-namespace-label", "Policies that name a namespace by kubernetes.io/metadata.name match or not.", policies + "#targeting-a-namespace-by-its-name", nil},
		{"netpol/port-number", "Policies that name a port by its number open other ports.", object, nil},
		{"netpol/port-named", "Policies that name a port by its name resolve it for each pod or not: pods whose port has another number are closed.", object, nil},
		{"netpol/port-range", "Policies with endPort open another range, or only its first port.", ports, nil},
		{"netpol/protocol-only", "Policies that name a protocol without a port open other ports.", object, nil},
		{"netpol/multiple-ports", "Policies with several ports open only some of them.", object, nil},
		{"netpol/ip-block", "Policies with ipBlock admit other addresses: clients outside the cluster are cut off or let in.", selectors, nil},
		{"netpol/ip-block-except", "Addresses in except are closed or not.", selectors, nil},
		{"netpol/ip-block-overlap", "An address that one block excludes and another admits is admitted or not.", object, nil},
		{"netpol/egress-pod", "Egress policies that name pods let other connections out.", selectors, nil},
		{"netpol/egress-namespace", "Egress policies that name namespaces let other connections out.", selectors, nil},
		{"netpol/egress-ip-block", "Egress policies with ipBlock let other connections out of the cluster: access to metadata services and databases rests on them.", selectors, nil},
		{"netpol/egress-port", "Egress policies that name ports let other connections out.", object, nil},
		{"netpol/egress-allow-dns", "The usual policy that closes egress except for DNS keeps names resolving or not: everything in the namespace fails without.", policies, nil},
		{"netpol/stacked-union", "Several policies for one pod add up or not: a connection that one of them admits is closed, or one that none admits is open.", isolation, nil},
		{"netpol/ingress-and-egress", "A connection needs the leave of both ends or not.", isolation, nil},
		{"netpol/egress-deny-beats-ingress-allow", "A connection that the sender's policy forbids is let through because the receiver admits it, or not.", isolation, nil},
		{"netpol/udp", "Policies for UDP ports hold or not: DNS, syslog and media traffic is touched.", object, nil},
		{"netpol/udp-does-not-open-tcp", "A policy that opens a UDP port opens the TCP port of the same number, or not.", object, nil},
		{"netpol/sctp", "Policies for SCTP ports hold or not: telecommunication workloads are touched.", policies + "#sctp-support", nil},
		{"netpol/update-policy", "A changed policy takes effect or not, or after another time.", policies, nil},
		{"netpol/delete-policy", "Deleting a policy opens what it closed or not, or after another time.", policies, nil},
		{"netpol/pod-label", "A pod whose labels change is under other policies at once, or not.", policies, nil},
		{"netpol/namespace-label", "A namespace whose labels change is admitted by other policies at once, or not.", policies, nil},
		{"netpol/pod-recreated", "A pod that is made again is under the policies of its labels, or open for a while.", policies + "#pod-lifecycle", nil},
		{"netpol/ip-reuse", "A pod that gets the address of a deleted one inherits its permissions, or not.", policies + "#pod-lifecycle", nil},
		{"netpol/loopback", "A pod under deny reaches itself by its own address or not: programs that call themselves by their pod's IP are touched.", policies, nil},
		{"netpol/host-network-pod", "Policies admit or close pods with hostNetwork in another way: node agents and ingress controllers on the node's network are touched.", policies + "#networkpolicy-and-hostnetwork-pods", nil},
		{"netpol/established-connection", "A new policy cuts connections that exist or leaves them: long-lived connections to databases live on or break at a rollout of policies.", policies, nil},
		{"netpol/deny-mode", "A forbidden connection is dropped, reset or rejected: clients time out slowly or fail at once.", policies, nil},
		{"netpol/via-service", "Policies hold for connections through a service's cluster IP or not.", policies, nil},
		{"netpol/many", "Many policies are applied correctly or not, or take longer to take effect.", policies, nil},
	}
}
