package upgrade

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"assay/framework/check"
	"assay/framework/kubeletstats"
	"assay/framework/network"
	"assay/framework/probe"
	"assay/framework/procedure"
)

// log reads all that the counter said.
func (w witnesses) log(ctx context.Context) Seen[[]Line] {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	text, err := w.to.Client.CoreV1().Pods(w.namespace).GetLogs(counter, &corev1.PodLogOptions{Container: counter, Timestamps: true}).DoRaw(ctx)
	if err != nil {
		return saw[[]Line](nil, fmt.Errorf("read the log: %w", err))
	}
	return saw(parseLog(string(text)))
}

// parseLog reads lines of "time number process now". A last line without a newline is one that is being written.
func parseLog(text string) ([]Line, error) {
	var lines []Line
	whole := text[:strings.LastIndexByte(text, '\n')+1]
	for text := range strings.Lines(whole) {
		const fields = 4
		parts := strings.Fields(text)
		if len(parts) != fields {
			return nil, fmt.Errorf("the log has a line %q", text)
		}
		at, atErr := time.Parse(time.RFC3339Nano, parts[0])
		number, numberErr := strconv.Atoi(parts[1])
		said, saidErr := strconv.ParseFloat(parts[3], 64)
		if err := errors.Join(atErr, numberErr, saidErr); err != nil {
			return nil, fmt.Errorf("the log has a line %q: %w", text, err)
		}
		lines = append(lines, Line{Number: number, Process: parts[2], Said: said, Logged: at})
	}
	return lines, nil
}

// do carries out a procedure on a pod and gives one of its values.
func (r *rollout) do(ctx context.Context, pod *corev1.Pod, p check.Procedure, value string) Seen[Answer] {
	bounded, cancel := context.WithTimeoutCause(ctx, answerPatience, fmt.Errorf("no answer within %s", answerPatience))
	defer cancel()
	result, err := procedure.Do(bounded, p, procedure.Subject{
		Target: r.lent.Target, Pod: pod, Container: pod.Spec.Containers[0].Name, Watch: r.watch(pod.Name),
	})
	switch {
	case ctx.Err() != nil:
		return saw(Answer{}, context.Cause(ctx))
	case err != nil:
		return saw(Answer{Problem: err.Error()}, nil)
	}
	answer := Answer{Text: result.Values[value]}
	if code, has := result.Values["exitCode"]; has && code != "0" {
		answer.Problem = fmt.Sprintf("exit code %s: %s", code, result.Values["stderr"])
	}
	return saw(answer, nil)
}

// readFile reads the file in the counter's volume.
func (r *rollout) readFile(ctx context.Context) Seen[Answer] {
	return r.do(ctx, r.pods[counter], check.Procedure{Name: check.ProcedureExec, Args: map[string]string{"script": "cat " + file}}, "stdout")
}

// forward sends through a port-forward to the server.
func (r *rollout) forward(ctx context.Context) Seen[Answer] {
	return r.do(ctx, r.pods[server], check.Procedure{Name: check.ProcedureForwardEcho}, "output")
}

// newPod says why a new pod does not work on the worker; empty where it does.
func (r *rollout) newPod(ctx context.Context) Seen[string] {
	wrong := ""
	_ = r.step("start a new pod", func() error {
		pod, err := r.witnesses.newPod(ctx)
		if err == nil {
			err = r.reach(ctx, pod)
		}
		if err == nil {
			said := r.do(ctx, pod, check.Procedure{Name: check.ProcedureExec, Args: map[string]string{"script": "true"}}, "stdout")
			if said.Value.Problem != "" {
				err = fmt.Errorf("exec: %s", said.Value.Problem)
			}
		}
		if err != nil {
			wrong = err.Error()
		}
		return err
	})
	return saw(wrong, ctx.Err())
}

