// Command assay compares the behaviour of Kubernetes container runtimes on real clusters.
package main

import (
	"context"
	"os"

	"assay/framework/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}
