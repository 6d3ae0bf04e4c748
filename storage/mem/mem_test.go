package mem_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"s3sync/storage"
	"s3sync/storage/mem"
	"s3sync/storage/storagetest"
)

func TestConformance(t *testing.T) {
	open := func(*testing.T) storage.Store { return mem.New() }
	opts := storagetest.Options{
		Attributes:   true,
		Redirects:    true,
		StorageClass: "GLACIER",
		Tags:         true,
		Conditions:   true,
		MD5ETags:     true,
		Layouts:      true,
	}
	storagetest.Run(t, open, opts)
	t.Run("decorated", func(t *testing.T) { storagetest.Run(t, storagetest.Decorated(open), opts) })
}

func TestVersionsConformance(t *testing.T) {
	open := func(*testing.T) storage.Store { return mem.NewVersioned() }
	storagetest.RunVersions(t, open, storagetest.VersionOptions{})
	t.Run("decorated", func(t *testing.T) {
		storagetest.RunVersions(t, storagetest.Decorated(open), storagetest.VersionOptions{})
	})
}

func TestWithoutVersions(t *testing.T) {
	s := mem.New()
	if kept, err := s.Versioning(t.Context()); kept || err != nil {
		t.Errorf("Versioning = %t, %v", kept, err)
	}
}

func TestUnstorable(t *testing.T) {
	s := mem.New()
	for name, key := range map[string]string{
		"empty":     "",
		"long":      strings.Repeat("x", 1025),
		"not UTF-8": "a\xff",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Put(t.Context(), key, storage.Block{}, storage.WriteOptions{})
			if !errors.Is(err, storage.ErrUnstorable) {
				t.Errorf("Put: %v; want storage.ErrUnstorable", err)
			}
		})
	}
}

func TestDamagedBlock(t *testing.T) {
	s := mem.New()
	md5, sha256 := make([]byte, 16), make([]byte, 32)
	for name, b := range map[string]storage.Block{
		"MD5":     {Data: []byte("x"), MD5: md5},
		"SHA-256": {Data: []byte("x"), SHA256: sha256},
	} {
		t.Run(name, func(t *testing.T) {
			opts := storage.WriteOptions{Size: 1}
			if _, err := s.Put(t.Context(), "key", b, opts); !errors.Is(err, storage.ErrMismatch) {
				t.Errorf("Put: %v; want storage.ErrMismatch", err)
			}
			w, err := s.Create(t.Context(), "key", opts)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.WritePart(t.Context(), 1, 0, b); !errors.Is(err, storage.ErrMismatch) {
				t.Errorf("WritePart: %v; want storage.ErrMismatch", err)
			}
			if _, err := s.Stat(t.Context(), "key", storage.StatOptions{}); !storage.Gone(err) {
				t.Errorf("Stat: %v; want that nothing was written", err)
			}
		})
	}
}

func TestWrongSize(t *testing.T) {
	type part struct {
		n   int
		off int64
		len int
	}
	for name, tt := range map[string]struct {
		size  int64
		parts []part
	}{
		"no part":        {0, nil},
		"last is lost":   {20, []part{{1, 0, 10}}},
		"first is lost":  {20, []part{{2, 10, 10}}},
		"middle is lost": {30, []part{{1, 0, 10}, {3, 20, 10}}},
		"overlap":        {15, []part{{1, 0, 10}, {2, 5, 10}}},
		"too much":       {15, []part{{1, 0, 10}, {2, 10, 10}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := mem.New()
			w, err := s.Create(t.Context(), "key", storage.WriteOptions{Size: tt.size})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range tt.parts {
				if err := w.WritePart(t.Context(), p.n, p.off, storage.Block{Data: make([]byte, p.len)}); err != nil {
					t.Fatal(err)
				}
			}
			if info, err := w.Commit(t.Context()); err == nil {
				t.Errorf("Commit = %+v", info)
			}
			if _, err := s.Stat(t.Context(), "key", storage.StatOptions{}); !storage.Gone(err) {
				t.Errorf("Stat: %v; want that nothing was written", err)
			}
		})
	}
	s := mem.New()
	_, err := s.Put(t.Context(), "key", storage.Block{Data: []byte("x")}, storage.WriteOptions{Size: 2})
	if !errors.Is(err, storage.ErrMismatch) {
		t.Errorf("Put: %v; want storage.ErrMismatch", err)
	}
}

func TestPartNumber(t *testing.T) {
	w, err := mem.New().Create(t.Context(), "key", storage.WriteOptions{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	for n, ok := range map[int]bool{0: false, 1: true, 10_000: true, 10_001: false, -1: false} {
		if err := w.WritePart(t.Context(), n, 0, storage.Block{Data: []byte("x")}); (err == nil) != ok {
			t.Errorf("WritePart(%d): %v", n, err)
		}
	}
}

func TestClock(t *testing.T) {
	s := mem.New()
	now := time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC)
	s.SetClock(func() time.Time { return now })
	for range 2 {
		info, err := s.Put(t.Context(), "key", storage.Block{}, storage.WriteOptions{ModTime: time.Unix(1, 0)})
		if err != nil {
			t.Fatal(err)
		}
		if !info.ModTime.Equal(now) {
			t.Errorf("time %v, want %v", info.ModTime, now)
		}
		now = now.Add(time.Hour)
	}
}

// What a caller does with its own slices and maps later must not reach the store.
func TestKeepsCopies(t *testing.T) {
	s := mem.New()
	data, meta := []byte("data"), map[string]string{"a": "1"}
	opts := storage.WriteOptions{Size: 4, Attributes: storage.Attributes{Metadata: meta}}
	info, err := s.Put(t.Context(), "key", storage.Block{Data: data}, opts)
	if err != nil {
		t.Fatal(err)
	}
	data[0], meta["a"], info.Metadata["b"] = 'X', "2", "3"
	r, err := s.Open(t.Context(), "key", storage.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if err := r.ReadAt(t.Context(), got, 0); err != nil || string(got) != "data" {
		t.Errorf("content %q, %v", got, err)
	}
	if m := r.Info().Metadata; len(m) != 1 || m["a"] != "1" {
		t.Errorf("metadata %v", m)
	}
}

// A snapshot is listed whatever happens meanwhile.
func TestListIsASnapshot(t *testing.T) {
	s := mem.New()
	for _, key := range []string{"a", "b", "c"} {
		if _, err := s.Put(t.Context(), key, storage.Block{}, storage.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for o, err := range s.List(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o.Key)
		if err := s.Delete(t.Context(), []storage.Object{{Key: "b"}}, storage.DeleteOptions{})[0]; err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}

func TestReadDeleted(t *testing.T) {
	s := mem.New()
	if _, err := s.Put(t.Context(), "key", storage.Block{}, storage.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), "key", storage.OpenOptions{VersionID: "v1"}); !storage.Gone(err) {
		t.Errorf("Open of a version: %v; want fs.ErrNotExist", err)
	}
	r, err := s.Open(t.Context(), "key", storage.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.Delete(t.Context(), []storage.Object{{Key: "key"}}, storage.DeleteOptions{})
	if err := r.Check(t.Context()); !errors.Is(err, storage.ErrChanged) {
		t.Errorf("Check after deletion: %v; want storage.ErrChanged", err)
	}
}
