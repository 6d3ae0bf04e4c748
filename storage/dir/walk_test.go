package dir_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"s3sync/storage"
	"s3sync/storage/dir"
)

// views are the ways to look at a directory.
func views() map[string]dir.Options {
	return map[string]dir.Options{
		"source":   {Source: true},
		"no links": {Source: true, IgnoreSymlinks: true},
		"target":   {},
	}
}

// Whatever files there are and whatever range is asked for: the keys come in
// byte order, all of them and no other.
func TestListProperty(t *testing.T) {
	segment := rapid.SampledFrom([]string{"a", "a-", "a.b", "a0", "b", "-", "!", "~", "\u00e9", "aa", "a a", "..a"})
	key := rapid.Custom(func(t *rapid.T) string {
		return filepath.ToSlash(filepath.Join(rapid.SliceOfN(segment, 1, 4).Draw(t, "segments")...))
	})
	bound := rapid.Custom(func(t *rapid.T) string {
		return key.Draw(t, "key") + rapid.SampledFrom([]string{"", "/", "0", "-"}).Draw(t, "end")
	})
	parent := t.TempDir()
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		path := filepath.Join(parent, strconv.Itoa(runs))
		if err := os.Mkdir(path, 0o777); err != nil {
			rt.Fatal(err)
		}
		defer func() {
			if err := os.RemoveAll(path); err != nil {
				rt.Error(err)
			}
		}()
		var files []string
		for _, k := range rapid.SliceOfN(key, 0, 20).Draw(rt, "keys") {
			name := filepath.Join(path, filepath.FromSlash(k))
			if os.MkdirAll(filepath.Dir(name), 0o777) != nil {
				continue // a file is in the way
			}
			if os.WriteFile(name, nil, 0o666) == nil && !slices.Contains(files, k) {
				files = append(files, k)
			}
		}
		slices.Sort(files)
		r := storage.Range{From: bound.Draw(rt, "from"), To: bound.Draw(rt, "to")}
		if rapid.Bool().Draw(rt, "all") {
			r = storage.Range{}
		}
		want := slices.DeleteFunc(slices.Clone(files), func(k string) bool { return !r.Contains(k) })
		for name, opts := range views() {
			s, err := dir.Open(path, opts)
			if err != nil {
				rt.Fatal(err)
			}
			got, problems := list(t, s, r)
			if !slices.Equal(got, want) || problems != nil {
				rt.Errorf("%s lists %q with problems %q in %q, want %q of %q", name, got, problems, r, want, files)
			}
			if err := s.Close(); err != nil {
				rt.Error(err)
			}
		}
	})
}

func TestListSizesAndTimes(t *testing.T) {
	path := t.TempDir()
	write(t, path, "dir/file")
	fi, err := os.Stat(filepath.Join(path, "dir", "file"))
	if err != nil {
		t.Fatal(err)
	}
	for name, opts := range views() {
		s := open(t, path, opts)
		for o, err := range s.List(t.Context(), storage.ListOptions{}) {
			if err != nil || o.Size != int64(len("dir/file")) || !o.ModTime.Equal(fi.ModTime()) {
				t.Errorf("%s lists %+v, %v; want size 8, time %v", name, o, err, fi.ModTime())
			}
		}
	}
}

func TestSymlinks(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, "file", "dir/x")
	path := t.TempDir()
	write(t, path, "dir/x", "file", "sub/y", "empty/")
	link(t, "file", filepath.Join(path, "to-file"))
	link(t, "dir", filepath.Join(path, "to-dir"))
	link(t, filepath.Join("..", "file"), filepath.Join(path, "sub", "up"))
	link(t, filepath.Join(outside, "file"), filepath.Join(path, "out-file"))
	link(t, filepath.Join(outside, "dir"), filepath.Join(path, "out-dir"))
	link(t, "nowhere", filepath.Join(path, "dangling"))
	link(t, filepath.Join("file", "x"), filepath.Join(path, "below-a-file"))
	link(t, "to-file", filepath.Join(path, "to-link"))
	plain := []string{"dir/x", "file", "sub/y"}
	for name, want := range map[string][]string{
		"source":   {"dir/x", "file", "out-dir/x", "out-file", "sub/up", "sub/y", "to-dir/x", "to-file", "to-link"},
		"no links": plain,
		"target":   plain,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, path, views()[name])
			var problems []string
			if name == "source" {
				problems = []string{
					`list "below-a-file": the symbolic link leads to nothing (only below-a-file)`,
					`list "dangling": the symbolic link leads to nothing (only dangling)`,
				}
			}
			wantList(t, s, want, problems)
			for _, key := range want {
				if _, err := s.Stat(t.Context(), key, storage.StatOptions{}); err != nil {
					t.Errorf("Stat(%q): %v", key, err)
				}
				r, err := s.Open(t.Context(), key, storage.OpenOptions{})
				if err != nil {
					t.Errorf("Open(%q): %v", key, err)
					continue
				}
				if err := errors.Join(r.Check(t.Context()), r.Close()); err != nil {
					t.Errorf("Check(%q): %v", key, err)
				}
			}
			for _, key := range []string{"dangling", "to-file", "to-dir/x", "out-file", "out-dir/x", "sub/up", "to-dir", "out-dir/"} {
				if slices.Contains(want, key) || name == "source" && key == "out-dir/" {
					continue
				}
				if _, err := s.Stat(t.Context(), key, storage.StatOptions{}); !storage.Gone(err) {
					t.Errorf("Stat(%q): %v; want fs.ErrNotExist", key, err)
				}
				if _, err := s.Open(t.Context(), key, storage.OpenOptions{}); !storage.Gone(err) {
					t.Errorf("Open(%q): %v; want fs.ErrNotExist", key, err)
				}
			}
		})
	}
	s := open(t, path, dir.Options{Source: true})
	// Whether a link is one key or many is known only when it is looked at.
	for r, want := range map[storage.Range][]string{
		{From: "to-file/"}:                        {"to-link"},
		{From: "to-dir/", To: "to-dir0"}:          {"to-dir/x"},
		{From: "to-dir/y", To: "to-file"}:         nil,
		{From: "to-dir", To: "to-dir/"}:           nil,
		{From: "out-dir/x", To: "out-dir/y"}:      {"out-dir/x"},
		{From: "out-file", To: "out-file\x00"}:    {"out-file"},
		{From: "out-dir/a/b", To: "out-dir/x"}:    nil,
		{From: "dangling", To: "dir"}:             nil,
		{From: "sub/up/below", To: "sub/up/down"}: nil,
	} {
		got, problems := list(t, s, r)
		if !slices.Equal(got, want) || (len(problems) == 1) != r.Contains("dangling") || len(problems) > 1 {
			t.Errorf("range %q: keys %q, problems %q; want keys %q", r, got, problems, want)
		}
	}
	// The size and time of a link are those of what it leads to.
	info, err := s.Stat(t.Context(), "out-file", storage.StatOptions{})
	if err != nil || info.Size != 4 {
		t.Errorf("Stat of a link: %+v, %v", info, err)
	}
	for o, err := range s.List(t.Context(), storage.ListOptions{Range: storage.Range{From: "out-file", To: "out-filf"}}) {
		if err != nil || o.Size != info.Size || !o.ModTime.Equal(info.ModTime) {
			t.Errorf("List of a link: %+v, %v; want %+v", o, err, info)
		}
	}
}

