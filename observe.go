package s3sync

import "errors"

// Events that neither the log nor the counters know: they are for Config.OnEvent
// alone, and cost nothing without it.

func (s *syncer) observe(ev Event) {
	if s.cfg.OnEvent != nil {
		s.report.emit(ev)
	}
}

// event is one about the object that is being transferred.
func (t *task) event(typ EventType) Event {
	ev := t.it.event(typ)
	ev.Source = t.info.Object
	ev.Source.Key = ev.Key
	return ev
}

// written tells of a part, from 1, or of the whole object, 0.
func (t *task) written(part int, size int64) Event {
	ev := t.event(EventWritten)
	ev.Part, ev.Bytes = part, size
	return ev
}

// mismatch tells of bytes that are not what a side says.
func (t *task) mismatch(err error) Event {
	ev := t.event(EventMismatch)
	ev.Err = err
	if m, ok := errors.AsType[*mismatchError](err); ok {
		ev.Algorithm = string(m.algorithm)
	}
	return ev
}
