package transfer

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"s3sync/internal/checksum"
	"s3sync/internal/limits"
	"s3sync/internal/parallel"
	"s3sync/internal/resume"
	"s3sync/storage"
)

// A server-side copy has the same parts as its source: the parts determine the ETag,
// and equal ETags verify the copy.

// useCopier fails if the target cannot copy from the source.
func (t *Transferrer) useCopier() error {
	c, ok := storage.As[storage.Copier](t.target.Store)
	if !ok || t.target.Caps.MaxCopy <= 0 || !c.Copies(t.source.Store) {
		return errors.New("server-side copy: the target cannot copy from the source; both have to be buckets of one server " +
			"(the same endpoint URL), or of one partition of AWS, where the source is no multi-Region access point")
	}
	t.copier = c
	return nil
}

// copy lets the server copy the object, and compares what the servers report about both
// objects. attempt counts from 0.
func (o *object) copy(ctx context.Context, attempt int) (err error) {
	t := o.t
	o.info, err = t.source.Store.Stat(ctx, o.a.Key(), storage.StatOptions{
		Checksums: true, VersionID: o.a.Source.VersionID, Parts: t.verifier.PartsQuery(attempt), Listed: &o.a.Source,
	})
	if err != nil {
		return t.source.WrapGone(err)
	}
	if err := o.asPlanned(); err != nil {
		return err
	}
	o.observe(Step{Kind: Begun})
	kept := o.chooseCopyLayout()
	if err := o.prepare(ctx); err != nil {
		return err
	}
	if o.leaves() {
		if done, err := o.copySome(ctx); done || err != nil {
			return err
		}
	}
	var written storage.Info
	if o.layout.Multipart() {
		written, err = o.copyParts(ctx)
	} else {
		written, err = o.copyWhole(ctx)
	}
	if err != nil {
		return err
	}
	result, err := t.verifier.CheckCopy(&o.info, &written, kept)
	if err == nil {
		o.finish(&written, result)
	}
	return err
}

// chooseCopyLayout cuts the copy into the parts of its source. kept is false if the
// parts are unknown or cannot be kept: then the copy has as few parts as possible.
func (o *object) chooseCopyLayout() (kept bool) {
	size, most := o.info.Size, o.t.target.Caps.MaxCopy
	// An empty object has no bytes to copy as a part.
	parts, _ := checksum.ParseETag(o.info.ETag)
	if parts > 0 && size > 0 && len(o.info.Parts) == parts {
		layout, err := checksum.Parts(o.info.Parts)
		if err == nil && layout.Total() == size && slices.Max(o.info.Parts) <= most {
			o.layout = layout
			return true
		}
	}
	if size <= most {
		o.layout = checksum.Whole(size)
		return parts == 0
	}
	o.layout = checksum.Uniform(size, checksum.Plan(size, most, o.t.target.Caps.MaxParts))
	return false
}

// copySource returns the object to copy, as the source described it.
func (o *object) copySource() storage.CopySource {
	asked := o.a.Source.VersionID
	return storage.CopySource{
		Store: o.t.source.Store, Key: o.a.Key(), VersionID: cmp.Or(asked, o.info.VersionID), Current: asked == "",
		ETag: o.info.ETag, Size: o.info.Size, ETagNotDigest: o.info.ETagNotDigest,
	}
}

// copyWhole copies the object in one piece.
func (o *object) copyWhole(ctx context.Context) (written storage.Info, err error) {
	t := o.t
	err = t.target.RetryUnlessChanged(ctx, o.a.Key(), func(ctx context.Context) (err error) {
		ctx, done := t.detachUntilReply(ctx)
		defer done()
		written, err = t.copier.Copy(ctx, o.a.TargetKey, o.copySource(), o.opts)
		return t.target.Wrap(err)
	})
	if err == nil {
		t.didRead(o.info.Size)
		storage.MeterOf(ctx).Set(t.passes * o.info.Size)
		o.wrote(0, o.info.Size)
	}
	return written, err
}

// copyParts copies the object in parts.
func (o *object) copyParts(ctx context.Context) (storage.Info, error) {
	w, held, err := o.beginCopy(ctx)
	if err != nil {
		return storage.Info{}, err
	}
	return o.publish(ctx, w, held, func() error { return o.copyEach(ctx, w, held) })
}

// copyEach copies the parts of the object, or some of them, several at once.
func (o *object) copyEach(ctx context.Context, w storage.CopyWriter, held *progress) error {
	t := o.t
	n := min(o.layout.Len(), t.limits.ParallelParts())
	parts := func(ctx context.Context) iter.Seq2[limits.Part, error] {
		from, to := o.span()
		return t.limits.Parts(ctx, o.layout, from, to, nil)
	}
	return parallel.ForEach(ctx, n, parts, func(ctx context.Context, p limits.Part) (err error) {
		defer func() { p.Release(limits.Work{Asked: true, Bytes: p.Size(), Err: err}) }()
		if held.adoptCopied(&p) {
			storage.MeterOf(ctx).Add(t.passes * p.Size())
			return nil
		}
		err = t.target.RetryUnlessChanged(ctx, o.a.Key(), func(ctx context.Context) error {
			return t.target.Wrap(w.CopyPart(ctx, p.Index+1, p.Off, p.Size()))
		})
		if err == nil {
			t.didRead(p.Size())
			storage.MeterOf(ctx).Add(t.passes * p.Size())
			o.wrote(p.Index+1, p.Size())
			held.note(&p, resume.Part{})
		}
		return err
	})
}

// beginCopy goes on with what was left of the copy, or begins it.
func (o *object) beginCopy(ctx context.Context) (storage.CopyWriter, *progress, error) {
	t := o.t
	if b := o.upload; b != nil {
		o.upload = nil
		w, _ := b.w.(storage.CopyWriter)
		return w, b.parts, nil
	}
	var w storage.CopyWriter
	if r, ok := storage.As[storage.CopyResumer](t.target.Store); ok {
		parts, err := o.goOn(ctx, o.resumeCopy(r, &w))
		if parts != nil || err != nil {
			return w, parts, err
		}
	}
	parts, err := o.begin(ctx, func(ctx context.Context) (_ any, err error) {
		w, err = t.copier.CreateCopy(ctx, o.a.TargetKey, o.copySource(), o.opts)
		return w, err
	})
	return w, parts, err
}

// resumeCopy returns what resumes a copy, and sets w to its writer.
func (o *object) resumeCopy(r storage.CopyResumer, w *storage.CopyWriter) opener {
	return func(ctx context.Context, e *resume.Entry) (_ any, held []storage.WrittenPart, err error) {
		*w, held, err = r.ResumeCopy(ctx, o.a.TargetKey, e.Token, o.copySource(), o.opts)
		if c := o.completed(ctx, e, err); c != nil {
			*w, held, err = c, c.held(), nil
		}
		return *w, held, err
	}
}
