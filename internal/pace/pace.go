// Package pace decides how much is asked of a server at once. A [Limiter] gives permits
// for operations, and finds by itself how many in flight pay. An [Outage] holds back new
// work while a server answers nothing. A [Budget] spreads retries over time.
//
// The package knows nothing of S3: callers tell it how operations ended.
package pace

import (
	"context"
	"sync"
	"time"
)

// A Kind is how an operation or a request ended, as far as it matters here.
type Kind uint8

const (
	// OK is any answer that says nothing about load: a success, but also "no such key".
	OK Kind = iota
	// Throttled is an answer that asks for fewer requests, such as 503 SlowDown.
	Throttled
	// Unanswered is a time-out, or a connection that broke or was not made.
	Unanswered
	// Shared is an answer to an operation whose time tells nothing, because other operations
	// made most of it.
	Shared
	// Canceled is no evidence: the caller gave up, or failed by itself.
	Canceled
)

// An Outcome is how an operation ended.
type Outcome struct {
	Kind Kind
	// RetryAfter is how long a throttled client shall wait; 0 is not said. Times above
	// MaxPause count as that.
	RetryAfter time.Duration
	// Again: the request was a retry. If it is refused, too, that says nothing about the
	// rate at which operations begin.
	Again bool
	// Bytes are those of the object or part. They are 0 if another Limiter counts them.
	Bytes int64
	// FirstByte is the time from the request to the first byte of its answer; 0 is unknown.
	FirstByte time.Duration
}

// MaxPause bounds how long a server can stop a Limiter by one answer.
const MaxPause = time.Minute

// Options are the bounds of a Limiter.
type Options struct {
	// Name is what the permits are for, such as "objects". A Report begins with it.
	Name string
	// Min and Max bound the number in flight. A Min below 1 counts as 1, a Max below Min
	// as Min. If both are the same, the number is fixed, and only throttling delays.
	Min, Max int
	// Start is the number to begin with, within Min and Max; 0 is that of Seed(0, 0).
	Start int
	// Ramp doubles the number each time that so many operations have ended, until Max, or
	// until the server refuses something. What pays is looked for only then. It is for
	// operations of which there may be too few to judge.
	Ramp bool
	// Clock replaces time.Now for what is measured, if not nil. Its time must not go back.
	// Who waits for the rate waits by the real clock.
	Clock func() time.Time
}

// A Limiter bounds the operations in flight. The number follows what pays: it grows
// while more in flight move more and somebody waits for a permit, and it shrinks where
// fewer move as much. Operations that end unanswered shrink it at once. Answers that ask
// for fewer requests delay new operations at once, so that their rate stays right below
// the one that the server accepts. Fewer of them than one in a hundred do not: a server
// may refuse single keys.
//
// Those who wait get permits in the order of their calls. All methods may be called
// concurrently. A Limiter starts no goroutine.
type Limiter struct {
	name  string
	clock func() time.Time // nil is the monotonic clock
	zero  time.Time        // times inside are distances from here

	mu       sync.Mutex
	inFlight int
	waiting  queue
	pacer    pacer
	search   search
	lastCut  time.Duration // what began before it does not cut again

	refused, unanswered tally // operations lately, of which a share cuts
	// Of the whole life, for the report.
	allEnded, allThrottled, allUnanswered int
}

// New returns a Limiter with nothing in flight.
func New(o Options) *Limiter {
	least := max(o.Min, 1)
	most := max(o.Max, least)
	if o.Start == 0 {
		o.Start = Seed(0, 0)
	}
	zero := time.Now()
	if o.Clock != nil {
		zero = o.Clock()
	}
	return &Limiter{
		name: o.Name, clock: o.Clock, zero: zero,
		search: search{least: least, most: most, limit: min(max(o.Start, least), most), ramps: o.Ramp, judges: o.Ramp},
	}
}

// now is 1 at the beginning, so that 0 can mean never.
func (l *Limiter) now() time.Duration {
	if l.clock == nil {
		return time.Since(l.zero) + 1 // cheaper than time.Now
	}
	return l.clock().Sub(l.zero) + 1
}

// A Permit is the right to one operation in flight. Done must be called exactly once,
// also if the operation sends nothing: then with Canceled, because an operation that
// costs no time looks like a fast server.
type Permit struct {
	limiter *Limiter
	began   time.Duration
	units   int
	mark    uint32
}

// Acquire waits for a permit. It fails with the cause of ctx if that is cancelled, and
// then there is nothing to give back.
//
// Units are what a server that throttles counts: 1 for a request, the number of keys for
// a request that deletes many. Values below 1 count as 1. Units matter for the rate after
// throttling; whatever its units, a permit is one operation in flight.
func (l *Limiter) Acquire(ctx context.Context, units int) (Permit, error) {
	if ctx.Err() != nil {
		return Permit{}, context.Cause(ctx)
	}
	units = max(units, 1)
	now := l.now()
	l.mu.Lock()
	if l.waiting.first == nil && l.inFlight < l.search.limit && l.pacer.delay(now) <= 0 {
		p := l.grant(now, units, false)
		l.mu.Unlock()
		return p, nil
	}
	w := l.waiting.push(units)
	l.dispatch(now)
	l.mu.Unlock()
	return l.wait(ctx, w)
}

