package s3sync

import (
	"context"
	"iter"

	"s3sync/internal/join"
	"s3sync/internal/pattern"
	"s3sync/internal/retry"
	"s3sync/storage"
)

// items yields every source object that the filters leave, beside its target
// twin. Objects that only the target has go to the doomed spool, and objects
// that the target holds under another key to the strays: see strays.go. It
// returns a single-use iterator.
func (s *syncer) items(ctx context.Context) iter.Seq2[item, error] {
	pairs := join.Sorted(s.listSource(ctx), s.listTarget(ctx))
	return func(yield func(item, error) bool) {
		for pair, err := range pairs {
			if err != nil {
				yield(item{}, err)
				return
			}
			it, ok, err := s.admit(ctx, pair)
			if err != nil {
				yield(item{}, err)
				return
			}
			if ok && !yield(it, nil) {
				return
			}
		}
	}
}

// admit sorts one pair: an item for the workers, or not. It asks for the place of
// a source key before the filters, so that what they leave out keeps it.
func (s *syncer) admit(ctx context.Context, pair join.Pair) (it item, ok bool, err error) {
	if pair.InTarget {
		s.held++
	}
	if !pair.InSource {
		return item{}, false, s.doom(pair.Target)
	}
	it = item{source: pair.Source, target: pair.Target, exists: pair.InTarget, mapped: pair.Key}
	if pair.Key == "" {
		s.skip(&it, ReasonEmptyKey)
		return item{}, false, nil
	}
	s.found++
	mapped, unstorable := s.mapKey(&it)
	selected := true
	if s.cfg.Versioning.PointInTime.IsZero() { // or they were asked already: see snapshot
		if selected, err = s.selects(ctx, &it); err != nil {
			return item{}, false, err
		}
	}
	switch {
	case unstorable != nil:
		if selected {
			s.leaveOut(&it, unstorable)
		}
		return item{}, false, s.addStray(mapped, pair.Source, stakeTwin)
	case !selected:
		return item{}, false, s.addStray(mapped, pair.Source, stakePlace)
	case mapped != pair.Key:
		return item{}, false, s.addStray(mapped, pair.Source, stakeFile)
	}
	return it, true, nil
}

// mapKey returns the key under which the target lists an object, or would if it
// could hold it, as far as that can be said; otherwise it is empty. An error says
// that it cannot hold it.
func (s *syncer) mapKey(it *item) (mapped string, err error) {
	key := it.source.Key
	if s.mapper == nil {
		return key, nil
	}
	mapped, err = s.mapper.MapKey(key)
	switch {
	case err == nil && isDirectory(key) && it.source.Size > 0:
		err = errDirectoryData
	case err == nil && mapped == key && !isDirectory(key):
		s.plain++
		if !it.exists {
			s.missing++
		}
	}
	return mapped, err
}

// list yields a range of one side in order of the key. A failure that may pass is retried,
// behind the last key seen if the store lists in order; one that stays ends the
// sequence, and the run.
func (s *syncer) list(ctx context.Context, store storage.Store, r storage.Range) iter.Seq2[storage.Object, error] {
	again := func(_ int, err error) { s.report.emit(Event{Type: EventRetry, Err: err}) }
	list := func(r storage.Range) iter.Seq2[storage.Object, error] {
		return store.List(ctx, storage.ListOptions{Range: r, Problem: s.notListed})
	}
	if !store.Caps().Ordered {
		return s.listSorted(ctx, again, func() iter.Seq2[storage.Object, error] { return list(r) })
	}
	return retry.List(ctx, s.policy, again, list, r)
}

// listTarget yields the target, or nothing where no object is compared with it
// and none is deleted.
func (s *syncer) listTarget(ctx context.Context) iter.Seq2[storage.Object, error] {
	if !s.targetListed() {
		return nil
	}
	return s.list(ctx, s.target, s.keys)
}

func (s *syncer) targetListed() bool { return s.cfg.Check.listsTarget() || s.cfg.Delete.Enable }

// doom remembers an object that only the target has.
func (s *syncer) doom(o storage.Object) error {
	if !s.cfg.Delete.Enable && s.mapper == nil {
		return nil
	}
	return s.doomed.Append(o)
}

// keyRange is the range of keys that a run lists: Config.Range, and of that, if
// the expression of included keys says how they begin, only those. With Delete
// everything is listed, because what only the target has is deleted whether its
// key is included or not.
func (s *syncer) keyRange() storage.Range {
	c := s.cfg
	if c.Filter.Include == nil || c.Delete.Enable {
		return c.Range
	}
	prefix := pattern.Of(c.Filter.Include).Prefix()
	if prefix == "" {
		return c.Range
	}
	if s.mapper != nil {
		// Keys that begin so are to be held under keys that do, or their twins would
		// not be listed.
		if mapped, err := s.mapper.MapKey(prefix); err != nil || mapped != prefix {
			return c.Range
		}
	}
	return c.Range.Intersect(storage.Prefixed(prefix))
}
