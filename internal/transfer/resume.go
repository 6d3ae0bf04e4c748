package transfer

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"s3sync/internal/checksum"
	"s3sync/internal/grace"
	"s3sync/internal/limits"
	"s3sync/internal/resume"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// An object in parts that was not finished is continued, by another attempt or by a later
// run. Nothing that is already there is trusted: a part counts only if what the target
// says of it follows from the bytes of the source as they are now, or from the digests that
// were recorded of exactly this source object. The whole object is verified as always.

// checkAlgorithm digests ranges of files. It finds damage, such as bytes that a power
// loss took, and not malice.
const checkAlgorithm = checksum.XXHASH128

// useJournal finds out whether the target can go on with what was left in it.
func (t *Transferrer) useJournal() {
	if t.opts.Journal == nil {
		return
	}
	t.resumer, _ = storage.As[storage.Resumer](t.target.Store)
	if t.resumer == nil {
		t.opts.Journal = nil
		return
	}
	for _, e := range t.opts.Journal.All() {
		if e.Token != "" {
			t.resumer.Expect(e.Key, e.Token)
		}
	}
}

// firstRange returns the number of bytes to request first. An object that may go on does
// perhaps not need its first part.
func (o *object) firstRange() int64 {
	if (o.only != nil || o.t.opts.Journal.Has(o.a.TargetKey)) && o.t.layoutOf(o.a.Source.Size).Multipart() {
		return 1
	}
	return o.t.firstRange(o.a.Source.Size)
}

// orAnew calls send. If it went on with what was left and that failed for good, perhaps
// because of what was left, it calls send again, which begins anew.
func (o *object) orAnew(ctx context.Context, send func(context.Context) error) error {
	o.resumed = false
	err := send(ctx)
	if err == nil || !o.resumed || o.only != nil || ctx.Err() != nil || storage.Retryable(err) || errors.Is(err, storage.ErrUnusable) ||
		errors.Is(err, storage.ErrPrecondition) {
		return err
	}
	o.anew = true
	return send(ctx)
}

// A progress is what is known of the parts of an object that is written. A nil *progress
// remembers nothing.
type progress struct {
	o     *object
	entry *resume.Entry
	w     storage.Unfinished
	held  map[int]storage.WrittenPart // by number; parts that the target had before
	noted map[int]resume.Part         // of them, what was recorded
}

// written returns the object as the journal knows it.
func (o *object) written(token string) resume.Object {
	return resume.Object{
		Key: o.a.TargetKey, Token: token, Source: resume.SourceOf(&o.info.Object), With: o.writtenWith(), Copy: o.t.copier != nil,
	}
}

// writtenWith digests what the object is written with. The conditions are not part of it:
// they are checked when the object is published.
func (o *object) writtenWith() string {
	opts := o.opts
	opts.IfMatch, opts.IfAbsent, opts.CopyIfMatch, opts.Once = "", false, "", false
	// Whether the source was asked or said it by itself: none are none.
	if len(opts.Tags) == 0 {
		opts.Tags = nil
	}
	if len(opts.Metadata) == 0 {
		opts.Metadata = nil
	}
	h := sha256.New()
	err := json.NewEncoder(h).Encode(opts)
	for i := range o.layout.Len() {
		_, size := o.layout.Bounds(i)
		_, _ = fmt.Fprintln(h, size) // never fails
	}
	_, _ = fmt.Fprintln(h, o.t.opts.ResumeWith, err)
	return hex.EncodeToString(h.Sum(nil))
}

// identified reports whether the source says enough to recognise it later.
func (o *object) identified() bool { return o.t.source.Caps.Files || o.info.ETag != "" }

// begin calls create, which begins the object in the target, and notes it before its first
// part is sent. What a store begins is known only by its answer. So that it is found if that
// is never seen, the intention is noted before.
//
// An upload can be aborted only if its ID is known. So an interruption waits for the answer,
// if that comes soon.
func (o *object) begin(ctx context.Context, create func(context.Context) (any, error)) (*progress, error) {
	var intent *resume.Entry
	if !o.t.target.Caps.Files {
		intent = o.t.opts.Journal.Intend(o.a.TargetKey)
	}
	longer, done := grace.Answer(ctx)
	w, err := create(longer)
	done()
	if err != nil && (ctx.Err() != nil || storage.Retryable(err)) {
		intent.Release() // it may have begun
		return nil, o.t.target.Wrap(err)
	}
	defer intent.Done()
	if err != nil {
		return nil, o.t.target.Wrap(err)
	}
	return o.begun(w), nil
}

// begun notes an object whose writing has begun, before its first part is sent.
func (o *object) begun(w any) *progress {
	u, ok := w.(storage.Unfinished)
	if !ok || o.t.opts.Journal == nil || !o.identified() {
		return nil
	}
	e := o.t.opts.Journal.Begin(o.written(u.Token()))
	if e == nil {
		return nil
	}
	return &progress{o: o, entry: e, w: u}
}

