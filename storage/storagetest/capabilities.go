package storagetest

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"s3sync/storage"
)

// Decorated returns what opens the same stores behind a decorator that adds nothing:
// no capability may be lost behind it.
func Decorated(open func(t *testing.T) storage.Store) func(t *testing.T) storage.Store {
	return func(t *testing.T) storage.Store {
		t.Helper()
		return decorated{open(t)}
	}
}

type decorated struct{ storage.Store }

func (d decorated) Unwrap() storage.Store { return d.Store }

// testLocator: full keys reach the objects, whatever the prefix of the store is.
func testLocator(s *suite) {
	t := s.t
	l, ok := storage.As[storage.Locator](s.Store)
	if !ok {
		t.Skip("the store does not know where it is")
	}
	s.put(t, "a/b", []byte("hello"))
	full, at := l.FullKey("a/b"), l.Location()
	if at.Directory != "" {
		if want := filepath.Join(at.Directory, "a", "b"); s.opts.Directories && full != want {
			t.Errorf("FullKey is %q in the directory %q, want %q", full, at.Directory, want)
		}
		if _, err := l.StatFull(t.Context(), full); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("StatFull of a directory: %v", err)
		}
		return
	}
	if full != at.Prefix+"a/b" {
		t.Errorf("FullKey is %q, want it below %q", full, at.Prefix)
	}
	if o, err := l.StatFull(t.Context(), full); err != nil || o.Size != 5 {
		t.Errorf("StatFull(%q) = %+v, %v", full, o, err)
	}
	if o, err := l.StatFull(t.Context(), full+"/missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("StatFull of a missing object = %+v, %v", o, err)
	}
}

// testPlace: a store that can be taken away is there, and one that waits can say so.
func testPlace(s *suite) {
	t := s.t
	if located, ok := storage.As[storage.Located](s.Store); ok {
		if err := located.StillThere(t.Context()); err != nil {
			t.Errorf("StillThere: %v", err)
		}
	}
	if waiter, ok := storage.As[storage.Waiter](s.Store); ok {
		if quiet, what := waiter.Waiting(); quiet < 0 || what != "" {
			t.Errorf("Waiting = %v, %q, while nothing is under way", quiet, what)
		}
	}
}
