package suites

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

// How containers start: with what image, command, directory and environment.

const (
	commandTask = "https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/"
	imageNames  = "https://kubernetes.io/docs/concepts/containers/images/"
)

func lifeStart() []check.Check {
	return []check.Check{commandAndArgs(), workingDirectory(), environment(), pullErrors(), shortName(), ephemeral(), reaping(), readyLatency(), runtimeRestart()}
}

func commandAndArgs() check.Check {
	words := probe.Do(probe.OpReadFile, "/proc/self/cmdline")
	argv := func(words ...string) check.Values {
		return check.Values{"content": strings.Join(words, "\x00") + "\x00"}
	}
	of := func(command, args []string) check.Container {
		return check.Container{Extra: corev1.Container{Image: probe.VariantCommand.Image(), Command: command, Args: args}}
	}
	command := []string{probe.ProgramPath, probe.CommandArguments, "from-command"}
	absent, present := check.Container{}, check.Container{}
	absent.Extra.Command = []string{"/assay/absent"}
	present.Extra.Command = []string{probe.ProgramPath}
	return check.Check{
		ID:     "life/command-and-args",
		Level:  check.Must,
		Claim:  "command takes the place of the image's ENTRYPOINT and its CMD, args that of its CMD, and a command that is not there is named in the status.",
		Source: commandTask,
		Trials: []check.Trial{
			{Name: "neither", Container: of(nil, nil), Action: words, Want: argv(probe.ProgramPath, probe.CommandArguments, "from-entrypoint", "from-cmd")},
			{Name: "args", Container: of(nil, []string{"from-args"}), Action: words, Want: argv(probe.ProgramPath, probe.CommandArguments, "from-entrypoint", "from-args")},
			{Name: "command", Container: of(command, nil), Action: words, Want: argv(command...)},
			{Name: "command and args", Container: of(command, []string{"from-args"}), Action: words, Want: argv(append(command, "from-args")...)},
			{Name: "empty args", Container: of(nil, []string{"", "two words"}), Action: words, Want: argv(probe.ProgramPath, probe.CommandArguments, "from-entrypoint", "", "two words")},
			{
				Name: "missing command", Pod: refusedPod(), Container: absent,
				Want: check.NotStarted{Messages: []string{"/assay/absent"}},
			},
			{Name: "present command", Control: true, Pod: refusedPod(), Container: present, Want: check.Started{}},
		},
		Record: []check.Record{{Trial: "missing command", What: check.RecordStarted}},
	}
}

func workingDirectory() check.Check {
	const missing = "/assay/not/there"
	where := probe.Run("pwd")
	inBin := withImage(probe.VariantCommand, nil)
	inBin.Extra.WorkingDir = "/bin"
	nowhere := check.Container{Command: []string{"/bin/pwd"}}
	nowhere.Extra.WorkingDir = missing
	return check.Check{
		ID:     "life/working-dir",
		Level:  check.Must,
		Claim:  "A command runs in workingDir, else in the image's working directory, and where workingDir is missing it is made or the container refused.",
		Source: "https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#entrypoint",
		Trials: []check.Trial{
			{Name: "image without one", Container: unset(), Action: where, Want: check.Lines{Having: []string{"/"}}},
			{Name: "image with /tmp", Container: withImage(probe.VariantCommand, nil), Action: where, Want: check.Lines{Having: []string{"/tmp"}}},
			{Name: "image with /tmp, workingDir /bin", Container: inBin, Action: where, Want: check.Lines{Having: []string{"/bin"}}},
			{
				Name: "missing workingDir", Pod: refusedPod(), Container: nowhere,
				Want: check.AnyOf{check.Printed(missing), check.NotStarted{Messages: []string{missing}}},
			},
		},
		Record: []check.Record{{Trial: "missing workingDir", What: check.RecordStarted}},
	}
}

