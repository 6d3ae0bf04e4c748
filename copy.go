package s3sync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"s3sync/internal/checksum"
	"s3sync/internal/parallel"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// A server-side copy moves no bytes through this program, so that none can be
// digested here. What proves it is that both servers tell the same digests of
// their objects. So the copy gets the parts that the source has: an ETag follows
// from these.

// Reasons why a copy is not proved, beside those of a transfer.
var (
	errCopyOpaque = errors.New("its ETag is no digest of its content (encryption with KMS or a customer key, a directory bucket, or a server with ETags of its own kind), " +
		"and source and target have no additional checksum in common")
	errOtherParts = errors.New("it is too large to be copied in one piece as the source was written, so that the ETags differ, " +
		"and source and target have no additional checksum in common")
)

// useCopier finds out whether the target can copy from the source, if it is to.
func (s *syncer) useCopier() error {
	if !s.cfg.ServerSideCopy {
		return nil
	}
	c, ok := storage.As[storage.Copier](s.target)
	if !ok || s.target.Caps().MaxCopy <= 0 || !c.Copies(s.source) {
		return errors.New("server-side copy: the target cannot copy from the source; both have to be buckets of one server " +
			"(the same endpoint URL), or of one partition of AWS, where the source is no multi-Region access point")
	}
	s.copier = c
	return nil
}

// copy lets the server copy one object, and compares what is told of both.
func (s *syncer) copy(ctx context.Context, t *task) (err error) {
	kept := s.planCopy(t)
	if t.opts, err = s.writeOptions(ctx, t); err != nil {
		return err
	}
	var written storage.Info
	if t.plan.Multipart() {
		written, err = s.copyParts(ctx, t)
	} else {
		written, err = s.copyWhole(ctx, t)
	}
	if err != nil {
		return err
	}
	return s.judgeCopy(t, written, kept)
}

// copySource names the object that is copied, as the source described it.
func (s *syncer) copySource(t *task) storage.CopySource {
	asked := t.it.source.VersionID
	return storage.CopySource{
		Store: s.source, Key: t.it.key(), VersionID: cmp.Or(asked, t.info.VersionID), Current: asked == "",
		ETag: t.info.ETag, Size: t.info.Size, Opaque: t.info.Opaque,
	}
}

// planCopy cuts the copy as its source is. kept is false where that cannot be
// known or is not possible: then the copy has as few parts as can be.
func (s *syncer) planCopy(t *task) (kept bool) {
	size, most := t.info.Size, s.target.Caps().MaxCopy
	// An empty object has no bytes that a part could be copied of.
	parts, _ := checksum.ParseETag(t.info.ETag)
	if parts > 0 && size > 0 && len(t.info.Parts) == parts {
		layout, err := checksum.Parts(t.info.Parts)
		if err == nil && layout.Total() == size && slices.Max(t.info.Parts) <= most {
			t.plan = layout
			return true
		}
	}
	if size <= most {
		t.plan = checksum.Whole(size)
		return parts == 0
	}
	t.plan = checksum.Uniform(size, checksum.Plan(size, most, s.target.Caps().MaxParts))
	return false
}

// copyWhole copies an object in one piece.
func (s *syncer) copyWhole(ctx context.Context, t *task) (written storage.Info, err error) {
	err = s.askAgain(ctx, t.it.key(), func(ctx context.Context) (err error) {
		ctx, done := s.untilAnswered(ctx)
		defer done()
		written, err = s.copier.Copy(ctx, t.it.mapped, s.copySource(t), t.opts)
		return ofTarget(err)
	})
	if err == nil {
		s.report.bytes.Add(t.info.Size)
		s.observe(t.written(0, t.info.Size))
	}
	return written, err
}

// copyParts copies an object part by part, several at once.
func (s *syncer) copyParts(ctx context.Context, t *task) (storage.Info, error) {
	longer, done := outlive(ctx) // as in sendParts
	w, err := s.copier.CreateCopy(longer, t.it.mapped, s.copySource(t), t.opts)
	done()
	if err != nil {
		return storage.Info{}, ofTarget(err)
	}
	return s.publish(ctx, t, w, func() error {
		return parallel.ForEach(ctx, min(t.plan.Len(), s.cfg.Transfer.ParallelParts), s.copied(ctx, t.plan),
			func(ctx context.Context, i int) error {
				defer func() { <-s.permits }()
				off, size := t.plan.Bounds(i)
				err := s.askAgain(ctx, t.it.key(), func(ctx context.Context) error {
					return ofTarget(w.CopyPart(ctx, i+1, off, size))
				})
				if err == nil {
					s.report.bytes.Add(size)
					s.observe(t.written(i+1, size))
				}
				return err
			})
	})
}

