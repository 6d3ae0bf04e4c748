package engine

import (
	"context"
	"iter"

	"s3sync/internal/parallel"
	"s3sync/internal/plan"
)

// mostAhead is how many actions may wait for a worker if somebody watches the progress.
// So the totals of runs up to this size are known soon, and the memory is bounded: an
// action takes less than 1 KiB besides its keys.
const mostAhead = 10_000

// lookAhead lets the listings run ahead of the workers, as far as mostAhead allows.
// Otherwise what is found would hardly ever be more than what is done.
func lookAhead(actions func(context.Context) iter.Seq2[*plan.Action, error]) func(context.Context) iter.Seq2[*plan.Action, error] {
	return func(ctx context.Context) iter.Seq2[*plan.Action, error] {
		return parallel.Ahead(ctx, mostAhead, actions)
	}
}
