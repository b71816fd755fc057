package cluster

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"
)

// WriteFiles writes files by name into a directory on all nodes, in one go, with the directories that
// it needs.
func (c *Cluster) WriteFiles(ctx context.Context, directory string, files map[string][]byte, mode os.FileMode) error {
	archive, err := archiveFiles(files, mode)
	if err != nil {
		return fmt.Errorf("write to %s: %w", directory, err)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, node := range c.Nodes {
		group.Go(func() error {
			_, err := c.NodeExec(ctx, node.Name, bytes.NewReader(archive), "sh", "-c",
				`mkdir -p "$1" && tar -x --no-same-owner -C "$1"`, "sh", directory)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("write to %s: %w", directory, err)
	}
	return nil
}

func archiveFiles(files map[string][]byte, mode os.FileMode) ([]byte, error) {
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(files[name])), Mode: int64(mode.Perm())}
		if err := writer.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := writer.Write(files[name]); err != nil {
			return nil, err
		}
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}
