// Package sample has results for the tests of the reports: a run as it really looks, and one in which
// everything that comes out of a cluster is hostile.
package sample

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"assay/reports/results"
)

const (
	fourteen = "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT"
	nine     = "CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETGID SETPCAP SETUID"
	docs     = "https://kubernetes.io/docs/"
	capsPage = docs + "tasks/configure-pod-container/security-context/"
)

// Matrix is a run with two columns in which every verdict occurs.
func Matrix() *results.Results {
	started := time.Date(2026, time.March, 14, 9, 26, 53, 0, time.UTC)
	run := &results.Results{
		SchemaVersion: results.SchemaVersion,
		Run: results.Run{
			ID: "20260314-092653", Started: started, Finished: started.Add(112 * time.Second), Exit: results.ExitBroken,
			Versions:    map[string]string{"assay": "0.1.0", "kind": "v0.33.0", "go": "go1.26.8"},
			CommandLine: []string{"assay", "run", "--matrix", "kind-configs/matrix.yaml"},
		},
		Host: results.Host{
			OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.18.5", Arch: "amd64", Cgroup: "v1", CgroupDriver: "cgroupfs",
			Engine: "podman 4.3.1", Cores: 2, MemoryBytes: 24 << 30,
			Restrictions: []results.Restriction{
				{What: "capability SYS_RESOURCE", Detail: "is not in the engine's bounding set", Effect: "dropped from privileged containers by the OCI shim"},
				{What: "oom_score_adj", Detail: "cannot be set below 0", Effect: "raised to 0 by the OCI shim"},
			},
		},
		Columns: []results.Column{column("containerd", "containerd", "2.4.2"), column("cri-o", "cri-o", "1.36.1")},
		Checks: []results.Check{
			{ID: "caps/default-set", Area: "caps", Level: "info", Claim: "The capability sets of a root container without securityContext.", Source: capsPage},
			{ID: "caps/inheritable-empty", Area: "caps", Level: "must", Claim: "CapInh is empty in a container that is not privileged.", Source: "https://nvd.nist.gov/vuln/detail/CVE-2022-24769"},
			{ID: "caps/drop-net-raw", Area: "caps", Level: "must", Claim: "Without NET_RAW no raw socket can be opened.", Source: capsPage},
			{ID: "ping/default", Area: "ping", Level: "info", Claim: "What a plain ping to a pod on another node does.", Source: capsPage},
			{ID: "priv/can-mount", Area: "priv", Level: "must", Claim: "A privileged container can mount, another cannot.", Source: capsPage},
			{ID: "user/supplemental-groups-strict", Area: "user", Level: "must", Claim: "supplementalGroupsPolicy Strict leaves out the groups of the image.", Source: capsPage},
			{ID: "seccomp/mount", Area: "seccomp", Level: "must", Claim: "mount(2) fails under RuntimeDefault without SYS_ADMIN.", Source: docs + "tutorials/security/seccomp/"},
			{ID: "seccomp/syscall-table", Area: "seccomp", Level: "info", Claim: "What the default seccomp filter answers to every system call.", Source: docs + "tutorials/security/seccomp/"},
			{ID: "seccomp/notify-free", Area: "seccomp", Level: "should", Claim: "No listener occupies the filter chain.", Source: "https://man7.org/linux/man-pages/man2/seccomp_unotify.2.html"},
			{ID: "seccomp/localhost-log", Area: "seccomp", Level: "must", Claim: "SCMP_ACT_LOG lets every call through and logs it.", Source: docs + "tutorials/security/seccomp/"},
			{ID: "sysctl/defaults", Area: "sysctl", Level: "info", Claim: "The sysctls of a pod without securityContext.", Source: docs + "tasks/administer-cluster/sysctl-cluster/"},
			{ID: "netpol/default-deny-ingress", Area: "netpol", Level: "must", Claim: "A policy that selects all pods and allows nothing denies all ingress.", Source: docs + "concepts/services-networking/network-policies/"},
			{ID: "netpol/pod-selector", Area: "netpol", Level: "must", Claim: "A policy for chosen pods leaves the others alone.", Source: docs + "concepts/services-networking/network-policies/"},
		},
		Phases: []results.Phase{
			{Name: "find the engine", Seconds: 0.41},
			{Column: "containerd", Name: "node image", Seconds: 1.2},
			{Column: "cri-o", Name: "node image", Seconds: 1.1},
			{Column: "containerd", Name: "boot", Seconds: 41.7},
			{Column: "cri-o", Name: "boot", Seconds: 47.3},
			{Column: "containerd", Name: "checks", Seconds: 31.04},
			{Column: "cri-o", Name: "checks", Seconds: 36.5},
			{Column: "containerd", Name: "delete", Seconds: 3.8},
			{Column: "cri-o", Name: "delete", Seconds: 4.2},
			{Name: "reports", Seconds: 0.06},
		},
	}
	for _, cell := range cells() {
		cell.Attempts = max(cell.Attempts, 1)
		cell.Rerun = fmt.Sprintf("assay run --column %s --focus %s", cell.Column, cell.Check)
		for i := range cell.Trials {
			trial := &cell.Trials[i]
			trial.Namespace, trial.Node = "assay", "assay-"+cell.Column+"-worker"
			trial.Evidence = fmt.Sprintf("evidence/%s/%s.json", cell.Column, trial.Pod)
		}
		run.Cells = append(run.Cells, cell)
	}
	run.Complete()
	return run
}

