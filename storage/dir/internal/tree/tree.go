// Package tree is a directory in and below which files are found, read, written and removed
// by their paths, and nothing else is: no path leaves it, symbolic links are not followed,
// and a file has one path only. It is the only way to write.
//
// [os.Root] ensures it, step by step. Where the system has a [system.Shortcut] that is tried
// first.
package tree

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"s3sync/storage/dir/internal/failure"
	"s3sync/storage/dir/internal/system"
)

// ErrMissing says that the directory of the tree does not exist yet. It is an
// fs.ErrNotExist.
var ErrMissing = fmt.Errorf("%w: the target is not there yet", fs.ErrNotExist)

// A Tree is a directory and what is below it, without following symbolic links. A link is no
// part of it. Paths are clean and relative, with '/' between the segments; "" is the
// directory itself. A Tree may be used concurrently.
//
// os.Root ensures that no path leaves the directory. Links that lead inside are refused,
// too, and so are other names that the file system takes for the same, so that no two paths
// are one file.
type Tree struct {
	path  string
	fsync bool
	names names
	paths paths
	held  pool
	mark  string // of temporary files, see system.NewMark
	// identify: see Identify.
	identify bool
	// expected are the names of temporary files that are not removed for their age. ended are
	// the marks of those that are removed at any age.
	expected, ended sync.Map
	kept            dirSet // directories with names that are not durable yet
	closed          struct {
		once sync.Once
		all  bool // see allClosed
	}

	mu    sync.Mutex
	root  *os.Root         // nil while the directory is missing
	short *system.Shortcut // to root; nil if the system has none

	// publishing holds the locks for renaming files in directories. Without them, two
	// names that are one for the file system could both be found free. The lock costs
	// nothing, because systems serialise the renames in a directory.
	publishing [64]sync.Mutex
}

// New returns the tree of the directory at a path. If root is nil the directory is missing,
// and is made with the first write. short leads to root, and is nil if everything is to be
// done step by step. Close closes both. With fsync each file, and the directories it needs,
// are durable before its write returns.
func New(path string, root *os.Root, short *system.Shortcut, fsync bool) *Tree {
	return &Tree{path: path, root: root, short: short, fsync: fsync, mark: system.NewMark()}
}

// Identify lets Temp.Publish look at each file once more, so that it knows what identifies it
// from then on. It is called before the first Create.
func (t *Tree) Identify() { t.identify = true }

// Close closes the directory. It does not end what is still being written.
func (t *Tree) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.root == nil {
		return nil
	}
	t.held.dropAll()
	var err error
	if t.short != nil {
		err = t.short.Close()
	}
	return errors.Join(err, t.root.Close())
}

// top returns the root, or ErrMissing.
func (t *Tree) top() (*os.Root, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.root == nil {
		return nil, ErrMissing
	}
	return t.root, nil
}

// makeTop returns the root and creates it if it is missing.
func (t *Tree) makeTop() (*os.Root, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.root != nil {
		return t.root, nil
	}
	path, err := filepath.Abs(t.path)
	if err != nil {
		return nil, failure.Unusable(err)
	}
	if err := t.makeOutside(path); err != nil {
		return nil, failure.Unusable(fmt.Errorf("the target directory cannot be made (make it, or choose another one): %w", err))
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, failure.Unusable(err)
	}
	t.root, t.short = root, system.NewShortcut(root)
	return root, nil
}

// makeOutside creates the directory of the tree, with its parents.
func (t *Tree) makeOutside(path string) error {
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
	return system.SyncDir(root)
}

// publisher returns the lock for renaming in a directory.
func (t *Tree) publisher(dir string) *sync.Mutex {
	h := fnv.New32a()
	_, _ = h.Write([]byte(dir)) // never fails
	return &t.publishing[h.Sum32()%uint32(len(t.publishing))]
}

// shortcut returns nil if there is none, or no tree yet.
func (t *Tree) shortcut() *system.Shortcut {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.short
}
