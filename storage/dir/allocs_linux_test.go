package dir_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"s3sync/storage"
)

const allocRuns = 100

// wantAllocs fails the test if f allocates more often than that in one of its calls, which
// are allocRuns and one more.
func wantAllocs(t *testing.T, what string, most float64, f func() error) {
	t.Helper()
	var failure error
	got := testing.AllocsPerRun(allocRuns, func() {
		if err := f(); err != nil {
			failure = err
		}
	})
	if failure != nil {
		t.Fatal(failure)
	}
	if got > most {
		t.Errorf("%s: %.2f allocations, want %.2f at most", what, got, most)
	}
}

// TestAllocs: what an object costs, wherever it lies.
func TestAllocs(t *testing.T) {
	const size = 10 << 10
	data := make([]byte, size)
	var keys, newKeys []string
	for i := range allocRuns + 1 {
		keys = append(keys, fmt.Sprintf("some/where/file-%d", i))
		newKeys = append(newKeys, fmt.Sprintf("some/where/new-%d", i))
	}
	writeOpts := storage.WriteOptions{Size: size, ModTime: time.Unix(1e9, 0)}
	for view, opts := range views() {
		t.Run(view, func(t *testing.T) {
			path := t.TempDir()
			write(t, path, keys...)
			for _, key := range keys {
				if err := os.Truncate(filepath.Join(path, key), size); err != nil {
					t.Fatal(err)
				}
			}
			s := open(t, path, opts)
			i := 0
			read := func() error {
				i++
				r, err := s.Open(t.Context(), keys[i%len(keys)], storage.OpenOptions{})
				if err != nil {
					return err
				}
				err = r.ReadAt(t.Context(), data, 0)
				if err == nil {
					err = r.Check(t.Context())
				}
				return cmp.Or(err, r.Close())
			}
			if err := errors.Join(read(), read()); err != nil { // the directory gets known
				t.Fatal(err)
			}
			wantAllocs(t, "reading", 4, read)
			if view != "target" {
				return
			}
			put := func(keys []string) func() error {
				return func() error {
					i++
					_, err := s.Put(t.Context(), keys[i%len(keys)], storage.Block{Data: data}, writeOpts)
					return err
				}
			}
			parts := func() error {
				i++
				w, err := s.Create(t.Context(), keys[i%len(keys)], writeOpts)
				if err != nil {
					return err
				}
				if err := w.WritePart(t.Context(), 1, 0, storage.Block{Data: data}); err != nil {
					return err
				}
				_, err = w.Commit(t.Context())
				return err
			}
			if err := errors.Join(put(keys)(), put(keys)()); err != nil {
				t.Fatal(err)
			}
			wantAllocs(t, "replacing", 8, put(keys))
			wantAllocs(t, "writing", 8, put(newKeys))
			wantAllocs(t, "writing in parts", 10, parts)
		})
	}
}

// TestListAllocs: a key and a system call that looks at the file.
func TestListAllocs(t *testing.T) {
	path := t.TempDir()
	const files = 400
	for i := range files {
		write(t, path, fmt.Sprintf("dir%d/file-%d", i%4, i))
	}
	for view, opts := range views() {
		s := open(t, path, opts)
		wantAllocs(t, "listing as "+view, 2*files+150, func() error {
			n := 0
			for _, err := range s.List(t.Context(), storage.ListOptions{}) {
				if err != nil {
					return err
				}
				n++
			}
			if n != files {
				return fmt.Errorf("%d files", n)
			}
			return nil
		})
	}
}
