package report

import "sync"

// The workers of a dry run decide about several objects at once, and some decisions take
// long. An order puts their events in the order of the keys, so that two dry runs of the
// same sides say the same in the same order.

// window is how many slots and events are held back at most for an earlier key.
const window = 4096

// An order holds back events of a unit.
type order struct {
	mu    sync.Mutex
	queue []*slot // the first one is open
	open  map[string]*slot
	held  int       // slots and events in the queue
	ends  bool      // nobody waits any more
	moved sync.Cond // the queue has another first slot
}

// A slot has the events of one key: those of a worker, or one that needs no worker.
type slot struct {
	events []Event
	then   []func() // after the events
	done   bool
}

func newOrder() *order {
	o := &order{open: make(map[string]*slot)}
	o.moved.L = &o.mu
	return o
}

// Begin says that a worker is going to emit the events of a key. They come before those
// that begin or are emitted later. In a dry run Begin waits while too many events are
// held back. End follows, unless the unit ends before a worker got the key.
func (u *Unit) Begin(key string) {
	o := u.order
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.queue) > 0 && o.held >= window && !o.ends {
		o.moved.Wait()
	}
	s := new(slot)
	if twice := o.open[key]; twice != nil {
		twice.done = true // End comes for both, but finds one
	}
	o.open[key] = s
	o.push(s)
}

func (o *order) push(s *slot) {
	o.queue = append(o.queue, s)
	o.held++
}

// End says that all events of a key are emitted.
func (u *Unit) End(key string) {
	o := u.order
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := o.open[key]; s != nil {
		s.done = true
		delete(o.open, key)
	}
	for len(o.queue) > 0 && o.queue[0].done {
		u.release(o.queue[0])
		o.queue[0], o.queue = nil, o.queue[1:]
		o.held--
	}
	o.moved.Broadcast()
}

// StopWaiting ends all waiting for events of earlier keys, which may never come when a
// unit ends before its time.
func (u *Unit) StopWaiting() {
	o := u.order
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ends = true
	o.moved.Broadcast()
}

// Flush emits all events that are held back. No worker may run.
func (u *Unit) Flush() {
	o := u.order
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.queue {
		u.release(s)
	}
	o.queue, o.held = nil, 0
	clear(o.open)
}

// release emits the events of a slot. The caller holds mu.
func (u *Unit) release(s *slot) {
	for i := range s.events {
		u.r.emit(&s.events[i], u)
	}
	for _, do := range s.then {
		do()
	}
	u.order.held -= len(s.events) + len(s.then)
	s.events, s.then = nil, nil
}

// InOrder calls do after the events of earlier keys in a dry run with KeepOrder, at once or
// in a later call of the unit. A worker that has begun the key calls
// it. Calls of do do not overlap, and it must not use the unit.
func (u *Unit) InOrder(key string, do func()) {
	o := u.order
	if o == nil {
		do()
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.open[key]
	if s == nil || o.queue[0] == s {
		do()
		return
	}
	s.then = append(s.then, do)
	o.held++
}

// holds keeps an event back if those of an earlier key are missing, and reports whether
// it did. It waits while too many are held back.
func (u *Unit) holds(ev *Event) bool {
	o := u.order
	if o == nil || ev.Key == "" {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.open[ev.Key]
	for len(o.queue) > 0 && o.queue[0] != s && o.held >= window && !o.ends {
		o.moved.Wait()
	}
	switch {
	case len(o.queue) == 0:
		return false
	case o.queue[0] == s:
		u.release(s)
		return false
	case s == nil:
		s = &slot{done: true}
		o.push(s)
	}
	s.events = append(s.events, *ev)
	o.held++
	return true
}
