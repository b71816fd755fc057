package suites

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

// How containers end, and what is told of it.

const (
	podLifecycle  = "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/"
	lifecycleHook = "https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/"
)

// shell is a container whose command is a script. Kubernetes itself would expand its dollars.
func shell(script string) check.Container {
	return check.Container{Command: []string{"/bin/sh", "-c", strings.ReplaceAll(script, "$", "$$")}}
}

// endsWell is the script of a container that ends at once, with exit code 0.
const endsWell = "echo ends; exit 0"

func lifeEnd() []check.Check {
	exitCode := check.Check{
		ID:     "life/exit-code",
		Level:  check.Must,
		Claim:  "The status of a container that ended has its exit code, 128 and the number of the signal that killed it, and a reason.",
		Source: podLifecycle + "#container-state-terminated",
	}
	// The first process of a PID namespace is not killed by its own signals; in a shared namespace it is
	// not the first.
	shared := check.Pod{ShareProcessNamespace: new(true)}
	for _, end := range []struct {
		name, script, reason string
		pod                  check.Pod
		code                 int32
	}{
		{"exit 0", endsWell, "Completed", check.Pod{}, 0},
		{"exit 1", "echo ends; exit 1", "Error", check.Pod{}, 1},
		{"exit 42", "echo ends; exit 42", "Error", check.Pod{}, 42},
		{"SIGKILL", "echo ends; kill -KILL $$", "Error", shared, 137},
		{"SIGSEGV", "echo ends; kill -SEGV $$", "Error", shared, 139},
	} {
		exitCode.Trials = append(exitCode.Trials, check.Trial{
			Name: end.name, Pod: end.pod, Container: shell(end.script),
			Want: check.Ended{ExitCode: end.code, Reason: end.reason, Message: new("")},
		})
	}
	return []check.Check{exitCode, terminationMessage(), restart()}
}

func terminationMessage() check.Check {
	const (
		largest      = 4096
		fromLog      = 2048
		linesFromLog = 80
	)
	var numbers, lines, padded []string
	for i := range 2000 {
		numbers = append(numbers, fmt.Sprint(i+1))
	}
	for i := range 100 {
		lines = append(lines, fmt.Sprintf("line %d", i+1))
		padded = append(padded, fmt.Sprintf("%099d", i+1))
	}
	text := func(lines []string) string { return strings.Join(lines, "\n") + "\n" }
	end := func(text string, length int) string { return text[max(0, len(text)-length):] }
	fallBack := func(script string) check.Container {
		c := shell(script)
		c.Extra.TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
		return c
	}
	elsewhere := shell("printf because > /tmp/why")
	elsewhere.Extra.TerminationMessagePath = "/tmp/why"
	// The kubelet bounds what a pod's containers say together: three may say all.
	files, logs := check.Pod{Alone: "termination message of a file"}, check.Pod{Alone: "termination message of a log"}
	return check.Check{
		ID:     "life/termination-message",
		Level:  check.Must,
		Claim:  "The last 4096 bytes of the termination message file are in the status, or where it is empty, asked for and the container failed, at most 80 lines and 2048 bytes from the end of the log.",
		Source: "https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/",
		Trials: []check.Trial{
			{
				Name: "file", Pod: files, Container: shell("printf done > /dev/termination-log"),
				Want: check.Ended{Reason: "Completed", Message: new("done")},
			},
			{
				Name: "file of 8893 bytes", Pod: files, Container: shell("seq 1 2000 > /dev/termination-log"),
				Want: check.Ended{Reason: "Completed", Message: new(end(text(numbers), largest))},
			},
			{
				Name: "terminationMessagePath", Pod: files, Container: elsewhere,
				Want: check.Ended{Reason: "Completed", Message: new("because")},
			},
			{
				Name: "log of 100 lines, exit 1", Pod: logs,
				Container: fallBack(`for i in $(seq 100); do echo "line $i"; done; exit 1`),
				Want:      check.Ended{ExitCode: 1, Reason: "Error", Message: new(text(lines[len(lines)-linesFromLog:]))},
			},
			{
				Name: "log of 10000 bytes, exit 1", Pod: logs,
				Container: fallBack(`for i in $(seq 100); do printf '%099d\n' $i; done; exit 1`),
				Want:      check.Ended{ExitCode: 1, Reason: "Error", Message: new(end(text(padded), fromLog))},
			},
			{
				Name: "log, exit 0", Pod: logs, Container: fallBack(`echo said`),
				Want: check.Ended{Reason: "Completed", Message: new("")},
			},
		},
	}
}

