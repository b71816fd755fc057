package impact

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"assay/reports/difference"
)

const (
	unprivilegedPing = "ping/unprivileged-icmp"
	lowPort          = "sysctl/low-port-nonroot"
	hostPort         = "ns/host-port"
	pingRange        = "net.ipv4.ping_group_range"
	portStart        = "net.ipv4.ip_unprivileged_port_start"
)

func pingRules() []Rule {
	return []Rule{{ID: "unprivileged-ping", Checks: []string{unprivilegedPing}, find: unprivilegedPings}}
}

func portRules() []Rule {
	return []Rule{
		{ID: "low-port", Checks: []string{lowPort}, find: lowPorts},
		{ID: "host-port", Checks: []string{hostPort}, find: hostPorts},
	}
}

// pings says that a program falls back to ICMP datagram sockets, which need no capability.
func pings(program string) bool { return slices.Contains([]string{"ping", "ping6", "fping"}, program) }

// pingAllowed says that the pod itself opens ICMP datagram sockets.
func pingAllowed(w *Workload) bool {
	value, set := w.sysctl(pingRange)
	fields := strings.Fields(value)
	if !set || len(fields) != 2 {
		return false
	}
	low, err1 := strconv.ParseInt(fields[0], 10, 64)
	high, err2 := strconv.ParseInt(fields[1], 10, 64)
	return err1 == nil && err2 == nil && low <= high
}

// pingWorks says that a plain ping works in the column after: without NET_RAW, then, through ICMP datagram
// sockets that are open by default.
func pingWorks(c *Comparison) bool {
	cell, there := c.B.Results.Cell("ping/default", c.B.Column)
	return there && cell.Stated() && string(cell.Observed) == `"works"`
}

// closesPing says that ping without a capability works before and not after.
func closesPing(c *Comparison) bool {
	change, _ := c.Change(unprivilegedPing)
	value, differs := change.Value("socket")
	return differs && value.Before == "allowed"
}

// unprivilegedPings finds containers that call ping without NET_RAW. It is no default of hostNetwork pods
// and of pods with a user namespace.
func unprivilegedPings(c *Comparison, w *Workload) []Finding {
	if !closesPing(c) || pingAllowed(w) || w.Spec.HostNetwork || w.Spec.HostUsers != nil && !*w.Spec.HostUsers {
		return nil
	}
	change, _ := c.Change(unprivilegedPing)
	value, _ := change.Value("socket")
	var findings []Finding
	for _, k := range w.containers() {
		nonRoot, how := k.nonRoot()
		if k.privileged() || !nonRoot && !k.drops("NET_RAW") || !nonRoot && k.adds("NET_RAW") {
			continue
		}
		if !nonRoot {
			how = "without NET_RAW"
		}
		for _, u := range k.calls([]string{"ping", "ping6", "fping"}) {
			grade, also := Breaks, ""
			if k.adds("NET_RAW") && k.escalates() {
				grade, also = MayBreak, " It adds NET_RAW, which works only where the image's ping has file capabilities: check that."
			}
			findings = append(findings, change.finding(grade, u.at, value,
				fmt.Sprintf("calls %s %s, which works only where %s is open by default, and it no longer is.%s", u.program, how, pingRange, also),
				fmt.Sprintf(`set the safe sysctl %s to "0 2147483647" in %s`, pingRange, w.path("securityContext.sysctls"))))
		}
	}
	return findings
}

// boundPort is a port that a container listens on, as far as the manifest says.
type boundPort struct {
	port int
	at   string
}

var (
	//nolint:gochecknoglobals // patterns
	listenAddress = regexp.MustCompile(`(?:^|[=\s])(?:0\.0\.0\.0|\[::\]|\*)?:(\d{1,5})(?:$|[\s/,])`)
	//nolint:gochecknoglobals // a pattern
	portFlag = regexp.MustCompile(`^--?(?:[a-z-]+-)?port(?:=(\d{1,5}))?$`)
)

