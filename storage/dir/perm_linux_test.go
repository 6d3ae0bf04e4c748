package dir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"s3sync/storage"
	"s3sync/storage/dir"
)

// nobody is a user without rights.
const nobody = 65534

// asNobody calls f without the rights of root: permissions mean nothing to
// root, which is who runs the tests in containers. On Linux each thread may
// have its own identity towards the file system.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		f()
		return
	}
	// The thread is not given back, so that it ends with the goroutine if the
	// test ends here.
	runtime.LockOSThread()
	set := func(id uintptr) {
		_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, id, 0, 0) // tells the old one, and no error
	}
	set(nobody)
	defer func() {
		set(0)
		runtime.UnlockOSThread()
	}()
	f()
}

// publicDir is a temporary directory that everybody can reach.
func publicDir(t *testing.T) string {
	t.Helper()
	path := t.TempDir()
	for _, p := range []string{path, filepath.Dir(path)} {
		if err := os.Chmod(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// denied makes a path inaccessible until the end of the test.
func denied(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Error(err)
		}
	})
}

func TestUnreadableDirectory(t *testing.T) {
	path := publicDir(t)
	write(t, path, "a/x", "b/x", "b/sub/x", "c/x", "d")
	denied(t, filepath.Join(path, "b"), 0)
	denied(t, filepath.Join(path, "c"), 0o444) // its names can be read, its files not be looked at
	for view, opts := range views() {
		t.Run(view, func(t *testing.T) {
			s := open(t, path, opts)
			problems := []string{`list "b/": permission denied`, `list "c/": permission denied`}
			if view == "source" {
				problems[1] = `list "c/x": permission denied`
			}
			asNobody(t, func() {
				wantList(t, s, []string{"a/x", "d"}, problems)
				for err := range problemsOf(t, s) {
					if !errors.Is(err, fs.ErrPermission) {
						t.Errorf("%v is not fs.ErrPermission", err)
					}
				}
			})
		})
	}
}

// problemsOf returns what a listing tells Problem.
func problemsOf(t *testing.T, s storage.Store) map[error]struct{} {
	t.Helper()
	problems := map[error]struct{}{}
	opts := storage.ListOptions{Problem: func(p storage.Problem) { problems[p.Err] = struct{}{} }}
	for _, err := range s.List(t.Context(), opts) {
		if err != nil {
			t.Error(err)
		}
	}
	return problems
}

func TestUnreadableRoot(t *testing.T) {
	for view, opts := range views() {
		t.Run(view, func(t *testing.T) {
			path := publicDir(t)
			write(t, path, "x")
			s := open(t, path, opts)
			denied(t, path, 0)
			asNobody(t, func() {
				for o, err := range s.List(t.Context(), storage.ListOptions{}) {
					if !errors.Is(err, storage.ErrUnusable) || !errors.Is(err, fs.ErrPermission) {
						t.Errorf("List yields %q, %v; want storage.ErrUnusable and fs.ErrPermission", o.Key, err)
					}
					return
				}
				t.Error("a directory that cannot be read is listed as an empty one")
			})
		})
	}
}

// An unreadable file is listed: it is opened only when it is its turn.
func TestUnreadableFile(t *testing.T) {
	path := publicDir(t)
	write(t, path, "file")
	denied(t, filepath.Join(path, "file"), 0)
	for view, opts := range views() {
		t.Run(view, func(t *testing.T) {
			s := open(t, path, opts)
			asNobody(t, func() {
				wantList(t, s, []string{"file"}, nil)
				if _, err := s.Open(t.Context(), "file", storage.OpenOptions{}); !errors.Is(err, fs.ErrPermission) {
					t.Errorf("Open: %v; want fs.ErrPermission", err)
				}
			})
		})
	}
}

func TestUnwritableDirectory(t *testing.T) {
	path := publicDir(t)
	write(t, path, "dir/file")
	if err := os.Chmod(path, 0o777); err != nil { // others can be written
		t.Fatal(err)
	}
	denied(t, filepath.Join(path, "dir"), 0o555)
	s := open(t, path, dir.Options{})
	before := snapshot(t, path)
	asNobody(t, func() {
		for _, key := range []string{"dir/file", "dir/new", "dir/new/x", "dir/new/"} {
			content := "content"
			if key == "dir/new/" {
				content = ""
			}
			err := put(t, s, key, content)
			if !errors.Is(err, fs.ErrPermission) || errors.Is(err, storage.ErrUnusable) || storage.Retryable(err) {
				t.Errorf("Put(%q): %v; want fs.ErrPermission", key, err)
			}
		}
		if err := s.Delete(t.Context(), []storage.Object{{Key: "dir/file"}}, storage.DeleteOptions{})[0]; !errors.Is(err, fs.ErrPermission) {
			t.Errorf("Delete: %v; want fs.ErrPermission", err)
		}
	})
	wantSame(t, path, before)
}

