package tree

import (
	"cmp"
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
// nothing can be created in the directory of the tree, nor in one below it. Otherwise the
// error stays as it is: others may be written.
func (t *Tree) unusable(err error) error {
	if !errors.Is(err, fs.ErrPermission) || errors.Is(err, storage.ErrUnusable) || errors.Is(err, storage.ErrUnstorable) {
		return err
	}
	root, rootErr := t.top()
	if rootErr != nil || !isClosed(root, "", t.mark) || !t.allClosed(root) {
		return err
	}
	return failure.Unusable(fmt.Errorf("nothing can be written to the target directory (give this user the permission to, or choose another directory): %w", err))
}

// isClosed reports whether nothing can be created in a directory of the tree itself.
func isClosed(root *os.Root, dir, mark string) bool {
	name := join(dir, system.TempName(mark))
	f, err := root.OpenFile(name, createFlags, 0o600)
	if err == nil {
		_ = f.Close() // nothing was written
		_ = root.Remove(name)
		return false
	}
	return errors.Is(err, fs.ErrPermission) || errors.Is(failure.Write(err), storage.ErrUnusable)
}

// allClosed reports whether nothing can be created in any directory below the root. It looks
// at all of them once, unless they are very many.
func (t *Tree) allClosed(root *os.Root) bool {
	t.closed.once.Do(func() { t.closed.all = closedBelow(root, t.mark) })
	return t.closed.all
}

// closedBelow looks for a directory in which something can be created. It gives up if there
// are many entries, or one cannot be looked at: then there may be one.
func closedBelow(root *os.Root, mark string) bool {
	left := 100_000 // entries, which take some tenths of a second
	for dirs := []string{""}; len(dirs) > 0; {
		dir := dirs[0]
		dirs = dirs[1:]
		if dir != "" && !isClosed(root, dir, mark) {
			return false
		}
		if _, err := root.Lstat(join(dir, system.TempName(mark))); errors.Is(err, fs.ErrPermission) {
			continue // what is in it cannot be reached
		}
		entries, err := entriesOf(root, dir, left+1)
		if left -= len(entries); err != nil || left < 0 {
			return false
		}
		for _, e := range entries {
			if e.IsDir() {
				dirs = append(dirs, join(dir, e.Name()))
			}
		}
	}
	return true
}

// entriesOf returns at most so many entries of a directory.
func entriesOf(root *os.Root, dir string, most int) ([]fs.DirEntry, error) {
	f, err := root.Open(cmp.Or(dir, "."))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was read
	entries, err := f.ReadDir(most)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return entries, err
}
