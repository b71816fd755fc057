package procedure

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/probe"
)

// imageError waits until the kubelet says why it does not have the image of the container. Values:
// "reason" (between its tries the kubelet says ImagePullBackOff, and some runtimes let it say
// RegistryUnavailable: both are told as ErrImagePull), "named"
// whether the message names the image, "resolved" the full names that the message has for an image given
// without a registry, "none" for none. Output is the message.
func imageError(ctx context.Context, s Subject) (probe.Result, error) {
	pod, err := s.Watch.Until(ctx, func(pod *corev1.Pod) bool {
		waiting := s.status(pod).State.Waiting
		return waiting != nil && waiting.Message != "" && waiting.Reason != "ContainerCreating"
	})
	if err != nil {
		return probe.Result{}, fmt.Errorf("wait for the image's error: %w; last seen: %+v", err, s.lastStatus(pod))
	}
	waiting := s.status(pod).State.Waiting
	reason := waiting.Reason
	if reason == "ImagePullBackOff" || reason == "RegistryUnavailable" {
		reason = "ErrImagePull"
	}
	image := s.image()
	result := allowed(map[string]string{
		"reason":   reason,
		"named":    strconv.FormatBool(strings.Contains(waiting.Message, image)),
		"resolved": resolved(waiting.Message, image),
	})
	result.Output = waiting.Message
	return result, nil
}

func (s Subject) image() string {
	for _, container := range s.Pod.Spec.Containers {
		if container.Name == s.Container {
			return container.Image
		}
	}
	return ""
}

// resolved finds the full names of an image in a message: the words that end in its name, with a path
// before it.
func resolved(message, image string) string {
	full := regexp.MustCompile(`[a-zA-Z0-9.:-]+/(?:[a-zA-Z0-9._-]+/)*` + regexp.QuoteMeta(image) + `\b`)
	names := full.FindAllString(message, -1)
	// A part of an address that was asked is no name.
	names = slices.DeleteFunc(names, func(name string) bool { return strings.Contains(name, "/v2/") })
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, " ")
}
