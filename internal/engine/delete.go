package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"s3sync/internal/gate"
	"s3sync/internal/grace"
	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/report"
	"s3sync/internal/retry"
	"s3sync/internal/setting"
	"s3sync/internal/spool"
	"s3sync/storage"
)

// ErrDeleteRefused is the kind of error of a run that would have deleted more than its
// user can have meant: see package gate.
var ErrDeleteRefused = gate.ErrDeleteRefused

// Delete deletes the target-only objects that the results of all units of the run
// list, if the settings permit it. The results must tile the range of the run (see
// tiling). They must not be those of a dry run unless this is one. If a listing was
// not complete or a transfer failed, Delete deletes nothing; it logs this and returns
// no error.
func (e *Engine) Delete(ctx context.Context, results []*Result) error {
	if !e.opts.Delete.Enable {
		return nil
	}
	results, err := e.permissible(results)
	if err != nil {
		return err
	}
	if why := forbidden(results, e.unsafe.Load()); why != "" {
		if anyExtraneous(results) {
			e.record.Log(slog.LevelWarn, "nothing is deleted: "+why)
		}
		return nil
	}
	going, _, err := e.judge(ctx, results)
	if err == nil {
		d := &deletion{e: e, most: e.opts.Delete.Max, look: e.opts.Applies}
		err = d.run(ctx, going.All())
	}
	return errors.Join(err, going.Close())
}

// permissible returns the results in order of their ranges. It fails unless they are
// those of all ranges of a run that finds the same objects extraneous.
func (e *Engine) permissible(results []*Result) ([]*Result, error) {
	results, err := tiling(e.opts.Range, results)
	if err != nil {
		return nil, err
	}
	if !e.opts.DryRun && slices.ContainsFunc(results, func(r *Result) bool { return r.DryRun }) {
		return nil, fmt.Errorf("%w: a result is that of a dry run, which transferred nothing", ErrDeleteRefused)
	}
	if slices.ContainsFunc(results, func(r *Result) bool { return r.Settings != e.opts.Fingerprint }) {
		return nil, errOtherSettings()
	}
	if e.opts.IgnoreFile != "" && slices.ContainsFunc(results, func(r *Result) bool { return r.engine != e }) {
		return nil, setting.Errorf("%w: a result is of another Runner, and what the files of %s excluded there is not known here",
			ErrDeleteRefused, setting.Name("Filter.IgnoreFile"))
	}
	return results, nil
}

func errOtherSettings() error {
	return setting.Errorf("%w: a result is of a Runner with other sides or settings, so that what it calls extraneous need not be so here; "+
		"Source, Target, %s, %s, %s, %s, %s, %s and %s must be the same", gate.ErrDeleteRefused, setting.Name("Filter.Exclude"),
		setting.Name("Filter.Globs"), setting.Name("Filter.IgnoreFile"), setting.Name("Delete.Enable"), setting.Name("Delete.Excluded"),
		setting.Name("Versioning.PointInTime"), setting.Name("Local.IgnoreSymlinks"))
}

// judge returns the target-only objects that may be deleted, and how many are of each
// result. The error says why nothing may be deleted. The caller closes the spool, also
// after an error, which ends the run.
func (e *Engine) judge(ctx context.Context, results []*Result) (*spool.Spool, []int64, error) {
	going, of, sum, err := e.sortOut(ctx, results)
	if err == nil {
		err = e.checkOneBucket(ctx, going.All())
	}
	if err == nil {
		err = e.opts.Delete.Refusal(sum)
	}
	return going, of, err
}

// forbidden returns why nothing may be deleted, or nothing. unsafe says that the run
// failed, whatever the results say: units that ended before the failure do not know of
// it.
func forbidden(results []*Result, unsafe bool) string {
	incomplete := false
	for _, r := range results {
		incomplete, unsafe = incomplete || r.Incomplete, unsafe || r.Unsafe
	}
	return gate.Forbids(incomplete, unsafe)
}

