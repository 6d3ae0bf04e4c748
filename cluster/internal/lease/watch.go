package lease

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/truth"
	"s3sync/storage"
)

// Bounds of the breaker: so many failures in a row, or so many and more than 1 % of the
// keys, are an outage rather than failures of objects.
const (
	failuresInRow  = 20
	failuresAtMost = 100
)

// certainAttempts is the number of attempts in which every failure may belong to an outage.
// In later ones only failures that may pass by themselves do, so that keys that fail for
// ever do not hold up their range.
const certainAttempts = 3

// maxNotes bounds the warnings about the whole run that a checkpoint has.
const maxNotes = 20

// didBegin is what happened to an object that was begun for several workers.
const didBegin = "begun"

var errOutage = errors.New("so many objects failed that the lease gives up for now")

// A watch is told of the events of a Runner. It writes evidence, ends units, and gives up
// the lease in an outage. Its methods may be called concurrently.
type watch struct {
	ctx     context.Context //nolint:containedctx // of the lease: events have none
	giveUp  context.CancelCauseFunc
	env     *Env
	attempt int
	lasts   time.Duration // of a unit

	mu       sync.Mutex
	evidence *truth.Writer
	failures *truth.Writer
	err      error // of writing
	progress job.Progress
	stop     chan struct{}
	stopped  bool
	due      int64 // keys until the unit ends
	since    time.Time
	keys     int64 // that were handled in this attempt
	failed   int64
	inRow    int64
	did      job.Counters // by deletions
	passed   int64
	big      int64 // bytes of the objects that were begun for several workers
	notes    []string
}

// unit begins a unit of so many keys, and returns what is closed when it must end. No keys
// means no bound.
func (w *watch) unit(evidence, failures *truth.Writer, keys int64) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.evidence, w.failures = evidence, failures
	w.stop, w.stopped, w.due, w.since = make(chan struct{}), false, keys, time.Now()
	w.did, w.passed, w.big = job.Counters{}, 0, 0
	if keys == 1 {
		w.end()
	}
	return w.stop
}

func (w *watch) end() {
	if !w.stopped {
		w.stopped = true
		close(w.stop)
	}
}

// bigBytes returns the bytes of the objects of the unit that were begun for several workers.
func (w *watch) bigBytes() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.big
}

// flush returns the shards of the unit.
func (w *watch) flush(ctx context.Context) (evidence, failures []job.Ref, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return nil, nil, w.err
	}
	if evidence, err = w.evidence.Close(ctx); err == nil {
		failures, err = w.failures.Close(ctx)
	}
	return evidence, failures, err
}

// told sets what the engine hears from now on.
func (w *watch) told(p job.Progress) {
	w.mu.Lock()
	w.progress = p
	w.mu.Unlock()
	w.env.beat(p)
}

// event is s3sync.Config.OnEvent.
func (w *watch) event(ev s3sync.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ev.Type == s3sync.EventProgress {
		w.env.beat(w.progress)
		if w.stop != nil && (time.Since(w.since) >= w.lasts || w.env.stopped()) {
			w.end()
		}
		return
	}
	if ev.Key == "" {
		w.ofRun(&ev)
		return
	}
	switch ev.Type {
	case s3sync.EventSkipped:
	case s3sync.EventTransferred, s3sync.EventTagged, s3sync.EventCancelled:
		w.inRow = 0
		w.record(&ev)
	case s3sync.EventWarning:
		w.did.Warnings++
		w.record(&ev)
		w.refused(&ev)
	case s3sync.EventFailed:
		w.did.Failed++
		w.record(&ev)
		w.refused(&ev)
	case s3sync.EventDeleted:
		w.did.Deleted++
		w.record(&ev)
	case s3sync.EventPerhapsDeleted:
		w.did.PerhapsDeleted++
		w.did.Warnings++
		w.record(&ev)
	default:
		return
	}
	w.keys++
	w.passed++
}

// listed is s3sync.Config.Filter.Func: it ends the unit at the right key, because the listing
// waits for it, while events come later. It filters nothing.
func (w *watch) listed(storage.Object) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.due--; w.due == 0 {
		w.end()
	}
	return true, nil
}

// ofRun keeps a warning about the whole run, which is a failure with WarnAsError. What ends
// the run is kept, too, but then no checkpoint is written.
func (w *watch) ofRun(ev *s3sync.Event) {
	if ev.Type != s3sync.EventWarning && ev.Type != s3sync.EventFailed || ev.Err == nil || w.ctx.Err() != nil {
		return
	}
	if text := ev.Err.Error(); len(w.notes) < maxNotes && !slices.Contains(w.notes, text) {
		w.notes = append(w.notes, text)
	}
}

// refused counts an object that failed or was refused.
func (w *watch) refused(ev *s3sync.Event) {
	switch _, left := errors.AsType[*s3sync.PartsLeftError](ev.Err); {
	case left, ev.Type == s3sync.EventWarning && !errors.Is(ev.Err, fs.ErrPermission):
		w.inRow = 0
		return
	case w.attempt > certainAttempts && !storage.Retryable(ev.Err):
		w.inRow = 0
		return
	}
	w.failed++
	w.inRow++
	if w.inRow > failuresInRow || w.failed >= failuresAtMost && 100*w.failed > w.keys+1 {
		w.giveUp(fmt.Errorf("%w: %d of %d keys, the last one %q: %w", errOutage, w.failed, w.keys+1, ev.Key, ev.Err))
	}
}

// record writes evidence of what happened to an object, and a failure a second time. Objects
// that were refused are warnings of a range, which may become failures of the Runner later:
// they are not tried again.
func (w *watch) record(ev *s3sync.Event) {
	if w.err != nil || w.evidence == nil {
		return
	}
	r := &truth.Record{
		Key: job.Key(ev.Key), Did: ev.Type.String(), Reason: string(ev.Reason), Verified: ev.Verified,
		Source: truth.ObjectOf(&ev.Source), Target: truth.ObjectOf(&ev.Target), Held: ev.Exists || ev.Target.Key != "",
	}
	if ev.Err != nil {
		r.Error = ev.Err.Error()
	}
	if left, ok := errors.AsType[*s3sync.PartsLeftError](ev.Err); ok {
		r.Did, r.Parts = didBegin, left.Parts
		w.big += ev.Source.Size
	}
	err := w.evidence.Append(w.ctx, r)
	if err == nil && ev.Type == s3sync.EventFailed && !errors.Is(ev.Err, fs.ErrPermission) {
		err = w.failures.Append(w.ctx, r)
	}
	if err != nil {
		w.err = err
		w.giveUp(err)
	}
}

// note writes a record that is of no event.
func (w *watch) note(ctx context.Context, r *truth.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.evidence.Append(ctx, r)
}

// notesBefore returns the warnings about the whole run, with those that were there before.
func (w *watch) notesBefore(notes []string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	notes = slices.Clone(notes)
	for _, text := range w.notes {
		if !slices.Contains(notes, text) && len(notes) < maxNotes {
			notes = append(notes, text)
		}
	}
	return notes
}

// failedAgain keeps a failure as it was.
func (w *watch) failedAgain(ctx context.Context, r *truth.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failures.Append(ctx, r)
}

// deletions returns what became of the objects of the unit, and how many there were.
func (w *watch) deletions() (job.Counters, int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.did, w.passed
}