// Fleet is the first column of Matrix as a hundred nodes have it: one node has another value, and one fails.
func Fleet() *results.Results {
	run := Matrix()
	run.Columns, run.Phases = run.Columns[:1], nil
	most := make([]string, 0, 98)
	for i := range cap(most) {
		most = append(most, fmt.Sprintf("node-%d", i+1))
	}
	run.Cells = slices.DeleteFunc(run.Cells, func(cell results.Cell) bool { return cell.Column != run.Columns[0].Name })
	for i := range run.Cells {
		cell := &run.Cells[i]
		usual := results.NodeAnswer{Nodes: most, Verdict: cell.Verdict, Reason: cell.Reason, Observed: cell.Observed}
		switch cell.Check {
		case "caps/default-set":
			other := results.NodeAnswer{Nodes: []string{"node-99"}, Verdict: results.Informed, Reason: "recorded", Observed: raw(set(nine))}
			cell.Nodes = []results.NodeAnswer{usual, other}
		case "caps/drop-net-raw":
			other := results.NodeAnswer{Nodes: []string{"node-99", "node-100"}, Verdict: results.Fail, Reason: "drop NET_RAW: wanted denied, observed allowed"}
			cell.Verdict, cell.Reason, cell.Nodes = results.Fail, other.Reason, []results.NodeAnswer{usual, other}
		}
	}
	return run
}

func column(name, runtime, version string) results.Column {
	node := func(role string) results.Node {
		return results.Node{
			Name: "assay-" + name + "-" + role, OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.18.5",
			Runtime: runtime + "://" + version, BoundingSet: "000001fffeffffff",
		}
	}
	return results.Column{
		Name: name, Runtime: results.Runtime{Name: runtime, Version: version},
		OCIRuntime: results.OCIRuntime{Name: "runc", Version: "1.5.2", Libseccomp: "2.5.4"},
		Kubernetes: "1.36.3", Network: results.Network{Name: "kube-router", Version: "2.10.0"},
		Nodes:     []results.Node{node("control-plane"), node("worker")},
		NodeImage: "localhost/assay/node:" + name + "-5f1d0c9a7b3e",
	}
}