// grant gives a permit. The caller holds the lock.
func (l *Limiter) grant(now time.Duration, units int, waited bool) Permit {
	l.pacer.spend(now, units)
	mark := l.search.start(now, l.inFlight, waited)
	l.inFlight++
	return Permit{limiter: l, began: now, units: units, mark: mark}
}

// Done ends the operation and tells how.
func (p Permit) Done(o Outcome) {
	l := p.limiter
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(now, p, o)
	l.dispatch(now)
}

// end takes a permit back. The caller holds the lock.
func (l *Limiter) end(now time.Duration, p Permit, o Outcome) {
	l.search.end(now, l.inFlight)
	l.inFlight--
	if o.Kind == OK || o.Kind == Shared {
		l.pacer.accept(now, p.units)
		l.refused.good++
		l.unanswered.good++
		l.forget()
	}
	if o.Kind == OK {
		l.allEnded++
		l.search.measure(now, p, o)
		return
	}
	l.search.drop(now, p)
	l.refuse(now, p.began, o)
}

// Observe tells of a request that failed inside an operation, which goes on and tries
// again: began is when that request was sent. Only Throttled and Unanswered matter. An
// operation whose last request was observed may end with the same Kind: one event does
// not cut twice.
func (l *Limiter) Observe(began time.Time, o Outcome) {
	if o.Kind != Throttled && o.Kind != Unanswered {
		return
	}
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse(now, began.Sub(l.zero)+1, o)
	l.dispatch(now)
}

// refuse acts on what the server refused or did not answer. Requests that began before
// the last cut tell of the load before it, so they do not cut again.
func (l *Limiter) refuse(now, began time.Duration, o Outcome) {
	news := began >= l.lastCut
	switch {
	case o.Kind == Throttled:
		l.allThrottled++
		l.search.stopRising()
		if o.Again || news && !l.overload() {
			return // the operation waits by itself
		}
		if news {
			l.lastCut, l.refused.bad = now, 0
			if !l.pacer.cut(now) {
				l.search.cut(now, l.search.limit/2, throttled)
			}
		}
		if o.RetryAfter > 0 {
			l.pacer.pause(now, min(o.RetryAfter, MaxPause))
		}
	case o.Kind == Unanswered:
		l.allUnanswered++
		if !news {
			return
		}
		l.unanswered.bad++
		// A single broken connection says nothing, one in twenty does.
		if l.unanswered.bad >= 2 && 20*l.unanswered.bad >= l.unanswered.good {
			l.lastCut, l.unanswered = now, tally{}
			l.search.cut(now, l.search.limit*3/4, unanswered)
		}
		l.forget()
	}
}

// overload takes a refusal, and reports whether the server refuses so much that all must
// slow down. Servers also refuse single keys for long. Less than one refusal in a hundred
// costs less than it would cost to slow down.
func (l *Limiter) overload() bool {
	l.refused.bad++
	l.forget()
	return 100*l.refused.bad >= l.refused.good
}

// A tally counts operations lately.
type tally struct{ good, bad int }

// keep halves the counts if they are more than most operations.
func (t *tally) keep(most int) {
	if t.good+t.bad > most {
		t.good, t.bad = t.good/2, t.bad/2
	}
}

// forget keeps what counts as lately to a few times the number in flight. One refusal must
// remain less than one in a hundred.
func (l *Limiter) forget() {
	l.refused.keep(4*l.search.limit + 400)
	l.unanswered.keep(4*l.search.limit + 100)
}

// Seed replaces the number to begin with by the one of the function [Seed], unless a
// number was judged already, or the server asked for less.
func (l *Limiter) Seed(size int64, roundTrip time.Duration) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.search.seed(now, Seed(size, roundTrip))
	l.dispatch(now)
}

// Seed is a number in flight to begin with, from the size of most objects in bytes and
// the fastest round trip to the server so far; 0 is unknown. It aims at 3,200 small
// objects a second, within 16 and 256. Objects of a MiB and more are bound by bytes: 32
// in flight move much where the round trip matters, 16 elsewhere.
func Seed(size int64, roundTrip time.Duration) int {
	const small, large = 64 << 10, 1 << 20
	number := int(min(256, max(16, 3200*roundTrip.Seconds())))
	if size > small {
		share := min(1, float64(size-small)/(large-small))
		number -= int(share * float64(number-min(32, number)))
	}
	return number
}