// sortOut collects the target-only objects that are to be deleted, how many are of each
// result, and the counts for refusal. The caller closes the spool, also after an error,
// which ends the run.
func (e *Engine) sortOut(ctx context.Context, results []*Result) (*spool.Spool, []int64, gate.Tally, error) {
	going := spool.New(0)
	g := e.gate()
	sum := gate.Tally{Filtered: e.narrows()}
	of := make([]int64, len(results))
	for _, r := range results {
		sum.Found += r.Found
		sum.Held += r.Held + r.Added
		for _, key := range r.Protected {
			if !g.Protected.Add(key) {
				return going, nil, sum, errTooManyProtected
			}
		}
	}
	for i, r := range results {
		before := going.Len()
		for o, err := range e.kept(ctx, &g, r.Extraneous()) {
			if err == nil {
				sum.Add(o.Key)
				err = going.Append(o)
			}
			if err != nil {
				return going, nil, sum, err
			}
		}
		of[i] = going.Len() - before
	}
	return going, of, sum, nil
}

// gate returns the gate of single objects, which protects nothing yet.
func (e *Engine) gate() gate.Gate {
	g := gate.Gate{Excluded: e.listed.Excluded, Trash: e.trashInside()}
	if e.opts.Delete.Excluded {
		g.Excluded = func(string) (plan.Reason, error) { return "", nil }
	}
	return g
}

// kept returns the target-only objects without those that are kept. An error ends the
// run. It returns a single-use iterator.
func (e *Engine) kept(ctx context.Context, g *gate.Gate, objects iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for o, err := range objects {
			goes := false
			if err == nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if err == nil {
				goes, err = e.sortOne(ctx, g, o)
			}
			if (goes || err != nil) && !yield(o, err) || err != nil {
				return
			}
		}
	}
}

// sortOne reports whether one target-only object is to be deleted. An error ends the run.
func (e *Engine) sortOne(ctx context.Context, g *gate.Gate, o storage.Object) (bool, error) {
	why, err := g.Kept(o)
	switch {
	case err != nil:
		e.record.Emit(report.Event{Type: report.EventFailed, Key: o.Key, Target: o, Err: err})
		return false, e.fatal(ctx, err)
	case why != "":
		e.record.Keep(o, plan.Reason(why))
		return false, nil
	}
	return true, e.allowSibling(o.Key)
}

// A deletion is the phase of a run that deletes.
type deletion struct {
	e *Engine
	// most is how many objects are deleted, by the setting; 0 is no limit.
	most int64
	// look at both sides once more before an object is deleted.
	look bool
	// goneCounts: an object that is gone already counts as deleted.
	goneCounts bool
}

// run deletes objects. The caller has checked that it may.
func (d *deletion) run(ctx context.Context, going iter.Seq2[storage.Object, error]) error {
	end := d.e.record.Span("delete")
	defer end()
	begin := func(ctx context.Context, batch []storage.Object) (limits.Permit, error) {
		return d.e.limits.StartDeletion(ctx, len(batch))
	}
	batches := func(ctx context.Context) iter.Seq2[[]storage.Object, error] { return d.batches(ctx, going) }
	most := d.e.limits.Deletions()
	if !d.e.carry.writes() {
		most = 1 // in the order of the keys
	}
	return inParallel(ctx, most, batches, begin, d.batch)
}

