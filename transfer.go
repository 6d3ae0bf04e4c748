package s3sync

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"

	"s3sync/internal/buffer"
	"s3sync/internal/checksum"
	"s3sync/internal/parallel"
	"s3sync/internal/retry"
	"s3sync/storage"
)

// errGone: the object was listed, and is no longer there to be read.
var errGone = errors.New("gone since it was listed")

// A task is one attempt to transfer one object.
type task struct {
	it    *item
	from  storage.Reader // nil where the server copies
	info  storage.Info   // of the source, as it told when opened
	plan  checksum.Layout
	proof *proof
	opts  storage.WriteOptions
}

// transfer moves one object and proves it. attempt counts from 0.
func (s *syncer) transfer(ctx context.Context, it *item, attempt int) error {
	t := &task{it: it}
	err := s.openObject(ctx, t, attempt)
	if storage.Gone(err) {
		return fmt.Errorf("%w: %w", errGone, err)
	} else if err != nil {
		return ofSource(err)
	}
	s.observe(t.event(EventBegun))
	if s.copier != nil {
		err = s.copy(ctx, t)
	} else {
		err = s.send(ctx, t, attempt)
	}
	if errors.Is(err, storage.ErrMismatch) {
		s.observe(t.mismatch(err))
	}
	if t.from == nil {
		return err
	}
	if cerr := t.from.Close(); err == nil && cerr != nil {
		err = ofSource(cerr)
	}
	return err
}

// openObject opens the object, or only asks for its description if the server
// copies it.
func (s *syncer) openObject(ctx context.Context, t *task, attempt int) (err error) {
	it := t.it
	if s.copier != nil {
		t.info, err = s.source.Stat(ctx, it.key(), storage.StatOptions{
			Checksums: true, VersionID: it.source.VersionID, Parts: s.partsQuery(attempt), Listed: &it.source,
		})
		return err
	}
	t.from, err = s.source.Open(ctx, it.key(), storage.OpenOptions{
		Checksums: s.readsChecksums(),
		VersionID: it.source.VersionID,
		First:     s.firstRange(it.source.Size),
		Listed:    &it.source,
	})
	if err == nil {
		t.info = t.from.Info()
	}
	return err
}

// partsQuery is how an attempt asks for the parts of the source: the first one trusts
// what the first part tells of the others, if another attempt may follow.
func (s *syncer) partsQuery(attempt int) storage.PartsQuery {
	if attempt > 0 || s.policy.Count == 0 {
		return storage.ExactParts
	}
	return storage.InferParts
}

// firstRange is how much of an object of the listed size is asked for first: a
// part, or 0 for all.
func (s *syncer) firstRange(size int64) int64 {
	if plan := s.plan(size); plan.Multipart() {
		_, n := plan.Bounds(0)
		return n
	}
	return 0
}

// plan cuts an object of the given size as the target will hold it.
func (s *syncer) plan(size int64) checksum.Layout {
	tr := &s.cfg.Transfer
	if size < tr.Threshold {
		return checksum.Whole(size)
	}
	return checksum.Uniform(size, checksum.Plan(size, tr.ChunkSize, s.target.Caps().MaxParts))
}

// planLike cuts an object as its source is, if that is asked for and can be
// known, and else as the options say.
func (s *syncer) planLike(ctx context.Context, t *task, l *layoutFinder) (checksum.Layout, error) {
	plan := s.plan(t.info.Size)
	if !s.cfg.Transfer.AutoChunkSize || s.sourceLocal || s.target.Caps().Files {
		return plan, nil
	}
	if parts, ok := checksum.ParseETag(t.info.ETag); ok {
		layouts, guessed, err := l.find(ctx, parts)
		switch {
		case l.err != nil:
			return plan, l.err
		case err == nil && !guessed:
			return layouts[0], nil
		}
	}
	if s.cfg.Versioning.Enable && t.info.Opaque {
		return plan, nil // its ETag is not compared anyway
	}
	s.log.write(slog.LevelWarn, "the part sizes of the source cannot be found out; those of the options are used.",
		slog.String("key", t.it.key()))
	return plan, nil
}

