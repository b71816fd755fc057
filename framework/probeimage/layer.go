package probeimage

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"assay/framework/probe"
)

// entry is a file of the layer.
type entry struct {
	path    string
	kind    byte
	mode    int64
	content []byte
	// link is the target of a symbolic link.
	link string
	// attributes are extended attributes by name.
	attributes map[string]string
}

// layerTar is the image's only layer. The same program and busybox make the same bytes.
func layerTar(program, busybox []byte) ([]byte, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, file := range entries(program, busybox) {
		header := &tar.Header{
			Typeflag: file.kind,
			Name:     strings.TrimPrefix(file.path, "/"),
			Linkname: file.link,
			Mode:     file.mode,
			Size:     int64(len(file.content)),
			ModTime:  time.Unix(0, 0).UTC(),
			Format:   tar.FormatPAX,
		}
		if len(file.attributes) > 0 {
			header.PAXRecords = map[string]string{}
		}
		for name, value := range file.attributes {
			header.PAXRecords["SCHILY.xattr."+name] = value
		}
		if err := writer.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("%s: %w", file.path, err)
		}
		if _, err := writer.Write(file.content); err != nil {
			return nil, fmt.Errorf("%s: %w", file.path, err)
		}
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

func entries(program, busybox []byte) []entry {
	directory := func(path string, mode int64) entry {
		return entry{path: path + "/", kind: tar.TypeDir, mode: mode}
	}
	file := func(path string, mode int64, content []byte) entry {
		return entry{path: path, kind: tar.TypeReg, mode: mode, content: content}
	}
	const setuid = 0o4755
	withCapability := file(probe.PingFileCapabilityPath, 0o755, busybox)
	withCapability.attributes = map[string]string{"security.capability": netRawFileCapability()}
	all := []entry{
		directory("/assay", 0o755),
		directory(path.Dir(probe.PingFileCapabilityPath), 0o755),
		directory(path.Dir(probe.PingSetuidPath), 0o755),
		directory("/bin", 0o755),
		directory("/dev", 0o755),
		directory("/etc", 0o755),
		directory("/proc", 0o555),
		directory("/sys", 0o555),
		directory(probe.WritableDirectory, 0o1777),
		file(probe.ProgramPath, 0o755, program),
		file(probe.SetuidPath, setuid, program),
		file(probe.BusyboxPath, 0o755, busybox),
		withCapability,
		file(probe.PingSetuidPath, setuid, busybox),
		file("/etc/passwd", 0o644, []byte(passwd)),
		file("/etc/group", 0o644, []byte(group)),
	}
	for applet := range strings.FieldsSeq(applets) {
		all = append(all, entry{path: "/bin/" + applet, kind: tar.TypeSymlink, mode: 0o777, link: path.Base(probe.BusyboxPath)})
	}
	return all
}

// The users of the image. The user member is in a group of the image besides its own; see probe.MemberName.
const (
	passwd = "root:x:0:0:root:/:/bin/sh\n" +
		"assay:x:1000:1000:assay:/:/bin/sh\n" +
		"member:x:1001:1001:member:/:/bin/sh\n" +
		"nobody:x:65534:65534:nobody:/:/bin/sh\n"
	group = "root:x:0:\n" +
		"assay:x:1000:\n" +
		"member:x:1001:\n" +
		"image-group:x:50000:member\n" +
		"nogroup:x:65534:\n"
)

// applets are the commands of busybox that the image has under their names.
const applets = "arping cat chgrp chmod chown chroot cp cut date dd df dmesg echo env false find grep head " +
	"hostname id ip kill ln ls mkdir mknod mktemp mount mv nc netstat nslookup nsenter ping ping6 " +
	"printf ps pwd readlink realpath rm rmdir route sed sh sleep sort stat su sync sysctl tail tar tee " +
	"test timeout touch tr traceroute true umount uname unshare wc which whoami xargs"

// netRawFileCapability is cap_net_raw+ep as the kernel stores it, a vfs_cap_data of revision 2.
// Source: linux/capability.h; https://man7.org/linux/man-pages/man7/capabilities.7.html
func netRawFileCapability() string {
	const (
		revision2 = 0x02000000
		effective = 0x000001
		permitted = 1 << 13 // CAP_NET_RAW
	)
	// The words: magic with flags; permitted and inheritable, low; permitted and inheritable, high.
	var data []byte
	for _, word := range []uint32{revision2 | effective, permitted, 0, 0, 0} {
		data = binary.LittleEndian.AppendUint32(data, word)
	}
	return string(data)
}

// checkStatic refuses a program that a scratch image of that architecture cannot run.
func checkStatic(program []byte, arch string) error {
	file, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return err
	}
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	if want, known := machines[arch]; !known || file.Machine != want {
		return fmt.Errorf("is for %s, wanted is %s", file.Machine, arch)
	}
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			return errors.New("is not static: it asks for a dynamic linker, which the image does not have")
		}
	}
	return nil
}
