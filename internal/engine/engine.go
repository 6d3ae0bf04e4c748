// Package engine connects the stages: it runs them over ranges of keys, decides what a
// failure means, and deletes target-only objects after everything else succeeded. The
// stages return values. Only the engine turns them into outcomes, events and log
// records.
//
// An Engine is opened once for a run. Its units are ranges of keys, which run one
// after another or at once and share its limits. See docs/ARCHITECTURE.md.
package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"s3sync/internal/attributes"
	"s3sync/internal/checksum"
	"s3sync/internal/compare"
	"s3sync/internal/gate"
	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/report"
	"s3sync/internal/retry"
	"s3sync/internal/selection"
	"s3sync/internal/setting"
	"s3sync/internal/side"
	"s3sync/internal/transfer"
	"s3sync/storage"
)

// Options say what a run does. They come from a valid Config: see options.go of the
// root package.
type Options struct {
	// Range is the range of keys that the run may look at. The results of its units
	// tile it.
	Range storage.Range
	// Fingerprint is equal for runs whose settings decide alike what is extraneous.
	Fingerprint string
	// TargetPlace gives the place of a key, for the log and for partial prefixes.
	TargetPlace report.Place

	// DryRun says what would be done and writes nothing.
	DryRun bool
	// Note, if set, is told of each action that a dry run would carry out, one after the
	// other: in the order of the keys, and deletions last. It must not keep the action.
	Note func(*plan.Action)
	// Applies: the engine carries out a plan: see Apply.
	Applies bool
	// Report compares and reports instead of syncing.
	Report Report
	// SyncTags replaces the tags of unchanged objects by those of the source.
	SyncTags bool
	// Versions syncs all versions, and AllMarkers the delete markers between them.
	Versions, AllMarkers bool
	// PointInTime, if set, selects the state of the source at that time.
	PointInTime time.Time

	// WarnAsError, FailFast and IgnoreArchived are those of the Config.
	WarnAsError, FailFast, IgnoreArchived bool
	// IfNoneMatch writes only objects that the target does not have. IfMatch writes an
	// object only if the target has not changed since the comparison.
	// CopySourceIfMatch copies only what was listed.
	IfNoneMatch, IfMatch, CopySourceIfMatch bool
	// ListTarget lists the target. Otherwise none of its objects is known in advance.
	ListTarget bool
	// ByTime: the update check looks at times alone.
	ByTime bool
	// Preprocesses: a callback may skip objects.
	Preprocesses bool

	Delete    gate.Options
	OneBucket *OneBucket
	// Trash, if set, keeps what is replaced and deleted.
	Trash  *Trash
	Retry  retry.Policy
	Limits limits.Options
	Listed selection.Options
	// IgnoreFile, if set, is the name of files that exclude keys of the source: see
	// glob.Ignore. The source must consist of files.
	IgnoreFile string
	Contents   selection.ContentOptions
	Compare    compare.Options
	Attributes attributes.Options
	Transfer   transfer.Options
	// Memory, if set, is told for later runs what this one found out.
	Memory Memory
}

// A Memory remembers what a run found out. Its methods may be called concurrently.
type Memory interface {
	// Sent remembers that a file was uploaded, as it was opened after that time.
	Sent(file *storage.Object, after time.Time, digests []checksum.Computed)
	// Wrote remembers the digests of a file that was downloaded.
	Wrote(file *storage.Object, digests []checksum.Computed)
	// Copy remembers that target was written and verified as a copy of source.
	Copy(source, target *storage.Object)
}

// An Engine is one run. Its methods may be called concurrently, except Close.
type Engine struct {
	opts           Options
	policy         policy
	source, target *side.Side
	live           *side.Side // the source without a list in the place of its listing
	vacant         ranges     // of live
	trash          *side.Side // nil without one
	limits         *limits.Limits
	record         *report.Recorder
	listed         *selection.Listed
	applied        *compare.Comparer // finds what is done already; nil unless Applies
	contents       *selection.Contents
	compare        *compare.Comparer
	attributes     *attributes.Builder
	carry          carrier
	keeps          func() (objects int, bytes int64) // what a later run can go on with
	notes          notes
	spools         spools
	unobserve      []func()  // ends what tells the limits of requests
	actions        sync.Pool // of zero *plan.Action
	// unsafe: a warning about the whole run counts as a failure, so that nothing may be
	// deleted.
	unsafe atomic.Bool
}

// New connects the stages between two stores, and checks that the stores support the
// options. The caller keeps the stores. Events go to record. The caller closes the
// Engine, unless New fails.
func New(ctx context.Context, opts Options, source, target storage.Store, record *report.Recorder) (*Engine, error) {
	e := &Engine{
		opts:   opts,
		record: record,
		limits: limits.New(opts.Limits),
		policy: policy{sourceFiles: source.Caps().Files, ignoreArchived: opts.IgnoreArchived, warnAsError: opts.WarnAsError},
	}
	sideOptions := side.Options{Policy: opts.Retry, OnRetry: func(key string, err error) {
		record.Emit(report.Event{Type: report.EventRetry, Key: key, Err: err})
	}}
	e.source = side.New("source", source, sideOptions)
	e.live = side.New("source", liveOf(source), sideOptions)
	if t := opts.Trash; t != nil {
		e.trash = side.New("trash", t.Store, sideOptions)
		target = withoutTrash(target, t.Inside)
	}
	e.target = side.New("target", target, sideOptions)
	if err := e.readFilters(ctx); err != nil {
		return nil, err
	}
	if err := e.assemble(ctx); err != nil {
		return nil, err
	}
	record.Limits(e.limits.All)
	for _, s := range []storage.Store{source, target} {
		if o, ok := storage.As[storage.Observable](s); ok {
			e.unobserve = append(e.unobserve, o.Observe(e.limits.Observe), o.Observe(record.Observe))
		}
	}
	return e, nil
}

