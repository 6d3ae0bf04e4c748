package mem

import (
	"context"
	"io/fs"
	"maps"
	"slices"

	"s3sync/storage"
)

var _ storage.Tagger = (*Store)(nil)

// Tags returns the tags of an object, or of one version of it.
func (s *Store) Tags(ctx context.Context, key, versionID string) (map[string]string, error) {
	o, err := s.get(ctx, key, versionID)
	if err != nil {
		return nil, fail("get tags", key, err)
	}
	return maps.Clone(o.tags), nil
}

// SetTags replaces the tags of an object. Its time and its version stay.
func (s *Store) SetTags(ctx context.Context, key string, tags map[string]string) error {
	if err := ctx.Err(); err != nil {
		return fail("set tags", key, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.objects[key]
	if !ok {
		return fail("set tags", key, fs.ErrNotExist)
	}
	o := *old
	o.tags = maps.Clone(tags)
	s.objects[key] = &o
	if i := slices.Index(s.versions[key], old); i >= 0 {
		s.versions[key][i] = &o
	}
	return nil
}

// unmet fails with storage.ErrPrecondition if the conditions of a write do not
// hold. The store is locked.
func (s *Store) unmet(key string, opts storage.WriteOptions) error {
	o, ok := s.objects[key]
	if ok && opts.IfAbsent || opts.IfMatch != "" && (!ok || o.info.ETag != opts.IfMatch) {
		return storage.ErrPrecondition
	}
	return nil
}
