package s3sync

import (
	"context"

	"s3sync/internal/report"
)

// Sync makes the target hold what the source holds, as cfg says, and returns
// what it did. The report is never nil, also when the error is not. It is a [Runner]
// with one range.
//
// The error is a [*ConfigError] (or several, joined) if cfg is not valid;
// nothing was touched then. It is the cause of ctx if the run was interrupted;
// multipart uploads that were open are aborted and temporary files removed
// first. It says that objects failed if any did: the others were transferred
// nevertheless, unless FailFast is set. An object that was skipped for a reason
// the user should know is a warning in the report, not an error.
//
// cfg must not be changed while Sync runs. Several runs may go on at once if
// they do not share a target.
func Sync(ctx context.Context, cfg *Config) (*Report, error) {
	if err := cfg.Validate(); err != nil {
		return &Report{}, err
	}
	return syncAt(ctx, cfg, placeOf(cfg.Target))
}

// syncAt is Sync with a Config that is valid, to a place.
func syncAt(ctx context.Context, cfg *Config, target report.Place) (*Report, error) {
	r := newRunner(cfg, target)
	err := r.open(ctx)
	if err == nil {
		err = r.all(ctx)
	}
	return r.Finish(ctx, err)
}

// all runs the whole as one range.
func (r *Runner) all(ctx context.Context) error {
	result, err := r.Run(ctx, r.cfg.Range, nil)
	if err != nil {
		return err
	}
	return r.Delete(ctx, result)
}
