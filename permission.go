package s3sync

import (
	"errors"
	"io/fs"
)

// Objects that may not be read or written are left out with a warning: most often
// they are a few that belong to somebody else. If none at all can be transferred,
// or many in a row cannot, it is the whole run that lacks a permission, and a
// warning would call done what is not. Then each of them is a failure.

// maxDenials is how many objects in a row may be refused.
const maxDenials = 100

// denials holds warnings about refused objects back until it is known what they
// are, so that each object is told and counted once. The reporter owns it.
type denials struct {
	held    []Event // those of the current row, at most maxDenials
	long    bool    // the current row is longer
	arrived bool    // something was transferred
}

// isDenial reports whether an event says that an object was refused. What could not
// be listed is no object.
func isDenial(ev Event) bool {
	_, unlisted := errors.AsType[unlistedError](ev.Err)
	return ev.Type == EventWarning && ev.Key != "" && errors.Is(ev.Err, fs.ErrPermission) && !unlisted
}

// pass hands events on to tell: ev itself, unless it is held back, and those that
// it releases before.
func (d *denials) pass(ev Event, tell func(Event)) {
	switch {
	case ev.Type == EventTransferred, ev.Type == EventTagged:
		d.arrived = true
		d.release(EventWarning, tell)
		d.long = false
	case ev.Type == EventEnd && d.arrived:
		d.release(EventWarning, tell)
	case ev.Type == EventEnd:
		d.release(EventFailed, tell)
	case isDenial(ev) && d.long:
		ev.Type = EventFailed
	case isDenial(ev):
		d.held = append(d.held, ev)
		if len(d.held) > maxDenials {
			d.long = true
			d.release(EventFailed, tell)
		}
		return
	}
	tell(ev)
}

func (d *denials) release(as EventType, tell func(Event)) {
	for _, ev := range d.held {
		ev.Type = as
		tell(ev)
	}
	d.held = nil
}