func environment() check.Check {
	// Everything that a shell, a table or a file of lines would trip over.
	const odd = "line\nfeed\ttab \"quotes\" 'more' back\\slash = $HOME `date` é 漢 \x01\x7f "
	set := check.Container{Extra: corev1.Container{Image: probe.VariantCommand.Image(), Env: []corev1.EnvVar{
		{Name: "FIRST", Value: "one"},
		{Name: "SECOND", Value: "$(FIRST) two"},
		{Name: "EARLY", Value: "$(LATE)"},
		{Name: "LATE", Value: "late"},
		{Name: "ESCAPED", Value: "$$(FIRST)"},
		{Name: "UNDEFINED", Value: "$(NOBODY)"},
		{Name: "TWICE", Value: "first"},
		{Name: "TWICE", Value: "second"},
		{Name: "ODD", Value: odd},
		{Name: "EMPTY", Value: ""},
		{Name: "FROM_IMAGE", Value: "pod"},
	}}}
	names := []string{"FIRST", "SECOND", "EARLY", "LATE", "ESCAPED", "UNDEFINED", "TWICE", "ODD", "EMPTY"}
	image := probe.Do(probe.OpVariables, "FROM_IMAGE")
	return check.Check{
		ID:     "life/env",
		Level:  check.Must,
		Claim:  "Variables have every byte of their values, expand those before them only, the last of two of a name counts, and they override the image's.",
		Source: "https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/",
		Trials: []check.Trial{
			{
				Name: "env", Container: set, Action: probe.Do(probe.OpVariables, names...),
				Want: check.Values{
					"FIRST": "one", "SECOND": "one two", "EARLY": "$(LATE)", "LATE": "late", "ESCAPED": "$(FIRST)",
					"UNDEFINED": "$(NOBODY)", "TWICE": "second", "ODD": odd, "EMPTY": "",
				},
			},
			{Name: "image's variable", Container: withImage(probe.VariantCommand, nil), Action: image, Want: check.Values{"FROM_IMAGE": "image"}},
			{Name: "image's variable overridden", Container: set, Action: image, Want: check.Values{"FROM_IMAGE": "pod"}},
		},
	}
}

func imageError() check.Procedure { return check.Procedure{Name: check.ProcedureImageError} }

func pulling(image string, policy corev1.PullPolicy) check.Container {
	return check.Container{Extra: corev1.Container{Image: image, ImagePullPolicy: policy}}
}

// withoutImages is the pod of containers whose images cannot be had.
func withoutImages() check.Pod { return check.Pod{Alone: "image errors"} }

func pullErrors() check.Check {
	pod := withoutImages()
	fails := func(reason string) check.Values { return check.Values{"reason": reason, "named": "true"} }
	none := strings.Repeat("0", 64)
	return check.Check{
		ID:     "life/image-pull-errors",
		Level:  check.Must,
		Claim:  "An image that cannot be had keeps its container alone waiting, with a reason and a message that names it, and imagePullPolicy decides whether it is pulled.",
		Source: imageNames,
		Trials: []check.Trial{
			{Name: "missing, IfNotPresent", Pod: pod, Container: pulling("localhost/assay/absent:1", corev1.PullIfNotPresent), Procedure: imageError(), Want: fails("ErrImagePull")},
			{Name: "missing, Always", Pod: pod, Container: pulling("localhost/assay/absent:2", corev1.PullAlways), Procedure: imageError(), Want: fails("ErrImagePull")},
			{Name: "missing, Never", Pod: pod, Container: pulling("localhost/assay/absent:3", corev1.PullNever), Procedure: imageError(), Want: fails("ErrImageNeverPull")},
			{Name: "missing digest", Pod: pod, Container: pulling("localhost/assay/absent@sha256:"+none, corev1.PullIfNotPresent), Procedure: imageError(), Want: fails("ErrImagePull")},
			{Name: "short digest", Pod: pod, Container: pulling("localhost/assay/absent@sha256:1234", corev1.PullIfNotPresent), Procedure: imageError(), Want: fails("InvalidImageName")},
			{Name: "bad name", Pod: pod, Container: pulling("localhost/assay/ABSENT:1", corev1.PullIfNotPresent), Procedure: imageError(), Want: fails("InvalidImageName")},
			{Name: "present, IfNotPresent", Control: true, Container: unset(), Want: check.Started{}},
			{Name: "present, Never", Control: true, Container: pulling("", corev1.PullNever), Want: check.Started{}},
		},
	}
}

