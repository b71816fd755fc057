package probe

// The places of the probe's image (fixtures/probe, built by framework/probeimage).
const (
	// ProgramPath is the probe, the image's entry point.
	ProgramPath = "/assay/probe"
	// SetuidPath is a copy of the probe, set-uid root.
	SetuidPath = "/assay/probe-setuid"
	// BusyboxPath is a static busybox; its applets are links in /bin.
	BusyboxPath = "/bin/busybox"
	// PingPath is a plain ping, a link to busybox.
	PingPath = "/bin/ping"
	// PingFileCapabilityPath is a copy of busybox named ping with cap_net_raw+ep.
	PingFileCapabilityPath = "/assay/file-capability/ping"
	// PingSetuidPath is a copy of busybox named ping, set-uid root.
	PingSetuidPath = "/assay/setuid/ping"
	// WritableDirectory is a directory of the image that everybody may write to (mode 1777), on the
	// container's root file system.
	WritableDirectory = "/tmp"
)

// The environment variables that tell a container what its pod knows only once it is there; a check that
// needs one sets it from the downward API.
const (
	// NodeAddressVariable is status.hostIP.
	NodeAddressVariable = "HOST_IP"
	// NodeNameVariable is spec.nodeName.
	NodeNameVariable = "NODE_NAME"
	// PodNameVariable, PodNamespaceVariable and PodAddressVariable are metadata.name, metadata.namespace
	// and status.podIP.
	PodNameVariable      = "POD_NAME"
	PodNamespaceVariable = "POD_NAMESPACE"
	PodAddressVariable   = "POD_IP"
)

// The probe's subcommands, its first argument. None: carry out the Request and print the Document.
const (
	// CommandAnswer carries out the Request that it reads from stdin and prints the Document.
	CommandAnswer = "answer"
	// CommandArguments carries out the Request of the environment whatever arguments follow; it is for images
	// with an entry point of several words and a command.
	CommandArguments = "arguments"
	// CommandServe echoes on the endpoints of its arguments ("tcp/8080", "udp/53"), without any on ServePort by
	// TCP and UDP, until it is told to end. "sctp/8080" is left out where the kernel lacks SCTP.
	CommandServe = "serve"
	// CommandConnect reads ConnectRequest documents from stdin, one a line, and answers each with a
	// line of ConnectResponse.
	CommandConnect = "connect"
	// CommandAgent does both: it echoes as CommandServe does, and answers what it reads from stdin as CommandConnect
	// does. What it has to say besides goes to stderr.
	CommandAgent = "agent"
	// CommandCredentials prints the credentials of the process for OpRunProbe.
	CommandCredentials = "credentials"
	// CommandAllocate takes as many bytes of memory as its first argument says and uses every page. With a second
	// argument it uses a second of CPU besides, and keeps the memory for so many seconds.
	CommandAllocate = "allocate"
	// CommandInspect prints an Inspection of the container as text, or with --json as JSON.
	CommandInspect = "inspect"
)

// ServePort is the TCP and UDP port that CommandServe listens on.
const ServePort = 8080
