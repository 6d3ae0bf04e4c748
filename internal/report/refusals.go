package report

import (
	"errors"
	"io/fs"
)

// Objects that may not be read or written are skipped with a warning: most often
// they are a few that belong to somebody else. If none at all can be transferred,
// or many in a row cannot, the whole run lacks a permission, and a warning would
// call a run done that did nothing. Then each of them is a failure.

// maxRefusals is how many objects in a row may be refused.
const maxRefusals = 100

// refusals hold warnings about refused objects back until it is known what they
// are, so that each object is reported and counted once.
type refusals struct {
	held        []message // those of the current row, at most maxRefusals
	long        bool      // the current row is longer
	transferred bool      // something was transferred
}

// isRefusal reports whether an event says that an object was refused. What could not
// be listed is no object.
func isRefusal(ev *Event) bool {
	return ev.Type == EventWarning && ev.Key != "" && ev.Cause != CauseUnlisted && errors.Is(ev.Err, fs.ErrPermission)
}

// admit takes the next message. It returns those that were held back until now, in
// the order in which they came, and whether m itself is to be handled after them:
// otherwise it is held back.
func (f *refusals) admit(m *message) (released []message, now bool) {
	switch ev := &m.ev; {
	case ev.Type == EventTransferred, ev.Type == EventTagged:
		f.transferred, f.long = true, false
		return f.release(EventWarning), true
	case ev.Type == EventEnd && f.transferred:
		return f.release(EventWarning), true
	case ev.Type == EventEnd:
		return f.release(EventFailed), true
	case !isRefusal(ev):
		return nil, true
	case f.long:
		ev.Type = EventFailed
		return nil, true
	}
	f.held = append(f.held, *m)
	if len(f.held) > maxRefusals {
		f.long = true
		return f.release(EventFailed), false
	}
	return nil, false
}

// release returns what is held back, as events of a type.
func (f *refusals) release(as EventType) []message {
	released := f.held
	f.held = nil
	for i := range released {
		released[i].ev.Type = as
	}
	return released
}

// heldOf counts the messages of a unit that are held back.
func (f *refusals) heldOf(u *Unit) (n int64) {
	for i := range f.held {
		if f.held[i].unit == u {
			n++
		}
	}
	return n
}