func TestRootIsALink(t *testing.T) {
	path := t.TempDir()
	write(t, path, "dir/x")
	link(t, "dir", filepath.Join(path, "link"))
	for name, opts := range views() {
		t.Run(name, func(t *testing.T) {
			wantList(t, open(t, filepath.Join(path, "link"), opts), []string{"x"}, nil)
		})
	}
}

func TestSymlinkLoops(t *testing.T) {
	path := t.TempDir()
	write(t, path, "a/b/c/x", "d/y", "z")
	link(t, ".", filepath.Join(path, "here"))
	link(t, filepath.Join("..", ".."), filepath.Join(path, "a", "b", "up"))
	link(t, "self", filepath.Join(path, "self"))
	link(t, filepath.Join("..", "e"), filepath.Join(path, "d", "to-e"))
	write(t, path, "e/")
	link(t, filepath.Join("..", "d"), filepath.Join(path, "e", "to-d"))
	s := open(t, path, dir.Options{Source: true})
	wantList(t, s,
		[]string{"a/b/c/x", "d/y", "e/to-d/y", "z"},
		[]string{
			`list "a/b/up": the symbolic link leads to a directory above it (only a/b/up)`,
			`list "d/to-e/to-d": the symbolic link leads to a directory above it (only d/to-e/to-d)`,
			`list "e/to-d/to-e": the symbolic link leads to a directory above it (only e/to-d/to-e)`,
			`list "here": the symbolic link leads to a directory above it (only here)`,
			`list "self": too many levels of symbolic links (only self)`,
		})
	// What lies outside of the range is not looked at.
	keys, problems := list(t, s, storage.Range{From: "i", To: "s"})
	if keys != nil || problems != nil {
		t.Errorf("range without anything: keys %q, problems %q", keys, problems)
	}
	wantList(t, open(t, path, dir.Options{Source: true, IgnoreSymlinks: true}), []string{"a/b/c/x", "d/y", "z"}, nil)
}

func TestLeftovers(t *testing.T) {
	path := t.TempDir()
	write(t, path, "file", "dir/x",
		".s3sync-ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp",
		"dir/.s3sync-22222222222222222222222222.tmp",
		".s3sync-ABCDEFGHIJKLMNOPQRSTUVWXY7.tmp/inside",
		".s3sync-short.tmp")
	for name, opts := range views() {
		t.Run(name, func(t *testing.T) {
			s := open(t, path, opts)
			wantList(t, s, []string{".s3sync-short.tmp", "dir/x", "file"}, nil)
			_, err := s.Open(t.Context(), ".s3sync-ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp", storage.OpenOptions{})
			if !errors.Is(err, storage.ErrUnstorable) {
				t.Errorf("Open: %v; want storage.ErrUnstorable", err)
			}
		})
	}
	// The killed run of this package leaves just such a file.
	s := open(t, path, dir.Options{})
	w, err := s.Create(t.Context(), "dir/new", storage.WriteOptions{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WritePart(t.Context(), 1, 0, storage.Block{Data: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	for name, opts := range views() {
		t.Run(name, func(t *testing.T) {
			wantList(t, open(t, path, opts), []string{".s3sync-short.tmp", "dir/x", "file"}, nil)
		})
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestListCancelled(t *testing.T) {
	path := t.TempDir()
	write(t, path, "a", "b/x", "c")
	for name, opts := range views() {
		t.Run(name, func(t *testing.T) {
			s := open(t, path, opts)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n := 0
			var last error
			for _, err := range s.List(ctx, storage.ListOptions{}) {
				n++
				last = err
				cancel()
			}
			if n != 2 || !errors.Is(last, context.Canceled) {
				t.Errorf("listing ended after %d results with %v; want context.Canceled after 2", n, last)
			}
		})
	}
}
