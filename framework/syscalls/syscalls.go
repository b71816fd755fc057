// Package syscalls lists the questions that are put to a container's seccomp filter: every system call
// of the architecture, and the calls again with the arguments that profiles are known to look at. The
// probe asks them in the container, and the suite asks the filter's program the same.
package syscalls

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Question is a system call as a seccomp filter sees it: the number and the scalar arguments. Where
// the call takes a pointer the argument is 0, since no filter can look behind one. The sixth argument is
// Magic.
type Question struct {
	Number    uintptr    `json:"number"`
	Arguments [5]uintptr `json:"arguments"`
	// I386 has the call made through int 0x80 of x86, with a number of that architecture.
	I386 bool `json:"i386,omitempty"`
}

// Magic is the sixth argument of every question: no call has it by accident. An i386 call carries its
// lower half.
const Magic = 0xa55a_c0de_5ecc_0b5e

// The answers to a question besides the names of errnos.
const (
	// Allow lets the call through.
	Allow = "allow"
	// Kill ends the thread or the process, or sends it SIGSYS.
	Kill = "kill"
	// NoABI is the kernel's word: it does not take calls by that way.
	NoABI = "not in this kernel"
)

// Row is a question of the table under its key, "165" or "41:family=38".
type Row struct {
	Key string
	Question
}

const (
	// LastNumber is above every system call that a kernel has today.
	LastNumber = 511
	// UnknownNumber is one that no profile can know.
	UnknownNumber = 1023
	// x32 marks the numbers of the x32 ABI of x86-64.
	// Source: https://github.com/torvalds/linux/blob/v6.12/arch/x86/include/uapi/asm/unistd.h
	x32 = 0x4000_0000
	// getpidI386 is the number of getpid on i386.
	// Source: https://github.com/torvalds/linux/blob/v6.12/arch/x86/entry/syscalls/syscall_32.tbl
	getpidI386 = 20
)

// Table is the questions for the architecture that this program is built for: every number with all
// arguments 0, and the variants.
func Table() []Row {
	kernelOwned := kernelOwnedNumbers(runtime.GOARCH)
	rows := make([]Row, 0, LastNumber+64)
	for number := range uintptr(LastNumber + 1) {
		if !slices.Contains(kernelOwned, number) {
			rows = append(rows, Row{Key: strconv.FormatUint(uint64(number), 10), Question: Question{Number: number}})
		}
	}
	rows = append(rows, Row{Key: strconv.Itoa(UnknownNumber), Question: Question{Number: UnknownNumber}})
	variant := func(number uintptr, condition string, arguments ...uintptr) {
		made := Row{Key: fmt.Sprintf("%d:%s", number, condition), Question: Question{Number: number}}
		copy(made.Arguments[:], arguments)
		rows = append(rows, made)
	}
	// Unix, IPv4, IPv6, netlink, packet, rds, can, tipc, alg, vsock, xdp.
	for _, family := range []uintptr{1, 2, 10, 16, 17, 21, 29, 30, 38, 40, 44} {
		variant(unix.SYS_SOCKET, fmt.Sprintf("family=%d", family), family, unix.SOCK_STREAM)
	}
	variant(unix.SYS_SOCKET, "family=16,protocol=9", unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT)
	for _, namespace := range namespaceFlags() {
		variant(unix.SYS_CLONE, "flags="+namespace.name, namespace.flag|uintptr(unix.SIGCHLD))
		variant(unix.SYS_UNSHARE, "flags="+namespace.name, namespace.flag)
		variant(unix.SYS_SETNS, "type="+namespace.name, 0, namespace.flag)
	}
	// PER_LINUX, PER_LINUX32, UNAME26, both, ask only, ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC.
	for _, persona := range []uintptr{0, 0x8, 0x20000, 0x20008, 0xffffffff, 0x40000, 0x400000} {
		variant(unix.SYS_PERSONALITY, fmt.Sprintf("persona=0x%x", persona), persona)
	}
	variant(unix.SYS_IOCTL, "request=TIOCSTI", 0, unix.TIOCSTI)
	if runtime.GOARCH == "amd64" {
		rows = append(rows,
			Row{Key: fmt.Sprintf("%d:abi=x32", unix.SYS_GETPID), Question: Question{Number: x32 | unix.SYS_GETPID}},
			// Last: a kernel without it ends who asks.
			Row{Key: fmt.Sprintf("%d:abi=i386", unix.SYS_GETPID), Question: Question{Number: getpidI386, I386: true}})
	}
	return rows
}

type namespaceFlag struct {
	name string
	flag uintptr
}

func namespaceFlags() []namespaceFlag {
	return []namespaceFlag{
		{"NEWUSER", unix.CLONE_NEWUSER},
		{"NEWNS", unix.CLONE_NEWNS},
		{"NEWPID", unix.CLONE_NEWPID},
		{"NEWNET", unix.CLONE_NEWNET},
		{"NEWIPC", unix.CLONE_NEWIPC},
		{"NEWUTS", unix.CLONE_NEWUTS},
		{"NEWCGROUP", unix.CLONE_NEWCGROUP},
	}
}

// kernelOwnedNumbers are the calls that new kernels let through without asking a filter, since the
// kernel itself plants them: uretprobe and uprobe of x86-64. Made by others they end in a signal.
func kernelOwnedNumbers(architecture string) []uintptr {
	if architecture == "amd64" {
		return []uintptr{335, 336}
	}
	return nil
}

// Errno is the answer of a filter that has the call fail with the number.
func Errno(number uint32) string {
	if name := unix.ErrnoName(unix.Errno(number)); name != "" {
		return name
	}
	return fmt.Sprintf("errno %d", number)
}
