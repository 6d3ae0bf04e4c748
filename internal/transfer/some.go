package transfer

import (
	"context"
	"errors"

	"s3sync/internal/grace"
	"s3sync/internal/plan"
	"s3sync/internal/resume"
	"s3sync/storage"
)

// An object in parts may be transferred by several workers, each some of its parts: one begins
// the upload, others write parts of it, and leave it. An ordinary transfer finds the parts in the
// journal, sends those that are missing, verifies the whole and publishes it. So only that one
// decides about the object: the others neither publish nor remove anything, and whatever they
// did not do costs time alone.

// A PartRange are parts of an object, counted from 1: from First to before End. If there are
// none, the object is only begun.
type PartRange struct{ First, End int }

// errNotBegun: parts are to be written of an object that nobody began, or that changed since.
var errNotBegun = errors.New("nothing of it is left that parts could be added to")

// A begunUpload is an upload that began.
type begunUpload struct {
	w     any // a storage.Writer or a storage.CopyWriter
	parts *progress
}

// leaves reports whether some parts of the object may be transferred alone.
func (o *object) leaves() bool {
	t := o.t
	if o.only == nil || t.opts.Journal == nil || t.opts.BeginAnew || t.target.Caps.Files || !o.identified() || !o.layout.Multipart() {
		return false
	}
	_, size := o.layout.Bounds(0)
	return t.copier != nil || !t.streams(size)
}

// span returns the indices of the parts to be transferred.
func (o *object) span() (from, to int) {
	if !o.leaves() {
		return 0, o.layout.Len()
	}
	return max(o.only.First-1, 0), min(o.only.End-1, o.layout.Len())
}

// sendSome is some for an object whose bytes move through this program.
func (o *object) sendSome(ctx context.Context) (done bool, err error) {
	if err := o.t.verifier.BeginParts(&o.verification, o.layout); err != nil {
		return true, err
	}
	var w storage.Writer
	begin := func(ctx context.Context) (_ any, parts *progress, err error) {
		w, parts, err = o.beginUpload(ctx)
		return w, parts, err
	}
	return o.some(ctx, begin, o.resumeUpload(&w), func(ctx context.Context, parts *progress) error {
		if err := o.sendEach(ctx, w, parts); err != nil {
			return err
		}
		return o.t.source.Wrap(o.from.Check(ctx))
	})
}

// copySome is some for an object that the server copies.
func (o *object) copySome(ctx context.Context) (done bool, err error) {
	r, ok := storage.As[storage.CopyResumer](o.t.target.Store)
	if !ok {
		return false, nil
	}
	var w storage.CopyWriter
	begin := func(ctx context.Context) (_ any, parts *progress, err error) {
		w, parts, err = o.beginCopy(ctx)
		return w, parts, err
	}
	return o.some(ctx, begin, o.resumeCopy(r, &w), func(ctx context.Context, parts *progress) error {
		return o.copyEach(ctx, w, parts)
	})
}

// some transfers some parts, and fails with a *plan.LeftError. done is false if the object cannot
// be left: then all of it is to be transferred.
func (o *object) some(
	ctx context.Context, begin func(context.Context) (any, *progress, error), open opener, each func(context.Context, *progress) error,
) (done bool, err error) {
	if from, to := o.span(); from >= to {
		w, parts, err := begin(ctx)
		if err != nil {
			return true, err
		}
		if parts == nil || !o.canGoOn(ctx, parts.entry, open) {
			o.only, o.upload = nil, &begunUpload{w, parts}
			return false, nil
		}
		return true, o.leave(ctx, parts, nil)
	}
	parts := o.goOnWithOthers(ctx, open)
	if parts == nil {
		return true, errNotBegun
	}
	return true, o.leave(ctx, parts, each(ctx, parts))
}

// canGoOn reports whether another worker will be able to go on with an upload.
func (o *object) canGoOn(ctx context.Context, e *resume.Entry, open opener) bool {
	return o.t.target.Retry(ctx, o.a.Key(), func(ctx context.Context) error {
		_, _, err := open(ctx, e)
		return err
	}) == nil
}

// goOnWithOthers is goOn while others may do the same: nothing is begun or removed.
func (o *object) goOnWithOthers(ctx context.Context, open opener) (p *progress) {
	for _, e := range o.t.opts.Journal.Take(o.a.TargetKey) {
		if want := o.written(e.Token); p == nil && e.Token != "" && e.Continues(&want) {
			if p = o.open(ctx, e, open); p != nil {
				continue
			}
		}
		e.Release()
	}
	return p
}

// leave leaves the object. Its error is err, or a *plan.LeftError.
func (o *object) leave(ctx context.Context, p *progress, err error) error {
	cctx, cancel := grace.Cleanup(ctx)
	defer cancel()
	lerr := p.w.Leave(cctx)
	p.release()
	if err == nil {
		err = o.t.target.Wrap(lerr)
	}
	if err == nil {
		err = &plan.LeftError{Parts: o.layout.Len()}
	}
	return err
}
