package target

import (
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// denied are the words of a refusal that has another status, as admission webhooks and policies may give it, and
// of one that a stream met with when it was to be upgraded, which does not unwrap to its cause.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/,
// https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
var denied = regexp.MustCompile(`admission webhook "[^"]*" denied|ValidatingAdmissionPolicy '[^']*'.*denied|` +
	`unable to upgrade .*(is forbidden|403 Forbidden)`)

// Forbids says, in the words of the API server, that the owners of the cluster do not allow what an error is
// about: missing rights, Pod Security, a quota, an admission webhook or policy. It is empty for other errors,
// and for all in a cluster of the suite's own, where nobody has such rules.
func (t Target) Forbids(err error) string {
	if !t.Shared || err == nil {
		return ""
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	if apierrors.IsForbidden(err) || denied.MatchString(text) {
		return "the cluster does not allow it: " + text
	}
	return ""
}
