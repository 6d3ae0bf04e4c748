package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"

	"s3sync/internal/gate"
	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/report"
	"s3sync/internal/scan"
	"s3sync/storage"
)

// A Unit is a range of keys that is processed separately. If the target holds keys
// under other names, it is a range of those names.
type Unit struct {
	Range storage.Range
	// Stop, if closed, ends the unit before its next key. Running work is finished,
	// and the result says where the unit stopped. A unit processes at least one key,
	// so that repeated continuation comes to an end.
	Stop <-chan struct{}
}

// A unitRun is a running unit.
type unitRun struct {
	e    *Engine
	stop <-chan struct{}
	// process decides about an action in a worker, and carries it out. It returns an error
	// only if the run must end.
	process func(context.Context, *plan.Action, *report.Lane) (limits.Work, error)
	// foundAll tells that the listings have nothing more for the workers.
	foundAll func()
	record   *report.Unit
	scan     *scan.Scanner
	result   Result

	// unseen counts the listed source objects that need not have been listed.
	unseen    int64
	added     atomic.Int64
	unsafe    atomic.Bool
	otherwise atomic.Bool // unsafe, and no object failed for that
	ending    atomic.Bool // a worker ends the run
	protected gate.KeySet
	// unlisted, in a unit that may be stopped, are the entries with a key that could
	// not be listed. Only at its end is it known which of them belong to the unit.
	unlisted []storage.Problem
}

// Run processes a range of keys: it compares and transfers, and collects the
// target-only objects. It deletes nothing. Several units may run at once if their
// ranges do not overlap; they share the limits of the engine. The result is never nil.
// It is closed when it is not needed any more, at the latest by Close of the Engine. An
// error ends the run. Failed objects are no error, but are in the result.
func (e *Engine) Run(ctx context.Context, u Unit) (*Result, error) {
	r := &unitRun{e: e, stop: u.Stop, record: e.record.Unit(), result: Result{Range: u.Range, DryRun: e.opts.DryRun, Settings: e.opts.Fingerprint, engine: e}}
	if u.Range.Intersect(e.opts.Range) != u.Range {
		r.result.Incomplete = true
		return &r.result, fmt.Errorf("the keys from %q to %q are not all in the range of the run", u.Range.From, u.Range.To)
	}
	r.process = r.compare
	r.foundAll = e.record.Track().Listing()
	defer r.foundAll()
	r.scan = scan.New(scan.Options{
		Range:          e.keys(u.Range),
		PointInTime:    e.opts.PointInTime,
		Keep:           func(o storage.Object) (bool, error) { return r.selects(ctx, &plan.Pair{Source: o, TargetKey: o.Key}) },
		ListTarget:     e.opts.ListTarget,
		KeepTargetOnly: e.opts.Delete.Enable,
		Problem:        r.notListed,
		Skip:           e.skip,
		Listed:         r.listed,
		Stop:           u.Stop,
	}, e.source, e.target)
	err := r.run(ctx)
	if err == nil && !r.unsafe.Load() {
		// Objects that the source does not have any more, or that are excluded now. After
		// a failure the next run may want to go on.
		_ = e.carry.discardLeft(ctx, r.covers) // else a later run does
	}
	return r.finish(err)
}

// DiscardUnfinished removes what earlier runs began to write and no unit goes on with.
func (e *Engine) DiscardUnfinished(ctx context.Context) error {
	return e.carry.discardLeft(ctx, func(string) bool { return true })
}

// covers reports whether the unit came past a key of the target.
func (r *unitRun) covers(key string) bool {
	keys := r.result.Range
	if scanned := r.scan.Result(); !r.e.opts.Versions && scanned.Stopped {
		keys.To = scanned.Range.To
	}
	return keys.Contains(key)
}

// run compares and transfers the pairs of the listings, then those with remapped keys.
func (r *unitRun) run(ctx context.Context) error {
	if r.e.opts.Versions {
		return r.syncVersions(ctx)
	}
	if err := r.each(ctx, "compare and transfer", r.pairs); err != nil {
		return err
	}
	if r.scan.AnyRemapped() {
		if err := r.each(ctx, "transfer to mapped keys", r.remapped); err != nil {
			return err
		}
	}
	return r.checkPlace(ctx)
}

