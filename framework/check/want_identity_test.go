package check_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

func reported(facts probe.Facts, user *corev1.LinuxContainerUser) check.Observation {
	o := factsOnly(facts)
	o.State.User = user
	return o
}

func TestIdentityWants(t *testing.T) {
	member := probe.Facts{UID: 1001, GID: 1001, Groups: []int{5000, 1001}}
	mounts := func(pairs ...string) check.Observation {
		values := map[string]string{"/": "rw,type=overlay", "/sys/fs/cgroup": "ro,type=tmpfs", "/sys/fs/cgroup/cpu": "ro,type=cgroup"}
		for i := 0; i < len(pairs); i += 2 {
			values[pairs[i]] = pairs[i+1]
		}
		return allowed(values)
	}
	masked := mounts("/sys", "ro,type=sysfs", "/proc/kcore", "nosuid,type=tmpfs", "/proc/sys", "ro,type=proc")
	wanted := check.Masks{Masked: []string{"/proc/kcore"}, ReadOnly: []string{"/proc/sys"}}
	rejected := check.Observation{Rejected: "forbidden: no"}
	for _, row := range []struct {
		name string
		want check.Want
		seen check.Observation
		met  bool
	}{
		{"groups", check.Groups{5000}, factsOnly(member), true},
		{"one group lacks", check.Groups{5000, 6000}, factsOnly(member), false},
		{"one group too many", check.Groups{}, factsOnly(member), false},
		{"no groups", check.Groups{}, factsOnly(probe.Facts{GID: 5, Groups: []int{5}}), true},
		{"groups of nothing", check.Groups{}, check.Observation{}, false},
		{"as reported", check.ReportedUser{}, reported(member, &corev1.LinuxContainerUser{UID: 1001, GID: 1001, SupplementalGroups: []int64{5000}}), true},
		{"as reported, with the primary group", check.ReportedUser{}, reported(member, &corev1.LinuxContainerUser{UID: 1001, GID: 1001, SupplementalGroups: []int64{1001, 5000}}), true},
		{"another uid is reported", check.ReportedUser{}, reported(member, &corev1.LinuxContainerUser{UID: 0, GID: 1001, SupplementalGroups: []int64{5000}}), false},
		{"another gid is reported", check.ReportedUser{}, reported(member, &corev1.LinuxContainerUser{UID: 1001, SupplementalGroups: []int64{5000}}), false},
		{"a group is not reported", check.ReportedUser{}, reported(member, &corev1.LinuxContainerUser{UID: 1001, GID: 1001}), false},
		{"nothing is reported", check.ReportedUser{}, factsOnly(member), false},
		{"reported of nothing", check.ReportedUser{}, check.Observation{}, false},
		{"admitted", check.Admitted{}, notStarted("ContainerCreating", ""), true},
		{"admitted, but rejected", check.Admitted{}, rejected, false},
		{"settled by a refusal", check.Settled{}, notStarted("CreateContainerError", "no"), true},
		{"settled by a run", check.Settled{}, allowed(nil), true},
		{"not settled", check.Settled{}, check.Observation{}, false},
		{"keys", check.Keys{Required: []string{"a"}, Optional: []string{"b", "c"}}, allowed(map[string]string{"a": "", "b": ""}), true},
		{"a key lacks", check.Keys{Required: []string{"a", "d"}}, allowed(map[string]string{"a": ""}), false},
		{"a key too many", check.Keys{Required: []string{"a"}}, allowed(map[string]string{"a": "", "d": ""}), false},
		{"keys of a denial", check.Keys{}, denied("EPERM", ""), false},
		{"keys of nothing", check.Keys{}, check.Observation{}, false},
		{"mount option", check.MountOption{Point: "/sys", Option: "ro"}, masked, true},
		{"another mount option", check.MountOption{Point: "/sys", Option: "rw"}, masked, false},
		{"part of a mount option", check.MountOption{Point: "/sys", Option: "type"}, masked, false},
		{"no such mount", check.MountOption{Point: "/nowhere", Option: "ro"}, masked, false},
		{"mount option of nothing", check.MountOption{Point: "/sys", Option: "ro"}, check.Observation{}, false},
		{"masks", wanted, masked, true},
		{"masks, but none", wanted, mounts(), false},
		{"masks, but a writable path", wanted, mounts("/proc/kcore", "type=tmpfs", "/proc/sys", "rw,type=proc"), false},
		{"no masks", check.Masks{}, mounts("/sys", "rw,type=sysfs"), true},
		{"no masks, but some", check.Masks{}, masked, false},
		{"no masks of nothing", check.Masks{}, check.Observation{}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.want.Met(row.seen); got != row.met {
				t.Errorf("met %v, want %v: wanted %s, seen %s", got, row.met, row.want, row.want.Seen(row.seen))
			}
			if row.want.String() == "" {
				t.Error("nothing says what is wanted")
			}
			if row.seen.Rejected != "" && !strings.Contains(row.want.Seen(row.seen), row.seen.Rejected) {
				t.Errorf("%q leaves out why it was rejected", row.want.Seen(row.seen))
			}
		})
	}
}