// reach waits until the client reaches a pod.
func (r *rollout) reach(ctx context.Context, pod *corev1.Pod) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	session, err := network.OpenSession(ctx, r.lent.Target, r.client)
	if err != nil {
		return fmt.Errorf("open a session with the client: %w", err)
	}
	defer session.Close(ctx)
	request := probe.ConnectRequest{TimeoutMilliseconds: int(connectTimeout.Milliseconds()), Targets: []probe.Target{
		{Name: newcomer, Address: pod.Status.PodIP, Port: probe.ServePort, Protocol: "tcp"},
	}}
	return until(ctx, settlePatience, "a connection to pod "+pod.Name, func(ctx context.Context) (bool, string) {
		response, err := session.Ask(ctx, request)
		if err != nil {
			return false, err.Error()
		}
		end := response.Connections[newcomer]
		return end == probe.Connected, fmt.Sprintf("%s %s", end, response.Problems[newcomer])
	})
}

// stop deletes a pod, or ends it by what it says, and follows its end.
func (r *rollout) stop(ctx context.Context, name, by string) Stop {
	bounded, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	pod := r.pods[name]
	result, err := procedure.Do(bounded, check.Procedure{Name: check.ProcedureStop, Args: map[string]string{"by": by}}, procedure.Subject{
		Target: r.lent.Target, Pod: pod, Container: pod.Spec.Containers[0].Name, Watch: r.watch(name),
	})
	if err != nil {
		return Stop{Problem: err.Error()}
	}
	return Stop{Lines: result.Values["lines"], End: result.Values["end"], ExitCode: result.Values["exitCode"]}
}

// unmeasured are the containers of pods that the kubelet's summary lacks: it is looked at until it lacks none.
func (r *rollout) unmeasured(ctx context.Context) Seen[[]string] {
	var missing []string
	var failed error
	err := until(ctx, statsPatience, "the kubelet's summary", func(ctx context.Context) (bool, string) {
		var summary kubeletstats.Summary
		if summary, failed = kubeletstats.Read(ctx, r.lent.Cluster.Client, r.worker); failed != nil {
			return false, failed.Error()
		}
		missing = lacks(summary, r.pods)
		return len(missing) == 0, strings.Join(missing, ", ")
	})
	if ctx.Err() != nil {
		return saw[[]string](nil, err)
	}
	if failed != nil {
		// A kubelet that does not give its summary any more lacks all of it.
		missing = []string{"everything: " + failed.Error()}
	}
	return saw(missing, nil)
}

// lacks are the containers of pods without both CPU and memory in a summary.
func lacks(summary kubeletstats.Summary, pods map[string]*corev1.Pod) []string {
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(pods)) {
		for _, container := range pods[name].Spec.Containers {
			if !summary.Of(pods[name].UID, container.Name).Whole() {
				missing = append(missing, name+"/"+container.Name)
			}
		}
	}
	return missing
}

// remainsScript lists what a node has of pods: processes in their cgroups, processes that name one of their containers
// or sandboxes (shims and monitors), and mounts that do. Its arguments are the pods' IDs, the IDs of containers and
// sandboxes are on its input: there a search does not find itself.
const remainsScript = `
ids=$(cat)
for id; do
	under=$(echo "$id" | tr - _)
	for process in $(grep -l -s -e "pod$id" -e "pod$under" /proc/[0-9]*/cgroup | cut -d / -f 3); do
		# What comes before the pod may be of the machine that the node runs on.
		of=$(grep -s -o -e "pod$id.*" -e "pod$under.*" "/proc/$process/cgroup" | grep -o -E '[0-9a-f]{64}' | sort -u | tr '\n' ' ')
		echo "process $process $(cat "/proc/$process/comm" 2>/dev/null) $of"
	done
done
[ -n "$ids" ] || exit 0
printf '%s\n' "$ids" | grep -l -s -a -F -f - /proc/[0-9]*/cmdline | cut -d / -f 3 | while read -r process; do
	echo "monitor $process $(cat "/proc/$process/comm" 2>/dev/null)"
done
printf '%s\n' "$ids" | grep -F -f - /proc/1/mountinfo | cut -d ' ' -f 5 | sed 's/^/mount /'
exit 0`

