package s3sync

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"sync"
	"sync/atomic"

	"s3sync/internal/buffer"
	"s3sync/internal/checksum"
	"s3sync/internal/extsort"
	"s3sync/internal/filter"
	"s3sync/internal/parallel"
	"s3sync/internal/ratelimit"
	"s3sync/internal/retry"
	"s3sync/internal/setting"
	"s3sync/internal/spool"
	"s3sync/storage"
)

// Sync makes the target hold what the source holds, as cfg says, and returns
// what it did. The report is never nil, also when the error is not.
//
// The error is a [*ConfigError] (or several, joined) if cfg is not valid;
// nothing was touched then. It is the cause of ctx if the run was interrupted;
// multipart uploads that were open are aborted and temporary files removed
// first. It says that objects failed if any did: the others were transferred
// nevertheless, unless FailFast is set. An object that was left out for a reason
// the user should know is a warning in the report, not an error.
//
// cfg must not be changed while Sync runs. Several runs may go on at once if
// they do not share a target.
func Sync(ctx context.Context, cfg *Config) (*Report, error) {
	if err := cfg.Validate(); err != nil {
		return &Report{}, err
	}
	return syncAt(ctx, cfg, placeOf(cfg.Source), placeOf(cfg.Target))
}

// syncAt is Sync with a Config that is valid, between two places.
func syncAt(ctx context.Context, cfg *Config, source, target place) (*Report, error) {
	given := cfg
	cfg = cfg.effective()
	log := &logger{slog: cfg.Logger, source: source, target: target}
	report := newReporter(cfg, log)
	report.emit(Event{Type: EventStart})
	err := open(ctx, given, cfg, report, log)
	return report.finish(ctx, err)
}

// open reaches both sides and runs the sync between them. given is what the caller
// of Sync gave, whose fields a *ConfigError names.
func open(ctx context.Context, given, cfg *Config, report *reporter, log *logger) (err error) {
	source, err := openSource(ctx, cfg, report)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	defer closeStore(cfg.Source, source, &err)
	report.watch(source, nil)
	one, err := findSingle(ctx, given, cfg, source, report)
	if err != nil {
		return err
	}
	if one != nil && cfg.Target.Store == nil {
		cfg.Target.URL, log.target = one.target.url(), one.target.place()
	}
	target, err := openTarget(ctx, cfg, report)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	defer closeStore(cfg.Target, target, &err)
	report.watch(source, target)
	var suspicion *suspicion
	if one == nil {
		suspicion, err = checkOverlap(ctx, given, source, target)
	} else if source = one.sourceOf(source); cfg.Target.Store == nil {
		target = one.targetOf(target)
	}
	if err != nil {
		return err
	}
	s := newSyncer(cfg, source, target, report, log)
	s.suspicion = suspicion
	defer s.close(&err)
	defer s.tellNotes()
	return s.run(ctx)
}

// closeStore closes a store that Sync opened.
func closeStore(e Endpoint, store storage.Store, err *error) {
	if e.Store == nil {
		*err = errors.Join(*err, store.Close())
	}
}

// A syncer is one run: the two sides, and what all its objects share.
type syncer struct {
	cfg            *Config
	source, target storage.Store
	sourceLocal    bool
	targetLocal    bool

	// suspicion: the sides may be one bucket under two names; nil if they are not.
	suspicion *suspicion

	mapper storage.KeyMapper // the target, if it cannot hold every key
	copier storage.Copier    // the target, if it copies by itself
	report *reporter
	log    *logger

	keys     storage.Range // what is listed of both sides
	filter   filter.Filter
	contents []contentFilter
	policy   retry.Policy
	objects  *ratelimit.Limiter
	buffers  *buffer.Pool
	permits  chan struct{} // one for each part in flight
	hasher   *checksum.Hasher

	doomed *spool.Spool    // what only the target has
	strays *extsort.Sorter // what the target holds under another key
	// strayed: there are strays.
	strayed bool

	// Counts of the join: keys of the source, before filters; keys that the target
	// listed; keys of the source that are files of the same name in the target, and
	// those of them that it did not list.
	found, held, plain, missing int64
	// added counts what was transferred and is new in the target's listing.
	added atomic.Int64

	tags          map[string]string // Tagging.Set
	tagCounts     tagCounts
	preprocessing sync.Mutex // held during Config.Preprocess
	checksumLost  sync.Once  // warns of checksums that the target does not keep

	notes notes // counts of what is told at the end

	// opaque: an ETag that says nothing of the content was seen, so that others
	// are likely to be of that kind.
	opaque atomic.Bool

	// protected are keys of what the source has and cannot list.
	protected keySet

	// unsafe: a transfer did not succeed, so that nothing may be deleted.
	unsafe atomic.Bool
}

