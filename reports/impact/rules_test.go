package impact_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"assay/reports/impact"
	"assay/reports/results"
)

// change is a run in which one check differs.
type change struct{ check, before, after string }

func (c change) comparison(verdicts ...results.Verdict) *impact.Comparison {
	if len(verdicts) == 0 {
		verdicts = []results.Verdict{results.Informed, results.Informed}
	}
	cell := func(column, observed string, verdict results.Verdict) results.Cell {
		return results.Cell{Check: c.check, Column: column, Verdict: verdict, Reason: "a reason", Observed: json.RawMessage(observed)}
	}
	run := &results.Results{
		Columns: []results.Column{{Name: "a"}, {Name: "b"}},
		Checks:  []results.Check{{ID: c.check, Level: "info", Source: "https://example.com/"}},
		Cells:   []results.Cell{cell("a", c.before, verdicts[0]), cell("b", c.after, verdicts[1])},
	}
	return impact.Compare(impact.Side{Results: run, Column: "a"}, impact.Side{Results: run, Column: "b"})
}

// findings reads a pod with these fields, which may be followed by more documents, and judges it.
func findings(t *testing.T, c *impact.Comparison, spec string, profiles impact.Profiles) []impact.Finding {
	t.Helper()
	r, err := reader()
	if err != nil {
		t.Fatal(err)
	}
	manifests := &impact.Manifests{}
	if err := r.Read(manifests, strings.NewReader("apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {app: p}}\nspec:\n  "+strings.ReplaceAll(spec, "\n", "\n  ")), "f"); err != nil {
		t.Fatal(err)
	}
	return impact.Judge(c, manifests, profiles).Verdicts[0].Findings
}

func container(fields string) string {
	return "containers: [{name: c, image: registry.example.com/x/i:1, " + fields + "}]"
}