// An opener resumes what was left. The writer is a storage.Unfinished.
type opener func(ctx context.Context, e *resume.Entry) (writer any, held []storage.WrittenPart, err error)

// goOn goes on with what was left of the object. It returns nil if there is nothing of
// use: the object begins anew then, and what was left is removed. An error is the
// interruption of the run.
func (o *object) goOn(ctx context.Context, open opener) (*progress, error) {
	var p *progress
	for _, e := range o.t.opts.Journal.Take(o.a.TargetKey) {
		if p == nil && ctx.Err() == nil && !o.anew && !o.t.opts.BeginAnew && o.identified() {
			want := o.written(e.Token)
			if e.Continues(&want) {
				p = o.open(ctx, e, open)
			}
			if p != nil {
				continue
			}
		}
		_ = o.t.discard(ctx, e) // else a later run does
	}
	if p == nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return p, nil
}

// open opens what was left, or returns nil.
func (o *object) open(ctx context.Context, e *resume.Entry, open opener) *progress {
	p := &progress{o: o, entry: e, held: map[int]storage.WrittenPart{}}
	var held []storage.WrittenPart
	err := o.t.target.Retry(ctx, o.a.Key(), func(ctx context.Context) error {
		w, parts, err := open(ctx, e)
		p.w, _ = w.(storage.Unfinished)
		if held = parts; err == nil && p.w == nil {
			err = fmt.Errorf("%w: %T cannot be left", errors.ErrUnsupported, w)
		}
		return err
	})
	if errors.Is(err, errors.ErrUnsupported) && o.t.opts.Notice != nil {
		o.t.resumeLost.Do(func() {
			text := setting.Textf("objects that earlier runs began are begun anew: %v", err)
			o.t.opts.Notice(storage.Notice{Text: text.String(), Settings: text.Settings()})
		})
	}
	if err != nil {
		return nil
	}
	e.Own()
	o.resumed = true
	p.noted = e.Parts()
	for _, h := range held {
		p.held[h.Number] = h
	}
	return p
}

// discard removes what was left, or leaves that to a later run, with an error.
func (t *Transferrer) discard(ctx context.Context, e *resume.Entry) error {
	cctx, cancel := grace.Cleanup(ctx)
	defer cancel()
	var err error
	if e.Token == "" {
		err = t.resumer.DiscardEmpty(cctx, e.Key, e.Begun)
	} else {
		err = t.resumer.Discard(cctx, e.Key, e.Token)
	}
	if err != nil && !e.Stale() {
		e.Release()
		return t.target.Wrap(err)
	}
	e.Done()
	return nil
}

// DiscardLeft removes what earlier runs left under the keys that want reports, because
// this run does not write these objects. What cannot be removed is left to a later run, and
// is the error.
func (t *Transferrer) DiscardLeft(ctx context.Context, want func(key string) bool) error {
	var all error
	for _, e := range t.opts.Journal.Left(want) {
		if ctx.Err() != nil {
			e.Release()
			all = context.Cause(ctx)
			continue
		}
		all = errors.Join(all, t.discard(ctx, e))
	}
	return all
}

// Keeps returns how many objects were left for a later run, and the bytes of their parts.
func (t *Transferrer) Keeps() (objects int, bytes int64) { return t.opts.Journal.Keeps() }

// adoptUnread adopts a part without its bytes from the source: a range of a file that has
// the recorded digest, or a part of which everything was recorded. A source file is always
// read: its size and time do not prove that it has the bytes that were recorded.
func (o *object) adoptUnread(ctx context.Context, parts *progress, p *limits.Part) (bool, error) {
	if parts == nil || !o.resumed || o.t.source.Caps.Files {
		return false, nil
	}
	noted, ok := parts.noted[p.Index+1]
	if !ok || noted.Size != p.Size() {
		return false, nil
	}
	if r, ok := parts.w.(io.ReaderAt); ok {
		return o.adoptRange(ctx, r, parts, p, &noted)
	}
	held, ok := parts.held[p.Index+1]
	if !ok || held.Size != p.Size() || held.ETag != noted.ETag || held.ETag == "" {
		return false, nil
	}
	var sum []byte
	if noted.Checksum != "" {
		if held.Checksum != "" && held.Checksum != noted.Checksum {
			return false, nil
		}
		held.Checksum = noted.Checksum
		sum, _ = base64.StdEncoding.DecodeString(noted.Checksum) // what is no base64 is no digest
	}
	known, err := o.verification.Recorded(p.Index, noted.MD5, sum)
	if !known || err != nil {
		return false, err
	}
	return true, parts.take(held, p)
}

// adoptRange adopts a range of a file if it still has the bytes that were written.
func (o *object) adoptRange(ctx context.Context, r io.ReaderAt, parts *progress, p *limits.Part, noted *resume.Part) (bool, error) {
	data := p.Buffer.Bytes()
	if n, err := r.ReadAt(data, p.Off); n < len(data) || err != nil && !errors.Is(err, io.EOF) {
		return false, nil
	}
	if len(noted.Check) == 0 || !bytes.Equal(checksum.Digest(checkAlgorithm, data), noted.Check) {
		return false, nil
	}
	if _, err := o.verification.Block(ctx, data, p.Index, p.Off); err != nil {
		return false, err
	}
	return true, parts.take(storage.WrittenPart{Number: p.Index + 1, Size: p.Size()}, p)
}

