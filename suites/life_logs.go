package suites

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
	"assay/framework/probe"
)

// What containers print, in the files of the node and through the API.

const (
	logFormat = "https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md"
	logTask   = "https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-location-node"
	// logReader is the variable that the container has which reads the node's logs.
	logReader = "ASSAY_LOG_READER"
	// logsInReader is where it has them.
	logsInReader = "/node-logs"
)

func lifeLogs() []check.Check {
	logs := nodeFilesPod(hostPath("logs", "/var/log/pods", corev1.HostPathUnset))
	reader := holding(unset())
	reader.VolumeMounts = []corev1.VolumeMount{{Name: "logs", MountPath: logsInReader, ReadOnly: true}}
	reader.Extra.Env = []corev1.EnvVar{{Name: logReader, Value: "yes"}}
	trials := func(pod check.Pod, kind string, want check.Want) []check.Trial {
		return []check.Trial{
			{
				Name: kind, Pod: pod, Container: check.Container{Command: []string{probe.ProgramPath, probe.CommandEmit, kind}},
				Procedure: check.Procedure{Name: check.ProcedureReadLogs, Args: map[string]string{
					"kind": kind, "reader": logReader, "directory": logsInReader,
				}},
				Want: want,
			},
			{Name: "reader of the node's logs", Control: true, Pod: pod, Container: reader, Want: check.Started{}},
		}
	}
	complete := check.Values{"files": "complete", "api": "complete", "format": "CRI"}
	return []check.Check{
		{
			ID:     "life/log-lines",
			Level:  check.Must,
			Claim:  "Lines of 1 byte to 256 KiB of both streams are in the log whole, in order and in the format of the CRI, the last one without its newline, too.",
			Source: logFormat,
			Trials: trials(logs, "lines", complete),
			Record: []check.Record{{Trial: "lines", What: check.RecordValues}},
		},
		{
			ID:     "life/log-binary",
			Level:  check.Must,
			Claim:  "Every byte is in the log as it was printed, NUL and those from 0x80 on included.",
			Source: logFormat,
			Trials: trials(logs, "bytes", complete),
		},
		{
			ID:     "life/log-flood",
			Level:  check.Must,
			Claim:  "Of 50 MB a second for two seconds nothing is lost and nothing is out of order in the node's log files.",
			Source: logTask,
			Trials: trials(logs, "flood", check.Values{
				"format": "CRI", "lines": strconv.Itoa(probe.FloodLines), "outOfOrder": "0",
			}),
		},
	}
}
