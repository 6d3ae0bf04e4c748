package s3sync

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"s3sync/internal/engine"
	"s3sync/internal/overlap"
	"s3sync/internal/report"
	"s3sync/storage"
)

// A Runner is a sync in parts. It is opened once. Then ranges of keys run, one after
// another or at once, on one machine or several. When all of them are done, target-only
// objects are deleted. The ranges share the limits of the run: the workers, the memory,
// the rates.
//
// Run may be called concurrently for ranges without a common key.
type Runner struct {
	cfg    *Config // effective
	record *report.Recorder
	engine *engine.Engine
	target report.Place
	closes []func() error // for everything that was opened, last one first
}

// A RangeResult is the result of one range of a [Runner].
type RangeResult = engine.Result

// ErrDeleteRefused is the kind of error of a run that would have deleted more than its
// user probably wants. The error says what would have been deleted and which setting
// allows it. Nothing was deleted; earlier transfers count.
var ErrDeleteRefused = engine.ErrDeleteRefused

// NewRunner opens both sides and checks that they support what cfg requires. The errors
// are those of [Sync]. If NewRunner succeeds, the caller ends the Runner with Finish.
// cfg must not change until then.
func NewRunner(ctx context.Context, cfg *Config) (*Runner, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := newRunner(ctx, cfg, report.PlaceOf(cfg.Target.Store, cfg.Target.URL))
	if err := r.open(ctx); err != nil {
		_, err = r.Finish(ctx, err)
		return nil, err
	}
	return r, nil
}

func newRunner(ctx context.Context, given *Config, target report.Place) *Runner {
	cfg := given.effective()
	r := &Runner{cfg: cfg, target: target, record: report.New(report.Options{
		Logger: cfg.Logger, OnEvent: cfg.OnEvent, OnProgress: cfg.OnProgress, Observer: report.ObserverOf(ctx), DryRun: cfg.DryRun, WarnAsError: cfg.WarnAsError,
		Status: cfg.Report.Status, Source: report.PlaceOf(cfg.Source.Store, cfg.Source.URL), Target: target,
	})}
	r.record.Emit(Event{Type: EventStart})
	return r
}

// open opens both sides and creates the engine between them.
func (r *Runner) open(ctx context.Context) error {
	source, err := r.keep(&r.cfg.Source)(r.cfg.OpenSource(ctx, r.record.Notice))
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	r.record.Watch(source, nil)
	one, err := r.findSingle(ctx, source)
	if err != nil {
		return err
	}
	if one != nil {
		if one.Target != nil {
			r.cfg.Target.URL = one.Target.URL()
			r.target = report.PlaceOfOne(one.Target.Location())
		}
		r.record.SetPlaces(report.PlaceOfOne(one.Source), r.target)
	}
	target, err := r.keep(&r.cfg.Target)(r.cfg.OpenTarget(ctx, r.record.Notice))
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	r.record.Watch(source, target)
	opts := r.cfg.engineOptions(r.target)
	if one == nil {
		opts.OneBucket, err = r.checkOverlap(ctx, source, target)
	} else {
		source, target = one.Stores(source, target)
		opts.Listed = r.cfg.Filter.listed(report.Place{}) // the key is the name
	}
	if err == nil {
		r.engine, err = engine.New(ctx, opts, source, target, r.record)
	}
	return err
}

// keep lets Finish close the store of a side if it was opened.
func (r *Runner) keep(e *Endpoint) func(storage.Store, error) (storage.Store, error) {
	return func(store storage.Store, err error) (storage.Store, error) {
		if err == nil && e.Store == nil {
			r.closes = append(r.closes, store.Close)
		}
		return store, err
	}
}

// checkOverlap compares what the stores of both sides reach. It fails with a
// *ConfigError if they overlap, and returns a suspicion if that is unknown.
func (r *Runner) checkOverlap(ctx context.Context, source, target storage.Store) (*engine.OneBucket, error) {
	kind, suspicion := overlap.Between(ctx, source, target, r.cfg.Range)
	if suspicion != nil {
		return &engine.OneBucket{Names: suspicion.Names, Prefix: suspicion.Prefix, Holds: suspicion.Holds}, nil
	}
	return nil, r.cfg.overlapFault(kind)
}

// Run compares and transfers the objects of a range of keys, and collects the
// target-only objects of the range; it deletes nothing. The range consists of keys
// under which the target lists objects, and lies in Config.Range.
//
// If stop is closed, Run ends before the next key and returns what was done until then:
// the result is Stopped, and the rest begins at its Range.To. At least one key is
// processed. stop may be nil.
//
// The result is never nil. An error ends the run: pass it to Finish, and ignore the
// result. If ctx was cancelled, the error is its cause, and the range may be run again.
// Failures of objects are not an error, but are in the result.
//
// Close a result that is not needed any more, because it may hold memory or a temporary
// file for the target-only objects. Finish closes the others.
func (r *Runner) Run(ctx context.Context, keys storage.Range, stop <-chan struct{}) (*RangeResult, error) {
	return r.engine.Run(ctx, engine.Unit{Range: keys, Stop: stop})
}

// Delete deletes target-only objects if Config.Delete is enabled and, in all ranges,
// every listing was complete and every transfer succeeded. The ranges of the results
// must tile Config.Range; only in a dry run may they be results of a dry run.
// Otherwise, or if the deletion is probably a mistake, the error is an
// ErrDeleteRefused. Each result must be from the last run of its range, and no range
// may be running: objects that came to the source since then would be deleted. With
// Filter.IgnoreFile the results must be of this Runner, which knows the files as they were.
func (r *Runner) Delete(ctx context.Context, results ...*RangeResult) error {
	return r.engine.Delete(ctx, results)
}

// Finish ends the run, closes everything that was opened, and returns the report of the
// whole run. err is the error that ended the run before, or nil. The error is as that
// of [Sync]. The report is never nil. No method may be called after Finish.
func (r *Runner) Finish(ctx context.Context, err error) (*Report, error) {
	if r.engine != nil {
		err = errors.Join(err, r.engine.Close())
	}
	for _, closeStore := range slices.Backward(r.closes) {
		err = errors.Join(err, closeStore())
	}
	return r.record.Finish(ctx, err)
}
