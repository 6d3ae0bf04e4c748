//go:build !windows

package dir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"s3sync/storage"
	"s3sync/storage/dir"
)

// TestFilesOfOthersAreNotResumed: a file that somebody else owns, or that has another name
// too, may change after it was read, although its name and inode are those that were noted.
func TestFilesOfOthersAreNotResumed(t *testing.T) {
	for name, change := range map[string]func(file string) error{
		"another owner": func(file string) error { return os.Chown(file, os.Geteuid()+1, -1) },
		"another name":  func(file string) error { return os.Link(file, file+"-too") },
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			s := open(t, path, dir.Options{})
			w, err := s.Create(t.Context(), "a", storage.WriteOptions{Size: 4})
			if err != nil {
				t.Fatal(err)
			}
			u, ok := w.(storage.Unfinished)
			if !ok {
				t.Fatal("it cannot be left")
			}
			token := u.Token()
			if err := errors.Join(w.WritePart(t.Context(), 1, 0, storage.Block{Data: []byte("data")}), u.Leave(t.Context())); err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join(path, ".s3sync-*.tmp"))
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			if err := change(files[0]); errors.Is(err, fs.ErrPermission) {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.Resume(t.Context(), "a", token, storage.WriteOptions{Size: 4}); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Resume: %v", err)
			}
		})
	}
}
