package transfer

import (
	"context"
	"fmt"
	"iter"

	"s3sync/internal/grace"
	"s3sync/internal/limits"
	"s3sync/internal/parallel"
	"s3sync/internal/resume"
	"s3sync/storage"
)

// sendParts moves the object in parts, several at once.
func (o *object) sendParts(ctx context.Context) (storage.Info, error) {
	w, parts, err := o.beginUpload(ctx)
	if err != nil {
		return storage.Info{}, err
	}
	return o.publish(ctx, w, parts, func() error {
		if err := o.sendEach(ctx, w, parts); err != nil {
			return err
		}
		return o.verifySource(ctx)
	})
}

// sendEach sends the parts of the object, or some of them, several at once.
func (o *object) sendEach(ctx context.Context, w storage.Writer, parts *progress) error {
	n := min(o.layout.Len(), o.t.limits.ParallelParts())
	return parallel.ForEach(ctx, n, o.buffered, func(ctx context.Context, p limits.Part) (err error) {
		defer func() { p.Release(limits.Work{Asked: true, Bytes: p.Size(), Err: err}) }()
		meter := storage.MeterOf(ctx).Part()
		sent, err := o.sendPart(storage.WithMeter(ctx, meter), w, parts, &p)
		if err != nil {
			o.verification.Abort(err)
			return err
		}
		meter.Set(o.t.passes * p.Size())
		if sent {
			o.wrote(p.Index+1, p.Size())
		}
		return nil
	})
}

// beginUpload goes on with what was left of the object, or begins it.
func (o *object) beginUpload(ctx context.Context) (storage.Writer, *progress, error) {
	t := o.t
	if b := o.upload; b != nil {
		o.upload = nil
		w, _ := b.w.(storage.Writer)
		return w, b.parts, nil
	}
	var w storage.Writer
	parts, err := o.goOn(ctx, o.resumeUpload(&w))
	if parts != nil || err != nil {
		return w, parts, err
	}
	parts, err = o.begin(ctx, func(ctx context.Context) (_ any, err error) {
		w, err = t.target.Store.Create(ctx, o.a.TargetKey, o.opts)
		return w, err
	})
	return w, parts, err
}

// resumeUpload returns what resumes an upload, and sets w to its writer.
func (o *object) resumeUpload(w *storage.Writer) opener {
	return func(ctx context.Context, e *resume.Entry) (_ any, held []storage.WrittenPart, err error) {
		*w, held, err = o.t.resumer.Resume(ctx, o.a.TargetKey, e.Token, o.opts)
		if c := o.completed(ctx, e, err); c != nil {
			*w, held, err = c, c.held(), nil
		}
		return *w, held, err
	}
}

// buffered yields the parts of the object. Each has memory for the whole part, or for
// one piece if the part is streamed.
func (o *object) buffered(ctx context.Context) iter.Seq2[limits.Part, error] {
	t := o.t
	if _, size := o.layout.Bounds(0); !t.streams(size) {
		// Objects with more than 10,000 parts get larger parts than requested.
		t.limits.RaiseMemory(2 * size)
	}
	from, to := o.span()
	return t.limits.Parts(ctx, o.layout, from, to, func(size int64) int64 {
		if t.streams(size) {
			return t.opts.ChunkSize
		}
		return size
	})
}

// sendPart writes a part. sent is false if the target has it already.
func (o *object) sendPart(ctx context.Context, w storage.Writer, parts *progress, p *limits.Part) (sent bool, err error) {
	target := o.t.target
	adopted, err := o.adoptUnread(ctx, parts, p)
	if adopted || err != nil {
		return false, err
	}
	if o.t.streams(p.Size()) {
		err := o.stream(ctx, p.Buffer.Bytes(), p.Off, p.End, func(b storage.Block) error {
			return target.Wrap(w.WritePart(ctx, p.Index+1, p.Off, b))
		})
		if err == nil {
			o.notePart(parts, p, nil)
		}
		return true, err
	}
	b, err := o.fetch(ctx, p.Buffer.Bytes(), p.Index, p.Off)
	if err != nil {
		return false, err
	}
	if parts.adopt(p, &b) {
		return false, nil
	}
	err = target.Retry(ctx, o.a.Key(), func(ctx context.Context) error {
		storage.MeterOf(ctx).Set(o.t.readPasses * p.Size())
		return target.Wrap(w.WritePart(ctx, p.Index+1, p.Off, b))
	})
	if err == nil {
		o.notePart(parts, p, b.Data)
	}
	return true, err
}

// An upload is an object that is written part by part.
type upload interface {
	Commit(ctx context.Context) (storage.Info, error)
	Abort(ctx context.Context) error
}

// publish commits an upload once its parts are written. If that fails, it keeps the upload
// for another attempt or run where that helps, or aborts it.
func (o *object) publish(ctx context.Context, w upload, p *progress, parts func() error) (written storage.Info, err error) {
	t, complete := o.t, false
	defer func() {
		if err == nil {
			p.done()
			return
		}
		if p.keep(ctx, err, complete) {
			return
		}
		cctx, cancel := grace.Cleanup(ctx)
		defer cancel()
		if aerr := w.Abort(cctx); aerr != nil {
			// Only the text: the first error decides what happens to the object.
			err = fmt.Errorf("%w (and what was written so far could not be removed: %s)", err, aerr.Error())
			p.release() // a later run removes it
			return
		}
		p.done()
	}()
	if err := parts(); err != nil {
		return storage.Info{}, err
	}
	if err := o.ready(ctx); err != nil {
		return storage.Info{}, err
	}
	complete = true
	err = t.target.Retry(ctx, o.a.Key(), func(ctx context.Context) (err error) {
		ctx, done := t.detachUntilReply(ctx)
		defer done()
		written, err = w.Commit(ctx)
		return t.target.Wrap(err)
	})
	return written, err
}