func (s *syncer) send(ctx context.Context, t *task, attempt int) error {
	finder := &layoutFinder{s: s, r: t.from, attempt: attempt}
	var err error
	if t.plan, err = s.planLike(ctx, t, finder); err != nil {
		return err
	}
	if err := s.fits(t); err != nil {
		return err
	}
	if t.opts, err = s.writeOptions(ctx, t); err != nil {
		return err
	}
	if t.proof, err = s.newProof(ctx, t.plan, finder); err != nil {
		return err
	}
	var written storage.Info
	if t.plan.Multipart() {
		written, err = s.sendParts(ctx, t)
	} else {
		written, err = s.sendWhole(ctx, t)
	}
	if err != nil {
		return err
	}
	if err := t.proof.checkTarget(written); err != nil {
		return err
	}
	s.arrived(t, written)
	return nil
}

// maxObject is the most that an object can have, in parts or not.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const maxObject = maxPart * checksum.MaxParts

// fits fails for an object that cannot be as large as it is told to be, before
// memory is taken for it.
func (s *syncer) fits(t *task) error {
	if t.info.Size >= 0 && t.info.Size <= maxObject {
		return nil
	}
	return ofSource(&storage.Error{Op: "open", Key: t.it.key(), Err: fmt.Errorf(
		"no object can have the %d bytes that it is told to have", t.info.Size)})
}

// sendWhole moves an object in one piece.
func (s *syncer) sendWhole(ctx context.Context, t *task) (storage.Info, error) {
	if s.streams(t.info.Size) {
		return s.streamWhole(ctx, t)
	}
	buf, err := s.buffers.Get(ctx, int(t.info.Size))
	if err != nil {
		return storage.Info{}, err
	}
	defer buf.Release()
	b, err := s.fetch(ctx, t, buf.Bytes(), 0, 0)
	if err != nil {
		return storage.Info{}, err
	}
	if err := s.approve(ctx, t); err != nil {
		return storage.Info{}, err
	}
	written, err := s.write(ctx, t.it, func(ctx context.Context) (storage.Info, error) {
		return s.target.Put(ctx, t.it.mapped, b, t.opts)
	})
	if err == nil {
		s.observe(t.written(0, t.info.Size))
	}
	return written, err
}

// fetch reads and digests part i of the plan into p.
func (s *syncer) fetch(ctx context.Context, t *task, p []byte, i int, off int64) (storage.Block, error) {
	if err := s.read(ctx, t, p, off); err != nil {
		return storage.Block{}, err
	}
	return t.proof.block(ctx, p, i, off)
}

// read fills p from off of the source.
func (s *syncer) read(ctx context.Context, t *task, p []byte, off int64) error {
	err := s.askAgain(ctx, t.it.key(), func(ctx context.Context) error {
		return ofSource(t.from.ReadAt(ctx, p, off))
	})
	if err == nil {
		s.report.bytes.Add(int64(len(p)))
	}
	return err
}

// approve is the last step before an object is published: the source is still
// the object that was opened, and what was read is what it holds.
func (s *syncer) approve(ctx context.Context, t *task) error {
	if err := t.from.Check(ctx); err != nil {
		return ofSource(err)
	}
	return t.proof.checkSource(t.info)
}

// sendParts moves an object part by part, several at once.
func (s *syncer) sendParts(ctx context.Context, t *task) (storage.Info, error) {
	// An upload that was begun must be known, or it could not be aborted: an
	// interruption is heeded only after its answer, if that comes soon.
	longer, done := outlive(ctx)
	w, err := s.target.Create(longer, t.it.mapped, t.opts)
	done()
	if err != nil {
		return storage.Info{}, ofTarget(err)
	}
	return s.publish(ctx, t, w, func() error {
		err := parallel.ForEach(ctx, min(t.plan.Len(), s.cfg.Transfer.ParallelParts), s.parts(ctx, t),
			func(ctx context.Context, p part) error {
				defer p.release()
				err := s.sendPart(ctx, t, w, p)
				if err != nil {
					t.proof.abort(err)
					return err
				}
				s.observe(t.written(p.i+1, p.end-p.off))
				return nil
			})
		if err != nil {
			return err
		}
		return s.approve(ctx, t)
	})
}

// An upload is an object that is written part by part.
type upload interface {
	Commit(ctx context.Context) (storage.Info, error)
	Abort(ctx context.Context) error
}

