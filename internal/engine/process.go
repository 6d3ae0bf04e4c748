package engine

import (
	"context"
	"errors"
	"time"

	"s3sync/internal/checksum"
	"s3sync/internal/compare"
	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/report"
	"s3sync/internal/scan"
	"s3sync/internal/selection"
	"s3sync/internal/transfer"
	"s3sync/internal/trash"
	"s3sync/storage"
)

// settle skips a pair that the listings show to be unchanged, and reports whether it
// did. It neither waits nor asks a side, so it needs no worker. Once the run is about
// to end, it leaves the pair to the workers, which know whether anything is still done.
func (r *unitRun) settle(ctx context.Context, p *plan.Pair) bool {
	e := r.e
	if e.opts.Report.Enable || e.opts.SyncTags || r.ending.Load() || ctx.Err() != nil {
		return false
	}
	why, unchanged := e.compare.Unchanged(p)
	if !unchanged {
		return false
	}
	e.notes.countUnchanged(p, why, e.opts.ByTime)
	r.record.Skip(p, why)
	return true
}

// work processes a pair in a worker. It returns an error only if the run must end.
func (r *unitRun) work(ctx context.Context, a *plan.Action) (limits.Work, error) {
	ends := true // also by a panic
	defer func(key string) {
		if ends {
			r.ending.Store(true)
		}
		r.record.End(key)
	}(a.Key())
	lane := r.e.record.Track().Begin(a.Key(), a.Source.Size)
	defer lane.End()
	did, err := r.process(ctx, a, lane)
	ends = err != nil
	*a = plan.Action{} // nobody keeps it
	r.e.actions.Put(a)
	return did, err
}

// compare decides about the pair of an action, which has nothing else yet, and carries
// out the decision. It returns an error only if the run must end.
func (r *unitRun) compare(ctx context.Context, a *plan.Action, lane *report.Lane) (did limits.Work, err error) {
	if ctx.Err() != nil {
		return did, context.Cause(ctx)
	}
	d, err := r.e.compare.Compare(ctx, a.Pair)
	did.Asked = d.SourceInfo != nil || d.TargetInfo != nil
	switch {
	case r.e.opts.Report.Enable:
		err = r.reportPair(ctx, a, &d, err)
	case err != nil:
		a.Pair = d.Pair
	default:
		r.e.notes.count(&d, r.e.opts.ByTime)
		if err = r.e.setAction(a, &d); err == nil {
			did, err = r.act(ctx, a, lane, did)
		}
	}
	did.Err = err
	return did, r.handle(ctx, a, err)
}

// act carries out an action. did is what the decision took; act returns what was done in
// all. Its errors are for handle.
func (r *unitRun) act(ctx context.Context, a *plan.Action, lane *report.Lane, did limits.Work) (limits.Work, error) {
	var err error
	switch a.Kind {
	case plan.Skip:
		r.skip(a, a.Reason)
	case plan.Tag:
		did.Asked = true
		err = r.syncTags(ctx, a, lane)
	default:
		_, did, err = r.transfer(ctx, a, lane)
	}
	return did, err
}

// setAction makes a the action that follows from a decision. An error says why nothing
// is done.
func (e *Engine) setAction(a *plan.Action, d *compare.Decision) error {
	*a = plan.Action{Kind: plan.Transfer, Pair: d.Pair, Reason: d.Reason, Digests: d.Digests, Info: d.SourceInfo}
	switch {
	case errors.Is(d.Err, compare.ErrUndecided): // a transfer is safe
	case d.Err != nil:
		return d.Err
	case d.Verdict == checksum.Equal:
		a.Kind = plan.Skip
		if e.opts.SyncTags {
			a.Kind = plan.Tag
		}
	}
	a.Guard = e.guardOf(a)
	return nil
}

// guardOf returns the conditions under which an action writes.
func (e *Engine) guardOf(a *plan.Action) plan.Guard {
	g := plan.Guard{TargetAbsent: e.opts.IfNoneMatch, SourceUnchanged: e.opts.CopySourceIfMatch}
	if e.opts.IfMatch && a.Exists {
		g.TargetETag = a.Target.ETag
	}
	return g
}

