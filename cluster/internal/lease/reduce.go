package lease

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/truth"
	"s3sync/storage"
)

// Reduce decides what the results permit. results are the checkpoints of the last accepted
// result of each range, in any order.
func Reduce(ctx context.Context, env Env, run job.Run, results []job.Ref) (verdict job.Verdict, err error) {
	w, err := begin(ctx, env, run)
	if err != nil {
		return job.Verdict{}, err
	}
	defer w.close(&err)
	chains, err := w.chains(ctx, results)
	if err != nil {
		return job.Verdict{}, err
	}
	if why := w.gap(chains); why != "" {
		return job.Verdict{}, fmt.Errorf("%w: the results do not cover the keys of the job: %s", ErrStop, why)
	}
	t := &truth.Totals{Version: job.Version, Run: run}
	for _, ch := range chains {
		t.Results = append(t.Results, ch.ref)
		t.Counters = t.Counters.Plus(ch.counters)
	}
	if w.spec.Settings.Delete.Enable {
		if err := w.gate(ctx, t, chains); err != nil {
			return job.Verdict{}, err
		}
	}
	v := job.Verdict{Version: job.Version, Counters: t.Counters, Parts: w.slices(chains)}
	for i, ch := range chains {
		next := job.Lease{
			Version: job.Version, Run: run, Range: ch.last.Range, Keys: ch.keys, Generation: ch.last.Generation + 1, Previous: ch.ref,
		}
		if ch.counters.Failed > 0 {
			next.Phase = job.PhaseSweep
			v.Failed = append(v.Failed, next)
		}
		if t.Permit != nil && t.Permit.Objects[i] > 0 {
			next.Phase, next.Most = job.PhaseDelete, t.Permit.Objects[i]
			v.Deletes = append(v.Deletes, next)
		}
	}
	if len(v.Deletes) > 0 && w.spec.Approve {
		t.Wait = append(t.Wait, fmt.Sprintf("the job wants an approval before it deletes %d objects of the target", sum(t.Permit.Objects)))
	}
	v.Wait, v.Refused = t.Wait, t.Refused
	if v.Totals, err = w.store.PutTotals(ctx, t); err != nil {
		return job.Verdict{}, err
	}
	for i := range v.Deletes {
		v.Deletes[i].Totals = v.Totals
	}
	return v, nil
}

func sum(numbers []int64) (n int64) {
	for _, one := range numbers {
		n += one
	}
	return n
}

// gate asks the gate of a sync about all ranges together.
func (w *work) gate(ctx context.Context, t *truth.Totals, chains []*chain) error {
	c := &t.Counters
	if c.Failed > 0 {
		t.Wait = append(t.Wait, fmt.Sprintf("%d keys failed, so that nothing may be deleted: try them again, or end the job without deletions", c.Failed))
	}
	incomplete, unsafe := false, false
	for _, ch := range chains {
		incomplete, unsafe = incomplete || ch.result.Incomplete, unsafe || ch.result.OtherwiseUnsafe
	}
	if incomplete {
		t.Wait = append(t.Wait, "a part of a side was not listed, so that nothing may be deleted: end the job, and run it again")
	}
	if unsafe {
		t.Wait = append(t.Wait, "keys were skipped with a warning that the target may lack, so that nothing may be deleted: end the job, and run it again")
	}
	if len(t.Wait) > 0 {
		t.Refused = true
		return nil
	}
	results := make([]*s3sync.RangeResult, len(chains))
	for i, ch := range chains {
		results[i] = ch.result
	}
	defer func() {
		for _, r := range results {
			_ = r.Close() // a temporary file at most
		}
	}()
	for i, ch := range chains {
		if err := results[i].SetExtraneous(w.extraneous(ctx, ch.candidates)); err != nil {
			return err
		}
	}
	permit, err := w.permit(ctx, results, nil)
	if errors.Is(err, s3sync.ErrDeleteRefused) {
		t.Wait = append(t.Wait, err.Error())
		permit, err = w.permit(ctx, results, func(d *s3sync.Delete) { d.MaxPercent, d.AllowEmptySource = 100, true })
		t.Refused = errors.Is(err, s3sync.ErrDeleteRefused)
	}
	if t.Refused || err == nil && sum(permit.Objects) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	t.Permit = &truth.Permit{Settings: permit.Settings, DryRun: permit.DryRun, Objects: permit.Objects}
	t.Stopped = permit.Stopped
	for _, key := range permit.Protected {
		t.Protected = append(t.Protected, job.Key(key))
	}
	return w.shrunken(ctx, t)
}

// permit asks a Runner. relax changes its settings, if somebody approves.
func (w *work) permit(ctx context.Context, results []*s3sync.RangeResult, relax func(*s3sync.Delete)) (*s3sync.DeletePermit, error) {
	cfg, err := w.config(job.Limits{})
	if err != nil {
		return nil, err
	}
	if relax != nil {
		relax(&cfg.Delete)
	}
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type == s3sync.EventProgress {
			w.env.beat(job.Progress{})
		}
	}
	runner, err := s3sync.NewRunner(ctx, cfg)
	if err != nil {
		return nil, err
	}
	permit, err := runner.Permit(ctx, results...)
	_, err = runner.Finish(ctx, err)
	return permit, err
}

// extraneous returns what the candidates of a range name.
func (w *work) extraneous(ctx context.Context, candidates []job.Ref) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for r, err := range w.store.Records(ctx, candidates) {
			if err != nil {
				yield(storage.Object{}, err)
				return
			}
			if !yield(r.Candidate(), nil) {
				return
			}
		}
	}
}

// shrunken lets the job wait if the source lost more than half of its keys since the last
// time that the job was done.
func (w *work) shrunken(ctx context.Context, t *truth.Totals) error {
	last, err := w.store.Report(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case 2*t.Counters.Listed < last.Counters.Listed:
		t.Wait = append(t.Wait, fmt.Sprintf("the source has %d keys, and had %d when the job was done before", t.Counters.Listed, last.Counters.Listed))
	}
	return nil
}
