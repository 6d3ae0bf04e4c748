package dir_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"s3sync/storage"
	"s3sync/storage/dir"
)

// Nothing is written or deleted through a link of the target, wherever it
// leads, and a link gives way to a file of its name.
func TestTargetLinks(t *testing.T) {
	parent := t.TempDir()
	outside, path := filepath.Join(parent, "outside"), filepath.Join(parent, "root")
	write(t, outside, "file", "dir/x")
	write(t, path, "inside/x", "file")
	link(t, outside, filepath.Join(path, "out"))
	link(t, filepath.Join("..", "outside"), filepath.Join(path, "out2"))
	link(t, "inside", filepath.Join(path, "in"))
	link(t, ".", filepath.Join(path, "here"))
	link(t, filepath.Join(outside, "file"), filepath.Join(path, "out-file"))
	link(t, "file", filepath.Join(path, "in-file"))
	link(t, filepath.Join(outside, "new"), filepath.Join(path, "dangling"))
	s := open(t, path, dir.Options{})
	before := snapshot(t, parent)

	for _, key := range []string{"out/x", "out/dir/x", "out/new/x", "out2/file", "in/x", "in/new", "here/file", "here/in/x", "out-file/x", "dangling/x", "out/"} {
		data := "other"
		if strings.HasSuffix(key, "/") {
			data = ""
		}
		err := put(t, s, key, data)
		if !errors.Is(err, storage.ErrUnstorable) || !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("Put(%q): %v; want storage.ErrUnstorable for the link", key, err)
		}
		if _, err := s.Create(t.Context(), key, storage.WriteOptions{Size: 5}); !errors.Is(err, storage.ErrUnstorable) {
			t.Errorf("Create(%q): %v; want storage.ErrUnstorable", key, err)
		}
		if !strings.HasSuffix(key, "/") {
			if err := s.Delete(t.Context(), []storage.Object{{Key: key}}, storage.DeleteOptions{})[0]; err != nil {
				t.Errorf("Delete(%q): %v", key, err)
			}
		}
	}
	for _, key := range []string{"out", "in", "out-file", "in-file", "dangling"} {
		if err := s.Delete(t.Context(), []storage.Object{{Key: key}}, storage.DeleteOptions{})[0]; err != nil {
			t.Errorf("Delete(%q): %v", key, err)
		}
	}
	wantSame(t, parent, before)

	for _, key := range []string{"out", "in", "out-file", "in-file", "dangling"} {
		if err := put(t, s, key, "new "+key); err != nil {
			t.Errorf("Put(%q): %v", key, err)
		}
		before[filepath.Join("root", key)] = "new " + key
	}
	wantSame(t, parent, before)
}

// A directory may become a link while the store knows it as a directory.
func TestDirectoryBecomesLink(t *testing.T) {
	parent := t.TempDir()
	outside, path := filepath.Join(parent, "outside"), filepath.Join(parent, "root")
	write(t, outside, "file")
	write(t, path, "dir/sub/file")
	s := open(t, path, dir.Options{})
	for _, key := range []string{"dir/sub/file", "dir/file"} {
		if err := put(t, s, key, "content"); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(path, "dir")); err != nil {
		t.Fatal(err)
	}
	link(t, outside, filepath.Join(path, "dir"))
	before := snapshot(t, parent)
	for _, key := range []string{"dir/file", "dir/sub/file", "dir/new"} {
		if err := put(t, s, key, "changed"); !errors.Is(err, storage.ErrUnstorable) {
			t.Errorf("Put(%q): %v; want storage.ErrUnstorable", key, err)
		}
		if err := s.Delete(t.Context(), []storage.Object{{Key: key}}, storage.DeleteOptions{})[0]; err != nil {
			t.Errorf("Delete(%q): %v", key, err)
		}
	}
	wantSame(t, parent, before)
}
