package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"assay/framework/cli"
	"assay/reports/results"
)

func execute(t *testing.T, arguments ...string) (status int, out, problems string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = cli.Main(t.Context(), arguments, &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWrongUsageIsOneMessageAndNoSideEffect(t *testing.T) {
	unknownField := write(t, "matrix.yaml", "schemaVersion: 1\ncolumns:\n  - runtime: {name: containerd, version: 2.4.2}\n    colour: red\n")
	unknownVersion := write(t, "matrix.yaml", "schemaVersion: 1\ncolumns:\n  - runtime: {name: containerd, version: 0.0.1}\n")
	unlike := write(t, "matrix.yaml", "schemaVersion: 1\ntopology: mixed\ndefaults: {kubernetes: 1.36.3}\ncolumns:\n"+
		"  - runtime: {name: containerd, version: 2.4.2}\n  - {runtime: {name: cri-o, version: 1.36.1}, network: {name: kube-router, firewall: false}}\n")
	unknownUpgrade := write(t, "matrix.yaml", "schemaVersion: 1\ndefaults: {kubernetes: 1.36.3}\ncolumns:\n  - {name: a, runtime: {name: containerd, version: 2.4.2}}\nupgrades: [{from: a, to: b}]\n")
	notYAML := write(t, "matrix.yaml", "columns: [")
	cases := map[string]struct {
		arguments []string
		says      string
	}{
		"an unknown flag":            {[]string{"run", "--colour"}, "--colour"},
		"an unknown command":         {[]string{"fly"}, "fly"},
		"an argument too many":       {[]string{"run", "now"}, "now"},
		"a file that is not there":   {[]string{"run", "--matrix", "nowhere.yaml"}, "nowhere.yaml"},
		"an unknown field":           {[]string{"run", "--matrix", unknownField}, unknownField + ":4"},
		"an unknown version":         {[]string{"run", "--matrix", unknownVersion}, unknownVersion + ":3"},
		"a file that is not YAML":    {[]string{"build", "--matrix", notYAML}, notYAML + ":1"},
		"an unknown topology":        {[]string{"run", "--topology", "star"}, "--topology"},
		"columns that do not mix":    {[]string{"run", "--matrix", unlike}, unlike + ":6"},
		"a cluster and a topology":   {[]string{"run", "--kubeconfig", "nowhere", "--topology", "mixed"}, "--topology"},
		"an unknown column":          {[]string{"run", "--column", "windows"}, "windows"},
		"a wrong regular expression": {[]string{"run", "--focus", "("}, "--focus"},
		"a wrong label filter":       {[]string{"run", "--label-filter", "(("}, "--label-filter"},
		"no probe image":             {[]string{"run", "--kubeconfig", "nowhere"}, "assay image push"},
		"a cluster and a matrix":     {[]string{"run", "--kubeconfig", "nowhere", "--matrix", "m.yaml"}, "--matrix"},
		"no kubeconfig":              {[]string{"run", "--kubeconfig", "nowhere", "--probe-image", "p:1"}, "nowhere"},
		"a group without a cluster":  {[]string{"run", "--node-group", "a=b"}, "--node-group"},
		"a group without a selector": {[]string{"run", "--context", "c", "--node-group", "a"}, "NAME=SELECTOR"},
		"a class of no group":        {[]string{"run", "--context", "c", "--runtime-class", "a=b"}, "--node-group a"},
		"a wrong number of nodes":    {[]string{"run", "--context", "c", "--nodes-per-column", "0"}, "--nodes-per-column"},
		"a wrong account":            {[]string{"rbac", "--name", "A B"}, "--name"},
		"a wrong reference":          {[]string{"image", "push", "a b"}, "a b"},
		"half an upgrade":            {[]string{"upgrade", "--from", "containerd:2.2.5"}, "--to"},
		"an unknown runtime":         {[]string{"upgrade", "--from", "docker:1", "--to", "containerd:2.4.2"}, "docker:1"},
		"an upgrade to the same":     {[]string{"upgrade", "--from", "containerd:2.4.2", "--to", "containerd:2.4.2"}, "nothing to upgrade"},
		"no upgrades":                {[]string{"upgrade", "--matrix", "../../kind-configs/matrix.yaml"}, "lists no upgrades"},
		"an upgrade of no column":    {[]string{"upgrade", "--matrix", unknownUpgrade}, unknownUpgrade + ":5"},
		"an unknown sabotage":        {[]string{"upgrade", "--sabotage", "fire"}, "kill-containers"},
		"a filter that is none":      {[]string{"upgrade", "--focus", "("}, "--focus"},
		"two formats at once":        {[]string{"list", "--json", "--markdown"}, "json"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			if c.arguments[0] == "run" || c.arguments[0] == "upgrade" {
				c.arguments = append(c.arguments, "--out", out)
			}
			status, stdout, problems := execute(t, c.arguments...)
			if status != results.ExitUsage {
				t.Errorf("exit %d: %s", status, problems)
			}
			if !strings.Contains(problems, c.says) || stdout != "" {
				t.Errorf("it said %q and %q, wanted %q", problems, stdout, c.says)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("the reports' folder was made")
			}
		})
	}
}

func TestList(t *testing.T) {
	status, text, _ := execute(t, "list")
	if status != results.ExitExpected || !strings.Contains(text, "ping/without-net-raw") {
		t.Errorf("exit %d: %s", status, text)
	}
	status, encoded, _ := execute(t, "list", "--json")
	if status != results.ExitExpected || !json.Valid([]byte(encoded)) {
		t.Errorf("exit %d: %s", status, encoded)
	}
}

func TestHelpTeaches(t *testing.T) {
	for _, command := range [][]string{{}, {"--help"}, {"run", "--help"}, {"upgrade", "--help"}, {"list", "--help"}, {"doctor", "--help"}, {"build", "--help"}, {"clean", "--help"}} {
		status, text, _ := execute(t, command...)
		if status != results.ExitExpected || !strings.Contains(text, "Usage:") {
			t.Errorf("%v: exit %d: %s", command, status, text)
		}
	}
}

func TestColumns(t *testing.T) {
	for topology, want := range map[string]string{
		"isolated": "4 columns in 2 clusters, 4 nodes in all; 2 node images",
		"mixed":    "4 columns in 1 cluster, 3 nodes in all; 2 node images",
	} {
		status, text, problems := execute(t, "columns", "--matrix", "../../kind-configs/examples/oci-runtimes.yaml", "--topology", topology)
		if status != results.ExitExpected || !strings.Contains(text, want) || strings.Count(text, "those of") != 2 {
			t.Errorf("%s: %d %s\n%s", topology, status, problems, text)
		}
	}
	status, text, problems := execute(t, "columns")
	if status != results.ExitExpected || !strings.Contains(text, "cri-o") || !strings.Contains(text, "2 columns") {
		t.Errorf("exit %d: %s%s", status, text, problems)
	}
}

func TestRBAC(t *testing.T) {
	status, text, _ := execute(t, "rbac", "--stats")
	if status != results.ExitExpected || !strings.Contains(text, "kind: ClusterRole") || !strings.Contains(text, "nodes/proxy") {
		t.Errorf("exit %d: %s", status, text)
	}
}
