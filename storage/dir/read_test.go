package dir_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"s3sync/storage"
	"s3sync/storage/dir"
)

func TestChanges(t *testing.T) {
	const content = "0123456789"
	must := func(t *testing.T, errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Skip(err) // Windows holds what is open
		}
	}
	for name, tt := range map[string]struct {
		change  func(t *testing.T, name string)
		changed bool
		read    bool // reading the whole still works
	}{
		"nothing": {func(*testing.T, string) {}, false, true},
		"grown": {func(t *testing.T, name string) {
			must(t, os.WriteFile(name, []byte(content+"x"), 0o666))
		}, true, true},
		"shrunk": {func(t *testing.T, name string) {
			must(t, os.Truncate(name, 5))
		}, true, false},
		"emptied": {func(t *testing.T, name string) {
			must(t, os.Truncate(name, 0))
		}, true, false},
		"grown and its time set back": {func(t *testing.T, name string) {
			fi, err := os.Stat(name)
			must(t, err, os.WriteFile(name, []byte(content+"x"), 0o666), os.Chtimes(name, time.Time{}, fi.ModTime()))
		}, true, true},
		"other time": {func(t *testing.T, name string) {
			must(t, os.Chtimes(name, time.Time{}, time.Unix(1e9, 1)))
		}, true, true},
		"deleted": {func(t *testing.T, name string) {
			must(t, os.Remove(name))
		}, true, true},
		"replaced by an equal one": {func(t *testing.T, name string) {
			fi, err := os.Stat(name)
			must(t, err, os.WriteFile(name+"2", []byte(content), 0o666),
				os.Chtimes(name+"2", time.Time{}, fi.ModTime()), os.Rename(name+"2", name))
		}, true, true},
		"replaced by a directory": {func(t *testing.T, name string) {
			must(t, os.Remove(name), os.Mkdir(name, 0o777))
		}, true, true},
		"only its mode": {func(t *testing.T, name string) {
			must(t, os.Chmod(name, 0o600))
		}, false, true},
	} {
		for view, opts := range views() {
			t.Run(name+"/"+view, func(t *testing.T) {
				path := t.TempDir()
				file := filepath.Join(path, "dir", "file")
				write(t, path, "dir/")
				if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
					t.Fatal(err)
				}
				s := open(t, path, opts)
				r, err := s.Open(t.Context(), "dir/file", storage.OpenOptions{})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if err := r.Check(t.Context()); err != nil {
					t.Errorf("Check before: %v", err)
				}
				tt.change(t, file)
				err = r.ReadAt(t.Context(), make([]byte, len(content)), 0)
				if tt.read != (err == nil) || err != nil && !errors.Is(err, storage.ErrChanged) {
					t.Errorf("ReadAt: %v", err)
				}
				err = r.Check(t.Context())
				if tt.changed != errors.Is(err, storage.ErrChanged) || !tt.changed && err != nil {
					t.Errorf("Check: %v", err)
				}
				if storage.Gone(err) {
					t.Errorf("Check: %v is fs.ErrNotExist", err)
				}
				if r.Info().Size != int64(len(content)) {
					t.Errorf("size %d: the state at Open is another", r.Info().Size)
				}
			})
		}
	}
}

// Size and time come from the open file, whatever a listing said before.
func TestInfoIsFresh(t *testing.T) {
	path := t.TempDir()
	write(t, path, "file")
	s := open(t, path, dir.Options{Source: true})
	wantList(t, s, []string{"file"}, nil)
	const longer = "longer than before"
	if err := os.WriteFile(filepath.Join(path, "file"), []byte(longer), 0o666); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(t.Context(), "file", storage.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := r.Info().Size; got != int64(len(longer)) {
		t.Errorf("size %d, want %d", got, len(longer))
	}
}

func TestOpenOfNoFile(t *testing.T) {
	path := t.TempDir()
	write(t, path, "dir/x")
	for name, opts := range views() {
		s := open(t, path, opts)
		for key, kind := range map[string]error{
			"dir":      os.ErrNotExist,
			"dir/":     storage.ErrUnstorable,
			"dir/x/":   os.ErrNotExist,
			"dir/x/y":  os.ErrNotExist,
			"missing/": os.ErrNotExist,
			"../dir/x": storage.ErrUnstorable,
			"dir/./x":  storage.ErrUnstorable,
			"x\x00":    storage.ErrUnstorable,
			"":         storage.ErrUnstorable,
		} {
			if _, err := s.Open(t.Context(), key, storage.OpenOptions{}); !errors.Is(err, kind) {
				t.Errorf("%s: Open(%q): %v; want %v", name, key, err, kind)
			}
		}
		if _, err := s.Open(t.Context(), "dir/x", storage.OpenOptions{VersionID: "1"}); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: Open of a version: %v; want fs.ErrNotExist", name, err)
		}
		if _, err := s.Stat(t.Context(), "dir/x", storage.StatOptions{VersionID: "1"}); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: Stat of a version: %v; want fs.ErrNotExist", name, err)
		}
	}
}
