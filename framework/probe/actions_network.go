package probe

// The operations that look at the container's network.
const (
	// OpInterfaces reads the network interfaces: Values "names"; "NAME mtu", "NAME addresses" (as "IPv4/24", the
	// address itself is of the run) and "routes" ("default via the subnet's first address dev eth0").
	OpInterfaces Op = "interfaces"
	// OpResolver reads /etc/resolv.conf: Values "nameservers" and "last nameserver", "search" with <namespace> in the
	// place of the pod's own (see PodNamespaceVariable), "options" (sorted), and "cluster search" "true" where the
	// search begins with the three domains of a cluster.
	OpResolver Op = "resolver"
)
