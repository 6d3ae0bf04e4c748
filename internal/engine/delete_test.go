package engine

import (
	"context"
	"errors"
	"testing"

	"s3sync/storage"
)

func TestDeleteResultOf(t *testing.T) {
	wrapped := func(err error) error { return &storage.Error{Op: "delete", Key: "a", Err: err} }
	for name, tt := range map[string]struct {
		err  error
		want deleteResult
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
			if got := deleteResultOf(tt.err); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
