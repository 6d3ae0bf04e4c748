package s3sync

import (
	"context"
	"errors"
	"iter"

	"s3sync/internal/parallel"
	"s3sync/internal/retry"
	"s3sync/internal/setting"
	"s3sync/internal/spool"
	"s3sync/storage"
)

// remove deletes what is going. That it may is for the caller to know.
func (s *syncer) remove(ctx context.Context, going *spool.Spool) error {
	end := s.log.span("delete")
	defer end()
	return parallel.ForEach(ctx, s.cfg.Transfer.Workers, s.batches(ctx, going), s.deleteBatch)
}

// batches yields what is going as the target takes it, at most Delete.Max in all.
func (s *syncer) batches(ctx context.Context, going *spool.Spool) iter.Seq2[[]storage.Object, error] {
	size := max(1, s.target.Caps().DeleteBatch)
	return func(yield func([]storage.Object, error) bool) {
		var batch []storage.Object
		var n int64
		for o, err := range going.All() {
			if err != nil {
				yield(nil, err)
				return
			}
			if s.cfg.Delete.Max > 0 && n == s.cfg.Delete.Max {
				s.report.emit(Event{Type: s.warningType(), Err: setting.Errorf(
					"stopped deleting after %d objects, as %s says; there are more", n, setting.Name("Delete.Max"))})
				break
			}
			if err := s.objects.WaitN(ctx, 1); err != nil {
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

// A deletion is an object on its way out.
type deletion struct {
	storage.Object

	// err is why the last attempt failed.
	err error
	// unknown: an attempt may have removed it, but nobody said so.
	unknown bool
}

func (s *syncer) deleteBatch(ctx context.Context, batch []storage.Object) error {
	if s.cfg.DryRun {
		for _, o := range batch {
			s.report.emit(Event{Type: EventDeleted, Key: o.Key, Target: o})
		}
		return nil
	}
	left := make([]deletion, len(batch))
	for i, o := range batch {
		left[i].Object = o
	}
	again := func(int, error) { s.report.emit(Event{Type: EventRetry, Key: left[0].Key, Err: left[0].err}) }
	err := retry.Do(ctx, s.policy, again, func(ctx context.Context) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		left = s.deleteOnce(ctx, left)
		if len(left) == 0 {
			return nil
		}
		return left[len(left)-1].err
	})
	if err == nil {
		return nil
	}
	exhausted, _ := errors.AsType[*retry.ExhaustedError](err)
	for _, d := range left {
		switch {
		case ctx.Err() == nil && exhausted != nil:
			own := &retry.ExhaustedError{Attempts: exhausted.Attempts, Err: d.err}
			s.report.emit(Event{Type: EventFailed, Key: d.Key, Target: d.Object, Err: own})
		case ctx.Err() == nil:
			s.report.emit(Event{Type: EventFailed, Key: d.Key, Target: d.Object, Err: d.err})
		case d.unknown:
			s.report.emit(Event{Type: EventPerhapsDeleted, Key: d.Key, Target: d.Object, Err: d.err})
		}
	}
	return s.fatal(ctx, err)
}

// deleteOnce deletes what is left and returns what of it is not settled then. The
// others are reported. If ctx is cancelled it begins nothing more, but waits some
// time for the answers to what was begun, because those objects are gone.
func (s *syncer) deleteOnce(ctx context.Context, batch []deletion) (left []deletion) {
	objects := make([]storage.Object, len(batch))
	for i := range batch {
		objects[i] = batch[i].Object
	}
	longer, done := outlive(ctx)
	defer done()
	for i, e := range s.target.Delete(longer, objects, storage.DeleteOptions{IfMatch: s.cfg.Condition.IfMatch, Stop: ctx.Done()}) {
		d := &batch[i]
		d.err = ofTarget(e)
		switch endOf(e) {
		case deleteDone:
			s.report.emit(Event{Type: EventDeleted, Key: d.Key, Target: d.Object})
		case deleteRefused:
			s.report.emit(Event{Type: s.warningType(), Key: d.Key, Target: d.Object, Err: setting.Errorf(
				"%w; it is not deleted, because it changed since it was listed (%s)", d.err, setting.Name("Condition.IfMatch"))})
		case deleteUnanswered:
			d.unknown = true
			left = append(left, *d)
		case deleteNotDone:
			left = append(left, *d)
		case deleteFailed:
			s.report.emit(Event{Type: EventFailed, Key: d.Key, Target: d.Object, Err: d.err})
		}
	}
	return left
}

// A deleteEnd is what an attempt to delete came to.
type deleteEnd int

const (
	deleteDone       deleteEnd = iota
	deleteRefused              // the object is not the one that was listed
	deleteUnanswered           // it may be gone; to be tried again
	deleteNotDone              // it is there; to be tried again
	deleteFailed               // it is there, and will be
)

// endOf tells from the error of a store what an attempt to delete came to.
func endOf(err error) deleteEnd {
	switch {
	case err == nil:
		return deleteDone
	case errors.Is(err, storage.ErrPrecondition):
		return deleteRefused
	case errors.Is(err, storage.ErrNotBegun), errors.Is(err, storage.ErrThrottled), errors.Is(err, storage.ErrUnusable):
		return deleteNotDone
	case storage.Retryable(err), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return deleteUnanswered
	}
	return deleteFailed
}
