package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"assay/framework/cluster"
	"assay/framework/column"
	"assay/framework/existing"
	"assay/framework/placement"
	"assay/framework/policy"
	"assay/reports/expectations"
)

// Settings are what a user sets, as flags of the command and of the suite.
type Settings struct {
	// Matrix is the matrix file; empty is kind-configs/matrix.yaml of the checkout.
	Matrix string
	// Columns are the names of the columns to run; none runs all.
	Columns []string
	// Topology is how the columns are put on clusters; empty is what the matrix says.
	Topology string
	Engine   string
	// Out is where the run's folder is made; empty is reports/out of the checkout.
	Out         string
	Keep, Reuse bool
	// Parallel is how many columns run at the same time; 0 takes what the machine can bear.
	Parallel int
	// InExisting has the columns found in clusters that are there already; Existing says which and how.
	InExisting bool
	Existing   existing.Options
	// Expectations is the expectations file; empty is the one that the matrix names.
	Expectations string
	// Strict fails a run whose expectations are out of date.
	Strict bool
	// UpdateExpectations writes what was observed into the expectations file.
	UpdateExpectations bool
	// PolicyEngineFault is a fault of the policy engine, by name, for tests of the checks themselves.
	PolicyEngineFault string
}

// UsageError is wrong usage: nothing was done, and the user can mend it.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap is the error as it was found.
func (e *UsageError) Unwrap() error { return e.Err }

// Options reads the settings into the options of a run; what the suite itself brings along (checks,
// profiles, progress) is left to the caller. The context is for existing clusters, which are read. Its errors
// are UsageErrors, but for those of clusters that cannot be read.
func (s Settings) Options(ctx context.Context) (Options, error) {
	if s.Parallel < 0 {
		return Options{}, &UsageError{fmt.Errorf("--parallel %d: say how many columns run at the same time, 1 at least", s.Parallel)}
	}
	read := s.read
	if s.InExisting {
		read = func() (Options, error) { return s.existingOptions(ctx) }
	}
	options, err := read()
	var unread *existing.ClusterError
	if errors.As(err, &unread) {
		return Options{}, err
	}
	if err != nil {
		return Options{}, &UsageError{err}
	}
	return options, nil
}

func (s Settings) read() (Options, error) {
	root, err := Root()
	if err != nil {
		return Options{}, err
	}
	if s.Matrix == "" {
		s.Matrix = filepath.Join(root, "kind-configs", "matrix.yaml")
	}
	if s.Out == "" {
		s.Out = filepath.Join(root, "reports", "out")
	}
	known, err := column.ReadKnown(filepath.Join(root, "kind-configs", "components"))
	if err != nil {
		return Options{}, err
	}
	matrix, err := column.Load(s.Matrix, known)
	if err != nil {
		return Options{}, err
	}
	columns, err := matrix.Select(s.Columns)
	if err != nil {
		return Options{}, err
	}
	topology := matrix.Topology
	if s.Topology != "" {
		if topology, err = column.ParseTopology(s.Topology); err != nil {
			return Options{}, fmt.Errorf("--topology: %w", err)
		}
	}
	if err := matrix.CheckTopology(topology, columns); err != nil {
		return Options{}, err
	}
	for _, placed := range placement.Place(columns, topology) {
		if placed.Nodes() > cluster.MaxNodes {
			return Options{}, fmt.Errorf("%s: its columns take %d workers in one cluster, which has room for %d; take fewer with --column, or topology isolated",
				s.Matrix, placed.Nodes()-1, cluster.MaxNodes-1)
		}
	}
	fault, err := policy.ParseFault(s.PolicyEngineFault)
	if err != nil {
		return Options{}, err
	}
	absolute, err := filepath.Abs(s.Matrix)
	if err != nil {
		return Options{}, fmt.Errorf("%s: %w", s.Matrix, err)
	}
	expected, err := s.expectations(root, matrix.Expectations)
	if err != nil {
		return Options{}, err
	}
	return Options{
		Expected: expected, Root: root, Matrix: absolute, Columns: columns, Topology: topology, TopologyAsked: topology != matrix.Topology, Upgrades: matrix.Upgrades,
		Engine: s.Engine, Out: s.Out, Keep: s.Keep, Reuse: s.Reuse, Parallel: s.Parallel,
		PolicyEngineFault: fault,
	}, nil
}

// expectations reads the expectations file that the user names, or else the matrix.
func (s Settings) expectations(root, ofMatrix string) (Expected, error) {
	path := cmp.Or(s.Expectations, ofMatrix)
	if path == "" {
		if s.Strict || s.UpdateExpectations {
			return Expected{}, errors.New("neither --expectations nor the matrix names an expectations file")
		}
		return Expected{}, nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return Expected{}, fmt.Errorf("%s: %w", path, err)
	}
	expected := Expected{Path: path, Strict: s.Strict, Update: s.UpdateExpectations}
	if _, err := os.Stat(path); s.UpdateExpectations && errors.Is(err, fs.ErrNotExist) {
		expected.File = expectations.Empty(path)
	} else if expected.File, err = expectations.Load(path); err != nil {
		return Expected{}, err
	}
	if relative, err := filepath.Rel(root, path); err == nil && filepath.IsLocal(relative) {
		expected.File.Path = relative
	}
	return expected, nil
}

// Root is the checkout that holds the working directory: the recipes of the node images and the
// probe's source are read from it.
func Root() (string, error) {
	directory, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the checkout: %w", err)
	}
	for start := directory; ; directory = filepath.Dir(directory) {
		_, err := os.Stat(filepath.Join(directory, "kind-configs", "components"))
		if err == nil {
			return directory, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("find the checkout: %w", err)
		}
		if directory == filepath.Dir(directory) {
			return "", fmt.Errorf("%s is not in a checkout of Assay; run it from one, the recipes of the node images are there", start)
		}
	}
}