// take adopts a part.
func (p *progress) take(held storage.WrittenPart, part *limits.Part) error {
	if err := p.w.Adopt(held, part.Off); err != nil {
		return p.o.t.target.Wrap(err)
	}
	p.entry.Wrote(held.Number, resume.Part{Size: held.Size}, true)
	return nil
}

// adopt adopts a part that the target holds, if it has the bytes of b, which were read from
// the source.
func (p *progress) adopt(part *limits.Part, b *storage.Block) bool {
	if p == nil {
		return false
	}
	held, ok := p.held[part.Index+1]
	if !ok || held.Size != part.Size() {
		return false
	}
	noted, wasNoted := p.noted[held.Number]
	if !proves(&held, b, noted, wasNoted) {
		return false
	}
	if held.Checksum == "" && b.Checksum != nil {
		held.Checksum = base64.StdEncoding.EncodeToString(b.Checksum)
	}
	if p.take(held, part) != nil {
		return false
	}
	if !wasNoted {
		p.o.notePart(p, part, b.Data) // the process that wrote it ended before
	}
	return true
}

// proves reports whether a part that the target holds has the bytes of b: its ETag is their
// MD5 digest, it has their checksum, or it is the part that was written with this digest.
// An ETag that is no digest proves nothing by itself.
func proves(held *storage.WrittenPart, b *storage.Block, noted resume.Part, wasNoted bool) bool {
	if b.Checksum != nil && held.Checksum != "" {
		return held.Checksum == base64.StdEncoding.EncodeToString(b.Checksum)
	}
	sum := b.MD5
	if sum == nil {
		digest := md5.Sum(b.Data)
		sum = digest[:]
	}
	if held.ETag == hex.EncodeToString(sum) {
		return true
	}
	return wasNoted && held.ETag != "" && held.ETag == noted.ETag && held.Size == noted.Size && bytes.Equal(sum, noted.MD5)
}

// adoptCopied adopts a part that the server copied from exactly this source object.
func (p *progress) adoptCopied(part *limits.Part) bool {
	if p == nil {
		return false
	}
	held, ok := p.held[part.Index+1]
	noted, wasNoted := p.noted[part.Index+1]
	return ok && wasNoted && held.ETag != "" && held.ETag == noted.ETag && held.Size == noted.Size && held.Size == part.Size() &&
		held.Checksum == noted.Checksum && p.take(held, part) == nil
}

// notePart notes a part that was written. data are its bytes, unless it was streamed.
func (o *object) notePart(parts *progress, p *limits.Part, data []byte) {
	if parts == nil {
		return
	}
	var part resume.Part
	if _, ok := parts.w.(io.ReaderAt); ok {
		part.Check = checksum.Digest(checkAlgorithm, data)
	} else {
		part.MD5, _ = o.verification.PartDigests(p.Index)
	}
	parts.note(p, part)
}

// note notes a part that was written.
func (p *progress) note(part *limits.Part, noted resume.Part) {
	if p == nil {
		return
	}
	answered, ok := p.w.Part(part.Index + 1)
	if !ok {
		return
	}
	noted.Size, noted.ETag, noted.Checksum = part.Size(), answered.ETag, answered.Checksum
	p.entry.Wrote(part.Index+1, noted, false)
}

// keep leaves what was written to another attempt or run, if that may help: the failure is
// temporary, or the run is interrupted.
//
// complete: all parts are there. If they were left before, they are not left once more: there
// are servers that answer for an upload that they cannot complete as if they could later.
func (p *progress) keep(ctx context.Context, err error, complete bool) bool {
	if p == nil || p.o.t.opts.BeginAnew {
		return false
	}
	interrupted := ctx.Err() != nil
	if complete && p.o.resumed && !interrupted && errors.Is(err, storage.ErrTransient) {
		return false
	}
	temporary := errors.Is(err, storage.ErrTransient) || errors.Is(err, storage.ErrThrottled) || errors.Is(err, storage.ErrCredentials)
	if errors.Is(err, storage.ErrMismatch) || errors.Is(err, storage.ErrChanged) {
		interrupted, temporary = false, false
	}
	if interrupted && p.o.t.opts.AbortOnInterrupt || !interrupted && !temporary {
		return false
	}
	cctx, cancel := grace.Cleanup(ctx)
	defer cancel()
	if p.w.Leave(cctx) != nil {
		return false
	}
	p.entry.Release()
	return true
}

// done forgets what was published or removed.
func (p *progress) done() {
	if p != nil {
		p.entry.Done()
	}
}

// release keeps what could not be removed, for a later run.
func (p *progress) release() {
	if p != nil {
		p.entry.Release()
	}
}