// finish makes the result of a unit that ended with err.
func (r *unitRun) finish(err error) (*Result, error) {
	r.record.Flush()
	res := &r.result
	if !r.e.opts.Versions {
		scanned := r.scan.Result()
		res.Found, res.Held, res.Stopped = scanned.Found, scanned.Held, scanned.Stopped
		if r.e.opts.PointInTime.IsZero() { // a snapshot has no rejected objects
			res.Found -= r.unseen
		}
		if scanned.Stopped {
			res.Range.To = scanned.Range.To
		}
		res.extraneous = r.e.spools.hold(r.scan.TakeTargetOnly())
	}
	for _, p := range r.unlisted {
		r.warnUnlisted(p)
	}
	err = errors.Join(err, r.scan.Close())
	// An error does not make the run incomplete: the range may run again.
	res.Incomplete = err != nil || r.record.Incomplete()
	res.Added = r.added.Load()
	res.Unsafe = r.unsafe.Load() || r.e.unsafe.Load()
	res.OtherwiseUnsafe = r.otherwise.Load() || r.e.unsafe.Load()
	res.Protected = r.protected.Sorted()
	told := r.record.Report()
	res.Stats, res.Status, res.Failures = told.Stats, told.Status, told.Failures
	return res, err
}

// listed reports that the listing of the source has ended.
func (r *unitRun) listed(objects, bytes int64) {
	r.record.Emit(report.Event{Type: report.EventListed, Objects: objects, Bytes: bytes})
}

// each lets the workers process the pairs of actions.
func (r *unitRun) each(ctx context.Context, stage string, actions func(context.Context) iter.Seq2[*plan.Action, error]) error {
	end := r.e.record.Span(stage)
	defer end()
	begin := func(ctx context.Context, a *plan.Action) (limits.Permit, error) {
		return r.e.limits.StartObject(ctx, a.Source.Size)
	}
	if r.e.record.Track() != nil && r.stop == nil && r.e.carry.writes() {
		actions = lookAhead(actions)
	}
	actions = toldInOrder(r.record, actions, func(a *plan.Action) string { return a.Key() })
	return inParallel(ctx, r.e.limits.Workers(), actions, begin, r.work)
}

// pairs yields an action, which has only its pair yet, for every source object that the
// filters keep and the target can hold, unless the pair is settled at once. It returns
// a single-use iterator.
func (r *unitRun) pairs(ctx context.Context) iter.Seq2[*plan.Action, error] {
	filtered := !r.e.opts.PointInTime.IsZero() // the snapshot has filtered already
	return func(yield func(*plan.Action, error) bool) {
		for p, err := range r.scan.Pairs(ctx) {
			selected := filtered
			switch {
			case err != nil:
			case p.Key() == "":
				r.record.Skip(&p.Pair, plan.ReasonEmptyKey)
				continue
			case !filtered:
				selected, err = r.selects(ctx, &p.Pair)
			}
			if !r.next(ctx, &p, selected, err, yield) {
				return
			}
		}
		if !r.scan.AnyRemapped() {
			r.foundAll()
		}
	}
}

// remapped is pairs for the source objects that the target holds under another key. It
// returns a single-use iterator.
func (r *unitRun) remapped(ctx context.Context) iter.Seq2[*plan.Action, error] {
	written := int64(0)
	if r.e.carry.writes() {
		written = r.added.Load()
	}
	selects := func(p *plan.Pair) (bool, error) { return r.selects(ctx, p) }
	if !r.e.opts.PointInTime.IsZero() {
		selects = func(*plan.Pair) (bool, error) { return true, nil }
	}
	return func(yield func(*plan.Action, error) bool) {
		for p, err := range r.scan.Remapped(ctx, written, selects) {
			if !r.next(ctx, &p, true, err, yield) {
				return
			}
		}
		r.foundAll()
	}
}

// next yields the action of a pair, if it is to be processed. It returns false at the
// end.
func (r *unitRun) next(ctx context.Context, p *scan.Pair, selected bool, err error, yield func(*plan.Action, error) bool) bool {
	switch {
	case err != nil:
	case !selected:
		return true
	case p.Err != nil:
		err = r.leaveOut(ctx, &p.Pair, p.Err)
		if err == nil {
			return true
		}
	case r.settle(ctx, &p.Pair):
		return true
	default:
		a, _ := r.e.actions.Get().(*plan.Action)
		if a == nil {
			a = new(plan.Action)
		}
		a.Pair = p.Pair
		r.e.record.Track().Expect(p.Source.Size)
		return yield(a, nil)
	}
	yield(nil, err)
	return false
}
