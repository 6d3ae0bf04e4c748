package lease

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/truth"
	"s3sync/storage"
)

// A lease whose workers ended so many times begins with few keys, in case that one of them
// is why. suspicions is how often a worker must have ended at one key.
const (
	endsOfWorkers = 2
	suspicions    = 2
)

// careful reports whether the workers of earlier attempts ended, rather than gave up.
func (w *work) careful(ctx context.Context, l *job.Lease, attempt int) (bool, error) {
	if attempt <= endsOfWorkers {
		return false, nil
	}
	left, err := w.store.Left(ctx, l)
	return attempt-1-left >= endsOfWorkers, err
}

// leave notes that an attempt failed, but ended no worker. If that fails, too, later attempts
// are only more careful.
func (w *work) leave(ctx context.Context, l *job.Lease, attempt int, err error) {
	if !panicked(err) {
		_ = w.store.Leave(context.WithoutCancel(ctx), l, attempt)
	}
}

// panicked reports whether work on a key panicked: such a key is as bad as one that ends the
// whole worker.
func panicked(err error) bool {
	_, ok := errors.AsType[*s3sync.PanicError](err)
	return ok
}

// Copy carries out a lease of PhaseCopy. attempt counts from 1.
func Copy(ctx context.Context, env Env, l job.Lease, attempt int) (result job.Result, err error) {
	c, err := newCopying(ctx, env, l, attempt)
	if err != nil {
		return job.Result{}, err
	}
	defer c.w.close(&err)
	if c.base != nil && c.base.Done {
		return c.result(ctx)
	}
	if !c.ckpt.Done && !c.full() {
		if err := c.run(ctx); err != nil {
			c.w.leave(ctx, &l, attempt, err)
			return job.Result{}, err
		}
	}
	return c.result(ctx)
}

// A copying is a lease of PhaseCopy.
type copying struct {
	w       *work
	lease   job.Lease
	attempt int
	watch   *watch
	ckpt    *truth.Checkpoint // the last one
	ref     job.Ref           // of ckpt
	base    *truth.Checkpoint // Lease.Previous, or nil
	began   time.Time
	before  int64 // keys of earlier attempts
	size    int64 // keys of the next unit
	careful bool
	sent    int64 // requests
	slowed  int64 // of them
}

func newCopying(ctx context.Context, env Env, l job.Lease, attempt int) (c *copying, err error) {
	w, err := begin(ctx, env, l.Run)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.close(&err)
		}
	}()
	c = &copying{w: w, lease: l, attempt: attempt, began: time.Now(), size: w.spec.Leases.CheckpointKeys}
	if c.careful, err = w.careful(ctx, &l, attempt); err != nil {
		return nil, err
	}
	if c.careful {
		c.size = 1
	}
	if l.Previous != (job.Ref{}) {
		if c.base, err = w.store.Checkpoint(ctx, l.Previous); err != nil {
			return nil, err
		}
		if why := c.follows(); why != "" {
			return nil, fmt.Errorf("%w: the lease of %v follows %q, which %s", ErrStop, l.Keys, l.Previous.Key, why)
		}
	}
	c.ckpt, c.ref, err = w.resume(ctx, &l, attempt)
	c.before = c.ckpt.Counters.Listed + c.ckpt.Counters.Held
	return c, err
}

// follows says why the lease cannot follow the one that ended with base, or nothing.
func (c *copying) follows() string {
	switch b := c.base; {
	case b.Phase != job.PhaseCopy:
		return "is of another phase"
	case b.Spec != c.lease.Run.Spec.SHA256:
		return "has another spec"
	case b.Done && b.Keys.To != c.lease.Keys.To, !b.Done && b.Cursor != c.lease.Keys.From:
		return "ends at another key"
	}
	return ""
}

// resume returns the checkpoint that an attempt goes on from, as if the attempt had written
// it. Without one it has nothing in it.
func (w *work) resume(ctx context.Context, l *job.Lease, attempt int) (*truth.Checkpoint, job.Ref, error) {
	c, ref, err := w.store.Latest(ctx, l, attempt)
	switch {
	case err != nil:
		return new(truth.Checkpoint), ref, err
	case c == nil:
		c = &truth.Checkpoint{
			Version: job.Version, Job: w.run.Job, Epoch: w.run.Epoch, Spec: w.run.Spec.SHA256, Phase: l.Phase, Range: l.Range,
			Generation: l.Generation, Keys: l.Keys, Previous: l.Previous, Cursor: l.Keys.From,
		}
	case c.Keys != l.Keys || c.Phase != l.Phase || c.Previous != l.Previous || c.Spec != w.run.Spec.SHA256:
		return c, ref, fmt.Errorf("%w: %q is the checkpoint of another lease with the same number", ErrStop, ref.Key)
	}
	if c.Attempt != attempt {
		c.Attempt, c.N = attempt, 0
	}
	c.Worker = w.env.Worker
	return c, ref, nil
}