// TestRules holds each rule to one change in the direction that touches the pod; in the other direction, and
// with the fields of the last column, nothing is found.
func TestRules(t *testing.T) {
	const table = "seccomp/syscall-table"
	runtimeDefault := "securityContext: {seccompProfile: {type: RuntimeDefault}}"
	tests := []struct {
		rule     string
		change   change
		touched  string
		grade    impact.Grade
		spared   string
		bothWays bool
	}{
		{"pids-limit", change{"cgroup/pids-limit", `{"limits":{"container.pids.limit":"max"}}`, `{"limits":{"container.pids.limit":"1024"}}`}, container("command: [java, -jar, x.jar]"), impact.MayBreak, container("command: [sleep]"), false},
		{"rlimits", change{"cgroup/rlimits", `{"default":{"Max open files":"1048576 1048576 files"}}`, `{"default":{"Max open files":"1024 1024 files"}}`}, "containers: [{name: c, image: x/elasticsearch:8}]", impact.MayBreak, container("command: [sleep]"), false},
		{"dev-shm", change{"fs/dev-shm", `{"size":"67108864"}`, `{"size":"1048576"}`}, "containers: [{name: c, image: x/postgres:8}]", impact.MayBreak, "containers: [{name: c, image: x/postgres:8, volumeMounts: [{name: s, mountPath: /dev/shm}]}]", false},
		{"apparmor-default-name", change{"lsm/apparmor-profile", `{"RuntimeDefault":{"profile":"cri-containerd.apparmor.d"}}`, `{"RuntimeDefault":{"profile":"crio-default"}}`}, container("securityContext: {appArmorProfile: {type: Localhost, localhostProfile: cri-containerd.apparmor.d}}"), impact.Breaks, container("securityContext: {appArmorProfile: {type: RuntimeDefault}}"), false},
		{"runtime-class", change{"class/handler", `{"runc":"allowed","crun":"allowed"}`, `{"runc":"allowed","crun":"not started: FailedCreatePodSandBox"}`}, "runtimeClassName: crun\n" + container("command: [x]"), impact.Breaks, "runtimeClassName: runc\n" + container("command: [x]"), false},
		{"seccomp-unset", change{"seccomp/unset", `{"Seccomp":"0"}`, `{"Seccomp":"2"}`}, container("command: [x]"), impact.MayBreak, container("securityContext: {seccompProfile: {type: Unconfined}}"), false},
		{"mount-sys-admin", change{"seccomp/mount-sys-admin", `{"RuntimeDefault":"allowed"}`, `{"RuntimeDefault":"denied: mount EPERM"}`}, runtimeDefault + "\n" + container("securityContext: {capabilities: {add: [SYS_ADMIN]}}"), impact.MayBreak, runtimeDefault + "\n" + container("command: [x]"), false},
		{"syscall-errno", change{table, `{"clone3":"ENOSYS"}`, `{"clone3":"EPERM"}`}, runtimeDefault + "\n" + container("command: [x]"), impact.MayBreak, container("command: [x]"), false},
		{"syscall-closed", change{table, `{"io_uring_setup":"allow"}`, `{"io_uring_setup":"EPERM"}`}, runtimeDefault + "\ncontainers: [{name: c, image: x/scylla:1}]", impact.MayBreak, "containers: [{name: c, image: x/scylla:1}]", false},
		{"syscall-closed", change{table, `{"bpf":"allow"}`, `{"bpf":"EPERM"}`}, runtimeDefault + "\n" + container("command: [bpftrace, -l]"), impact.Breaks, runtimeDefault + "\n" + container("command: [x]"), false},
		{"syscall-closed", change{table, `{"socket family=38":"allow"}`, `{"socket family=38":"EPERM"}`}, runtimeDefault + "\n" + container("command: [sh, -c, 'cryptsetup open /d x']"), impact.MayBreak, runtimeDefault + "\n" + container("command: [x]"), false},
		{"passwd-entry", change{"user/etc-passwd-entry", `{"entry":"1:x:1:"}`, `{"entry":"none"}`}, container("command: [git, clone, x], securityContext: {runAsUser: 4711}"), impact.MayBreak, container("command: [git, clone, x]"), false},
		{"environment", change{"user/home-and-env", `{"uid 0":{"HOME":"/root"}}`, `{"uid 0":{"HOME":"/"}}`}, container(`command: [sh, -c, "cat $HOME/.config"]`), impact.MayBreak, container(`command: [sh, -c, "cat $HOME/.config"], env: [{name: HOME, value: /x}]`), true},
		{"path", change{"fs/masked-paths", `{"default":{"/proc/interrupts":"rw"}}`, `{"default":{"/proc/interrupts":"masked"}}`}, container("command: [cat, /proc/interrupts]"), impact.MayBreak, container("command: [cat, /proc/stat]"), false},
		{"sysctl-default", change{"sysctl/defaults", `{"net.core.somaxconn":"4096"}`, `{"net.core.somaxconn":"128"}`}, "containers: [{name: c, image: x/redis:1}]", impact.MayBreak, "securityContext: {sysctls: [{name: net.core.somaxconn, value: '1024'}]}\ncontainers: [{name: c, image: x/redis:1}]", false},
		{"memory-floor", change{"cgroup/memory-floor", `{"1Mi":"started","8Mi":"started"}`, `{"1Mi":"not started: x","8Mi":"started"}`}, container("resources: {limits: {memory: 4Mi}}"), impact.MayBreak, container("resources: {limits: {memory: 8Mi}}"), false},
		{"unqualified-image", change{"life/short-name", `{"resolved":"hub.example/library/x"}`, `{"resolved":"quay.example/library/x"}`}, "containers: [{name: c, image: nginx}]", impact.MayBreak, "containers: [{name: c, image: 'localhost/nginx'}]", true},
		{"default-capabilities", change{"caps/default-set", `{"CapBnd":"2: CHOWN SYS_CHROOT"}`, `{"CapBnd":"1: CHOWN"}`}, container("command: [chroot, /x, z]"), impact.Breaks, container("command: [chroot, /x, z], securityContext: {capabilities: {add: [CAP_SYS_CHROOT]}}"), false},
		{"default-capabilities", change{"caps/default-set", `{"CapBnd":"1: NET_RAW"}`, `{"CapBnd":"none"}`}, container("livenessProbe: {exec: {command: [arping, -c1, x]}}"), impact.Breaks, container("livenessProbe: {exec: {command: [arping, x]}}, securityContext: {privileged: true}"), false},
		{"default-capabilities", change{"caps/default-set", `{"CapBnd":"1: NET_RAW"}`, `{"CapBnd":"none"}`}, container("command: [/sbin/tini, --, su-exec, app, tcpdump]"), impact.Breaks, container("command: [kubectl, exec, x, --, ping]"), false},
		{"low-port", change{"sysctl/low-port-nonroot", `{"bind":"allowed"}`, `{"bind":"denied: bind EACCES"}`}, container("args: ['--port=443'], securityContext: {runAsUser: 5}"), impact.Breaks, container("args: ['--upstream=http://x:80'], securityContext: {runAsUser: 5}"), false},
	}
	for i, test := range tests {
		t.Run(fmt.Sprintf("%d %s", i, test.rule), func(t *testing.T) {
			forward := test.change.comparison()
			got := findings(t, forward, test.touched, impact.Profiles{})
			if !slices.ContainsFunc(got, func(f impact.Finding) bool { return f.Rule == test.rule && f.Grade == test.grade }) {
				t.Errorf("got %+v, want %s by %s", got, test.grade, test.rule)
			}
			if got := findings(t, forward, test.spared, impact.Profiles{}); len(got) > 0 {
				t.Errorf("the spared one is touched: %+v", got)
			}
			back := change{test.change.check, test.change.after, test.change.before}.comparison()
			if got := findings(t, back, test.touched, impact.Profiles{}); len(got) > 0 && !test.bothWays {
				t.Errorf("touched in the other direction: %+v", got)
			}
		})
	}
}

