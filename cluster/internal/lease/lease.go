// Package lease carries out the parts of a job: it is what the activities of the engine
// call. It knows no engine, so that it is tested without one.
package lease

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/truth"
	"s3sync/storage"
)

// ofAnyAge is how long ago an object may have been begun, unless the job says otherwise.
const ofAnyAge = 100 * 365 * 24 * time.Hour

// ErrStop is the kind of error that another attempt does not mend: a bucket that is
// missing, refused access, another spec, a clock that is wrong. The job waits for a
// person. Every other error is worth another attempt.
var ErrStop = errors.New("the job cannot go on")

// An Env is what a worker gives to its leases.
type Env struct {
	// Connect resolves the name of a connection. The lease sets the URL. An Endpoint with
	// a Store is used as it is, whatever the URL.
	Connect func(name string) (s3sync.Endpoint, error)
	// Worker is the name of the worker, for status and evidence.
	Worker string
	Logger *slog.Logger // nil logs nothing
	// Stop, if closed, ends leases of PhaseCopy at their next checkpoint: their results say
	// where the rest begins. It is for a worker that is to end.
	Stop <-chan struct{}
	// Beat, if set, is told that the lease is alive, at least at each checkpoint and before
	// each call that may take long. It may be called from any goroutine.
	Beat func(progress job.Progress)
}

// stopped reports whether the worker is to end.
func (e *Env) stopped() bool {
	select {
	case <-e.Stop:
		return true
	default:
		return false
	}
}

// beat tells that the lease is alive.
func (e *Env) beat(p job.Progress) {
	if e.Beat != nil {
		e.Beat(p)
	}
}

// endpoint returns how a place is reached by this worker.
func (e *Env) endpoint(p job.Place) (s3sync.Endpoint, error) {
	endpoint, err := e.Connect(p.Connection)
	if err != nil {
		return endpoint, fmt.Errorf("connection %q: %w", p.Connection, err)
	}
	if endpoint.Store == nil {
		endpoint.URL = p.URL
	}
	return endpoint, nil
}

// open opens the state of a job.
func (e *Env) open(ctx context.Context, store job.Place, name string) (*truth.Store, error) {
	endpoint, err := e.endpoint(store)
	if err != nil {
		return nil, fmt.Errorf("state store: %w", err)
	}
	return truth.Open(ctx, endpoint, name)
}

// A work is what a lease needs of its job.
type work struct {
	env   Env
	run   job.Run
	store *truth.Store
	spec  *job.Spec
}

// begin opens a job for a run of it. The caller closes the store. It fails with ErrStop if
// the job was planned anew.
func begin(ctx context.Context, env Env, run job.Run) (w *work, err error) {
	if run.Version != job.Version {
		return nil, fmt.Errorf("%w: the job is of version %d, and this program knows %d", ErrStop, run.Version, job.Version)
	}
	store, err := env.open(ctx, run.Store, run.Job)
	if err != nil {
		return nil, stopping(err)
	}
	defer func() {
		if err != nil {
			err = stopping(errors.Join(err, store.Close()))
		}
	}()
	runs, err := store.Runs(ctx)
	if err != nil {
		return nil, err
	}
	switch last := runs[len(runs)-1]; {
	case last.Epoch > run.Epoch:
		return nil, fmt.Errorf("%w: the job was planned anew (epoch %d), and this is epoch %d", ErrStop, last.Epoch, run.Epoch)
	case last.Epoch != run.Epoch || last.Spec != run.Spec:
		return nil, fmt.Errorf("%w: the state store knows another spec or epoch of the job", ErrStop)
	}
	spec, err := store.Spec(ctx, &run)
	if err != nil {
		return nil, err
	}
	w = &work{env: env, run: run, store: store, spec: spec}
	return w, w.sameSides(ctx)
}

// sameSides fails if the connections of this worker have the names of those that the first
// worker of the job looked through, and lead elsewhere.
func (w *work) sameSides(ctx context.Context) error {
	first, ok, err := w.store.Preflight(ctx, &w.run)
	if err != nil || !ok {
		return err
	}
	mine := job.Preflight{Worker: w.env.Worker, Spec: w.run.Spec.SHA256}
	if err := w.connections(&mine); err != nil {
		return err
	}
	if err := first.Differs(&mine); err != nil {
		return fmt.Errorf("%w: %w", ErrStop, err)
	}
	return nil
}

// connections sets the digests of the connections of this worker.
func (w *work) connections(p *job.Preflight) (err error) {
	for _, side := range []struct {
		place job.Place
		side  *job.Side
	}{{w.spec.Source, &p.Source}, {w.spec.Target, &p.Target}, {w.run.Store, &p.Store}} {
		if side.side.Connection, err = w.env.digest(side.place); err != nil {
			return err
		}
	}
	return nil
}

// close closes the state store, and says what the whole error means.
func (w *work) close(err *error) { *err = stopping(errors.Join(*err, w.store.Close())) }

// config returns the settings of the job for this worker.
func (w *work) config(share job.Limits) (*s3sync.Config, error) {
	cfg := *w.spec.Settings
	var err error
	if cfg.Source, err = w.env.endpoint(w.spec.Source); err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	if cfg.Target, err = w.env.endpoint(w.spec.Target); err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	cfg.Logger = w.env.Logger
	// A job may take longer than the pause between two runs, and its records are its own.
	if cfg.Resume.MaxAge == s3sync.DefaultConfig().Resume.MaxAge {
		cfg.Resume.MaxAge = ofAnyAge
	}
	cfg.Transfer.BytesPerSecond = share.Bytes
	if share.Requests > 0 {
		cfg.Transfer.ObjectsPerSecond = max(1, int(share.Requests))
	}
	return &cfg, nil
}

// result is what the engine hears of a lease that is done.
func (w *work) result(c *truth.Checkpoint, ref job.Ref) job.Result {
	return job.Result{Version: job.Version, Checkpoint: ref, Done: c.Done, Cursor: c.Cursor, Counters: c.Counters, Worker: w.env.Worker}
}

// stopping adds ErrStop to an error that another attempt does not mend.
func stopping(err error) error {
	_, wrong := errors.AsType[*s3sync.ConfigError](err)
	switch {
	case err == nil, errors.Is(err, ErrStop):
		return err
	case wrong, errors.Is(err, storage.ErrNoBucket), errors.Is(err, storage.ErrCredentials), errors.Is(err, fs.ErrPermission), errors.Is(err, truth.ErrDamaged):
		return fmt.Errorf("%w: %w", ErrStop, err)
	}
	return err
}