func cells() []results.Cell {
	both := func(cell results.Cell) []results.Cell {
		other := cell
		cell.Column, other.Column = "containerd", "cri-o"
		other.Trials = append([]results.Trial(nil), cell.Trials...)
		return []results.Cell{cell, other}
	}
	info := func(check, column string, observed any, trials ...results.Trial) results.Cell {
		return results.Cell{Check: check, Column: column, Verdict: results.Informed, Reason: "recorded", Observed: raw(observed), Seconds: 4.2, Trials: trials}
	}
	var list []results.Cell
	list = append(list,
		info("caps/default-set", "containerd", set(fourteen)),
		info("caps/default-set", "cri-o", set(nine)))
	list = append(list, both(results.Cell{Check: "caps/inheritable-empty", Verdict: results.Pass, Reason: "as wanted", Seconds: 4.1, Trials: []results.Trial{
		{Name: "default", Done: "read the facts of the process", Wanted: "CapInh: none", Seen: "CapInh none", Met: true, Pod: "shared-1", Container: "default"},
	}})...)
	list = append(list, both(results.Cell{Check: "caps/drop-net-raw", Verdict: results.Pass, Reason: "as wanted", Observed: raw(map[string]string{"deniedBy": "capability"}), Seconds: 4.4, Trials: []results.Trial{
		{Name: "drop NET_RAW", Done: "socket inet raw icmp", Wanted: "denied with EPERM", Seen: "denied: socket EPERM", Met: true, DeniedBy: "capability", Why: "the filter allows the call and NET_RAW is not effective", Pod: "shared-1", Container: "drop-net-raw"},
		{Name: "add NET_RAW", Control: true, Done: "socket inet raw icmp", Wanted: "allowed", Seen: "allowed: socket", Met: true, Pod: "shared-1", Container: "add-net-raw"},
	}})...)
	list = append(list,
		info("ping/default", "containerd", "allowed: exit 0", results.Trial{
			Name: "default", Done: "run /bin/ping -c 1 $(PEER_IP)", Seen: "exit 0", Met: true, Pod: "ping-default", Container: "ping",
			Log: "PING 10.91.32.5 (10.91.32.5): 56 data bytes\n64 bytes from 10.91.32.5: seq=0 ttl=62 time=0.212 ms\n",
		}),
		info("ping/default", "cri-o", "denied: exit 1, \"ping: permission denied (are you root?)\"", results.Trial{
			Name: "default", Done: "run /bin/ping -c 1 $(PEER_IP)", Seen: "exit 1", Met: true, DeniedBy: "capability", Pod: "ping-default", Container: "ping",
			Log: "PING 10.91.48.5 (10.91.48.5): 56 data bytes\nping: permission denied (are you root?)\n",
		}))
	list = append(list, both(results.Cell{Check: "priv/can-mount", Verdict: results.Pass, Reason: "as wanted", Seconds: 5.2})...)
	strict := results.Cell{Check: "user/supplemental-groups-strict", Reason: "as wanted", Seconds: 6.1, Trials: []results.Trial{
		{Name: "Merge", Control: true, Done: "read the facts of the process", Wanted: "groups [1000 2000 50000]", Seen: "groups [1000 2000 50000]", Met: true, Pod: "groups-merge", Container: "main"},
		{Name: "Strict", Done: "read the facts of the process", Wanted: "groups [1000 2000]", Pod: "groups-strict", Container: "main"},
	}}
	strictPair := both(strict)
	strictPair[0].Verdict, strictPair[0].Trials[1].Seen, strictPair[0].Trials[1].Met = results.Pass, "groups [1000 2000]", true
	strictPair[1].Verdict, strictPair[1].Trials[1].Seen = results.Fail, "groups [1000 2000 50000]"
	strictPair[1].Reason = "trial Strict: wanted groups [1000 2000], observed groups [1000 2000 50000]: the field was accepted and ignored"
	list = append(list, strictPair...)
	mount := results.Cell{Check: "seccomp/mount", Verdict: results.Pass, Reason: "as wanted", Seconds: 4.8}
	mountPair := both(mount)
	mountPair[0].Observed, mountPair[1].Observed = raw(map[string]string{"deniedBy": "seccomp"}), raw(map[string]string{"deniedBy": "capability"})
	list = append(list, mountPair...)
	list = append(list,
		info("seccomp/syscall-table", "containerd", syscalls("EPERM", "EPERM", "allow")),
		info("seccomp/syscall-table", "cri-o", syscalls("allow", "ENOSYS", "EPERM")))
	notify := both(results.Cell{Check: "seccomp/notify-free", Verdict: results.Pass, Reason: "as wanted", Seconds: 4.3, Trials: []results.Trial{
		{Name: "RuntimeDefault", Done: "install a listener", Wanted: "allowed", Seen: "allowed: seccomp", Met: true, Pod: "shared-2", Container: "runtime-default"},
	}})
	notify[1].Verdict, notify[1].Reason = results.Fail, "trial RuntimeDefault: wanted allowed, observed denied: seccomp EBUSY"
	notify[1].Trials[0].Seen, notify[1].Trials[0].Met, notify[1].Trials[0].DeniedBy = "denied: seccomp EBUSY", false, "kernel"
	list = append(list, notify...)
	list = append(list, both(results.Cell{Check: "seccomp/localhost-log", Verdict: results.Unsupported, Reason: "the node's kernel log cannot be read: EPERM", Seconds: 4.9})...)
	list = append(list,
		info("sysctl/defaults", "containerd", map[string]string{"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647", "kernel.shm_rmid_forced": "0"}),
		info("sysctl/defaults", "cri-o", map[string]string{"net.ipv4.ip_unprivileged_port_start": "1024", "net.ipv4.ping_group_range": "1 0", "kernel.shm_rmid_forced": "0"}))
	deny := both(results.Cell{
		Check: "netpol/default-deny-ingress", Verdict: results.Pass, Reason: "as wanted", Seconds: 12.5, Attempts: 2,
		Earlier: []string{"agent b was never scheduled: 0/2 nodes are available"},
		Trials: []results.Trial{
			{Name: "no policy", Control: true, Done: "connect every agent to every agent", Wanted: "all 12 connected", Seen: "all 12 connected", Met: true, Pod: "agent-a", Container: "agent"},
			{Name: "policy", Done: "connect every agent to every agent", Wanted: "all 12 timed out", Seen: "all 12 timed out", Met: true, Pod: "agent-a", Container: "agent"},
		},
	})
	deny[1].Verdict, deny[1].Reason = results.Error, "control failed: trial no policy: wanted all 12 connected, observed 4 timed out (b to c)"
	deny[1].Trials = deny[1].Trials[:1]
	deny[1].Trials[0].Seen, deny[1].Trials[0].Met = "4 timed out (b to c)", false
	list = append(list, deny...)
	list = append(list, both(results.Cell{Check: "netpol/pod-selector", Verdict: results.Skipped, Reason: "left out by --skip netpol/pod-selector"})...)
	return list
}

