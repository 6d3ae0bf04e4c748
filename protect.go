package s3sync

import (
	"context"
	"fmt"
	"strings"

	"s3sync/internal/pattern"
	"s3sync/storage"
)

// What a side holds but cannot list must not be taken for what it does not hold.
// Where the store knows which key it is (a link to nothing, a named pipe), that
// key and those below it are protected from deletion. Otherwise the listing is
// not complete, and nothing is deleted.

// Bounds of what a keySet holds, so that memory does not grow with the number of
// such entries.
const (
	maxProtectedKeys  = 100_000
	maxProtectedBytes = 16 << 20
)

// A keySet holds keys, each of which stands also for those below it. It is not
// for concurrent use.
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

// covers reports whether the set holds a key, or one that it is below of.
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

// notListed reports what could not be listed, and sees to it that nothing is
// deleted for being absent that may be there.
func (s *syncer) notListed(p storage.Problem) {
	if p.Key == "" {
		s.report.incomplete.Store(true)
		s.report.emit(Event{Type: s.warningType(), Err: p.Err})
		return
	}
	if s.protected.covers(p.Key) {
		return // a listing that was begun again tells it again
	}
	if !s.protect(p.Key) && !s.report.incomplete.Swap(true) {
		s.report.emit(Event{Type: s.warningType(), Err: fmt.Errorf(
			"too many entries cannot be listed (more than %d): nothing is deleted", len(s.protected.keys))})
	}
	if s.excludes(p.Key) {
		return
	}
	err := p.Err
	if s.cfg.Delete.Enable {
		err = fmt.Errorf("%w; what the target has of that key or below it is not deleted", err)
	}
	s.warn(&item{source: storage.Object{Key: p.Key}}, unlistedError{err})
}

// unlistedError marks the failure to list something, which is no failure of an
// object.
type unlistedError struct{ error }

func (e unlistedError) Unwrap() error { return e.error }

// protect keeps a key, and those below it, from being deleted. It returns false
// if there are too many.
func (s *syncer) protect(key string) bool {
	if s.mapper != nil {
		if mapped, err := s.mapper.MapKey(key); err == nil {
			key = strings.TrimSuffix(mapped, "/")
		}
	}
	return s.protected.add(key)
}

// excludes reports whether Filter.Exclude leaves an entry out, be it one object
// or what many are below of.
func (s *syncer) excludes(key string) bool {
	exclude := pattern.Of(s.cfg.Filter.Exclude)
	if exclude == nil {
		return false
	}
	for _, k := range []string{key, key + "/"} {
		if excluded, err := exclude.Match(k); err == nil && excluded {
			return true
		}
	}
	return false
}

// checkPlace warns if the source was taken away or replaced while it was listed.
// The listing is then not complete.
func (s *syncer) checkPlace(ctx context.Context) {
	place, ok := storage.As[storage.Located](s.source)
	if !ok {
		return
	}
	if err := place.StillThere(ctx); err != nil && ctx.Err() == nil {
		s.notListed(storage.Problem{Err: ofSource(err)})
	}
}
