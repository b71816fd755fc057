package knowledge

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"assay/reports/difference"
	"assay/reports/meaning"
	"assay/reports/programs"
)

// most is how many names a sentence lists.
const most = 8

func list(names []string) string {
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// set reads a recorded set of capabilities: "2: CHOWN KILL", "CHOWN KILL" or "none".
func set(text string) []string {
	var names []string
	for _, word := range strings.Fields(text) {
		if !strings.HasSuffix(word, ":") && word != "none" && word != difference.Absent {
			names = append(names, word)
		}
	}
	return names
}

// without lists what a has and b has not.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(name string) bool { return slices.Contains(b, name) })
}

// defaultSet has a sentence for each capability of the default bounding set that is gone or new.
func defaultSet(changed []difference.Value) []meaning.Meaning {
	var meanings []meaning.Meaning
	for _, value := range changed {
		before, after := set(value.Before), set(value.After)
		switch name := value.Name(); name {
		case "CapBnd":
			for _, capability := range without(before, after) {
				need := programs.Capability(capability)
				text := fmt.Sprintf("%s is no longer in the default set (%s)", capability, need.Lets)
				switch who := slices.Concat(need.Commands, need.Maybe); {
				case len(need.Commands) > 0:
					text += ": " + list(who) + " fail unless the container adds it."
				case len(who) > 0:
					text += ": " + list(who) + " may fail unless the container adds it."
				default:
					text += ": what needs it fails unless the container adds it."
				}
				meanings = append(meanings, meaning.Meaning{Text: text, Link: need.Link})
			}
			for _, capability := range without(after, before) {
				need := programs.Capability(capability)
				meanings = append(meanings, meaning.Meaning{
					Text: fmt.Sprintf("%s is now in the default set (%s): containers that do not drop it have it; drop it where it is not needed.", capability, need.Lets), Link: need.Link,
				})
			}
		case "CapInh", "CapAmb":
			meanings = append(meanings, meaning.Meaning{
				Text: fmt.Sprintf("%s of an ordinary container changes from %s to %s: what child processes inherit across execve is another.", name, value.Before, value.After), Link: capabilities,
			})
		}
	}
	return meanings
}

func nonRoot(changed []difference.Value) []meaning.Meaning {
	const link = "https://github.com/kubernetes/kubernetes/issues/56374"
	var meanings []meaning.Meaning
	for _, value := range changed {
		text := fmt.Sprintf("%s of a container that is not root and adds NET_RAW changes from %s to %s", value.Name(), value.Before, value.After)
		switch {
		case value.Name() == "CapEff" && len(set(value.After)) > 0:
			text += ": added capabilities now work without file capabilities."
		case value.Name() == "CapEff":
			text += ": added capabilities no longer work unless the program has file capabilities."
		default:
			text += "."
		}
		meanings = append(meanings, meaning.Meaning{Text: text, Link: link})
	}
	return meanings
}

// gainedOrLost says for each set of capabilities of a kind of container what it gains and loses.
func gainedOrLost(who string) func([]difference.Value) []meaning.Meaning {
	return func(changed []difference.Value) []meaning.Meaning {
		sets := map[string][]string{}
		names := map[string]difference.Value{}
		for _, value := range changed {
			key := value.Before + "\x00" + value.After
			sets[key] = append(sets[key], value.Name())
			names[key] = value
		}
		var meanings []meaning.Meaning
		for _, key := range slices.Sorted(maps.Keys(sets)) {
			where := strings.Join(sets[key], " and ")
			before, after := set(names[key].Before), set(names[key].After)
			if lost := without(before, after); len(lost) > 0 {
				text := fmt.Sprintf("%s loses %s in %s: what it does with them fails.", who, list(lost), where)
				if !slices.Contains(sets[key], "CapEff") {
					text = fmt.Sprintf("%s loses %s in %s: child processes no longer inherit them across a change of user or execve.", who, list(lost), where)
				}
				meanings = append(meanings, meaning.Meaning{Text: text, Link: capabilities})
			}
			if gained := without(after, before); len(gained) > 0 {
				text := fmt.Sprintf("%s gains %d capabilities in %s (%s)", who, len(gained), where, list(gained))
				if slices.Contains(sets[key], "CapEff") {
					text += ": it can do what only root could."
				} else {
					text += ": child processes inherit them, also programs that nobody gave a right."
				}
				meanings = append(meanings, meaning.Meaning{Text: text, Link: capabilities})
			}
		}
		return meanings
	}
}

