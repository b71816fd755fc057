package probe

import "strings"

// Variant is the name of an image that has the layer of the probe's image and another configuration, so
// that a check can be about what an image asks for.
type Variant string

// The variants. User...: the image's user, by number, by name (both are member, see the image's
// /etc/group), with a group, or root by name. The image without a variant names no user. Volume: a
// volume at VolumeDirectory. Command: the entry point is the probe with CommandArguments and
// "from-entrypoint", the command "from-cmd", the working directory WritableDirectory, and the environment has
// FROM_IMAGE=image. StopSignal: SIGUSR1 is the stop signal.
const (
	VariantUserNumber Variant = "user-number"
	VariantUserName   Variant = "user-name"
	VariantUserGroup  Variant = "user-group"
	VariantUserRoot   Variant = "user-root"
	VariantVolume     Variant = "volume"
	VariantCommand    Variant = "command"
	VariantStopSignal Variant = "stop-signal"
)

// The user of the variants: member has the primary group MemberID and, in the image's /etc/group, ImageGroup.
const (
	MemberName = "member"
	MemberID   = 1001
	ImageGroup = 50000
)

// VolumeDirectory is the volume of VariantVolume; the image has nothing there.
const VolumeDirectory = "/image-volume"

// variantPrefix marks the image of a container that is not a reference yet.
const variantPrefix = "variant:"

// Image is what a check writes as the image of a container that is to have the variant; see ImageReference.
func (v Variant) Image() string { return variantPrefix + string(v) }

// Reference is the reference of the variant of a probe image.
func (v Variant) Reference(probeImage string) string { return probeImage + "-" + string(v) }

// ImageReference is the reference of the image that a check's container names: the probe's own where it
// names none, that of a variant where it names one, else what it names.
func ImageReference(named, probeImage string) string {
	if named == "" {
		return probeImage
	}
	if variant, is := strings.CutPrefix(named, variantPrefix); is {
		return Variant(variant).Reference(probeImage)
	}
	return named
}
