package s3sync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"s3sync/internal/setting"
	"s3sync/storage"
)

// maxFailedKeys bounds Report.FailedKeys, so that a run whose every object
// fails needs no more memory than another.
const maxFailedKeys = 1000

// A reporter turns what the stages tell into counters, log records and events.
// One goroutine does so, in order; everybody else sends to it.
type reporter struct {
	cfg   *Config
	log   *logger
	start time.Time
	bytes atomic.Int64
	// incomplete: something could not be listed.
	incomplete atomic.Bool

	// waiting are the sides that tell what they wait for, once they are open.
	waiting atomic.Pointer[[]waitingSide]

	events chan Event
	done   chan struct{}

	// Owned by the goroutine until done is closed.
	report  Report
	first   error // of all failures
	silence silence
	denials denials
}

func newReporter(cfg *Config, log *logger) *reporter {
	r := &reporter{
		cfg:    cfg,
		log:    log,
		start:  time.Now(),
		events: make(chan Event, 256),
		done:   make(chan struct{}),
	}
	r.silence.broken(r.start)
	r.waiting.Store(new([]waitingSide))
	go r.run()
	return r
}

// emit hands an event over. It never blocks for longer than OnEvent takes, and
// must not be called after finish.
func (r *reporter) emit(ev Event) { r.events <- ev }

// notice hands over what a store tells of itself.
func (r *reporter) notice(n storage.Notice) {
	text := setting.Named(n.Text, n.Settings)
	switch {
	case !n.Warning:
		r.note(text)
	case r.cfg.WarnAsError:
		r.emit(Event{Type: EventFailed, Err: text.Err()})
	default:
		r.emit(Event{Type: EventWarning, Err: text.Err()})
	}
}

// note tells something that is no warning.
func (r *reporter) note(text setting.Text) {
	r.emit(Event{Type: EventNote, Note: text.String(), Settings: text.Settings()})
}

// finish delivers what is left, and returns the report and the error of the run
// that ended with err. An interruption is no failure.
func (r *reporter) finish(ctx context.Context, err error) (*Report, error) {
	_, reported := errors.AsType[reportedError](err)
	interrupted := ctx.Err() != nil && errors.Is(err, context.Cause(ctx))
	if err != nil && !reported && !interrupted {
		r.emit(Event{Type: EventFailed, Err: err})
	}
	r.emit(Event{Type: EventEnd})
	close(r.events)
	<-r.done
	r.report.Incomplete = err != nil || r.incomplete.Load()
	if err == nil && r.report.Failed > 0 {
		err = fmt.Errorf("%d failed, the first with: %w", r.report.Failed, r.first)
	}
	return &r.report, err
}

func (r *reporter) run() {
	defer close(r.done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case ev, ok := <-r.events:
			if !ok {
				return
			}
			r.silence.broken(time.Now())
			r.denials.pass(ev, r.handle)
		case <-tick.C:
			if r.cfg.OnEvent != nil {
				r.handle(Event{Type: EventProgress})
			}
			if note := r.silence.note(time.Now(), r.bytes.Load(), *r.waiting.Load()); note != "" {
				r.handle(Event{Type: EventNote, Note: note})
			}
		}
	}
}

// watch explains silences from now on by what the stores wait for.
func (r *reporter) watch(source, target storage.Store) {
	sides := waitingSides(source, target)
	r.waiting.Store(&sides)
}

func (r *reporter) handle(ev Event) {
	r.count(ev)
	ev.DryRun = r.cfg.DryRun
	ev.Stats = r.report.Stats
	if ev.Type == EventEnd && r.cfg.Report.Status {
		r.log.write(slog.LevelInfo, "report summary", statusSummary(r.report.Status)...)
	} else {
		r.log.event(ev)
	}
	if r.cfg.OnEvent != nil {
		r.cfg.OnEvent(ev)
	}
}

func (r *reporter) count(ev Event) {
	st := &r.report.Stats
	switch ev.Type {
	case EventTransferred, EventTagged:
		st.Transferred++
	case EventVerified:
		st.ETagVerified++
	case EventChecksumVerified:
		st.ChecksumVerified++
	case EventNoChecksum:
		st.Warnings++
	case EventUnverified:
		st.Unverified++
		if isLayout(ev.Err) {
			st.Warnings++
		}
	case EventSkipped, EventCancelled:
		st.Skipped++
	case EventStatus:
		r.report.Status.count(ev)
	case EventDeleted:
		st.Deleted++
	case EventPerhapsDeleted:
		st.PerhapsDeleted++
		st.Warnings++
	case EventWarning:
		st.Warnings++
	case EventFailed:
		st.Failed++
		if r.first == nil {
			r.first = ev.Err
		}
		if ev.Key != "" && len(r.report.FailedKeys) < maxFailedKeys {
			r.report.FailedKeys = append(r.report.FailedKeys, ev.Key)
		}
	case EventStart, EventBegun, EventWritten, EventMismatch, EventRetry, EventNote, EventProgress, EventEnd:
	}
	st.TransferredBytes = r.bytes.Load()
	st.Elapsed = time.Since(r.start)
}

// What is still done after a cancellation, so that an interrupted run ends
// within five seconds.
const (
	// answerTime bounds the wait for an answer that must be known.
	answerTime = 2 * time.Second
	// cleanupTime bounds aborting uploads and removing temporary files.
	cleanupTime = 3 * time.Second
)

// cleanup returns a context for cleaning up, which outlives the cancellation of
// ctx.
func cleanup(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
}

// outlive returns a context that ends answerTime after ctx does, unless that has
// ended already: nothing is begun then.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() != nil {
		return ctx, func() {}
	}
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(answerTime, func() { cancel(context.Cause(ctx)) })
	})
	return longer, func() {
		stop()
		cancel(nil)
	}
}
