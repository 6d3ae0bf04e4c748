package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"s3sync/storage"
	"s3sync/storage/dir/internal/failure"
	"s3sync/storage/dir/internal/system"
)

// unusable makes a refusal to write storage.ErrUnusable if every other write fails alike:
// nothing can be created in the directory of the tree, and there is no directory in it that
// may have other permissions. Otherwise the error stays as it is: others may be written.
func (t *Tree) unusable(err error) error {
	if !errors.Is(err, fs.ErrPermission) || errors.Is(err, storage.ErrUnusable) || errors.Is(err, storage.ErrUnstorable) {
		return err
	}
	root, rootErr := t.top()
	if rootErr != nil || !isClosed(root, t.mark) {
		return err
	}
	return failure.Unusable(fmt.Errorf("nothing can be written to the target directory (give this user the permission to, or choose another directory): %w", err))
}

// isClosed reports whether nothing can be created in a directory, nor in one below it.
func isClosed(root *os.Root, mark string) bool {
	name := system.TempName(mark)
	f, err := root.OpenFile(name, createFlags, 0o600)
	if err == nil {
		_ = f.Close() // nothing was written
		_ = root.Remove(name)
		return false
	}
	if !errors.Is(err, fs.ErrPermission) {
		return false
	}
	if _, err := root.Lstat(name); errors.Is(err, fs.ErrPermission) {
		return true // not even looked at
	}
	return hasNoDirectories(root)
}

// hasNoDirectories reports whether a directory is known to have no other one in it. It looks
// at a few entries only.
func hasNoDirectories(root *os.Root) bool {
	const few = 1000
	dir, err := root.Open(".")
	if err != nil {
		return false
	}
	defer func() { _ = dir.Close() }() // it was read
	entries, err := dir.ReadDir(few + 1)
	if err != nil && !errors.Is(err, io.EOF) || len(entries) > few {
		return false
	}
	for _, e := range entries {
		if e.IsDir() {
			return false
		}
	}
	return true
}
