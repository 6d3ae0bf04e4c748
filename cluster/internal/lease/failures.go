package lease

import (
	"context"
	"errors"

	"s3sync/cluster/internal/job"
)

// Failures calls a function for each object that failed, with why, in order of the keys. A
// Report itself has only the first of them.
func Failures(ctx context.Context, env Env, run job.Run, r *job.Report, use func(key job.Key, why string) error) (err error) {
	store, err := env.open(ctx, run.Store, run.Job)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	for record, err := range store.Records(ctx, r.Failures) {
		if err != nil {
			return err
		}
		if err := use(record.Key, record.Error); err != nil {
			return err
		}
	}
	return nil
}
