package network

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"assay/framework/check"
	"assay/framework/existing"
	"assay/framework/judge"
	"assay/framework/policy"
	"assay/framework/probe"
	"assay/framework/target"
	"assay/reports/results"
	"assay/suites"
)

// networkChecks are the suite's own checks by truth tables.
func networkChecks(match func(check.Check) bool) []check.Check {
	return slices.DeleteFunc(suites.Catalogue(), func(c check.Check) bool { return c.Network == nil || !match(c) })
}

func every(check.Check) bool { return true }

func named(ids ...string) func(check.Check) bool {
	return func(c check.Check) bool { return slices.Contains(ids, c.ID) }
}

// cells observes checks in a simulation, in no time, and judges them.
func cells(t *testing.T, s *simulation, fault policy.Fault, change func(*target.Target), checks ...check.Check) map[string]results.Cell {
	t.Helper()
	cells := map[string]results.Cell{}
	synctest.Test(t, func(t *testing.T) {
		to := s.target()
		if change != nil {
			change(&to)
		}
		var mutex sync.Mutex
		timeouts := Timeouts{Agents: time.Minute, Converge: 1500 * time.Millisecond}
		err := observe(t.Context(), surroundings{to: to, timeouts: timeouts, fault: fault, open: s.dial}, Options{
			Prefix: "test", Checks: checks, Timeouts: timeouts,
			Seen: func(c check.Check, o check.NetworkObservation, _ []string, _ time.Duration) error {
				mutex.Lock()
				defer mutex.Unlock()
				cells[c.ID] = judge.Network(c, o)
				return nil
			},
		})
		if err != nil {
			t.Error(err)
		}
		left, err := s.client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
		if err != nil || len(left.Items) > 0 {
			t.Errorf("%d namespaces are left: %v", len(left.Items), err)
		}
	})
	if len(cells) != len(checks) {
		t.Errorf("%d cells of %d checks", len(cells), len(checks))
	}
	return cells
}

// TestConformingNetwork has all checks pass in a network that does what the objects say.
func TestConformingNetwork(t *testing.T) {
	s := simulate()
	s.sctp = true
	for id, cell := range cells(t, s, policy.NoFault, nil, networkChecks(every)...) {
		if cell.Verdict != results.Pass && cell.Verdict != results.Informed {
			t.Errorf("%s: %s: %s", id, cell.Verdict, cell.Reason)
		}
	}
	rights(t, s.client.Actions())
}

// rights sees to it that what was done is among the rights that `assay rbac` prints. What is listed is the
// simulation's own.
func rights(t *testing.T, actions []clienttesting.Action) {
	t.Helper()
	allowed, used := map[string]bool{}, map[string]bool{}
	for _, right := range existing.Rights() {
		for _, verb := range right.Verbs {
			allowed[verb+" "+right.Resource] = true
		}
	}
	for _, action := range actions {
		what := action.GetVerb() + " " + action.GetResource().Resource
		used[what] = true
		if action.GetVerb() != "list" && !allowed[what] {
			t.Errorf("a network check does what is not among the rights: %s", what)
		}
	}
	for _, what := range []string{"update networkpolicies", "delete networkpolicies", "create services", "patch namespaces", "patch pods"} {
		if !used[what] {
			t.Errorf("nobody needs the right to %s", what)
		}
	}
}

// TestNoEnforcement has every check fail that wants a denial.
func TestNoEnforcement(t *testing.T) {
	s := simulate()
	s.open = true
	checks := networkChecks(func(c check.Check) bool { return len(c.Network.Steps) > 0 && c.Network.Many == 0 })
	for id, cell := range cells(t, s, policy.NoFault, nil, checks...) {
		want := results.Fail
		switch {
		case id == "netpol/sctp":
			want = results.Unsupported
		case slices.ContainsFunc(checks, func(c check.Check) bool { return c.ID == id && c.Level == check.Info }):
			want = results.Informed
		}
		if cell.Verdict != want {
			t.Errorf("%s: %s: %s", id, cell.Verdict, cell.Reason)
		}
	}
}