// stopping is a pod of its own that is deleted with a grace period, in seconds.
func stopping(name string, grace int64) check.Pod {
	return check.Pod{Alone: "stop: " + name, Extra: corev1.PodSpec{TerminationGracePeriodSeconds: new(grace)}}
}

// signalled is a container that says which signals it gets; with "end" it ends with the first.
func signalled(arguments ...string) check.Container {
	return check.Container{Command: append([]string{probe.ProgramPath, probe.CommandSignals}, arguments...)}
}

func lifeStop() []check.Check {
	const patient, short = 30, 4
	stop := check.Procedure{Name: check.ProcedureStop}
	ofImage := signalled("end")
	ofImage.Extra.Image = probe.VariantStopSignal.Image()
	ofPod := stopping("stopSignal", patient)
	ofPod.Extra.OS = &corev1.PodOS{Name: corev1.Linux}
	ofLifecycle := signalled("end")
	ofLifecycle.Extra.Lifecycle = &corev1.Lifecycle{StopSignal: new(corev1.SIGUSR2)}
	atOnce := func(signal string) check.Values {
		return check.Values{"lines": "signal " + signal, "end": "at once", "exitCode": "0"}
	}
	kept, dropped := atOnce("SIGUSR2"), atOnce("SIGTERM")
	kept["stopSignal"], dropped["stopSignal"] = "SIGUSR2", ""

	hooked := signalled("end")
	hooked.Extra.Lifecycle = &corev1.Lifecycle{PreStop: hook(
		`echo preStop begins > /proc/1/fd/1; sleep 1; echo preStop ends > /proc/1/fd/1`)}
	return []check.Check{
		{
			ID:     "life/stop-signal",
			Level:  check.Must,
			Claim:  "A container that is stopped gets SIGTERM, or the stop signal of its image or lifecycle, and SIGKILL after the grace period.",
			Source: podLifecycle + "#pod-termination",
			Trials: []check.Trial{
				{Name: "SIGTERM", Pod: stopping("SIGTERM", patient), Container: signalled("end"), Procedure: stop, Want: atOnce("SIGTERM")},
				{Name: "image's STOPSIGNAL SIGUSR1", Pod: stopping("STOPSIGNAL", patient), Container: ofImage, Procedure: stop, Want: atOnce("SIGUSR1")},
				// An API server without the feature ContainerStopSignals drops the field, and says so by that.
				{Name: "lifecycle.stopSignal SIGUSR2", Pod: ofPod, Container: ofLifecycle, Procedure: stop, Want: check.AnyOf{kept, dropped}},
				{
					Name: "ignored, grace period 4 s", Pod: stopping("ignored", short), Container: signalled(), Procedure: stop,
					Want: check.Values{"lines": "signal SIGTERM", "end": "after the grace period", "exitCode": "137"},
				},
			},
			Record: []check.Record{
				{Trial: "SIGTERM", What: check.RecordValues, As: "default"},
				{Trial: "image's STOPSIGNAL SIGUSR1", What: check.RecordValues, As: "image"},
				{Trial: "lifecycle.stopSignal SIGUSR2", What: check.RecordValues, As: "lifecycle"},
				{Trial: "ignored, grace period 4 s", What: check.RecordValues, As: "ignored"},
			},
		},
		{
			ID:     "life/prestop",
			Level:  check.Must,
			Claim:  "A preStop hook runs in its container to its end before the container is told to stop.",
			Source: lifecycleHook,
			Trials: []check.Trial{
				{
					Name: "preStop of 1 s", Pod: stopping("preStop", patient), Container: hooked, Procedure: stop,
					Want: check.Values{"lines": "preStop begins, preStop ends, signal SIGTERM", "end": "at once", "exitCode": "0"},
				},
				{Name: "no preStop", Control: true, Pod: stopping("SIGTERM", patient), Container: signalled("end"), Procedure: stop, Want: atOnce("SIGTERM")},
			},
		},
		postStart(),
	}
}

func hook(script string) *corev1.LifecycleHandler {
	return &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/sh", "-c", script}}}
}

