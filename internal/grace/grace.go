// Package grace makes contexts that last a short time longer than a cancelled one. So
// an interrupted run knows the results of its last requests and leaves nothing behind,
// and still ends within five seconds.
package grace

import (
	"context"
	"time"
)

const (
	// answerTime bounds the wait for a response that must be known.
	answerTime = 2 * time.Second
	// cleanupTime bounds aborting uploads and removing temporary files.
	cleanupTime = 3 * time.Second
)

// Cleanup returns a context for cleaning up after a failure. The cancellation of
// ctx does not end it; it ends by itself after a few seconds.
func Cleanup(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
}

// Answer returns a context for a request whose response must be known. It ends a few
// seconds after ctx does. If ctx has already ended, Answer returns it, so that no
// request starts.
func Answer(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() != nil {
		return ctx, func() {}
	}
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(answerTime, func() { cancel(context.Cause(ctx)) })
	})
	return longer, func() {
		stop()
		cancel(nil)
	}
}
