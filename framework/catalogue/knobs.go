package catalogue

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"assay/framework/check"
)

// knobs lists the fields of the API, and the capabilities, in which the shapes of two trials differ.
func knobs(a, b check.Trial) ([]string, error) {
	fieldsOfA, err := fields(a)
	if err != nil {
		return nil, fmt.Errorf("trial %q: %w", a.Name, err)
	}
	fieldsOfB, err := fields(b)
	if err != nil {
		return nil, fmt.Errorf("trial %q: %w", b.Name, err)
	}
	names := maps.Clone(fieldsOfA)
	maps.Copy(names, fieldsOfB)
	var differing []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !reflect.DeepEqual(fieldsOfA[name], fieldsOfB[name]) {
			differing = append(differing, name)
		}
	}
	return differing, nil
}

// fields flattens a shape: the fields of the pod and of the container, those of their
// securityContexts, and what becomes of each capability.
func fields(t check.Trial) (map[string]any, error) {
	pod, c := t.Pod, t.Container
	// Who shares a pod is packing, not shape.
	pod.Alone = ""
	flat := map[string]any{}
	if context := c.SecurityContext; context != nil && context.Capabilities != nil {
		capability := func(names []corev1.Capability, fate string) {
			for _, name := range names {
				flat["capability "+string(name)] = fate
			}
		}
		capability(context.Capabilities.Drop, "drop")
		capability(context.Capabilities.Add, "add")
		context = context.DeepCopy()
		context.Capabilities = nil
		c.SecurityContext = context
	}
	for prefix, part := range map[string]any{"pod.": pod, "container.": c} {
		text, err := json.Marshal(part)
		if err != nil {
			return nil, fmt.Errorf("write the shape as JSON: %w", err)
		}
		var read map[string]any
		if err := json.Unmarshal(text, &read); err != nil {
			return nil, fmt.Errorf("read the shape's JSON: %w", err)
		}
		for name, value := range read {
			context, nested := value.(map[string]any)
			if name != "securityContext" || !nested {
				flat[prefix+name] = value
				continue
			}
			for field, value := range context {
				flat[prefix+"securityContext."+field] = value
			}
		}
	}
	return flat, nil
}
