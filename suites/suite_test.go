package suites_test

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2"

	"assay/framework/run"
	"assay/framework/specs"
	"assay/reports/results"
	"assay/reports/terminal"
	"assay/suites"
)

// settings are the flags of the suite beside Ginkgo's and go test's. They have to be there before
// the flags are parsed, which is before any test runs.
var settings = flags(flag.CommandLine)

func flags(set *flag.FlagSet) *run.Settings {
	s := &run.Settings{}
	set.StringVar(&s.Matrix, "matrix", "", "matrix `file` (default kind-configs/matrix.yaml of the checkout)")
	set.Func("column", "run this `column` only; may be repeated", func(name string) error {
		s.Columns = append(s.Columns, name)
		return nil
	})
	set.StringVar(&s.Topology, "topology", "", "put the columns on clusters by this `topology`: isolated or mixed (default what the matrix says)")
	set.BoolVar(&s.Keep, "keep", false, "leave the clusters for a look or for -reuse")
	set.BoolVar(&s.Reuse, "reuse", false, "take kept clusters after verifying them; implies -keep")
	set.StringVar(&s.Expectations, "expectations", "", "expectations `file` (default the one that the matrix names)")
	set.BoolVar(&s.Strict, "strict", false, "fail where an expected failure passes or an expectation has expired")
	set.StringVar(&s.Out, "out", "", "`directory` of the runs' reports (default reports/out of the checkout)")
	set.StringVar(&s.Engine, "engine", "", "container `engine`: docker, podman or nerdctl (default the first that answers)")
	return s
}

// TestConformance runs the checks on real clusters; -short leaves it out.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("the suite creates clusters; run it without -short")
	}
	options, err := settings.Options(t.Context())
	if err != nil {
		var usage *run.UsageError
		if errors.As(err, &usage) {
			_, _ = os.Stderr.WriteString("assay: " + err.Error() + "\n")
			os.Exit(results.ExitUsage)
		}
		t.Fatalf("read the settings: %v", err)
	}
	options.Checks = suites.All()
	options.Progress = os.Stderr
	options.CommandLine = []string{strings.Join(os.Args, " ")}
	ctx, again, stop := run.Interruptible(t.Context())
	defer stop()
	r := run.New(ctx, options)
	go r.LeaveOn(again, os.Stderr)

	names := make([]string, 0, len(options.Columns))
	for _, column := range options.Columns {
		names = append(names, column.Name)
	}
	if _, err := specs.Run(t, names, options.Checks, r, nil); err != nil {
		t.Fatalf("run the specs: %v", err)
	}
	if suite, _ := ginkgo.GinkgoConfiguration(); suite.DryRun {
		return
	}
	final, folder, files, err := r.Finish()
	if err != nil {
		t.Fatalf("write the reports: %v", err)
	}
	if err := terminal.Write(os.Stdout, &final, terminal.Options{Directory: folder, Files: files}); err != nil {
		t.Fatalf("print the results: %v", err)
	}
	if final.Run.Exit != results.ExitExpected {
		t.Errorf("exit status %d", final.Run.Exit)
	}
}