// TestEngineFaults has the checks fail that are about what the engine ignores, and no others.
func TestEngineFaults(t *testing.T) {
	ports := []string{
		"netpol/port-number", "netpol/port-named", "netpol/port-range", "netpol/protocol-only", "netpol/multiple-ports",
		"netpol/egress-port", "netpol/egress-allow-dns", "netpol/udp", "netpol/udp-does-not-open-tcp", "netpol/sctp", "netpol/via-service",
	}
	egress := []string{
		"netpol/default-deny-egress", "netpol/default-deny-both", "netpol/allow-all-egress", "netpol/ingress-and-egress",
		"netpol/egress-deny-beats-ingress-allow", "netpol/egress-pod", "netpol/egress-namespace", "netpol/egress-ip-block",
		"netpol/egress-port", "netpol/egress-allow-dns", "netpol/via-service", "netpol/delete-policy",
		"netpol/loopback", "netpol/host-network-pod", "netpol/established-connection", "netpol/deny-mode",
	}
	selectors := []string{
		"netpol/namespace-selector", "netpol/pod-and-namespace-selector", "netpol/or-list", "netpol/match-expressions-in",
		"netpol/match-expressions-not-in", "netpol/match-expressions-exists", "netpol/default-namespace-label",
		"netpol/egress-namespace", "netpol/stacked-union", "netpol/egress-deny-beats-ingress-allow", "netpol/udp",
		"netpol/via-service", "netpol/update-policy", "netpol/namespace-label",
	}
	for fault, want := range map[policy.Fault][]string{
		policy.PortsIgnored:             ports,
		policy.ExceptIgnored:            {"netpol/ip-block-except", "netpol/ip-block-overlap", "netpol/egress-ip-block"},
		policy.EgressIgnored:            egress,
		policy.NamespaceSelectorIgnored: selectors,
		policy.UnionAsIntersection:      {"netpol/stacked-union", "netpol/allow-all-ingress", "netpol/allow-all-egress"},
	} {
		t.Run(string(fault), func(t *testing.T) {
			s := simulate()
			s.sctp = true
			checks := networkChecks(func(c check.Check) bool { return len(c.Network.Steps) > 0 && c.Network.Many == 0 })
			var failed []string
			for id, cell := range cells(t, s, fault, nil, checks...) {
				switch {
				case cell.Verdict == results.Fail || cell.Verdict == results.Informed && strings.Contains(string(cell.Observed), "not enforced"):
					failed = append(failed, id)
				case cell.Verdict == results.Error:
					t.Errorf("%s: %s", id, cell.Reason)
				}
			}
			for _, id := range want {
				if !slices.Contains(failed, id) {
					t.Errorf("%s does not notice it", id)
				}
			}
			for _, id := range failed {
				if !slices.Contains(want, id) {
					t.Errorf("%s fails, too", id)
				}
			}
		})
	}
}

// TestManyNoticesFaults has the check of many policies fail where the network ignores a part of the objects.
func TestManyNoticesFaults(t *testing.T) {
	faults := policy.Faults()
	if testing.Short() {
		faults = faults[:1]
	}
	for _, fault := range faults {
		s := simulate()
		s.fault = fault
		if cell := cells(t, s, policy.NoFault, nil, networkChecks(named("netpol/many"))...)["netpol/many"]; cell.Verdict != results.Fail {
			t.Errorf("%s: %s: %s", fault, cell.Verdict, cell.Reason)
		}
	}
}

