package inventory

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// objectList is a list of the API.
type objectList interface {
	runtime.Object
	metav1.ListInterface
}

// lister makes the list function of a kind one of objects and of the token for the next page.
func lister[L objectList](list func(context.Context, metav1.ListOptions) (L, error)) func(context.Context, metav1.ListOptions) ([]runtime.Object, string, error) {
	return func(ctx context.Context, options metav1.ListOptions) ([]runtime.Object, string, error) {
		page, err := list(ctx, options)
		if err != nil {
			return nil, "", err
		}
		objects, err := meta.ExtractList(page)
		if err != nil {
			return nil, "", fmt.Errorf("take the list apart: %w", err)
		}
		return objects, page.GetContinue(), nil
	}
}
