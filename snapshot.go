package s3sync

import (
	"context"
	"iter"

	"s3sync/storage"
)

// listSource yields the objects of the source, as they are or as they were.
func (s *syncer) listSource(ctx context.Context) iter.Seq2[storage.Object, error] {
	if s.cfg.Versioning.PointInTime.IsZero() {
		return s.list(ctx, s.source, s.keys)
	}
	return s.snapshot(ctx)
}

// snapshot yields the source as it was at Versioning.PointInTime: of each key the
// newest version that is not younger and that the filters leave, unless that is a
// delete marker. It keeps one version in memory.
//
// Filters are asked here, so that an older version can take the place of one that
// they leave out, and of no version whose answer is of no use.
func (s *syncer) snapshot(ctx context.Context) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		decided, any := "", false // the key before, if it is decided
		for v, err := range s.listVersions(ctx, s.source) {
			if err != nil {
				yield(storage.Object{}, err)
				return
			}
			if any && v.Key == decided || v.ModTime.After(s.cfg.Versioning.PointInTime) {
				continue
			}
			ok, err := s.selects(ctx, &item{source: v, mapped: v.Key})
			if err != nil {
				yield(storage.Object{}, err)
				return
			}
			if !ok {
				continue
			}
			decided, any = v.Key, true
			if !v.DeleteMarker && !yield(v, nil) {
				return
			}
		}
	}
}
