package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Reading a source, which is never written.

// openSource opens a source at a path where fi was found.
func openSource(path string, fi fs.FileInfo, opts Options) (*Store, error) {
	switch {
	case fi.Mode().IsRegular():
		return openSingle(path)
	case !fi.IsDir():
		return nil, fmt.Errorf("%s is neither a directory nor a regular file", path)
	case opts.IgnoreSymlinks:
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, err
		}
		if fi, err = root.Stat("."); err != nil {
			return nil, errors.Join(err, root.Close())
		}
		t := &tree{path: path}
		t.setRoot(root)
		return &Store{view: t, held: t, place: place{path, identityOf(fi)}}, nil
	}
	root, err := os.OpenFile(path, os.O_RDONLY|onlyDirectory, 0)
	if err != nil {
		return nil, err
	}
	fi, err = root.Stat()
	if err == nil && !fi.IsDir() {
		err = fmt.Errorf("%s is not a directory any more", path)
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &Store{view: followed{root}, held: root, place: place{path, identityOf(fi)}}, nil
}

// A place is where a directory was found when it was opened.
type place struct {
	path string
	dir  identity
}

// StillThere fails if the path of a source does not lead any more to the directory that
// was opened, or to the directory of the file if the source is a file. It does nothing for
// a target.
func (s *Store) StillThere(ctx context.Context) error {
	if ctx.Err() != nil || s.place.path == "" {
		return ctx.Err()
	}
	fi, err := os.Stat(s.place.path)
	switch {
	case isGone(err):
		return fmt.Errorf("the directory %s is gone since the run began", s.place.path)
	case err != nil:
		return err
	case !identityOf(fi).is(s.place.dir):
		return fmt.Errorf("%s is another directory than when the run began: it was unmounted, mounted over, or replaced", s.place.path)
	}
	return nil
}

// A followed is the view of a source whose symbolic links are followed. Paths
// are looked up from a directory that is held open.
type followed struct {
	root *os.File
}

func (f followed) readDir(path string, most int, p *pace) (c *contents, err error) {
	c = &contents{}
	d, err := f.open(path)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return c, c.read(d, false, most, p)
}

func (f followed) stat(path string) (status, error)      { return statAt(f.root, path, true) }
func (f followed) lstat(path string) (status, error)     { return statAt(f.root, path, false) }
func (f followed) named(path string) (status, error)     { return f.stat(path) }
func (f followed) open(path string) (*descriptor, error) { return openAt(f.root, path) }

// A single is the view of a source that is one file. Its directory is not held
// open, because whoever may read a file may not be allowed to read that.
type single struct {
	path string
	name string
}

func openSingle(path string) (*Store, error) {
	dir, name := filepath.Split(path)
	if isTemp(name) {
		return nil, fmt.Errorf("%s is a temporary file of an unfinished run", path)
	}
	if dir == "" {
		dir = "."
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	return &Store{view: single{path, name}, place: place{dir, identityOf(fi)}}, nil
}

func (s single) readDir(string, int, *pace) (*contents, error) {
	fi, err := os.Stat(s.path)
	if err != nil {
		return &contents{}, err
	}
	if !fi.Mode().IsRegular() {
		return &contents{}, fmt.Errorf("%s is not a regular file any more", s.path)
	}
	e := entry{name: s.name}
	e.set(statusOf(fi))
	return &contents{entries: []entry{e}}, nil
}

func (s single) stat(path string) (status, error) {
	if path != s.name {
		return status{}, fs.ErrNotExist
	}
	fi, err := os.Stat(s.path)
	if err != nil {
		return status{}, err
	}
	return statusOf(fi), nil
}

func (s single) lstat(path string) (status, error) { return s.stat(path) }
func (s single) named(path string) (status, error) { return s.stat(path) }

func (s single) open(path string) (*descriptor, error) {
	if path != s.name {
		return nil, fs.ErrNotExist
	}
	f, err := os.OpenFile(s.path, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, err
	}
	return newDescriptor(f), nil
}
