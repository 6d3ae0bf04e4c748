package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/storage"
)

// openTarget opens a target, whose directories are held unless stepwise is set: then it
// works like one on a system without openat2(2).
func openTarget(t testing.TB, path string, stepwise bool) *Store {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	switch {
	case stepwise:
		if err := s.target.short.Close(); err != nil {
			t.Fatal(err)
		}
		s.target.short = nil
	case s.target.short == nil:
		t.Skip("the system has no openat2(2)")
	}
	return s
}

func putText(s *Store, key, content string) error {
	_, err := s.Put(context.Background(), key, storage.Block{Data: []byte(content)}, storage.WriteOptions{Size: int64(len(content))})
	return err
}

// contentsOf returns the files, links and directories below a path, with permissions.
func contentsOf(t testing.TB, path string) map[string]string {
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

// A directory that is held may have another path by now, and its path may lead to another
// directory. Files are written to the one that the path leads to, and to no other.
func TestHeldDirectoryIsReplaced(t *testing.T) {
	const outside = "outside"
	for name, tt := range map[string]struct {
		change func(parent string) error
		err    string // of Put; empty if it succeeds
		where  string // of the file that is written
	}{
		"nothing happens": {
			change: func(string) error { return nil },
			where:  "target/a/b/new",
		},
		"renamed": {
			change: func(parent string) error { return os.Rename(parent+"/target/a/b", parent+"/outside/b") },
			where:  "target/a/b/new",
		},
		"renamed within the target": {
			change: func(parent string) error { return os.Rename(parent+"/target/a/b", parent+"/target/a/c") },
			where:  "target/a/b/new",
		},
		"one above it is renamed": {
			change: func(parent string) error { return os.Rename(parent+"/target/a", parent+"/outside/a") },
			where:  "target/a/b/new",
		},
		"replaced by another one": {
			change: func(parent string) error {
				return errors.Join(os.Rename(parent+"/target/a/b", parent+"/outside/b"), os.Mkdir(parent+"/target/a/b", 0o700))
			},
			where: "target/a/b/new",
		},
		"replaced by one that has a file of that name": {
			change: func(parent string) error {
				return errors.Join(os.Rename(parent+"/target/a/b", parent+"/outside/b"), os.Mkdir(parent+"/target/a/b", 0o700),
					os.WriteFile(parent+"/target/a/b/new", []byte("secret"), 0o600))
			},
			where: "target/a/b/new",
		},
		"removed": {
			change: func(parent string) error { return os.RemoveAll(parent + "/target/a") },
			where:  "target/a/b/new",
		},
		"becomes a link to where it is now": {
			change: func(parent string) error {
				return errors.Join(os.Rename(parent+"/target/a/b", parent+"/outside/b"), os.Symlink(parent+"/outside/b", parent+"/target/a/b"))
			},
			err: "is a symbolic link",
		},
		"one above it becomes a link to where it is now": {
			change: func(parent string) error {
				return errors.Join(os.Rename(parent+"/target/a", parent+"/outside/a"), os.Symlink("../outside/a", parent+"/target/a"))
			},
			err: "is a symbolic link",
		},
		"becomes a file": {
			change: func(parent string) error {
				return errors.Join(os.RemoveAll(parent+"/target/a/b"), os.WriteFile(parent+"/target/a/b", nil, 0o600))
			},
			err: "is not a directory",
		},
		"something is mounted over it": {
			change: func(parent string) error {
				return syscall.Mount("none", parent+"/target/a/b", "tmpfs", 0, "size=64k")
			},
			where: "target/a/b/new",
		},
	} {
		for _, parts := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, parts %t", name, parts), func(t *testing.T) {
				parent := t.TempDir()
				for _, sub := range []string{"target", outside} {
					if err := os.Mkdir(filepath.Join(parent, sub), 0o700); err != nil {
						t.Fatal(err)
					}
				}
				s := openTarget(t, filepath.Join(parent, "target"), false)
				for i := range 3 {
					if err := putText(s, fmt.Sprintf("a/b/%d", i), "old"); err != nil {
						t.Fatal(err)
					}
				}
				if s.target.held["a/b"] == nil {
					t.Fatal("the directory is not held")
				}
				if err := tt.change(parent); err != nil {
					t.Skip(err)
				}
				t.Cleanup(func() { _ = syscall.Unmount(parent+"/target/a/b", syscall.MNT_DETACH) })
				before := contentsOf(t, parent)
				mode := newFileMode(t)
				meanwhile, err := putParts(s, parent, "a/b/new", "content", parts)
				if tt.err != "" {
					if !errors.Is(err, storage.ErrUnstorable) || !strings.Contains(err.Error(), tt.err) {
						t.Errorf("Put: %v; want storage.ErrUnstorable with %q", err, tt.err)
					}
				} else if err != nil {
					t.Errorf("Put: %v", err)
				}
				after := contentsOf(t, parent)
				for path := range maps.Keys(after) {
					if isDir := strings.HasPrefix(after[path], "d"); isDir && strings.HasPrefix(tt.where, path+"/") {
						before[path] = after[path] // was made
					}
				}
				if tt.where != "" {
					if old, ok := before[tt.where]; ok {
						mode = old[:len(mode)]
					}
					before[tt.where] = mode + " content"
					if parts && meanwhile != mode {
						t.Errorf("the temporary file had the mode %q, want %q", meanwhile, mode)
					}
				}
				if d := cmp.Diff(before, after); d != "" {
					t.Errorf("wrong files (-want +got):\n%s", d)
				}
			})
		}
	}
}

