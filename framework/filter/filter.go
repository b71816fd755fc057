// Package filter is about the seccomp filters of a process as the kernel has them: programs of classic
// BPF. It says what they answer to a system call, without the call being made or anything run.
// Source: https://man7.org/linux/man-pages/man2/seccomp.2.html
package filter

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"assay/framework/syscalls"
)

// Program is one filter: the kernel's struct sock_filter of each instruction, little-endian.
type Program []byte

// Chain is the filters of a process, the newest first. None lets every call through.
type Chain []Program

// ExitUnavailable is the exit code of fixtures/filterdump where the kernel does not give the filters.
const ExitUnavailable = 77

// instructionSize is the size of struct sock_filter in bytes.
const instructionSize = 8

// Instructions is how many instructions the filters have.
func (c Chain) Instructions() int {
	count := 0
	for _, program := range c {
		count += len(program) / instructionSize
	}
	return count
}

// Hash is the SHA-256 of the filters, in hexadecimal. It says which filters were evaluated; it is not
// to be compared over containers: runc puts a prologue before what libseccomp makes, with the
// architectures in an order that changes from container to container.
// Source: https://github.com/opencontainers/runc/blob/v1.5.2/libcontainer/seccomp/patchbpf/enosys_linux.go
func (c Chain) Hash() string {
	hash := sha256.New()
	for _, program := range c {
		// The length keeps two programs apart from the one that they would make together.
		_ = binary.Write(hash, binary.LittleEndian, uint64(len(program)))
		hash.Write(program)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// Disagreement is a question to which the filters and somebody who asked them answer differently.
type Disagreement struct {
	// Key is the question's in the table of package syscalls.
	Key string
	// Filter is the answer of the filters, Asked the other; empty where it was not asked.
	Filter, Asked string
}

// Compare puts all questions of the table to the filters, and returns where asked, the answers by key,
// differ, and how many questions were compared. The architecture is as Go names it.
func (c Chain) Compare(architecture string, asked map[string]string) ([]Disagreement, int, error) {
	machine, err := load(c, architecture)
	if err != nil {
		return nil, 0, err
	}
	var disagreements []Disagreement
	compared := 0
	for _, row := range syscalls.Table() {
		if asked[row.Key] == syscalls.NoABI {
			continue
		}
		answer, err := machine.answer(row.Question)
		if err != nil {
			return nil, 0, fmt.Errorf("call %s: %w", row.Key, err)
		}
		compared++
		if answer != asked[row.Key] {
			disagreements = append(disagreements, Disagreement{Key: row.Key, Filter: answer, Asked: asked[row.Key]})
		}
	}
	return disagreements, compared, nil
}

// machine runs the filters.
type machine struct {
	architecture uint32
	programs     []*bpf.VM
}

// load checks the programs and makes them ready to run.
func load(c Chain, architecture string) (*machine, error) {
	made := &machine{}
	switch architecture {
	case "amd64":
		made.architecture = unix.AUDIT_ARCH_X86_64
	case "arm64":
		made.architecture = unix.AUDIT_ARCH_AARCH64
	default:
		return nil, fmt.Errorf("filters of %s are not evaluated: %w", architecture, errors.ErrUnsupported)
	}
	for i, program := range c {
		vm, err := disassemble(program)
		if err != nil {
			return nil, fmt.Errorf("filter %d: %w", i, err)
		}
		made.programs = append(made.programs, vm)
	}
	return made, nil
}

func disassemble(program Program) (*bpf.VM, error) {
	if len(program)%instructionSize != 0 {
		return nil, fmt.Errorf("%d bytes are not a number of instructions", len(program))
	}
	var raw []bpf.RawInstruction
	for instruction := range slices.Chunk(program, instructionSize) {
		raw = append(raw, bpf.RawInstruction{
			Op: binary.LittleEndian.Uint16(instruction), Jt: instruction[2], Jf: instruction[3], K: binary.LittleEndian.Uint32(instruction[4:]),
		})
	}
	instructions, known := bpf.Disassemble(raw)
	if !known {
		return nil, errors.New("an instruction is not classic BPF")
	}
	return bpf.NewVM(instructions)
}

// answer is what the filters together say: the kernel takes the most restrictive.
func (m *machine) answer(question syscalls.Question) (string, error) {
	input := m.input(question)
	var strongest uint32 = unix.SECCOMP_RET_ALLOW
	for i, program := range m.programs {
		result, err := program.Run(input)
		if err != nil {
			return "", fmt.Errorf("filter %d: %w", i, err)
		}
		// Of equal actions that of the newest filter counts, which the kernel asks first.
		if value := uint32(result); action(value) < action(strongest) { //nolint:gosec // a return value of BPF has 32 bits
			strongest = value
		}
	}
	return name(strongest), nil
}

// action is the action of a return value in the kernel's order, which is that of signed numbers:
// KILL_PROCESS is the lowest.
func action(value uint32) int32 { return int32(value & unix.SECCOMP_RET_ACTION_FULL) } //nolint:gosec // the sign is meant

func name(value uint32) string {
	// The kernel knows no errno above this one.
	const maximum = 4095
	switch value & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_LOG:
		return syscalls.Allow
	case unix.SECCOMP_RET_ERRNO:
		return syscalls.Errno(min(value&unix.SECCOMP_RET_DATA, maximum))
	case unix.SECCOMP_RET_TRACE:
		return "trace"
	case unix.SECCOMP_RET_USER_NOTIF:
		return "notify"
	default:
		// KILL_PROCESS, KILL_THREAD, TRAP, and what a kernel does not know.
		return syscalls.Kill
	}
}

// input is struct seccomp_data. The kernel's filters load its words as they are, those of the package
// bpf as big-endian, so the words are written in that order; the halves of an argument stay where a
// little-endian machine has them.
func (m *machine) input(question syscalls.Question) []byte {
	const words = 16
	architecture, sixth := m.architecture, uint64(syscalls.Magic)
	if question.I386 {
		architecture, sixth = unix.AUDIT_ARCH_I386, sixth&0xffff_ffff
	}
	input := make([]byte, 0, words*4)
	word := func(value uint64) { input = binary.BigEndian.AppendUint32(input, uint32(value)) } //nolint:gosec // a half of it is meant
	word(uint64(question.Number))
	word(uint64(architecture))
	// The instruction pointer, which no profile looks at.
	word(0)
	word(0)
	for _, argument := range question.Arguments {
		word(uint64(argument))
		word(uint64(argument) >> 32)
	}
	word(sixth)
	word(sixth >> 32)
	return input
}
