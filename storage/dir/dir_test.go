package dir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/storagetest"
)

func TestConformance(t *testing.T) {
	for name, opts := range map[string]dir.Options{
		"plain":   {},
		"missing": {Missing: true},
		"fsync":   {Fsync: true},
	} {
		t.Run(name, func(t *testing.T) {
			open := func(t *testing.T) storage.Store {
				t.Helper()
				path := t.TempDir()
				if opts.Missing {
					path += "/not/there/yet"
				}
				s, err := dir.Open(path, opts)
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			expect := storagetest.Options{ModTimes: true, Directories: true}
			if name != "plain" {
				expect.Objects = 40 // many are the same with every option
			}
			storagetest.Run(t, open, expect)
			if name == "plain" {
				expect.Objects = 40
				t.Run("decorated", func(t *testing.T) { storagetest.Run(t, storagetest.Decorated(open), expect) })
			}
		})
	}
}

func TestOpenErrors(t *testing.T) {
	path := t.TempDir()
	temp := ".s3sync-ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp"
	write(t, path, "file", temp)
	link(t, "nowhere", filepath.Join(path, "dangling"))
	for name, tt := range map[string]struct {
		path string
		opts dir.Options
		kind error
		text string
	}{
		"empty":                 {"", dir.Options{Missing: true}, nil, "empty path"},
		"missing":               {filepath.Join(path, "x"), dir.Options{}, fs.ErrNotExist, ""},
		"missing source":        {filepath.Join(path, "x"), dir.Options{Source: true, Missing: true}, fs.ErrNotExist, ""},
		"target is a file":      {filepath.Join(path, "file"), dir.Options{Missing: true}, nil, "not a directory"},
		"target below a file":   {filepath.Join(path, "file", "x"), dir.Options{Missing: true}, nil, ""},
		"target is no link":     {filepath.Join(path, "dangling"), dir.Options{Missing: true}, nil, "symbolic link to nothing"},
		"source is a link":      {filepath.Join(path, "dangling"), dir.Options{Source: true}, fs.ErrNotExist, ""},
		"source is a left-over": {filepath.Join(path, temp), dir.Options{Source: true}, nil, "temporary file"},
	} {
		t.Run(name, func(t *testing.T) {
			before := snapshot(t, path)
			s, err := dir.Open(tt.path, tt.opts)
			if err == nil {
				t.Fatal("opened", errors.Join(s.Close()))
			}
			if tt.kind != nil && !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%v; want %v with text %q", err, tt.kind, tt.text)
			}
			if tt.kind == nil && errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v is fs.ErrNotExist: it looks like a target to be created", err)
			}
			wantSame(t, path, before)
		})
	}
}

// A target that does not exist is empty, and comes into being with the first
// write, not before.
func TestMissingTarget(t *testing.T) {
	parent := t.TempDir()
	path := filepath.Join(parent, "a", "b")
	s := open(t, path, dir.Options{Missing: true})
	before := snapshot(t, parent)
	wantList(t, s, nil, nil)
	if _, err := s.Stat(t.Context(), "x", storage.StatOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat: %v; want fs.ErrNotExist", err)
	}
	if _, err := s.Open(t.Context(), "x", storage.OpenOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open: %v; want fs.ErrNotExist", err)
	}
	if errs := s.Delete(t.Context(), []storage.Object{{Key: "x"}, {Key: "y/z"}}, storage.DeleteOptions{}); errs[0] != nil || errs[1] != nil {
		t.Errorf("Delete: %v", errs)
	}
	if err := put(t, s, "../x", "content"); !errors.Is(err, storage.ErrUnstorable) {
		t.Errorf("Put: %v; want storage.ErrUnstorable", err)
	}
	wantSame(t, parent, before)
	if err := put(t, s, "x/y", "content"); err != nil {
		t.Fatal(err)
	}
	wantList(t, s, []string{"x/y"}, nil)
	if got := snapshot(t, path)[filepath.Join("x", "y")]; got != "content" {
		t.Errorf("content %q", got)
	}
}

