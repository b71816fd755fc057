package engine

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// Label marks the engine's objects that Assay made; nothing without it is ever deleted. Its value is
// the root directory that they belong to.
const Label = "io.assay.root"

// Network is the engine's network that the nodes are in. The pods' addresses are in its subnet too,
// so that a host whose firewall drops what it forwards (Docker's FORWARD policy) does not cut the pods
// of different nodes: within one network it forwards nothing.
type Network struct {
	// Name is the network's name.
	Name string `json:"name"`
	// Subnet is all of it, a /16. The nodes' addresses come from its first /24.
	Subnet netip.Prefix `json:"subnet"`
}

// podSlots is the number of pod subnets of a network: /20 each, the first is left to the nodes.
const podSlots = 15

// PodSubnets are the subnets of the network that clusters may take for their pods, one a cluster. In a
// network that Assay did not make, and whose size is another, they lie outside of it.
func (n Network) PodSubnets() []netip.Prefix {
	base := [4]byte{10, 244}
	if n.Subnet.Bits() == 16 {
		base = n.Subnet.Addr().As4()
	}
	subnets := make([]netip.Prefix, 0, podSlots)
	for slot := byte(1); slot <= podSlots; slot++ {
		subnets = append(subnets, netip.PrefixFrom(netip.AddrFrom4([4]byte{base[0], base[1], slot << 4, 0}), 20))
	}
	return subnets
}

// candidates are the subnets that a network may get, the first free one is taken. kind's own defaults
// for services (10.96.0.0/16) and pods (10.244.0.0/16) are not among them.
func candidates() []netip.Prefix {
	var subnets []netip.Prefix
	for _, second := range []byte{91, 92, 93, 94, 95, 97, 98, 99, 181, 182, 183, 184, 185, 186, 187, 188} {
		subnets = append(subnets, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, second, 0, 0}), 16))
	}
	return subnets
}

// networkName is the network of a root directory. Each root has its own, because pod subnets are
// handed out from the records under the root.
func networkName(engine *Engine, root string) string {
	if engine.Name == Nerdctl {
		return "kind" // kind has no way to give nerdctl another one
	}
	sum := sha256.Sum256([]byte(root))
	return "assay-" + hex.EncodeToString(sum[:4])
}

func ensureNetwork(ctx context.Context, engine *Engine, root string) (Network, error) {
	network := Network{Name: networkName(engine, root)}
	var err error
	if network.Subnet, err = inspectNetwork(ctx, engine, network.Name); err == nil {
		return network, nil
	}
	routes, err := routes("/proc/net/route")
	if err != nil {
		return network, err
	}
	subnet, err := createNetwork(ctx, engine, network.Name, root, routes)
	if err != nil && ctx.Err() == nil && removeAbandoned(ctx, engine) {
		subnet, err = createNetwork(ctx, engine, network.Name, root, routes)
	}
	network.Subnet = subnet
	return network, err
}

// createNetwork makes the network in the first of the candidates that is free.
func createNetwork(ctx context.Context, engine *Engine, name, root string, routes []netip.Prefix) (netip.Prefix, error) {
	var failures []error
	for _, subnet := range candidates() {
		if taken(subnet, routes) {
			failures = append(failures, fmt.Errorf("%s: the machine has a route into it", subnet))
			continue
		}
		nodes := netip.PrefixFrom(subnet.Addr(), 24)
		_, err := engine.Output(ctx, "network", "create", "--driver", "bridge", "--subnet", subnet.String(),
			"--ip-range", nodes.String(), "--label", Label+"="+root, name)
		if err == nil {
			return subnet, nil
		}
		// A concurrent run of the same root may have made it in the meantime.
		if existing, inspectErr := inspectNetwork(ctx, engine, name); inspectErr == nil {
			return existing, nil
		}
		failures = append(failures, fmt.Errorf("%s: %w", subnet, err))
		if ctx.Err() != nil {
			break
		}
	}
	return netip.Prefix{}, errors.Join(failures...)
}