// everything is a pod that uses every field that a rule knows.
const everything = `hostUsers: false
hostNetwork: true
hostPID: true
hostIPC: true
shareProcessNamespace: true
hostname: h
runtimeClassName: r
restartPolicy: OnFailure
hostAliases: [{ip: 10.0.0.1, hostnames: [x]}]
securityContext:
  supplementalGroupsPolicy: Strict
  supplementalGroups: [5]
  fsGroup: 5
  seLinuxOptions: {level: s0}
  sysctls: [{name: net.ipv4.tcp_syncookies, value: "1"}, {name: kernel.msgmax, value: "1"}]
volumes:
- {name: i, image: {reference: registry.example.com/x}}
- {name: m, emptyDir: {medium: Memory}}
- {name: h, hostPath: {path: /x}}
- {name: s, secret: {secretName: s}}
containers:
- name: c
  image: registry.example.com/x
  resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}]
  resources: {limits: {memory: 1Gi, cpu: 1}}
  terminationMessagePolicy: FallbackToLogsOnError
  livenessProbe: {exec: {command: [x]}}
  lifecycle: {stopSignal: SIGQUIT, preStop: {exec: {command: [x]}}, postStart: {exec: {command: [x]}}}
  volumeMounts:
  - {name: h, mountPath: /a, readOnly: true, recursiveReadOnly: Enabled, mountPropagation: HostToContainer, subPath: b}
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    procMount: Unmasked
    runAsUser: 5
    runAsGroup: 5
    runAsNonRoot: true
    capabilities: {drop: [ALL]}
    seccompProfile: {type: RuntimeDefault}
    appArmorProfile: {type: Localhost, localhostProfile: x}
- name: d
  image: registry.example.com/x
  securityContext: {privileged: true}
- name: e
  image: registry.example.com/x
  securityContext: {seccompProfile: {type: Localhost, localhostProfile: x}}
`

