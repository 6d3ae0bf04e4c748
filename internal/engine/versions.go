package engine

import (
	"context"
	"errors"
	"fmt"

	"s3sync/internal/attributes"
	"s3sync/internal/history"
	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/report"
	"s3sync/internal/side"
	"s3sync/storage"
)

// Versions are synced key by key. One worker takes the versions of a key and writes
// the missing ones, from the oldest to the newest and one after the other, because
// that makes their order in the target. Different keys are processed in parallel.

// syncVersions runs the unit if versions are synced.
func (r *unitRun) syncVersions(ctx context.Context) error {
	end := r.e.record.Span("compare and transfer versions")
	defer end()
	planner := history.New(history.Options{
		Range:          r.e.keys(r.result.Range),
		AllMarkers:     r.e.opts.AllMarkers,
		IgnoreArchived: r.e.opts.IgnoreArchived,
		MayLeaveOut:    r.e.contents.Any() || r.e.opts.Preprocesses,
		Keep:           func(v storage.Object) (bool, error) { return r.keepVersion(ctx, v) },
		Stop:           r.stop,
	}, r.e.source, r.e.target)
	begin := func(ctx context.Context, _ *history.Group) (limits.Permit, error) {
		return r.e.limits.StartObject(ctx, 0)
	}
	groups := toldInOrder(r.record, planner.Groups, func(g *history.Group) string { return g.Key })
	err := inParallel(ctx, r.e.limits.Workers(), groups, begin, func(ctx context.Context, g *history.Group) (limits.Work, error) {
		defer r.record.End(g.Key)
		did, err := r.processGroup(ctx, planner, g)
		if cerr := g.Close(); err == nil {
			err = cerr
		}
		return did, err
	})
	if key, stopped := planner.Stopped(); stopped {
		r.result.Range.To, r.result.Stopped = key, true
	}
	return err
}

// keepVersion reports whether a version passes the filters that need only a listing.
func (r *unitRun) keepVersion(ctx context.Context, v storage.Object) (bool, error) {
	p := plan.Pair{Source: v, TargetKey: v.Key}
	if v.Key == "" {
		r.record.Skip(&p, plan.ReasonEmptyKey)
		return false, nil
	}
	return r.selects(ctx, &p)
}

// A versionResult is the result of writing a version.
type versionResult int

const (
	versionWritten  versionResult = iota
	versionExcluded               // later versions are still written
	versionFailed
)

// processGroup writes the missing versions of one key, in the order of the source. It
// returns an error only if the run must end.
func (r *unitRun) processGroup(ctx context.Context, planner *history.Planner, g *history.Group) (limits.Work, error) {
	if ctx.Err() != nil {
		return limits.Work{}, context.Cause(ctx)
	}
	w := versionWriter{r: r, group: g, visible: g.Visible()}
	for v, err := range planner.Versions(ctx, g) {
		if err != nil {
			a := w.action(storage.Object{Key: g.Key})
			return w.did, r.handle(ctx, &a, err)
		}
		if err := w.next(ctx, v); err != nil {
			return w.did, err
		}
		if w.stopped {
			break
		}
	}
	return w.did, w.end(ctx)
}

// A versionWriter writes the versions of one key, one after the other.
type versionWriter struct {
	r     *unitRun
	group *history.Group
	// visible: the target has a current object, which can be deleted.
	visible bool
	wrote   bool
	did     limits.Work // the last transfer
	// stopped: a version failed, so that later ones must wait.
	stopped bool
	// late is a version that is out of order: the target already has a newer one.
	late *plan.Action
}

func (w *versionWriter) action(v storage.Object) plan.Action {
	kind := plan.Transfer
	if v.DeleteMarker {
		kind = plan.Mark
	}
	return plan.Action{
		Kind: kind, Reason: plan.ReasonNewVersion,
		Pair: plan.Pair{Source: v, TargetKey: w.group.Key, Exists: w.visible},
	}
}

