package suites

import (
	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
)

// The shapes that several families share. Equal shapes share a container, so a trial costs a container
// only where its shape is new.

// uid and gid are of the user that has no entry in the image.
const (
	uid int64 = 1000
	gid int64 = 2000
)

// container is a container with a securityContext.
func container(context corev1.SecurityContext) check.Container {
	return check.Container{SecurityContext: &context}
}

// unset is a container that asks for nothing: what the runtime gives to everybody.
func unset() check.Container { return check.Container{} }

// add and drop are one field of the API.
func capabilities(add, drop []corev1.Capability) *corev1.Capabilities {
	return &corev1.Capabilities{Add: add, Drop: drop}
}

func unconfined() *corev1.SeccompProfile {
	return &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}
}

func runtimeDefault() *corev1.SeccompProfile {
	return &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
}

// noAppArmor keeps AppArmor out of a trial that is about somebody else: the runtimes' default profiles
// deny mount, whatever the capabilities. A node without AppArmor admits it and has nothing to do.
// Source: https://kubernetes.io/docs/tutorials/security/apparmor/
func noAppArmor() *corev1.AppArmorProfile {
	return &corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeUnconfined}
}

// nothingConfined has neither a seccomp filter nor an AppArmor profile: what is denied here is denied
// for want of a capability, or by the kernel.
func nothingConfined() corev1.SecurityContext {
	return corev1.SecurityContext{SeccompProfile: unconfined(), AppArmorProfile: noAppArmor()}
}

// unprivilegedUser is an ordinary user without any capability, who may escalate.
func unprivilegedUser() corev1.SecurityContext {
	return corev1.SecurityContext{
		RunAsUser:                new(uid),
		RunAsGroup:               new(gid),
		RunAsNonRoot:             new(true),
		AllowPrivilegeEscalation: new(true),
		Capabilities:             capabilities(nil, []corev1.Capability{"ALL"}),
		SeccompProfile:           unconfined(),
	}
}

// privilegedPod keeps privileged containers apart: the runtime makes the sandbox of such a pod
// privileged, too, and with it the surroundings of the siblings.
func privilegedPod() check.Pod { return check.Pod{Alone: "privileged"} }

// refusedPod is for containers that are expected not to start, and the controls beside them: they keep a pod
// from ending, and from being ready.
func refusedPod() check.Pod { return check.Pod{Alone: "refused containers"} }

// nodeFilesPod is for containers that look at directories of the node, which not every cluster allows.
func nodeFilesPod(volumes ...corev1.Volume) check.Pod {
	return check.Pod{Alone: "the node's files", Volumes: volumes}
}

// firstPod and secondPod are two pods on one node, for trials that compare what pods share.
func firstPod() check.Pod  { return check.Pod{Node: 1, Alone: "first of two"} }
func secondPod() check.Pod { return check.Pod{Node: 1, Alone: "second of two"} }

// hostNetworkPod is one in the first node's network.
func hostNetworkPod() check.Pod { return check.Pod{HostNetwork: true, Node: 1} }

// measuredPod is one that the suite measures from outside.
func measuredPod() check.Pod { return check.Pod{Alone: "is measured"} }

// ephemeralPod is one whose containers run when ephemeral ones are added to it.
func ephemeralPod() check.Pod { return check.Pod{Alone: "ephemeral containers"} }

// sysctls is a pod with sysctls and without seccomp filters.
func sysctls(pairs ...corev1.Sysctl) check.Pod {
	return check.Pod{SecurityContext: &corev1.PodSecurityContext{SeccompProfile: unconfined(), Sysctls: pairs}}
}

// The sysctl that says whose ICMP sockets need no capability: nobody's, everybody's.
// Source: https://man7.org/linux/man-pages/man7/icmp.7.html
func pingForNobody() check.Pod {
	return sysctls(corev1.Sysctl{Name: "net.ipv4.ping_group_range", Value: "1 0"})
}

func pingForEverybody() check.Pod {
	return sysctls(corev1.Sysctl{Name: "net.ipv4.ping_group_range", Value: "0 2147483647"})
}

// allSets are the five capability sets of a process.
func allSets() []string { return []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} }

// heldSets are the sets that capabilities.add fills for uid 0.
func heldSets() []string { return []string{"CapPrm", "CapEff", "CapBnd"} }

// The texts that several claims rest on.
const (
	capabilitiesManual  = "https://man7.org/linux/man-pages/man7/capabilities.7.html"
	setCapabilities     = "https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#set-capabilities-for-a-container"
	podSecurityContext  = "https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#set-the-security-context-for-a-pod"
	containerSecurity   = "https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#security-context-1"
	podSpecReference    = "https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec"
	seccompReference    = "https://kubernetes.io/docs/reference/node/seccomp/"
	sysctlTask          = "https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/"
	runtimeInterface    = "https://github.com/kubernetes/cri-api/blob/v0.36.0/pkg/apis/runtime/v1/api.proto"
	networkPolicyManual = "https://kubernetes.io/docs/concepts/services-networking/network-policies/"
)
