package storagetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"s3sync/storage"
)

// copier returns the store as one that copies from itself, or skips the test.
func (s *suite) copier(t *testing.T) storage.Copier {
	t.Helper()
	c, ok := storage.As[storage.Copier](s.Store)
	if !ok {
		t.Skip("the store does not copy")
	}
	if !c.Copies(s.Store) || s.Caps().MaxCopy <= 0 {
		t.Fatalf("the store does not copy from itself, or not a byte (%d)", s.Caps().MaxCopy)
	}
	return c
}

// copySource describes an object for a copy.
func (s *suite) copySource(t *testing.T, key string) storage.CopySource {
	t.Helper()
	from, err := s.tryCopySource(t.Context(), key)
	if err != nil {
		t.Fatalf("Stat(%q): %v", key, err)
	}
	return from
}

func (s *suite) tryCopySource(ctx context.Context, key string) (storage.CopySource, error) {
	info, err := s.Stat(ctx, key, storage.StatOptions{})
	return storage.CopySource{
		Store: s.Store, Key: key, VersionID: info.VersionID, Current: true, ETag: info.ETag, Size: info.Size, ETagNotDigest: info.ETagNotDigest,
	}, err
}

func testCopy(s *suite) {
	t, c := s.t, s.copier(s.t)
	theirs := storage.Attributes{ContentType: "text/old", CacheControl: "no-store", Metadata: map[string]string{"old": "1"}}
	ours := storage.Attributes{ContentType: "text/new", Metadata: map[string]string{"new": "2"}}
	for name, data := range map[string][]byte{
		"empty": nil, "byte": {0}, "small": []byte("hello"), "larger": someBytes(300_000, 30),
	} {
		t.Run(name, func(t *testing.T) {
			opts := storage.WriteOptions{Size: int64(len(data)), Attributes: theirs}
			if _, err := s.Put(t.Context(), "from/"+name, s.block(data), opts); err != nil {
				t.Fatalf("Put: %v", err)
			}
			opts.Attributes = ours
			info, err := c.Copy(t.Context(), "to/"+name, s.copySource(t, "from/"+name), opts)
			if err != nil {
				t.Fatalf("Copy: %v", err)
			}
			got := s.wantContent(t, "to/"+name, data)
			if info.Key != got.Key || info.Size != got.Size || info.ETag != got.ETag {
				t.Errorf("Copy tells %+v, want %+v", info.Object, got.Object)
			}
			s.wantETag(t, got, data)
			if s.opts.Attributes && !reflect.DeepEqual(got.Attributes, ours) {
				t.Errorf("attributes\n%+v, want\n%+v", got.Attributes, ours)
			}
		})
	}
}

// testCopyKeys copies from every key that the store can hold.
func testCopyKeys(s *suite) {
	t, c := s.t, s.copier(s.t)
	copyKey := func(key, to string) {
		if s.skip(t, key) {
			return
		}
		data := []byte("content of " + key)
		if _, err := s.tryPut(t.Context(), key, data); errors.Is(err, storage.ErrUnstorable) {
			return
		} else if err != nil {
			t.Errorf("Put(%q): %v", key, err)
			return
		}
		from, err := s.tryCopySource(t.Context(), key)
		if err != nil {
			t.Errorf("Stat(%q): %v", key, err)
		} else if _, err := c.Copy(t.Context(), to, from, storage.WriteOptions{Size: int64(len(data))}); err != nil {
			t.Errorf("Copy of %q: %v", key, err)
		} else if got, _, err := s.tryRead(t.Context(), to); err != nil || string(got) != string(data) {
			t.Errorf("the copy of %q has %q, %v", key, got, err)
		}
		if err := errors.Join(s.Delete(t.Context(), []storage.Object{{Key: key}, {Key: to}}, storage.DeleteOptions{})...); err != nil {
			t.Errorf("Delete of %q: %v", key, err)
		}
	}
	type pair struct{ key, to string }
	var together []pair
	for i, key := range oddKeysTogether() {
		together = append(together, pair{key, fmt.Sprint("to-", i)})
	}
	atOnce(together, func(p pair) { copyKey(p.key, p.to) })
	for _, key := range oddKeysAlone() {
		copyKey(key, "to")
	}
}

