package knowledge

const (
	podLife = "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/"
	images  = "https://kubernetes.io/docs/concepts/containers/images/"
	hooks   = "https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/"
	logs    = "https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-location-node"
	logFile = "https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md"
	shell   = "https://kubernetes.io/docs/tasks/debug/debug-application/get-shell-running-container/"
)

func life() []entry {
	return []entry{
		{"life/exit-code", "Exit codes or reasons of ended containers are others: Job policies (podFailurePolicy), operators and alerts read them.", podLife + "#container-state-terminated", nil},
		{"life/termination-message", "The message of an ended container is another, missing or cut elsewhere: operators that read results from it fail.", "https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/", nil},
		{"life/restart", "Containers are restarted under other conditions or their previous logs are lost.", podLife + "#restart-policy", nil},
		{"life/stop-signal", "Containers are stopped with another signal or after another time: graceful shutdown (nginx with SIGQUIT, databases) turns into a kill.", podLife + "#pod-termination", parts("", "What is seen when a container stops")},
		{"life/prestop", "preStop hooks run before the stop signal or not: connections are cut instead of drained.", hooks, nil},
		{"life/poststart", "postStart hooks run, block and fail the container, or not.", hooks, nil},
		{"life/command-and-args", "command and args override the image's entrypoint in another way, or a missing command shows another reason in the pod's status: alerts on StartError or CreateContainerError are touched.", "https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/", startedValues},
		{"life/working-dir", "workingDir is another, or a missing one is created on one side and refused on the other.", podSpec, startedValues},
		{"life/env", "Environment variables have other values or another order of expansion.", "https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/", nil},
		{"life/image-pull-errors", "Images that cannot be pulled show another reason, or pull policies are not followed: alerts on ErrImagePull and air-gapped nodes are touched.", images, nil},
		{"life/short-name", "Image names without a registry resolve to another registry or to none: pods with such names do not start; write the registry.", images + "#image-names", shortName},
		{"life/ephemeral-container", "kubectl debug reaches the processes of its target or not.", "https://kubernetes.io/docs/tasks/debug/debug-application/debug-running-pod/#ephemeral-container", nil},
		{"life/zombie-reaping", "Ended child processes are reaped by another process or by none: containers without an init process fill their process limit.", "https://kubernetes.io/docs/tasks/configure-pod-container/share-process-namespace/", nil},
		{"life/pod-ready-latency", "Pods take another time to start: scaling and rollouts are faster or slower. The value depends on the machine.", podLife + "#pod-phase", nil},
		{"life/static-pod-and-restart-runtime", "When the runtime's daemon restarts (every upgrade), containers live on or are restarted, and exec works again or not.", "https://kubernetes.io/docs/concepts/architecture/cri/", nil},
		{"life/exec", "kubectl exec loses output, input, exit codes or the terminal's size: scripts, backups through exec and exec probes are touched.", shell, nil},
		{"life/exec-many", "Many exec calls at once fail: exec probes and operators that use exec at scale are touched.", shell, nil},
		{"life/exec-probe-timeout", "An exec probe that hangs is ended at timeoutSeconds or not: where it is not, a hanging container stays ready, where it now is, slow probes fail.", "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/#configure-probes", nil},
		{"life/attach", "kubectl attach and interactive pods lose input or output.", "https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#debugging", nil},
		{"life/port-forward", "kubectl port-forward loses data, or ends a connection in another way: tunnels to databases and debuggers are touched.", "https://kubernetes.io/docs/tasks/access-application-cluster/port-forward-access-application-cluster/", parts("", "What is seen of a forwarded connection:")},
		{"life/log-lines", "Long log lines are cut at another length, or lose their order or tags: log shippers must join partial lines (tags P and F).", logFile, logLines},
		{"life/log-binary", "Bytes that are no text survive in logs or not.", logFile, nil},
		{"life/log-flood", "Output at a high rate is lost or reordered, or the program is slowed down.", logs, nil},
	}
}

func class() []entry {
	const manual = "https://kubernetes.io/docs/concepts/containers/runtime-class/"
	return []entry{
		{"class/handler", "Pods with a RuntimeClass run on the OCI runtime of its handler or do not start: configure the handler on the nodes, or schedule the class to nodes that have it.", manual, parts("", "A RuntimeClass with the handler")},
		{"class/unknown-handler", "A pod whose handler the node lacks is refused with a reason, or runs on another runtime than it asks for.", manual, nil},
		{"class/missing-class", "A pod that names a RuntimeClass which does not exist is refused or admitted.", manual, nil},
		{"class/overhead", "The overhead of a RuntimeClass is part of the pod's cgroup or not: sandboxed pods are killed for memory that is not theirs.", "https://kubernetes.io/docs/concepts/scheduling-eviction/pod-overhead/", nil},
	}
}

func psa() []entry {
	const standards = "https://kubernetes.io/docs/concepts/security/pod-security-standards/"
	return []entry{
		{"psa/baseline", "Namespaces at the baseline level refuse other pods than they should.", standards + "#baseline", nil},
		{"psa/restricted", "Namespaces at the restricted level refuse other pods than they should.", standards + "#restricted", nil},
		{"psa/restricted-pod-runs", "A pod that satisfies the restricted level is not confined as it says: user, capabilities, no_new_privs or seccomp differ.", standards + "#restricted", nil},
	}
}
