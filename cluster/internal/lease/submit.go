package lease

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"s3sync/cluster/internal/job"
)

// Submit checks a spec, and writes it and the first Run of its job to the state store. If
// the job exists, the spec must be the same; resume makes the next epoch.
func Submit(ctx context.Context, env Env, store job.Place, spec *job.Spec, resume bool) (_ job.Run, err error) {
	spec.Fill()
	if err := spec.Check(); err != nil {
		return job.Run{}, err
	}
	s, err := env.open(ctx, store, spec.Job)
	if err != nil {
		return job.Run{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	runs, err := s.Runs(ctx)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return job.Run{}, err
	}
	ref, err := s.PutSpec(ctx, spec)
	if err != nil {
		return job.Run{}, err
	}
	run := job.Run{Version: job.Version, Job: spec.Job, Epoch: len(runs) + 1, Store: store, Spec: ref}
	if len(runs) > 0 {
		last := runs[len(runs)-1]
		if last.Spec != ref {
			return job.Run{}, fmt.Errorf("the job %q exists with another spec: give the new job another name", spec.Job)
		}
		if !resume {
			return last, nil
		}
	}
	return run, s.PutRun(ctx, &run)
}

// Find returns the newest Run of a job in a state store, and its spec.
func Find(ctx context.Context, env Env, store job.Place, name string) (_ job.Run, _ *job.Spec, err error) {
	s, err := env.open(ctx, store, name)
	if err != nil {
		return job.Run{}, nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	runs, err := s.Runs(ctx)
	if err != nil {
		return job.Run{}, nil, err
	}
	run := runs[len(runs)-1]
	spec, err := s.Spec(ctx, &run)
	return run, spec, err
}
