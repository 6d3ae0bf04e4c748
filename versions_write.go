package s3sync

import (
	"context"
	"errors"
	"fmt"

	"s3sync/storage"
)

// originVersionID is the name of the metadata in which the ID of the source
// version stays.
const originVersionID = ownMetadata + "version_id"

// errPassed: see standing.
var errPassed = errors.New("the target lacks versions that are older than one it has; " +
	"written now they would be the newest, so they are left out")

// processGroup writes what the target lacks of one key, in the order of the
// source. It returns an error only if the run must end.
func (s *syncer) processGroup(ctx context.Context, g *group) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var wrote, stopped bool
	var lost *item // one that is passed
	for v, err := range s.standings(ctx, g) {
		it := &item{source: v.Object, mapped: g.key, reason: ReasonNew}
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
			wrote = wrote || done == written
			stopped = done == failed
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
	it := &item{source: *g.marker, mapped: g.key, reason: ReasonNew}
	if g.deleted && !wrote {
		s.skip(it, ReasonVersion)
		return nil
	}
	return s.settle(ctx, it, s.mark(ctx, it))
}

// skipVersion leaves out a version that needs no transfer.
func (s *syncer) skipVersion(it *item, why Reason) {
	if it.source.Archived && s.cfg.IgnoreArchived {
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
	written ending = iota
	leftOut        // which is no reason against later versions
	failed
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
		return leftOut, nil // by a filter of contents
	case err == nil:
		return written, nil
	case ctx.Err() != nil:
		return failed, context.Cause(ctx)
	case errors.Is(err, errGone), errors.Is(err, ErrSkip), errors.Is(err, storage.ErrArchived) && s.cfg.IgnoreArchived:
		return leftOut, s.settle(ctx, it, err)
	}
	return failed, s.settle(ctx, it, fmt.Errorf("version %s: %w; the later versions of the key wait for it", it.source.VersionID, err))
}

// mark deletes the object in the target, where versions are kept, so that it gets
// a delete marker as the source has it. Its errors are for settle.
func (s *syncer) mark(ctx context.Context, it *item) error {
	if err := s.objects.WaitN(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	if !s.cfg.DryRun {
		err := s.again(ctx, it.key(), func(ctx context.Context) error {
			return ofTarget(s.target.Delete(ctx, []storage.Object{{Key: it.mapped}}, storage.DeleteOptions{})[0])
		})
		if err != nil {
			return err
		}
	}
	s.report.emit(Event{Type: EventDeleted, Key: it.key(), Source: it.source})
	return nil
}

// addOrigin notes in the metadata of a version which one of the source it is.
func (s *syncer) addOrigin(t *task, opts *storage.WriteOptions) {
	if !s.cfg.Versioning.Enable {
		return
	}
	if opts.Metadata == nil {
		opts.Metadata = map[string]string{}
	}
	opts.Metadata[originVersionID] = t.it.source.VersionID
	opts.Metadata[originLastModified] = wholeSeconds(t.it.source.ModTime)
}