func shortName() check.Check {
	return check.Check{
		ID:     "life/short-name",
		Level:  check.Info,
		Claim:  "Records what becomes of an image name without a registry: the names that are tried, and the reason of the failure.",
		Source: imageNames + "#image-names",
		Trials: []check.Trial{
			{
				Name: "unqualified", Pod: withoutImages(),
				Container: pulling("assay-absent", corev1.PullIfNotPresent), Procedure: imageError(),
			},
			{Name: "present", Control: true, Container: unset(), Want: check.Started{}},
		},
		Record: []check.Record{{Trial: "unqualified", What: check.RecordValues}},
	}
}

func ephemeral() check.Check {
	const pidNamespace = "ns/pid"
	pod := ephemeralPod()
	return check.Check{
		ID:     "life/ephemeral-container",
		Level:  check.Must,
		Claim:  "An ephemeral container with a target joins its PID namespace, one without a target does not.",
		Source: "https://kubernetes.io/docs/tasks/debug/debug-application/debug-running-pod/#ephemeral-container",
		Trials: []check.Trial{
			{Name: "target", Pod: pod, Container: check.Container{Hold: true, Apart: "target"}, Want: check.Started{}},
			{Name: "targetContainerName", Pod: pod, Container: check.Container{Kind: check.Ephemeral, Target: "target"}, Want: check.Started{}},
			{Name: "no targetContainerName", Pod: pod, Container: check.Container{Kind: check.Ephemeral}, Want: check.Started{}},
		},
		Relations: []check.Relation{
			{Left: "targetContainerName", Right: "target", Value: pidNamespace, Equal: true},
			{Left: "no targetContainerName", Right: "target", Value: pidNamespace, Control: true},
		},
	}
}

func reaping() check.Check {
	orphan := probe.Do(probe.OpOrphan)
	return check.Check{
		ID:     "life/zombie-reaping",
		Level:  check.Info,
		Claim:  "Records who reaps a process whose parent has ended: nobody where the container's first process does not, the sandbox's where the pod shares its PID namespace.",
		Source: "https://kubernetes.io/docs/tasks/configure-pod-container/share-process-namespace/",
		Trials: []check.Trial{
			{Name: "own PID namespace", Container: unset(), Action: orphan},
			{Name: "shareProcessNamespace", Pod: check.Pod{ShareProcessNamespace: new(true)}, Container: unset(), Action: orphan},
		},
		Record: []check.Record{
			{Trial: "own PID namespace", What: check.RecordValues, As: "own"},
			{Trial: "shareProcessNamespace", What: check.RecordValues, As: "shared"},
		},
	}
}

func readyLatency() check.Check {
	pod := measuredPod()
	return check.Check{
		ID:     "life/pod-ready-latency",
		Level:  check.Info,
		Claim:  "Records how long pods of one container take from their submission until they run.",
		Source: podLifecycle + "#pod-phase",
		Trials: []check.Trial{
			{
				Name: "5 pods, one after the other", Pod: pod, Container: holding(unset()),
				Procedure: check.Procedure{Name: check.ProcedureLatency, Args: map[string]string{"count": "5"}},
			},
			{Name: "runs", Control: true, Pod: pod, Container: holding(unset()), Want: check.Started{}},
		},
		Record:   []check.Record{{Trial: "5 pods, one after the other", What: check.RecordValues}},
		Volatile: "times differ from run to run, and with what else the machine does",
	}
}

func runtimeRestart() check.Check {
	pod := check.Pod{Alone: "restart of the runtime", Node: 2}
	return check.Check{
		ID:     "life/static-pod-and-restart-runtime",
		Level:  check.Must,
		Claim:  "Containers of pods and static pods live on when the runtime's daemon restarts, exec works again, and no restart is counted.",
		Source: "https://kubernetes.io/docs/concepts/architecture/cri/",
		Trials: []check.Trial{
			{
				Name: "restart", Pod: pod, Container: holding(unset()),
				Procedure: check.Procedure{Name: check.ProcedureRestartRuntime},
				Want: check.Values{
					"pod": "the same container", "static pod": "the same container", "exec": "works", "process": "the same", "new container": "runs",
				},
			},
			{Name: "before", Control: true, Pod: pod, Container: holding(unset()), Want: check.Started{}},
		},
		Last: true,
	}
}