func postStart() check.Check {
	shared := corev1.VolumeMount{Name: "shared", MountPath: "/shared"}
	ordered := check.Pod{
		Alone:   "postStart",
		Volumes: []corev1.Volume{{Name: "shared", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
	}
	started := shell(`for i in $(seq 100); do [ -e /tmp/hooked ] && break; sleep 0.1; done; ls /tmp/hooked; sleep 1`)
	started.VolumeMounts = []corev1.VolumeMount{shared}
	started.Extra.Lifecycle = &corev1.Lifecycle{PostStart: hook(`sleep 1; touch /shared/hook-ended /tmp/hooked`)}
	next := shell(`ls /shared/hook-ended`)
	next.VolumeMounts = started.VolumeMounts

	broken := ordered
	broken.Alone = "postStart fails"
	fails, succeeds := shell(`echo begins; sleep 12`), shell(`echo begins; sleep 12`)
	fails.Extra.Lifecycle = &corev1.Lifecycle{PostStart: hook(`exit 1`)}
	succeeds.Extra.Lifecycle = &corev1.Lifecycle{PostStart: hook(`exit 0`)}
	return check.Check{
		ID:     "life/poststart",
		Level:  check.Must,
		Claim:  "A postStart hook runs in its container beside the command, the next container waits for its end, and the container of one that fails is killed.",
		Source: lifecycleHook,
		Trials: []check.Trial{
			{Name: "hook of 1 s", Pod: ordered, Container: started, Want: check.Printed("/tmp/hooked")},
			{Name: "next container", Pod: ordered, Container: next, Want: check.Printed("/shared/hook-ended")},
			{Name: "hook fails", Pod: broken, Container: fails, Want: check.Exited{Failed: true}},
			{Name: "hook succeeds", Control: true, Pod: ordered, Container: succeeds, Want: check.Exited{}},
		},
	}
}

func restart() check.Check {
	pod := func(name string, policy corev1.RestartPolicy) check.Pod {
		return check.Pod{
			Alone:   "restart: " + name,
			Extra:   corev1.PodSpec{RestartPolicy: policy},
			Volumes: []corev1.Volume{{Name: "runs", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
		}
	}
	// The container counts its runs in a volume, which outlives it.
	counting := func(script string) check.Container {
		c := shell(`echo >> /runs/count; run=$(wc -l < /runs/count); echo "run $run"; ` + script)
		c.VolumeMounts = []corev1.VolumeMount{{Name: "runs", MountPath: "/runs"}}
		return c
	}
	restarts := func(count, until string) check.Procedure {
		return check.Procedure{Name: check.ProcedureRestarts, Args: map[string]string{"count": count, "until": until}}
	}
	none := check.Values{"restarts": "0", "previous": "", "log": "run 1", "lastExitCode": ""}
	// The kubelet keeps one container that ended, so the log of the run before is there while one runs.
	return check.Check{
		ID:     "life/restart",
		Level:  check.Must,
		Claim:  "A container that ends is restarted where restartPolicy says so, the restarts are counted, and the log of the run before is kept.",
		Source: podLifecycle + "#restart-policy",
		Trials: []check.Trial{
			{Name: "Never, exit 1", Pod: pod("Never", corev1.RestartPolicyNever), Container: counting("exit 1"), Procedure: restarts("0", "ended"), Want: none},
			{Name: "OnFailure, exit 0", Pod: pod("success", corev1.RestartPolicyOnFailure), Container: counting("exit 0"), Procedure: restarts("0", "ended"), Want: none},
			{
				Name: "OnFailure, exit 3, then runs", Pod: pod("failure", corev1.RestartPolicyOnFailure),
				Container: counting(`[ "$run" -ge 2 ] || exit 3; exec sleep 1000`), Procedure: restarts("1", "running"),
				Want: check.Values{"restarts": "1", "previous": "run 1", "log": "run 2", "lastExitCode": "3"},
			},
			{
				Name: "Always, exit 0, then runs", Pod: pod("Always", corev1.RestartPolicyAlways),
				Container: counting(`[ "$run" -ge 2 ] || exit 0; exec sleep 1000`), Procedure: restarts("1", "running"),
				Want: check.Values{"restarts": "1", "previous": "run 1", "log": "run 2", "lastExitCode": "0"},
			},
		},
	}
}
