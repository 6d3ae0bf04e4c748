package lease

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/truth"
	"s3sync/storage"
)

// sweptAtOnce is how many keys are tried at the same time, and sweptBetween how many are
// between two checkpoints.
const (
	sweptAtOnce  = 16
	sweptBetween = 1000
)

var errPanicked = errors.New("the work on a key panicked")

// Sweep carries out a lease of PhaseSweep: the failed keys of a range, again. The counters
// of its result are differences: a key that succeeds now counts -1 in Failed.
func Sweep(ctx context.Context, env Env, l job.Lease, attempt int) (result job.Result, err error) {
	w, err := begin(ctx, env, l.Run)
	if err != nil {
		return job.Result{}, err
	}
	defer w.close(&err)
	base, err := w.chain(ctx, l.Previous)
	if err != nil {
		return job.Result{}, err
	}
	c, ref, err := w.resume(ctx, &l, attempt)
	if err != nil {
		return job.Result{}, err
	}
	s := &sweeping{w: w, lease: &l, attempt: attempt, base: base, ckpt: c, ref: ref}
	if s.careful, err = w.careful(ctx, &l, attempt); err != nil {
		return job.Result{}, err
	}
	if !c.Done {
		if err := s.run(ctx); err != nil {
			w.leave(ctx, &l, attempt, err)
			return job.Result{}, err
		}
	}
	return w.result(s.ckpt, s.ref), nil
}

// A sweeping is a lease of PhaseSweep.
type sweeping struct {
	w       *work
	lease   *job.Lease
	attempt int
	careful bool
	base    *chain
	watch   *watch
	ckpt    *truth.Checkpoint
	ref     job.Ref
}

// run tries the failed keys that the checkpoint does not know of yet.
func (s *sweeping) run(ctx context.Context) (err error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	// Many failed keys in a row are what a sweep is for.
	s.watch = &watch{ctx: ctx, giveUp: func(error) {}, env: &s.w.env, attempt: s.attempt}
	s.watch.told(job.Progress{Checkpoint: s.ref, Counters: s.ckpt.Counters})
	cfg, err := s.w.config(s.lease.Share)
	if err != nil {
		return err
	}
	unfinished, err := s.w.store.Unfinished(ctx, s.base.keys, giveUp)
	if err != nil {
		return err
	}
	defer func() { _ = unfinished.Close(ctx) }() // else the end of the job removes them
	cfg.OnEvent, cfg.Resume.Records = s.watch.event, unfinished
	runner, err := s3sync.NewRunner(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() {
		if report, finishErr := runner.Finish(ctx, err); err != nil || report.Failed == 0 {
			err = finishErr
		}
	}()
	var batch []*truth.Record
	n := int64(0)
	for r, err := range s.w.store.Records(ctx, s.base.failures) {
		if err != nil {
			return err
		}
		if n++; n <= s.ckpt.Passed {
			continue
		}
		if batch = append(batch, r); len(batch) == sweptBetween {
			if err := s.batch(ctx, runner, batch, false); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return s.batch(ctx, runner, batch, true)
}

// batch tries some keys and writes a checkpoint.
func (s *sweeping) batch(ctx context.Context, runner *s3sync.Runner, batch []*truth.Record, last bool) error {
	evidence, failures := s.w.store.Shards(truth.Evidence, s.ckpt), s.w.store.Shards(truth.Failures, s.ckpt)
	s.watch.unit(evidence, failures, 0)
	results := make([]*s3sync.RangeResult, len(batch))
	var group errgroup.Group
	group.SetLimit(sweptAtOnce)
	if s.careful {
		group.SetLimit(1)
	}
	keysCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var value atomic.Pointer[any]
	for i, r := range batch {
		group.Go(func() (err error) {
			defer func() {
				if p := recover(); p != nil {
					value.Store(&p)
					cancel(errPanicked)
					err = errPanicked
				}
			}()
			if results[i], err = s.key(keysCtx, runner, r); err != nil {
				cancel(err)
			}
			return err
		})
	}
	err := group.Wait()
	if p := value.Load(); p != nil {
		panic(*p) //nolint:forbidigo // it reaches whoever called Sweep, as a panic of Copy does
	}
	if err != nil {
		return err
	}
	next := *s.ckpt
	next.Change = new(truth.Change)
	if s.ckpt.Change != nil {
		*next.Change = *s.ckpt.Change
	}
	for i, r := range results {
		if r != nil {
			changeBy(&next, batch[i], r)
			if err := r.Close(); err != nil {
				return err
			}
		}
	}
	next.Passed += int64(len(batch))
	next.Done = last
	ev, failed, err := s.watch.flush(ctx)
	if err != nil {
		return err
	}
	next.Evidence = append(slices.Clip(next.Evidence), ev...)
	next.Failures = append(slices.Clip(next.Failures), failed...)
	if last && s.base.counters.Failed+next.Counters.Failed == 0 && !s.base.result.OtherwiseUnsafe && !next.Change.Unsafe {
		next.Counters.Unsafe = -s.base.counters.Unsafe
	}
	next.Notes = s.watch.notesBefore(s.ckpt.Notes)
	if s.ref, err = s.w.save(ctx, &next); err != nil {
		return err
	}
	s.ckpt = &next
	s.watch.told(job.Progress{Checkpoint: s.ref, Counters: next.Counters})
	return nil
}

// changeBy puts the result of a key in the place of its failure. What only the target has
// now is not deleted by this job.
func changeBy(c *truth.Checkpoint, failed *truth.Record, r *s3sync.RangeResult) {
	now := countersOf(r)
	now.Unsafe = 0 // of the range: see batch
	before := job.Counters{Listed: -1, Failed: -1}
	if failed.Held {
		before.Held = -1
	}
	c.Counters = c.Counters.Plus(now).Plus(before)
	c.Change.Found += r.Found + before.Listed
	c.Change.Held += r.Held + before.Held
	c.Change.Added += r.Added
	c.Change.Unsafe = c.Change.Unsafe || r.OtherwiseUnsafe
}

// key tries a key. If workers ended, it passes over one that ended a worker; its result is nil.
func (s *sweeping) key(ctx context.Context, runner *s3sync.Runner, failed *truth.Record) (*s3sync.RangeResult, error) {
	keys := storage.Range{From: string(failed.Key), To: string(failed.Key) + "\x00"}
	if !s.careful {
		return runner.Run(ctx, keys, nil)
	}
	n, err := s.w.store.Suspected(ctx, s.lease, failed.Key)
	if err != nil {
		return nil, err
	}
	if n >= suspicions {
		return nil, s.watch.failedAgain(ctx, failed)
	}
	clear, err := s.w.store.Suspect(ctx, s.lease, s.attempt, failed.Key)
	if err != nil {
		return nil, err
	}
	r, err := runner.Run(ctx, keys, nil)
	if !panicked(err) {
		err = errors.Join(err, clear(context.WithoutCancel(ctx)))
	}
	return r, err
}
