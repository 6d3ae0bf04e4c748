package engine

import "strings"

// Limits of a keySet, so that memory does not grow with the number of entries that
// cannot be listed.
const (
	maxProtectedKeys  = 100_000
	maxProtectedBytes = 16 << 20
)

// A keySet holds keys. Each key also covers the keys below it. It is not for
// concurrent use.
type keySet struct {
	keys  map[string]struct{}
	bytes int
}

// add adds a key, or returns false if the set is full.
func (s *keySet) add(key string) bool {
	if _, ok := s.keys[key]; ok {
		return true
	}
	if len(s.keys) >= maxProtectedKeys || s.bytes+len(key) > maxProtectedBytes {
		return false
	}
	if s.keys == nil {
		s.keys = map[string]struct{}{}
	}
	s.keys[strings.Clone(key)] = struct{}{}
	s.bytes += len(key)
	return true
}

// covers reports whether the set holds a key, or one above it.
func (s *keySet) covers(key string) bool {
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
