package transfer

import (
	"context"
	"fmt"

	"s3sync/internal/attributes"
	"s3sync/internal/grace"
	"s3sync/internal/plan"
	"s3sync/storage"
)

// send moves the bytes of the object through this program.
func (o *object) send(ctx context.Context) error {
	t := o.t
	var err error
	if o.layout, err = o.chooseLayout(ctx); err != nil {
		return err
	}
	if err := o.fits(); err != nil {
		return err
	}
	if err := o.prepare(ctx); err != nil {
		return err
	}
	if o.leaves() {
		if done, err := o.sendSome(ctx); done || err != nil {
			return err
		}
	}
	if err := t.verifier.Begin(ctx, &o.verification, o.layout, &o.parts); err != nil {
		return err
	}
	var written storage.Info
	if o.layout.Multipart() {
		written, err = o.sendParts(ctx)
	} else {
		written, err = o.sendWhole(ctx)
	}
	if err != nil {
		return err
	}
	if err := o.verification.CheckTarget(&written); err != nil {
		return err
	}
	o.finish(&written, o.verification.Result(&o.info, &written))
	o.result.File = o.file(&written)
	return nil
}

// prepare determines the options for writing the object.
func (o *object) prepare(ctx context.Context) (err error) {
	o.opts, err = o.t.attrs.WriteOptions(ctx, o.a, &o.info)
	o.opts.Checksum = o.t.verifier.WrittenChecksum()
	return err
}

// sendWhole moves the object in one piece.
func (o *object) sendWhole(ctx context.Context) (storage.Info, error) {
	t := o.t
	if t.streams(o.info.Size) {
		return o.streamWhole(ctx)
	}
	buf, err := t.limits.Buffer(ctx, o.info.Size)
	if err != nil {
		return storage.Info{}, err
	}
	defer buf.Release()
	b, err := o.fetch(ctx, buf.Bytes(), 0, 0)
	if err != nil {
		return storage.Info{}, err
	}
	if err := o.verifySource(ctx); err != nil {
		return storage.Info{}, err
	}
	meter := storage.MeterOf(ctx)
	put := func(ctx context.Context) (storage.Info, error) {
		meter.Set(t.readPasses * o.info.Size)
		return t.target.Store.Put(ctx, o.a.TargetKey, b, o.opts)
	}
	var written storage.Info
	if t.opts.Ready == nil {
		written, err = t.write(ctx, o.a, put)
	} else {
		written, err = o.writeThenReady(ctx, b)
	}
	if err == nil {
		meter.Set(t.passes * o.info.Size)
		o.wrote(0, o.info.Size)
	}
	return written, err
}

// writeThenReady writes an object in one piece, and calls Ready between that and its
// publication. An attempt that fails then is not continued: the next one calls Ready again.
func (o *object) writeThenReady(ctx context.Context, b storage.Block) (written storage.Info, err error) {
	target := o.t.target
	var w storage.Writer
	err = target.Retry(ctx, o.a.Key(), func(ctx context.Context) (err error) {
		w, err = target.Store.Create(ctx, o.a.TargetKey, o.opts)
		return target.Wrap(err)
	})
	if err != nil {
		return storage.Info{}, err
	}
	defer func() {
		if err == nil {
			return
		}
		cctx, cancel := grace.Cleanup(ctx)
		defer cancel()
		if aerr := w.Abort(cctx); aerr != nil {
			err = fmt.Errorf("%w (and what was written so far could not be removed: %s)", err, aerr.Error())
		}
	}()
	err = target.Retry(ctx, o.a.Key(), func(ctx context.Context) error {
		return target.Wrap(w.WritePart(ctx, 1, 0, b))
	})
	if err == nil {
		err = o.ready(ctx)
	}
	if err != nil {
		return storage.Info{}, err
	}
	written, err = w.Commit(ctx)
	return written, target.Wrap(err)
}