// save writes the next checkpoint.
func (w *work) save(ctx context.Context, c *truth.Checkpoint) (job.Ref, error) {
	c.N++
	c.Time = time.Now().UTC()
	return w.store.PutCheckpoint(ctx, c)
}

// rest are the keys that are left.
func (c *copying) rest() storage.Range {
	return storage.Range{From: string(c.ckpt.Cursor), To: string(c.lease.Keys.To)}
}

// full reports whether the lease has taken its time, or its number of keys, or the worker is
// to end.
func (c *copying) full() bool {
	l := &c.w.spec.Leases
	return c.w.env.stopped() || time.Since(c.began) >= l.Time || c.ckpt.Counters.Listed+c.ckpt.Counters.Held >= l.Keys
}

// run runs units until the lease ends.
func (c *copying) run(ctx context.Context) (err error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	c.watch = &watch{ctx: ctx, giveUp: giveUp, env: &c.w.env, attempt: c.attempt, lasts: c.w.spec.Leases.CheckpointTime}
	c.watch.told(job.Progress{Checkpoint: c.ref, Cursor: c.ckpt.Cursor, Counters: c.ckpt.Counters})
	cfg, err := c.w.config(c.lease.Share)
	if err != nil {
		return err
	}
	unfinished, err := c.w.store.Unfinished(ctx, job.KeysOf(c.rest()), giveUp)
	if err != nil {
		return err
	}
	defer func() { _ = unfinished.Close(ctx) }() // else the end of the job removes them
	cfg.OnEvent, cfg.Filter.Func, cfg.Resume.Records = c.watch.event, c.watch.listed, unfinished
	big := c.w.spec.BigObjectSize()
	cfg.Transfer.PartsOf = func(o storage.Object) *s3sync.PartRange {
		if o.Size < big {
			return nil
		}
		return &s3sync.PartRange{} // it is begun, and PhaseParts goes on with it
	}
	runner, err := s3sync.NewRunner(ctx, cfg)
	if err != nil {
		return err
	}
	finished := false
	finish := func(err error) error {
		if finished {
			return err
		}
		finished = true
		c.sent, c.slowed = runner.Requests()
		report, finishErr := runner.Finish(ctx, err)
		if err == nil && report.Failed > 0 {
			return nil // objects that failed are in the checkpoint
		}
		return finishErr
	}
	defer func() { err = finish(err) }()
	for {
		last, err := c.unit(ctx, runner, finish)
		if err != nil || last {
			return err
		}
		c.size = min(4*c.size, c.w.spec.Leases.CheckpointKeys)
	}
}