// assemble makes the stages. It fails if a side does not support the options.
func (e *Engine) assemble(ctx context.Context) error {
	if err := e.checkVersioning(ctx); err != nil {
		return err
	}
	if err := e.checkTags(); err != nil {
		return err
	}
	attrs, options := e.opts.Attributes, e.opts.Transfer
	attrs.Warn = e.warnOfTags
	options.Read = e.record.Read
	options.Notice = e.record.Notice
	options.Verify.Content = e.record.WantsWritten()
	options.LayoutUnknown = func(key string) {
		e.record.Log(slog.LevelWarn, "the part sizes of the source cannot be found out; those of the options are used.", slog.String("key", key))
	}
	if e.opts.Trash != nil && e.target.Caps.Files {
		options.Ready = e.keepBeforePublish
	}
	if e.record.Watched() {
		options.Observe = e.observe
	}
	e.compare = compare.New(e.opts.Compare, e.source, e.target, e.limits)
	if e.opts.Applies {
		e.applied = compare.New(compare.Options{Mode: compare.ETag, ReadBoth: true, ChunkSize: e.opts.Compare.ChunkSize}, e.source, e.target, e.limits)
	}
	e.attributes = attributes.New(attrs, e.source, e.target)
	contents := e.opts.Contents
	contents.GuessType = e.attributes.ContentType
	contents.Tags = e.tagsToFilter
	e.contents = selection.NewContents(contents)
	transferrer, err := transfer.New(options, e.source, e.target, e.limits, e.attributes)
	if err != nil {
		return err
	}
	e.record.Track().SetPasses(transferrer.Passes())
	e.keeps = transferrer.Keeps
	d := &doer{transferrer: transferrer, attributes: e.attributes, target: e.target}
	e.carry = d
	switch {
	case e.opts.DryRun:
		e.carry = &foreseer{transferrer: transferrer, read: e.record.Read}
	case e.opts.Trash != nil:
		if e.carry, err = e.newTrasher(ctx, d); err != nil {
			return err
		}
	}
	return e.findSiblings(ctx)
}

// tagsToFilter returns the tags of a source object for the filters of contents.
func (e *Engine) tagsToFilter(ctx context.Context, key string, info *storage.Info) (map[string]string, error) {
	return e.attributes.RequireSourceTags(ctx, key, info,
		setting.Textf("%s or %s", setting.Name("Filter.IncludeTags"), setting.Name("Filter.ExcludeTags")))
}

// Close ends the run: it reports the notes about the whole run, and closes the results
// of the units. No unit may be running.
func (e *Engine) Close() error {
	for _, stop := range e.unobserve {
		stop()
	}
	level := slog.LevelInfo
	if e.opts.DryRun && !e.opts.Report.Enable { // what it would do is all that it tells at info
		level = slog.LevelDebug
	}
	for _, r := range e.limits.Reports() {
		e.record.Log(level, "concurrency.", slog.String("name", r.Name), slog.Int("in_flight", r.Limit),
			slog.Int64("per_sec", int64(r.PerSecond+0.5)), slog.Int("throttled", r.Throttled), slog.Int("unanswered", r.Unanswered),
			slog.String("reason", r.Why))
	}
	e.notes.tell(e.record)
	if objects, bytes := e.keeps(); objects > 0 {
		e.record.Note(kept(objects, bytes))
	}
	return e.spools.close()
}

// checkVersioning fails if a run needs versions and a side does not keep them.
func (e *Engine) checkVersioning(ctx context.Context) error {
	if e.opts.Versions {
		if err := e.source.KeepsVersions(ctx, "Versioning.Enable"); err != nil {
			return err
		}
		return e.target.KeepsVersions(ctx, "Versioning.Enable")
	}
	if !e.opts.PointInTime.IsZero() {
		return e.source.KeepsVersions(ctx, "Versioning.PointInTime")
	}
	return nil
}

// checkTags fails if a run needs tags and the objects of a side do not have them.
func (e *Engine) checkTags() error {
	if e.opts.Attributes.Tags != nil && !e.target.Caps.Tags {
		return setting.Errorf("target: its objects have no tags, which %s asks for", setting.Name("Tagging.Set"))
	}
	if !e.opts.SyncTags && !e.opts.Report.Tagging {
		return nil
	}
	for _, s := range []*side.Side{e.source, e.target} {
		if _, err := s.Tagger(); err != nil {
			return err
		}
	}
	return nil
}

// warnOfTags warns that objects are written without their tags. If warnings are
// failures, nothing is deleted after it.
func (e *Engine) warnOfTags(err error) {
	if e.opts.WarnAsError {
		e.unsafe.Store(true)
	}
	e.warnOfRun(err)
}

// warnOfRun emits a warning about the whole run, and not about a single object.
func (e *Engine) warnOfRun(err error) {
	e.record.Emit(report.Event{Type: report.EventWarning, Err: err})
}
