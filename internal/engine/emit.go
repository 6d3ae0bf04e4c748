package engine

import (
	"errors"
	"time"

	"s3sync/internal/checksum"
	"s3sync/internal/plan"
	"s3sync/internal/report"
	"s3sync/internal/transfer"
	"s3sync/internal/verify"
)

// eventOf makes an event about an object.
func eventOf(t report.EventType, a *plan.Action) report.Event {
	ev := report.Event{Type: t, Key: a.Key(), Reason: a.Reason, Source: a.Source, Target: a.Target, Compared: a.Compared}
	ev.SetDigests(&a.Digests)
	return ev
}

// emitTransferred emits that an object was written, and what verified it.
func (r *unitRun) emitTransferred(a *plan.Action, done *transfer.Result, took time.Duration) {
	// A version replaces nothing: the older ones stay.
	ev := report.Event{Key: a.Key(), Exists: a.Exists && !r.e.opts.Versions, Reason: a.Reason, Source: done.Source, Target: done.Target}
	v := &done.Verification
	ev.SetDigests(&v.Digests)
	emit := func(t report.EventType, err error) {
		ev.Type, ev.Err = t, err
		r.record.Emit(ev)
	}
	if v.ETag {
		emit(report.EventVerified, nil)
	}
	if v.Checksum {
		emit(report.EventChecksumVerified, nil)
	}
	if v.SourceLacksChecksum {
		emit(report.EventNoChecksum, verify.ErrNoChecksum)
	}
	if v.Why != nil {
		ev.Cause = causeOf(v.Why)
		emit(report.EventUnverified, v.Why)
		ev.Cause = report.CauseOther
	}
	ev.Verified, ev.Took = v.ETag || v.Checksum, took
	if r.e.record.WantsWritten() {
		ev.Written = r.e.writtenOf(a, done)
	}
	emit(report.EventTransferred, nil)
}

// writtenOf says how an object was written.
func (e *Engine) writtenOf(a *plan.Action, done *transfer.Result) *report.Written {
	v := &done.Verification
	w := &report.Written{TargetKey: a.TargetKey, SHA256: v.SHA256, ETag: v.ETag, Checksum: v.Checksum, Why: v.Why}
	if l := &done.Layout; l.Multipart() && !e.target.Caps.Files {
		_, w.PartSize = l.Bounds(0)
		if !l.Equal(checksum.Uniform(l.Total(), w.PartSize)) {
			w.PartSize, w.PartSizes = 0, l.Sizes()
		}
	}
	return w
}

// causeOf returns the kind of reason for which an object is not verified.
func causeOf(why error) report.Cause {
	switch {
	case errors.Is(why, verify.ErrOff), errors.Is(why, verify.ErrMultipartOff):
		return report.CauseVerificationOff
	case errors.Is(why, verify.ErrUnknownLayout), errors.Is(why, verify.ErrOtherParts):
		return report.CauseUnknownParts
	}
	return report.CauseOther
}

// observe emits a step of a transfer.
func (e *Engine) observe(a *plan.Action, step transfer.Step) {
	ev := eventOf(report.EventBegun, a)
	ev.Source = step.Source
	switch step.Kind {
	case transfer.Begun:
	case transfer.Written:
		ev.Type, ev.Part, ev.Bytes = report.EventWritten, step.Part, step.Bytes
	case transfer.Mismatch:
		ev.Type, ev.Err = report.EventMismatch, step.Err
		if m, ok := errors.AsType[*verify.MismatchError](step.Err); ok && m.Algorithm != "" {
			ev.Checksums = &report.Checksums{Algorithm: string(m.Algorithm)}
		}
	}
	e.record.Emit(ev)
}
