package lease

import (
	"context"
	"errors"

	"s3sync"
	"s3sync/cluster/internal/job"
)

// discardUnfinished removes what the leases of the job, of all epochs, began to write in parts
// and did not finish: nobody goes on with it any more.
func (w *work) discardUnfinished(ctx context.Context) error {
	for {
		before, after, err := w.discardSome(ctx)
		if err != nil || after == 0 || after == before {
			return err
		}
	}
}

// discardSome removes as many as an Unfinished has. It returns how many these were, and how
// many of them are left.
func (w *work) discardSome(ctx context.Context) (before, after int, err error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	unfinished, err := w.store.Unfinished(ctx, job.Keys{}, giveUp)
	if err != nil {
		return 0, 0, err
	}
	defer func() {
		after = unfinished.Len()
		err = errors.Join(err, unfinished.Close(ctx))
	}()
	if before = unfinished.Len(); before == 0 {
		return 0, 0, nil
	}
	cfg, err := w.config(job.Limits{})
	if err != nil {
		return before, 0, err
	}
	cfg.Resume.Records = unfinished
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type == s3sync.EventProgress {
			w.env.beat(job.Progress{})
		}
	}
	runner, err := s3sync.NewRunner(ctx, cfg)
	if err != nil {
		return before, 0, err
	}
	_, err = runner.Finish(ctx, runner.DiscardUnfinished(ctx))
	return before, 0, err
}
