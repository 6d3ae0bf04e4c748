package tree

import (
	"errors"
	"io/fs"
	"os"

	"s3sync/storage"
	"s3sync/storage/dir/internal/failure"
	"s3sync/storage/dir/internal/system"
)

// A folder is an open directory of a tree.
type folder struct {
	*os.Root

	tree   *Tree
	path   string
	shared bool // it is the root of the tree, which stays open
}

func (f folder) close() {
	if !f.shared {
		_ = f.Close() // nothing was written through it
	}
}

// find opens a directory. If there is a link or a file in its place, it does not exist.
func (t *Tree) find(dir string) (folder, error) {
	root, err := t.top()
	if err != nil {
		return folder{}, err
	}
	f, err := t.descend(root, dir, nil)
	if errors.Is(err, storage.ErrUnstorable) {
		return folder{}, fs.ErrNotExist
	}
	return f, err
}

// make opens a directory, and creates it if it is missing. It fails with
// storage.ErrUnstorable if there is a link or a file in its place.
func (t *Tree) make(dir string) (folder, error) { return t.makeWith(dir, 0o777) }

// makeWith is make with the permissions of what it creates below the root.
func (t *Tree) makeWith(dir string, mode fs.FileMode) (folder, error) {
	root, err := t.makeTop()
	if err != nil {
		return folder{}, err
	}
	return t.descend(root, dir, func(parent folder, name string) error {
		switch err := parent.Mkdir(name, mode); {
		case err == nil:
			t.paths.isFirst(join(parent.path, name)) // there is nothing to sweep
		case !errors.Is(err, fs.ErrExist):
			return err
		}
		if t.fsync {
			return system.SyncDir(parent.Root)
		}
		return nil
	})
}

// MakeDir makes a directory, if it is not there, and describes it. It fails with
// storage.ErrUnstorable as Create does.
func (t *Tree) MakeDir(path string) (system.Status, error) {
	f, err := t.make(path)
	if err != nil {
		return system.Status{}, t.unusable(err)
	}
	defer f.close()
	fi, err := f.Stat(".")
	if err != nil {
		return system.Status{}, err
	}
	return system.StatusOf(fi), nil
}

// descend opens a directory below root. It calls create for each one that is
// missing on the way.
func (t *Tree) descend(root *os.Root, dir string, create func(parent folder, name string) error) (folder, error) {
	if dir == "" {
		return folder{root, t, "", true}, nil
	}
	above, base := split(dir)
	if above != "" { // else one step is cheaper
		if sub := t.again(root, dir); sub != nil {
			return folder{Root: sub, tree: t, path: dir}, nil
		}
	}
	parent, err := t.descend(root, above, create)
	if err != nil {
		return folder{}, err
	}
	defer parent.close()
	sub, err := parent.step(dir, base, create)
	if err != nil {
		t.paths.forget(dir)
		return folder{}, err
	}
	t.paths.remember(dir)
	return folder{Root: sub, tree: t, path: dir}, nil
}

// again opens a directory that is known, without a step for each one on the way. It returns
// nil if there is no shortcut, or if the path may lead through a link by now. os.Root would
// follow a link that stays inside. The shortcut follows none, so both must find the same
// directory.
func (t *Tree) again(root *os.Root, dir string) *os.Root {
	s := t.shortcut()
	if s == nil || !t.paths.isKnown(dir) {
		return nil
	}
	found, err := s.Dir(dir)
	if err != nil {
		return nil
	}
	sub, err := root.OpenRoot(dir)
	if err != nil {
		return nil
	}
	if fi, err := sub.Stat("."); err != nil || !system.IdentityOf(fi).Is(found.ID) {
		_ = sub.Close() // nothing was written through it
		return nil
	}
	return sub
}

// step opens the directory dir, whose name in f is name. Where dir is known, so is that its
// name is exact.
func (f folder) step(dir, name string, create func(folder, string) error) (*os.Root, error) {
	look := f.lookup
	if f.tree.paths.isKnown(dir) {
		look = f.Lstat
	}
	fi, err := look(name)
	if create != nil && errors.Is(err, fs.ErrNotExist) {
		if err := create(f, name); err != nil {
			return nil, err
		}
		fi, err = f.lookup(name)
	}
	switch {
	case err != nil:
		return nil, err
	case fi.Mode().Type() == fs.ModeSymlink:
		return nil, failure.Unstorable("%q is a symbolic link: nothing is written through it", name)
	case !fi.IsDir():
		return nil, failure.Unstorable("%q is not a directory", name)
	}
	return f.OpenRoot(name)
}

// lookup describes an entry of f, and does not follow a link. On some file systems, names
// with different bytes are the same name. lookup fails with storage.ErrUnstorable if the
// entry has another name.
func (f folder) lookup(name string) (fs.FileInfo, error) {
	fi, err := f.Lstat(name)
	if err != nil {
		return nil, err
	}
	return fi, f.tree.names.check(f.Root, f.path, name, fi)
}
