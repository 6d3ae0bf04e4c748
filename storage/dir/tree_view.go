package dir

import (
	"errors"
	"io/fs"
	"os"

	"s3sync/storage"
)

// A tree as the view of targets, and of sources whose links are ignored. What the shortcut
// cannot do is done step by step, and that result counts.

// readDir returns everything but links, which are not part of the tree.
func (t *tree) readDir(path string, most int, p *pace) (c *contents, err error) {
	c = &contents{}
	d, err := t.openDir(path)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return c, c.read(d, true, most, p)
}

// openDir opens a directory to list it. A path that was listed has exact names.
func (t *tree) openDir(path string) (*descriptor, error) {
	if s := t.shortcut(); s != nil {
		if d, err := s.open(path, os.O_RDONLY|onlyDirectory, 0); err == nil {
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
	return newDescriptor(file), nil
}

// lstat is stat: links are not part of the tree.
func (t *tree) lstat(path string) (status, error) { return t.stat(path) }

func (t *tree) stat(path string) (status, error) {
	dir, base := split(path)
	if base == "" || base == "." {
		return t.statDir(dir)
	}
	if s := t.exact(dir); s != nil {
		if st, err := s.stat(path, 0); err == nil && !st.isLink() {
			return st, nil
		}
	}
	f, err := t.find(dir)
	if err != nil {
		return status{}, err
	}
	defer f.close()
	fi, err := f.lookup(base)
	if errors.Is(err, storage.ErrUnstorable) || err == nil && fi.Mode().Type() == fs.ModeSymlink {
		return status{}, fs.ErrNotExist
	}
	if err != nil {
		return status{}, err
	}
	return statusOf(fi), nil
}

func (t *tree) statDir(dir string) (status, error) {
	if s := t.shortcut(); s != nil {
		if st, err := s.dir(dir); err == nil {
			return st, nil
		}
	}
	f, err := t.find(dir)
	if err != nil {
		return status{}, err
	}
	defer f.close()
	fi, err := f.Stat(".")
	if err != nil {
		return status{}, err
	}
	return statusOf(fi), nil
}

// exact returns the shortcut if names in a directory were exact. A directory of another kind
// may have taken its place. Then a key that differs from a name in case may find that file,
// which the long way would not. It can only be read: writing and deleting do not use exact.
func (t *tree) exact(dir string) *shortcut {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.known[dir] {
		return nil
	}
	return t.short
}

// named does not notice a directory on the way that became a link.
func (t *tree) named(path string) (status, error) {
	dir, _ := split(path)
	if s := t.exact(dir); s != nil {
		if st, err := s.lstat(path); err == nil {
			return st, nil
		}
	}
	return t.stat(path)
}

// open opens a file. A link does not exist for it.
func (t *tree) open(path string) (*descriptor, error) {
	dir, base := split(path)
	if s := t.exact(dir); s != nil {
		if d, err := s.open(path, os.O_RDONLY|noWait, 0); err == nil {
			return d, nil
		}
	}
	again := t.isKnown(dir)
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
		t.rememberExact(dir)
	}
	file, err := f.OpenFile(base, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, err
	}
	return newDescriptor(file), nil
}
