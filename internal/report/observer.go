package report

import (
	"context"

	"s3sync/internal/pace"
	"s3sync/storage"
)

// An Observer is told what happens in a run at the place where it happens, for records such
// as metrics. It costs much less than OnEvent, which has a goroutine and a queue. Its
// functions must return at once, and must not call the Recorder. A function that is nil is
// not called.
type Observer struct {
	// Event is told of every event that is counted, in order. Calls do not overlap. What ev
	// points to is only valid during the call.
	Event func(ev *Event)
	// Skips: Event is also told of objects that listings show to be unchanged, when nobody
	// else wants to know.
	Skips bool
	// Written: events of transferred objects have Event.Written, for which the run computes
	// the SHA-256 of their contents.
	Written bool
	// Request is told of every request to a server, once its answer has begun or it has
	// failed. side is "source" or "target". It is called concurrently.
	Request func(side string, r storage.Request)
	// Limits is told once how the limits of concurrency can be asked for at any time, also
	// after the run.
	Limits func(reports func() []pace.Report)
}

// observerKey is the context key of an Observer.
type observerKey struct{}

// WithObserver returns a context whose runs tell o what happens in them.
func WithObserver(ctx context.Context, o *Observer) context.Context {
	return context.WithValue(ctx, observerKey{}, o)
}

// ObserverOf returns the Observer of a context, or one that is told nothing.
func ObserverOf(ctx context.Context) *Observer {
	if o, ok := ctx.Value(observerKey{}).(*Observer); ok {
		return o
	}
	return new(Observer)
}

// WantsWritten reports whether the observer wants Event.Written.
func (r *Recorder) WantsWritten() bool { return r.opts.Observer.Written && !r.opts.DryRun }

// observe lets the observer be told of the requests of a store.
func (r *Recorder) observe(side string, s storage.Store) {
	tell := r.opts.Observer.Request
	if tell == nil || s == nil || r.unobserve[side] != nil {
		return
	}
	if o, ok := storage.As[storage.Observable](s); ok {
		r.unobserve[side] = o.Observe(func(q storage.Request) { tell(side, q) })
	}
}

// Limits tells the observer how the limits of concurrency can be asked for.
func (r *Recorder) Limits(reports func() []pace.Report) {
	if tell := r.opts.Observer.Limits; tell != nil {
		tell(reports)
	}
}
