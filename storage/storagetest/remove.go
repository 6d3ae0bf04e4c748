package storagetest

import (
	"context"
	"errors"
	"testing"

	"s3sync/storage"
)

func testDelete(s *suite) {
	t := s.t
	s.putAll(t, []string{"a", "b/1", "b/2", "c"})
	if errs := s.Delete(t.Context(), nil, storage.DeleteOptions{}); len(errs) != 0 {
		t.Errorf("Delete of nothing returned %d errors", len(errs))
	}
	for name, tt := range map[string]struct{ keys []string }{
		"missing":          {[]string{"missing"}},
		"missing, below":   {[]string{"missing/x"}},
		"one":              {[]string{"a"}},
		"some are missing": {[]string{"b/0", "b/1", "b/3", "missing", "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			objects := make([]storage.Object, len(tt.keys))
			for i, key := range tt.keys {
				objects[i].Key = key
			}
			for range 2 { // the second time all are missing
				errs := s.Delete(t.Context(), objects, storage.DeleteOptions{})
				if len(errs) != len(objects) {
					t.Fatalf("Delete of %d objects returned %d errors", len(objects), len(errs))
				}
				for i, err := range errs {
					if err != nil {
						t.Errorf("Delete(%q): %v", tt.keys[i], err)
					}
				}
			}
			for _, key := range tt.keys {
				s.wantMissing(t, key)
			}
		})
	}
	s.wantKeys(t, storage.Range{}, []string{"b/2"})
	s.wantContent(t, "b/2", []byte("b/2"))

	stopped := make(chan struct{})
	close(stopped)
	for _, keys := range [][]string{{"b/2"}, {"b/2", "missing"}} {
		var objects []storage.Object
		for _, key := range keys {
			objects = append(objects, storage.Object{Key: key})
		}
		for i, err := range s.Delete(t.Context(), objects, storage.DeleteOptions{Stop: stopped}) {
			if !errors.Is(err, storage.ErrNotBegun) {
				t.Errorf("Delete(%q) after the stop: %v; want storage.ErrNotBegun", keys[i], err)
			}
		}
	}
	s.wantContent(t, "b/2", []byte("b/2"))
}

// testCancelled calls every method with a cancelled context: each fails with
// its error, and nothing is changed.
func testCancelled(s *suite) {
	t := s.t
	data := []byte("content")
	s.put(t, "object", data)
	r := s.open(t, "object", storage.OpenOptions{})
	w := s.create(t, "new", storage.WriteOptions{Size: 5})
	if err := w.WritePart(t.Context(), 1, 0, s.block([]byte("hello"))); err != nil {
		t.Fatalf("WritePart: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	for name, call := range map[string]func() error{
		"List": func() error {
			for o, err := range s.List(ctx, storage.ListOptions{}) {
				if err == nil {
					t.Errorf("List yielded %q", o.Key)
				}
				return err
			}
			return nil
		},
		"Stat": func() error {
			_, err := s.Stat(ctx, "object", storage.StatOptions{})
			return err
		},
		"Open": func() error {
			r, err := s.Open(ctx, "object", storage.OpenOptions{})
			if err != nil {
				return err
			}
			return r.Close()
		},
		"ReadAt": func() error {
			return r.ReadAt(ctx, make([]byte, 1), 3)
		},
		"Put": func() error {
			_, err := s.tryPut(ctx, "object", []byte("other"))
			return err
		},
		"Put of a new key": func() error {
			_, err := s.tryPut(ctx, "dir/put", []byte("other"))
			return err
		},
		"Create": func() error {
			w, err := s.Create(ctx, "dir/created", storage.WriteOptions{Size: 5})
			if err != nil {
				return err
			}
			return w.Abort(t.Context()) //nolint:contextcheck // ctx is cancelled
		},
		"WritePart": func() error {
			return w.WritePart(ctx, 1, 0, s.block([]byte("other")))
		},
		"Commit": func() error {
			_, err := w.Commit(ctx)
			return err
		},
		"Delete": func() error {
			errs := s.Delete(ctx, []storage.Object{{Key: "object"}, {Key: "missing"}}, storage.DeleteOptions{})
			if len(errs) != 2 {
				t.Fatalf("Delete of 2 objects returned %d errors", len(errs))
			}
			if !errors.Is(errs[1], context.Canceled) {
				return errs[1]
			}
			return errs[0]
		},
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v; want context.Canceled", name, err)
		}
	}
	s.wantKeys(t, storage.Range{}, []string{"object"})
	s.wantContent(t, "object", data)
	if err := w.Abort(t.Context()); err != nil {
		t.Errorf("Abort after a cancelled Commit: %v", err)
	}
	s.wantKeys(t, storage.Range{}, []string{"object"})
}
