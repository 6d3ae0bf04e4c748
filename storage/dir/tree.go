package dir

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"s3sync/storage"
)

// errMissing: the target does not exist yet. It is an fs.ErrNotExist.
var errMissing = fmt.Errorf("%w: the target is not there yet", fs.ErrNotExist)

// maxKnown bounds the directories that a tree remembers; a few hundred bytes each.
const maxKnown = 4096

// A tree is a directory and what is below it, without following symbolic
// links. It is the only way to write, and the view of targets and of sources
// whose links are ignored.
//
// os.Root ensures that no path leaves the directory. Links that lead inside are refused,
// too, so that no two keys are one file.
type tree struct {
	path  string
	fsync bool
	names names

	mu    sync.Mutex
	root  *os.Root            // nil while the directory is missing
	known map[string]struct{} // directories whose paths were found free of links
	swept map[string]struct{} // directories without leftovers: see isFirst

	// publishing holds the locks for renaming files in directories. Without them, two
	// names that are one for the file system could both be found free. The lock costs
	// nothing, because systems serialise the renames in a directory.
	publishing [64]sync.Mutex
}

// A folder is an open directory of a tree.
type folder struct {
	*os.Root

	tree   *tree
	path   string
	shared bool // it is the root of the tree, which stays open
}

func (f folder) close() {
	if !f.shared {
		_ = f.Close() // nothing was written through it
	}
}

// Close closes the root.
func (t *tree) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.root == nil {
		return nil
	}
	return t.root.Close()
}

// top returns the root, or errMissing.
func (t *tree) top() (*os.Root, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.root == nil {
		return nil, errMissing
	}
	return t.root, nil
}

// makeTop returns the root and creates it if it is missing.
func (t *tree) makeTop() (*os.Root, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.root != nil {
		return t.root, nil
	}
	path, err := filepath.Abs(t.path)
	if err != nil {
		return nil, unusable(err)
	}
	if err := t.makeOutside(path); err != nil {
		return nil, unusable(err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, unusable(err)
	}
	t.root = root
	return root, nil
}

// makeOutside creates the directory of the tree, with its parents.
func (t *tree) makeOutside(path string) error {
	if fi, err := os.Stat(path); err == nil && fi.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := t.makeOutside(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o777); err != nil && !errors.Is(err, fs.ErrExist) { //nolint:gosec // the umask decides
		return err
	}
	if !t.fsync {
		return nil
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is written through it
	return syncDir(root)
}

// find opens a directory. If there is a link or a file in its place, it does not exist.
func (t *tree) find(dir string) (folder, error) {
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
func (t *tree) make(dir string) (folder, error) {
	root, err := t.makeTop()
	if err != nil {
		return folder{}, err
	}
	return t.descend(root, dir, func(parent folder, name string) error {
		switch err := parent.Mkdir(name, 0o777); {
		case err == nil:
			t.isFirst(join(parent.path, name)) // there is nothing to sweep
		case !errors.Is(err, fs.ErrExist):
			return err
		}
		if t.fsync {
			return syncDir(parent.Root)
		}
		return nil
	})
}

// descend opens a directory below root. It calls create for each one that is
// missing on the way.
func (t *tree) descend(root *os.Root, dir string, create func(parent folder, name string) error) (folder, error) {
	if dir == "" {
		return folder{root, t, "", true}, nil
	}
	if t.isKnown(dir) {
		if sub, err := root.OpenRoot(dir); err == nil {
			return folder{Root: sub, tree: t, path: dir}, nil
		}
		t.forget(dir)
	}
	above, base := split(dir)
	parent, err := t.descend(root, above, create)
	if err != nil {
		return folder{}, err
	}
	defer parent.close()
	sub, err := parent.step(base, create)
	if err != nil {
		return folder{}, err
	}
	t.remember(dir)
	return folder{Root: sub, tree: t, path: dir}, nil
}

// step opens a directory of f.
func (f folder) step(name string, create func(folder, string) error) (*os.Root, error) {
	fi, err := f.lookup(name)
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
		return nil, unstorable("%q is a symbolic link: nothing is written through it", name)
	case !fi.IsDir():
		return nil, unstorable("%q is not a directory", name)
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

// publisher returns the lock for renaming in a directory.
func (t *tree) publisher(dir string) *sync.Mutex {
	h := fnv.New32a()
	_, _ = h.Write([]byte(dir)) // never fails
	return &t.publishing[h.Sum32()%uint32(len(t.publishing))]
}

func (t *tree) isKnown(dir string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.known[dir]
	return ok
}

func (t *tree) remember(dir string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil || len(t.known) >= maxKnown {
		t.known = map[string]struct{}{}
	}
	t.known[dir] = struct{}{}
}

func (t *tree) forget(dir string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.known, dir)
}

// readDir returns everything but links, which are not part of the tree.
func (t *tree) readDir(path string) (c *contents, err error) {
	c = &contents{}
	dir, err := t.find(path)
	if err != nil {
		return c, err
	}
	defer dir.close()
	file, err := dir.Root.Open(".")
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	err = c.read(file, func(e fs.DirEntry) (entry, bool) {
		entry := entry{name: e.Name(), typ: e.Type()}
		// Costs nothing: os.Root has looked it up to tell the type.
		if fi, err := e.Info(); err == nil {
			entry.set(fi)
		}
		return entry, entry.typ != fs.ModeSymlink
	})
	return c, err
}

// lstat is stat: links are not part of the tree.
func (t *tree) lstat(path string) (fs.FileInfo, error) { return t.stat(path) }

func (t *tree) stat(path string) (fs.FileInfo, error) {
	dir, base := split(path)
	f, err := t.find(dir)
	if err != nil {
		return nil, err
	}
	defer f.close()
	if base == "" {
		return f.Stat(".")
	}
	fi, err := f.lookup(base)
	if errors.Is(err, storage.ErrUnstorable) || err == nil && fi.Mode().Type() == fs.ModeSymlink {
		return nil, fs.ErrNotExist
	}
	return fi, err
}

// open opens a file. A link does not exist for it.
func (t *tree) open(path string) (*os.File, error) {
	dir, base := split(path)
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
	return f.OpenFile(base, os.O_RDONLY|noWait, 0)
}
