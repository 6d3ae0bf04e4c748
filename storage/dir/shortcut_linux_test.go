package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"s3sync/storage"
	"s3sync/storage/dir/internal/system"
	"s3sync/storage/dir/internal/tree"
	"s3sync/storage/storagetest"
)

// openStepwise opens a target that works like one on a system without openat2(2).
func openStepwise(path string) (*Store, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return writable(tree.New(path, root, nil, false)), nil
}

// openShort opens a target with the shortcut, where the system has it.
func openShort(path string) (*Store, error) { return Open(path, Options{}) }

func hasShortcut(t *testing.T, path string) bool {
	t.Helper()
	root, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	s := system.NewShortcut(root)
	if s == nil {
		return false
	}
	return s.Close() == nil
}

// A target without the shortcut is one as well.
func TestConformanceStepwise(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store {
		s, err := openStepwise(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}, storagetest.Options{ModTimes: true, Directories: true, Objects: 40})
}

// Whatever is done to a target, by this program and by others: with the shortcut it does
// and tells the same as without.
func TestShortcutChangesNothing(t *testing.T) {
	dirs := []string{"a", "a/b", "c"}
	keys := []string{"a/b/1", "a/b/2", "a/b/3", "a/1", "a/b", "c/1", "d"}
	parent := t.TempDir()
	if !hasShortcut(t, parent) {
		t.Skip("the system has no openat2(2)")
	}
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		var sides [2]*Store
		var roots [2]string
		for i, open := range []func(string) (*Store, error){openShort, openStepwise} {
			roots[i] = filepath.Join(parent, fmt.Sprint(runs, "-", i))
			if err := os.Mkdir(roots[i], 0o700); err != nil {
				rt.Fatal(err)
			}
			s, err := open(roots[i])
			if err != nil {
				rt.Fatal(err)
			}
			defer s.Close()
			sides[i] = s
		}
		outside := filepath.Join(parent, "outside")
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			key := rapid.SampledFrom(keys).Draw(rt, "key")
			dir := rapid.SampledFrom(dirs).Draw(rt, "dir")
			content := rapid.StringN(0, 5, -1).Draw(rt, "content")
			step := rapid.IntRange(0, 11).Draw(rt, "step")
			var told [2]string
			for i, s := range sides {
				path := filepath.Join(roots[i], dir)
				switch step {
				case 0, 1, 2, 3: // mostly
					told[i] = fmt.Sprint(putText(s, key, content))
				case 4, 5:
					told[i] = readText(s, key)
				case 6:
					info, err := s.Stat(context.Background(), key, storage.StatOptions{})
					told[i] = fmt.Sprint(info.Key, info.Size, err)
				case 7:
					told[i] = fmt.Sprint(s.Delete(context.Background(), []storage.Object{{Key: key}}, storage.DeleteOptions{}))
				case 8:
					told[i] = fmt.Sprint(os.RemoveAll(path) == nil)
				case 9:
					_ = os.RemoveAll(roots[i] + "/moved")
					told[i] = fmt.Sprint(os.Rename(path, roots[i]+"/moved") == nil)
				case 10:
					told[i] = fmt.Sprint(os.Symlink(outside, path) == nil)
				case 11:
					told[i] = fmt.Sprint(os.Symlink("moved", path) == nil)
				}
			}
			if told[0] != told[1] {
				rt.Fatalf("step %d of %q, %q: with the shortcut %s, without %s", step, key, dir, told[0], told[1])
			}
			if d := cmp.Diff(contentsOf(t, roots[1]), contentsOf(t, roots[0])); d != "" {
				rt.Fatalf("step %d of %q, %q leaves other files (-stepwise +shortcut):\n%s", step, key, dir, d)
			}
		}
	})
}

// While a file is written its directory may be replaced, and then a link take its place. The
// file is not there to be renamed; that does not look like a source that vanished.
func TestDirectoryBecomesLinkMeanwhile(t *testing.T) {
	root := t.TempDir()
	s, err := openShort(root)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 3 { // the directory is held
		if err := putText(s, fmt.Sprintf("a/%d", i), "old"); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Rename(root+"/a", root+"/b"), os.Mkdir(root+"/a", 0o700)); err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(t.Context(), "a/new", storage.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(root+"/a", root+"/c"), os.Symlink("c", root+"/a")); err != nil {
		t.Fatal(err)
	}
	for range 2 { // it is the same failure when it is tried again
		if _, err := w.Commit(t.Context()); err == nil || storage.Gone(err) || !storage.Retryable(err) {
			t.Errorf("Commit: %v; want an error that is retried", err)
		}
	}
	if err := putText(s, "a/new", ""); !errors.Is(err, storage.ErrUnstorable) {
		t.Errorf("Put: %v; want storage.ErrUnstorable", err)
	}
}

// readText reads a file and checks it.
func readText(s *Store, key string) string {
	r, err := s.Open(context.Background(), key, storage.OpenOptions{})
	if err != nil {
		return err.Error()
	}
	data := make([]byte, r.Info().Size)
	err = errors.Join(r.ReadAt(context.Background(), data, 0), r.Check(context.Background()), r.Close())
	return fmt.Sprint(string(data), err)
}

func putText(s *Store, key, content string) error {
	_, err := s.Put(context.Background(), key, storage.Block{Data: []byte(content)}, storage.WriteOptions{Size: int64(len(content))})
	return err
}

// contentsOf returns the files, links and directories below a path, with permissions.
func contentsOf(t *testing.T, path string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil || p == path {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		text := fi.Mode().String()
		switch {
		case e.Type() == fs.ModeSymlink:
			to, err := os.Readlink(p)
			all[p[len(path)+1:]] = "-> " + to
			return err
		case e.Type().IsRegular():
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			text += " " + string(data)
		}
		all[p[len(path)+1:]] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