func newSyncer(cfg *Config, source, target storage.Store, report *reporter, log *logger) *syncer {
	mapper, _ := storage.As[storage.KeyMapper](target)
	s := &syncer{
		cfg:         cfg,
		source:      source,
		target:      target,
		sourceLocal: source.Caps().Files,
		targetLocal: target.Caps().Files,
		mapper:      mapper,
		report:      report,
		log:         log,
		filter:      filter.New(cfg.Filter.listed()),
		policy:      retry.Policy{Count: cfg.Retry.ForceCount, Interval: cfg.Retry.ForceInterval},
		objects:     ratelimit.Objects(cfg.Transfer.ObjectsPerSecond),
		buffers:     buffer.New(cfg.memory()),
		permits:     make(chan struct{}, cfg.Transfer.ParallelParts),
		hasher:      checksum.NewHasher(),
		doomed:      spool.New(0),
		strays:      extsort.New(0),
	}
	s.keys = s.keyRange()
	s.contents = s.contentFilters()
	if cfg.Tagging.Set != "" {
		s.tags, _ = parseTags(cfg.Tagging.Set) // Validate has done so
	}
	return s
}

func (s *syncer) close(err *error) {
	s.hasher.Close()
	*err = errors.Join(*err, s.doomed.Close(), s.strays.Close())
}

// run is the whole sync: compare and transfer, then the keys that go elsewhere,
// then the deletions.
func (s *syncer) run(ctx context.Context) error {
	if s.cfg.Delete.Enable && s.mapper != nil && s.cfg.Range != (storage.Range{}) {
		// A key outside of the range can be that of a file inside, as "/a" is of "a".
		return errors.New("objects of a range of keys cannot be deleted in a directory, where files can have other names than their keys")
	}
	if err := s.checkVersioning(ctx); err != nil {
		return err
	}
	if _, _, err := s.taggers(); err != nil && (s.cfg.Tagging.SyncLatest || s.cfg.Report.Tagging) {
		return err
	}
	if err := s.useCopier(); err != nil {
		return err
	}
	if s.cfg.Versioning.Enable {
		return s.syncVersions(ctx)
	}
	if err := s.findSiblings(ctx); err != nil {
		return err
	}
	if err := s.work(ctx, "compare and transfer", s.items(ctx)); err != nil {
		return err
	}
	if s.strayed {
		if err := s.work(ctx, "transfer to mapped keys", s.strayItems(ctx)); err != nil {
			return err
		}
	}
	s.checkPlace(ctx)
	if !s.cfg.Delete.Enable {
		return nil
	}
	return s.deleteExtraneous(ctx)
}

// work lets the workers process items.
func (s *syncer) work(ctx context.Context, stage string, items iter.Seq2[item, error]) error {
	end := s.log.span(stage)
	defer end()
	return parallel.ForEach(ctx, s.cfg.Transfer.Workers, items, s.process)
}

// process takes one item through its decision and transfer. It returns an error
// only if the run must end.
func (s *syncer) process(ctx context.Context, it item) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.cfg.Report.Status {
		return s.settle(ctx, &it, s.status(ctx, &it))
	}
	transfer, err := s.decide(ctx, &it)
	if err != nil {
		return s.settle(ctx, &it, err)
	}
	switch {
	case !transfer && s.cfg.Tagging.SyncLatest:
		return s.settle(ctx, &it, s.syncTags(ctx, &it))
	case !transfer:
		s.skip(&it, it.reason)
		return nil
	}
	return s.settle(ctx, &it, s.move(ctx, &it))
}

