package check_test

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
)

func TestArea(t *testing.T) {
	for id, want := range map[string]string{
		"caps/drop-all": "caps", "seccomp/mount": "seccomp", "alone": "alone", "": "", "/odd": "",
	} {
		if got := (check.Check{ID: id}).Area(); got != want {
			t.Errorf("the area of %q is %q, want %q", id, got, want)
		}
	}
}

// TestShapesAsJSON holds what packing rests on: a shape is its JSON, and every knob is in it.
func TestShapesAsJSON(t *testing.T) {
	encode := func(shape any) string {
		text, err := json.Marshal(shape)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if encode(check.Pod{}) != "{}" || encode(check.Container{}) != "{}" {
		t.Errorf("empty shapes are %s and %s", encode(check.Pod{}), encode(check.Container{}))
	}
	pods := []check.Pod{
		{},
		{SecurityContext: &corev1.PodSecurityContext{RunAsUser: new(int64(0))}},
		{SecurityContext: &corev1.PodSecurityContext{RunAsUser: new(int64(1))}},
		{HostPID: true},
		{HostIPC: true},
		{HostNetwork: true},
		{HostUsers: new(false)},
		{HostUsers: new(true)},
		{ShareProcessNamespace: new(true)},
		{RuntimeClassName: new("crun")},
		{Volumes: []corev1.Volume{{Name: "v"}}},
		{Alone: "one"},
		{Alone: "other"},
	}
	seen := map[string]bool{}
	for _, pod := range pods {
		if text := encode(pod); seen[text] {
			t.Errorf("two different pods are both %s", text)
		} else {
			seen[text] = true
		}
	}
}
