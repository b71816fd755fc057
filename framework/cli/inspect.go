package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"assay/framework/probe"
	"assay/framework/run"
)

// largestInspection bounds what is read as a report, in bytes; a real one has some 50 KiB.
const largestInspection = 4 << 20

func inspectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect DOCUMENT|-",
		Short: "Show the probe's report of a container as text",
		Long: `Reads the JSON report that the probe makes of the container it runs in, from a file or from standard
input, and writes it as text: identity, capabilities, what the seccomp filter answers to each system
call, namespaces, masked and read-only paths, limits, LSM, sysctls.

The probe writes the same text itself without --json.`,
		Example: `  kubectl run -it --rm x --image=<probe image> -- inspect
  kubectl run -q -i --rm x --image=<probe image> -- inspect --json > container.json
  assay inspect container.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, arguments []string) error {
			text, err := readInspection(arguments[0], c.InOrStdin())
			if err != nil {
				return &run.UsageError{Err: err}
			}
			var report probe.Inspection
			if err := json.Unmarshal(text, &report); err != nil {
				return &run.UsageError{Err: fmt.Errorf("%s is not a report of the probe: %w", arguments[0], err)}
			}
			if report.Version != probe.Version {
				return &run.UsageError{Err: fmt.Errorf("%s has version %d of the probe's protocol, this command knows %d",
					arguments[0], report.Version, probe.Version)}
			}
			return report.WriteText(c.OutOrStdout())
		},
	}
}

func readInspection(path string, in io.Reader) (text []byte, err error) {
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	text, err = io.ReadAll(io.LimitReader(in, largestInspection))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return text, nil
}
