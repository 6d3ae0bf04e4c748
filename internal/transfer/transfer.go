// Package transfer carries out actions that write to the target: it moves the bytes of
// an object through this program or lets the server copy them, writes them with their
// attributes, verifies them, and publishes them. It makes no decisions. The outcome is a
// value; bytes, steps and notices go to callbacks meanwhile.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"s3sync/internal/attributes"
	"s3sync/internal/checksum"
	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/resume"
	"s3sync/internal/side"
	"s3sync/internal/verify"
	"s3sync/storage"
)

// Options say how objects are transferred. The callbacks may be nil.
type Options struct {
	// Threshold is the size in bytes from which an object is written in parts, and
	// ChunkSize is the size of these parts. KeepLayout writes an object in the parts of
	// its source if they are known.
	Threshold, ChunkSize int64
	KeepLayout           bool
	// Copy lets the server copy objects.
	Copy bool
	// Versions: a write adds a version or a delete marker, so it must happen only once.
	// Before a retry the target is asked whether the write was done. An interruption
	// waits for the response, if that comes soon.
	Versions bool
	Verify   verify.Options
	// KeepDigests sets Result.File.
	KeepDigests bool
	// Journal, if set, remembers objects that are written in parts, so that a later attempt
	// or run goes on with them. The target must be a storage.Resumer, or it is not used.
	// ResumeWith is part of what an object is written with besides storage.WriteOptions: it
	// goes on only if that is equal. An interruption keeps what can be continued, unless
	// AbortOnInterrupt is set. With BeginAnew nothing is continued or kept. The journal then
	// only lets the next run remove what is left if this one is killed.
	Journal                     *resume.Journal
	ResumeWith                  string
	AbortOnInterrupt, BeginAnew bool
	// PartsOf, if set, is asked for each object before it is transferred. If it returns a
	// PartRange, only these parts are transferred, and the object is left to the journal: the
	// error is a *plan.LeftError. An object that cannot be left is transferred as a whole.
	PartsOf func(*plan.Action) *PartRange

	// Read is called with the number of bytes of object data that were read or copied,
	// even for an attempt that fails later. It is called from many goroutines.
	Read func(n int64)
	// Observe is called for each step of a transfer. It is called from many goroutines,
	// even for one object. It must not change or keep the action.
	Observe func(*plan.Action, Step)
	// Ready, if set, is called right before an object is published, once for each attempt. If
	// it fails, nothing is published. It must not change or keep the action. Only for a target
	// of files, which know no conditions.
	Ready func(context.Context, *plan.Action) error
	// Notice is called once if the target does not confirm that it keeps the requested
	// additional checksum.
	Notice func(storage.Notice)
	// LayoutUnknown is called for each object that KeepLayout cannot be applied to.
	// Such an object is written in the parts of the other options. It is called from
	// many goroutines.
	LayoutUnknown func(key string)
}

// A Step is a step in the transfer of an object.
type Step struct {
	Kind StepKind
	// Source describes the source object as reported when it was opened.
	Source storage.Object
	// Part and Bytes describe the written bytes, if Kind is Written. Part counts from
	// 1; 0 means an object in one piece.
	Part  int
	Bytes int64
	// Err says what was compared, if Kind is Mismatch.
	Err error
}

// A StepKind is the kind of a step.
type StepKind int

// The kinds of steps.
const (
	// Begun: the source object is open. Each attempt has its own Begun.
	Begun StepKind = iota + 1
	// Written: bytes were written. They are visible once the Result is returned.
	Written
	// Mismatch: bytes that were read or written differ from what a side reports.
	Mismatch
)

// A Result is an object that was published.
type Result struct {
	// Source and Target describe the object as both sides reported it when it was read
	// and written. Source.Key is that of the action. A side without an ETag has the one
	// that was computed from the bytes, if that verified the other side.
	Source, Target storage.Object
	Verification   verify.Result
	// Whole: the bytes were moved in one piece, not in parts.
	Whole bool
	// Layout says in which parts the object was written.
	Layout checksum.Layout
	// File is what is known of the file that was read or written, or nil.
	File *File
}

