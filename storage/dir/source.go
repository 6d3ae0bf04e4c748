package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"s3sync/storage/dir/internal/failure"
	"s3sync/storage/dir/internal/system"
	"s3sync/storage/dir/internal/tree"
	"s3sync/storage/dir/internal/walk"
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
		t := tree.New(path, root, system.NewShortcut(root), false)
		return &Store{view: linkless{t}, held: t, place: place{path, system.IdentityOf(fi)}}, nil
	}
	root, err := os.OpenFile(path, os.O_RDONLY|system.OnlyDirectory, 0)
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
	return &Store{view: followed{root}, held: root, place: place{path, system.IdentityOf(fi)}}, nil
}

// A place is where a directory was found when it was opened.
type place struct {
	path string
	dir  system.Identity
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
	case failure.IsGone(err):
		return fmt.Errorf("the directory %s is gone since the run began", s.place.path)
	case err != nil:
		return err
	case !system.IdentityOf(fi).Is(s.place.dir):
		return fmt.Errorf("%s is another directory than when the run began: it was unmounted, mounted over, or replaced", s.place.path)
	}
	return nil
}

// A followed is the view of a source whose symbolic links are followed. Paths
// are looked up from a directory that is held open.
type followed struct {
	root *os.File
}

func (f followed) ReadDir(path string, most int, p *walk.Pace) (*walk.Contents, error) {
	return walk.ReadDir(f.Open, path, true, most, p)
}

func (f followed) Stat(path string) (system.Status, error) { return system.StatAt(f.root, path, true) }

func (f followed) Lstat(path string) (system.Status, error) {
	return system.StatAt(f.root, path, false)
}

func (f followed) Named(path string) (system.Status, error) { return f.Stat(path) }

func (f followed) Open(path string) (*system.Descriptor, error) { return system.OpenAt(f.root, path) }

// A single is the view of a source that is one file. Its directory is not held
// open, because whoever may read a file may not be allowed to read that.
type single struct {
	path string
	name string
}

func openSingle(path string) (*Store, error) {
	dir, name := filepath.Split(path)
	if system.IsTemp(name) {
		return nil, fmt.Errorf("%s is a temporary file of an unfinished run", path)
	}
	if dir == "" {
		dir = "."
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	return &Store{view: single{path, name}, place: place{dir, system.IdentityOf(fi)}}, nil
}

func (s single) ReadDir(string, int, *walk.Pace) (*walk.Contents, error) {
	fi, err := os.Stat(s.path)
	if err != nil {
		return &walk.Contents{}, err
	}
	if !fi.Mode().IsRegular() {
		return &walk.Contents{}, fmt.Errorf("%s is not a regular file any more", s.path)
	}
	return walk.One(s.name, system.StatusOf(fi)), nil
}

func (s single) Stat(path string) (system.Status, error) {
	if path != s.name {
		return system.Status{}, fs.ErrNotExist
	}
	fi, err := os.Stat(s.path)
	if err != nil {
		return system.Status{}, err
	}
	return system.StatusOf(fi), nil
}

func (s single) Lstat(path string) (system.Status, error) { return s.Stat(path) }
func (s single) Named(path string) (system.Status, error) { return s.Stat(path) }

func (s single) Open(path string) (*system.Descriptor, error) {
	if path != s.name {
		return nil, fs.ErrNotExist
	}
	f, err := os.OpenFile(s.path, os.O_RDONLY|system.NoWait, 0)
	if err != nil {
		return nil, err
	}
	return system.NewDescriptor(f), nil
}