// A full disk ends the run and leaves nothing behind.
func TestFullDisk(t *testing.T) {
	path := t.TempDir()
	if err := syscall.Mount("none", path, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("mounting: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, 0); err != nil {
			t.Error(err)
		}
	})
	s, err := dir.Open(path, dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := put(t, s, "file", "old content"); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, path)
	large := make([]byte, 1<<20)
	opts := storage.WriteOptions{Size: int64(len(large))}
	if _, err := s.Put(t.Context(), "file", storage.Block{Data: large}, opts); !errors.Is(err, storage.ErrFull) {
		t.Errorf("Put: %v; want storage.ErrFull", err)
	}
	w, err := s.Create(t.Context(), "file", opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WritePart(t.Context(), 1, 0, storage.Block{Data: large}); !errors.Is(err, storage.ErrFull) {
		t.Errorf("WritePart: %v; want storage.ErrFull", err)
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Errorf("Abort: %v", err)
	}
	wantSame(t, path, before)
}

// TestUnmountedWhileListed: what was mounted in a source, or as the source, and
// is no more, is not taken for an empty directory.
func TestUnmountedWhileListed(t *testing.T) {
	for name, tt := range map[string]struct {
		sub   string
		below string // what the mount hides
	}{
		"the source": {}, "a directory of it": {sub: "b"}, "a directory of it that was not empty": {"b", "b/hidden"},
	} {
		t.Run(name, func(t *testing.T) {
			for view, opts := range views() {
				if view == "target" {
					continue
				}
				t.Run(view, func(t *testing.T) {
					path := filepath.Join(t.TempDir(), "source")
					write(t, path, "b/", tt.below+"/")
					mounted := filepath.Join(path, tt.sub)
					if err := syscall.Mount("none", mounted, "tmpfs", 0, "size=64k"); err != nil {
						t.Skip("mounting: ", err)
					}
					unmount := func() error { return syscall.Unmount(mounted, syscall.MNT_DETACH) }
					t.Cleanup(func() { _ = unmount() }) // if the test has not come so far
					write(t, path, "a", "b/x", "c/x")
					s := open(t, path, opts)
					keys, problems := listWhile(t, s, unmount)
					gone := s.StillThere(t.Context())
					if tt.sub == "" {
						if !slices.Equal(keys, []string{"a", "b/x", "c/x"}) || problems != nil || gone == nil {
							t.Errorf("keys %q, problems %q, still there: %v; want all keys, and that it is not", keys, texts(problems), gone)
						}
						return
					}
					if !slices.Equal(keys, []string{"a", "c/x"}) || len(problems) != 1 || problems[0].Key != "" || gone != nil {
						t.Errorf("keys %q, problems %q, still there: %v; want that b is lost", keys, texts(problems), gone)
					}
				})
			}
		})
	}
}

// TestClosedDirectory: if nothing at all can be written, that is one failure of the run and
// not one for each object. As long as something may be written, it is one of the object.
func TestClosedDirectory(t *testing.T) {
	for name, tt := range map[string]struct {
		mode    fs.FileMode
		missing bool
		write   []string // before
		open    string   // a directory that everybody may write
		want    error
	}{
		"nothing in it":        {mode: 0o555, want: storage.ErrUnusable},
		"files in it":          {mode: 0o555, write: []string{"a", "b"}, want: storage.ErrUnusable},
		"cannot be searched":   {mode: 0o444, write: []string{"sub/x"}, want: storage.ErrUnusable},
		"cannot be created":    {mode: 0o555, missing: true, want: storage.ErrUnusable},
		"directories alike":    {mode: 0o555, write: []string{"a", "sub/deep/y", "sub/x"}, want: storage.ErrUnusable},
		"an open directory":    {mode: 0o555, write: []string{"a", "sub/x"}, open: "sub"},
		"open, deeper":         {mode: 0o555, write: []string{"a", "b/x", "sub/deep/y"}, open: "sub/deep"},
		"its names are secret": {mode: 0o111, write: []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := publicDir(t)
			write(t, path, tt.write...)
			if tt.open != "" {
				if err := os.Chmod(filepath.Join(path, tt.open), 0o777); err != nil {
					t.Fatal(err)
				}
			}
			denied(t, path, tt.mode)
			at := path
			if tt.missing {
				at = filepath.Join(path, "new")
			}
			s := open(t, at, dir.Options{Missing: tt.missing})
			asNobody(t, func() {
				for _, key := range []string{"a", "new", "d/e", "d/"} {
					content := "content"
					if key == "d/" {
						content = ""
					}
					err := put(t, s, key, content)
					if !errors.Is(err, fs.ErrPermission) || errors.Is(err, storage.ErrUnusable) != (tt.want != nil) {
						t.Errorf("Put(%q): %v; want fs.ErrPermission and %v", key, err, tt.want)
					}
				}
			})
			if err := os.Chmod(path, 0o777); err != nil {
				t.Fatal(err)
			}
			if got := filesBelow(t, path); !slices.Equal(got, tt.write) {
				t.Errorf("files %q, want %q", got, tt.write)
			}
		})
	}
}

// filesBelow returns the paths of all files below a directory, in order.
func filesBelow(t *testing.T, root string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			path, err = filepath.Rel(root, path)
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths)
	return paths
}