// A target that cannot be created ends the run.
func TestTargetCannotBeMade(t *testing.T) {
	parent := t.TempDir()
	s := open(t, filepath.Join(parent, "a", "b"), dir.Options{Missing: true})
	write(t, parent, "a") // now a file is in the way
	err := put(t, s, "x", "content")
	if !errors.Is(err, storage.ErrUnusable) || storage.Retryable(err) {
		t.Errorf("Put: %v; want storage.ErrUnusable", err)
	}
}

// Where a directory was and is no more, it must not look like an empty one.
func TestSourceVanishes(t *testing.T) {
	for name, opts := range map[string]dir.Options{
		"source":   {Source: true},
		"no links": {Source: true, IgnoreSymlinks: true},
		"target":   {Missing: true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "dir")
			write(t, path, "x")
			s := open(t, path, opts)
			if err := os.RemoveAll(path); err != nil {
				t.Skip(err) // Windows holds what is open
			}
			for o, err := range s.List(t.Context(), storage.ListOptions{}) {
				if !errors.Is(err, storage.ErrUnusable) {
					t.Errorf("List yields %q, %v; want storage.ErrUnusable", o.Key, err)
				}
				return
			}
			t.Error("the directory is listed as an empty one")
		})
	}
}

func TestSingleFile(t *testing.T) {
	path := t.TempDir()
	write(t, path, "file", "other", "dir/x")
	link(t, "file", filepath.Join(path, "link"))
	for name, key := range map[string]string{"file": "file", "link": "link"} {
		t.Run(name, func(t *testing.T) {
			s := open(t, filepath.Join(path, name), dir.Options{Source: true, IgnoreSymlinks: true})
			wantList(t, s, []string{key}, nil)
			r, err := s.Open(t.Context(), key, storage.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got := make([]byte, 4)
			if err := errors.Join(r.ReadAt(t.Context(), got, 0), r.Check(t.Context())); err != nil || string(got) != "file" {
				t.Errorf("read %q, %v", got, err)
			}
			for _, key := range []string{"other", "dir/x", "dir", "file/x"} {
				if _, err := s.Stat(t.Context(), key, storage.StatOptions{}); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("Stat(%q): %v; want fs.ErrNotExist", key, err)
				}
				if _, err := s.Open(t.Context(), key, storage.OpenOptions{}); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("Open(%q): %v; want fs.ErrNotExist", key, err)
				}
			}
			if keys, _ := list(t, s, storage.Range{From: "g", To: "h"}); keys != nil {
				t.Errorf("listed outside of the range: %q", keys)
			}
		})
	}
	// A path without a directory.
	t.Chdir(path)
	wantList(t, open(t, "file", dir.Options{Source: true}), []string{"file"}, nil)
	wantList(t, open(t, "dir", dir.Options{Source: true}), []string{"x"}, nil)
	wantList(t, open(t, "dir/", dir.Options{Source: true}), []string{"x"}, nil)
	s := open(t, "file", dir.Options{Source: true})
	if err := os.Remove("file"); err != nil {
		t.Fatal(err)
	}
	for o, err := range s.List(t.Context(), storage.ListOptions{}) {
		if err == nil {
			t.Errorf("listed %q, which is deleted", o.Key)
		}
		return
	}
	t.Error("a file that vanished is listed as no file")
}

func TestSourceIsNotWritten(t *testing.T) {
	path := t.TempDir()
	write(t, path, "file", "dir/x")
	for name, opts := range map[string]dir.Options{
		"source":   {Source: true},
		"no links": {Source: true, IgnoreSymlinks: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, path, opts)
			before := snapshot(t, path)
			_, createErr := s.Create(t.Context(), "new", storage.WriteOptions{})
			for name, err := range map[string]error{
				"Put":       put(t, s, "file", "other"),
				"Put new":   put(t, s, "new", "other"),
				"Put a dir": put(t, s, "new/", ""),
				"Create":    createErr,
				"Delete":    s.Delete(t.Context(), []storage.Object{{Key: "file"}}, storage.DeleteOptions{})[0],
			} {
				if !errors.Is(err, errors.ErrUnsupported) {
					t.Errorf("%s: %v; want errors.ErrUnsupported", name, err)
				}
			}
			wantSame(t, path, before)
		})
	}
}