func testCopyParts(s *suite) {
	t, c := s.t, s.copier(s.t)
	data, parts := s.cut(31)
	s.put(t, "from", data)
	w, err := c.CreateCopy(t.Context(), "to", s.copySource(t, "from"), storage.WriteOptions{Size: int64(len(data))})
	if err != nil {
		t.Fatalf("CreateCopy: %v", err)
	}
	step := int64(len(parts[0]))
	copyPart := func(n int) {
		if err := w.CopyPart(t.Context(), n, int64(n-1)*step, int64(len(parts[n-1]))); err != nil {
			t.Errorf("CopyPart(%d): %v", n, err)
		}
	}
	atOnce([]int{3, 1, 2}, copyPart)
	copyPart(1) // again, as it happens when an answer is lost
	s.wantMissing(t, "to")
	info, err := w.Commit(t.Context())
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	s.wantContent(t, "to", data)
	s.wantETag(t, info, parts...)
	s.wantKeys(t, storage.Range{}, []string{"from", "to"})
}

// testCopyOnePart copies an object that is smaller than most parts as one.
func testCopyOnePart(s *suite) {
	t, c := s.t, s.copier(s.t)
	for name, data := range map[string][]byte{"empty": nil, "small": []byte("hello")} {
		s.put(t, "from/"+name, data)
		w, err := c.CreateCopy(t.Context(), "to/"+name, s.copySource(t, "from/"+name), storage.WriteOptions{Size: int64(len(data))})
		if err != nil {
			t.Fatalf("CreateCopy of %s: %v", name, err)
		}
		if len(data) > 0 {
			if err := w.CopyPart(t.Context(), 1, 0, int64(len(data))); err != nil {
				t.Errorf("CopyPart of %s: %v", name, err)
			}
		}
		if _, err := w.Commit(t.Context()); err != nil {
			t.Fatalf("Commit of %s: %v", name, err)
		}
		s.wantContent(t, "to/"+name, data)
	}
}

// testCopyChanged: nothing is copied but what was described.
func testCopyChanged(s *suite) {
	t, c := s.t, s.copier(s.t)
	for name, tt := range map[string]struct {
		change func()
		want   func(etag string) (ifMatch string, err error)
	}{
		"overwritten": {
			func() { s.put(t, "from", []byte("other")) },
			func(string) (string, error) { return "", storage.ErrChanged },
		},
		"deleted": {
			func() { _ = s.Delete(t.Context(), []storage.Object{{Key: "from"}}, storage.DeleteOptions{}) },
			func(string) (string, error) { return "", storage.ErrChanged },
		},
		"overwritten, and the user wants to know": {
			func() { s.put(t, "from", []byte("other")) },
			func(etag string) (string, error) { return etag, storage.ErrPrecondition },
		},
		"not what the user has seen": {
			func() {},
			func(string) (string, error) { return "0123456789abcdef0123456789abcdef", storage.ErrPrecondition },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.put(t, "from", []byte("hello"))
			from := s.copySource(t, "from")
			ifMatch, want := tt.want(from.ETag)
			opts := storage.WriteOptions{Size: 5, CopyIfMatch: ifMatch}
			tt.change()
			if _, err := c.Copy(t.Context(), "to", from, opts); !errors.Is(err, want) {
				t.Errorf("Copy: %v; want %v", err, want)
			}
			w, err := c.CreateCopy(t.Context(), "to", from, opts)
			if err == nil {
				err = w.CopyPart(t.Context(), 1, 0, 5)
				if aerr := w.Abort(t.Context()); aerr != nil {
					t.Errorf("Abort: %v", aerr)
				}
			}
			if !errors.Is(err, want) {
				t.Errorf("CreateCopy and CopyPart: %v; want %v", err, want)
			}
			s.wantMissing(t, "to")
		})
	}
}

func testCopyAbort(s *suite) {
	t, c := s.t, s.copier(s.t)
	s.put(t, "from", []byte("hello"))
	for _, copied := range []bool{false, true} {
		w, err := c.CreateCopy(t.Context(), "to", s.copySource(t, "from"), storage.WriteOptions{Size: 5})
		if err != nil {
			t.Fatalf("CreateCopy: %v", err)
		}
		if copied {
			if err := w.CopyPart(t.Context(), 1, 0, 5); err != nil {
				t.Fatalf("CopyPart: %v", err)
			}
		}
		if err := w.Abort(t.Context()); err != nil {
			t.Errorf("Abort: %v", err)
		}
		if _, err := w.Commit(t.Context()); err == nil {
			t.Error("Commit after Abort succeeded")
		}
	}
	s.wantKeys(t, storage.Range{}, []string{"from"})
}
