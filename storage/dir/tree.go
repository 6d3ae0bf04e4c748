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
	root  *os.Root  // nil while the directory is missing
	short *shortcut // to root; nil if the system has none
	// known are directories whose paths were found free of links. In those with true all
	// names are exact: see caseMatters.
	known map[string]bool
	swept map[string]struct{} // directories without leftovers: see isFirst
	held  map[string]*held    // by path
	uses  uint64              // of held
	// passed is how many more directories are passed over that might be held.
	passed int

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
	for path := range t.held {
		t.dropLocked(path)
	}
	var err error
	if t.short != nil {
		err = t.short.Close()
	}
	return errors.Join(err, t.root.Close())
}

// setRoot is called once, before the root is used.
func (t *tree) setRoot(root *os.Root) {
	t.root, t.short = root, newShortcut(root)
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
	t.setRoot(root)
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
	if sub := t.again(root, dir); sub != nil {
		return folder{Root: sub, tree: t, path: dir}, nil
	}
	above, base := split(dir)
	parent, err := t.descend(root, above, create)
	if err != nil {
		return folder{}, err
	}
	defer parent.close()
	sub, err := parent.step(dir, base, create)
	if err != nil {
		t.forget(dir)
		return folder{}, err
	}
	t.remember(dir)
	return folder{Root: sub, tree: t, path: dir}, nil
}

// again opens a directory that is known, in a few steps however deep it is. It returns nil
// if there is no shortcut or if the path may lead through a link by now: os.Root follows
// links that stay inside, so the shortcut finds the directory, too, and follows none.
func (t *tree) again(root *os.Root, dir string) *os.Root {
	s := t.shortcut()
	if s == nil || !t.isKnown(dir) {
		return nil
	}
	found, err := s.dir(dir)
	if err != nil {
		return nil
	}
	sub, err := root.OpenRoot(dir)
	if err != nil {
		return nil
	}
	if fi, err := sub.Stat("."); err != nil || !identityOf(fi).is(found.id) {
		_ = sub.Close() // nothing was written through it
		return nil
	}
	return sub
}

// step opens the directory dir, whose name in f is name. Where dir is known, so is that its
// name is exact.
func (f folder) step(dir, name string, create func(folder, string) error) (*os.Root, error) {
	look := f.lookup
	if f.tree.isKnown(dir) {
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

// isKnown reports whether the path of a directory was found free of links.
func (t *tree) isKnown(dir string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, known := t.known[dir]
	return known || dir == ""
}

// remember notes that the path of a directory is free of links.
func (t *tree) remember(dir string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.setKnown(dir, t.known[dir])
}

// rememberExact notes that all names in a directory are exact.
func (t *tree) rememberExact(dir string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.setKnown(dir, true)
}

func (t *tree) setKnown(dir string, exact bool) {
	if t.known == nil || len(t.known) >= maxKnown {
		t.known = map[string]bool{}
	}
	t.known[dir] = exact
}

func (t *tree) forget(dir string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.known, dir)
}

// shortcut returns nil if there is none, or no tree yet.
func (t *tree) shortcut() *shortcut {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.short
}
