package report

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"s3sync/internal/setting"
	"s3sync/storage"
)

// Options say what a Recorder does with events.
type Options struct {
	// Logger receives the log records. It may be nil.
	Logger *slog.Logger
	// OnEvent, if not nil, gets every event, in order and from one goroutine. It
	// must not call the Recorder.
	OnEvent func(Event)
	// OnProgress, if not nil, is told four times a second how far the run is, and once at
	// its end, from the goroutine of OnEvent. It must not call the Recorder.
	OnProgress func(Progress)
	// Observer is told what happens. It may be nil.
	Observer *Observer
	// DryRun: the run changes nothing. Every event says so.
	DryRun bool
	// WarnAsError turns warnings into failures.
	WarnAsError bool
	// Status: the run is a report, so it ends with the counters of a report.
	Status bool
	// Source and Target are the places of the objects of both sides.
	Source, Target Place
}

// A Recorder turns events into counters, log records and calls of the user's callback.
// Whoever emits an event counts and logs it, under one lock. One goroutine calls the
// callback, in the order in which the events were counted. All methods may be called
// concurrently, but not after Finish unless they say so.
type Recorder struct {
	opts  Options
	log   logger
	start time.Time
	// ordered: see KeepOrder.
	ordered bool
	bytes   atomic.Int64
	// repeated are requests and other attempts that were made again.
	repeated atomic.Int64
	// asked are requests that got an answer or an error, throttled those that a server
	// asked to come later.
	asked, throttled atomic.Int64
	track            *Tracker
	// incomplete: something could not be listed.
	incomplete atomic.Bool
	// waiting are the sides that can report what they wait for, once they are open.
	waiting atomic.Pointer[[]waitingSide]
	// unobserve ends what tells the observer of the requests of a side.
	unobserve map[string]func()

	wake chan struct{} // there is something for the goroutine
	done chan struct{} // the goroutine has ended

	mu       sync.Mutex
	total    Report
	changes  changes // in a dry run
	partial  bool    // the run ended before it had seen everything
	first    error   // of all failures
	handled  uint64  // number of events
	silence  silence
	refusals refusals
	queue    []Event // for OnEvent
	taken    bool    // OnEvent receives what was in the queue
	seen     Event   // by the observer
	room     sync.Cond
	finished bool
}

// backlog is the number of events that may be queued for OnEvent before Emit blocks.
const backlog = 256

// New returns a Recorder whose goroutine runs until Finish.
func New(opts Options) *Recorder {
	if opts.Observer == nil {
		opts.Observer = new(Observer)
	}
	r := &Recorder{
		opts:  opts,
		log:   logger{slog: opts.Logger, dry: opts.DryRun && !opts.Status},
		track: newTracker(opts.OnProgress != nil),
		start: time.Now(), changes: make(changes), unobserve: make(map[string]func()),
		wake: make(chan struct{}, 1),
		done: make(chan struct{}),
	}
	r.room.L = &r.mu
	r.silence.since = r.start
	r.waiting.Store(new([]waitingSide))
	r.SetPlaces(opts.Source, opts.Target)
	go r.run()
	return r
}

// Emit counts and logs an event, and queues it for OnEvent. It blocks for no longer
// than OnEvent and the log take. The Recorder fills in DryRun and Stats. With
// WarnAsError an EventWarning becomes an EventFailed, unless its Cause is
// CauseIncomparable.
func (r *Recorder) Emit(ev Event) { r.emit(&ev, nil) }

// emit is Emit for an event of a unit; nil if the event belongs only to the run.
func (r *Recorder) emit(ev *Event, u *Unit) {
	if ev.Type == EventWarning && r.opts.WarnAsError && ev.Cause != CauseIncomparable {
		ev.Type = EventFailed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.queue) >= backlog {
		r.room.Wait()
	}
	r.receive(ev, u)
}

// sees reports whether somebody sees an event of this level: OnEvent or the log.
func (r *Recorder) sees(level slog.Level) bool {
	return r.opts.OnEvent != nil || r.log.enabled(level)
}

// Note emits useful information that is not a warning.
func (r *Recorder) Note(text setting.Text) {
	r.Emit(Event{Type: EventNote, Note: text.String(), Settings: text.Settings()})
}

// Notice emits a notice of a store.
func (r *Recorder) Notice(n storage.Notice) {
	text := setting.Named(n.Text, n.Settings)
	if n.Warning {
		r.Emit(Event{Type: EventWarning, Err: text.Err()})
		return
	}
	r.Note(text)
}

// Watched reports whether there is a callback for events that are neither counted nor
// logged: EventBegun, EventWritten and EventMismatch.
func (r *Recorder) Watched() bool { return r.opts.OnEvent != nil }

// Read counts n bytes that were read from the source.
func (r *Recorder) Read(n int64) { r.bytes.Add(n) }

// Requests returns how many requests were made to both sides, and of these how many a
// server asked to come later.
func (r *Recorder) Requests() (all, throttled int64) { return r.asked.Load(), r.throttled.Load() }

// Observe counts requests, those that are made again after a failure, and those that are
// slowed down.
func (r *Recorder) Observe(q storage.Request) {
	r.asked.Add(1)
	if q.Throttled {
		r.throttled.Add(1)
	}
	if q.Again && !q.Hedge {
		r.repeated.Add(1)
	}
}

// SetIncomplete records that a part of either side was not looked at. It reports
// whether that was recorded before.
func (r *Recorder) SetIncomplete() (before bool) { return r.incomplete.Swap(true) }

// Incomplete reports whether a part of either side was not looked at. It may be
// called after Finish.
func (r *Recorder) Incomplete() bool { return r.incomplete.Load() }