// copied yields the parts of a layout, counted from 0, each with a permit.
func (s *syncer) copied(ctx context.Context, layout checksum.Layout) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range layout.Len() {
			select {
			case s.permits <- struct{}{}:
			case <-ctx.Done():
				yield(0, context.Cause(ctx))
				return
			}
			if !yield(i, nil) {
				<-s.permits
				return
			}
		}
	}
}

// judgeCopy compares the digests that are told of source and target, and reports
// the object. One that differs outweighs all others. kept tells that the ETags
// are made in the same way if they are digests.
func (s *syncer) judgeCopy(t *task, target storage.Info, kept bool) error {
	source := t.info
	etags, why := s.compareCopiedETags(&source, &target, kept)
	if etags == different {
		return copyMismatch("", source.Key, "ETag", source.ETag, target.ETag)
	}
	var f finding
	if s.cfg.Verify.Checksum {
		f = bySums(s.comparable(&source), &target)
	}
	if f.likeness == different {
		return copyMismatch(checksum.Algorithm(f.sums.algorithm), source.Key, f.sums.algorithm+" checksum", f.sums.source, f.sums.target)
	}
	s.copyArrived(t, &source, &target, etags, f, why)
	return nil
}

func copyMismatch(a checksum.Algorithm, key, what, source, target string) error {
	return &storage.Error{Op: "verify", Key: key, Err: &mismatchError{a, fmt.Sprintf(
		"%v: the source's %s is %s, that of the copy is %s", storage.ErrMismatch, what, source, target)}}
}

// compareCopiedETags returns why nothing can be compared if it is unsure.
func (s *syncer) compareCopiedETags(source, target *storage.Info, kept bool) (l likeness, why error) {
	v := &s.cfg.Verify
	parts, ok := checksum.ParseETag(source.ETag)
	targetParts, ok2 := checksum.ParseETag(target.ETag)
	switch {
	case !v.ETag:
		return unsure, errVerifyOff
	case parts > 0 && !v.Multipart:
		return unsure, errMultipartOff
	case source.ETag == "" || target.ETag == "":
		return unsure, errNoETag
	case source.Opaque || target.Opaque:
		return unsure, errCopyOpaque
	case !ok || !ok2:
		return unsure, errOtherETag
	}
	l = matchETags(source.ETag, target.ETag)
	switch {
	case l != unsure:
		return l, nil
	case kept && parts > 0 && targetParts == 0:
		return unsure, errOwnETag
	case kept:
		return different, nil
	case parts > 0:
		return unsure, errUnknownLayout
	}
	return unsure, errOtherParts
}

// comparable is the source with the checksums that are to be compared.
func (s *syncer) comparable(source *storage.Info) *storage.Info {
	if s.cfg.Verify.Multipart {
		return source
	}
	only := *source
	only.Checksums = slices.DeleteFunc(slices.Clone(source.Checksums), func(c storage.Checksum) bool {
		k, _ := kindOf(c.Algorithm, source, c)
		return k.parts > 0
	})
	return &only
}

// copyArrived reports a copy, and what proves it. It is the counterpart of
// arrived.
func (s *syncer) copyArrived(t *task, source, target *storage.Info, etags likeness, f finding, why error) {
	s.checksumKept(target)
	ev := t.event(EventTransferred)
	ev.Target = target.Object
	if len(source.Checksums) > 0 {
		ev.Algorithm = string(source.Checksums[0].Algorithm)
	}
	if f.sums.algorithm != "" {
		ev.Algorithm = f.sums.algorithm
	}
	told := sumsOf(checksum.Algorithm(ev.Algorithm), source, target)
	ev.SourceChecksum, ev.TargetChecksum = told.source, told.target
	emit := func(ty EventType, err error) {
		ev.Type, ev.Err = ty, err
		s.report.emit(ev)
	}
	if etags == same {
		emit(EventVerified, nil)
	}
	if f.likeness == same {
		emit(EventChecksumVerified, nil)
	}
	if s.cfg.Verify.ReadChecksum && len(source.Checksums) == 0 {
		emit(EventNoChecksum, errNoChecksum)
	}
	if etags != same && f.likeness != same {
		emit(EventUnverified, advise(why, source))
	}
	emit(EventTransferred, nil)
}

// advise adds to the reason why a copy is not proved what would help.
func advise(why error, source *storage.Info) error {
	switch {
	case errors.Is(why, errVerifyOff), errors.Is(why, errMultipartOff):
		return why
	case len(source.Checksums) > 0:
		return setting.Errorf("%w: %s would let the target keep what the source has", why, setting.Name("Verify.Algorithm="+source.Checksums[0].Algorithm))
	}
	return setting.Errorf("%w: without %s the bytes would be digested on their way", why, setting.Name("ServerSideCopy"))
}