// TestFieldsThatNoLongerHold: where a check passed and fails, or is unsupported, the pods that use its field
// are touched; where it fails and passes, or nothing differs but the value, they are not.
func TestFieldsThatNoLongerHold(t *testing.T) {
	special := []string{"network-policy", "exec-probe"}
	for _, rule := range impact.Rules() {
		for _, check := range rule.Checks {
			c := change{check, `"x"`, `"x"`}
			for _, verdict := range []results.Verdict{results.Fail, results.Unsupported} {
				ids := func(of []impact.Finding) (ids []string) {
					for _, f := range of {
						ids = append(ids, f.Rule)
					}
					return ids
				}
				worse := ids(findings(t, c.comparison(results.Pass, verdict), everything, impact.Profiles{}))
				better := ids(findings(t, c.comparison(verdict, results.Pass), everything, impact.Profiles{}))
				if isField := fieldRule(rule.ID); isField && !slices.Contains(worse, rule.ID) {
					t.Errorf("%s to %s: rule %s finds nothing", check, verdict, rule.ID)
				}
				if len(better) > 0 && !slices.Contains(special, rule.ID) {
					t.Errorf("%s: touched though it passes now: %v", check, better)
				}
			}
		}
	}
}

// fieldRule says that a rule rests on verdicts alone.
func fieldRule(id string) bool {
	return slices.Contains(strings.Fields(`host-users host-network host-pid host-ipc share-process-namespace hostname supplemental-groups-policy supplemental-groups
		fs-group safe-sysctl unsafe-sysctl selinux dns overhead restart stop-signal prestop poststart exec-probe drop-all no-escalation read-only-root proc-mount
		run-as-user run-as-group run-as-non-root privileged runtime-default localhost-profile memory-limit cpu-limit resize termination-message
		apparmor-profile-enforced recursive-read-only mount-propagation sub-path image-volume empty-dir-memory projected-files host-path`), id)
}

func TestNetworkPolicies(t *testing.T) {
	policy := func(selector string) string {
		return "containers: []\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: policy}\nspec: {podSelector: {matchLabels: {app: " + selector + "}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}\n"
	}
	c := change{"netpol/ip-block", `"x"`, `"x"`}.comparison(results.Pass, results.Fail)
	r, err := reader()
	if err != nil {
		t.Fatal(err)
	}
	for selector, want := range map[string]int{"p": 1, "q": 0} {
		manifests := &impact.Manifests{}
		text := "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {app: p}}\nspec:\n  " + policy(selector)
		if err := r.Read(manifests, strings.NewReader(text), "f"); err != nil {
			t.Fatal(err)
		}
		if got := impact.Judge(c, manifests, impact.Profiles{}).Verdicts[0].Findings; len(got) != want {
			t.Errorf("selector %s: got %+v", selector, got)
		}
	}
}

func TestProfiles(t *testing.T) {
	files := fstest.MapFS{
		"old.json":    {Data: []byte(`{"syscalls":[{"name":"read","action":"SCMP_ACT_ALLOW"}]}`)},
		"arch.json":   {Data: []byte(`{"archMap":[]}`)},
		"empty.json":  {Data: []byte(`{"syscalls":[{"names":["read"],"includes":{},"excludes":null}]}`)},
		"broken.json": {Data: []byte(`{`)},
	}
	c := change{"seccomp/localhost-docker-dialect", `{"acct":"EPERM"}`, `{"acct":"allow"}`}.comparison()
	for name, want := range map[string]string{"old.json": "breaks", "arch.json": "breaks", "empty.json": "", "absent.json": "may break", "../out.json": "may break"} {
		got := findings(t, c, container("securityContext: {seccompProfile: {type: Localhost, localhostProfile: "+name+"}}"), impact.Profiles{Files: files})
		if len(got) != min(len(want), 1) || len(got) == 1 && got[0].Grade.String() != want {
			t.Errorf("%s: got %+v, want %q", name, got, want)
		}
	}
	r, err := reader()
	if err != nil {
		t.Fatal(err)
	}
	manifests := &impact.Manifests{}
	broken := "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {securityContext: {seccompProfile: {type: Localhost, localhostProfile: broken.json}}, containers: [{name: c}]}\n"
	if err := r.Read(manifests, strings.NewReader(broken), "f"); err != nil {
		t.Fatal(err)
	}
	if err := (impact.Profiles{Files: files}).Check(manifests); err == nil || !strings.Contains(err.Error(), "broken.json") {
		t.Errorf("got %v", err)
	}
}
