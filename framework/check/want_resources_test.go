package check_test

import (
	"testing"

	"assay/framework/check"
	"assay/framework/probe"
)

func TestMetByFilesAndResources(t *testing.T) {
	ended := func(code int32, reason string) check.Observation {
		return check.Observation{State: check.State{Started: true, Terminated: true, ExitCode: code, Reason: reason}}
	}
	content := func(text string) check.Observation {
		o := allowed(map[string]string{"content": text})
		o.Namespace, o.Pod, o.Node = "ns", "pod-1", "node-1"
		return o
	}
	score := func(text string, bounding ...string) check.Observation {
		o := content(text)
		o.NodeBounding = set(t, bounding...)
		return o
	}
	guaranteed := check.OOMScoreAdj{From: -997, To: -997}
	lines := check.Lines{Having: []string{`search $NAMESPACE\.svc\.\S+`, `nameserver \S+`}, Lacking: []string{`.*other.*`}}
	for _, row := range []struct {
		name string
		want check.Want
		seen check.Observation
		met  bool
	}{
		{"one of", check.OneOf{"a": {"1", "2"}}, allowed(map[string]string{"a": "2", "b": "3"}), true},
		{"none of", check.OneOf{"a": {"1", "2"}}, allowed(map[string]string{"a": "3"}), false},
		{"one of, but missing", check.OneOf{"a": {"1", ""}}, allowed(map[string]string{}), false},
		{"one of, but denied", check.OneOf{"a": {"1"}}, denied("EPERM", ""), false},
		{"one of, but unknown", check.OneOf{}, check.Observation{}, false},

		{"lines", lines, content("search ns.svc.cluster.local\nnameserver\t192.0.2.1\n"), true},
		{"lines of another namespace", lines, content("search default.svc.cluster.local\nnameserver 192.0.2.1\n"), false},
		{"half the lines", lines, content("nameserver 192.0.2.1\n"), false},
		{"a line too many", lines, content("search ns.svc.cluster.local\nnameserver 192.0.2.1\n# other\n"), false},
		{"part of a line", check.Lines{Having: []string{"name"}}, content("name server\n"), false},
		{"no expression", check.Lines{Having: []string{"("}}, content("(\n"), false},
		{"lines, but denied", check.Lines{}, denied("EPERM", ""), false},

		{"decided, started", check.Settled{}, ended(0, ""), true},
		{"decided, refused", check.Settled{}, notStarted("StartError", "no"), true},
		{"not decided", check.Settled{}, check.Observation{}, false},
		// A runtime that restarts gives no sandbox: nobody has decided about the container.
		{"no sandbox is no decision", check.Settled{}, notStarted(check.SandboxFailed, "unavailable"), false},
		{"no sandbox is no refusal", check.NotStarted{}, notStarted(check.SandboxFailed, "unavailable"), false},
		{"no sandbox, and wanted so", check.NotStarted{Messages: []string{"no such handler"}}, notStarted(check.SandboxFailed, "no such handler"), true},
		{"no sandbox is not what a filter does", check.NeverRan{}, notStarted(check.SandboxFailed, "unavailable"), false},
		{"no sandbox enforces nothing", check.EnforcedOrRefused{}, notStarted(check.SandboxFailed, "unavailable"), false},

		{"OOM", check.OOMKilled{}, ended(137, "OOMKilled"), true},
		{"killed by somebody else", check.OOMKilled{}, ended(137, "Error"), false},
		{"OOM of a child", check.OOMKilled{}, ended(1, "OOMKilled"), false},
		{"OOM, but running", check.OOMKilled{}, check.Observation{State: check.State{Started: true}}, false},
		{"running", check.Running{}, check.Observation{State: check.State{Started: true}}, true},
		{"not running any more", check.Running{}, ended(0, "Completed"), false},
		{"never running", check.Running{}, check.Observation{}, false},

		{"shares", check.CPUShare{Milli: 250}, allowed(map[string]string{"cpu.shares": "256"}), true},
		{"other shares", check.CPUShare{Milli: 250}, allowed(map[string]string{"cpu.shares": "1024"}), false},
		{"least shares", check.CPUShare{}, allowed(map[string]string{"cpu.shares": "2"}), true},
		{"weight as of old", check.CPUShare{Milli: 1000}, allowed(map[string]string{"cpu.weight": "39"}), true},
		{"weight of today", check.CPUShare{Milli: 1000}, allowed(map[string]string{"cpu.weight": "100"}), true},
		{"least weight", check.CPUShare{}, allowed(map[string]string{"cpu.weight": "1"}), true},
		{"other weight", check.CPUShare{Milli: 100}, allowed(map[string]string{"cpu.weight": "100"}), false},
		{"no weight", check.CPUShare{}, allowed(map[string]string{}), false},
		{"weight, but denied", check.CPUShare{}, denied("ENOENT", ""), false},

		{"score", guaranteed, score("-997\n", "SYS_RESOURCE"), true},
		{"another score", guaranteed, score("0\n", "SYS_RESOURCE"), false},
		{"score of a restricted node", guaranteed, score("0\n", "CHOWN"), true},
		{"too high a score for a restricted node", guaranteed, score("1000\n", "CHOWN"), false},
		{"score, the node unknown", guaranteed, score("0\n"), false},
		{"score in its range", check.OOMScoreAdj{From: 2, To: 999}, score("995", "CHOWN"), true},
		{"score out of its range", check.OOMScoreAdj{From: 2, To: 999}, score("1000", "CHOWN"), false},
		{"no score", guaranteed, score("", "CHOWN"), false},

		{"level", check.LabelLevel("s0:c1,c2"), allowed(map[string]string{"label": "u:r:t:s0:c1,c2"}), true},
		{"another level", check.LabelLevel("s0:c1,c2"), allowed(map[string]string{"label": "u:r:t:s0"}), false},
		{"no level", check.LabelLevel("s0"), allowed(map[string]string{"label": "unconfined"}), false},
		{"level, but no result", check.LabelLevel("s0"), check.Observation{Document: &probe.Document{}}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.want.Met(row.seen); got != row.met {
				t.Errorf("met %v, want %v: wanted %s, seen %s", got, row.met, row.want, row.want.Seen(row.seen))
			}
		})
	}
}
