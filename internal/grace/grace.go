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
// ctx does not end it, and a Stop of ctx does not count; it ends by itself after a few
// seconds.
func Cleanup(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(WithStop(context.WithoutCancel(ctx), nil), cleanupTime)
}

// stopKey is the context key of what WithStop adds.
type stopKey struct{}

// WithStop returns a context in which nothing is written any more once stop is closed,
// except by requests that were begun before. If stop is nil, only the end of ctx ends that.
func WithStop(ctx context.Context, stop <-chan struct{}) context.Context {
	return context.WithValue(ctx, stopKey{}, stop)
}

// Stop returns the channel of WithStop, or nil if there is none. Whoever writes asks it
// before each request. Requests that find out what a write did do not ask it.
func Stop(ctx context.Context) <-chan struct{} {
	stop, _ := ctx.Value(stopKey{}).(<-chan struct{})
	return stop
}

// Stopped reports whether Stop is closed.
func Stopped(ctx context.Context) bool {
	select {
	case <-Stop(ctx):
		return true
	default:
		return false
	}
}

// Answer returns a context for a request whose response must be known. It ends a few
// seconds after ctx does. Its Stop is the end of ctx. If ctx has already ended, Answer
// returns it, so that no request starts.
func Answer(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() != nil {
		return ctx, func() {}
	}
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(answerTime, func() { cancel(context.Cause(ctx)) })
	})
	return WithStop(longer, ctx.Done()), func() {
		stop()
		cancel(nil)
	}
}
