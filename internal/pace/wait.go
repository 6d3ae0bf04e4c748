package pace

import (
	"context"
	"time"
)

// A waiter waits for a permit.
type waiter struct {
	previous, next *waiter
	units          int
	permit         Permit
	granted        bool
	// timed says that the waiter was told to wait for the time of the next permit. Only
	// the first one is, so one timer runs, however many wait.
	timed bool
	timer *time.Timer   // for that time; nil until it is needed first
	wake  chan struct{} // holds one wake-up
}

// A queue has the waiters in the order of their calls. Waiters that are done are kept
// for later ones, so waiting allocates nothing in the long run.
type queue struct {
	first, last *waiter
	free        *waiter
}

func (q *queue) push(units int) *waiter {
	w := q.free
	if w == nil {
		w = &waiter{wake: make(chan struct{}, 1)}
	} else {
		q.free = w.next
	}
	w.units, w.previous, w.next = units, q.last, nil
	if q.last == nil {
		q.first = w
	} else {
		q.last.next = w
	}
	q.last = w
	return w
}

func (q *queue) remove(w *waiter) {
	if w.previous == nil {
		q.first = w.next
	} else {
		w.previous.next = w.next
	}
	if w.next == nil {
		q.last = w.previous
	} else {
		w.next.previous = w.previous
	}
	w.previous, w.next = nil, nil
}

// recycle keeps a waiter that is not in the queue and that nobody waits on.
func (q *queue) recycle(w *waiter) {
	select {
	case <-w.wake:
	default:
	}
	if w.timer != nil {
		w.timer.Stop()
	}
	w.permit, w.granted, w.timed, w.next = Permit{}, false, false, q.free
	q.free = w
}

// signal wakes w, unless it has been woken and has not looked yet.
func (w *waiter) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// dispatch gives the permits that are free to those who waited longest. If the rate lets
// nobody in yet, the first one is told to wait for its time. The
// caller holds the lock.
func (l *Limiter) dispatch(now time.Duration) {
	for w := l.waiting.first; w != nil && l.inFlight < l.search.limit; w = l.waiting.first {
		if l.pacer.hold(now) {
			if !w.timed {
				w.timed = true
				w.signal()
			}
			return
		}
		l.waiting.remove(w)
		w.permit, w.granted = l.grant(now, w.units, true), true
		w.signal()
	}
}

// wait returns the permit that w is given. A waiter that gives up passes on what it was
// given meanwhile.
func (l *Limiter) wait(ctx context.Context, w *waiter) (Permit, error) {
	var due <-chan time.Time
	for {
		select {
		case <-w.wake:
		case <-due:
		case <-ctx.Done():
			l.leave(w)
			return Permit{}, context.Cause(ctx)
		}
		p, delay := l.look(w)
		if p.limiter != nil {
			return p, nil
		}
		due = w.after(delay)
	}
}

// look returns the permit that w was given. Without one it tells how long w must wait for
// the time of the next permit; 0 is until it is woken.
func (l *Limiter) look(w *waiter) (Permit, time.Duration) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	w.timed = true // it is awake, so dispatch need not wake it
	l.dispatch(now)
	if w.granted {
		p := w.permit
		l.waiting.recycle(w)
		return p, 0
	}
	w.timed = w == l.waiting.first && l.inFlight < l.search.limit
	if !w.timed {
		return Permit{}, 0
	}
	return Permit{}, l.pacer.delay(now)
}

// after returns a channel that has something after a positive delay, else nil.
func (w *waiter) after(delay time.Duration) <-chan time.Time {
	switch {
	case delay <= 0:
		return nil
	case w.timer == nil:
		w.timer = time.NewTimer(delay)
	default:
		w.timer.Reset(delay)
	}
	return w.timer.C
}

// leave takes a waiter that gives up out of the queue.
func (l *Limiter) leave(w *waiter) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.granted {
		l.end(now, w.permit, Outcome{Kind: Canceled})
	} else {
		l.waiting.remove(w)
	}
	l.waiting.recycle(w)
	l.dispatch(now)
}
