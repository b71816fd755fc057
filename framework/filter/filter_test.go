package filter_test

import (
	"encoding/binary"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"assay/framework/filter"
	"assay/framework/syscalls"
)

func program(instructions ...unix.SockFilter) filter.Program {
	var raw filter.Program
	for _, i := range instructions {
		raw = binary.LittleEndian.AppendUint16(raw, i.Code)
		raw = append(raw, i.Jt, i.Jf)
		raw = binary.LittleEndian.AppendUint32(raw, i.K)
	}
	return raw
}

const (
	load      = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	jumpEqual = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	ret       = unix.BPF_RET | unix.BPF_K
)

// answering answers value to the calls whose word at offset is k, and allows the others.
func answering(offset, k, value uint32) filter.Program {
	return program(
		unix.SockFilter{Code: load, K: offset},
		unix.SockFilter{Code: jumpEqual, K: k, Jf: 1},
		unix.SockFilter{Code: ret, K: value},
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW},
	)
}

// Offsets in struct seccomp_data.
const (
	number       = 0
	architecture = 4
	firstLow     = 16
)

func allAllowed() map[string]string {
	table := map[string]string{}
	for _, row := range syscalls.Table() {
		table[row.Key] = syscalls.Allow
	}
	return table
}

func TestCompare(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the numbers are those of amd64")
	}
	errno := func(n unix.Errno) uint32 { return unix.SECCOMP_RET_ERRNO | uint32(n) }
	for name, test := range map[string]struct {
		chain filter.Chain
		want  map[string]string
	}{
		"no filter":         {nil, nil},
		"errno":             {filter.Chain{answering(number, 500, errno(unix.ESTALE))}, map[string]string{"500": "ESTALE"}},
		"errno too large":   {filter.Chain{answering(number, 500, unix.SECCOMP_RET_ERRNO|0xffff)}, map[string]string{"500": "errno 4095"}},
		"kill":              {filter.Chain{answering(number, 500, unix.SECCOMP_RET_KILL_PROCESS)}, map[string]string{"500": syscalls.Kill}},
		"trap":              {filter.Chain{answering(number, 500, unix.SECCOMP_RET_TRAP)}, map[string]string{"500": syscalls.Kill}},
		"log":               {filter.Chain{answering(number, 500, unix.SECCOMP_RET_LOG)}, nil},
		"notify":            {filter.Chain{answering(number, 500, unix.SECCOMP_RET_USER_NOTIF)}, map[string]string{"500": "notify"}},
		"an argument":       {filter.Chain{answering(firstLow, 0x20008, errno(unix.EPERM))}, map[string]string{"135:persona=0x20008": "EPERM"}},
		"the sixth":         {filter.Chain{answering(16+5*8, syscalls.Magic&0xffff_ffff^1, errno(unix.EPERM))}, nil},
		"another ABI":       {filter.Chain{answering(architecture, unix.AUDIT_ARCH_I386, errno(unix.EACCES))}, map[string]string{"39:abi=i386": "EACCES"}},
		"x32":               {filter.Chain{answering(number, 0x40000000|39, errno(unix.EACCES))}, map[string]string{"39:abi=x32": "EACCES"}},
		"the strictest":     {filter.Chain{answering(number, 500, errno(unix.EPERM)), answering(number, 500, unix.SECCOMP_RET_KILL_THREAD)}, map[string]string{"500": syscalls.Kill}},
		"the strictest not": {filter.Chain{answering(number, 500, unix.SECCOMP_RET_KILL_PROCESS), answering(number, 500, unix.SECCOMP_RET_KILL_THREAD)}, map[string]string{"500": syscalls.Kill}},
	} {
		disagreements, compared, err := test.chain.Compare("amd64", allAllowed())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := len(syscalls.Table()); compared != want {
			t.Errorf("%s: compared %d, want %d", name, compared, want)
		}
		if len(disagreements) != len(test.want) {
			t.Errorf("%s: got %v, want %v", name, disagreements, test.want)
		}
		for _, d := range disagreements {
			if test.want[d.Key] != d.Filter || d.Asked != syscalls.Allow {
				t.Errorf("%s: got %+v, want %q", name, d, test.want[d.Key])
			}
		}
	}
}

func TestCompareSkipsWhatTheKernelDoesNotTake(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the table of others has no such question")
	}
	asked := allAllowed()
	asked["39:abi=i386"] = syscalls.NoABI
	disagreements, _, err := filter.Chain{}.Compare("amd64", asked)
	if err != nil || len(disagreements) != 0 {
		t.Errorf("got %v, %v", disagreements, err)
	}
	delete(asked, "500")
	disagreements, _, err = filter.Chain{}.Compare("amd64", asked)
	if err != nil || len(disagreements) != 1 || disagreements[0].Key != "500" {
		t.Errorf("a question that was not asked: got %v, %v", disagreements, err)
	}
}

func TestCompareRefusesWhatIsNoFilter(t *testing.T) {
	for name, chain := range map[string]filter.Chain{
		"empty": {filter.Program{}},
		"cut":   {answering(number, 1, 0)[:12]},
		"open":  {answering(number, 1, 0)[:16]},
		"eBPF":  {program(unix.SockFilter{Code: 0x85}, unix.SockFilter{Code: ret})},
	} {
		if _, _, err := chain.Compare("amd64", allAllowed()); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if _, _, err := (filter.Chain{}).Compare("s390x", allAllowed()); err == nil {
		t.Error("another architecture: got no error")
	}
}

func TestHash(t *testing.T) {
	one, two := answering(number, 1, 0), answering(number, 2, 0)
	hashes := map[string]bool{}
	for _, chain := range []filter.Chain{nil, {one}, {two}, {one, two}, {two, one}, {append(append(filter.Program{}, one...), two...)}} {
		hashes[chain.Hash()] = true
	}
	if len(hashes) != 6 {
		t.Errorf("got %d hashes of 6 chains", len(hashes))
	}
}
