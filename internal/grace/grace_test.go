package grace_test

import (
	"context"
	"errors"
	"testing"

	"s3sync/internal/grace"
)

// What is to outlive a cancellation, so that it can be undone, is not begun behind
// one.
func TestNothingBeginsAfterACancellation(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	during, done := grace.Answer(ctx)
	defer done()
	cancel(errors.New("stop"))
	if err := during.Err(); err != nil {
		t.Errorf("what was begun before is cut off: %v", err)
	}
	after, done := grace.Answer(ctx)
	defer done()
	if after.Err() == nil {
		t.Error("something can be begun after the cancellation")
	}
}

// Who has a context that outlives a cancellation learns of the cancellation.
func TestStopIsTheCancellation(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	during, done := grace.Answer(ctx)
	defer done()
	if grace.Stopped(t.Context()) || grace.Stopped(during) {
		t.Error("stopped before the cancellation")
	}
	cancel()
	if !grace.Stopped(during) || grace.Stopped(grace.WithStop(during, nil)) {
		t.Error("the cancellation is not told, or cannot be passed over")
	}
	cleanup, end := grace.Cleanup(during)
	defer end()
	if grace.Stopped(cleanup) {
		t.Error("nothing can be cleaned up")
	}
}

// A cleanup is not cut off by the cancellation that it follows.
func TestCleanupOutlivesACancellation(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	during, done := grace.Cleanup(ctx)
	defer done()
	if err := during.Err(); err != nil {
		t.Errorf("the cleanup is cut off: %v", err)
	}
	if _, ok := during.Deadline(); !ok {
		t.Error("the cleanup may take for ever")
	}
}
