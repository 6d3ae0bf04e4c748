package lease

import (
	"context"
	"errors"
	"math"
	"sync"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/storage"
)

// An object that is big is shared by several workers. The lease of its range only begins it, and
// keeps it among the failures. Then leases of PhaseParts transfer slices of the parts of all big
// objects of a range, on any workers. At last a sweep, as of any failure, finds the parts,
// sends what is missing, verifies the object and publishes it. So no lease of PhaseParts
// decides anything, and what it could not do costs time alone.

const (
	// mostSlices bounds the leases of PhaseParts of a verdict, which is a message of the engine:
	// they have some 500 bytes each. The parts of objects for which there is no slice are those
	// of their sweep.
	mostSlices = 1000
	// slicesOfObject is how many workers share an object of the size from which objects are big.
	slicesOfObject = 4
	// partsAttempts is how often a slice is tried. The sweep sends what is missing then.
	partsAttempts = 20
)

var errEnding = errors.New("the worker is to end")

// slices returns leases of PhaseParts for the big objects of ranges.
func (w *work) slices(chains []*chain) (leases []job.Lease) {
	total := int64(0)
	for _, ch := range chains {
		total += ch.big
	}
	size := max(1, total/(mostSlices/2)+1, min(w.spec.BigObjectSize(), math.MaxInt64-slicesOfObject)/slicesOfObject)
	for _, ch := range chains {
		n := int((ch.big + size - 1) / size)
		for i := range min(n, mostSlices-len(leases)) {
			leases = append(leases, job.Lease{
				Version: job.Version, Phase: job.PhaseParts, Range: ch.last.Range, Generation: ch.last.Generation, Previous: ch.ref, Slice: i, Slices: n,
			})
		}
	}
	return leases
}

// Parts carries out a lease of PhaseParts. Its result is that of the lease before.
func Parts(ctx context.Context, env Env, l job.Lease, attempt int) (result job.Result, err error) {
	w, err := begin(ctx, env, l.Run)
	if err != nil {
		return job.Result{}, err
	}
	defer w.close(&err)
	done := job.Result{Version: job.Version, Checkpoint: l.Previous, Done: true, Worker: env.Worker}
	if attempt > partsAttempts {
		return done, nil
	}
	base, err := w.chain(ctx, l.Previous)
	if err != nil {
		return job.Result{}, err
	}
	all := 0
	for r, err := range w.store.Records(ctx, base.failures) {
		if err != nil {
			return job.Result{}, err
		}
		all += r.Parts
	}
	from, to := all*l.Slice/max(l.Slices, 1), all*(l.Slice+1)/max(l.Slices, 1)
	at := 0
	for r, err := range w.store.Records(ctx, base.failures) {
		if err != nil {
			return job.Result{}, err
		}
		some := s3sync.PartRange{First: max(from-at, 0) + 1, End: min(to-at, r.Parts) + 1}
		at += r.Parts
		if some.First >= some.End {
			continue
		}
		if err := w.parts(ctx, &l, r.Key, some); err != nil {
			return job.Result{}, err
		}
	}
	return done, nil
}

// parts transfers parts of an object. An error is worth another attempt.
func (w *work) parts(ctx context.Context, l *job.Lease, key job.Key, some s3sync.PartRange) (err error) {
	if w.env.stopped() {
		return errEnding
	}
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	keys := job.Keys{From: key, To: key + "\x00"}
	unfinished, err := w.store.Unfinished(ctx, keys, giveUp)
	if err != nil {
		return err
	}
	defer func() { _ = unfinished.Close(ctx) }() // else parts are read again
	cfg, err := w.config(l.Share)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var failed error
	cfg.Logger = nil // it would tell of each slice that the object is kept; the sweep tells what failed
	cfg.Resume.Records = unfinished
	cfg.Transfer.PartsOf = func(storage.Object) *s3sync.PartRange { return &some }
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type == s3sync.EventProgress {
			w.env.beat(job.Progress{Checkpoint: l.Previous})
		}
		if ev.Type == s3sync.EventFailed && storage.Retryable(ev.Err) {
			mu.Lock()
			defer mu.Unlock()
			failed = ev.Err
		}
	}
	runner, err := s3sync.NewRunner(ctx, cfg)
	if err != nil {
		return err
	}
	r, err := runner.Run(ctx, keys.Range(), nil)
	if err == nil {
		err = r.Close()
	}
	if report, finishErr := runner.Finish(ctx, err); err != nil || report.Failed == 0 {
		err = finishErr
	}
	mu.Lock()
	defer mu.Unlock()
	return errors.Join(err, failed)
}