// batches yields the objects to delete in batches of the target's size, at most
// most objects in all.
func (d *deletion) batches(ctx context.Context, going iter.Seq2[storage.Object, error]) iter.Seq2[[]storage.Object, error] {
	size := max(1, d.e.target.Caps.DeleteBatch)
	return func(yield func([]storage.Object, error) bool) {
		var batch []storage.Object
		var n int64
		for o, err := range going {
			if err != nil {
				yield(nil, err)
				return
			}
			if d.most > 0 && n == d.most {
				d.e.warnOfRun(errStopped(n))
				break
			}
			if err := d.e.limits.WaitObject(ctx); err != nil {
				yield(nil, err)
				return
			}
			n++
			batch = append(batch, o)
			if len(batch) == size {
				if !yield(batch, nil) {
					return
				}
				batch = nil
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

// errStopped is the warning of a run that deleted fewer objects than it found.
func errStopped(n int64) error {
	return setting.Errorf("stopped deleting after %d objects, as %s says; there are more", n, setting.Name("Delete.Max"))
}

// A leaving object is an object that is being deleted.
type leaving struct {
	storage.Object

	// err is the error of the last attempt.
	err error
	// unknown: an attempt may have removed it, but got no response.
	unknown bool
}

// batch deletes some objects. An error ends the run.
func (d *deletion) batch(ctx context.Context, batch []storage.Object) (limits.Work, error) {
	batch, err := d.due(ctx, batch)
	if err != nil || len(batch) == 0 {
		return limits.Work{Err: err}, err
	}
	left := make([]leaving, len(batch))
	for i, o := range batch {
		left[i].Object = o
	}
	// The error of a batch is the error of its last object, which need not be the
	// object of the event. So the events of retries are made here.
	again := false
	onRetry := func(int, error) {
		again = true
		d.e.record.Emit(report.Event{Type: report.EventRetry, Key: left[0].Key, Err: left[0].err})
	}
	err = retry.Do(ctx, d.e.opts.Retry, onRetry, func(ctx context.Context) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		left = d.once(ctx, left, again)
		if len(left) == 0 {
			return nil
		}
		return left[len(left)-1].err
	})
	did := limits.Work{Asked: d.e.carry.writes(), Err: err}
	if err == nil {
		return did, nil
	}
	exhausted, _ := errors.AsType[*retry.ExhaustedError](err)
	for _, o := range left {
		ev := report.Event{Type: report.EventFailed, Key: o.Key, Target: o.Object, Err: o.err}
		switch {
		case ctx.Err() == nil && exhausted != nil:
			ev.Err = &retry.ExhaustedError{Attempts: exhausted.Attempts, Err: o.err}
		case ctx.Err() == nil:
		case o.unknown:
			ev.Type = report.EventPerhapsDeleted
		default:
			continue
		}
		d.e.record.Emit(ev)
	}
	return did, d.e.fatal(ctx, err)
}

// once deletes the batch and returns the objects that need another attempt. It reports
// the others. again says that it is not the first attempt. If ctx is cancelled it starts
// no more requests, but waits some time for the responses to those that are running,
// because their objects are gone.
func (d *deletion) once(ctx context.Context, batch []leaving, again bool) (left []leaving) {
	objects := make([]storage.Object, len(batch))
	for i := range batch {
		objects[i] = batch[i].Object
	}
	longer, done := grace.Answer(ctx)
	defer done()
	opts := storage.DeleteOptions{IfMatch: d.e.opts.Delete.IfMatch, Stop: ctx.Done()}
	began := time.Now()
	throttled := false
	for i, err := range d.e.carry.remove(longer, objects, opts) {
		o := &batch[i]
		o.err = d.e.target.Wrap(err)
		throttled = throttled || errors.Is(err, storage.ErrThrottled)
		switch deleteResultOf(err) {
		case deleteDone:
			d.e.record.Emit(report.Event{Type: report.EventDeleted, Key: o.Key, Reason: plan.ReasonExtraneous, Target: o.Object})
			d.note(o.Object)
		case deleteRefused:
			d.e.record.Emit(report.Event{Type: report.EventWarning, Key: o.Key, Target: o.Object, Err: d.changed(o.err)})
		case deleteUnanswered:
			o.unknown = true
			left = append(left, *o)
		case deleteNotDone:
			left = append(left, *o)
		case deleteFailed:
			d.e.record.Emit(report.Event{Type: report.EventFailed, Key: o.Key, Target: o.Object, Err: o.err})
		}
	}
	if throttled { // perhaps of some keys only, in an answer that is a success
		d.e.limits.Observe(storage.Request{Kind: storage.DeleteRequest, Again: again, Began: began, Throttled: true})
	}
	return left
}

// A deleteResult is the result of an attempt to delete an object.
type deleteResult int

const (
	deleteDone       deleteResult = iota
	deleteRefused                 // the object is not the one that was listed
	deleteUnanswered              // it may be gone; retry
	deleteNotDone                 // it still exists; retry
	deleteFailed                  // it still exists; no retry
)

// deleteResultOf returns the result of an attempt to delete from the error of the
// store.
func deleteResultOf(err error) deleteResult {
	switch {
	case err == nil:
		return deleteDone
	case isOf[*trashError](err): // so the deletion was not begun
		if storage.Retryable(err) || errors.Is(err, storage.ErrUnusable) {
			return deleteNotDone
		}
		return deleteFailed
	case errors.Is(err, storage.ErrPrecondition):
		return deleteRefused
	case errors.Is(err, storage.ErrNotBegun), errors.Is(err, storage.ErrThrottled), errors.Is(err, storage.ErrUnusable):
		return deleteNotDone
	case storage.Retryable(err), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return deleteUnanswered
	}
	return deleteFailed
}
