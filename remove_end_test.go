package s3sync

import (
	"context"
	"errors"
	"testing"

	"s3sync/storage"
)

func TestEndOfDeletion(t *testing.T) {
	wrapped := func(err error) error { return &storage.Error{Op: "delete", Key: "a", Err: err} }
	for name, tt := range map[string]struct {
		err  error
		want deleteEnd
	}{
		"done":          {nil, deleteDone},
		"changed":       {wrapped(storage.ErrPrecondition), deleteRefused},
		"not begun":     {wrapped(storage.ErrNotBegun), deleteNotDone},
		"slowed down":   {wrapped(storage.ErrThrottled), deleteNotDone},
		"unusable":      {wrapped(storage.ErrUnusable), deleteNotDone},
		"no answer":     {wrapped(storage.ErrTransient), deleteUnanswered},
		"cancelled":     {wrapped(context.Canceled), deleteUnanswered},
		"anything else": {wrapped(errors.New("access denied")), deleteFailed},
	} {
		t.Run(name, func(t *testing.T) {
			if got := endOf(tt.err); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// What is to outlive a cancellation, so that it can be undone, is not begun behind
// one.
func TestNothingOutlivesACancellationBefore(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	during, done := outlive(ctx)
	defer done()
	cancel(errors.New("stop"))
	if err := during.Err(); err != nil {
		t.Errorf("what was begun before is cut off: %v", err)
	}
	after, done := outlive(ctx)
	defer done()
	if after.Err() == nil {
		t.Error("something can be begun after the cancellation")
	}
}
