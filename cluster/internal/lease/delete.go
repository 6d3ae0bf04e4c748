package lease

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/truth"
	"s3sync/storage"
)

// Delete carries out a lease of PhaseDelete.
func Delete(ctx context.Context, env Env, l job.Lease, attempt int) (result job.Result, err error) {
	w, err := begin(ctx, env, l.Run)
	if err != nil {
		return job.Result{}, err
	}
	defer w.close(&err)
	d := &deleting{w: w, lease: &l}
	if d.permit, d.stopped, err = w.permitted(ctx, &l); err != nil {
		return job.Result{}, err
	}
	base, err := w.chain(ctx, l.Previous)
	if err != nil {
		return job.Result{}, err
	}
	d.candidates = base.candidates
	if d.ckpt, d.ref, err = w.resume(ctx, &l, attempt); err != nil {
		return job.Result{}, err
	}
	if !d.ckpt.Done {
		if err := d.run(ctx, attempt); err != nil {
			return job.Result{}, err
		}
	}
	return w.result(d.ckpt, d.ref), nil
}

// permitted returns the permit of a lease. It fails unless the verdict lets this lease delete.
func (w *work) permitted(ctx context.Context, l *job.Lease) (_ *s3sync.DeletePermit, stopped string, err error) {
	t, err := w.store.Totals(ctx, l.Totals)
	if err != nil {
		return nil, "", err
	}
	at := slices.Index(t.Results, l.Previous)
	switch {
	case t.Run != w.run:
		return nil, "", fmt.Errorf("%w: %q is of another run", ErrStop, l.Totals.Key)
	case t.Refused || t.Permit == nil:
		return nil, "", fmt.Errorf("%w: %q permits no deletion", ErrStop, l.Totals.Key)
	case len(t.Wait) > 0 && !l.Approved:
		return nil, "", fmt.Errorf("%w: nobody approved the deletions: %s", ErrStop, t.Wait[0])
	case at < 0, l.Most > t.Permit.Objects[at]:
		return nil, "", fmt.Errorf("%w: %q does not permit these deletions", ErrStop, l.Totals.Key)
	}
	p := &s3sync.DeletePermit{Settings: t.Permit.Settings, DryRun: t.Permit.DryRun, Objects: t.Permit.Objects[at : at+1]}
	for _, key := range t.Protected {
		p.Protected = append(p.Protected, string(key))
	}
	return p, t.Stopped, nil
}

// A deleting is a lease of PhaseDelete.
type deleting struct {
	w          *work
	lease      *job.Lease
	permit     *s3sync.DeletePermit
	stopped    string
	candidates []job.Ref
	watch      *watch
	ckpt       *truth.Checkpoint
	ref        job.Ref
}

func (d *deleting) run(ctx context.Context, attempt int) (err error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	d.watch = &watch{ctx: ctx, giveUp: giveUp, env: &d.w.env, attempt: attempt}
	d.watch.told(job.Progress{Checkpoint: d.ref, Cursor: d.ckpt.Cursor, Counters: d.ckpt.Counters})
	cfg, err := d.w.config(d.lease.Share)
	if err != nil {
		return err
	}
	cfg.OnEvent = d.watch.event
	runner, err := s3sync.NewRunner(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() {
		if report, finishErr := runner.Finish(ctx, err); err != nil || report.Failed == 0 {
			err = finishErr
		}
	}()
	next, stop := iter.Pull2(d.w.store.Records(ctx, d.candidates))
	defer stop()
	for !d.ckpt.Done {
		if err := d.unit(ctx, runner, next); err != nil {
			return err
		}
	}
	return nil
}

// unit deletes some objects and writes a checkpoint.
func (d *deleting) unit(ctx context.Context, runner *s3sync.Runner, records func() (*truth.Record, error, bool)) error {
	evidence, failures := d.w.store.Shards(truth.Evidence, d.ckpt), d.w.store.Shards(truth.Failures, d.ckpt)
	d.watch.unit(evidence, failures, 0)
	next := *d.ckpt
	more := true
	objects := func(yield func(storage.Object, error) bool) {
		for n := int64(0); n < d.w.spec.Leases.CheckpointKeys; {
			r, err, ok := records()
			if more = ok; !ok {
				return
			}
			if err != nil {
				yield(storage.Object{}, err)
				return
			}
			if r.Key < d.ckpt.Cursor {
				continue
			}
			next.Cursor = r.Key + "\x00"
			if n++; !yield(r.Candidate(), nil) {
				return
			}
		}
	}
	if err := runner.DeletePermitted(ctx, d.permit, d.lease.Most-d.ckpt.Passed, objects); err != nil {
		return err
	}
	ev, failed, err := d.watch.flush(ctx)
	if err != nil {
		return err
	}
	did, passed := d.watch.deletions()
	next.Counters = next.Counters.Plus(did)
	next.Passed += passed
	next.Done = !more || next.Passed >= d.lease.Most
	next.Evidence = append(slices.Clip(next.Evidence), ev...)
	next.Failures = append(slices.Clip(next.Failures), failed...)
	next.Notes = d.watch.notesBefore(d.ckpt.Notes)
	if d.stopped != "" && !slices.Contains(next.Notes, d.stopped) {
		next.Notes = append(next.Notes, d.stopped)
	}
	if d.ref, err = d.w.save(ctx, &next); err != nil {
		return err
	}
	d.ckpt = &next
	d.watch.told(job.Progress{Checkpoint: d.ref, Cursor: next.Cursor, Counters: next.Counters})
	return nil
}
