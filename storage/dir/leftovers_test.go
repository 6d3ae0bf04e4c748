package dir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/storage"
	"s3sync/storage/dir"
)

const leftover = ".s3sync-ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp"

// afterPause calls f when so much time has passed for this program, though not for the
// file system.
func afterPause(t *testing.T, d time.Duration, f func(t *testing.T)) {
	t.Helper()
	now := time.Now()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(now.Add(d)))
		f(t)
	})
}

// TestLeftoversAreRemoved: what a killed run left is removed when its directory
// is written to, a day later, and nothing else is.
func TestLeftoversAreRemoved(t *testing.T) {
	others := []string{".s3sync-short.tmp", "x" + leftover, leftover + "x", "dir/" + strings.ToLower(leftover)}
	for name, tt := range map[string]struct {
		after time.Duration
		write string
		gone  []string
	}{
		"a day later":                      {25 * time.Hour, "new", []string{leftover}},
		"in a directory":                   {25 * time.Hour, "dir/new", []string{"dir/" + leftover}},
		"in a directory that is new":       {25 * time.Hour, "other/new", nil},
		"hours later":                      {23 * time.Hour, "new", nil},
		"a day later, nothing is written":  {25 * time.Hour, "", nil},
		"a day later, a directory is made": {25 * time.Hour, "made/", nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			write(t, path, leftover, "dir/"+leftover, "sub/"+leftover+"/file")
			write(t, path, others...)
			link(t, ".s3sync-short.tmp", filepath.Join(path, ".s3sync-22222222222222222222222222.tmp"))
			before := snapshot(t, path)
			afterPause(t, tt.after, func(t *testing.T) {
				s := open(t, path, dir.Options{})
				list(t, s, storage.Range{})
				if tt.write == "" {
					return
				}
				for range 2 {
					content := tt.write
					if strings.HasSuffix(tt.write, "/") {
						content = ""
					}
					if err := put(t, s, tt.write, content); err != nil {
						t.Fatal(err)
					}
				}
			})
			after := snapshot(t, path)
			for name, was := range before {
				if slices.Contains(tt.gone, filepath.ToSlash(name)) {
					was = ""
				}
				if after[name] != was {
					t.Errorf("%q is %q now, want %q", name, after[name], was)
				}
			}
		})
	}
}

// TestFilesOfOtherRunsStay: what another run is still writing is locked, however
// long that takes, and its time may have been set back already.
func TestFilesOfOtherRunsStay(t *testing.T) {
	path := t.TempDir()
	other := open(t, path, dir.Options{})
	opts := storage.WriteOptions{Size: 1, ModTime: time.Unix(1e9, 0)}
	w, err := other.Create(t.Context(), "slow", opts)
	if err != nil {
		t.Fatal(err)
	}
	afterPause(t, 48*time.Hour, func(t *testing.T) {
		if err := put(t, open(t, path, dir.Options{}), "new", "content"); err != nil {
			t.Fatal(err)
		}
	})
	if err := w.WritePart(t.Context(), 1, 0, storage.Block{Data: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Errorf("Commit: %v; the temporary file is gone", err)
	}
	// A file whose time was set back just now is not old, locked or not.
	name := filepath.Join(path, leftover)
	write(t, path, leftover)
	if err := os.Chtimes(name, time.Time{}, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	if err := put(t, open(t, path, dir.Options{}), "new", "content"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name); err != nil {
		t.Error(err)
	}
}

// TestLeftoversOfTheEnded: what a run left that is known to have ended is removed at any age,
// unless it is expected or still locked.
func TestLeftoversOfTheEnded(t *testing.T) {
	path := t.TempDir()
	write(t, path, leftover)
	s := open(t, path, dir.Options{})
	var kept, locked storage.Writer
	for i, w := range []*storage.Writer{&kept, &locked} {
		other := open(t, path, dir.Options{})
		s.Ended(other.Mark())
		var err error
		if *w, err = other.Create(t.Context(), string(rune('a'+i)), storage.WriteOptions{Size: 1}); err != nil {
			t.Fatal(err)
		}
	}
	u, ok := kept.(storage.Unfinished)
	if !ok {
		t.Fatal("a Writer cannot be left")
	}
	s.Expect("a", u.Token())
	if err := u.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	killed := open(t, path, dir.Options{})
	name := killed.Mark()
	name = ".s3sync-" + name + name + ".tmp"
	write(t, path, name, "sub/"+name)
	s.Ended(killed.Mark())
	if err := put(t, s, "new", "content"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(path, name)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what the killed run left: %v", err)
	}
	left := 0
	for l, err := range s.Leftovers(t.Context()) {
		if left++; err != nil || l.Key == name {
			t.Errorf("%+v is left (%v)", l, err)
		}
	}
	if left != 4 { // another run's, what is expected, what is locked, and in a directory that nothing was written to
		t.Errorf("%d leftovers, want 4", left)
	}
	if err := locked.Abort(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestLeftoversAreLookedForOnce: in each directory, and only where a run writes.
func TestLeftoversAreLookedForOnce(t *testing.T) {
	path := t.TempDir()
	write(t, path, "old", "dir/old")
	afterPause(t, 25*time.Hour, func(t *testing.T) {
		s := open(t, path, dir.Options{})
		for _, key := range []string{"a", "dir/a", "new/a"} {
			if err := put(t, s, key, key); err != nil {
				t.Fatal(err)
			}
		}
		write(t, path, leftover, "dir/"+leftover, "new/"+leftover)
		for _, key := range []string{"b", "dir/b", "new/b"} {
			if err := put(t, s, key, key); err != nil {
				t.Fatal(err)
			}
		}
	})
	for _, name := range []string{leftover, "dir/" + leftover, "new/" + leftover} {
		if _, err := os.Stat(filepath.Join(path, filepath.FromSlash(name))); err != nil {
			t.Errorf("%s was looked for twice: %v", name, err)
		}
	}
}
