package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"s3sync/internal/checksum"
	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/planfile"
	"s3sync/internal/report"
	"s3sync/internal/side"
	"s3sync/internal/spool"
	"s3sync/storage"
)

// A run that carries out a plan has actions in place of pairs. Everything behind the
// decision is that of a sync: permits, retries, what a failure means, and the gate of
// deletions. Each side is looked at again before anything is written, and an action whose
// sides are not as planned is skipped.

// note tells Options.Note of an action.
func (r *unitRun) note(a *plan.Action) {
	if r.e.opts.Note == nil {
		return
	}
	noted := *a
	r.record.InOrder(a.Key(), func() { r.e.opts.Note(&noted) })
}

// note tells Options.Note of a deletion. Those of a dry run are made one batch after the
// other.
func (d *deletion) note(o storage.Object) {
	if d.e.opts.Note != nil {
		d.e.opts.Note(&plan.Action{
			Kind: plan.Delete, Reason: plan.ReasonExtraneous,
			Pair: plan.Pair{Source: storage.Object{Key: o.Key}, Target: o, Exists: true, TargetKey: o.Key},
		})
	}
}

// Apply carries out actions as Run carries out what it finds, but deletes nothing.
// Deletions, which come last, become the target-only objects of the result; Delete deletes
// them. What the plan found of both sides counts for the gate. An action that is not done
// because a side is not as planned makes the result unsafe. An error ends the run.
func (e *Engine) Apply(ctx context.Context, found planfile.Found, actions iter.Seq2[*plan.Action, error]) (*Result, error) {
	r := &unitRun{e: e, record: e.record.Unit(), result: Result{
		Range: e.opts.Range, DryRun: e.opts.DryRun, Settings: e.opts.Fingerprint, engine: e, Found: found.Source, Held: found.Target, Added: found.Added,
	}}
	res := &r.result
	for _, key := range found.Protected {
		res.Protected = append(res.Protected, string(key))
	}
	r.process = r.carryOut
	r.foundAll = e.record.Track().Listing()
	defer r.foundAll()
	deletions := spool.New(0)
	err := r.each(ctx, "apply", func(context.Context) iter.Seq2[*plan.Action, error] { return r.planned(actions, deletions) })
	if err == nil && deletions.Len() > 0 {
		err = r.checkSource(ctx)
	}
	r.record.Flush()
	res.extraneous = e.spools.hold(deletions)
	res.Incomplete = found.Incomplete || err != nil || r.record.Incomplete()
	res.Unsafe = found.Unsafe || r.unsafe.Load() || e.unsafe.Load()
	res.OtherwiseUnsafe = found.Unsafe || r.otherwise.Load() || e.unsafe.Load()
	told := r.record.Report()
	res.Stats, res.Status, res.Failures = told.Stats, told.Status, told.Failures
	return res, err
}

// Facts returns what the plan of a dry run has of its result.
func (r *Result) Facts() planfile.Found {
	f := planfile.Found{Source: r.Found, Target: r.Held, Added: r.Added, Unsafe: r.Unsafe, Incomplete: r.Incomplete}
	for _, key := range r.Protected {
		f.Protected = append(f.Protected, planfile.Text(key))
	}
	return f
}

