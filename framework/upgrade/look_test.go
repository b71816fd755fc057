package upgrade

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"assay/framework/kubeletstats"
)

func TestParseLog(t *testing.T) {
	const log = "2026-03-01T12:00:00.25Z 1 7.10 7.11\n2026-03-01T12:00:00.45Z 2 7.10 7.31\n2026-03-01T12:00:00.6"
	got, err := parseLog(log)
	if err != nil || len(got) != 2 || got[1].Number != 2 || got[1].Process != "7.10" || got[1].Said != 7.31 || got[1].Logged.IsZero() {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := parseLog(""); err != nil || len(got) != 0 {
		t.Errorf("of nothing: %v, %v", got, err)
	}
	for _, bad := range []string{"2026-03-01T12:00:00Z 1 7.1\n", "then 1 7.1 7.2\n", "2026-03-01T12:00:00Z one 7.1 7.2\n", "sh: out of memory\n"} {
		if got, err := parseLog(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestParseDaemon(t *testing.T) {
	got, err := parseDaemon("NRestarts=1\nActiveState=active\nSubState=running\n")
	if err != nil || got != (Daemon{State: "active/running", Restarts: 1}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := parseDaemon("Unit not found.\n"); err == nil {
		t.Errorf("got %+v of no unit", got)
	}
}

func TestContainerIDs(t *testing.T) {
	id := strings.Repeat("ab", idLength/2)
	got := containerIDs([]string{"process 7 sh " + id, "process 8 pause " + id, "process 9 conmon"})
	if !slices.Equal(got, []string{id}) {
		t.Errorf("got %q", got)
	}
}

func TestLacks(t *testing.T) {
	pods := map[string]*corev1.Pod{}
	for _, name := range []string{"a", "b"} {
		pods[name] = &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{UID: types.UID("uid-" + name)}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: name}}},
		}
	}
	const whole = `{"name": "a", "cpu": {"usageCoreNanoSeconds": 1}, "memory": {"workingSetBytes": 2}}`
	var summary kubeletstats.Summary
	err := json.Unmarshal([]byte(`{"pods": [{"podRef": {"uid": "uid-a"}, "containers": [`+whole+`]},
		{"podRef": {"uid": "uid-b"}, "containers": [{"name": "b", "cpu": {"usageCoreNanoSeconds": 1}}]}]}`), &summary)
	if got := lacks(summary, pods); err != nil || !slices.Equal(got, []string{"b/b"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestEvictable(t *testing.T) {
	owned := func(kind string) *corev1.Pod {
		controls := true
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: kind, Controller: &controls}}}}
	}
	mirror := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{corev1.MirrorPodAnnotationKey: "x"}}}
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		want bool
	}{
		"a bare pod": {&corev1.Pod{}, true}, "a ReplicaSet's": {owned("ReplicaSet"), true},
		"a DaemonSet's": {owned("DaemonSet"), false}, "a static pod": {mirror, false},
	} {
		if got := evictable(c.pod); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
