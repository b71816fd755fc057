package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

// What goes in and out of containers that run: exec, attach, port-forward, exec probes.

const debugTask = "https://kubernetes.io/docs/tasks/debug/debug-application/get-shell-running-container/"

// execute is the procedure of running a shell script in the container.
func execute(script string) check.Procedure {
	return check.Procedure{Name: check.ProcedureExec, Args: map[string]string{"script": script}}
}

func lifeStreams() []check.Check {
	many := holding(unset())
	many.Apart = "exec many"
	return []check.Check{
		{
			ID:     "life/exec",
			Level:  check.Must,
			Claim:  "A command started with exec has its output, exit code, input and terminal, and is refused with a clear word once the container has ended.",
			Source: debugTask,
			Trials: []check.Trial{
				{
					Name: "output", Container: holding(unset()), Procedure: execute("echo out; echo error >&2"),
					Want: check.Values{"stdout": "out", "stderr": "error", "exitCode": "0"},
				},
				{
					Name: "exit code 42", Container: holding(unset()), Procedure: execute("exit 42"),
					Want: check.Values{"stdout": "", "stderr": "", "exitCode": "42"},
				},
				{
					Name: "1 MiB through cat", Container: holding(unset()), Procedure: check.Procedure{Name: check.ProcedureExecThrough},
					Want: check.Values{"output": "same", "exitCode": "0"},
				},
				{
					Name: "terminal of 37 rows and 101 columns", Container: holding(unset()),
					Procedure: check.Procedure{Name: check.ProcedureExecTerminal, Args: map[string]string{"rows": "37", "columns": "101"}},
					Want:      check.Values{"size": "37 101"},
				},
				{
					Name: "ended container", Container: shell(endsWell),
					Procedure: check.Procedure{Name: check.ProcedureExecEnded}, Want: check.Values{"answer": "clear"},
				},
				{
					Name: "its sibling that runs", Control: true, Container: holding(unset()), Procedure: execute("true"),
					Want: check.Values{"exitCode": "0"},
				},
			},
		},
		{
			ID:     "life/exec-many",
			Level:  check.Must,
			Claim:  "Fifty commands started with exec at once have each their own output and exit code.",
			Source: debugTask,
			Trials: []check.Trial{
				{
					Name: "50 at once", Container: many,
					Procedure: check.Procedure{Name: check.ProcedureExecMany, Args: map[string]string{"count": "50"}},
					Want:      check.Values{"right": "50"},
				},
				{
					Name: "one", Control: true, Container: holding(unset()),
					Procedure: check.Procedure{Name: check.ProcedureExecMany, Args: map[string]string{"count": "1"}},
					Want:      check.Values{"right": "1"},
				},
			},
		},
		execProbe(),
		attaching(),
		forwarding(),
	}
}

func execProbe() check.Check {
	hangs := func(period int32) *corev1.Probe {
		return &corev1.Probe{
			ProbeHandler:   corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/sleep", "300"}}},
			TimeoutSeconds: 1, PeriodSeconds: period, FailureThreshold: 1,
		}
	}
	// A kubelet that started not long ago waits for up to a whole period before the first probe.
	const period = 10
	ready := holding(unset())
	ready.Extra.ReadinessProbe = hangs(period)
	live := signalled("end")
	live.Extra.LivenessProbe = hangs(1)
	return check.Check{
		ID:     "life/exec-probe-timeout",
		Level:  check.Must,
		Claim:  "An exec probe that hangs fails at its timeout and its process is killed, and a liveness probe that does so has the container restarted.",
		Source: "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/#configure-probes",
		Trials: []check.Trial{
			{
				Name: "readinessProbe of 300 s, timeoutSeconds 1", Container: ready,
				Procedure: check.Procedure{Name: check.ProcedureProbeTimeout, Args: map[string]string{"process": "sleep"}},
				Want:      check.Values{"event": "timed out", "left": "nothing"},
			},
			{
				Name: "livenessProbe of 300 s, timeoutSeconds 1", Container: live,
				Pod:       check.Pod{Alone: "hanging livenessProbe", Extra: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyAlways}},
				Procedure: check.Procedure{Name: check.ProcedureRestarts, Args: map[string]string{"count": "1", "until": "running"}},
				Want:      check.Values{"restarts": "1"},
			},
		},
	}
}

func attaching() check.Check {
	cat := check.Container{Command: []string{"/bin/cat"}}
	interactive := cat
	interactive.Extra = corev1.Container{Stdin: true, StdinOnce: true}
	return check.Check{
		ID:     "life/attach",
		Level:  check.Must,
		Claim:  "Through attach 1 MiB goes to the first process and back, and the end of the input reaches it.",
		Source: "https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#debugging",
		Trials: []check.Trial{
			{
				Name: "stdin and stdinOnce", Container: interactive, Procedure: check.Procedure{Name: check.ProcedureAttach},
				Want: check.Values{"output": "same", "exitCode": "0"},
			},
			// Without stdin the input is empty, and cat ends at once.
			{Name: "no stdin", Control: true, Container: cat, Want: check.Printed("")},
		},
	}
}

func forwarding() check.Check {
	serves := func(command string) check.Container {
		return check.Container{Command: []string{probe.ProgramPath, command}}
	}
	return check.Check{
		ID:     "life/port-forward",
		Level:  check.Must,
		Claim:  "Through a forwarded port 1 MiB goes there and back, and what is sent back arrives after the own side was closed.",
		Source: "https://kubernetes.io/docs/tasks/access-application-cluster/port-forward-access-application-cluster/",
		Trials: []check.Trial{
			{
				Name: "both directions", Container: serves(probe.CommandServe), Procedure: check.Procedure{Name: check.ProcedureForwardEcho},
				Want: check.Values{"output": "same"},
			},
			{
				Name: "half-close", Container: serves(probe.CommandDigest), Procedure: check.Procedure{Name: check.ProcedureForward},
				Want: check.Values{"answer": "right"},
			},
		},
		Record: []check.Record{{Trial: "half-close", What: check.RecordValues}},
	}
}
