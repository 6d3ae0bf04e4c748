package s3sync

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"

	"s3sync/internal/engine"
	"s3sync/internal/overlap"
	"s3sync/internal/parallel"
	"s3sync/internal/report"
	"s3sync/internal/resume"
	"s3sync/internal/rules"
	"s3sync/internal/state"
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
	// unfinished, if not nil, keeps the objects in parts that are begun and not finished.
	unfinished resume.Records
	// besides, if set, is told of a place besides the sides whose objects are there, too.
	besides func(place string)
	// adapt, if set, changes the options of the engine.
	adapt func(opts *engine.Options, source, target storage.Store) error
	// adaptState, if set, changes the options of the state.
	adaptState func(opts *state.Options)
}

// A RangeResult is the result of one range of a [Runner].
type RangeResult = engine.Result

// ErrDeleteRefused is the kind of error of a run that would have deleted more than its
// user probably wants. The error says what would have been deleted and which setting
// allows it. Nothing was deleted; earlier transfers count.
var ErrDeleteRefused = engine.ErrDeleteRefused

// A PanicError is a panic while a key was worked on. It is a fault of the program, or of a
// store or callback of the caller, and ends the run.
type PanicError = parallel.PanicError

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
	r.openState(&opts, source, target)
	if one == nil {
		opts.OneBucket, err = r.checkOverlap(ctx, source, target)
	} else {
		source, target = one.Stores(source, target)
		opts.Listed = r.cfg.Filter.listed(report.Place{}) // the key is the name
	}
	if err == nil && r.adapt != nil {
		err = r.adapt(&opts, source, target)
	}
	if err == nil {
		source, target, err = r.applyLists(ctx, source, target)
	}
	if err == nil {
		opts.Trash, err = r.openTrash(ctx, source, target, one != nil)
	}
	if err == nil {
		r.engine, err = engine.New(ctx, opts, source, target, r.record)
	}
	return err
}

// openState opens what outlives the run, unless a side cannot say where it is. A dry run and
// a report keep nothing there but the digests of files that they read.
func (r *Runner) openState(opts *engine.Options, source, target storage.Store) {
	if records := r.cfg.Resume.Records; records != nil && !r.cfg.DryRun {
		opts.Transfer.Journal = r.openJournal(records, target, func() {})
		return
	}
	pair, ok := state.PairOf(source, target)
	if r.cfg.State.Dir == "" || !ok {
		return
	}
	stateOpts := state.Options{Dir: r.cfg.State.Dir, Pair: pair, MaxSize: r.cfg.State.MaxSize, Notice: r.stateNotice}
	if r.adaptState != nil {
		r.adaptState(&stateOpts)
	}
	s := state.Open(stateOpts)
	if s == nil {
		return
	}
	memory := s.Memory()
	opts.Memory, opts.Compare.Cache, opts.Compare.VerifyCache = memory, memory, float64(r.cfg.State.VerifyCache)
	opts.Transfer.KeepDigests = source.Caps().Files != target.Caps().Files
	if r.cfg.DryRun {
		r.closes = append(r.closes, func() error { s.Close(); return nil })
		return
	}
	unfinished := s.Unfinished()
	opts.Transfer.Journal = r.openJournal(unfinished, target, func() {
		unfinished.Close()
		s.Close()
	})
	r.besides = unfinished.Besides
}

// openJournal opens the objects in parts that are begun and not finished in the target. Finish
// calls closeRecords after the last use of the records.
func (r *Runner) openJournal(records resume.Records, target storage.Store, closeRecords func()) *resume.Journal {
	journal := resume.Open(records, r.cfg.Resume.MaxAge)
	mark := ""
	if m, ok := storage.As[storage.Marker](target); ok {
		mark = m.Mark()
		for _, ended := range journal.Marked(mark) { // they had the records that are ours now
			m.Ended(ended)
		}
	}
	r.closes = append(r.closes, func() error {
		journal.Unmark(mark)
		closeRecords()
		return nil
	})
	r.unfinished = records
	return journal
}

// journalOf returns the objects in parts that are begun and not finished in a store besides
// the two sides. It is nil if nobody knows them.
func (r *Runner) journalOf(store storage.Store) *resume.Journal {
	place, ok := state.PlaceOf(store)
	if !ok || r.unfinished == nil {
		return nil
	}
	if r.besides != nil {
		r.besides(place)
	}
	return resume.Open(resume.In(r.unfinished, place), r.cfg.Resume.MaxAge)
}