// TestSomebodyElseIsToBlame has what breaks besides the network be an error, whatever the table looks like.
func TestSomebodyElseIsToBlame(t *testing.T) {
	dead := func(namespace string) func(string, probe.ConnectRequest) (probe.ConnectResponse, bool, error) {
		return func(from string, _ probe.ConnectRequest) (probe.ConnectResponse, bool, error) {
			return probe.ConnectResponse{}, strings.HasSuffix(from, namespace), errors.New("the session ended")
		}
	}
	for name, row := range map[string]struct {
		spoil  func(*simulation)
		change func(*target.Target)
		want   results.Verdict
	}{
		"nothing": {want: results.Pass},
		"an agent that ended": {
			spoil: func(s *simulation) { s.intercept = dead("x/a") },
			want:  results.Error,
		},
		"a server that ended": {
			spoil: func(s *simulation) {
				s.intercept = func(from string, request probe.ConnectRequest) (probe.ConnectResponse, bool, error) {
					response := probe.ConnectResponse{Connections: map[string]probe.Connection{}}
					for _, target := range request.Targets {
						response.Connections[target.Name] = probe.Refused
					}
					return response, strings.HasSuffix(from, "x/b"), nil
				}
			},
			want: results.Error,
		},
		"a broken probe": {
			spoil: func(s *simulation) {
				s.intercept = func(from string, request probe.ConnectRequest) (probe.ConnectResponse, bool, error) {
					response := probe.ConnectResponse{Connections: map[string]probe.Connection{self: probe.Connected}}
					for _, target := range request.Targets {
						if target.Name != self {
							response.Connections[target.Name] = probe.BrokenProbe
						}
					}
					return response, strings.HasSuffix(from, "x/b"), nil
				}
			},
			want: results.Error,
		},
		"a network that does not enforce": {
			spoil: func(s *simulation) { s.open = true },
			want:  results.Fail,
		},
		"a network that does not run": {
			spoil: func(s *simulation) { s.open = true },
			change: func(to *target.Target) {
				to.NetworkHealth = func(context.Context) error { return errors.New("stopped") }
			},
			want: results.Error,
		},
		"a network that is well and does not enforce": {
			spoil:  func(s *simulation) { s.open = true },
			change: func(to *target.Target) { to.NetworkHealth = func(context.Context) error { return nil } },
			want:   results.Fail,
		},
		"a pod that was replaced": {
			spoil: func(s *simulation) {
				s.intercept = func(from string, _ probe.ConnectRequest) (probe.ConnectResponse, bool, error) {
					// Once there is a policy, nothing works any more.
					policies, err := s.client.NetworkingV1().NetworkPolicies("").List(context.Background(), metav1.ListOptions{})
					return probe.ConnectResponse{}, len(policies.Items) > 0 && strings.HasSuffix(from, "y/a"), errors.Join(err, errors.New("gone"))
				}
			},
			want: results.Error,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := simulate()
			if row.spoil != nil {
				row.spoil(s)
			}
			for id, cell := range cells(t, s, policy.NoFault, row.change, networkChecks(named("netpol/default-deny-ingress"))...) {
				if cell.Verdict != row.want {
					t.Errorf("%s: %s: %s", id, cell.Verdict, cell.Reason)
				}
			}
		})
	}
}

// TestNoAddressToReuse has the check be skipped where no pod gets the address again, and the grid replaced.
func TestNoAddressToReuse(t *testing.T) {
	s := simulate()
	none := func(to *target.Target) { to.OfferAddress = nil }
	got := cells(t, s, policy.NoFault, none, networkChecks(named("netpol/ip-reuse", "netpol/udp"))...)
	if cell := got["netpol/ip-reuse"]; cell.Verdict != results.Skipped {
		t.Errorf("%s: %s", cell.Verdict, cell.Reason)
	}
	if cell := got["netpol/udp"]; cell.Verdict != results.Pass {
		t.Errorf("%s: %s", cell.Verdict, cell.Reason)
	}
}

// TestIsolatedColumn has what needs another column's node be skipped where there is none.
func TestIsolatedColumn(t *testing.T) {
	alone := func(to *target.Target) { to.Others = nil }
	for id, cell := range cells(t, simulate(), policy.NoFault, alone, networkChecks(named("net/cross-runtime"))...) {
		if cell.Verdict != results.Skipped || cell.Reason == "" {
			t.Errorf("%s: %s: %s", id, cell.Verdict, cell.Reason)
		}
	}
}

// TestBadNeighbour has the node of another column take no pods, which is about no other check.
func TestBadNeighbour(t *testing.T) {
	s := simulate()
	s.client.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		pod := action.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
		return pod.Spec.NodeName == "three", nil, errors.New("the node is gone")
	})
	got := cells(t, s, policy.NoFault, nil, networkChecks(named("net/cross-runtime", "netpol/udp"))...)
	if cell := got["net/cross-runtime"]; cell.Verdict != results.Error || !strings.Contains(cell.Reason, "the node is gone") {
		t.Errorf("%s: %s", cell.Verdict, cell.Reason)
	}
	if cell := got["netpol/udp"]; cell.Verdict != results.Pass {
		t.Errorf("%s: %s", cell.Verdict, cell.Reason)
	}
}

