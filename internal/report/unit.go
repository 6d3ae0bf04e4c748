package report

import (
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"s3sync/internal/plan"
)

// A Unit has the counters of a part of the run, such as a range of keys. Its events
// count for the run as well. Its methods may be called concurrently. Incomplete and
// Report may also be called after Recorder.Finish.
type Unit struct {
	r          *Recorder
	start      time.Time
	incomplete atomic.Bool

	counted Report // guarded by r.mu
	order   *order // in a dry run; nil if nobody sees the order
}

// Unit returns a new Unit whose counters are zero.
func (r *Recorder) Unit() *Unit {
	u := &Unit{r: r, start: time.Now()}
	if r.opts.DryRun && (r.ordered || r.sees(slog.LevelError)) {
		u.order = newOrder()
	}
	return u
}

// KeepOrder lets the order of a dry run's keys matter even if nobody sees its events. It is
// called before Unit.
func (r *Recorder) KeepOrder() { r.ordered = true }

// Emit is Recorder.Emit for an event of the unit. In a dry run it may be held back for
// the events of an earlier key: see Begin.
func (u *Unit) Emit(ev Event) {
	if !u.holds(&ev) {
		u.r.emit(&ev, u)
	}
}

// Skip emits an EventSkipped of a pair. Nearly every object of a run may be skipped, so
// an event that nobody sees is only counted.
func (u *Unit) Skip(p *plan.Pair, why plan.Reason) {
	if u.r.sees(levelOfSkipped(why, p.Source.Size != p.Target.Size)) {
		u.Emit(Event{Type: EventSkipped, Key: p.Key(), Reason: why, Source: p.Source, Target: p.Target})
		return
	}
	u.r.mu.Lock()
	defer u.r.mu.Unlock()
	u.r.handled++
	u.r.total.Skipped++
	u.counted.Skipped++
	if o := u.r.opts.Observer; o.Skips {
		u.r.seen = Event{Type: EventSkipped, Key: p.Key(), Reason: why, Source: p.Source, Target: p.Target}
		o.Event(&u.r.seen)
	}
}

// SetIncomplete records for the unit and the run that a part of either side was not
// looked at. It reports whether that was recorded for the unit before.
func (u *Unit) SetIncomplete() (before bool) {
	u.r.SetIncomplete()
	return u.incomplete.Swap(true)
}

// Incomplete reports whether a part of the unit was not looked at.
func (u *Unit) Incomplete() bool { return u.incomplete.Load() }

// Report returns the counters of the unit, including all events that were emitted
// through it before. TransferredBytes counts the bytes of the objects that arrived,
// because bytes that are read are counted only for the run. Objects that were refused
// for lack of a permission, and may become failures of the run, count as warnings until
// then.
func (u *Unit) Report() *Report {
	u.r.mu.Lock()
	defer u.r.mu.Unlock()
	report := u.counted
	report.Failures = slices.Clone(report.Failures)
	report.Warnings += u.r.refusals.heldOf(u)
	report.Elapsed = time.Since(u.start)
	report.Incomplete = u.Incomplete()
	return &report
}

// count adds an event.
func (u *Unit) count(ev *Event) {
	u.counted.count(ev)
	if ev.Type == EventTransferred {
		u.counted.TransferredBytes += ev.Source.Size
	}
}