func set(names string) map[string]string {
	return map[string]string{"CapPrm": names, "CapEff": names, "CapBnd": names, "CapInh": "none", "CapAmb": "none"}
}

// syscalls is a table in which three groups of calls are answered as given.
func syscalls(mounts, keys, splice string) map[string]string {
	table := map[string]string{}
	for answer, names := range map[string]string{
		"allow":  "accept bind brk chmod chown clone close connect dup execve exit fork futex getpid ioctl kill listen mmap open pipe poll prctl read recvfrom rename seccomp select sendto socket stat unlink wait4 write",
		"EPERM":  "acct bpf create_module delete_module finit_module init_module kexec_load perf_event_open quotactl swapoff swapon userfaultfd",
		"ENOSYS": "clone3",
	} {
		for _, name := range strings.Fields(names) {
			table[name] = answer
		}
	}
	for answer, names := range map[*string]string{
		&mounts: "fanotify_init fsconfig fsmount fsopen fspick get_mempolicy keyctl mbind mount mount_setattr move_mount open_tree pidfd_getfd pivot_root reboot set_mempolicy setns syslog umount2",
		&keys:   "add_key io_uring_enter io_uring_register io_uring_setup request_key set_mempolicy_home_node unshare",
		&splice: "cachestat futex_waitv io_pgetevents vmsplice",
	} {
		for _, name := range strings.Fields(names) {
			table[name] = *answer
		}
	}
	return table
}

func raw(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		return nil // the samples' values can all be encoded
	}
	return text
}
