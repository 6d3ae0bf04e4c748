package dir_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"s3sync/storage"
	"s3sync/storage/dir"
)

// block is content as a Block.
func block(content string) storage.Block { return storage.Block{Data: []byte(content)} }

// What stands in the way is told, and stays.
func TestInTheWay(t *testing.T) {
	path := t.TempDir()
	write(t, path, "file", "dir/x", "empty/")
	s := open(t, path, dir.Options{})
	before := snapshot(t, path)
	for key, text := range map[string]string{
		"file/x":     `"file" is not a directory`,
		"file/x/y":   `"file" is not a directory`,
		"dir/x/y":    `"x" is not a directory`,
		"dir":        "there is a directory of that name",
		"empty":      "there is a directory of that name",
		"/dir":       "there is a directory of that name",
		"file/":      `"file" is not a directory`,
		"dir/x//":    `"x" is not a directory`,
		"dir/x/sub/": `"x" is not a directory`,
	} {
		content := "content"
		if strings.HasSuffix(key, "/") {
			content = ""
		}
		err := put(t, s, key, content)
		if !errors.Is(err, storage.ErrUnstorable) || !strings.Contains(err.Error(), text) {
			t.Errorf("Put(%q): %v; want storage.ErrUnstorable with text %q", key, err, text)
		}
		if storage.Retryable(err) {
			t.Errorf("Put(%q): %v is retried", key, err)
		}
		if _, err := s.Create(t.Context(), key, storage.WriteOptions{Size: 7}); !errors.Is(err, storage.ErrUnstorable) {
			t.Errorf("Create(%q): %v; want storage.ErrUnstorable", key, err)
		}
	}
	wantSame(t, path, before)
}

// A directory may come into being while a file is on its way to that name.
func TestOvertaken(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, dir.Options{})
	w, err := s.Create(t.Context(), "a", storage.WriteOptions{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WritePart(t.Context(), 1, 0, block("x")); err != nil {
		t.Fatal(err)
	}
	write(t, path, "a/b")
	if _, err := w.Commit(t.Context()); !errors.Is(err, storage.ErrUnstorable) {
		t.Errorf("Commit: %v; want storage.ErrUnstorable", err)
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Errorf("Abort: %v", err)
	}
	if got := snapshot(t, path); len(got) != 3 || got[filepath.Join("a", "b")] != "a/b" {
		t.Errorf("left behind: %q", got)
	}
}

// A new file is as open as the umask allows; see also TestUmask. A file that is
// replaced keeps its permissions, whatever replaced it.
func TestKeepsMode(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, dir.Options{})
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o644, 0o755, 0o777, 0o400} {
		name := filepath.Join(path, "file")
		_ = os.Remove(name)
		write(t, path, "file")
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		before, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := put(t, s, "file", "new"); err != nil {
			t.Skip(err) // Windows does not replace what is read-only
		}
		after, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if before.Mode() != after.Mode() {
			t.Errorf("mode was %v, is %v", before.Mode(), after.Mode())
		}
		if os.SameFile(before, after) {
			t.Error("the old file was written to")
		}
	}
}

func TestModTime(t *testing.T) {
	path := t.TempDir()
	for name, opts := range map[string]dir.Options{"plain": {}, "fsync": {Fsync: true}} {
		t.Run(name, func(t *testing.T) {
			s := open(t, path, opts)
			for _, want := range []time.Time{
				time.Date(2020, 2, 29, 23, 59, 59, 123456700, time.UTC),
				time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC),
				time.Date(2106, 2, 8, 0, 0, 0, 0, time.UTC),
			} {
				info, err := s.Put(t.Context(), "file", block("x"), storage.WriteOptions{Size: 1, ModTime: want})
				if err != nil {
					t.Fatal(err)
				}
				fi, err := os.Stat(filepath.Join(path, "file"))
				if err != nil {
					t.Fatal(err)
				}
				if !fi.ModTime().Equal(want) || !info.ModTime.Equal(want) {
					t.Errorf("the file has %v, Put tells %v, want %v", fi.ModTime(), info.ModTime, want)
				}
			}
			// Without a time it is now.
			before := time.Now().Add(-time.Minute)
			if err := put(t, s, "file", "x"); err != nil {
				t.Fatal(err)
			}
			if info, err := s.Stat(t.Context(), "file", storage.StatOptions{}); err != nil || info.ModTime.Before(before) {
				t.Errorf("Stat: %+v, %v; want the time of writing", info, err)
			}
		})
	}
}

