package s3sync

import (
	"context"

	"s3sync/internal/report"
)

// Sync makes the target hold what the source holds, according to cfg, and returns the
// report of the run. The report is never nil, even if the error is not. Sync is a
// [Runner] with one range.
//
// The error is a [*ConfigError] (or several, joined) if cfg is not valid; nothing was
// changed then. If the run was interrupted, the error is the cause of ctx; open
// multipart uploads were aborted and temporary files removed first. If objects failed,
// the error says so: the others were transferred nevertheless, unless FailFast is set.
// An object that was skipped for a reason that the user should know is a warning in the
// report, not an error.
//
// cfg must not change while Sync runs. Several runs may run at once if they do not
// share a target.
func Sync(ctx context.Context, cfg *Config) (*Report, error) {
	if err := cfg.Validate(); err != nil {
		return &Report{}, err
	}
	return syncAt(ctx, cfg, report.PlaceOf(cfg.Target.Store, cfg.Target.URL))
}

// syncAt is Sync for a valid Config and a given place of the target.
func syncAt(ctx context.Context, cfg *Config, target report.Place) (*Report, error) {
	r := newRunner(ctx, cfg, target)
	err := r.open(ctx)
	if err == nil {
		err = r.all(ctx)
	}
	return r.Finish(ctx, err)
}

// all runs all keys as one range.
func (r *Runner) all(ctx context.Context) error {
	result, err := r.Run(ctx, r.cfg.Range, nil)
	if err != nil {
		return err
	}
	return r.Delete(ctx, result)
}