// next handles the next version. An error ends the run.
func (w *versionWriter) next(ctx context.Context, v history.Version) error {
	a := w.action(v.Object)
	switch v.State {
	case history.Present:
		w.skip(&a, plan.ReasonVersion)
	case history.OutOfOrder:
		late, err := w.isLate(ctx, &a)
		if err != nil {
			return err
		}
		if late {
			w.late = &a
		}
	case history.Missing:
		result, err := w.write(ctx, &a)
		if err != nil {
			return err
		}
		if result == versionWritten {
			w.wrote, w.visible = true, !v.DeleteMarker
		}
		w.stopped = result == versionFailed
	}
	return nil
}

// end reports versions that are out of order, and adds the delete marker of an object
// that is deleted now. An error ends the run.
func (w *versionWriter) end(ctx context.Context) error {
	if w.late != nil && !w.r.e.opts.Preprocesses { // the callback may have skipped them on purpose
		if err := w.r.handle(ctx, w.late, history.ErrOutOfOrder); err != nil {
			return err
		}
	}
	if w.group.Marker == nil || w.stopped {
		return nil
	}
	a := w.action(*w.group.Marker)
	if w.group.Deleted && !w.wrote {
		w.r.skip(&a, plan.ReasonVersion)
		return nil
	}
	return w.r.handle(ctx, &a, w.r.mark(ctx, &a))
}

// skip skips a version that needs no transfer.
func (w *versionWriter) skip(a *plan.Action, why plan.Reason) {
	if w.archived(a) {
		why = plan.ReasonArchived
	}
	w.r.skip(a, why)
}

// archived reports whether a version is skipped because it is archived.
func (w *versionWriter) archived(a *plan.Action) bool {
	return (a.Source.Archived || a.Source.MaybeArchived) && w.r.e.policy.ignoreArchived
}

// isLate skips a version that is out of order. It reports whether this is the only
// reason against the version.
func (w *versionWriter) isLate(ctx context.Context, a *plan.Action) (bool, error) {
	passes, err := w.r.passesContents(ctx, a)
	if err != nil {
		return false, w.r.handle(ctx, a, err)
	}
	if passes {
		w.skip(a, plan.ReasonOlder)
	}
	return passes && !w.archived(a), nil
}

// write writes a version or delete marker of the source. An error ends the run.
func (w *versionWriter) write(ctx context.Context, a *plan.Action) (versionResult, error) {
	var done bool
	var err error
	if a.Kind == plan.Mark {
		done, err = true, w.r.mark(ctx, a)
	} else {
		t := w.r.e.record.Track()
		t.Expect(a.Source.Size)
		lane := t.Begin(a.Key(), a.Source.Size)
		done, w.did, err = w.r.transfer(ctx, a, lane)
		lane.End()
	}
	switch {
	case err == nil && !done:
		return versionExcluded, nil
	case err == nil:
		return versionWritten, nil
	case ctx.Err() != nil:
		return versionFailed, context.Cause(ctx)
	case errors.Is(err, side.ErrGone), errors.Is(err, attributes.ErrSkip), errors.Is(err, storage.ErrArchived) && w.r.e.policy.ignoreArchived:
		return versionExcluded, w.r.handle(ctx, a, err)
	}
	return versionFailed, w.r.handle(ctx, a, fmt.Errorf("version %s: %w; the later versions of the key wait for it", a.Source.VersionID, err))
}

// mark adds a delete marker. Its errors are for handle.
func (r *unitRun) mark(ctx context.Context, a *plan.Action) error {
	if err := r.e.limits.WaitObject(ctx); err != nil {
		return err
	}
	if err := r.e.carry.mark(ctx, a); err != nil {
		return err
	}
	r.record.Emit(report.Event{Type: report.EventDeleted, Key: a.Key(), Reason: plan.ReasonDeleted, Source: a.Source})
	return nil
}
