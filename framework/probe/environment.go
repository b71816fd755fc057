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

// Target is an address to connect to.
type Target struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	// Port is 0 for ICMP.
	Port int `json:"port,omitempty"`
	// Protocol is TCP, UDP, SCTP or ICMP.
	Protocol string `json:"protocol"`
	// Keep leaves the connection open. A later request with Keep and the same name asks for an echo over the
	// connection that is open already. TCP and UDP only.
	Keep bool `json:"keep,omitempty"`
	// Explain asks how a connection is denied; see ConnectResponse.Denials. It is made after the others. TCP and UDP
	// over IPv4 only.
	Explain bool `json:"explain,omitempty"`
}

// ConnectRequest asks for one connection to each target, all at once.
type ConnectRequest struct {
	Version int `json:"version"`
	// ID is of the response, too.
	ID      int      `json:"id,omitempty"`
	Targets []Target `json:"targets"`
	// TimeoutMilliseconds is the deadline of each connection.
	TimeoutMilliseconds int `json:"timeoutMilliseconds"`
}

// Connection is how a connection ended. The zero value says that nothing is known.
type Connection string

// The ends of a connection. Broken is the probe's own failure, never "blocked"; Unsupported is a protocol
// that the kernel lacks.
const (
	Connected   Connection = "connected"
	Refused     Connection = "refused"
	Reset       Connection = "reset"
	TimedOut    Connection = "timed out"
	Unreachable Connection = "unreachable"
	BrokenProbe Connection = "broken"
	Unsupported Connection = "unsupported"
)

// ConnectResponse answers a ConnectRequest.
type ConnectResponse struct {
	Version int `json:"version"`
	ID      int `json:"id,omitempty"`
	// Connections are by target name.
	Connections map[string]Connection `json:"connections"`
	// Problems are the words behind Broken, by target name.
	Problems map[string]string `json:"problems,omitempty"`
	// Denials say how a connection was denied, by the names of the targets that were to be explained: "no
	// answer", "TCP reset", an errno of the local machine or the ICMP message that came ("ICMP port unreachable").
	Denials map[string]string `json:"denials,omitempty"`
}
