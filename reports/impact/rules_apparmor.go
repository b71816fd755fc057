package impact

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

const appArmorDefault = "lsm/apparmor-profile"

func appArmorRules() []Rule {
	return []Rule{{ID: "apparmor-default-name", Checks: []string{appArmorDefault}, find: appArmorNames}}
}

// appArmor is the name of the Localhost profile that holds for the container, and where it is said: a field,
// or the annotation that came before it.
func (c container) appArmor() (name, at string) {
	const annotation = "container.apparmor.security.beta.kubernetes.io/"
	for _, set := range []struct {
		profile *corev1.AppArmorProfile
		at      string
	}{{c.security().AppArmorProfile, c.at}, {c.w.podSecurity().AppArmorProfile, c.w.Prefix + "spec"}} {
		if set.profile != nil && set.profile.LocalhostProfile != nil {
			return *set.profile.LocalhostProfile, set.at + ".securityContext.appArmorProfile.localhostProfile"
		}
		if set.profile != nil {
			return "", ""
		}
	}
	const localhost = "localhost/"
	if value := c.w.Meta.Annotations[annotation+c.Name]; len(value) > len(localhost) && value[:len(localhost)] == localhost {
		return value[len(localhost):], fmt.Sprintf("%smetadata.annotations[%q]", c.w.Prefix, annotation+c.Name)
	}
	return "", ""
}

// appArmorNames finds containers that name the default profile of one runtime as their own, where the other
// side has another by that role.
func appArmorNames(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(appArmorDefault)
	var findings []Finding
	for _, of := range []string{"RuntimeDefault/profile", "default/profile"} {
		value, differs := change.Value(of)
		if !differs {
			continue
		}
		for _, k := range w.containers() {
			if name, at := k.appArmor(); name != "" && name == value.Before {
				findings = append(findings, change.finding(Breaks, at, value,
					fmt.Sprintf("names the AppArmor profile %s, which the runtime loads by itself; here the default profile is %s, and the pod does not start.", name, value.After),
					"set type: RuntimeDefault"))
			}
		}
		if len(findings) > 0 {
			return findings
		}
	}
	return findings
}