// Parts that do not make up the object are never published.
func TestParts(t *testing.T) {
	type part struct {
		n    int
		off  int64
		data string
		ok   bool
	}
	for name, tt := range map[string]struct {
		size  int64
		parts []part
		want  string // empty where Commit fails
	}{
		"in order":          {6, []part{{1, 0, "abc", true}, {2, 3, "def", true}}, "abcdef"},
		"out of order":      {6, []part{{2, 3, "def", true}, {1, 0, "abc", true}}, "abcdef"},
		"gaps in numbers":   {6, []part{{20, 3, "def", true}, {10, 0, "abc", true}}, "abcdef"},
		"again":             {6, []part{{1, 0, "xyz", true}, {2, 3, "def", true}, {1, 0, "abc", true}}, "abcdef"},
		"cut in other ways": {6, []part{{1, 0, "xyz", true}, {1, 0, "ab", true}, {2, 2, "cdef", true}}, "abcdef"},
		"no part":           {6, nil, ""},
		"last is lost":      {6, []part{{1, 0, "abc", true}}, ""},
		"first is lost":     {6, []part{{2, 3, "def", true}}, ""},
		"middle is lost":    {6, []part{{1, 0, "ab", true}, {3, 4, "ef", true}}, ""},
		"overlap":           {6, []part{{1, 0, "abcd", true}, {2, 3, "def", true}}, ""},
		"wrong order":       {6, []part{{1, 3, "def", true}, {2, 0, "abc", true}}, ""},
		"too long":          {6, []part{{1, 0, "abc", true}, {2, 3, "defg", false}}, ""},
		"behind the end":    {6, []part{{1, 0, "abcdef", true}, {2, 7, "x", false}}, "abcdef"},
		"before the start":  {6, []part{{1, -1, "abcdef", false}}, ""},
		"number 0":          {6, []part{{0, 0, "abcdef", false}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			s := open(t, path, dir.Options{})
			w, err := s.Create(t.Context(), "file", storage.WriteOptions{Size: tt.size})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range tt.parts {
				if err := w.WritePart(t.Context(), p.n, p.off, block(p.data)); (err == nil) != p.ok {
					t.Errorf("WritePart(%d, %d, %q): %v", p.n, p.off, p.data, err)
				}
			}
			_, err = w.Commit(t.Context())
			if (err == nil) != (tt.want != "") {
				t.Errorf("Commit: %v", err)
			}
			if err := w.Abort(t.Context()); err != nil {
				t.Errorf("Abort: %v", err)
			}
			want := map[string]string{".": fs.ModeDir.String()}
			if tt.want != "" {
				want["file"] = tt.want
			}
			wantSame(t, path, want)
		})
	}
}

func TestWrongSize(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, dir.Options{})
	before := snapshot(t, path)
	for _, size := range []int64{0, 4, 6} {
		_, err := s.Put(t.Context(), "dir/file", block("12345"), storage.WriteOptions{Size: size})
		if !errors.Is(err, storage.ErrMismatch) {
			t.Errorf("Put of 5 bytes as %d: %v; want storage.ErrMismatch", size, err)
		}
	}
	wantSame(t, path, before)
}

