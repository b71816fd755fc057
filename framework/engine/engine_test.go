package engine

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestContainersConf(t *testing.T) {
	tests := map[string]struct {
		machine  Machine
		netavark bool
		want     []string
		wantNot  []string
	}{
		"an ordinary machine needs nothing": {
			machine: Machine{Cgroup: CgroupV2, OpenFiles: 1 << 20, Processes: unlimited, PIDMax: 4194304},
			wantNot: []string{"default_ulimits", "runtime", "network_backend"},
		},
		"without SYS_RESOURCE the limits are the machine's": {
			machine: Machine{Cgroup: CgroupV2, MissingCapabilities: []string{"SYS_RESOURCE"}, OpenFiles: 20000, Processes: 96365, PIDMax: 32768},
			want:    []string{`default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]`},
			wantNot: []string{"runtime ="},
		},
		"unlimited limits are bounded by what the kernel takes": {
			machine: Machine{Cgroup: CgroupV2, MissingCapabilities: []string{"SYS_RESOURCE"}, OpenFiles: unlimited, Processes: unlimited, PIDMax: 4194304},
			want:    []string{`"nofile=1048576:1048576", "nproc=4194304:4194304"`},
		},
		"hybrid cgroups take runc": {
			machine:  Machine{Cgroup: CgroupHybrid},
			netavark: true,
			want:     []string{`runtime = "runc"`, `network_backend = "netavark"`},
			wantNot:  []string{"default_ulimits"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text := string(containersConf(test.machine, test.netavark))
			for _, want := range test.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in:\n%s", want, text)
				}
			}
			for _, not := range test.wantNot {
				if strings.Contains(text, not) {
					t.Errorf("%q in:\n%s", not, text)
				}
			}
		})
	}
}

func TestParseNetwork(t *testing.T) {
	tests := map[string]struct {
		document string
		want     string
	}{
		"podman with netavark": {`[{"name":"n","subnets":[{"subnet":"fc00::/64"},{"subnet":"10.91.0.0/16","gateway":"10.91.0.1"}]}]`, "10.91.0.0/16"},
		"podman with CNI":      {`[{"plugins":[{"type":"bridge","ipam":{"ranges":[[{"subnet":"10.92.0.0/16"}]]}},{"type":"portmap"}]}]`, "10.92.0.0/16"},
		"docker":               {`[{"Name":"n","IPAM":{"Driver":"default","Config":[{"Subnet":"10.93.0.0/16","IPRange":"10.93.0.0/24"}]}}]`, "10.93.0.0/16"},
		"IPv6 only":            {`[{"subnets":[{"subnet":"fc00::/64"}]}]`, ""},
		"not JSON":             {`no such network`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseNetwork([]byte(test.document))
			if test.want == "" {
				if err == nil {
					t.Fatalf("got %s, want an error", got)
				}
				return
			}
			if err != nil || got.String() != test.want {
				t.Fatalf("got %s, %v; want %s", got, err, test.want)
			}
		})
	}
}

func TestPodSubnetsAreDisjointAndInTheNetwork(t *testing.T) {
	network := Network{Subnet: netip.MustParsePrefix("10.91.0.0/16")}
	nodes := netip.MustParsePrefix("10.91.0.0/24")
	subnets := network.PodSubnets()
	if len(subnets) != podSlots {
		t.Fatalf("%d subnets, want %d", len(subnets), podSlots)
	}
	for i, subnet := range subnets {
		if !network.Subnet.Contains(subnet.Addr()) || subnet.Overlaps(nodes) {
			t.Errorf("%s is outside the network or among the nodes", subnet)
		}
		for _, other := range subnets[:i] {
			if subnet.Overlaps(other) {
				t.Errorf("%s overlaps %s", subnet, other)
			}
		}
	}
}

func TestRoutes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "route")
	table := "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
		"eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" +
		"br0\t00005B0A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
	if err := os.WriteFile(path, []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := routes(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].String() != "10.91.0.0/16" {
		t.Fatalf("got %v, want only 10.91.0.0/16: the default route takes nothing", got)
	}
	if !taken(netip.MustParsePrefix("10.91.0.0/16"), got) || taken(netip.MustParsePrefix("10.92.0.0/16"), got) {
		t.Error("taken does not see the route, or sees one that is not there")
	}
}

