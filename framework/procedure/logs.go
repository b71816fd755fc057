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
	if values["api"], err = s.compareLog(ctx, wanted); err != nil {
		return probe.Result{}, err
	}
	if last := wanted[len(wanted)-1]; last.Unterminated && len(summary.Lines) > 0 {
		values["end"] = "F"
		if summary.Lines[len(summary.Lines)-1].Open {
			values["end"] = "P"
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

func compareLines(wanted []probe.LogLine, got []probe.LoggedLine) string {
	for i, line := range wanted {
		digest := sha256.Sum256([]byte(line.Text))
		switch {
		case i >= len(got):
			return fmt.Sprintf("%d of %d lines", len(got), len(wanted))
		case got[i].Stream != line.Stream || got[i].Bytes != len(line.Text) || got[i].Digest != hex.EncodeToString(digest[:]):
			return fmt.Sprintf("line %d of %d bytes to %s is one of %d bytes of %s", i+1, len(line.Text), line.Stream, got[i].Bytes, got[i].Stream)
		}
	}
	if len(got) > len(wanted) {
		return fmt.Sprintf("%d lines, %d were written", len(got), len(wanted))
	}
	return "complete"
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
