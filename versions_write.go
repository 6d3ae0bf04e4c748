package s3sync

import (
	"context"
	"errors"
	"fmt"

	"s3sync/storage"
)

// errPassed: see standing.
var errPassed = errors.New("the target lacks versions or delete markers that are older than a version it has; " +
	"written now they would be the newest, so they are skipped")

// processGroup writes what the target lacks of one key, in the order of the
// source. It returns an error only if the run must end.
func (s *syncer) processGroup(ctx context.Context, g *group) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var wrote, stopped bool
	visible := g.target.len() > 0 && !g.deleted // something can be deleted
	var lost *item                              // one that is passed
	for v, err := range s.standings(ctx, g) {
		it := &item{source: v.Object, mapped: g.key, reason: ReasonNew, exists: visible}
		if err != nil {
			it.source.Key = g.key
			return s.settle(ctx, it, err)
		}
		switch v.standing {
		case present:
			s.skipVersion(it, ReasonVersion)
		case passed:
			left, err := s.pass(ctx, it)
			if err != nil {
				return err
			}
			if left {
				lost = it
			}
		case missing:
			done, err := s.writeVersion(ctx, it)
			if err != nil {
				return err
			}
			if done == versionWritten {
				wrote, visible = true, !v.DeleteMarker
			}
			stopped = done == versionFailed
		}
		if stopped {
			break
		}
	}
	if lost != nil && s.cfg.Preprocess == nil { // which may have left them out on purpose
		if err := s.settle(ctx, lost, errPassed); err != nil {
			return err
		}
	}
	if g.marker == nil || stopped {
		return nil
	}
	it := &item{source: *g.marker, mapped: g.key, reason: ReasonNew, exists: visible}
	if g.deleted && !wrote {
		s.skip(it, ReasonVersion)
		return nil
	}
	return s.settle(ctx, it, s.mark(ctx, it))
}

// skipVersion leaves out a version that needs no transfer.
func (s *syncer) skipVersion(it *item, why Reason) {
	if (it.source.Archived || it.source.MaybeArchived) && s.cfg.IgnoreArchived {
		why = ReasonArchived
	}
	s.skip(it, why)
}

// pass leaves out a version that the target can only have too late. left tells
// that nothing else speaks against it.
func (s *syncer) pass(ctx context.Context, it *item) (left bool, err error) {
	ok, err := s.selectsContent(ctx, it)
	if err != nil {
		return false, s.settle(ctx, it, err)
	}
	if ok {
		s.skipVersion(it, ReasonOlder)
	}
	return ok && it.reason == ReasonOlder, nil
}

// An ending is what became of a version.
type ending int

const (
	versionWritten ending = iota
	versionLeftOut        // which is no reason against later versions
	versionFailed
)

// writeVersion writes a version or delete marker of the source. An error ends the
// run.
func (s *syncer) writeVersion(ctx context.Context, it *item) (ending, error) {
	var err error
	if it.source.DeleteMarker {
		err = s.mark(ctx, it)
	} else {
		err = s.move(ctx, it)
	}
	switch {
	case err == nil && it.reason != ReasonNew:
		return versionLeftOut, nil // by a filter of contents
	case err == nil:
		return versionWritten, nil
	case ctx.Err() != nil:
		return versionFailed, context.Cause(ctx)
	case errors.Is(err, errGone), errors.Is(err, ErrSkip), errors.Is(err, storage.ErrArchived) && s.cfg.IgnoreArchived:
		return versionLeftOut, s.settle(ctx, it, err)
	}
	return versionFailed, s.settle(ctx, it, fmt.Errorf("version %s: %w; the later versions of the key wait for it", it.source.VersionID, err))
}

// mark deletes the object in the target, where versions are kept, so that it gets
// a delete marker as the source has it. Its errors are for settle.
func (s *syncer) mark(ctx context.Context, it *item) error {
	if err := s.objects.WaitN(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	if !s.cfg.DryRun {
		_, err := s.write(ctx, it, func(ctx context.Context) (storage.Info, error) {
			doomed := []storage.Object{{Key: it.mapped}}
			return storage.Info{}, s.target.Delete(ctx, doomed, storage.DeleteOptions{Once: true})[0]
		})
		if err != nil {
			return err
		}
	}
	s.report.emit(Event{Type: EventDeleted, Key: it.key(), Source: it.source})
	return nil
}

// untilAnswered is the context of a request that adds a version, where that is to
// happen just once: an interruption is heeded only after the answer, if that comes
// soon. The next run goes by what is listed then.
func (s *syncer) untilAnswered(ctx context.Context) (context.Context, context.CancelFunc) {
	if !s.cfg.Versioning.Enable || ctx.Err() != nil {
		return ctx, func() {}
	}
	return outlive(ctx)
}

// write makes a request that writes an object or deletes it. Where that adds a
// version, the target is asked whether it was carried out before it is repeated.
func (s *syncer) write(ctx context.Context, it *item, do func(context.Context) (storage.Info, error)) (written storage.Info, err error) {
	failed := false
	err = s.again(ctx, it.key(), func(ctx context.Context) error {
		ctx, done := s.untilAnswered(ctx)
		defer done()
		if failed && s.cfg.Versioning.Enable {
			if arrived, err := s.carriedOut(ctx, it, &written); arrived || err != nil {
				return ofTarget(err)
			}
		}
		var err error
		written, err = do(ctx)
		failed = err != nil
		return ofTarget(err)
	})
	return written, err
}

// carriedOut asks whether a version, or the marker of an object that was there, has
// been written although there was no answer, and what was.
func (s *syncer) carriedOut(ctx context.Context, it *item, written *storage.Info) (bool, error) {
	info, err := s.target.Stat(ctx, it.mapped, storage.StatOptions{Checksums: true})
	switch {
	case storage.Gone(err):
		return it.source.DeleteMarker && it.exists, nil
	case err != nil || it.source.DeleteMarker:
		return false, err
	}
	*written = info
	return mark(info.Metadata, originVersionID) == it.source.VersionID, nil
}

// addOrigin notes in the metadata of a version which one of the source it is, by
// which it is known later.
func (s *syncer) addOrigin(t *task, opts *storage.WriteOptions) {
	if !s.cfg.Versioning.Enable {
		return
	}
	if opts.Metadata == nil {
		opts.Metadata = map[string]string{}
	}
	setMark(opts.Metadata, originVersionID, t.it.source.VersionID)
	setMark(opts.Metadata, originLastModified, wholeSeconds(t.it.source.ModTime))
	opts.Once = true
}
