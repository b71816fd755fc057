package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"assay/framework/check"
	"assay/framework/filter"
	"assay/framework/probe"
	"assay/framework/workload"
)

// readFilters reads on the node the seccomp filters of the containers that are to hold and were asked for
// their system call table, by container. Nothing is read where the target has no way to.
func (g *gatherer) readFilters(ctx context.Context, pod workload.Pod, known seen) (map[string]filter.Chain, error) {
	wanted := map[string]string{} // container name by ID
	if g.to.Filters == nil || known.pod == nil {
		return nil, nil
	}
	for _, status := range known.pod.Status.ContainerStatuses {
		_, id, _ := strings.Cut(status.ContainerID, "://")
		if id != "" && status.State.Running != nil && tellsTable(pod, status.Name) {
			wanted[id] = status.Name
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	ids := make([]string, 0, len(wanted))
	for id := range wanted {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	ctx, cancel := context.WithTimeout(ctx, g.options.Timeouts.Pod)
	defer cancel()
	chains, err := g.to.Filters(ctx, pod.Object.Spec.NodeName, ids)
	if err != nil {
		return nil, err
	}
	byName := make(map[string]filter.Chain, len(chains))
	for id, chain := range chains {
		byName[wanted[id]] = chain
	}
	return byName, nil
}

// tellsTable says whether the container stays and tells its own table.
func tellsTable(pod workload.Pod, container string) bool {
	return slices.ContainsFunc(pod.Placements, func(p workload.Placement) bool {
		return p.Container == container && p.Trial.Container.Hold && p.Trial.Action.Op == probe.OpSyscallTable && !p.Trial.Exec
	})
}

// filterEvidence is what is kept of a container's filters.
type filterEvidence struct {
	SHA256 string       `json:"sha256"`
	Chain  filter.Chain `json:"chain"`
}

func (e *podEvidence) addFilters(chains map[string]filter.Chain, unread error) {
	if unread != nil {
		e.FiltersUnread = unread.Error()
	}
	e.Filters = make(map[string]filterEvidence, len(chains))
	for name, chain := range chains {
		e.Filters[name] = filterEvidence{SHA256: chain.Hash(), Chain: chain}
	}
}

// withFilter is the observation of a table with what the container's filters say of it.
func withFilter(o check.Observation, pod workload.Pod, chains map[string]filter.Chain, unread error) check.Observation {
	chain, read := chains[o.Container]
	switch {
	case o.Problem != "" || !tellsTable(pod, o.Container):
	case errors.Is(unread, errors.ErrUnsupported):
		o.Filter = "not read: " + unread.Error()
	case unread != nil:
		o.Problem = unread.Error()
	case read:
		o.Filter, o.Problem = compareFilters(chain, o)
	}
	return o
}

// compareFilters puts the questions of the container's table to its filters. It says what the filters
// are, and, in problem, where the two disagree, which leaves neither to be believed.
func compareFilters(chain filter.Chain, o check.Observation) (said, problem string) {
	said = fmt.Sprintf("sha256:%s, %d programs of %d instructions", chain.Hash(), len(chain), chain.Instructions())
	if o.Result == nil || o.Result.Outcome != probe.Allowed || o.Document == nil {
		return said, ""
	}
	disagreements, compared, err := chain.Compare(o.Document.Facts.Arch, o.Result.Values)
	if errors.Is(err, errors.ErrUnsupported) {
		return said + ", not compared: " + err.Error(), ""
	}
	if err != nil {
		return said, "evaluate the container's seccomp filter: " + err.Error()
	}
	if len(disagreements) == 0 {
		return fmt.Sprintf("%s, agree with the table in %d calls", said, compared), ""
	}
	const shown = 8
	parts := make([]string, 0, shown)
	for _, d := range disagreements[:min(shown, len(disagreements))] {
		name, err := check.SyscallName(o.Document.Facts.Arch, d.Key)
		if err != nil {
			name = d.Key
		}
		parts = append(parts, fmt.Sprintf("%s: %q in the container, %q by the filter", name, d.Asked, d.Filter))
	}
	return said, fmt.Sprintf("the container's seccomp filter, read on the node, disagrees with the table in %d of %d calls: %s",
		len(disagreements), compared, strings.Join(parts, "; "))
}
