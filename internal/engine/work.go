package engine

import (
	"context"
	"iter"

	"s3sync/internal/limits"
	"s3sync/internal/parallel"
	"s3sync/internal/report"
)

// A job is something to work on, with the permit to do so.
type job[T any] struct {
	value  T
	permit limits.Permit
}

// inParallel works on the values of the sequence that values returns, each after begin gave
// a permit. do returns what it did, and an error only if the run must end. At most n values
// are worked on at once. The permit is taken before the value is handed to a worker, so few
// values are in hand when a unit is stopped.
func inParallel[T any](ctx context.Context, n int, values func(context.Context) iter.Seq2[T, error],
	begin func(context.Context, T) (limits.Permit, error), do func(context.Context, T) (limits.Work, error),
) error {
	jobs := func(ctx context.Context) iter.Seq2[job[T], error] { return permitted(ctx, values(ctx), begin) }
	return parallel.ForEach(ctx, n, jobs, func(ctx context.Context, j job[T]) (err error) {
		var did limits.Work
		defer func() { j.permit.End(did) }()
		did, err = do(ctx, j.value)
		return err
	})
}

// permitted yields the values of seq, each with a permit. It returns a single-use iterator.
func permitted[T any](ctx context.Context, seq iter.Seq2[T, error], begin func(context.Context, T) (limits.Permit, error)) iter.Seq2[job[T], error] {
	return func(yield func(job[T], error) bool) {
		for v, err := range seq {
			j := job[T]{value: v}
			if err == nil {
				j.permit, err = begin(ctx, v)
			}
			if err != nil {
				yield(job[T]{}, err)
				return
			}
			if !yield(j, nil) {
				j.permit.End(limits.Work{})
				return
			}
		}
	}
}

// toldInOrder begins the key of each value that a sequence yields, so that the events of a dry
// run are in the order of the sequence. Whoever works on a value ends its key.
func toldInOrder[T any](record *report.Unit, values func(context.Context) iter.Seq2[T, error], key func(T) string) func(context.Context) iter.Seq2[T, error] {
	return func(ctx context.Context) iter.Seq2[T, error] {
		return func(yield func(T, error) bool) {
			stop := context.AfterFunc(ctx, record.StopWaiting)
			defer stop()
			for v, err := range values(ctx) {
				if err == nil {
					record.Begin(key(v))
				}
				if !yield(v, err) {
					return
				}
			}
		}
	}
}
