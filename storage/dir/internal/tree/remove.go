package tree

import (
	"errors"
	"syscall"

	"s3sync/storage"
	"s3sync/storage/dir/internal/failure"
)

// A Remover removes files of a tree, one after the other. It keeps the directory of the last
// file open: the next one is often in the same.
type Remover struct {
	Tree *Tree

	folder folder
}

// Close closes the directory of the last file.
func (r *Remover) Close() {
	if r.folder.Root != nil {
		r.folder.close()
	}
}

// Remove removes a file. It leaves what is not a regular file, and a file that has another
// name which the file system takes for this one. What is not there need not be removed.
func (r *Remover) Remove(path string) error {
	dir, base := split(path)
	if r.folder.Root == nil || r.folder.path != dir {
		r.Close()
		r.folder = folder{}
		f, err := r.Tree.find(dir)
		if cannotBe(err) {
			return nil
		}
		if err != nil {
			return failure.Read(err)
		}
		r.folder = f
	}
	fi, err := r.folder.lookup(base)
	switch {
	case errors.Is(err, storage.ErrUnstorable): // another name that the system takes for this one
		return nil
	case err == nil && !fi.Mode().IsRegular():
		return nil
	case err == nil:
		err = r.folder.Remove(base)
		r.Tree.names.removed(dir, base)
	}
	if cannotBe(err) {
		return nil
	}
	return failure.Write(err)
}

// cannotBe reports whether err says that a path is not there, or can have no such name.
func cannotBe(err error) bool {
	return failure.IsGone(err) || errors.Is(err, syscall.ENAMETOOLONG)
}
