package dir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"s3sync/storage"
	"s3sync/storage/dir"
)

// foldingDir is a directory of a file system that ignores case. The test is
// skipped where there is none: TMPDIR may name one.
func foldingDir(t *testing.T) string {
	t.Helper()
	path := t.TempDir()
	write(t, path, "probe")
	if _, err := os.Lstat(filepath.Join(path, "PROBE")); err != nil {
		t.Skip("case matters in the file system of the temporary directory")
	}
	if err := os.Remove(filepath.Join(path, "probe")); err != nil {
		t.Fatal(err)
	}
	return path
}

// Two keys that the file system takes for one: the first one stays, the other
// is refused, and neither is read or deleted for the other.
func TestFolding(t *testing.T) {
	path := foldingDir(t)
	s := open(t, path, dir.Options{})
	if err := put(t, s, "Dir/File", "first"); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, path)
	for _, key := range []string{"Dir/file", "dir/File", "dir/new", "DIR/sub/new", "dir/"} {
		content := "other"
		if key == "dir/" {
			content = ""
		}
		if err := put(t, s, key, content); !errors.Is(err, storage.ErrUnstorable) {
			t.Errorf("Put(%q): %v; want storage.ErrUnstorable", key, err)
		}
		if _, err := s.Stat(t.Context(), key, storage.StatOptions{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Stat(%q): %v; want fs.ErrNotExist", key, err)
		}
		if _, err := s.Open(t.Context(), key, storage.OpenOptions{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q): %v; want fs.ErrNotExist", key, err)
		}
		if key == "dir/" {
			continue
		}
		if err := s.Delete(t.Context(), []storage.Object{{Key: key}}, storage.DeleteOptions{})[0]; err != nil {
			t.Errorf("Delete(%q): %v", key, err)
		}
	}
	wantSame(t, path, before)
	if err := put(t, s, "Dir/File", "second"); err != nil {
		t.Errorf("Put of the same key again: %v", err)
	}
	wantList(t, s, []string{"Dir/File"}, nil)
}

func TestFoldingAtOnce(t *testing.T) {
	path := foldingDir(t)
	s := open(t, path, dir.Options{})
	for _, keys := range [][]string{{"name", "Name", "nAme", "NAME"}, {"dir/x", "Dir/x", "DIR/x", "diR/x"}} {
		var mu sync.Mutex
		var stored []string
		var wg sync.WaitGroup
		for _, key := range keys {
			wg.Go(func() {
				switch err := put(t, s, key, key); {
				case err == nil:
					mu.Lock()
					defer mu.Unlock()
					stored = append(stored, key)
				case !errors.Is(err, storage.ErrUnstorable):
					t.Errorf("Put(%q): %v; want success or storage.ErrUnstorable", key, err)
				}
			})
		}
		wg.Wait()
		wantList(t, s, stored, nil)
		if len(stored) != 1 {
			t.Fatalf("stored %q, want one of %q", stored, keys)
		}
		if got := snapshot(t, path)[filepath.FromSlash(stored[0])]; got != stored[0] {
			t.Errorf("%q holds the content of %q", stored[0], got)
		}
		if err := s.Delete(t.Context(), []storage.Object{{Key: stored[0]}}, storage.DeleteOptions{})[0]; err != nil {
			t.Error(err)
		}
	}
}
