package gate

import (
	"maps"
	"slices"
	"strings"
)

// Limits of a KeySet, so that memory does not grow with the number of entries that
// cannot be listed.
const (
	maxProtectedKeys  = 100_000
	MaxProtectedBytes = 16 << 20
)

// A KeySet holds keys. Each key also covers the keys below it. It is not for
// concurrent use.
type KeySet struct {
	keys  map[string]struct{}
	bytes int
}

// Add adds a key, or returns false if the set is full.
func (s *KeySet) Add(key string) bool {
	if _, ok := s.keys[key]; ok {
		return true
	}
	if len(s.keys) >= maxProtectedKeys || s.bytes+len(key) > MaxProtectedBytes {
		return false
	}
	if s.keys == nil {
		s.keys = map[string]struct{}{}
	}
	s.keys[strings.Clone(key)] = struct{}{}
	s.bytes += len(key)
	return true
}

// Covers reports whether the set holds a key, or one above it.
func (s *KeySet) Covers(key string) bool {
	if len(s.keys) == 0 {
		return false
	}
	for i := range len(key) {
		if key[i] == '/' {
			if _, ok := s.keys[key[:i]]; ok {
				return true
			}
		}
	}
	_, ok := s.keys[key]
	return ok
}

// Sorted returns the keys of the set.
func (s *KeySet) Sorted() []string { return slices.Sorted(maps.Keys(s.keys)) }

// Len returns the number of keys.
func (s *KeySet) Len() int { return len(s.keys) }
