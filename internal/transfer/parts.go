package transfer

import (
	"context"
	"fmt"
	"iter"

	"s3sync/internal/grace"
	"s3sync/internal/limits"
	"s3sync/internal/parallel"
	"s3sync/storage"
)

// sendParts moves the object in parts, several at once.
func (o *object) sendParts(ctx context.Context) (storage.Info, error) {
	t := o.t
	// An upload can be aborted only if its ID is known. So an interruption waits for
	// the response that begins the upload, if that comes soon.
	longer, done := grace.Answer(ctx)
	w, err := t.target.Store.Create(longer, o.a.TargetKey, o.opts)
	done()
	if err != nil {
		return storage.Info{}, t.target.Wrap(err)
	}
	return o.publish(ctx, w, func() error {
		n := min(o.layout.Len(), t.limits.ParallelParts())
		err := parallel.ForEach(ctx, n, o.buffered, func(ctx context.Context, p limits.Part) (err error) {
			defer func() { p.Release(limits.Work{Asked: true, Bytes: p.Size(), Err: err}) }()
			meter := storage.MeterOf(ctx).Part()
			err = o.sendPart(storage.WithMeter(ctx, meter), w, &p)
			if err != nil {
				o.verification.Abort(err)
				return err
			}
			meter.Set(t.passes * p.Size())
			o.wrote(p.Index+1, p.Size())
			return nil
		})
		if err != nil {
			return err
		}
		return o.verifySource(ctx)
	})
}

// buffered yields the parts of the object. Each has memory for the whole part, or for
// one piece if the part is streamed.
func (o *object) buffered(ctx context.Context) iter.Seq2[limits.Part, error] {
	t := o.t
	if _, size := o.layout.Bounds(0); !t.streams(size) {
		// Objects with more than 10,000 parts get larger parts than requested.
		t.limits.RaiseMemory(2 * size)
	}
	return t.limits.Parts(ctx, o.layout, func(size int64) int64 {
		if t.streams(size) {
			return t.opts.ChunkSize
		}
		return size
	})
}

func (o *object) sendPart(ctx context.Context, w storage.Writer, p *limits.Part) error {
	target := o.t.target
	if o.t.streams(p.Size()) {
		return o.stream(ctx, p.Buffer.Bytes(), p.Off, p.End, func(b storage.Block) error {
			return target.Wrap(w.WritePart(ctx, p.Index+1, p.Off, b))
		})
	}
	b, err := o.fetch(ctx, p.Buffer.Bytes(), p.Index, p.Off)
	if err != nil {
		return err
	}
	return target.Retry(ctx, o.a.Key(), func(ctx context.Context) error {
		storage.MeterOf(ctx).Set(o.t.readPasses * p.Size())
		return target.Wrap(w.WritePart(ctx, p.Index+1, p.Off, b))
	})
}

// An upload is an object that is written part by part.
type upload interface {
	Commit(ctx context.Context) (storage.Info, error)
	Abort(ctx context.Context) error
}

// publish commits an upload once its parts are written, or aborts it.
func (o *object) publish(ctx context.Context, w upload, parts func() error) (written storage.Info, err error) {
	t := o.t
	defer func() {
		if err == nil {
			return
		}
		cctx, cancel := grace.Cleanup(ctx)
		defer cancel()
		if aerr := w.Abort(cctx); aerr != nil {
			// Only the text: the first error decides what happens to the object.
			err = fmt.Errorf("%w (and what was written so far could not be removed: %s)", err, aerr.Error())
		}
	}()
	if err := parts(); err != nil {
		return storage.Info{}, err
	}
	err = t.target.Retry(ctx, o.a.Key(), func(ctx context.Context) (err error) {
		ctx, done := t.detachUntilReply(ctx)
		defer done()
		written, err = w.Commit(ctx)
		return t.target.Wrap(err)
	})
	return written, err
}