// TestBrokenSurvivorIsNoCut has a connection that was open before the policies not be taken for cut where the probe
// broke.
func TestBrokenSurvivorIsNoCut(t *testing.T) {
	s := simulate()
	s.intercept = func(_ string, request probe.ConnectRequest) (probe.ConnectResponse, bool, error) {
		policies, err := s.client.NetworkingV1().NetworkPolicies("").List(context.Background(), metav1.ListOptions{})
		response := probe.ConnectResponse{Connections: map[string]probe.Connection{}}
		for _, target := range request.Targets {
			response.Connections[target.Name] = probe.BrokenProbe
		}
		return response, len(policies.Items) > 0 && request.Targets[0].Keep, err
	}
	for id, cell := range cells(t, s, policy.NoFault, nil, networkChecks(named("netpol/established-connection"))...) {
		if cell.Verdict != results.Error {
			t.Errorf("%s: %s: %s", id, cell.Verdict, cell.Reason)
		}
	}
}

// TestSlowNetwork has a network converge that takes its time.
func TestSlowNetwork(t *testing.T) {
	s := simulate()
	var mutex sync.Mutex
	tables := map[string]int{}
	s.intercept = func(from string, request probe.ConnectRequest) (probe.ConnectResponse, bool, error) {
		mutex.Lock()
		defer mutex.Unlock()
		tables[from]++
		late := tables[from] < 10 && request.TimeoutMilliseconds < 1000
		response := probe.ConnectResponse{Connections: map[string]probe.Connection{self: probe.Connected}}
		for _, target := range request.Targets {
			if target.Name != self {
				response.Connections[target.Name] = probe.TimedOut
			}
		}
		return response, late, nil
	}
	for id, cell := range cells(t, s, policy.NoFault, nil, networkChecks(named("netpol/default-deny-ingress"))...) {
		if cell.Verdict != results.Pass {
			t.Errorf("%s: %s: %s", id, cell.Verdict, cell.Reason)
		}
	}
}

// TestLateDamage has a connection fail the check that is made at first and is blocked once the policy is in force.
func TestLateDamage(t *testing.T) {
	s := simulate()
	var mutex sync.Mutex
	rounds := 0
	s.intercept = func(from string, request probe.ConnectRequest) (probe.ConnectResponse, bool, error) {
		policies, err := s.client.NetworkingV1().NetworkPolicies("").List(context.Background(), metav1.ListOptions{})
		if err != nil || len(policies.Items) == 0 || !strings.HasSuffix(from, "y/a") {
			return probe.ConnectResponse{}, false, err
		}
		mutex.Lock()
		defer mutex.Unlock()
		if rounds++; rounds == 1 {
			return probe.ConnectResponse{}, false, nil
		}
		response := probe.ConnectResponse{Connections: map[string]probe.Connection{}}
		for _, target := range request.Targets {
			response.Connections[target.Name] = probe.Refused
		}
		response.Connections[self] = probe.Connected
		return response, true, nil
	}
	for id, cell := range cells(t, s, policy.NoFault, nil, networkChecks(named("netpol/default-deny-ingress"))...) {
		if cell.Verdict != results.Fail {
			t.Errorf("%s: %s: %s", id, cell.Verdict, cell.Reason)
		}
	}
}

func TestLabelPatch(t *testing.T) {
	own := map[string]string{"pod": "a", "ns": "x", "assay.dev/made-by-assay": "pod"}
	with := maps.Clone(own)
	with["role"] = "client"
	for name, row := range map[string]struct {
		has, wanted map[string]string
		want        string
	}{
		"nothing to do": {own, nil, ""},
		"one more":      {own, map[string]string{"role": "client"}, `{"metadata":{"labels":{"role":"client"}}}`},
		"one less":      {with, nil, `{"metadata":{"labels":{"role":null}}}`},
		"another value": {with, map[string]string{"role": "server"}, `{"metadata":{"labels":{"role":"server"}}}`},
	} {
		if got := string(labelPatch(row.has, row.wanted)); got != row.want {
			t.Errorf("%s: got %s, want %s", name, got, row.want)
		}
	}
}

func TestPlaceRefusesUnknownNames(t *testing.T) {
	g := emptyGrid(surroundings{})
	g.namespaces["x"] = &corev1.Namespace{}
	for _, cidr := range []string{"{x/nobody}/32"} {
		if _, err := g.placeBlock(cidr); err == nil {
			t.Errorf("%s: accepted", cidr)
		}
	}
	if got, err := g.placeBlock("10.0.0.0/8"); err != nil || got != "10.0.0.0/8" {
		t.Errorf("a plain block: %s, %v", got, err)
	}
}
