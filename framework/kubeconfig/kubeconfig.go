// Package kubeconfig opens clusters that somebody else made, as kubectl does.
package kubeconfig

import (
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Load reads the configuration of a cluster's client, and the name of its context. file is a kubeconfig; empty
// is what kubectl takes: KUBECONFIG or ~/.kube/config. named is one of the file's contexts; empty is the
// current one.
func Load(file, named string) (config *rest.Config, name string, err error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = file
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: named})
	config, err = loader.ClientConfig()
	if err != nil {
		return nil, "", fmt.Errorf("read the kubeconfig: %w", err)
	}
	if raw, err := loader.RawConfig(); named == "" && err == nil {
		named = raw.CurrentContext
	}
	if named == "" {
		// There is no file, and the client is that of the pod's own account.
		named = "in-cluster"
	}
	return config, named, nil
}