// publish commits an upload once its parts are written, or aborts it.
func (s *syncer) publish(ctx context.Context, t *task, w upload, parts func() error) (written storage.Info, err error) {
	defer func() {
		if err == nil {
			return
		}
		cctx, cancel := cleanup(ctx)
		defer cancel()
		if aerr := w.Abort(cctx); aerr != nil {
			// Only as text: what becomes of the object is a matter of the first.
			err = fmt.Errorf("%w (and what was written so far could not be removed: %s)", err, aerr.Error())
		}
	}()
	if err := parts(); err != nil {
		return storage.Info{}, err
	}
	err = s.again(ctx, t.it.key(), func(ctx context.Context) (err error) {
		ctx, done := s.untilAnswered(ctx)
		defer done()
		written, err = w.Commit(ctx)
		return ofTarget(err)
	})
	return written, err
}

func (s *syncer) sendPart(ctx context.Context, t *task, w storage.Writer, p part) error {
	if s.streams(p.end - p.off) {
		return s.stream(ctx, t, p.buf.Bytes(), p.off, p.end, func(b storage.Block) error {
			return ofTarget(w.WritePart(ctx, p.i+1, p.off, b))
		})
	}
	b, err := s.fetch(ctx, t, p.buf.Bytes(), p.i, p.off)
	if err != nil {
		return err
	}
	return s.again(ctx, t.it.key(), func(ctx context.Context) error {
		return ofTarget(w.WritePart(ctx, p.i+1, p.off, b))
	})
}

// A part of an object in flight, with the permit and the buffer it holds.
type part struct {
	i        int
	off, end int64
	buf      *buffer.Buffer // of the whole part, or of a piece of one that is streamed
	permits  chan struct{}
}

func (p part) release() {
	p.buf.Release()
	<-p.permits
}

// parts yields the parts of an object in flight.
func (s *syncer) parts(ctx context.Context, t *task) iter.Seq2[part, error] {
	if _, size := t.plan.Bounds(0); s.cfg.Transfer.MaxMemory == 0 && !s.streams(size) {
		// Objects of more than 10,000 parts get larger ones than were asked for.
		s.buffers.Raise(2 * size)
	}
	return s.cut(ctx, t.plan, func(size int64) int64 {
		if s.streams(size) {
			return s.cfg.Transfer.ChunkSize
		}
		return size
	})
}

// cut yields the parts of a layout in order, each with a permit and then a
// buffer of the size that room returns for that of the part. The order
// matters: a part may wait for the digests of earlier ones, so those must have
// what they need.
func (s *syncer) cut(ctx context.Context, layout checksum.Layout, room func(size int64) int64) iter.Seq2[part, error] {
	return func(yield func(part, error) bool) {
		for i := range layout.Len() {
			select {
			case s.permits <- struct{}{}:
			case <-ctx.Done():
				yield(part{}, context.Cause(ctx))
				return
			}
			off, size := layout.Bounds(i)
			buf, err := s.buffers.Get(ctx, int(room(size)))
			if err != nil {
				<-s.permits
				yield(part{}, err)
				return
			}
			p := part{i: i, off: off, end: off + size, buf: buf, permits: s.permits}
			if !yield(p, nil) {
				p.release()
				return
			}
		}
	}
}

// makeDirectory creates the directory of a key that ends in "/", as such keys
// stand for directories.
func (s *syncer) makeDirectory(ctx context.Context, it *item) error {
	_, err := s.target.Put(ctx, it.mapped, storage.Block{}, storage.WriteOptions{})
	if err == nil {
		s.report.emit(Event{Type: EventTransferred, Key: it.key(), Source: it.source, Reason: it.reason})
	}
	return ofTarget(err)
}

func isDirectory(key string) bool { return strings.HasSuffix(key, "/") }

// ofSource and ofTarget name the side in the error of a store, which does not
// know what it is used for.
func ofSource(err error) error { return ofSide("source", err) }

func ofTarget(err error) error { return ofSide("target", err) }

func ofSide(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// again repeats one request while its failure may pass.
func (s *syncer) again(ctx context.Context, key string, f func(context.Context) error) error {
	return retry.Do(ctx, s.policy, func(_ int, err error) {
		s.report.emit(Event{Type: EventRetry, Key: key, Err: err})
	}, f)
}

// askAgain is again for a question about an object that is open. If it is not
// the same object any more no repetition can help: it is begun anew, which is
// for the caller of transfer to do.
func (s *syncer) askAgain(ctx context.Context, key string, f func(context.Context) error) error {
	var changed error
	err := s.again(ctx, key, func(ctx context.Context) error {
		err := f(ctx)
		if errors.Is(err, storage.ErrChanged) {
			changed = err
			return nil
		}
		return err
	})
	if changed != nil {
		return changed
	}
	return err
}
