// Command kube-router enforces NetworkPolicy and routes pod traffic between nodes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/cloudnativelabs/kube-router/v2/pkg/cmd"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"github.com/spf13/pflag"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "kube-router:", err)
		os.Exit(1)
	}
}

func run() error {
	klog.InitFlags(nil)
	config := options.NewKubeRouterConfig()
	config.AddFlags(pflag.CommandLine)
	selector := pflag.String("pod-selector", "",
		"Label selector of the pods that network policies may be about. kube-router writes its whole rule set anew for every pod that comes or goes.")
	pflag.Parse()
	if err := flag.Set("v", config.VLevel); err != nil {
		return fmt.Errorf("set verbosity: %w", err)
	}
	if err := followKubelet(); err != nil {
		return fmt.Errorf("choose the iptables: %w", err)
	}
	router, err := cmd.NewKubeRouterDefault(config)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	if *selector != "" {
		if router.Client, err = selecting(*selector); err != nil {
			return err
		}
	}
	return router.Run()
}

// The chain that a kubelet makes for others to see which iptables its node has, and what of an image is the legacy one.
// Source: https://github.com/kubernetes/enhancements/tree/master/keps/sig-network/3178-iptables-cleanup
const (
	hintChain  = "KUBE-IPTABLES-HINT"
	legacy     = "/usr/sbin/xtables-legacy-multi"
	legacyPath = "/usr/local/lib/legacy"
)

// followKubelet has the programs called iptables be the legacy ones where the kubelet of the node uses these: rules of
// both kinds on one node cost a look at each for every packet, and those of nftables more CPU for each change.
func followKubelet() error {
	hinted := func(program string) bool {
		return exec.Command(program, "-w", "-t", "mangle", "-S", hintChain).Run() == nil
	}
	if hinted("iptables-nft") || !hinted("iptables-legacy") {
		return nil
	}
	if err := os.MkdirAll(legacyPath, 0o755); err != nil {
		return err
	}
	for _, program := range []string{"iptables", "ip6tables"} {
		for _, form := range []string{"", "-save", "-restore"} {
			if err := os.Symlink(legacy, filepath.Join(legacyPath, program+form)); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
	}
	klog.Info("Using legacy iptables, as the kubelet does")
	return os.Setenv("PATH", legacyPath+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// selecting is a client that lists and watches the pods of a selector only.
func selecting(selector string) (kubernetes.Interface, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("read the configuration of the cluster: %w", err)
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return podSelector{selector: selector, next: next} })
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("create a client: %w", err)
	}
	return client, nil
}

// podSelector adds a selector to requests for the pods of all namespaces.
type podSelector struct {
	selector string
	next     http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (p podSelector) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodGet && strings.HasSuffix(request.URL.Path, "/api/v1/pods") {
		request = request.Clone(request.Context())
		query := request.URL.Query()
		query.Set("labelSelector", p.selector)
		request.URL.RawQuery = query.Encode()
	}
	return p.next.RoundTrip(request)
}
