package impact

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"assay/reports/difference"
)

const (
	memoryFloor = "cgroup/memory-floor"
	pidsLimit   = "cgroup/pids-limit"
	rlimits     = "cgroup/rlimits"
	sharedMem   = "fs/dev-shm"
	hugePages   = "cgroup/hugepages"
)

func resourceRules() []Rule {
	return []Rule{
		{ID: "memory-floor", Checks: []string{memoryFloor}, find: tooSmall},
		{ID: "pids-limit", Checks: []string{pidsLimit}, find: processLimits},
		{ID: "rlimits", Checks: []string{rlimits}, find: resourceLimits},
		{ID: "dev-shm", Checks: []string{sharedMem}, find: sharedMemory},
		{ID: "hugepages", Checks: []string{hugePages}, find: hugePageLimits},
	}
}

// floor is what is known of the smallest memory limit that starts, in bytes: the largest that was refused
// and the smallest that started.
type floor struct{ refused, started int64 }

func floors(values []difference.Value) (before, after floor) {
	before.started, after.started = 1<<62, 1<<62
	for _, value := range values {
		quantity, err := resource.ParseQuantity(value.Name())
		if err != nil {
			continue
		}
		size := quantity.Value()
		for f, seen := range map[*floor]string{&before: value.Before, &after: value.After} {
			switch {
			case refused(seen):
				f.refused = max(f.refused, size)
			case strings.HasPrefix(seen, "started"):
				f.started = min(f.started, size)
			}
		}
	}
	return before, after
}

// tooSmall finds memory limits with which a container no longer starts.
func tooSmall(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(memoryFloor)
	before, after := floors(change.Values)
	if after.refused <= before.refused {
		return nil
	}
	value := difference.Value{}
	for _, v := range change.Values {
		if quantity, err := resource.ParseQuantity(v.Name()); err == nil && quantity.Value() == after.refused {
			value = v
		}
	}
	var findings []Finding
	for _, k := range w.containers() {
		limit, set := k.Resources.Limits["memory"]
		size := limit.Value()
		if !set || size == 0 || size <= before.refused || size >= after.started {
			continue
		}
		at := k.at + ".resources.limits.memory"
		fix := fmt.Sprintf("set the limit to %s or more", resource.NewQuantity(after.started, resource.BinarySI))
		if size <= after.refused {
			findings = append(findings, change.finding(Breaks, at, value, fmt.Sprintf("has a memory limit of %s, with which no container starts any more.", limit.String()), fix))
			continue
		}
		findings = append(findings, change.finding(MayBreak, at, value, fmt.Sprintf("has a memory limit of %s; %s is refused now. Check that it starts.", limit.String(), value.Name()), fix))
	}
	return findings
}

// manyProcesses are images and commands of programs with many processes, threads or open files.
func manyProcesses() (commands, images []string) {
	return strings.Fields("java mysqld mariadbd postgres mongod scylla elasticsearch gradle mvn jenkins nginx haproxy envoy"),
		strings.Fields("elasticsearch opensearch kafka cassandra zookeeper jenkins mysql mariadb postgres mongo redis scylla clickhouse-server solr neo4j openjdk eclipse-temurin tomcat wildfly keycloak sonarqube nginx haproxy envoy minio influxdb prometheus runner actions-runner")
}

// demanding says who in the container is known to need many of something.
func (c container) demanding() (who, at string) {
	commands, images := manyProcesses()
	if called := c.calls(commands); len(called) > 0 {
		return called[0].program, called[0].at
	}
	if c.isImage(images) {
		return c.Image, c.at + ".image"
	}
	return "", ""
}

// number reads the first number of a recorded limit; what has no limit is the largest.
func number(text string) int64 {
	fields := strings.Fields(text)
	if len(fields) == 0 || fields[0] == "max" || fields[0] == "unlimited" || fields[0] == "no" {
		return 1 << 62
	}
	n, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return 1 << 62
	}
	return n
}

func processLimits(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(pidsLimit)
	return demandingFindings(w, change, func(value difference.Value) bool { return strings.HasSuffix(value.Name(), "pids.limit") },
		"runs %s, which has many threads; it may have fewer processes and threads now. Check how many it has at its peak.", "raise the runtime's or the kubelet's limit of processes (podPidsLimit)")
}

func resourceLimits(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(rlimits)
	matters := []string{"Max open files", "Max processes", "Max locked memory"}
	return demandingFindings(w, change, func(value difference.Value) bool {
		return len(value.Path) > 0 && slices.Contains(matters, value.Path[len(value.Path)-1])
	}, "runs %s, which checks its limits when it starts; one is lower now. Check its log.", "raise the limit in the runtime's unit or configuration, or with ulimit in an entrypoint up to the hard limit")
}

// demandingFindings finds demanding containers where one of the values became smaller.
func demandingFindings(w *Workload, change Change, matters func(difference.Value) bool, what, fix string) []Finding {
	for _, value := range change.Values {
		if !matters(value) || value.Before == difference.Absent || value.After == difference.Absent || number(value.After) >= number(value.Before) {
			continue
		}
		var findings []Finding
		for _, k := range w.containers() {
			if who, at := k.demanding(); who != "" {
				findings = append(findings, change.finding(MayBreak, at, value, fmt.Sprintf(what, who), fix))
			}
		}
		return findings
	}
	return nil
}

// sharedMemory finds programs that fill /dev/shm, where it is smaller and the pod mounts none of its own.
func sharedMemory(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(sharedMem)
	value, differs := change.Value("size")
	if !differs || number(value.After) >= number(value.Before) {
		return nil
	}
	images := []string{"postgres", "standalone-chrome", "chrome", "pytorch", "tensorflow", "playwright", "browserless", "tritonserver"}
	var findings []Finding
	for _, k := range w.containers() {
		if k.isImage(images) && !k.mounted("/dev/shm") {
			findings = append(findings, change.finding(MayBreak, k.at+".volumeMounts", value,
				fmt.Sprintf("the image %s uses /dev/shm, which is smaller now. Check how much it needs.", k.Image), "mount an emptyDir with medium: Memory at /dev/shm"))
		}
	}
	return findings
}

// hugePageLimits finds containers that ask for huge pages, where the sides treat them differently.
func hugePageLimits(c *Comparison, w *Workload) []Finding {
	change, _ := c.Change(hugePages)
	var findings []Finding
	for _, k := range w.containers() {
		for name := range k.Resources.Limits {
			if strings.HasPrefix(string(name), "hugepages-") {
				findings = append(findings, change.failing(MayBreak, k.at+".resources.limits",
					fmt.Sprintf("asks for %s; the limits of huge pages differ. Check that the program gets them.", name), "test it on a node of the new kind"))
			}
		}
	}
	return findings
}
