package pace

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// So many requests in a row that get no answer are an outage, if the first of them failed
	// that long ago. While a server goes down, it answers some requests and others not. The
	// number is small, so that one operation with its attempts can show an outage.
	outageAfter = 8
	outageFrom  = 2 * time.Second
	// Pauses before a probe: the first one, doubled up to the last one.
	probePauseFirst = time.Second
	probePauseLast  = 30 * time.Second
)

var (
	// ErrOutage says that an outage has lasted too long to be waited for.
	ErrOutage = errors.New("the server does not answer")
	// ErrStopped says that nothing may begin any more.
	ErrStopped = errors.New("stopped")
)

// An Outage holds back new work while a server answers nothing. It begins after eight
// requests in a row without any answer, over some seconds, and ends with the first answer to
// anything. Meanwhile one operation at a time may begin as a probe, each after
// a longer pause, up to half a minute. Nobody waits for longer than the bound of an outage.
//
// All methods may be called concurrently. An Outage starts no goroutine.
type Outage struct {
	longest time.Duration
	notify  func(down bool, lasted time.Duration)
	failed  atomic.Int32 // requests in a row without an answer

	mu    sync.Mutex
	first time.Time // when the first of them failed
	state *outage   // nil: the server answers
}

// outage is one time without answers.
type outage struct {
	began time.Time
	over  chan struct{} // closed when it ends
	turn  chan struct{} // has one element, unless a probe is under way
	pause time.Duration // before the next probe
	next  time.Time     // when that may begin
}

// NewOutage returns an Outage of a server that answers. Longest is how long an outage is
// waited for. Notify is called once when an outage begins and once when it ends, with how
// long it lasted. It must not call the Outage.
func NewOutage(longest time.Duration, notify func(down bool, lasted time.Duration)) *Outage {
	return &Outage{longest: longest, notify: notify}
}

// A Pass is the right to begin one operation. Leave must be called when it has ended.
type Pass struct{ turn chan<- struct{} }

// Probe says that the operation is to find out whether the server answers again. A caller
// with something cheaper than its operation may try that first.
func (p Pass) Probe() bool { return p.turn != nil }

// Leave lets the next probe begin, if this was one. The zero Pass may be left, too.
func (p Pass) Leave() {
	if p.turn != nil {
		p.turn <- struct{}{}
	}
}

// Enter waits until an operation may begin. It fails with the cause of ctx if that is
// cancelled, with ErrStopped if stop is closed, and with ErrOutage if the outage lasts too
// long, unless it is time for another probe. stop may be nil. The operation must lead to a
// call of Answered or Unanswered, unless it ends for a reason that says nothing about the
// server.
func (o *Outage) Enter(ctx context.Context, stop <-chan struct{}) (Pass, error) {
	for {
		if ctx.Err() != nil {
			return Pass{}, context.Cause(ctx)
		}
		select {
		case <-stop:
			return Pass{}, ErrStopped
		default:
		}
		if o.failed.Load() < outageAfter {
			return Pass{}, nil
		}
		o.mu.Lock()
		s := o.state
		o.mu.Unlock()
		if s == nil {
			return Pass{}, nil
		}
		tooLong := time.Since(s.began) >= o.longest
		if o.turn(ctx, stop, s) {
			if o.pause(ctx, stop, s, tooLong) {
				return Pass{s.turn}, nil
			}
			s.turn <- struct{}{}
		}
		if tooLong {
			return Pass{}, ErrOutage
		}
	}
}

// turn waits until the caller may probe. It reports false if something else happened first.
func (o *Outage) turn(ctx context.Context, stop <-chan struct{}, s *outage) bool {
	select {
	case <-s.turn:
		return true
	default:
	}
	end := time.NewTimer(o.longest - time.Since(s.began))
	defer end.Stop()
	select {
	case <-s.turn:
		return true
	case <-s.over:
	case <-end.C:
	case <-ctx.Done():
	case <-stop:
	}
	return false
}

// pause waits until a probe may begin. It reports false if none is needed any more, or if
// it is not the time for one and nobody waits any more.
func (o *Outage) pause(ctx context.Context, stop <-chan struct{}, s *outage, tooLong bool) bool {
	o.mu.Lock()
	wait := time.Until(s.next)
	o.mu.Unlock()
	if tooLong && wait > 0 {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.over:
	case <-ctx.Done():
	case <-stop:
	}
	return false
}

// Answered tells that the server answered something, if only an error.
func (o *Outage) Answered() {
	if o.failed.Load() == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed.Store(0)
	if s := o.state; s != nil {
		o.state = nil
		close(s.over)
		o.notify(false, time.Since(s.began))
	}
}

// Down reports whether there is an outage.
func (o *Outage) Down() bool {
	if o.failed.Load() < outageAfter {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state != nil
}

// Unanswered tells that a request got no answer.
func (o *Outage) Unanswered() {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	failed := o.failed.Add(1)
	if failed == 1 {
		o.first = now
	}
	switch {
	case o.state != nil:
		if s := o.state; !now.Before(s.next) {
			s.pause = min(2*s.pause, probePauseLast)
			s.next = now.Add(s.pause/2 + rand.N(s.pause/2))
		}
	case failed >= outageAfter && now.Sub(o.first) >= outageFrom:
		s := &outage{began: now, over: make(chan struct{}), turn: make(chan struct{}, 1), pause: probePauseFirst}
		s.next = now.Add(s.pause/2 + rand.N(s.pause/2))
		s.turn <- struct{}{}
		o.state = s
		o.notify(true, 0)
	}
}