// Failed reports whether anything failed so far.
func (r *Recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total.Failed > 0
}

// Watch lets the Recorder explain silences from now on by what the stores wait for, and
// tell the observer of their requests. Either store may be nil.
func (r *Recorder) Watch(source, target storage.Store) {
	r.observe("source", source)
	r.observe("target", target)
	sides := waitingSides(source, target)
	r.waiting.Store(&sides)
}

// Finish delivers the remaining events, and returns the report and the final error of a
// run that ended with err. An interruption of ctx is not a failure. An err that was
// emitted already must be marked by Reported. If objects failed although err is nil,
// the error says so and wraps the Err of the first one.
func (r *Recorder) Finish(ctx context.Context, err error) (*Report, error) {
	_, reported := errors.AsType[reportedError](err)
	interrupted := ctx.Err() != nil && errors.Is(err, context.Cause(ctx))
	if err != nil && !reported && !interrupted {
		r.Emit(Event{Type: EventFailed, Err: err})
	}
	r.mu.Lock()
	r.partial = err != nil
	r.mu.Unlock()
	r.Emit(Event{Type: EventEnd})
	r.mu.Lock()
	r.finished = true
	r.mu.Unlock()
	r.signal()
	<-r.done
	for _, stop := range r.unobserve {
		stop()
	}
	r.total.Incomplete = err != nil || r.Incomplete()
	if err == nil && r.total.Failed > 0 {
		err = fmt.Errorf("%d failed, the first with: %w", r.total.Failed, r.first)
	}
	return &r.total, err
}

// Reported marks an error whose EventFailed was emitted before.
func Reported(err error) error { return reportedError{err} }

type reportedError struct{ error }

func (e reportedError) Unwrap() error { return e.error }

// run calls OnEvent, and looks each second at how the run goes on.
func (r *Recorder) run() {
	defer close(r.done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	progress, stop := r.progressTicks()
	defer stop()
	var events []Event
	for finished := false; !finished; {
		select {
		case <-tick.C:
			r.tick(time.Now())
		case <-progress:
			r.opts.OnProgress(r.progress())
		case <-r.wake:
		}
		events, finished = r.take(events)
		for i := range events {
			r.opts.OnEvent(events[i])
		}
	}
	if r.opts.OnProgress != nil {
		r.opts.OnProgress(r.progress())
	}
}

// progressTicks returns when OnProgress is to be called.
func (r *Recorder) progressTicks() (ticks <-chan time.Time, stop func()) {
	if r.opts.OnProgress == nil {
		return nil, func() {}
	}
	t := time.NewTicker(progressEvery)
	return t.C, t.Stop
}

// progress returns how far the run is.
func (r *Recorder) progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refresh()
	p := Progress{Stats: r.total.Stats, Status: r.total.Status}
	r.track.fill(&p)
	return p
}

// refresh brings the counters up to date that events do not count. The caller holds mu.
func (r *Recorder) refresh() {
	r.total.TransferredBytes = r.bytes.Load()
	r.total.Retries = r.repeated.Load()
	r.total.Elapsed = time.Since(r.start)
}

// Deliver returns when OnEvent has received every event that was counted before. Events
// that are held back are counted later.
func (r *Recorder) Deliver() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.finished && (r.taken || len(r.queue) > 0) {
		r.signal()
		r.room.Wait()
	}
}

// signal wakes the goroutine.
func (r *Recorder) signal() {
	select {
	case r.wake <- struct{}{}:
	default: // it is awake
	}
}

// take returns the queued events, and whether no more will follow. old becomes the
// memory of the queue.
func (r *Recorder) take(old []Event) (events []Event, finished bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	events, r.queue = r.queue, old[:0]
	r.taken = len(events) > 0
	r.room.Broadcast()
	return events, r.finished
}

func (r *Recorder) tick(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Watched() {
		r.handle(&Event{Type: EventProgress}, nil)
	}
	if note := r.silence.note(now, r.handled, r.bytes.Load(), *r.waiting.Load()); note != "" {
		r.handle(&Event{Type: EventNote, Note: note}, nil)
	}
}

// receive handles an event, after any events that were held back for it. The caller
// holds mu.
func (r *Recorder) receive(ev *Event, u *Unit) {
	r.handled++
	released, now := r.refusals.admit(ev, u)
	for i := range released {
		r.handle(&released[i].ev, released[i].unit)
	}
	if now {
		r.handle(ev, u)
	}
}

// handle counts, logs and queues an event. The caller holds mu.
func (r *Recorder) handle(ev *Event, u *Unit) {
	r.total.count(ev)
	if ev.Type == EventRetry {
		r.repeated.Add(1)
	}
	if ev.Type == EventFailed && r.first == nil {
		r.first = ev.Err
	}
	if u != nil {
		u.count(ev)
	}
	ev.DryRun = r.opts.DryRun
	if r.log.dry {
		r.foresee(ev)
	}
	if ev.Type == EventProgress || ev.Type == EventEnd {
		r.refresh()
		ev.Stats = new(r.total.Stats)
	}
	switch {
	case ev.Type == EventEnd && r.opts.Status:
		r.log.write(slog.LevelInfo, "report summary", statusSummary(&r.total.Status)...)
	case ev.Type == EventEnd && r.log.dry:
		r.log.write(slog.LevelInfo, "dry run summary", r.foreseen()...)
	default:
		r.log.event(ev)
	}
	if tell := r.opts.Observer.Event; tell != nil {
		r.seen = *ev // or every event would need memory of its own, observed or not
		tell(&r.seen)
	}
	if r.opts.OnEvent != nil {
		if r.queue = append(r.queue, *ev); len(r.queue) == 1 {
			r.signal()
		}
	}
}
