package lease

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/storage"
)

// mostSkew is how wrong the clock of a worker may be. Servers refuse requests at 15 minutes.
const mostSkew = 5 * time.Minute

// Preflight looks whether this worker can do the job.
func Preflight(ctx context.Context, env Env, run job.Run) (found job.Preflight, err error) {
	w, err := begin(ctx, env, run)
	if err != nil {
		return job.Preflight{}, err
	}
	defer w.close(&err)
	p := job.Preflight{
		Version: job.Version, Worker: env.Worker, Program: program(), Spec: run.Spec.SHA256,
		Limits: w.spec.Limits, Leases: w.spec.Leases, Approve: w.spec.Approve, Delete: w.spec.Settings.Delete.Enable,
	}
	if err := w.lookAtSides(ctx, &p); err != nil {
		return job.Preflight{}, err
	}
	if err := w.connections(&p); err != nil {
		return job.Preflight{}, err
	}
	p.Store.Ordered = true
	p.Clock = time.Now().UTC()
	if w.store.Buckets() {
		ref, err := w.store.PutJSON(ctx, "clock", p.Clock)
		if err != nil {
			return job.Preflight{}, err
		}
		written, err := w.store.Written(ctx, ref)
		if err != nil {
			return job.Preflight{}, err
		}
		if p.Skew = p.Clock.Sub(written).Truncate(time.Second); p.Skew.Abs() > mostSkew {
			return p, fmt.Errorf("%w: the clock of the worker %s differs by %v from that of the state store: set it right", ErrStop, env.Worker, p.Skew)
		}
	}
	return p, w.store.PutPreflight(ctx, &w.run, &p)
}

// lookAtSides opens both sides as a lease does, and lists a key of each.
func (w *work) lookAtSides(ctx context.Context, p *job.Preflight) error {
	cfg, err := w.config(job.Limits{})
	if err != nil {
		return err
	}
	runner, err := s3sync.NewRunner(ctx, cfg)
	if err != nil {
		return err
	}
	if _, err := runner.Finish(ctx, nil); err != nil {
		return err
	}
	cfg.AWS.MaxKeys, cfg.AWS.ParallelListings = 1, 1
	for _, side := range []struct {
		name  string
		own   storage.Store
		open  func(context.Context, func(storage.Notice)) (storage.Store, error)
		found *job.Side
	}{{"source", cfg.Source.Store, cfg.OpenSource, &p.Source}, {"target", cfg.Target.Store, cfg.OpenTarget, &p.Target}} {
		store, err := side.open(ctx, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", side.name, err)
		}
		side.found.Ordered = store.Caps().Ordered
		if side.found.Ordered { // others list everything first
			_, _, err = (&prober{store: store}).first(ctx, cfg.Range)
		}
		if err == nil {
			err = w.apart(ctx, store)
		}
		if side.own == nil {
			err = errors.Join(err, store.Close())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", side.name, err)
		}
	}
	return nil
}

// apart fails if a side holds the state of the job.
func (w *work) apart(ctx context.Context, side storage.Store) error {
	within, err := w.store.Within(ctx, side, w.run.Spec)
	if within {
		return fmt.Errorf("%w: it holds the state store of the job, which a sync would copy or delete: keep the state elsewhere", ErrStop)
	}
	return err
}

// digest returns a text that is equal for workers that reach the same by a connection.
func (e *Env) digest(p job.Place) (string, error) {
	endpoint, err := e.endpoint(p)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal([]any{p.URL, endpoint.EndpointURL, endpoint.Region, endpoint.PathStyle, endpoint.Accelerate, endpoint.RequestPayer})
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), err
}

// program is the version of this program.
func program() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return info.Main.Version
}