// unit runs a unit and writes its checkpoint. Before the last one finish ends the Runner, so
// that there is nothing left that it could tell.
func (c *copying) unit(ctx context.Context, runner *s3sync.Runner, finish func(error) error) (last bool, err error) {
	evidence, failures := c.w.store.Shards(truth.Evidence, c.ckpt), c.w.store.Shards(truth.Failures, c.ckpt)
	stop := c.watch.unit(evidence, failures, c.size)
	r, err := c.units(ctx, runner, stop, failures)
	if err == nil && ctx.Err() != nil { // the last events of the unit tell of an outage
		err = errors.Join(context.Cause(ctx), r.Close())
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	next := *c.ckpt
	next.Units = append(slices.Clip(next.Units), truth.UnitOf(r))
	u := &next.Units[len(next.Units)-1]
	next.Cursor, next.Done = job.Key(r.Range.To), !r.Stopped
	next.Counters = next.Counters.Plus(countersOf(r))
	candidates := c.w.store.Shards(truth.Candidates, c.ckpt)
	for o, err := range r.Extraneous() {
		if err == nil {
			next.Counters.Extraneous++
			err = candidates.Append(ctx, &truth.Record{Key: job.Key(o.Key), Target: &truth.Object{Size: o.Size, Time: o.ModTime, ETag: o.ETag, Version: o.VersionID}})
		}
		if err != nil {
			return false, err
		}
	}
	old := c.ckpt
	c.ckpt = &next
	last = next.Done || c.full()
	if last {
		if err := finish(nil); err != nil {
			c.ckpt = old
			return false, err
		}
	}
	u.Big = c.watch.bigBytes()
	if u.Evidence, u.Failures, err = c.watch.flush(ctx); err == nil {
		u.Candidates, err = candidates.Close(ctx)
	}
	if err != nil {
		c.ckpt = old
		return false, err
	}
	next.Notes = c.watch.notesBefore(old.Notes)
	if c.ref, err = c.w.save(ctx, c.ckpt); err != nil {
		return false, err
	}
	c.watch.told(job.Progress{Checkpoint: c.ref, Cursor: c.ckpt.Cursor, Counters: c.ckpt.Counters})
	return last, nil
}

// units is Runner.Run for the next unit. If workers ended, it says before which key it is, and
// passes over a key that ended workers.
func (c *copying) units(ctx context.Context, runner *s3sync.Runner, stop <-chan struct{}, failures *truth.Writer) (*s3sync.RangeResult, error) {
	if !c.careful || c.size > 1 {
		return runner.Run(ctx, c.rest(), stop)
	}
	n, err := c.w.store.Suspected(ctx, &c.lease, c.ckpt.Cursor)
	if err != nil {
		return nil, err
	}
	if n >= suspicions {
		return c.passOver(ctx, runner, failures, n)
	}
	clear, err := c.w.store.Suspect(ctx, &c.lease, c.attempt, c.ckpt.Cursor)
	if err != nil {
		return nil, err
	}
	r, err := runner.Run(ctx, c.rest(), stop)
	if !panicked(err) {
		err = errors.Join(err, clear(context.WithoutCancel(ctx)))
	}
	return r, err
}

// passOver returns the result of the keys up to the next one of the source, which counts as
// failed without being tried.
func (c *copying) passOver(ctx context.Context, runner *s3sync.Runner, failures *truth.Writer, times int) (*s3sync.RangeResult, error) {
	p, err := c.w.prober(ctx)
	if err != nil {
		return nil, err
	}
	key, found, err := p.first(ctx, c.rest())
	if err = errors.Join(err, p.close()); err != nil {
		return nil, err
	}
	if !found {
		return runner.Run(ctx, c.rest(), nil)
	}
	// The target's keys below it are looked at, but not the key itself.
	r, err := runner.Run(ctx, storage.Range{From: string(c.ckpt.Cursor), To: key}, nil)
	if err != nil {
		return nil, err
	}
	held, err := c.w.holds(ctx, key)
	if err != nil {
		return nil, err
	}
	why := fmt.Sprintf("%d workers ended while they worked on this object; look into the log of the workers", times)
	failed := &truth.Record{Key: job.Key(key), Did: s3sync.EventFailed.String(), Error: why, Held: held}
	if err := errors.Join(failures.Append(ctx, failed), c.watch.note(ctx, failed)); err != nil {
		return nil, err
	}
	r.Range.To = key + "\x00"
	r.Stopped = r.Range.To != string(c.lease.Keys.To)
	r.Unsafe = true
	r.Found++
	r.Stats.Failed++
	if held {
		r.Held++
	}
	return r, nil
}

// holds reports whether the target has a key.
func (w *work) holds(ctx context.Context, key string) (bool, error) {
	cfg, err := w.config(job.Limits{})
	if err != nil {
		return false, err
	}
	target, err := cfg.OpenTarget(ctx, nil)
	if err != nil {
		return false, err
	}
	_, err = target.Stat(ctx, key, storage.StatOptions{})
	held := err == nil
	if storage.Gone(err) {
		err = nil
	}
	if cfg.Target.Store == nil {
		err = errors.Join(err, target.Close())
	}
	return held, err
}

// result is what the engine hears.
func (c *copying) result(ctx context.Context) (job.Result, error) {
	r := job.Result{
		Version: job.Version, Checkpoint: c.ref, Done: c.ckpt.Done, Cursor: c.ckpt.Cursor, Counters: c.ckpt.Counters, Worker: c.w.env.Worker,
	}
	if c.base != nil && c.base.Epoch < c.w.run.Epoch {
		chain, err := c.w.chain(ctx, c.lease.Previous)
		if err != nil {
			return job.Result{}, err
		}
		r.Counters = r.Counters.Plus(chain.counters)
	}
	if c.base != nil && c.base.Done {
		r.Checkpoint, r.Done, r.Cursor = c.lease.Previous, true, c.base.Cursor
		return r, nil
	}
	if r.Checkpoint == (job.Ref{}) { // it was stopped before it did anything
		r.Checkpoint = c.lease.Previous
	}
	if c.sent > 0 {
		r.Throttled = float64(c.slowed) / float64(c.sent)
	}
	if took := time.Since(c.began).Seconds(); took > 0 {
		r.KeysPerSecond = float64(c.ckpt.Counters.Listed+c.ckpt.Counters.Held-c.before) / took
	}
	if r.Done {
		return r, nil
	}
	p, err := c.w.prober(ctx)
	if err != nil {
		return r, err
	}
	key, found, err := p.middle(ctx, c.rest())
	if found {
		r.Split = job.Key(key)
	}
	return r, errors.Join(err, p.close())
}