// fakeEngine puts a program of the given name into a directory.
func fakeEngine(t *testing.T, directory, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(directory, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestFind(t *testing.T) {
	const dead = `echo "Cannot connect to the daemon" >&2; exit 1`
	tests := map[string]struct {
		engines map[string]string
		name    string
		want    string
		version string
		reasons []string
	}{
		"none":                               {reasons: []string{"docker is not installed", "podman is not installed", "nerdctl is not installed"}},
		"a client without a daemon":          {engines: map[string]string{"docker": dead}, reasons: []string{"Cannot connect to the daemon"}},
		"the next one that answers":          {engines: map[string]string{"docker": dead, "podman": "echo 4.3.1"}, want: Podman, version: "4.3.1"},
		"the first of two":                   {engines: map[string]string{"docker": "echo 28.1", "podman": "echo 4.3.1"}, want: Docker, version: "28.1"},
		"forced":                             {engines: map[string]string{"docker": "echo 28.1", "podman": "echo 4.3.1"}, name: Podman, want: Podman, version: "4.3.1"},
		"forced and missing":                 {engines: map[string]string{"docker": "echo 28.1"}, name: Nerdctl, reasons: []string{"nerdctl is not installed"}},
		"an answer without a server version": {engines: map[string]string{"docker": "echo"}, reasons: []string{"version"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			for engine, script := range test.engines {
				fakeEngine(t, directory, engine, script)
			}
			t.Setenv("PATH", directory)
			got, err := Find(t.Context(), Options{Name: test.name})
			if test.want != "" {
				if err != nil || got.Name != test.want || got.Version != test.version {
					t.Fatalf("got %+v, %v; want %s %s", got, err, test.want, test.version)
				}
				return
			}
			var missing *NotFoundError
			if !errors.As(err, &missing) {
				t.Fatalf("got %v, want a NotFoundError", err)
			}
			for _, reason := range test.reasons {
				if !strings.Contains(err.Error(), reason) {
					t.Errorf("no %q in %q", reason, err)
				}
			}
		})
	}
}

func TestFindRefusesAnUnknownName(t *testing.T) {
	if _, err := Find(t.Context(), Options{Name: "rkt"}); err == nil || !strings.Contains(err.Error(), "rkt") {
		t.Fatalf("got %v, want an error that names it", err)
	}
}

func TestFindEndsWithTheContext(t *testing.T) {
	directory := t.TempDir()
	fakeEngine(t, directory, "docker", "exec /bin/sleep 60")
	t.Setenv("PATH", directory)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Find(ctx, Options{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the context's error", err)
	}
}

func TestReadMachine(t *testing.T) {
	machine, err := ReadMachine()
	if err != nil {
		t.Fatal(err)
	}
	if machine.Cgroup == "" || machine.OpenFiles == 0 || machine.PIDMax == 0 {
		t.Errorf("facts are missing: %+v", machine)
	}
}

func TestCgroupDriver(t *testing.T) {
	for cgroup, want := range map[string]string{CgroupV1: "cgroupfs", CgroupHybrid: "cgroupfs", CgroupV2: "systemd"} {
		if got := (Machine{Cgroup: cgroup}).CgroupDriver(); got != want {
			t.Errorf("%s: %s, want %s", cgroup, got, want)
		}
	}
}

func TestInotifyInstances(t *testing.T) {
	proc := t.TempDir()
	fd := filepath.Join(proc, "7", "fd")
	if err := os.MkdirAll(fd, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"0": "/dev/null", "1": "anon_inode:inotify", "2": "anon_inode:inotify", "3": "anon_inode:[eventpoll]"} {
		if err := os.Symlink(target, filepath.Join(fd, name)); err != nil {
			t.Fatal(err)
		}
	}
	if got := inotifyInstances(proc); got != 2 {
		t.Fatalf("%d instances, want 2", got)
	}
}

func TestNetworkRoot(t *testing.T) {
	for document, want := range map[string]string{
		`[{"name": "a", "labels": {"io.assay.root": "/checkout"}}]`: "/checkout",
		`[{"Name": "a", "Labels": {"io.assay.root": "/checkout"}}]`: "/checkout",
		`[{"name": "a", "labels": {"other": "/checkout"}}]`:         "",
		`[{"name": "a"}]`: "",
		`no JSON`:         "",
	} {
		if got := networkRoot([]byte(document)); got != want {
			t.Errorf("root %q of %s, wanted %q", got, document, want)
		}
	}
}
