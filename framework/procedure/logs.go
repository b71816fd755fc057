package procedure

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/probe"
)

// readLogs waits for the end of the container, which runs probe.CommandEmit with Args["kind"], and
// compares what it wrote with what the node has in its log files, as read by the container
// Args["reader"], which has the node's directory of pod logs at Args["directory"]. Values: "files" and
// "api" are "complete" or say what is missing, "format" is "CRI" or the first record that is not,
// "largestPart" is that of the lines in parts, "end" is the tag of the last line where it has no newline.
func readLogs(ctx context.Context, s Subject) (probe.Result, error) {
	var wanted []probe.LogLine
	switch kind := s.Args["kind"]; kind {
	case "lines":
		wanted = probe.LogLines()
	case "bytes":
		wanted = probe.LogBytes()
	case "flood":
	default:
		return probe.Result{}, fmt.Errorf("there is no log %q", kind)
	}
	if err := s.ended(ctx); err != nil {
		return probe.Result{}, err
	}
	summary, err := s.summary(ctx)
	if err != nil {
		return probe.Result{}, err
	}
	values := map[string]string{"format": "CRI", "largestPart": strconv.Itoa(summary.LargestPart)}
	if summary.Malformed > 0 {
		values["format"] = fmt.Sprintf("%d records are not, the first is %s", summary.Malformed, summary.First)
	}
	if wanted == nil {
		values["lines"] = strconv.Itoa(summary.Flood)
		values["outOfOrder"] = strconv.Itoa(summary.OutOfOrder)
		return allowed(values), nil
	}
	values["files"] = compareLines(wanted, summary.Lines)
	if values["api"], err = s.compareLog(ctx, asLogged(wanted, summary.Lines)); err != nil {
		return probe.Result{}, err
	}
	if last := wanted[len(wanted)-1]; last.Unterminated {
		for _, line := range slices.Backward(summary.Lines) {
			if line.Stream != last.Stream {
				continue
			}
			values["end"] = "F"
			if line.Open {
				values["end"] = "P"
			}
			break
		}
	}
	return allowed(values), nil
}

// ended waits until the subject's container has ended.
func (s Subject) ended(ctx context.Context) error {
	pod, err := s.Watch.Until(ctx, func(pod *corev1.Pod) bool { return s.status(pod).State.Terminated != nil })
	if err != nil {
		return fmt.Errorf("wait for the container's end: %w; last seen: %+v", err, s.lastStatus(pod))
	}
	if code := s.status(pod).State.Terminated.ExitCode; code != 0 {
		return fmt.Errorf("the container ended with %d", code)
	}
	return nil
}

// summary has the reader read the container's log files.
func (s Subject) summary(ctx context.Context) (probe.LogSummary, error) {
	var summary probe.LogSummary
	reader, err := s.sibling(s.Args["reader"])
	if err != nil {
		return summary, err
	}
	// Source: https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-location-node
	directory := path.Join(s.Args["directory"], s.Pod.Namespace+"_"+s.Pod.Name+"_"+string(s.Pod.UID), s.Container)
	e := &execution{command: []string{probe.ProgramPath, probe.CommandReadLog, directory, s.Args["kind"]}}
	if err := s.exec(ctx, reader, e); err != nil {
		return summary, fmt.Errorf("read the log files: %w", err)
	}
	if e.exitCode != 0 {
		return summary, fmt.Errorf("read the log files: exit %d: %s", e.exitCode, e.stderr.String())
	}
	if err := json.Unmarshal(e.stdout.Bytes(), &summary); err != nil {
		return summary, fmt.Errorf("read the log files: %w", err)
	}
	return summary, nil
}

// sibling is the name of the container of the pod that has a variable of this name set: the packer gives
// containers names of its own.
func (s Subject) sibling(variable string) (string, error) {
	for _, container := range s.Pod.Spec.Containers {
		for _, each := range container.Env {
			if each.Name == variable {
				return container.Name, nil
			}
		}
	}
	return "", errors.New("the pod has no container with the variable " + variable)
}

// compareLines compares what was written with what the log has. Each stream is a pipe that the runtime reads by
// itself, so that lines of the one may overtake those of the other: the order is compared within a stream.
// Source: https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
func compareLines(wanted []probe.LogLine, got []probe.LoggedLine) string {
	next := map[string]int{}
	for _, line := range wanted {
		i := nextOf(got, line.Stream, next[line.Stream])
		next[line.Stream] = i + 1
		digest := sha256.Sum256([]byte(line.Text))
		switch {
		case i == len(got):
			return fmt.Sprintf("a line of %d bytes to %s is missing: %d of %d lines", len(line.Text), line.Stream, len(got), len(wanted))
		case got[i].Bytes != len(line.Text) || got[i].Digest != hex.EncodeToString(digest[:]):
			return fmt.Sprintf("a line of %d bytes to %s is one of %d bytes", len(line.Text), line.Stream, got[i].Bytes)
		}
	}
	if len(got) > len(wanted) {
		return fmt.Sprintf("%d lines, %d were written", len(got), len(wanted))
	}
	return "complete"
}

// nextOf is the index of the first line of a stream from an index on; that behind the last where there is none.
func nextOf(lines []probe.LoggedLine, stream string, from int) int {
	for i := from; i < len(lines); i++ {
		if lines[i].Stream == stream {
			return i
		}
	}
	return len(lines)
}

// asLogged is what was written in the order in which the log has it; what the log lacks comes last.
func asLogged(wanted []probe.LogLine, got []probe.LoggedLine) []probe.LogLine {
	left := slices.Clone(wanted)
	ordered := make([]probe.LogLine, 0, len(wanted))
	for _, line := range got {
		if i := slices.IndexFunc(left, func(w probe.LogLine) bool { return w.Stream == line.Stream }); i >= 0 {
			ordered = append(ordered, left[i])
			left = slices.Delete(left, i, i+1)
		}
	}
	return append(ordered, left...)
}

// compareLog compares with the log as the API has it. A newline after the last line is the API's.
func (s Subject) compareLog(ctx context.Context, wanted []probe.LogLine) (string, error) {
	var text bytes.Buffer
	for _, line := range wanted {
		text.WriteString(line.Text)
		text.WriteByte('\n')
	}
	log, err := s.pods().GetLogs(s.Pod.Name, &corev1.PodLogOptions{Container: s.Container}).DoRaw(ctx)
	if err != nil {
		return "", fmt.Errorf("read the log: %w", err)
	}
	want := bytes.TrimSuffix(text.Bytes(), []byte("\n"))
	log = bytes.TrimSuffix(log, []byte("\n"))
	if bytes.Equal(log, want) {
		return "complete", nil
	}
	first := 0
	for first < min(len(log), len(want)) && log[first] == want[first] {
		first++
	}
	return fmt.Sprintf("%d bytes of %d, different from byte %d on", len(log), len(want), first), nil
}