// remains are what the worker has of the pods, as lines of remainsScript.
func (r *rollout) remains(ctx context.Context, pods map[string]*corev1.Pod, ids []string) ([]string, error) {
	var uids []string
	for _, pod := range pods {
		uids = append(uids, string(pod.UID))
	}
	said, err := r.exec().shell(ctx, r.worker, strings.NewReader(strings.Join(ids, "\n")), remainsScript, uids...)
	if err != nil {
		return nil, fmt.Errorf("look for what is left of pods on node %s: %w", r.worker, err)
	}
	return lines(said), nil
}

// lines are those of a text that hold anything.
func lines(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
}

// idLength is that of the IDs of containers and sandboxes, in hexadecimal digits.
const idLength = 64

// containerIDs are the IDs in lines of remainsScript.
func containerIDs(lines []string) []string {
	found := map[string]bool{}
	for _, line := range lines {
		for _, word := range strings.Fields(line) {
			if len(word) == idLength {
				found[word] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// untilNothingRemains looks until nothing is left of the pods, and returns what is left in the end.
func (r *rollout) untilNothingRemains(ctx context.Context, pods map[string]*corev1.Pod, ids []string) Seen[[]string] {
	var left []string
	var failed error
	err := r.step("wait for the end of the pods on the node", func() error {
		return until(ctx, remainsPatience, "the end of the pods on their node", func(ctx context.Context) (bool, string) {
			left, failed = r.remains(ctx, pods, ids)
			return failed == nil && len(left) == 0, strings.Join(left, "; ")
		})
	})
	if ctx.Err() != nil {
		return saw[[]string](nil, err)
	}
	return saw(left, failed)
}

// nodeWatch follows a node until it is told to end.
type nodeWatch struct {
	mutex sync.Mutex
	now   Node
	err   error
	end   context.CancelFunc
	ended chan struct{}
}

// watchNode follows the condition of the worker.
func (r *rollout) watchNode(ctx context.Context) *nodeWatch {
	ctx, cancel := context.WithCancel(ctx)
	w := &nodeWatch{end: cancel, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		ticker := time.NewTicker(pollInterval)
		defer ticker.Stop()
		last := time.Now()
		for {
			w.look(ctx, r, &last)
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return w
}

func (w *nodeWatch) look(ctx context.Context, r *rollout, last *time.Time) {
	ready, words, err := r.nodeReady(ctx, r.worker)
	if ctx.Err() != nil {
		return
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	now := time.Now()
	if err == nil && !ready {
		w.now.NotReady += now.Sub(*last)
	}
	w.now.Ready, w.now.Words, w.err = ready, words, err
	*last = now
}

// stop ends the watch and says what was seen.
func (w *nodeWatch) stop() Seen[Node] {
	w.end()
	<-w.ended
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return saw(w.now, w.err)
}

// nodeReady asks for a node's condition.
func (r *rollout) nodeReady(ctx context.Context, name string) (ready bool, words string, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestPatience)
	defer cancel()
	node, err := r.lent.Cluster.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return false, "", fmt.Errorf("ask for node %s: %w", name, err)
	}
	ready, words = readyCondition(node)
	return ready, words, nil
}

func readyCondition(node *corev1.Node) (ready bool, words string) {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue, condition.Reason + ": " + condition.Message
		}
	}
	return false, "it reports no condition"
}

// runtimes are the containerRuntimeVersions of the upgraded nodes.
func (r *rollout) runtimes(ctx context.Context) Seen[map[string]string] {
	versions := map[string]string{}
	for _, name := range r.upgraded {
		node, err := r.lent.Cluster.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return saw(versions, fmt.Errorf("ask for node %s: %w", name, err))
		}
		versions[name] = runtimeVersion(node)
	}
	return saw(versions, nil)
}

// runtimeVersion is what a node reports, without the v that containerd may put before its version.
func runtimeVersion(node *corev1.Node) string {
	return strings.Replace(node.Status.NodeInfo.ContainerRuntimeVersion, "://v", "://", 1)
}

// daemonState is the unit of the new runtime on the worker.
func (r *rollout) daemonState(ctx context.Context) Seen[Daemon] {
	said, err := r.exec()(ctx, r.worker, nil, "systemctl", "show", "--property=ActiveState,SubState,NRestarts", unit(r.upgrade.To.Runtime.Name))
	if err != nil {
		return saw(Daemon{}, fmt.Errorf("ask systemd: %w", err))
	}
	return saw(parseDaemon(string(said)))
}

func parseDaemon(text string) (Daemon, error) {
	said := map[string]string{}
	for _, line := range lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		said[name] = value
	}
	restarts, err := strconv.Atoi(said["NRestarts"])
	if err != nil || said["ActiveState"] == "" {
		return Daemon{}, fmt.Errorf("systemd said %q", text)
	}
	return Daemon{State: said["ActiveState"] + "/" + said["SubState"], Restarts: restarts}, nil
}

// traffic connects from the client again and again.
type traffic struct {
	mutex  sync.Mutex
	phase  Phase
	all    []Connections
	cancel context.CancelFunc
	ended  chan struct{}
}

// connectInterval is how often the client connects, and connectTimeout how long each connection may take.
const (
	connectInterval = 500 * time.Millisecond
	connectTimeout  = 4 * time.Second
)

// connect opens the way to the client and has it connect to the server and its Service until it is told to end.
func (r *rollout) connect(ctx context.Context, service *corev1.Service) (*traffic, error) {
	ctx, cancel := context.WithCancel(ctx)
	session, err := network.OpenSession(ctx, r.lent.Target, r.client)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("open a session with the client: %w", err)
	}
	request := probe.ConnectRequest{TimeoutMilliseconds: int(connectTimeout.Milliseconds()), Targets: []probe.Target{
		{Name: ToService, Address: service.Spec.ClusterIP, Port: probe.ServePort, Protocol: "tcp"},
	}}
	if !r.seen.Drained {
		request.Targets = append(request.Targets,
			probe.Target{Name: ToPod, Address: r.pods[server].Status.PodIP, Port: probe.ServePort, Protocol: "tcp"},
			probe.Target{Name: Held, Address: r.pods[server].Status.PodIP, Port: probe.ServePort, Protocol: "tcp", Keep: true},
		)
	}
	t := &traffic{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		defer session.Close(ctx)
		ticker := time.NewTicker(connectInterval)
		defer ticker.Stop()
		for {
			phase, at := t.at(), time.Now()
			response, err := ask(ctx, session, request)
			if ctx.Err() != nil {
				return
			}
			each := Connections{At: at, Ends: response.Connections, Phase: phase}
			if err != nil {
				each.Problem = err.Error()
			}
			t.mutex.Lock()
			t.all = append(t.all, each)
			t.mutex.Unlock()
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return t, nil
}

func ask(ctx context.Context, session network.Session, request probe.ConnectRequest) (probe.ConnectResponse, error) {
	// The probe itself ends each connection in time; this is for a session that hangs.
	ctx, cancel := context.WithTimeout(ctx, connectTimeout+requestPatience)
	defer cancel()
	return session.Ask(ctx, request)
}

func (t *traffic) at() Phase {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.phase
}

// enter says that a phase begins: connections that begin from now on are of it.
func (t *traffic) enter(phase Phase) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.phase = phase
}

// untilConnected waits until all targets were reached in the present phase some times in a row, or the patience is over.
func (t *traffic) untilConnected(ctx context.Context, patience time.Duration) error {
	return until(ctx, patience, "connections from the other node", func(context.Context) (bool, string) {
		t.mutex.Lock()
		defer t.mutex.Unlock()
		if len(t.all) < settled {
			return false, "no connections yet"
		}
		for _, each := range t.all[len(t.all)-settled:] {
			for name, end := range each.Ends {
				if each.Phase != t.phase || each.Problem != "" || end != probe.Connected {
					return false, fmt.Sprintf("to %s: %s %s", name, end, each.Problem)
				}
			}
			if len(each.Ends) == 0 {
				return false, each.Problem
			}
		}
		return true, ""
	})
}

// stop ends the connections and says what came of them.
func (t *traffic) stop() Seen[[]Connections] {
	t.cancel()
	<-t.ended
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return saw(t.all, nil)
}
