package storage_test

import (
	"errors"
	"fmt"
	"testing"

	"s3sync/storage"
)

// TestCausesOfUnusable: each cause is storage.ErrUnusable, and no other cause.
func TestCausesOfUnusable(t *testing.T) {
	plain := fmt.Errorf("target: %w", storage.ErrUnusable)
	causes := []error{storage.ErrNoBucket, storage.ErrCredentials, storage.ErrFull}
	for i, cause := range causes {
		err := fmt.Errorf("target: %w", &storage.Error{Op: "put", Key: "k", Err: fmt.Errorf("%w: why", cause)})
		if !errors.Is(err, storage.ErrUnusable) || storage.Retryable(err) {
			t.Errorf("%v: it is storage.ErrUnusable: %t, may be tried again: %t", err, errors.Is(err, storage.ErrUnusable), storage.Retryable(err))
		}
		for j, other := range causes {
			if errors.Is(err, other) != (i == j) || errors.Is(plain, other) {
				t.Errorf("%v is %v: %t", err, other, errors.Is(err, other))
			}
		}
	}
}
