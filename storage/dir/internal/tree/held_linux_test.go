package tree

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync/storage"
	"s3sync/storage/dir/internal/system"
)

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
				tr := openTree(t, filepath.Join(parent, "target"), false)
				for i := range 3 {
					if err := putText(tr, fmt.Sprintf("a/b/%d", i), "old"); err != nil {
						t.Fatal(err)
					}
				}
				if tr.held.dirs["a/b"] == nil {
					t.Fatal("the directory is not held")
				}
				if err := tt.change(parent); err != nil {
					t.Skip(err)
				}
				t.Cleanup(func() { _ = syscall.Unmount(parent+"/target/a/b", syscall.MNT_DETACH) })
				before := contentsOf(t, parent)
				mode := newFileMode(t)
				meanwhile, err := putParts(tr, parent, "a/b/new", "content", parts)
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
func putParts(tr *Tree, parent, key, content string, parts bool) (mode string, err error) {
	if !parts {
		return "", putText(tr, key, content)
	}
	tmp, err := tr.Create(key, int64(len(content)), time.Time{})
	if err != nil {
		return "", err
	}
	temps, err := filepath.Glob(filepath.Join(parent, "target", filepath.Dir(key), ".s3sync-*"))
	for _, temp := range temps {
		if fi, statErr := os.Stat(temp); statErr == nil {
			mode += fi.Mode().String()
		}
	}
	_, writeErr := tmp.WriteAt([]byte(content), 0)
	_, commitErr := tmp.Publish()
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
		tr := openTree(t, root, false)
		for i := range 3 {
			if err := putText(tr, fmt.Sprintf("a/%d", i), "old"); err != nil {
				t.Fatal(err)
			}
		}
		tmp, err := tr.Create("a/new", 1, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tmp.WriteAt([]byte("x"), 0); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Rename(root+"/a", root+"/b"), os.Mkdir(root+"/a", 0o700)); err != nil {
			t.Fatal(err)
		}
		want := []string{"a", "b", "b/0", "b/1", "b/2"}
		if commit {
			want = append(want, "b/new")
			_, err = tmp.Publish()
		} else {
			err = tmp.Remove()
		}
		if err != nil {
			t.Error(err)
		}
		if got := slices.Sorted(maps.Keys(contentsOf(t, root))); !slices.Equal(got, want) {
			t.Errorf("committed %t: %q, want %q", commit, got, want)
		}
	}
}

// Directories that are visited in turn, too many to be held, are not opened in vain.
func TestHeldInVain(t *testing.T) {
	tr := openTree(t, t.TempDir(), false)
	const dirs = 4 * maxHeld
	inVain := 0
	for i := range 8 * dirs {
		before := tr.held.dirs[fmt.Sprint(i%dirs)]
		if err := putText(tr, fmt.Sprintf("%d/%d", i%dirs, i), ""); err != nil {
			t.Fatal(err)
		}
		if before == nil && tr.held.dirs[fmt.Sprint(i%dirs)] != nil {
			inVain++
		}
	}
	if most := 8 * dirs / 4; inVain > most {
		t.Errorf("%d directories were held for %d files, want %d at most", inVain, 8*dirs, most)
	}
	// Once files are written in order, their directories are held again.
	for i := range 20 * maxHeld {
		if err := putText(tr, fmt.Sprintf("sub%d/%d", i/maxHeld, i), ""); err != nil {
			t.Fatal(err)
		}
	}
	if tr.held.dirs["sub19"] == nil {
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
	path := t.TempDir()
	root, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	tr := New(path, root, system.NewShortcut(root), false)
	for i := range 3 * maxHeld {
		for j := range 3 {
			if err := putText(tr, fmt.Sprintf("a/very/deep/directory/%d/%d", i, j), ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(tr.held.dirs); tr.short != nil && n != maxHeld {
		t.Errorf("%d directories are held, want %d", n, maxHeld)
	}
	if n := openFiles() - before; n > maxHeld+4 {
		t.Errorf("%d files are open, want %d at most", n, maxHeld+4)
	}
	// One that is used stays open, although it is not held any more.
	tmp, err := tr.Create(fmt.Sprintf("a/very/deep/directory/%d/last", 3*maxHeld-1), 0, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for path := range tr.held.dirs {
		tr.held.drop(path)
	}
	if _, err := tmp.Publish(); err != nil {
		t.Error(err)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	if n := openFiles(); n > before {
		t.Errorf("%d files stay open", n-before)
	}
}

// TestHeldDirectoryIsReadOnly: the directory that is held is on a file system that is read
// only by now, and another one is mounted over it. What fails in the former says nothing
// about the latter.
func TestHeldDirectoryIsReadOnly(t *testing.T) {
	top := t.TempDir()
	sub := filepath.Join(top, "sub")
	mount := func(target string, flags uintptr) {
		t.Helper()
		if err := syscall.Mount("none", target, "tmpfs", flags, "size=64k"); err != nil {
			t.Skip(err) // only root may
		}
		t.Cleanup(func() { _ = syscall.Unmount(target, syscall.MNT_DETACH) })
	}
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	mount(sub, 0)
	tr := openTree(t, top, false)
	for i := range 3 {
		if err := putText(tr, fmt.Sprintf("sub/%d", i), "old"); err != nil {
			t.Fatal(err)
		}
	}
	if tr.held.dirs["sub"] == nil {
		t.Fatal("the directory is not held")
	}
	if err := syscall.Mount("none", sub, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	mount(sub, 0)
	for _, name := range []string{"sub/new", "sub/next"} {
		if err := putText(tr, name, "content"); err != nil {
			t.Errorf("mounted over: %v", err)
		}
	}
	entries, err := os.ReadDir(sub)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
}