func unknownCapability(changed []difference.Value) []meaning.Meaning {
	return each(changed, securityContext+"#set-capabilities-for-a-container", func(value difference.Value) string {
		switch {
		case !strings.HasPrefix(value.Name(), "add"):
			return ""
		case refused(value.After) && !refused(value.Before):
			return "A container that adds a capability with an unknown name no longer starts; before, the name was ignored without a word: correct the manifest."
		case refused(value.Before) && !refused(value.After):
			return "A container that adds a capability with an unknown name now starts, without it and without a word: what needs it fails later."
		default:
			return ""
		}
	})
}

func spelling(changed []difference.Value) []meaning.Meaning {
	return each(changed, securityContext+"#set-capabilities-for-a-container", func(value difference.Value) string {
		if len(set(value.After)) > 0 {
			return fmt.Sprintf("A capability written like %s is now granted; before it was ignored: pods that had it in vain have it now.", value.Name())
		}
		return fmt.Sprintf("A capability written like %s is no longer granted, without a word: write it in upper case without the prefix CAP_.", value.Name())
	})
}

func pingDefault(changed []difference.Value) []meaning.Meaning {
	return each(changed, "https://man7.org/linux/man-pages/man7/raw.7.html", func(value difference.Value) string {
		if value.After == "works" {
			return "ping now works in pods without a securityContext; before it failed (" + value.Before + ")."
		}
		if value.Before == "works" {
			return "ping no longer works in pods without a securityContext (" + value.After + "): add NET_RAW to containers that call it, or set the sysctl net.ipv4.ping_group_range for the pod."
		}
		return ""
	})
}

func environment(changed []difference.Value) []meaning.Meaning {
	uses := map[string]string{
		"TERM":     "programs that draw on a terminal (top, less, editors, curses) choose their escape codes by it",
		"HOME":     "programs look for their configuration and caches there",
		"PATH":     "commands without a path are looked for there",
		"HOSTNAME": "shells and programs take their identity from it",
	}
	return each(changed, "https://kubernetes.io/docs/concepts/containers/container-environment/", func(value difference.Value) string {
		if len(value.Path) == 0 {
			return ""
		}
		name := value.Path[len(value.Path)-1]
		use := uses[name]
		if use == "" {
			use = "programs that read it are touched"
		}
		return fmt.Sprintf("The variable %s changes from %s to %s: %s; set it in the manifest where it matters.", name, value.Before, value.After, use)
	})
}

func passwd(changed []difference.Value) []meaning.Meaning {
	return each(changed, "https://man7.org/linux/man-pages/man5/passwd.5.html", func(value difference.Value) string {
		if value.After == "none" {
			return "A user that the image does not know no longer has an entry in /etc/passwd: git, ssh, initdb and other programs that ask for their user's name fail; add the user to the image."
		}
		if value.Before == "none" {
			return "The runtime now adds an entry to /etc/passwd for a user that the image does not know: programs that ask for their user's name work, entrypoints that add such an entry themselves find one."
		}
		return ""
	})
}

// each makes a meaning of each change that has a sentence, once.
func each(changed []difference.Value, link string, sentence func(difference.Value) string) []meaning.Meaning {
	var meanings []meaning.Meaning
	for _, value := range changed {
		m := meaning.Meaning{Text: sentence(value), Link: link}
		if m.Text != "" && !slices.Contains(meanings, m) {
			meanings = append(meanings, m)
		}
	}
	return meanings
}

// refused says that a container did not start.
func refused(value string) bool {
	return strings.HasPrefix(value, "not started") || strings.HasPrefix(value, "rejected")
}

func startedValues(changed []difference.Value) []meaning.Meaning {
	return each(changed, podSpecReasons, func(value difference.Value) string {
		of := ""
		if value.Name() != "" {
			of = " (" + value.Name() + ")"
		}
		switch {
		case refused(value.Before) && refused(value.After):
			return fmt.Sprintf("Such a container%s does not start on either side, with another reason in its status: %s instead of %s; alerts and scripts that match the reason are touched.",
				of, strings.TrimPrefix(value.After, "not started: "), strings.TrimPrefix(value.Before, "not started: "))
		case refused(value.After):
			return fmt.Sprintf("Such a container%s no longer starts: %s.", of, value.After)
		case refused(value.Before):
			return fmt.Sprintf("Such a container%s now starts; before: %s.", of, value.Before)
		default:
			return ""
		}
	})
}

const podSpecReasons = "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-states"
