package report

import (
	"errors"
	"io/fs"
)

// Objects without permission to read or write are skipped with a warning: usually they
// are a few that belong to another user. If none at all can be transferred, or many in
// a row cannot, the whole run lacks a permission. Warnings would then make a run look
// done that did nothing. So each of these objects is a failure.

// maxRefusals is the number of objects in a row that may be refused.
const maxRefusals = 100

// refusals holds warnings about refused objects back until it is known whether they are
// failures, so that each object is reported and counted once.
type refusals struct {
	held        []heldEvent // those of the current row, at most maxRefusals
	long        bool        // the current row is longer
	transferred bool        // something was transferred
}

// A heldEvent is an event that is held back, and its unit, if it belongs to one.
type heldEvent struct {
	ev   Event
	unit *Unit
}

// isRefusal reports whether an event says that an object was refused. Something that
// could not be listed is not an object.
func isRefusal(ev *Event) bool {
	return ev.Type == EventWarning && ev.Key != "" && ev.Cause != CauseUnlisted && errors.Is(ev.Err, fs.ErrPermission)
}

// admit receives the next event. It returns the events that were held back until now,
// in their order, and whether ev itself is to be handled after them. If not, ev is
// held back.
func (f *refusals) admit(ev *Event, u *Unit) (released []heldEvent, now bool) {
	switch {
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
	f.held = append(f.held, heldEvent{*ev, u})
	if len(f.held) > maxRefusals {
		f.long = true
		return f.release(EventFailed), false
	}
	return nil, false
}

// release returns the events that are held back, as events of a type.
func (f *refusals) release(as EventType) []heldEvent {
	released := f.held
	f.held = nil
	for i := range released {
		released[i].ev.Type = as
	}
	return released
}

// heldOf counts the events of a unit that are held back.
func (f *refusals) heldOf(u *Unit) (n int64) {
	for i := range f.held {
		if f.held[i].unit == u {
			n++
		}
	}
	return n
}
