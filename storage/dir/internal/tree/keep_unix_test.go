//go:build unix

package tree

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"s3sync/storage"
)

// A meanwhile is a context that calls a function when it is asked whether it ended.
type meanwhile struct {
	context.Context //nolint:containedctx // it is one

	call func() error
}

func (m meanwhile) Err() error { return m.call() }

// TestCopyOfAnotherFile: a copy of a file that is replaced or removed meanwhile is not a copy of
// what has its name.
func TestCopyOfAnotherFile(t *testing.T) {
	for name, change := range map[string]func(file string) error{
		"replaced": func(file string) error {
			return errors.Join(os.WriteFile(file+".new", []byte("newer"), 0o600), os.Rename(file+".new", file))
		},
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			path, place := t.TempDir(), t.TempDir()
			from, to := openTree(t, path, false), openTree(t, place, false)
			file := filepath.Join(path, "a")
			if err := os.WriteFile(file, []byte("older"), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx := meanwhile{t.Context(), func() error { return change(file) }}
			if _, err := to.copy(ctx, "a", from, "a", true); !errors.Is(err, storage.ErrChanged) {
				t.Errorf("the copy: %v", err)
			}
			if _, err := os.Lstat(filepath.Join(place, "a")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it is in its place: %v", err)
			}
		})
	}
}
