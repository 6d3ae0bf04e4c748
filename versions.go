package s3sync

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"s3sync/internal/parallel"
	"s3sync/internal/retry"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// Versions are synced key by key. Both sides list them by key and from the newest
// to the oldest; a group is what they list of one key. One worker takes a group
// and writes what the target lacks, from the oldest to the newest and one after
// the other, because that makes their order there. Groups go in parallel.

// checkVersioning refuses a run that needs versions which a side does not keep.
// It comes before any listing.
func (s *syncer) checkVersioning(ctx context.Context) error {
	v := &s.cfg.Versioning
	if v.Enable || !v.PointInTime.IsZero() {
		asks := setting.Name("Versioning.Enable")
		if !v.Enable {
			asks = "Versioning.PointInTime"
		}
		if err := s.keepsVersions(ctx, "source", s.source, asks); err != nil {
			return err
		}
	}
	if v.Enable {
		return s.keepsVersions(ctx, "target", s.target, "Versioning.Enable")
	}
	return nil
}

func (s *syncer) keepsVersions(ctx context.Context, side string, store storage.Store, asks setting.Name) error {
	v, ok := storage.As[storage.Versioner](store)
	if !ok {
		return setting.Errorf("%s: it has no versions, which %s needs", side, asks)
	}
	var kept bool
	err := s.again(ctx, "", func(ctx context.Context) (err error) {
		kept, err = v.Versioning(ctx)
		return err
	})
	switch {
	case err != nil:
		return setting.Errorf("%s: whether versioning is enabled, which %s needs, cannot be found out: %w", side, asks, err)
	case !kept:
		return setting.Errorf("%s: versioning is not enabled in the bucket, which %s needs", side, asks)
	}
	return nil
}

// listVersions yields the versions of a side. A failure that may pass is retried
// behind the last one.
func (s *syncer) listVersions(ctx context.Context, store storage.Store) iter.Seq2[storage.Object, error] {
	v, _ := storage.As[storage.Versioner](store) // see keepsVersions
	again := func(_ int, err error) { s.report.emit(Event{Type: EventRetry, Err: err}) }
	list := func(r storage.Range) iter.Seq2[storage.Object, error] {
		return v.Versions(ctx, storage.ListOptions{Range: r})
	}
	return retry.Versions(ctx, s.policy, again, list, s.keys)
}

// syncVersions is the run if versions are synced.
func (s *syncer) syncVersions(ctx context.Context) error {
	end := s.log.span("compare and transfer versions")
	defer end()
	return parallel.ForEach(ctx, s.cfg.Transfer.Workers, s.groups(ctx), func(ctx context.Context, g *group) error {
		err := s.processGroup(ctx, g)
		if cerr := g.close(); err == nil {
			err = cerr
		}
		return err
	})
}

// A group is what both sides have of one key.
type group struct {
	key string
	// source and target are what is to be compared: without delete markers unless
	// all of them are synced.
	source, target *history
	// marker is the newest entry of the source, if that is the delete marker that
	// is to be synced on its own.
	marker *storage.Object
	// deleted: the newest entry of the target is a delete marker.
	deleted bool
}

func (g *group) close() error { return errors.Join(g.source.close(), g.target.close()) }

// empty reports whether there is nothing to be synced.
func (g *group) empty() bool { return g.source.len() == 0 && g.marker == nil }

// groups yields the groups of all keys that the source has. What is yielded is
// the consumer's to close. It returns a single-use iterator.
func (s *syncer) groups(ctx context.Context) iter.Seq2[*group, error] {
	return func(yield func(*group, error) bool) {
		source := newCursor("source", s.listVersions(ctx, s.source))
		defer source.stop()
		target := newCursor("target", s.listVersions(ctx, s.target))
		defer target.stop()
		err := source.advance()
		if err == nil {
			err = target.advance()
		}
		for err == nil && source.ok {
			var g *group
			if g, err = s.group(ctx, source, target); err != nil {
				break
			}
			if g.empty() {
				err = g.close()
				continue
			}
			if !yield(g, nil) {
				_ = g.close() // the run has ended for another reason
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// group takes the next key of the source from both listings.
func (s *syncer) group(ctx context.Context, source, target *cursor) (*group, error) {
	g := &group{key: source.head.Key, source: newHistory(source.head.Key), target: newHistory(source.head.Key)}
	if err := s.fill(ctx, g, source, target); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

func (s *syncer) fill(ctx context.Context, g *group, source, target *cursor) error {
	for newest := true; source.ok && source.head.Key == g.key; newest = false {
		if err := s.addSource(ctx, g, source.head, newest); err != nil {
			return err
		}
		if err := source.advance(); err != nil {
			return err
		}
	}
	for newest := true; target.ok && target.head.Key <= g.key; {
		if target.head.Key == g.key {
			if err := s.addTarget(g, target.head, newest); err != nil {
				return err
			}
			newest = false
		}
		if err := target.advance(); err != nil {
			return err
		}
	}
	return nil
}

// addSource takes in a version of the source if the filters leave it.
func (s *syncer) addSource(ctx context.Context, g *group, v storage.Object, newest bool) error {
	it := item{source: v, mapped: v.Key}
	if v.Key == "" {
		s.skip(&it, ReasonEmptyKey)
		return nil
	}
	ok, err := s.selects(ctx, &it)
	switch {
	case err != nil || !ok:
		return err
	case s.compares(v):
		return g.source.add(v)
	case newest:
		g.marker = &v
	}
	return nil
}

// addTarget takes in a version of the target, if there is any in the source.
func (s *syncer) addTarget(g *group, v storage.Object, newest bool) error {
	g.deleted = g.deleted || newest && v.DeleteMarker
	if g.empty() || !s.compares(v) {
		return nil
	}
	return g.target.add(v)
}

// compares reports whether an entry is one of those that are compared one by one.
func (s *syncer) compares(v storage.Object) bool {
	return !v.DeleteMarker || s.cfg.Versioning.AllMarkers
}

// A cursor stands at an entry of a listing of versions.
type cursor struct {
	side string
	next func() (storage.Object, error, bool)
	stop func()
	head storage.Object
	ok   bool
}

func newCursor(side string, list iter.Seq2[storage.Object, error]) *cursor {
	next, stop := iter.Pull2(list)
	return &cursor{side: side, next: next, stop: stop}
}

// advance goes to the next entry. Keys that do not ascend are an error: others
// would be taken for missing.
func (c *cursor) advance() error {
	v, err, ok := c.next()
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", c.side, err)
	case ok && c.ok && v.Key < c.head.Key:
		return fmt.Errorf("%s: versions out of order: key %q after %q", c.side, v.Key, c.head.Key)
	}
	c.head, c.ok = v, ok
	return nil
}