// A File is a file whose bytes passed.
type File struct {
	// Written: it is that of the target.
	Written bool
	// Object describes it: as it was opened, or after it was published. Its Key is that of
	// its listing.
	Object storage.Object
	// After is a time before it was opened.
	After time.Time
	// Digests are those of its bytes that were computed.
	Digests []checksum.Computed
}

// A Transferrer transfers objects from one side to the other. Its methods may be
// called concurrently.
type Transferrer struct {
	opts           Options
	source, target *side.Side
	limits         *limits.Limits
	attrs          *attributes.Builder
	verifier       *verify.Verifier
	copier         storage.Copier  // nil unless the server copies
	resumer        storage.Resumer // nil unless there is a journal
	resumeLost     sync.Once       // reports once that the target cannot tell what it holds
	// held is the size in bytes of the largest part that is held in memory. Larger
	// parts are streamed.
	held int64
	// readPasses and passes are how often a byte passes a connection until it is read, and
	// in all. Where stores do not tell, a byte passes when it is read.
	readPasses, passes int64
	checksumLost       sync.Once // reports once that the target does not keep checksums
	objects            sync.Pool // of zero *object
}

// New returns a Transferrer. It fails if the server is to copy but cannot.
func New(opts Options, source, target *side.Side, l *limits.Limits, attrs *attributes.Builder) (*Transferrer, error) {
	t := &Transferrer{
		opts: opts, source: source, target: target, limits: l, attrs: attrs,
		verifier: verify.New(opts.Verify, source, target, l),
		held:     math.MaxInt64,
	}
	// A part is streamed if it is larger than requested and would leave no room for
	// others. An additional checksum must be sent before the bytes, so there must be
	// memory for the whole part then.
	if target.Caps.Streams && t.verifier.WrittenChecksum().Algorithm == "" {
		t.held = max(opts.ChunkSize, opts.Threshold, l.Memory()/2)
	}
	t.countPasses()
	if opts.Copy {
		if err := t.useCopier(); err != nil {
			return t, err
		}
	}
	t.useJournal()
	return t, nil
}

// Precheck fails if the listings already show that an action cannot be carried out.
func Precheck(a *plan.Action) error {
	switch {
	case a.Source.Archived:
		return &storage.Error{Op: "open", Key: a.Key(), Err: storage.ErrArchived}
	case a.Guard.TargetAbsent && a.Exists:
		// The server checks this too, but not every server knows the condition.
		return &storage.Error{Op: "put", Key: a.Key(), Err: fmt.Errorf("%w: the target has it", storage.ErrPrecondition)}
	}
	return nil
}

// Readable fails if an object that may be archived cannot be read. A transfer detects
// that when it reads the object; a dry run reads a single byte.
func (t *Transferrer) Readable(ctx context.Context, a *plan.Action) error {
	if !a.Source.MaybeArchived {
		return nil
	}
	return t.source.Retry(ctx, a.Key(), func(ctx context.Context) error {
		r, err := t.source.Store.Open(ctx, a.Key(), storage.OpenOptions{VersionID: a.Source.VersionID, First: 1})
		if err != nil {
			return t.source.WrapGone(err)
		}
		return t.source.Wrap(r.Close())
	})
}

// Transfer writes the source object of an action to the target. It retries an attempt
// after a temporary failure. If the target maps keys and the target key ends in a
// slash, it makes a directory, which has no bytes. It neither changes nor keeps the
// action.
//
// The error is of one of these kinds: side.ErrGone, attributes.ErrSkip, a
// *attributes.CallbackError, or the error of a store (storage.Error), which names the
// side. After an error nothing is published, unless the target published an object
// without a response.
func (t *Transferrer) Transfer(ctx context.Context, a *plan.Action) (Result, error) {
	o, _ := t.objects.Get().(*object)
	if o == nil {
		o = new(object)
	}
	o.t, o.a = t, a
	if t.opts.PartsOf != nil {
		o.only = t.opts.PartsOf(a)
	}
	if err := t.source.Retry(ctx, a.Key(), o.attempt); err != nil {
		return Result{}, err
	}
	result := o.result
	if o.layout.Len() == 1 && !t.streams(o.info.Size) { // nobody has o any more
		*o = object{}
		t.objects.Put(o)
	}
	return result, nil
}