// A writer that has ended does nothing more, in whatever order it is told.
func TestEnded(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, dir.Options{})
	for _, commit := range []bool{true, false} {
		w, err := s.Create(t.Context(), "file", storage.WriteOptions{Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WritePart(t.Context(), 1, 0, block("x")); err != nil {
			t.Fatal(err)
		}
		if commit {
			_, err = w.Commit(t.Context())
		} else {
			err = w.Abort(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WritePart(t.Context(), 1, 0, block("y")); err == nil {
			t.Error("WritePart succeeded after the end")
		}
		if _, err := w.Commit(t.Context()); err == nil {
			t.Error("Commit succeeded after the end")
		}
		for range 2 {
			if err := w.Abort(t.Context()); err != nil {
				t.Errorf("Abort after the end: %v", err)
			}
		}
		wantSame(t, path, map[string]string{".": fs.ModeDir.String(), "file": "x"})
	}
}

// Cancelling never leaves a temporary file, and Abort works all the same.
func TestAbortCancelled(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, dir.Options{})
	before := snapshot(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	w, err := s.Create(ctx, "file", storage.WriteOptions{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WritePart(ctx, 1, 0, block("x")); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := w.Abort(ctx); err != nil {
		t.Error(err)
	}
	wantSame(t, path, before)
}

// A lateContext is a context that is cancelled once it was asked.
type lateContext struct {
	context.Context //nolint:containedctx // it is one

	asked atomic.Int32
}

func (l *lateContext) Err() error {
	if l.asked.Add(1) > 1 {
		return context.Canceled
	}
	return nil
}

// What is cancelled while the bytes are written is not published.
func TestCancelledMeanwhile(t *testing.T) {
	path := t.TempDir()
	write(t, path, "file")
	s := open(t, path, dir.Options{})
	before := snapshot(t, path)
	for _, key := range []string{"file", "new"} {
		_, err := s.Put(&lateContext{Context: t.Context()}, key, block("content"), storage.WriteOptions{Size: 7})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Put(%q): %v; want context.Canceled", key, err)
		}
	}
	wantSame(t, path, before)
}

// Directories may go while the store knows them.
func TestDirectoryRemoved(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, dir.Options{})
	for range 3 {
		for _, key := range []string{"a/b/c/1", "a/b/c/2", "a/3"} {
			if err := put(t, s, key, key); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.RemoveAll(filepath.Join(path, "a")); err != nil {
			t.Fatal(err)
		}
		wantList(t, s, nil, nil)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Skip(err) // Windows holds what is open
	}
	err := put(t, s, "x", "x")
	if err == nil || storage.Gone(err) {
		t.Errorf("Put into a directory that is gone: %v", err)
	}
}

// Many writers of the same directories and of one file.
func TestConcurrentPuts(t *testing.T) {
	path := t.TempDir()
	s := open(t, path, dir.Options{Missing: true})
	var keys []string
	var wg sync.WaitGroup
	for i := range 100 {
		key := fmt.Sprintf("a/%d/b/%d", i%3, i)
		keys = append(keys, key)
		for _, key := range []string{key, "same/file"} {
			wg.Go(func() {
				if err := put(t, s, key, key); err != nil {
					t.Errorf("Put(%q): %v", key, err)
				}
			})
		}
	}
	wg.Wait()
	keys = append(keys, "same/file")
	slices.Sort(keys)
	wantList(t, s, keys, nil)
	if n := len(snapshot(t, path)); n != len(keys)+9 {
		t.Errorf("%d entries for %d files in 9 directories", n, len(keys))
	}
}

// Only files are deleted, and never a directory, even if it is empty then.
func TestDelete(t *testing.T) {
	path := t.TempDir()
	write(t, path, "a/b/c", "a/d", "e/", "f", "...", " x ", "g")
	s := open(t, path, dir.Options{})
	for key, kind := range map[string]error{
		"a/b/c":   nil,
		"a/b":     nil,
		"e":       nil,
		"a":       nil,
		"f/x":     nil,
		"x/y":     nil,
		"...":     nil, // what others made can be deleted, although it is not made here
		" x ":     nil,
		"a/":      storage.ErrUnstorable,
		"../x":    storage.ErrUnstorable,
		"a/../f":  storage.ErrUnstorable,
		"f\x00":   storage.ErrUnstorable,
		"":        storage.ErrUnstorable,
		"g/../..": storage.ErrUnstorable,
	} {
		if err := s.Delete(t.Context(), []storage.Object{{Key: key}}, storage.DeleteOptions{})[0]; !errors.Is(err, kind) {
			t.Errorf("Delete(%q): %v; want %v", key, err, kind)
		}
	}
	d := fs.ModeDir.String()
	wantSame(t, path, map[string]string{
		".": d, "a": d, filepath.Join("a", "b"): d, filepath.Join("a", "d"): "a/d", "e": d, "f": "f", "g": "g",
	})
}
