package probeimage

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"assay/framework/probe"
)

// baseConfig is the configuration of the image without a variant.
func baseConfig() v1.Config {
	return v1.Config{
		Entrypoint: []string{probe.ProgramPath},
		Env:        []string{"PATH=/bin"},
		WorkingDir: "/",
	}
}

// configs are the configurations of the variants.
func configs() map[probe.Variant]v1.Config {
	withUser := func(user string) v1.Config {
		c := baseConfig()
		c.User = user
		return c
	}
	volume := baseConfig()
	volume.Volumes = map[string]struct{}{probe.VolumeDirectory: {}}
	command := baseConfig()
	command.Entrypoint = []string{probe.ProgramPath, probe.CommandArguments, "from-entrypoint"}
	command.Cmd = []string{"from-cmd"}
	command.WorkingDir = probe.WritableDirectory
	command.Env = append(command.Env, "FROM_IMAGE=image")
	stopSignal := baseConfig()
	stopSignal.StopSignal = "SIGUSR1"
	return map[probe.Variant]v1.Config{
		probe.VariantUserNumber: withUser(strconv.Itoa(probe.MemberID)),
		probe.VariantUserName:   withUser(probe.MemberName),
		probe.VariantUserGroup:  withUser(fmt.Sprintf("%d:%d", probe.MemberID, probe.ImageGroup)),
		probe.VariantUserRoot:   withUser("root"),
		probe.VariantVolume:     volume,
		probe.VariantCommand:    command,
		probe.VariantStopSignal: stopSignal,
	}
}

// configured is the image with a configuration.
func configured(image v1.Image, arch string, config v1.Config) (v1.Image, error) {
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", arch, config
	return mutate.ConfigFile(image, file)
}

// contentHash is a hash of all images, in hexadecimal.
func contentHash(images map[probe.Variant]v1.Image) (string, error) {
	hash := sha256.New()
	for _, variant := range slices.Sorted(maps.Keys(images)) {
		digest, err := images[variant].ConfigName()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %s\n", variant, digest) //nolint:errcheck // a hash takes everything
	}
	return hex.EncodeToString(hash.Sum(nil))[:hashLength], nil
}
