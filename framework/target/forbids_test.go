package target

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestForbids(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"nothing":         {nil, false},
		"Pod Security":    {apierrors.NewForbidden(pods, "p", errors.New(`violates PodSecurity "restricted:latest"`)), true},
		"wrapped":         {fmt.Errorf("exec: %w", apierrors.NewForbidden(pods, "p", errors.New("exceeded quota"))), true},
		"a webhook":       {errors.New(`admission webhook "policy.example" denied the request: no`), true},
		"a policy":        {errors.New("pods \"p\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"), true},
		"a stream":        {errors.New(`unable to upgrade streaming request: pods "p" is forbidden: User "u" cannot get resource "pods/exec"`), true},
		"a broken hook":   {errors.New(`failed calling webhook "policy.example": connection refused`), false},
		"a wrong object":  {apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "p", nil), false},
		"another refusal": {errors.New("connection refused"), false},
	} {
		if got := (Target{Shared: true}).Forbids(test.err); (got != "") != test.want {
			t.Errorf("%s: got %q", name, got)
		}
		if (Target{}).Forbids(test.err) != "" {
			t.Errorf("%s: forbidden in a cluster of the suite's own", name)
		}
	}
}
