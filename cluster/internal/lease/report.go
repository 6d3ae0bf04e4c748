package lease

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"s3sync"
	"s3sync/cluster/internal/job"
)

// mostFailures is how many failures a report has itself, as that of a sync.
const mostFailures = 1000

// Report writes the report of a job. results are those of Reduce, or of the deletions after
// them. If the job ended early, the ranges need not be complete; the report says so.
func Report(ctx context.Context, env Env, run job.Run, results []job.Ref) (ref job.Ref, err error) {
	w, err := begin(ctx, env, run)
	if err != nil {
		return job.Ref{}, err
	}
	defer w.close(&err)
	chains, err := w.chains(ctx, results)
	if err != nil {
		return job.Ref{}, err
	}
	r := &job.Report{Version: job.Version, Job: run.Job, Epoch: run.Epoch, Ended: time.Now().UTC(), Ranges: len(chains)}
	if r.Began, err = w.store.Written(ctx, run.Spec); err != nil {
		return job.Ref{}, err
	}
	var notes []string
	if err := w.discardUnfinished(ctx); ctx.Err() != nil {
		return job.Ref{}, context.Cause(ctx)
	} else if err != nil {
		notes = append(notes, fmt.Sprintf("objects in parts that were begun and not finished could not all be removed: %v", err))
	}
	var evidence []job.Ref
	whole := &s3sync.Report{Incomplete: w.gap(chains) != ""}
	failures := w.store.Index("report/failures")
	for _, ch := range chains {
		r.Leases += ch.leases
		r.Counters = r.Counters.Plus(ch.counters)
		evidence = append(evidence, ch.evidence...)
		whole.Incomplete = whole.Incomplete || ch.result != nil && ch.result.Incomplete
		for _, note := range ch.notes {
			if !slices.Contains(notes, note) && len(notes) < maxNotes {
				notes = append(notes, note)
			}
		}
		for record, err := range w.store.Records(ctx, ch.failures) {
			if err == nil {
				err = failures.Append(ctx, record)
			}
			if err != nil {
				return job.Ref{}, err
			}
			if len(whole.Failures) < mostFailures {
				whole.Failures = append(whole.Failures, s3sync.Failure{Key: string(record.Key), Err: errors.New(record.Error)})
			}
		}
	}
	// A sync tells such a warning once, and each lease had it.
	if w.spec.Settings.WarnAsError {
		r.Counters.Failed += int64(len(notes))
	} else {
		r.Counters.Warnings += int64(len(notes))
	}
	r.Warnings = notes
	whole.Stats = statsOf(&r.Counters)
	whole.Elapsed = max(0, r.Ended.Sub(r.Began))
	r.Report = whole
	if r.Failures, err = failures.Close(ctx); err != nil {
		return job.Ref{}, err
	}
	if len(evidence) > 0 {
		if r.Evidence, err = w.store.PutJSON(ctx, "report/evidence", evidence); err != nil {
			return job.Ref{}, err
		}
	}
	return w.store.PutReport(ctx, r)
}

// ReadReport returns the report of a job, or fs.ErrNotExist.
func ReadReport(ctx context.Context, env Env, run job.Run) (_ *job.Report, err error) {
	store, err := env.open(ctx, run.Store, run.Job)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return store.Report(ctx)
}
