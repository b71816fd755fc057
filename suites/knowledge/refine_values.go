package knowledge

import (
	"fmt"
	"slices"
	"strings"

	"assay/reports/difference"
	"assay/reports/meaning"
)

// parts has the plain sentence for each part that changed: its name, before and after. The general
// meaning of the check follows from its kind.
func parts(prefix, what string) func([]difference.Value) []meaning.Meaning {
	return func(changed []difference.Value) []meaning.Meaning {
		return each(changed, kindLink(what), func(value difference.Value) string {
			name := strings.TrimSpace(prefix + value.Name())
			switch {
			case value.Before == difference.Absent:
				return fmt.Sprintf("%s %s is new: %s. %s", what, name, value.After, kindUse(what))
			case value.After == difference.Absent:
				return fmt.Sprintf("%s %s is gone (it was: %s). %s", what, name, value.Before, kindUse(what))
			default:
				return fmt.Sprintf("%s %s changes from %s to %s. %s", what, name, value.Before, value.After, kindUse(what))
			}
		})
	}
}

// kinds are the kinds of parts with what a change of one means and the text upstream.
func kinds() map[string]meaning.Meaning {
	return map[string]meaning.Meaning{
		"The device file":                         {Text: "Programs that open it are touched.", Link: "https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config-linux.md#default-devices"},
		"The path":                                {Text: "Programs that test for it to tell where they run, or read it, are touched.", Link: runtimeAPI},
		"The limit of processes":                  {Text: "JVMs, databases and CI runners that reach a lower one get EAGAIN.", Link: "https://kubernetes.io/docs/concepts/policy/pid-limiting/"},
		"The limit":                               {Text: "Databases, search engines and proxies check open files and locked memory when they start.", Link: "https://man7.org/linux/man-pages/man2/getrlimit.2.html"},
		"The cgroup's":                            {Text: "Agents that find pods by the path of their cgroup, and programs that read it, are touched; others are not.", Link: "https://kubernetes.io/docs/setup/production-environment/container-runtimes/#cgroup-drivers"},
		"A RuntimeClass with the handler":         {Text: "Pods of such a class start only where the nodes have the handler.", Link: "https://kubernetes.io/docs/concepts/containers/runtime-class/"},
		"What is seen when a container stops":     {Text: "Programs that shut down gracefully are touched.", Link: podLife + "#pod-termination"},
		"What is seen of a forwarded connection:": {Text: "Tunnels to databases and debuggers are touched.", Link: "https://kubernetes.io/docs/tasks/access-application-cluster/port-forward-access-application-cluster/"},
		"The pod's network:":                      {Text: "Programs that name an interface, and large packets, are touched.", Link: "https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/network-plugins/"},
	}
}

func kindUse(what string) string  { return kinds()[what].Text }
func kindLink(what string) string { return kinds()[what].Link }

func sysctlValues(changed []difference.Value) []meaning.Meaning {
	uses := map[string]string{
		"net.ipv4.ip_unprivileged_port_start": "containers that are not root bind ports from there on; set it for the pod (it is a safe sysctl) or listen on a higher port",
		"net.ipv4.ping_group_range":           "groups in that range may ping without NET_RAW; set it for the pod (it is a safe sysctl) where ping is needed",
		"net.ipv4.ip_forward":                 "routers, VPN gateways and nested container networks need it",
		"net.core.somaxconn":                  "servers under bursts of connections queue more or fewer of them",
		"kernel.shmmax":                       "databases that use System V shared memory can make larger or only smaller segments",
		"kernel.shmall":                       "databases that use System V shared memory have more or less of it",
		"kernel.shm_rmid_forced":              "shared memory that nobody uses is freed or stays",
		"kernel.sem":                          "databases with many semaphores (Oracle, Db2) need large values",
		"kernel.pid_max":                      "programs with very many processes or threads are touched",
	}
	return each(changed, sysctls, func(value difference.Value) string {
		if len(value.Path) == 0 {
			return ""
		}
		name := value.Path[len(value.Path)-1]
		if !strings.Contains(name, ".") {
			if strings.HasPrefix(value.After, "denied") {
				return fmt.Sprintf("ICMP datagram sockets are closed to pods without NET_RAW (%s): ping without a capability fails.", value.After)
			}
			return fmt.Sprintf("ICMP datagram sockets change from %s to %s: ping without a capability follows.", value.Before, value.After)
		}
		use := uses[name]
		if use == "" {
			use = "pods that rely on the default and do not set it are touched"
		}
		return fmt.Sprintf("%s in a new pod changes from %s to %s: %s.", name, value.Before, value.After, use)
	})
}

func lowPort(changed []difference.Value) []meaning.Meaning {
	return each(changed, "https://docs.kernel.org/networking/ip-sysctl.html", func(value difference.Value) string {
		switch {
		case value.Name() != "bind":
			return ""
		case strings.HasPrefix(value.After, "denied"):
			return "Containers that are not root can no longer bind ports below 1024 (" + value.After + "): listen on a higher port, or set the pod's sysctl net.ipv4.ip_unprivileged_port_start."
		default:
			return "Containers that are not root can now bind ports below 1024 without a capability."
		}
	})
}