// move transfers an item that is to be transferred, unless a filter of contents
// leaves it out. Its errors are for settle.
func (s *syncer) move(ctx context.Context, it *item) error {
	if ok, err := s.selectsContent(ctx, it); err != nil || !ok {
		return err
	}
	if err := s.possible(it); err != nil {
		return err
	}
	if err := s.objects.WaitN(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	if s.cfg.DryRun {
		if err := s.readable(ctx, it); err != nil {
			return err
		}
		s.report.bytes.Add(it.source.Size)
		s.report.emit(it.event(EventTransferred))
		s.countNew(it)
		return nil
	}
	attempt := 0
	err := s.again(ctx, it.key(), func(ctx context.Context) error {
		defer func() { attempt++ }()
		if s.mapper != nil && isDirectory(it.mapped) {
			return s.makeDirectory(ctx, it)
		}
		return s.transfer(ctx, it, attempt)
	})
	if err == nil {
		s.countNew(it)
	}
	return err
}

// countNew counts what is new in the target's listing. Directories are not listed.
func (s *syncer) countNew(it *item) {
	if !it.exists && (s.mapper == nil || !isDirectory(it.mapped)) {
		s.added.Add(1)
	}
}

// possible fails if a listing tells already that an object cannot be transferred.
func (s *syncer) possible(it *item) error {
	switch {
	case it.source.Archived:
		return &storage.Error{Op: "open", Key: it.key(), Err: storage.ErrArchived}
	case s.cfg.Condition.IfNoneMatch && it.exists:
		// The server is asked, too, but not every server knows of the condition.
		return &storage.Error{Op: "put", Key: it.key(), Err: fmt.Errorf("%w: the target has it", storage.ErrPrecondition)}
	}
	return nil
}

// readable fails if an object cannot be read that may be archived. A run finds
// that out when it reads the object; a dry run asks for a single byte.
func (s *syncer) readable(ctx context.Context, it *item) error {
	if !it.source.MaybeArchived {
		return nil
	}
	return s.again(ctx, it.key(), func(ctx context.Context) error {
		r, err := s.source.Open(ctx, it.key(), storage.OpenOptions{VersionID: it.source.VersionID, First: 1})
		switch {
		case storage.Gone(err):
			return fmt.Errorf("%w: %w", errGone, err)
		case err != nil:
			return ofSource(err)
		}
		return ofSource(r.Close())
	})
}

// decide applies the update check. An error says also that nothing can be
// decided.
func (s *syncer) decide(ctx context.Context, it *item) (transfer bool, err error) {
	f, err := s.comparison(it).run(ctx)
	if err != nil {
		return false, err
	}
	it.reason, it.sums = f.reason, f.sums
	if errors.Is(f.err, errUndecided) {
		s.notes.undecided.Add(1)
		return true, nil
	}
	if s.cfg.Check.Mode == CheckNewer && f.reason == ReasonSame && it.source.Size != it.target.Size {
		s.notes.sizes.Add(1)
	}
	return f.likeness == different, f.err
}

// settle decides what a failure means for the object and the run. It returns an
// error only if the run must end. It is the one place of that policy.
func (s *syncer) settle(ctx context.Context, it *item, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errIncomparable):
		ev := it.event(EventWarning)
		ev.Err = err
		s.report.emit(ev)
		return nil
	case errors.Is(err, ErrSkip):
		it.reason = ReasonPreprocess
		s.report.emit(it.event(EventCancelled))
		return nil
	case errors.Is(err, storage.ErrArchived) && s.cfg.IgnoreArchived:
		s.skip(it, ReasonArchived)
		return nil
	case errors.Is(err, storage.ErrArchived):
		s.warn(it, setting.Errorf("%w; it must be restored first (%s leaves such objects out silently)", err, setting.Name("IgnoreArchived")))
	case errors.Is(err, errGone), errors.Is(err, errPassed), errors.Is(err, storage.ErrUnstorable):
		s.warn(it, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, storage.ErrPrecondition),
		errors.Is(err, storage.ErrChanged) && s.sourceLocal:
		s.unsafe.Store(true)
		s.warn(it, err)
	default:
		callback, isCallback := errors.AsType[*callbackError](err)
		if isCallback {
			err = callback.err
		}
		s.unsafe.Store(true)
		s.report.emit(Event{Type: EventFailed, Key: it.key(), Source: it.source, Target: it.target, Err: err})
		if isCallback {
			return reportedError{err}
		}
		return s.fatal(ctx, err)
	}
	if s.cfg.WarnAsError {
		return s.fatal(ctx, err)
	}
	return nil
}

// fatal returns err if it must end the run.
func (s *syncer) fatal(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case s.cfg.FailFast, errors.Is(err, storage.ErrUnusable):
		return reportedError{err}
	}
	return nil
}

// reportedError marks a failure whose event was emitted already.
type reportedError struct{ error }

func (e reportedError) Unwrap() error { return e.error }

func (s *syncer) skip(it *item, why Reason) {
	it.reason = why
	s.report.emit(it.event(EventSkipped))
}

// warn reports an object that is left out.
func (s *syncer) warn(it *item, err error) {
	if s.cfg.WarnAsError {
		s.unsafe.Store(true)
	}
	s.report.emit(Event{Type: s.warningType(), Key: it.key(), Source: it.source, Target: it.target, Err: err})
}

func (s *syncer) warningType() EventType {
	if s.cfg.WarnAsError {
		return EventFailed
	}
	return EventWarning
}
