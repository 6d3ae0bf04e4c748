package limits

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"s3sync/internal/pace"
	"s3sync/storage"
)

// Work is what was done with a permit. It tells how much a server can bear.
type Work struct {
	// Asked: a server was asked at least once. Otherwise the work tells nothing.
	Asked bool
	// Shared: it was not asked for this work alone, but also for parts, which have permits
	// of their own. So the time that the work took tells nothing.
	Shared bool
	// Bytes are those of the object or part that was moved.
	Bytes int64
	// Err is why the work failed.
	Err error
}

// outcome translates what was done.
func (w *Work) outcome() pace.Outcome {
	switch {
	case errors.Is(w.Err, storage.ErrThrottled):
		return pace.Outcome{Kind: pace.Throttled}
	case w.Err != nil || !w.Asked:
		return pace.Outcome{Kind: pace.Canceled}
	case w.Shared:
		return pace.Outcome{Kind: pace.Shared}
	}
	return pace.Outcome{Bytes: w.Bytes}
}

// A Permit is the right to work on one object, part or batch of deletions.
type Permit struct{ pace.Permit }

// End gives the permit back and tells what was done with it. It must be called once.
func (p Permit) End(did Work) { p.Done(did.outcome()) }

// StartObject waits until another object of size bytes may be worked on. It fails with the
// cause of a cancelled ctx, and then there is no permit.
func (l *Limits) StartObject(ctx context.Context, size int64) (Permit, error) {
	return l.objects.start(ctx, size, l.latency())
}

// StartDeletion waits until another request to delete so many keys may be made. It fails
// with the cause of a cancelled ctx, and then there is no permit.
func (l *Limits) StartDeletion(ctx context.Context, keys int) (Permit, error) {
	p, err := l.deletions.Acquire(ctx, keys)
	return Permit{p}, err
}

// Observe takes what a request to a server tells of its load.
func (l *Limits) Observe(r storage.Request) {
	o := pace.Outcome{RetryAfter: r.RetryAfter, Again: r.Again}
	switch {
	case r.Throttled:
		o.Kind = pace.Throttled
	case r.Unanswered:
		o.Kind = pace.Unanswered
	default:
		l.answeredAfter(r.FirstByte)
		return
	}
	switch r.Kind {
	case storage.PartRequest:
		l.parts.Observe(r.Began, o)
	case storage.DeleteRequest:
		l.deletions.Observe(r.Began, o)
	case storage.ObjectRequest:
		l.objects.Observe(r.Began, o)
	case storage.ListRequest: // is none of these limits
	}
}

// latency is the shortest time to an answer so far; 0 is unknown.
func (l *Limits) latency() time.Duration { return time.Duration(l.roundTrip.Load()) }

// answeredAfter takes the time to an answer. Calls at the same time may lose one: any short
// one will do.
func (l *Limits) answeredAfter(d time.Duration) {
	if known := l.latency(); known == 0 || d < known {
		l.roundTrip.Store(int64(d))
	}
}

// Reports tell what the limits settled on and why: those that were used, and were free to
// choose or throttled.
func (l *Limits) Reports() []pace.Report {
	return slices.DeleteFunc(l.All(), func(r pace.Report) bool {
		return r.Ended == 0 || r.Fixed && r.Throttled == 0
	})
}

// All tells of all limits: of objects, of parts and of requests to delete, in this order.
func (l *Limits) All() []pace.Report {
	return []pace.Report{l.objects.Report(), l.parts.Report(), l.deletions.Report()}
}

// A limiter begins with a number that follows from the sizes of its first operations.
type limiter struct {
	*pace.Limiter

	known atomic.Bool // enough sizes
	mu    sync.Mutex
	sizes []int64
}

// enoughSizes is how many sizes are looked at.
const enoughSizes = 64

func (l *limiter) start(ctx context.Context, size int64, latency time.Duration) (Permit, error) {
	if !l.known.Load() {
		l.learn(size, latency)
	}
	p, err := l.Acquire(ctx, 1)
	return Permit{p}, err
}

// learn takes a size. After 1, 2, 4, and so on of them it seeds the limiter.
func (l *limiter) learn(size int64, latency time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known.Load() {
		return
	}
	l.sizes = append(l.sizes, size)
	n := len(l.sizes)
	if n&(n-1) != 0 {
		return
	}
	l.Seed(slices.Sorted(slices.Values(l.sizes))[n/2], latency)
	if n == enoughSizes {
		l.sizes = nil
		l.known.Store(true)
	}
}