// transfer transfers an object. done is false if a filter of contents excludes it. Its
// errors are for handle.
func (r *unitRun) transfer(ctx context.Context, a *plan.Action, lane *report.Lane) (done bool, did limits.Work, err error) {
	if passes, err := r.passesContents(ctx, a); err != nil || !passes {
		return false, limits.Work{Asked: true}, err
	}
	if err := transfer.Precheck(a); err != nil {
		return false, did, err
	}
	if err := r.e.limits.WaitObject(ctx); err != nil {
		return false, did, err
	}
	began := time.Now()
	result, err := r.e.carry.transfer(lane.Context(ctx), a)
	if err != nil {
		return false, did, err
	}
	r.note(a)
	lane.Done(result.Source.Size)
	did = limits.Work{Asked: true, Shared: true}
	if result.Whole { // otherwise its parts tell
		did = limits.Work{Asked: true, Bytes: result.Source.Size}
	}
	r.emitTransferred(a, &result, time.Since(began))
	r.e.remember(a, &result)
	if !a.Exists && !(r.e.target.Maps() && plan.IsDirectory(a.TargetKey)) { // directories are not listed
		r.added.Add(1)
	}
	return true, did, nil
}

// passesContents reports whether an object passes the filters that need more than a
// listing. It skips an object that does not pass. If it asks the source, the response
// replaces the facts of the listing in the action. An error is for handle.
func (r *unitRun) passesContents(ctx context.Context, a *plan.Action) (bool, error) {
	if !r.e.contents.Any() {
		return true, nil
	}
	why, compared, err := r.e.contents.Reject(ctx, a.Source, func(ctx context.Context) (info *storage.Info, err error) {
		info, err = r.e.compare.SourceInfo(ctx, a.Pair, a.Info)
		if err == nil {
			a.Info, a.Source.ETag, a.Source.Size = info, info.ETag, info.Size
		}
		return info, err
	})
	if err != nil || why == "" {
		return err == nil, err
	}
	skipped := *a
	skipped.Compared = compared
	r.skip(&skipped, why)
	return false, nil
}

// handle handles the failure of an object. It returns an error only if the run must
// end. err may be nil.
func (r *unitRun) handle(ctx context.Context, a *plan.Action, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	o := r.e.policy.outcomeOf(err)
	if o.unsafe {
		r.unsafe.Store(true)
		if o.kind != outcomeFailed {
			r.otherwise.Store(true)
		}
	}
	ev := report.Event{Key: a.Key(), Source: a.Source, Target: a.Target, Err: o.err}
	switch o.kind {
	case outcomeSkipped:
		r.skip(a, o.reason)
		return nil
	case outcomeCancelled:
		ev = eventOf(report.EventCancelled, a)
		ev.Reason = o.reason
	case outcomeWarning:
		ev.Type = report.EventWarning
		if errors.Is(err, compare.ErrIncomparable) {
			ev = eventOf(report.EventWarning, a)
			ev.Err, ev.Cause = o.err, report.CauseIncomparable
		}
	case outcomeFailed:
		ev.Type = report.EventFailed
	}
	r.record.Emit(ev)
	switch {
	case o.kind != outcomeFailed:
		return nil
	case o.ends:
		return report.Reported(o.err)
	}
	return r.e.fatal(ctx, o.err)
}

// fatal returns err if it must end the run.
func (e *Engine) fatal(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case e.opts.FailFast, errors.Is(err, storage.ErrUnusable):
		return report.Reported(err)
	}
	return nil
}

func (r *unitRun) skip(a *plan.Action, why plan.Reason) {
	ev := eventOf(report.EventSkipped, a)
	ev.Reason = why
	r.record.Emit(ev)
}

// leaveOut reports an object that the target cannot hold, or of which a store failed to
// say whether it can. An error ends the run.
func (r *unitRun) leaveOut(ctx context.Context, p *plan.Pair, err error) error {
	a := &plan.Action{Pair: *p}
	directory := errors.Is(err, scan.ErrDirectoryData)
	switch {
	case r.e.opts.Report.Enable && (directory || errors.Is(err, storage.ErrUnstorable)):
		r.notFound(a, err)
		return nil
	case directory:
		r.record.Skip(p, plan.ReasonDirectory)
		return nil
	}
	return r.handle(ctx, a, err)
}

// selects reports whether an object or version passes the filters that need only a
// listing. An error ends the run. It is called from one goroutine, because the filter
// callback must be.
func (r *unitRun) selects(ctx context.Context, p *plan.Pair) (bool, error) {
	if trash.Within(p.TargetKey, r.e.trashInside()) {
		r.record.Skip(p, plan.ReasonTrash)
		return false, nil
	}
	why, err := r.e.listed.Reject(p.Source)
	switch {
	case err == nil && why == "":
		return true, nil
	case err == nil:
		if r.e.unseen(p.Key()) {
			r.unseen++
		}
		r.record.Skip(p, why)
		return false, nil
	}
	_, callback := errors.AsType[*selection.CallbackError](err)
	_, ignore := errors.AsType[*selection.IgnoreError](err)
	if callback || ignore {
		return false, err
	}
	r.unsafe.Store(true)
	r.record.Emit(report.Event{Type: report.EventFailed, Key: p.Key(), Source: p.Source, Err: err})
	return false, r.e.fatal(ctx, err)
}