// newFileMode is the mode that the umask leaves to a new file.
func newFileMode(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return fi.Mode().String()
}

// putParts puts a file, in parts if asked to. Then it returns the mode that the temporary
// file had.
func putParts(s *Store, parent, key, content string, parts bool) (mode string, err error) {
	if !parts {
		return "", putText(s, key, content)
	}
	w, err := s.Create(context.Background(), key, storage.WriteOptions{Size: int64(len(content))})
	if err != nil {
		return "", err
	}
	temps, err := filepath.Glob(filepath.Join(parent, "target", filepath.Dir(key), tempPrefix+"*"))
	for _, temp := range temps {
		if fi, statErr := os.Stat(temp); statErr == nil {
			mode += fi.Mode().String()
		}
	}
	writeErr := w.WritePart(context.Background(), 1, 0, storage.Block{Data: []byte(content)})
	_, commitErr := w.Commit(context.Background())
	return mode, errors.Join(err, writeErr, commitErr)
}

// While a file is written, its directory may be renamed: the file goes with it, and is
// removed from it.
func TestHeldDirectoryMovesMeanwhile(t *testing.T) {
	for _, commit := range []bool{true, false} {
		parent := t.TempDir()
		root := filepath.Join(parent, "target")
		if err := os.Mkdir(root, 0o700); err != nil {
			t.Fatal(err)
		}
		s := openTarget(t, root, false)
		for i := range 3 {
			if err := putText(s, fmt.Sprintf("a/%d", i), "old"); err != nil {
				t.Fatal(err)
			}
		}
		w, err := s.Create(context.Background(), "a/new", storage.WriteOptions{Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WritePart(context.Background(), 1, 0, storage.Block{Data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Rename(root+"/a", root+"/b"), os.Mkdir(root+"/a", 0o700)); err != nil {
			t.Fatal(err)
		}
		want := []string{"a", "b", "b/0", "b/1", "b/2"}
		if commit {
			want = append(want, "b/new")
			_, err = w.Commit(context.Background())
		} else {
			err = w.Abort(context.Background())
		}
		if err != nil {
			t.Error(err)
		}
		if got := slices.Sorted(maps.Keys(contentsOf(t, root))); !slices.Equal(got, want) {
			t.Errorf("committed %t: %q, want %q", commit, got, want)
		}
	}
}

// A directory that is known may become a link to another one in the target: no file is
// written, found or deleted through it, because it would have two keys.
func TestDirectoryBecomesLinkInside(t *testing.T) {
	for name, change := range map[string]func(root string) error{
		"the directory": func(root string) error {
			return errors.Join(os.Rename(root+"/a/b", root+"/other"), os.Symlink("../other", root+"/a/b"))
		},
		"one above it": func(root string) error {
			return errors.Join(os.Rename(root+"/a", root+"/other"), os.Symlink("other", root+"/a"))
		},
	} {
		for _, stepwise := range []bool{false, true} {
			for files := range 4 { // one makes the directory known, two let it be held
				t.Run(fmt.Sprintf("%s, stepwise %t, after %d files", name, stepwise, files), func(t *testing.T) {
					root := t.TempDir()
					if err := os.MkdirAll(root+"/a/b", 0o700); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(root+"/a/b/file", []byte("old"), 0o600); err != nil {
						t.Fatal(err)
					}
					s := openTarget(t, root, stepwise)
					for i := range files {
						if err := putText(s, fmt.Sprintf("a/b/%d", i), "old"); err != nil {
							t.Fatal(err)
						}
					}
					if err := change(root); err != nil {
						t.Fatal(err)
					}
					before := contentsOf(t, root)
					for range 2 {
						for _, key := range []string{"a/b/new", "a/b/file", "a/b/sub/new"} {
							err := putText(s, key, "new")
							if !errors.Is(err, storage.ErrUnstorable) || !strings.Contains(err.Error(), "is a symbolic link") {
								t.Errorf("Put(%q): %v; want storage.ErrUnstorable for the link", key, err)
							}
						}
						if _, err := s.Stat(t.Context(), "a/b/file", storage.StatOptions{}); !storage.Gone(err) {
							t.Errorf("Stat: %v; want fs.ErrNotExist", err)
						}
						if _, err := s.Open(t.Context(), "a/b/file", storage.OpenOptions{}); !storage.Gone(err) {
							t.Errorf("Open: %v; want fs.ErrNotExist", err)
						}
						if err := s.Delete(t.Context(), []storage.Object{{Key: "a/b/file"}}, storage.DeleteOptions{})[0]; err != nil {
							t.Errorf("Delete: %v", err)
						}
					}
					if d := cmp.Diff(before, contentsOf(t, root)); d != "" {
						t.Errorf("changed (-before +after):\n%s", d)
					}
				})
			}
		}
	}
}

// Directories that are visited in turn, too many to be held, are not opened in vain.
func TestHeldInVain(t *testing.T) {
	s := openTarget(t, t.TempDir(), false)
	const dirs = 4 * maxHeld
	inVain := 0
	for i := range 8 * dirs {
		before := s.target.held[fmt.Sprint(i%dirs)]
		if err := putText(s, fmt.Sprintf("%d/%d", i%dirs, i), ""); err != nil {
			t.Fatal(err)
		}
		if before == nil && s.target.held[fmt.Sprint(i%dirs)] != nil {
			inVain++
		}
	}
	if most := 8 * dirs / 4; inVain > most {
		t.Errorf("%d directories were held for %d files, want %d at most", inVain, 8*dirs, most)
	}
	// Once files are written in order, their directories are held again.
	for i := range 20 * maxHeld {
		if err := putText(s, fmt.Sprintf("sub%d/%d", i/maxHeld, i), ""); err != nil {
			t.Fatal(err)
		}
	}
	if s.target.held["sub19"] == nil {
		t.Error("the last directory is not held")
	}
}

// However many directories there are and however deep they are: few are open.
func TestFewDirectoriesAreHeld(t *testing.T) {
	openFiles := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(entries)
	}
	before := openFiles()
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxHeld {
		for j := range 3 {
			if err := putText(s, fmt.Sprintf("a/very/deep/directory/%d/%d", i, j), ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(s.target.held); s.target.short != nil && n != maxHeld {
		t.Errorf("%d directories are held, want %d", n, maxHeld)
	}
	if n := openFiles() - before; n > maxHeld+4 {
		t.Errorf("%d files are open, want %d at most", n, maxHeld+4)
	}
	// One that is used stays open, although it is not held any more.
	w, err := s.Create(context.Background(), fmt.Sprintf("a/very/deep/directory/%d/last", 3*maxHeld-1), storage.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for path := range s.target.held {
		s.target.drop(path)
	}
	if _, err := w.Commit(context.Background()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if n := openFiles(); n > before {
		t.Errorf("%d files stay open", n-before)
	}
}
