package tree

import (
	"errors"
	"io/fs"
	"os"

	"s3sync/storage"
	"s3sync/storage/dir/internal/system"
)

// What the shortcut cannot do is done step by step, and that result counts.

// OpenDir opens a directory to list it. The names in its path are taken for exact, as those
// of a listing are. It fails with ErrMissing if the directory of the tree is missing.
func (t *Tree) OpenDir(path string) (*system.Descriptor, error) {
	if s := t.shortcut(); s != nil {
		if d, err := s.Open(path, os.O_RDONLY|system.OnlyDirectory, 0); err == nil {
			return d, nil
		}
	}
	dir, err := t.find(path)
	if err != nil {
		return nil, err
	}
	defer dir.close()
	file, err := dir.Root.Open(".")
	if err != nil {
		return nil, err
	}
	return system.NewDescriptor(file), nil
}

// Lstat is Stat: a link is no part of the tree.
func (t *Tree) Lstat(path string) (system.Status, error) { return t.Stat(path) }

// IsLink reports whether a path is that of a link, which does not exist for the other
// methods.
func (t *Tree) IsLink(path string) bool {
	dir, base := split(path)
	if base == "" || base == "." {
		return false
	}
	f, err := t.find(dir)
	if err != nil {
		return false
	}
	defer f.close()
	fi, err := f.lookup(base)
	return err == nil && fi.Mode().Type() == fs.ModeSymlink
}

// Stat describes what a path names. A link does not exist for it.
func (t *Tree) Stat(path string) (system.Status, error) {
	dir, base := split(path)
	if base == "" || base == "." {
		return t.statDir(dir)
	}
	if s := t.exact(dir); s != nil {
		if st, err := s.Stat(path); err == nil && !st.IsLink() {
			return st, nil
		}
	}
	f, err := t.find(dir)
	if err != nil {
		return system.Status{}, err
	}
	defer f.close()
	fi, err := f.lookup(base)
	if errors.Is(err, storage.ErrUnstorable) || err == nil && fi.Mode().Type() == fs.ModeSymlink {
		return system.Status{}, fs.ErrNotExist
	}
	if err != nil {
		return system.Status{}, err
	}
	return system.StatusOf(fi), nil
}

func (t *Tree) statDir(dir string) (system.Status, error) {
	if s := t.shortcut(); s != nil {
		if st, err := s.Dir(dir); err == nil {
			return st, nil
		}
	}
	f, err := t.find(dir)
	if err != nil {
		return system.Status{}, err
	}
	defer f.close()
	fi, err := f.Stat(".")
	if err != nil {
		return system.Status{}, err
	}
	return system.StatusOf(fi), nil
}

// exact returns the shortcut if names in a directory were exact. A directory of another kind
// may have taken its place. Then a key that differs from a name in case may find that file,
// which the long way would not. It can only be read: writing and deleting do not use exact.
func (t *Tree) exact(dir string) *system.Shortcut {
	if !t.paths.isExact(dir) {
		return nil
	}
	return t.shortcut()
}

// Named is Stat for a file that is open. It may not notice a directory on the way that became
// a link, so the caller compares the identity.
func (t *Tree) Named(path string) (system.Status, error) {
	dir, _ := split(path)
	if s := t.exact(dir); s != nil {
		if st, err := s.Lstat(path); err == nil {
			return st, nil
		}
	}
	return t.Stat(path)
}

// Open opens a file, or what else is in its place, for reading. A link does not exist for it.
// It does not wait for the other end of a named pipe.
func (t *Tree) Open(path string) (*system.Descriptor, error) {
	dir, base := split(path)
	if s := t.exact(dir); s != nil {
		if d, err := s.Open(path, os.O_RDONLY|system.NoWait, 0); err == nil {
			return d, nil
		}
	}
	again := t.paths.isKnown(dir)
	f, err := t.find(dir)
	if err != nil {
		return nil, err
	}
	defer f.close()
	fi, err := f.lookup(base)
	if errors.Is(err, storage.ErrUnstorable) || err == nil && fi.Mode().Type() == fs.ModeSymlink {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	if again && t.shortcut() != nil && caseMatters(f, base) {
		t.paths.rememberExact(dir)
	}
	file, err := f.OpenFile(base, os.O_RDONLY|system.NoWait, 0)
	if err != nil {
		return nil, err
	}
	return system.NewDescriptor(file), nil
}
