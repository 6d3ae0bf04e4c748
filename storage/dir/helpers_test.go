package dir_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/storage"
	"s3sync/storage/dir"
)

// open opens a directory for a test.
func open(t *testing.T, path string, opts dir.Options) *dir.Store {
	t.Helper()
	s, err := dir.Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// write makes files of their own names as content; a name that ends in a slash
// makes a directory.
func write(t *testing.T, base string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(base, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(path), 0o777)
		switch {
		case err != nil:
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o777)
		default:
			err = os.WriteFile(path, []byte(name), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// link makes a symbolic link, or skips the test where that is not allowed.
func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Skip(err)
	}
}

// put puts content under key.
func put(t *testing.T, s storage.Store, key, content string) error {
	t.Helper()
	_, err := s.Put(t.Context(), key, storage.Block{Data: []byte(content)}, storage.WriteOptions{Size: int64(len(content))})
	return err
}

// list returns the keys of a range and the texts of the problems, with "(only
// KEY)" behind those that are bounded by a key.
func list(t *testing.T, s storage.Store, r storage.Range) (keys, problems []string) {
	t.Helper()
	opts := storage.ListOptions{Range: r, Problem: func(p storage.Problem) {
		text := p.Err.Error()
		if p.Key != "" {
			text += " (only " + p.Key + ")"
		}
		problems = append(problems, text)
	}}
	for o, err := range s.List(t.Context(), opts) {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		keys = append(keys, o.Key)
	}
	slices.Sort(problems)
	return keys, problems
}

// wantList fails the test if the listing is another one. A wanted problem is
// a part of the text.
func wantList(t *testing.T, s storage.Store, keys, problems []string) {
	t.Helper()
	gotKeys, gotProblems := list(t, s, storage.Range{})
	if d := cmp.Diff(keys, gotKeys); d != "" {
		t.Errorf("listed keys (-want +got):\n%s", d)
	}
	if !slices.EqualFunc(problems, gotProblems, func(want, got string) bool { return strings.Contains(got, want) }) {
		t.Errorf("problems %q, want %q", gotProblems, problems)
	}
}

// snapshot returns everything below a path: contents of files, modes of what
// is not a file, and the targets of links.
func snapshot(t *testing.T, path string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(path, p)
		if err != nil {
			return err
		}
		switch {
		case e.Type() == fs.ModeSymlink:
			to, err := os.Readlink(p)
			all[rel] = "-> " + to
			return err
		case !e.Type().IsRegular():
			all[rel] = e.Type().String()
			return nil
		}
		data, err := os.ReadFile(p)
		all[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wantSame fails the test if something below a path changed since a snapshot.
func wantSame(t *testing.T, path string, before map[string]string) {
	t.Helper()
	if after := snapshot(t, path); !maps.Equal(before, after) {
		t.Errorf("changed (-before +after):\n%s", cmp.Diff(before, after))
	}
}
