package mem

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"s3sync/storage"
)

var _ storage.Versioner = (*Store)(nil)

// NewVersioned is [New] of a store that keeps every version of its objects, as a
// bucket with versioning does.
func NewVersioned() *Store {
	s := New()
	s.versions = map[string][]*object{}
	return s
}

// Versioning reports whether the store keeps versions.
func (s *Store) Versioning(ctx context.Context) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, fail("list", "", err)
	}
	return s.versions != nil, nil
}

// Versions yields the versions that a key has when the iteration reaches it. A store
// without versions yields nothing.
func (s *Store) Versions(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for _, key := range s.versionedKeys(opts.Range) {
			for _, o := range s.history(key) {
				if err := ctx.Err(); err != nil {
					yield(storage.Object{}, fail("list", "", err))
					return
				}
				if !yield(o, nil) {
					return
				}
			}
		}
		if err := ctx.Err(); err != nil {
			yield(storage.Object{}, fail("list", "", err))
		}
	}
}

func (s *Store) versionedKeys(r storage.Range) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var keys []string
	for key := range s.versions {
		if r.Contains(key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// history returns the versions and delete markers of a key, newest first.
func (s *Store) history(key string) []storage.Object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []storage.Object
	for i, o := range slices.Backward(s.versions[key]) {
		v := o.info.Object
		v.Latest = i == len(s.versions[key])-1
		list = append(list, v)
	}
	return list
}

// keep adds the newest version of a key, if versions are kept. The store is
// locked.
func (s *Store) keep(o *object) {
	if s.versions == nil {
		return
	}
	s.written++
	o.info.VersionID = fmt.Sprintf("v%08d", s.written)
	s.versions[o.info.Key] = append(s.versions[o.info.Key], o)
}

// mark adds a delete marker, if versions are kept. The store is locked.
func (s *Store) mark(key string) {
	if s.versions == nil {
		return
	}
	s.keep(&object{info: storage.Info{Object: storage.Object{Key: key, ModTime: s.now(), DeleteMarker: true}}})
}

// version returns one version of an object. A delete marker is none. The store
// is locked.
func (s *Store) version(key, id string) (*object, bool) {
	all := s.versions[key]
	i, found := slices.BinarySearchFunc(all, id, func(o *object, id string) int { // they ascend
		return strings.Compare(o.info.VersionID, id)
	})
	if !found || all[i].info.DeleteMarker {
		return nil, false
	}
	return all[i], true
}
