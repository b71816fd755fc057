package impact

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// Profiles are the seccomp profile files of the nodes, as they lie below the kubelet's seccomp directory.
// The zero value is none.
type Profiles struct{ Files fs.FS }

// profile is what a file was found to be.
type profile int

const (
	notRead profile = iota
	plainProfile
	dialectProfile
)

// dialect are the members that Docker's and containers/common's profiles have and the OCI's have not.
// Source: https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp
type dialect struct {
	ArchMap  json.RawMessage `json:"archMap"`
	Syscalls []struct {
		Name     string          `json:"name"`
		Includes json.RawMessage `json:"includes"`
		Excludes json.RawMessage `json:"excludes"`
	} `json:"syscalls"`
}

// look reads a profile file. That there is none is no error; that it is no JSON is.
func (p Profiles) look(name string) (profile, error) {
	if p.Files == nil || !fs.ValidPath(path.Clean(name)) {
		return notRead, nil
	}
	text, err := fs.ReadFile(p.Files, path.Clean(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return notRead, nil
	case err != nil:
		return notRead, fmt.Errorf("read the seccomp profile %s: %w", name, err)
	}
	var d dialect
	if err := json.Unmarshal(text, &d); err != nil {
		return notRead, &InvalidError{File: name, Problem: "is no seccomp profile: " + plainJSON(err)}
	}
	if len(d.ArchMap) > 0 {
		return dialectProfile, nil
	}
	for _, rule := range d.Syscalls {
		if !empty(rule.Includes) || !empty(rule.Excludes) || rule.Name != "" {
			return dialectProfile, nil
		}
	}
	return plainProfile, nil
}

func empty(value json.RawMessage) bool {
	text := string(value)
	return text == "" || text == "null" || text == "{}"
}

// Check reads every profile that the manifests name, so that one that is broken is found before anything
// is said.
func (p Profiles) Check(manifests *Manifests) error {
	for _, w := range manifests.Workloads {
		for _, k := range w.containers() {
			if seccomp, _ := k.seccomp(); seccomp != nil && seccomp.LocalhostProfile != nil {
				if _, err := p.look(*seccomp.LocalhostProfile); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
