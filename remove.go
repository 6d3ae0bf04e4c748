package s3sync

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"s3sync/internal/parallel"
	"s3sync/internal/retry"
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
				s.report.emit(Event{Type: s.warningType(), Err: fmt.Errorf(
					"stopped deleting after %d objects, as --max-delete says; there are more", n)})
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

func (s *syncer) deleteBatch(ctx context.Context, batch []storage.Object) error {
	if s.cfg.DryRun {
		for _, o := range batch {
			s.report.emit(Event{Type: EventDeleted, Key: o.Key, Target: o})
		}
		return nil
	}
	left := batch
	again := func(_ int, err error) { s.report.emit(Event{Type: EventRetry, Key: left[0].Key, Err: err}) }
	err := retry.Do(ctx, s.policy, again, func(ctx context.Context) error {
		var retryable error
		left, retryable = s.deleteOnce(ctx, left)
		return retryable
	})
	if err == nil {
		return nil
	}
	for _, o := range left {
		if ctx.Err() == nil {
			s.report.emit(Event{Type: EventFailed, Key: o.Key, Target: o, Err: err})
		}
	}
	return s.fatal(ctx, err)
}

// deleteOnce deletes a batch and returns what is worth another attempt, with
// the reason. The others are reported.
func (s *syncer) deleteOnce(ctx context.Context, batch []storage.Object) (left []storage.Object, err error) {
	for i, e := range s.target.Delete(ctx, batch, storage.DeleteOptions{IfMatch: s.cfg.Condition.IfMatch}) {
		o, e := batch[i], ofTarget(e)
		switch {
		case e == nil:
			s.report.emit(Event{Type: EventDeleted, Key: o.Key, Target: o})
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(e, storage.ErrPrecondition):
			s.report.emit(Event{Type: s.warningType(), Key: o.Key, Target: o, Err: fmt.Errorf(
				"%w; it is not deleted, because it changed since it was listed (--if-match)", e)})
		case storage.Retryable(e), errors.Is(e, storage.ErrUnusable):
			left, err = append(left, o), e
		default:
			s.report.emit(Event{Type: EventFailed, Key: o.Key, Target: o, Err: e})
		}
	}
	return left, err
}
