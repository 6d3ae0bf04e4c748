package report

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"s3sync/storage"
)

// progressEvery is the time between two calls of Options.OnProgress.
const progressEvery = 250 * time.Millisecond

// mostInFlight bounds Progress.InFlight.
const mostInFlight = 8

// Progress is how far a run is.
type Progress struct {
	// Stats are the counters so far, and Status those of a report (Config.Report).
	Stats  Stats
	Status StatusCounts
	// Found are the objects that were, are or will be transferred, as far as the listings
	// are known, and FoundBytes their bytes. An object that turns out to be skipped, or
	// fails, is not among them any more.
	Found, FoundBytes int64
	// Listed: the listings ended, so nothing more will be found. A Runner may begin more.
	Listed bool
	// Done are the objects of Found that arrived, and DoneBytes the bytes that passed the
	// network, also of those that are under way. What failed and has to pass again does not
	// count. If both sides are buckets, a byte counts half when it is read. In a dry run
	// they are what would have been transferred.
	Done, DoneBytes int64
	// Active is how many objects are under way, and InFlight the largest of them, at most 8,
	// the largest first.
	Active   int
	InFlight []InFlight
}

// InFlight is an object that is under way.
type InFlight struct {
	Key string
	// Bytes of Size passed the network.
	Bytes, Size int64
	// Elapsed is the time since the object was taken up.
	Elapsed time.Duration
}

// A Tracker knows which objects are found and under way. A nil Tracker does nothing. Its
// methods may be called concurrently.
type Tracker struct {
	mu      sync.Mutex
	passes  int64 // see SetPasses
	listing int   // listings that have not ended
	listed  bool  // there was a listing
	active  int

	expected, expectedBytes int64
	done, doneBytes         int64

	lanes, free []*Lane
}

// A Lane is followed from one object to the next, so that an object costs no memory.
type Lane struct {
	t     *Tracker
	meter storage.Meter
	// ctx is parent with the meter.
	parent, ctx context.Context //nolint:containedctx // kept for the next object

	// With the lock of t.
	key   string
	size  int64
	began time.Time
	busy  bool
}

// newTracker returns a Tracker, or nil if nobody wants to know.
func newTracker(wanted bool) *Tracker {
	if !wanted {
		return nil
	}
	return &Tracker{passes: 1}
}

// Track returns what follows the objects of the run; nil if nobody asked for progress.
func (r *Recorder) Track() *Tracker { return r.track }

// SetPasses sets how often a byte of an object is counted by the meters.
func (t *Tracker) SetPasses(n int64) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.passes = max(n, 1)
}

// Listing tells that a listing begins. It ends with the first call of end.
func (t *Tracker) Listing() (end func()) {
	if t == nil {
		return func() {}
	}
	add := func(n int) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.listing += n
		t.listed = true
	}
	add(1)
	return sync.OnceFunc(func() { add(-1) })
}

// Expect adds an object of size bytes to those that will be transferred.
func (t *Tracker) Expect(size int64) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expected++
	t.expectedBytes += size
}

// Begin tells that an expected object is worked on. The caller ends the Lane.
func (t *Tracker) Begin(key string, size int64) *Lane {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var l *Lane
	if n := len(t.free); n > 0 {
		l, t.free = t.free[n-1], t.free[:n-1]
	} else {
		l = &Lane{t: t}
		t.lanes = append(t.lanes, l)
	}
	l.key, l.size, l.began, l.busy = key, size, time.Now(), true
	t.active++
	return l
}

// Context returns the context of the transfer, with the meter of the object. No Lane
// returns ctx.
func (l *Lane) Context(ctx context.Context) context.Context {
	if l == nil {
		return ctx
	}
	if l.parent != ctx {
		l.parent, l.ctx = ctx, storage.WithMeter(ctx, &l.meter)
	}
	return l.ctx
}

// Done tells that the object arrived, with size bytes.
func (l *Lane) Done(size int64) {
	if l == nil {
		return
	}
	l.t.mu.Lock()
	defer l.t.mu.Unlock()
	l.meter.Set(0)
	l.t.expected--
	l.t.expectedBytes -= l.size
	l.t.done++
	l.t.doneBytes += size
	l.busy = false
}

// End tells that nobody works on the object any more.
func (l *Lane) End() {
	if l == nil {
		return
	}
	l.t.mu.Lock()
	defer l.t.mu.Unlock()
	if l.busy {
		l.meter.Set(0)
		l.t.expected--
		l.t.expectedBytes -= l.size
		l.busy = false
	}
	l.key = ""
	l.t.active--
	l.t.free = append(l.t.free, l)
}

// fill sets what the Tracker knows.
func (t *Tracker) fill(p *Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p.Found, p.FoundBytes = t.expected+t.done, t.expectedBytes+t.doneBytes
	p.Listed = t.listed && t.listing == 0
	p.Done, p.DoneBytes = t.done, t.doneBytes
	p.Active = t.active
	for _, l := range t.lanes {
		if !l.busy {
			continue
		}
		f := InFlight{Key: l.key, Size: l.size, Bytes: min(l.meter.Count()/t.passes, l.size), Elapsed: time.Since(l.began)}
		p.DoneBytes += f.Bytes
		p.InFlight = append(p.InFlight, f)
	}
	slices.SortFunc(p.InFlight, func(a, b InFlight) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Key, b.Key))
	})
	p.InFlight = slices.Clip(p.InFlight[:min(len(p.InFlight), mostInFlight)])
}
