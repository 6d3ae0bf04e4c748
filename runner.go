package s3sync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"s3sync/internal/engine"
	"s3sync/internal/overlap"
	"s3sync/internal/report"
	"s3sync/storage"
)

// A Runner is a sync that is done in parts. It is opened once; then ranges of keys
// are run, one after another or at once, on one machine or several, and what only the
// target has is deleted when all of them are done. The ranges share what bounds a run:
// the workers, the memory, the rates.
//
// Run may be called concurrently, for ranges that have no key in common.
type Runner struct {
	cfg    *Config // effective
	record *report.Recorder
	engine *engine.Engine
	target report.Place
	closes []func() error // of what was opened, the last one first

	mu      sync.Mutex
	results []*RangeResult // to be closed
}

// A RangeResult is what came of one range of a [Runner].
type RangeResult = engine.Result

// ErrDeleteRefused is the kind of error of a run that would have deleted more
// than its user can have meant. The error tells what would have gone and which
// setting permits it. Nothing was deleted; what was transferred before counts.
var ErrDeleteRefused = engine.ErrDeleteRefused

// NewRunner opens both sides and checks that they can do what cfg asks for. The
// errors are those of [Sync]. The caller ends the Runner with Finish, unless NewRunner
// fails. cfg must not be changed until then.
func NewRunner(ctx context.Context, cfg *Config) (*Runner, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := newRunner(cfg, placeOf(cfg.Target))
	if err := r.open(ctx); err != nil {
		_, err = r.Finish(ctx, err)
		return nil, err
	}
	return r, nil
}

func newRunner(given *Config, target report.Place) *Runner {
	cfg := given.effective()
	r := &Runner{cfg: cfg, target: target, record: report.New(report.Options{
		Logger: cfg.Logger, OnEvent: cfg.OnEvent, DryRun: cfg.DryRun, WarnAsError: cfg.WarnAsError,
		Status: cfg.Report.Status, Target: target,
	})}
	r.record.Emit(Event{Type: EventStart})
	return r
}

// open reaches both sides and puts the engine between them.
func (r *Runner) open(ctx context.Context) error {
	source, err := r.openSource(ctx)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	r.record.Watch(source, nil)
	one, err := r.findSingle(ctx, source)
	if err != nil {
		return err
	}
	if one != nil && one.Target != nil {
		r.cfg.Target.URL = one.Target.URL()
		path, local := one.Target.Path()
		r.target = report.Place{Local: local, Only: path}
		r.record.SetTarget(r.target)
	}
	target, err := r.openTarget(ctx)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	r.record.Watch(source, target)
	opts := r.cfg.engineOptions(r.target)
	if one == nil {
		opts.OneBucket, err = r.checkOverlap(ctx, source, target)
	} else {
		source, target = one.Stores(source, target)
	}
	if err == nil {
		r.engine, err = engine.New(ctx, opts, source, target, r.record)
	}
	return err
}

// checkOverlap compares what the stores of both sides reach. It fails with a
// *ConfigError if they overlap, and returns a suspicion if nobody can tell.
func (r *Runner) checkOverlap(ctx context.Context, source, target storage.Store) (*engine.OneBucket, error) {
	kind, suspicion := overlap.Between(ctx, source, target, r.cfg.Range)
	if suspicion != nil {
		return &engine.OneBucket{Names: suspicion.Names, Prefix: suspicion.Prefix, Holds: suspicion.Holds}, nil
	}
	return nil, r.cfg.overlapFault(kind)
}

// Run compares and transfers the objects of a range of keys, and collects what only
// the target has there; it deletes nothing. The range is that of the keys under which
// the target lists objects, and lies in Config.Range.
//
// If stop is closed Run ends before the next key and returns what was done until
// then: the result is Stopped, and what is left begins at its Range.To. At least one
// key is looked at. stop may be nil.
//
// The result is never nil. An error ends the run: it is for Finish, and the result
// counts for nothing. If ctx was cancelled the error is its cause, and the range may be
// run again. That objects failed is no error, but stands in the result.
func (r *Runner) Run(ctx context.Context, keys storage.Range, stop <-chan struct{}) (*RangeResult, error) {
	result, err := r.engine.Run(ctx, engine.Unit{Range: keys, Stop: stop})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, result)
	return result, err
}

// Delete deletes what only the target has, if Config.Delete is enabled and nothing
// speaks against it: a listing that was not complete, or a transfer that did not
// succeed, in any of the ranges. The ranges of the results must tile Config.Range, and
// only in a dry run may they be those of one. Otherwise, and where the whole looks like
// a mistake, the error is an ErrDeleteRefused. Each result must be that of the last
// time that its range was run, and no range may be running: an object that came to the
// source since then would be deleted.
func (r *Runner) Delete(ctx context.Context, results ...*RangeResult) error {
	return r.engine.Delete(ctx, results)
}

// Finish ends the run, closes what was opened, and returns what was done in all. err
// is the error that ended the run before, or nil. The error is as that of [Sync]. The
// report is never nil. Finish is called once, and no other method after it.
func (r *Runner) Finish(ctx context.Context, err error) (*Report, error) {
	if r.engine != nil {
		r.engine.Close()
	}
	for _, result := range r.results {
		err = errors.Join(err, result.Close())
	}
	for _, closeStore := range slices.Backward(r.closes) {
		err = errors.Join(err, closeStore())
	}
	return r.record.Finish(ctx, err)
}
