package probe

// The operations of the families user, priv and class.
const (
	// OpUmask reads the umask of the process; Values["umask"] in octal.
	OpUmask Op = "umask"
	// OpEnvironment reads the environment that the process was started with: Values by name, less those of
	// the suite itself. The name of the host is HostNameValue, and the value of a KUBERNETES_ variable, which
	// is an address, SetValue.
	OpEnvironment Op = "environment"
	// OpUserEntry looks for uid ARG0 in /etc/passwd; Values["entry"] is its line, NoValue where there is none.
	OpUserEntry Op = "user-entry"
	// OpOwnership reads who owns directory ARG0 and a new file in it: Values["uid"], ["gid"], ["mode"] (octal,
	// with the setgid bit), ["fileUid"], ["fileGid"]. Denied is the new file.
	OpOwnership Op = "ownership"
	// OpOpenWrite opens the file ARG0, which is there, for writing, and writes nothing.
	OpOpenWrite Op = "open-write"
	// OpOpenDevice makes a block device ARG1:ARG2 in directory ARG0, opens it for reading and removes it.
	// Allowed is an open that succeeds or fails for want of a driver (Values["open"]). Where the device cannot
	// be made it is Broken: the open is what is asked about.
	OpOpenDevice Op = "open-device"
	// OpDevices lists directory ARG0: Values by name are "c 1:3", "b 7:0", "-> target", "directory" or "file".
	OpDevices Op = "devices"
	// OpMissingDevices compares the devices below directory ARG0 with those of /dev: Values["missing"] are the
	// paths of those that /dev lacks, NoValue for none. Terminals are the container's own and left out.
	OpMissingDevices Op = "missing-devices"
	// OpOCIRuntime reads who made the container, from the parent of its first process: Values["runtime"] is the
	// name of the OCI runtime's program. It needs a privileged container in the node's PID namespace.
	OpOCIRuntime Op = "oci-runtime"
	// OpPodCgroup reads the limits of the pod's cgroup from the node's cgroup file systems, which are mounted at
	// ARG0, for the pod whose UID is in environment variable ARG1: Values["memory"] in bytes, ["cpu"] the quota
	// in microseconds a period, "max" for none.
	OpPodCgroup Op = "pod-cgroup"
)

// The words of values.
const (
	// NoValue is the value of what is not there.
	NoValue = "none"
	// SetValue stands for a value that differs from run to run.
	SetValue = "(set)"
	// HostNameValue stands for the name of the host in a value.
	HostNameValue = "(the host's name)"
)