// bound lists the ports below a limit that the container declares, or that its arguments name.
func (c container) bound(limit int) []boundPort {
	var found []boundPort
	add := func(text, at string) {
		port, err := strconv.Atoi(text)
		same := func(b boundPort) bool { return b.port == port }
		if err == nil && port > 0 && port < limit && !slices.ContainsFunc(found, same) {
			found = append(found, boundPort{port, at})
		}
	}
	for i, port := range c.Ports {
		add(strconv.Itoa(int(port.ContainerPort)), fmt.Sprintf("%s.ports[%d].containerPort", c.at, i))
	}
	for _, field := range []struct {
		name  string
		words []string
	}{{"command", c.Command}, {"args", c.Args}} {
		for i, word := range field.words {
			at := fmt.Sprintf("%s.%s[%d]", c.at, field.name, i)
			for _, match := range listenAddress.FindAllStringSubmatch(word, -1) {
				add(match[1], at)
			}
			switch match := portFlag.FindStringSubmatch(word); {
			case match == nil:
			case match[1] != "":
				add(match[1], at)
			case i+1 < len(field.words):
				add(field.words[i+1], at)
			}
		}
	}
	return found
}

// lowPorts finds containers that are not root and listen below the first unprivileged port.
func lowPorts(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(lowPort)
	bind, differs := change.Value("bind")
	if !differs || !strings.HasPrefix(bind.After, "denied") || w.Spec.HostNetwork {
		return nil
	}
	limit := 1024
	start, _ := change.Value("sysctl/" + portStart)
	if n, err := strconv.Atoi(start.After); err == nil {
		limit = n
	}
	if value, set := w.sysctl(portStart); set {
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil {
			return nil
		}
		limit = n
	}
	var findings []Finding
	for _, k := range w.containers() {
		nonRoot, how := k.nonRoot()
		guess := !nonRoot && unprivilegedImage(k.Image)
		if uid, _ := k.user(); k.privileged() || !nonRoot && (!guess || uid != nil) {
			continue
		}
		for _, b := range k.bound(limit) {
			grade, also := Breaks, ""
			switch {
			case guess:
				grade, how, also = MayBreak, "as its image says", " Images of this name do not run as root: check the USER of the image."
			case k.adds("NET_BIND_SERVICE") && k.escalates():
				grade, also = MayBreak, " It adds NET_BIND_SERVICE, which works only where the program has that file capability: check it with getcap."
			}
			findings = append(findings, change.finding(grade, b.at, bind,
				fmt.Sprintf("listens on port %d %s; ports below %d are refused to it.%s", b.port, how, limit, also),
				fmt.Sprintf(`set the safe sysctl %s to "%d" in %s, or listen on a port from 1024 on`, portStart, b.port, w.path("securityContext.sysctls"))))
		}
	}
	return findings
}

// unprivilegedImage says that an image's name tells that it does not run as root.
func unprivilegedImage(image string) bool {
	_, full := imageName(image)
	return strings.Contains(image, "nonroot") || strings.Contains(full, "unprivileged") || strings.Contains(full, "bitnami/")
}

// hostPorts finds pods with a hostPort, where it is reachable in another way.
func hostPorts(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(hostPort)
	if w.Spec.HostNetwork {
		return nil
	}
	var findings []Finding
	for _, k := range w.containers() {
		for i, port := range k.Ports {
			if port.HostPort == 0 {
				continue
			}
			at := fmt.Sprintf("%s.ports[%d].hostPort", k.at, i)
			if change.Worse() {
				findings = append(findings, change.failing(Breaks, at, fmt.Sprintf("has hostPort %d, which no longer reaches the container as it should.", port.HostPort),
					"use a Service of type NodePort or LoadBalancer, or hostNetwork"))
				continue
			}
			value, differs := answer(change)
			if !differs || value.After != "timed out" && !strings.HasPrefix(value.After, "refused") {
				continue
			}
			findings = append(findings, loopbackPort(change, value, at, port))
		}
	}
	return findings
}

// answer is the value of a change of a hostPort bound to the loopback address.
func answer(change Change) (difference.Value, bool) {
	for _, value := range change.Values {
		if value.Before != value.After {
			return value, true
		}
	}
	return difference.Value{}, false
}

func loopbackPort(change Change, value difference.Value, at string, port corev1.ContainerPort) Finding {
	const fix = "call the port at the node's address (status.hostIP), or use hostNetwork"
	if strings.HasPrefix(port.HostIP, "127.") {
		return change.finding(Breaks, at, value, fmt.Sprintf("has hostPort %d on %s, which no longer answers on the node.", port.HostPort, port.HostIP), fix)
	}
	return change.finding(MayBreak, at, value,
		fmt.Sprintf("has hostPort %d; programs on the node may no longer reach it at 127.0.0.1. Check who calls localhost:%d there.", port.HostPort, port.HostPort), fix)
}
