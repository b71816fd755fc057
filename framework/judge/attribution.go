package judge

import (
	"fmt"

	"assay/framework/check"
	"assay/framework/probe"
)

// The authors of a denial.
const (
	bySeccomp    = "seccomp"
	byCapability = "capability"
	byLSM        = "LSM"
	byKernel     = "kernel"
)

// attribute says who denied the action, and why that is known: the container's own filter was asked
// about that very call, and the kernel's capability for it is compared with the effective set.
func attribute(o check.Observation) (author, why string) {
	r := o.Result
	if r == nil || r.Outcome != probe.Denied || r.Errno == "" || o.Document == nil {
		return "", ""
	}
	facts := o.Document.Facts
	filtered := facts.Seccomp != 0
	switch {
	case filtered && r.Filter != "" && r.Filter != "allow":
		return bySeccomp, fmt.Sprintf("the container's filter answers %s to %s", r.Filter, r.Syscall)
	case filtered && r.Filter == "":
		return "", fmt.Sprintf("the container's filter could not be asked about %s", r.Syscall)
	}
	passed := "there is no seccomp filter"
	if filtered {
		passed = fmt.Sprintf("the container's filter allows %s", r.Syscall)
	}
	switch {
	case r.Capability != "" && !facts.Capabilities.Effective.Has(r.Capability):
		return byCapability, fmt.Sprintf("%s, and %s is not in CapEff", passed, r.Capability)
	case (r.Errno == "EPERM" || r.Errno == "EACCES") && confined(facts.LSM):
		return byLSM, fmt.Sprintf("%s, and the process is confined by %s", passed, facts.LSM)
	default:
		return byKernel, passed + ", and no capability is missing"
	}
}

func confined(lsm string) bool { return lsm != "" && lsm != "unconfined" && lsm != "kernel" }
