//go:build !windows

package dir_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"s3sync/storage"
	"s3sync/storage/dir"
)

func TestUmask(t *testing.T) {
	for _, mask := range []int{0, 0o022, 0o027, 0o077} {
		path := filepath.Join(t.TempDir(), "new")
		old := syscall.Umask(mask)
		s, err := dir.Open(path, dir.Options{Missing: true})
		if err == nil {
			err = errors.Join(put(t, s, "dir/file", "content"), s.Close())
		}
		syscall.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]fs.FileMode{"": 0o777, "dir": 0o777, "dir/file": 0o666} {
			fi, err := os.Stat(filepath.Join(path, name))
			if err != nil {
				t.Fatal(err)
			}
			if want &^= fs.FileMode(mask); fi.Mode().Perm() != want {
				t.Errorf("umask %03o: mode of %q is %v, want %v", mask, name, fi.Mode().Perm(), want)
			}
		}
	}
}

// While a file is written, nobody may read it who may not read the old one.
func TestModeMeanwhile(t *testing.T) {
	path := t.TempDir()
	write(t, path, "file")
	if err := os.Chmod(filepath.Join(path, "file"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, dir.Options{})
	w, err := s.Create(t.Context(), "file", storage.WriteOptions{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d entries, %v; want the file and a temporary one", len(entries), err)
	}
	for _, e := range entries {
		if fi, err := e.Info(); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("mode of %q is %v, %v; want that of the old file", e.Name(), fi.Mode(), err)
		}
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Error(err)
	}
}

// makeSpecials makes a named pipe, and a socket where the path is short enough.
func makeSpecials(t *testing.T, path string) (names []string) {
	t.Helper()
	if err := syscall.Mkfifo(filepath.Join(path, "pipe"), 0o666); err != nil {
		t.Skip(err)
	}
	names = []string{"pipe"}
	t.Chdir(path)
	if l, err := net.Listen("unix", "socket"); err == nil {
		t.Cleanup(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
		names = append(names, "socket")
	}
	if err := os.Symlink("pipe", "to-pipe"); err != nil {
		t.Fatal(err)
	}
	return append(names, "to-pipe")
}

// Named pipes and sockets are not listed, and nobody waits for their other
// end. A source tells of them; a target does not, and does not replace or delete
// them.
func TestSpecialFiles(t *testing.T) {
	path := t.TempDir()
	write(t, path, "file", "z")
	names := makeSpecials(t, path)
	before := snapshot(t, path)
	for view, opts := range views() {
		t.Run(view, func(t *testing.T) {
			s := open(t, path, opts)
			var problems []string
			for _, name := range names {
				switch {
				case view == "target" || name == "to-pipe" && view == "no links":
				case name == "to-pipe":
					problems = append(problems, `list "to-pipe": the symbolic link leads to a named pipe (only to-pipe)`)
				default:
					problems = append(problems, fmt.Sprintf(`list %q: it is a %s (only %s)`, name, map[string]string{"pipe": "named pipe", "socket": "socket"}[name], name))
				}
			}
			wantList(t, s, []string{"file", "z"}, problems)
			for _, name := range names {
				_, err := s.Open(t.Context(), name, storage.OpenOptions{})
				switch {
				case name == "to-pipe" && view != "source": // links are no part of it
					if !storage.Gone(err) {
						t.Errorf("Open(%q): %v; want fs.ErrNotExist", name, err)
					}
				case !errors.Is(err, storage.ErrUnstorable) || !strings.Contains(err.Error(), "not a regular file"):
					t.Errorf("Open(%q): %v; want storage.ErrUnstorable", name, err)
				}
				if _, err := s.Stat(t.Context(), name, storage.StatOptions{}); !storage.Gone(err) {
					t.Errorf("Stat(%q): %v; want fs.ErrNotExist", name, err)
				}
			}
		})
	}
	s := open(t, path, dir.Options{})
	for _, name := range slices.DeleteFunc(names, func(n string) bool { return n == "to-pipe" }) {
		if err := put(t, s, name, "content"); !errors.Is(err, storage.ErrUnstorable) {
			t.Errorf("Put(%q): %v; want storage.ErrUnstorable", name, err)
		}
		if err := s.Delete(t.Context(), []storage.Object{{Key: name}}, storage.DeleteOptions{})[0]; err != nil {
			t.Errorf("Delete(%q): %v", name, err)
		}
	}
	wantSame(t, path, before)
	for _, opts := range []dir.Options{{Source: true}, {Missing: true}} {
		if s, err := dir.Open("pipe", opts); err == nil {
			t.Errorf("Open of a named pipe with %+v succeeded", opts)
			_ = s.Close()
		}
	}
}

// A file that the listing told of may be a named pipe by the time it is opened.
func TestFileBecomesPipe(t *testing.T) {
	path := t.TempDir()
	write(t, path, "file")
	for view, opts := range views() {
		t.Run(view, func(t *testing.T) {
			s := open(t, path, opts)
			if err := os.Remove(filepath.Join(path, "file")); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(filepath.Join(path, "file"), 0o666); err != nil {
				t.Skip(err)
			}
			if _, err := s.Open(t.Context(), "file", storage.OpenOptions{}); !errors.Is(err, storage.ErrUnstorable) {
				t.Errorf("Open: %v; want storage.ErrUnstorable", err)
			}
		})
	}
}

func TestNamesThatAreNoKeys(t *testing.T) {
	path := t.TempDir()
	name := filepath.Join(path, "sub", "a\xff\xfeb")
	write(t, path, "sub/file")
	if err := os.WriteFile(name, nil, 0o666); err != nil {
		t.Skip(err) // macOS refuses such names
	}
	if err := os.Mkdir(filepath.Join(path, "\xc3"), 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, path, "\xc3/inside")
	for view, opts := range views() {
		t.Run(view, func(t *testing.T) {
			s := open(t, path, opts)
			wantList(t, s, []string{"sub/file"}, []string{`list "\xc3": the name is not valid UTF-8`, `list "sub/a\xff\xfeb": the name is not`})
			keys, problems := list(t, s, storage.Range{From: "sub/b"})
			if !slices.Equal(keys, []string{"sub/file"}) || len(problems) != 1 {
				t.Errorf("range without the first name: keys %q, problems %q", keys, problems)
			}
		})
	}
	t.Run("single file", func(t *testing.T) {
		s := open(t, name, dir.Options{Source: true})
		wantList(t, s, nil, []string{`list "a\xff\xfeb": the name`})
	})
}

// Names that S3 would take are listed, also where they are not written here.
func TestNamesOfOthers(t *testing.T) {
	path := t.TempDir()
	names := []string{" ", "...", `..\x`, `a\b`, "sub/.. /x"}
	write(t, path, names...)
	for view, opts := range views() {
		t.Run(view, func(t *testing.T) {
			s := open(t, path, opts)
			wantList(t, s, names, nil)
			for _, key := range names {
				r, err := s.Open(t.Context(), key, storage.OpenOptions{})
				if err != nil {
					t.Errorf("Open(%q): %v", key, err)
					continue
				}
				got := make([]byte, len(key))
				if err := errors.Join(r.ReadAt(t.Context(), got, 0), r.Close()); err != nil || string(got) != key {
					t.Errorf("reading %q: %q, %v", key, got, err)
				}
			}
		})
	}
}

// TestNamesThatAreTooLong: what cannot have its name is not there, if that is the
// question; to read and to write it fails for that reason.
func TestNamesThatAreTooLong(t *testing.T) {
	path := t.TempDir()
	root, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	deep := strings.Repeat(strings.Repeat("d", 250)+"/", 17) // longer than a path of the system may be
	if err := root.MkdirAll(deep, 0o777); err != nil {
		t.Skip(err)
	}
	file, err := root.Create(deep + "file")
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path, "dir/", "z")
	long := strings.Repeat("x", 256)
	for view, opts := range views() {
		t.Run(view, func(t *testing.T) {
			s := open(t, path, opts)
			keys, problems := list(t, s, storage.Range{})
			switch {
			case view != "source" && (!slices.Equal(keys, []string{deep + "file", "z"}) || problems != nil):
				t.Errorf("%d keys and problems %q, want the long one and z", len(keys), problems)
			case view == "source" && (!slices.Equal(keys, []string{"z"}) || len(problems) != 1 || !strings.Contains(problems[0], "too long") || strings.HasSuffix(problems[0], ")")):
				t.Errorf("keys %q, problems %q; want z, and that the listing is not complete", keys, problems)
			}
			for _, key := range []string{long, "dir/" + long, long + "/file"} {
				if _, err := s.Open(t.Context(), key, storage.OpenOptions{}); storage.Gone(err) || !strings.Contains(fmt.Sprint(err), "too long") {
					t.Errorf("Open: %v; want that the name is too long", err)
				}
				if _, err := s.Stat(t.Context(), key, storage.StatOptions{}); !storage.Gone(err) {
					t.Errorf("Stat: %v; want fs.ErrNotExist", err)
				}
				if view != "target" {
					continue
				}
				if err := put(t, s, key, "x"); !errors.Is(err, storage.ErrUnstorable) || !strings.Contains(err.Error(), "too long") {
					t.Errorf("Put: %v; want storage.ErrUnstorable and that the name is too long", err)
				}
				if err := s.Delete(t.Context(), []storage.Object{{Key: key}}, storage.DeleteOptions{})[0]; err != nil {
					t.Errorf("Delete: %v", err)
				}
			}
		})
	}
}