// planned yields the actions of a plan for the workers, and keeps its deletions.
func (r *unitRun) planned(actions iter.Seq2[*plan.Action, error], deletions *spool.Spool) iter.Seq2[*plan.Action, error] {
	return func(yield func(*plan.Action, error) bool) {
		for from, err := range actions {
			if err == nil && from.Kind == plan.Delete {
				if err = deletions.Append(from.Target); err == nil {
					continue
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			a, _ := r.e.actions.Get().(*plan.Action)
			if a == nil {
				a = new(plan.Action)
			}
			*a = *from
			r.e.record.Track().Expect(a.Source.Size)
			if !yield(a, nil) {
				return
			}
		}
		r.foundAll()
	}
}

// carryOut carries out an action of a plan, if the sides are still as planned. It returns
// an error only if the run must end.
func (r *unitRun) carryOut(ctx context.Context, a *plan.Action, lane *report.Lane) (did limits.Work, err error) {
	if ctx.Err() != nil {
		return did, context.Cause(ctx)
	}
	etag, done, err := r.e.done(ctx, a)
	did.Asked = true
	switch {
	case err != nil:
	case done:
		r.skip(a, plan.ReasonApplied)
	default:
		a.Guard = r.e.guardOf(a)
		a.Guard.Planned = true
		guardTarget(&a.Guard, !a.Exists, etag)
		did, err = r.act(ctx, a, lane, did)
		if errors.Is(err, storage.ErrPrecondition) && r.arrived(ctx, a) {
			r.skip(a, plan.ReasonApplied)
			err = nil
		}
	}
	if errors.Is(err, side.ErrGone) {
		err = fmt.Errorf("%w: %w", plan.ErrChanged, err)
	}
	did.Err = err
	return did, r.handle(ctx, a, err)
}

// arrived reports whether an action that was refused is done by now: a write of an apply that
// was killed may arrive after it.
func (r *unitRun) arrived(ctx context.Context, a *plan.Action) bool {
	_, done, err := r.e.done(ctx, a)
	return done && err == nil
}

// done reports whether an action of a plan is done already. If it is not, etag is that of the
// object in the target, if it has one. done fails if the target is not as planned.
func (e *Engine) done(ctx context.Context, a *plan.Action) (etag string, done bool, err error) {
	key, err := e.target.MapKey(a.Key())
	switch {
	case err != nil:
		return "", false, e.target.Wrap(err)
	case key != a.TargetKey:
		return "", false, fmt.Errorf("target: %w: the object is held as %q, and the plan names %q", plan.ErrChanged, key, a.TargetKey)
	}
	if err := e.listedAsPlanned(ctx, a); err != nil {
		return "", false, err
	}
	now, err := e.target.Stat(ctx, a.Key(), a.TargetKey, storage.StatOptions{Listed: listed(a)})
	switch {
	case storage.Gone(err) && !a.Exists:
		return "", false, nil
	case storage.Gone(err):
		return "", false, fmt.Errorf("target: %w: it is not there any more", plan.ErrChanged)
	case err != nil:
		return "", false, e.target.Wrap(err)
	case now.Directory && e.target.Maps():
		// Another directory is in the way, and the transfer says so.
		return "", plan.IsDirectory(a.TargetKey), nil
	}
	changed := fmt.Errorf("%w: it is there now", plan.ErrChanged)
	if a.Exists {
		changed = plan.Changed(&a.Target, &now, true)
	}
	if changed == nil {
		return now.ETag, false, nil
	}
	pair := a.Pair
	pair.Target, pair.Exists = now.Object, true
	if a.Kind == plan.Transfer {
		equal, err := e.equal(ctx, pair)
		if err != nil || equal {
			return "", equal, err
		}
	}
	return "", false, fmt.Errorf("target: %w", changed)
}

// listedAsPlanned fails if a key of an action is odd, and its object is not listed under it.
func (e *Engine) listedAsPlanned(ctx context.Context, a *plan.Action) error {
	err := isListed(ctx, e.source, a.Key())
	if err == nil && a.Exists {
		err = isListed(ctx, e.target, a.TargetKey)
	}
	return err
}

// isListed fails if a key of a bucket has a segment that is empty, "." or "..", and no listing
// shows it. Some servers take such a key for a path, and answer with the object that the path
// leads to, which may lie outside of the prefix. Whoever forges a plan can name it.
func isListed(ctx context.Context, s *side.Side, key string) error {
	odd := slices.ContainsFunc(strings.Split(strings.TrimSuffix(key, "/"), "/"), func(segment string) bool {
		return segment == "" || segment == "." || segment == ".."
	})
	if !odd || s.Caps.Files {
		return nil
	}
	for o, err := range s.List(ctx, storage.ListOptions{Range: storage.Range{From: key, To: key + "\x00"}}) {
		if err != nil || o.Key == key {
			return s.Wrap(err)
		}
	}
	return s.Wrap(fmt.Errorf("%w: no object is listed as %q", plan.ErrChanged, key))
}

// listed returns what a plan knows of the target of an action, or nil.
func listed(a *plan.Action) *storage.Object {
	if a.Exists {
		return &a.Target
	}
	return nil
}

// equal reports whether both objects have the same content. It reads them if no digests
// tell, so that what was done once is recognized.
func (e *Engine) equal(ctx context.Context, p plan.Pair) (bool, error) {
	if p.Source.Size != p.Target.Size {
		return false, nil
	}
	d, err := e.applied.Compare(ctx, p)
	return err == nil && d.Verdict == checksum.Equal, err
}

// checkTags fails if an action comes from a plan and sets other tags than planned.
func checkTags(a *plan.Action, source, target string) error {
	switch {
	case !a.Guard.Planned:
	case source != a.Tags:
		return fmt.Errorf("source: %w: its tags are %q, and were %q", plan.ErrChanged, source, a.Tags)
	case target != a.OldTags:
		return fmt.Errorf("target: %w: its tags are %q, and were %q", plan.ErrChanged, target, a.OldTags)
	}
	return nil
}

// checkSource makes sure that the source of a plan with deletions still holds something,
// like a mounted file system. If it holds nothing, that counts for the gate.
func (r *unitRun) checkSource(ctx context.Context) error {
	if err := r.checkPlace(ctx); err != nil {
		return err
	}
	for _, err := range r.e.source.List(ctx, storage.ListOptions{Range: r.e.opts.Range}) {
		return r.e.source.Wrap(err)
	}
	r.result.Found = 0
	return nil
}

// notAsPlanned tells of an object that was listed before and is not to be deleted: the source
// has it now, it changed, or it is gone already.
func (d *deletion) notAsPlanned(ctx context.Context, o storage.Object) *report.Event {
	if held, _ := d.e.target.MapKey(o.Key); held != o.Key {
		// No listing shows such a key, and the object that is found under it has another one.
		return d.notDeleted(d.e.target.Wrap(fmt.Errorf("%w: no object of the target is listed as %q", plan.ErrChanged, o.Key)))
	}
	now, err := d.e.target.Stat(ctx, o.Key, o.Key, storage.StatOptions{Listed: &o})
	switch {
	case storage.Gone(err) && d.goneCounts:
		return &report.Event{Type: report.EventDeleted, Reason: plan.ReasonExtraneous}
	case storage.Gone(err):
		return &report.Event{Type: report.EventSkipped, Reason: plan.ReasonApplied}
	case err == nil:
		err = plan.Changed(&o, &now, true)
	}
	if err != nil {
		return d.notDeleted(d.e.target.Wrap(err))
	}
	if err := isListed(ctx, d.e.target, o.Key); err != nil {
		return d.notDeleted(err)
	}
	if err := d.e.absent(ctx, o.Key); err != nil {
		return d.notDeleted(err)
	}
	return nil
}

// notDeleted tells why an object of a plan is not deleted.
func (d *deletion) notDeleted(err error) *report.Event {
	ev := &report.Event{Type: report.EventFailed, Err: fmt.Errorf("it is not deleted: %w", err)}
	if errors.Is(err, plan.ErrChanged) && !d.e.opts.WarnAsError {
		ev.Type = report.EventWarning
	}
	return ev
}

// absent fails unless the source has no object of a key.
func (e *Engine) absent(ctx context.Context, key string) error {
	why, err := e.held(ctx, key)
	if err == nil && why != "" {
		err = fmt.Errorf("%w: %s", plan.ErrChanged, why)
	}
	return err
}