// fetch reads and digests part i of the layout into p.
func (o *object) fetch(ctx context.Context, p []byte, i int, off int64) (storage.Block, error) {
	if err := o.read(ctx, p, off); err != nil {
		return storage.Block{}, err
	}
	return o.verification.Block(ctx, p, i, off)
}

// read fills p from offset off of the source.
func (o *object) read(ctx context.Context, p []byte, off int64) error {
	s, meter := o.t.source, storage.MeterOf(ctx)
	before := meter.Count()
	err := s.RetryUnlessChanged(ctx, o.a.Key(), func(ctx context.Context) error {
		meter.Set(before)
		return s.Wrap(o.from.ReadAt(ctx, p, off))
	})
	if err == nil {
		meter.Set(before + o.t.readPasses*int64(len(p)))
		o.t.didRead(int64(len(p)))
	}
	return err
}

// verifySource is the last step before an object is published: it checks that the
// source is still the object that was opened, and that the bytes match its digests.
func (o *object) verifySource(ctx context.Context) error {
	if err := o.from.Check(ctx); err != nil {
		return o.t.source.Wrap(err)
	}
	return o.verification.CheckSource(&o.info)
}

// ready is the last step before a file is published.
func (o *object) ready(ctx context.Context) error {
	if o.t.opts.Ready == nil {
		return nil
	}
	return o.t.opts.Ready(ctx, o.a)
}

// makeDirectory creates the directory for a key that ends in a slash.
func (o *object) makeDirectory(ctx context.Context) error {
	_, err := o.t.target.Store.Put(ctx, o.a.TargetKey, storage.Block{}, storage.WriteOptions{})
	if err != nil {
		return o.t.target.Wrap(err)
	}
	o.result = Result{Source: o.a.Source}
	return nil
}

// Mark deletes the target object in a store that keeps versions, so that the target
// gets a delete marker like the source.
func (t *Transferrer) Mark(ctx context.Context, a *plan.Action) error {
	_, err := t.write(ctx, a, func(ctx context.Context) (storage.Info, error) {
		deleted := []storage.Object{{Key: a.TargetKey}}
		return storage.Info{}, t.target.Store.Delete(ctx, deleted, storage.DeleteOptions{Once: true})[0]
	})
	return err
}

// detachUntilReply returns the context of a request that adds a version. If the request
// must happen only once, an interruption waits for the response, if that comes soon.
// The next run relies on the listing.
func (t *Transferrer) detachUntilReply(ctx context.Context) (context.Context, context.CancelFunc) {
	if !t.opts.Versions {
		return ctx, func() {}
	}
	return grace.Answer(ctx)
}

// write makes a request that writes or deletes an object, and retries it. If the
// request adds a version, it asks the target before a retry whether the request was
// done.
func (t *Transferrer) write(
	ctx context.Context, a *plan.Action, request func(context.Context) (storage.Info, error),
) (written storage.Info, err error) {
	failed := false
	err = t.target.Retry(ctx, a.Key(), func(ctx context.Context) (err error) {
		ctx, done := t.detachUntilReply(ctx)
		defer done()
		if failed && t.opts.Versions {
			if arrived, err := t.carriedOut(ctx, a, &written); arrived || err != nil {
				return t.target.Wrap(err)
			}
		}
		written, err = request(ctx)
		failed = err != nil
		return t.target.Wrap(err)
	})
	return written, err
}

// carriedOut asks whether a version, or the delete marker of an existing object, was
// written although there was no response. If it was, written describes it.
func (t *Transferrer) carriedOut(ctx context.Context, a *plan.Action, written *storage.Info) (bool, error) {
	info, err := t.target.Store.Stat(ctx, a.TargetKey, storage.StatOptions{Checksums: true})
	switch {
	case storage.Gone(err):
		return a.Source.DeleteMarker && a.Exists, nil
	case err != nil || a.Source.DeleteMarker:
		return false, err
	}
	*written = info
	return attributes.Mark(info.Metadata, attributes.OriginVersionID) == a.Source.VersionID, nil
}