// removeAbandoned removes the networks of checkouts that are no more, and says whether there was one. The
// engine keeps those that a container is in.
func removeAbandoned(ctx context.Context, engine *Engine) bool {
	listed, err := engine.Output(ctx, "network", "ls", "--quiet", "--filter", "label="+Label)
	if err != nil {
		return false
	}
	removed := false
	for _, name := range strings.Fields(string(listed)) {
		document, err := engine.Output(ctx, "network", "inspect", name)
		if err != nil {
			continue
		}
		root := networkRoot(document)
		if root == "" {
			continue
		}
		if _, err := os.Stat(root); !errors.Is(err, os.ErrNotExist) {
			continue
		}
		if _, err := engine.Output(ctx, "network", "rm", name); err == nil {
			removed = true
		}
	}
	return removed
}

// networkRoot is the root directory that a network belongs to, by what `network inspect` says: Docker and
// nerdctl have Labels, Podman labels.
func networkRoot(document []byte) string {
	// encoding/json takes either spelling.
	var networks []struct {
		Labels map[string]string `json:"labels"`
	}
	if json.Unmarshal(document, &networks) != nil || len(networks) != 1 {
		return ""
	}
	return networks[0].Labels[Label]
}

// RemoveNetwork removes the network of a root directory, where there is one and nothing is in it.
func RemoveNetwork(ctx context.Context, engine *Engine, root string) error {
	name := networkName(engine, root)
	if _, err := inspectNetwork(ctx, engine, name); err != nil {
		return nil //nolint:nilerr // there is none
	}
	_, err := engine.Output(ctx, "network", "rm", name)
	return err
}

// inspectNetwork is the IPv4 subnet of an existing network.
func inspectNetwork(ctx context.Context, engine *Engine, name string) (netip.Prefix, error) {
	output, err := engine.Output(ctx, "network", "inspect", name)
	if err != nil {
		return netip.Prefix{}, err
	}
	return parseNetwork(output)
}

// parseNetwork finds the IPv4 subnet in what `network inspect` says: Podman lists subnets, Docker and
// nerdctl an IPAM configuration, Podman on CNI the ranges of its plugins.
func parseNetwork(document []byte) (netip.Prefix, error) {
	type entry struct {
		Subnet string `json:"subnet"`
	}
	var networks []struct {
		Subnets []entry `json:"subnets"`
		IPAM    struct {
			Config []entry `json:"Config"`
		} `json:"IPAM"`
		Plugins []struct {
			IPAM struct {
				Ranges [][]entry `json:"ranges"`
			} `json:"ipam"`
		} `json:"plugins"`
	}
	if err := json.Unmarshal(document, &networks); err != nil {
		return netip.Prefix{}, fmt.Errorf("parse the network's description: %w", err)
	}
	var entries []entry
	for _, network := range networks {
		entries = append(append(entries, network.Subnets...), network.IPAM.Config...)
		for _, plugin := range network.Plugins {
			for _, ranges := range plugin.IPAM.Ranges {
				entries = append(entries, ranges...)
			}
		}
	}
	for _, e := range entries {
		if subnet, err := netip.ParsePrefix(e.Subnet); err == nil && subnet.Addr().Is4() {
			return subnet.Masked(), nil
		}
	}
	return netip.Prefix{}, errors.New("the network has no IPv4 subnet")
}

// routes reads the destinations of the machine's IPv4 routes from a file in the format of
// /proc/net/route: hexadecimal addresses in the byte order of a little-endian machine.
func routes(path string) ([]netip.Prefix, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	var found []netip.Prefix
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 8 || fields[0] == "Iface" {
			continue
		}
		destination, err1 := strconv.ParseUint(fields[1], 16, 32)
		mask, err2 := strconv.ParseUint(fields[7], 16, 32)
		if err1 != nil || err2 != nil || mask == 0 {
			continue
		}
		bits := 0
		for m := mask; m != 0; m >>= 1 {
			bits += int(m & 1)
		}
		var address [4]byte
		binary.LittleEndian.PutUint32(address[:], uint32(destination))
		found = append(found, netip.PrefixFrom(netip.AddrFrom4(address), bits))
	}
	return found, lines.Err()
}

func taken(subnet netip.Prefix, routes []netip.Prefix) bool {
	for _, route := range routes {
		if route.Overlaps(subnet) {
			return true
		}
	}
	return false
}