// An object is being transferred to the target.
type object struct {
	t        *Transferrer
	a        *plan.Action
	attempts int // attempts that were started

	// The following fields belong to the current attempt.
	from         storage.Reader // nil if the server copies
	info         storage.Info   // of the source, as reported when it was opened
	parts        verify.Source
	layout       checksum.Layout // layout of the written object
	opts         storage.WriteOptions
	verification verify.Verification // begun unless the server copies
	began        time.Time           // only with Options.KeepDigests
	// resumed: the attempt goes on with what was left. anew: it must not.
	resumed, anew bool
	// only, if set, are the parts to be transferred. upload is one that began already.
	only   *PartRange
	upload *begunUpload

	result Result
}

// attempt transfers the object once.
func (o *object) attempt(ctx context.Context) error {
	t, number := o.t, o.attempts
	o.attempts++
	storage.MeterOf(ctx).Set(0) // what an earlier attempt moved
	if t.target.Maps() && plan.IsDirectory(o.a.TargetKey) {
		return o.makeDirectory(ctx)
	}
	o.anew = false
	if t.copier != nil {
		return o.checked(o.orAnew(ctx, func(ctx context.Context) error { return o.copy(ctx, number) }))
	}
	if t.opts.KeepDigests {
		o.began = time.Now()
	}
	from, err := t.source.Store.Open(ctx, o.a.Key(), storage.OpenOptions{
		Checksums: t.verifier.ReadsChecksums(),
		VersionID: o.a.Source.VersionID,
		First:     o.firstRange(),
		Listed:    &o.a.Source,
	})
	if err != nil {
		return t.source.WrapGone(err)
	}
	o.from, o.info = from, from.Info()
	o.parts = t.verifier.Source(from, &o.info, number)
	if err = o.asPlanned(); err == nil {
		o.observe(Step{Kind: Begun})
		err = o.checked(o.orAnew(ctx, o.send))
	}
	if cerr := from.Close(); err == nil && cerr != nil {
		err = t.source.Wrap(cerr)
	}
	return err
}

// asPlanned fails if the action comes from a plan and the source, as it was opened, is not
// the object that the plan was made of.
func (o *object) asPlanned() error {
	if !o.a.Guard.Planned {
		return nil
	}
	if err := plan.Changed(&o.a.Source, &o.info, false); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	return nil
}

// checked reports a mismatch to the observer, and returns the error.
func (o *object) checked(err error) error {
	if errors.Is(err, storage.ErrMismatch) {
		o.observe(Step{Kind: Mismatch, Err: err})
	}
	return err
}

func (o *object) observe(step Step) {
	if o.t.opts.Observe == nil {
		return
	}
	step.Source = o.info.Object
	step.Source.Key = o.a.Key()
	o.t.opts.Observe(o.a, step)
}

// wrote reports to the observer that a part, from 1, or the whole object, 0, was
// written.
func (o *object) wrote(part int, size int64) { o.observe(Step{Kind: Written, Part: part, Bytes: size}) }

// countPasses finds out how often a byte passes a connection.
func (t *Transferrer) countPasses() {
	if t.source.Caps.Metered {
		t.readPasses, t.passes = 1, 1
	}
	if t.target.Caps.Metered {
		t.passes++
	}
	if t.passes == 0 {
		t.readPasses, t.passes = 1, 1
	}
}

// Passes returns how often the Meter of a context counts each byte of an object.
func (t *Transferrer) Passes() int64 { return t.passes }

// didRead reports bytes that were read or copied.
func (t *Transferrer) didRead(n int64) {
	if t.opts.Read != nil {
		t.opts.Read(n)
	}
}

// finish records that the object was published.
func (o *object) finish(written *storage.Info, v verify.Result) {
	o.t.checkKept(written)
	o.result = Result{Source: o.info.Object, Target: written.Object, Verification: v, Whole: !o.layout.Multipart(), Layout: o.layout}
	o.result.Source.Key = o.a.Key()
	o.result.Source.ETag, o.result.Target.ETag = v.Digests.SourceETag, v.Digests.TargetETag
}