func memoryFloor(changed []difference.Value) []meaning.Meaning {
	return each(changed, "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/", func(value difference.Value) string {
		switch {
		case refused(value.Before) && refused(value.After):
			return fmt.Sprintf("A container with a memory limit of %s starts on neither side; the reason in its status is another.", value.Name())
		case refused(value.After):
			return fmt.Sprintf("A container with a memory limit of %s no longer starts (%s): raise the limit.", value.Name(), strings.TrimPrefix(value.After, "not started: "))
		default:
			return fmt.Sprintf("A container with a memory limit of %s now starts.", value.Name())
		}
	})
}

func imageVolumeDir(changed []difference.Value) []meaning.Meaning {
	return each(changed, "https://github.com/opencontainers/image-spec/blob/main/config.md#properties", func(value difference.Value) string {
		switch {
		case value.Name() != "write":
			return ""
		case strings.HasPrefix(value.After, "denied"):
			return "Directories that an image declares as VOLUME can no longer be written under a read-only root (" + value.After + "): mount an emptyDir or a claim there, or data that was lost with the pod before is not written at all now."
		default:
			return "Directories that an image declares as VOLUME are now writable under a read-only root, on a volume that goes with the container."
		}
	})
}

func writableFiles(changed []difference.Value) []meaning.Meaning {
	return each(changed, containerFields, func(value difference.Value) string {
		if len(value.Path) == 0 {
			return ""
		}
		name := value.Path[len(value.Path)-1]
		return fmt.Sprintf("%s changes from %s to %s (%s): entrypoints that edit it are touched; use hostAliases and dnsConfig instead.", name, value.Before, value.After, value.Path[0])
	})
}

func masked(changed []difference.Value) []meaning.Meaning {
	return each(changed, linuxSecurity, func(value difference.Value) string {
		if len(value.Path) == 0 {
			return ""
		}
		name := value.Path[len(value.Path)-1]
		switch value.After {
		case "masked":
			return fmt.Sprintf("%s is hidden now (it was: %s): monitoring that reads it in its own container gets nothing.", name, value.Before)
		case "ro":
			return fmt.Sprintf("%s is read-only now (it was: %s): tools that write there fail.", name, value.Before)
		default:
			return fmt.Sprintf("%s changes from %s to %s: containers can see or change more of the node there, or the kernel lacks it.", name, value.Before, value.After)
		}
	})
}

func mounts(changed []difference.Value) []meaning.Meaning {
	return each(changed, "https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html", func(value difference.Value) string {
		if len(value.Path) == 0 {
			return ""
		}
		path := value.Path[len(value.Path)-1]
		if value.Before == difference.Absent {
			return fmt.Sprintf("%s is a mount of its own now (%s): programs that list or replace it are touched.", path, value.After)
		}
		if value.After == difference.Absent {
			return fmt.Sprintf("%s is no longer a mount of its own (it was: %s).", path, value.Before)
		}
		var effects []string
		before, after := strings.Split(value.Before, ","), strings.Split(value.After, ",")
		for _, option := range []struct{ name, effect string }{
			{"noexec", "nothing can be executed from it"},
			{"nosuid", "setuid bits have no effect on it"},
			{"nodev", "device files on it do not open"},
			{"ro", "it cannot be written"},
		} {
			if !slices.Contains(before, option.name) && slices.Contains(after, option.name) {
				effects = append(effects, option.effect)
			}
		}
		if len(effects) == 0 {
			effects = []string{"programs that look at the type or the options are touched"}
		}
		return fmt.Sprintf("%s is mounted as %s instead of %s: %s.", path, value.After, value.Before, strings.Join(effects, ", "))
	})
}

func hostPort(changed []difference.Value) []meaning.Meaning {
	return each(changed, podSpec, func(value difference.Value) string {
		if len(value.Path) == 0 {
			return ""
		}
		if value.After == "timed out" {
			return fmt.Sprintf("A hostPort with hostIP 127.0.0.1 no longer answers on the node itself (%s): programs of the node and hostNetwork pods must use the node's address, and the port must not be bound to 127.0.0.1.", value.Path[0])
		}
		return fmt.Sprintf("A hostPort with hostIP 127.0.0.1 answers otherwise on the node itself (%s changes from %s to %s).", value.Name(), value.Before, value.After)
	})
}

func shortName(changed []difference.Value) []meaning.Meaning {
	return each(changed, images+"#image-names", func(value difference.Value) string {
		switch {
		case value.Name() == "resolved" && (value.After == "none" || value.After == difference.Absent):
			return "Image names without a registry no longer resolve (before: " + value.Before + "): pods with such names do not start; write the registry into every image name."
		case value.Name() == "resolved" && value.Before == "none":
			return "Image names without a registry now resolve to " + value.After + "."
		case value.Name() == "resolved":
			return "Image names without a registry resolve to " + value.After + " instead of " + value.Before + ": another image may be run."
		case value.Name() == "reason":
			return "The reason in the status of a pod with such an image is " + value.After + " instead of " + value.Before + ": alerts that match it are touched."
		default:
			return ""
		}
	})
}

func logLines(changed []difference.Value) []meaning.Meaning {
	return each(changed, logFile, func(value difference.Value) string {
		if value.Name() == "largestPart" {
			return fmt.Sprintf("Long log lines are split after %s bytes instead of %s: log shippers that join partial lines (tag P) see more or fewer parts, others cut JSON logs in the middle.", value.After, value.Before)
		}
		return ""
	})
}