// stateNotice tells what is wrong with the state. That is no warning of the run: it neither
// counts nor prevents a deletion, because the outcome is that of a run without state.
func (r *Runner) stateNotice(n storage.Notice) {
	if n.Warning {
		r.record.Log(slog.LevelWarn, n.Text)
		return
	}
	r.record.Notice(n)
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
	return nil, fault(rules.Overlap(kind, r.cfg.Delete.Enable))
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
// OnEvent received the events of the range when Run returns, except those of objects that
// were refused for lack of a permission: see [EventWarning]. So OnEvent must not wait for
// the end of Run.
//
// Close a result that is not needed any more, because it may hold memory or a temporary
// file for the target-only objects. Finish closes the others.
func (r *Runner) Run(ctx context.Context, keys storage.Range, stop <-chan struct{}) (*RangeResult, error) {
	result, err := r.engine.Run(ctx, engine.Unit{Range: keys, Stop: stop})
	r.record.Deliver()
	return result, err
}

// Delete deletes target-only objects if Config.Delete is enabled and, in all ranges,
// every listing was complete and every transfer succeeded. The ranges of the results
// must tile Config.Range; only in a dry run may they be results of a dry run.
// Otherwise, or if the deletion is probably a mistake, the error is an
// ErrDeleteRefused. Each result must be from the last run of its range, and no range
// may be running: objects that came to the source since then would be deleted. The
// results must be of Runners with the same sides, and the same settings of what is
// extraneous: Filter.Exclude, Globs and IgnoreFile, Delete.Enable and Excluded,
// Versioning.PointInTime, Local.IgnoreSymlinks, and Trash.URL. With Filter.IgnoreFile they must be
// of this Runner, which knows the files as they were.
func (r *Runner) Delete(ctx context.Context, results ...*RangeResult) error {
	return r.engine.Delete(ctx, results)
}

// A DeletePermit says that the target-only objects of all ranges of a run may be deleted.
// It can be written as JSON.
type DeletePermit = engine.Permit

// Permit decides as Delete does, but deletes nothing: for deletions that are made in
// parts, perhaps on several machines. The same holds for the results. If nothing may be
// deleted, the error is an ErrDeleteRefused, also if a listing was not complete or a
// transfer failed.
func (r *Runner) Permit(ctx context.Context, results ...*RangeResult) (*DeletePermit, error) {
	return r.engine.Permit(ctx, results)
}

// DeletePermitted deletes target-only objects of a range: at most most of them, which is
// the number that a permit has for the result of the range. objects are from
// RangeResult.Extraneous, in the same order. It looks at both sides right before it
// deletes: an object that the source has now, or that changed, is kept with a warning. One
// that is gone already counts as deleted. So if DeletePermitted was interrupted, it may be
// called again with the same objects, and the last call counts for all of them. The
// settings must be those of the Runner that made the permit.
func (r *Runner) DeletePermitted(ctx context.Context, permit *DeletePermit, most int64, objects iter.Seq2[storage.Object, error]) error {
	err := r.engine.DeletePermitted(ctx, permit, most, objects)
	r.record.Deliver()
	return err
}

// Requests returns how many requests were made to both sides until now, and of these how
// many a server asked to come later. It may be called concurrently.
func (r *Runner) Requests() (all, throttled int64) { return r.record.Requests() }

// DiscardUnfinished removes from the target what Config.Resume.Records or Config.State.Dir know
// of objects in parts that no run finished, and which no Run of this Runner began or went on
// with. It is for the end of a job whose next run would not go on with them. What cannot be
// removed stays in the records, and is the error.
func (r *Runner) DiscardUnfinished(ctx context.Context) error { return r.engine.DiscardUnfinished(ctx) }

// Finish ends the run, closes everything that was opened, and returns the report of the
// whole run. err is the error that ended the run before, or nil. The error is as that
// of [Sync]. The report is never nil. No method may be called after Finish.
func (r *Runner) Finish(ctx context.Context, err error) (*Report, error) {
	if r.engine != nil {
		r.engine.EndTrash(ctx, err)
		err = errors.Join(err, r.engine.Close())
	}
	for _, closeStore := range slices.Backward(r.closes) {
		err = errors.Join(err, closeStore())
	}
	return r.record.Finish(ctx, err)
}
