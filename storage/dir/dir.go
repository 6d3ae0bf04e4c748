// Package dir is a [storage.Store] in a directory of the file system.
//
// A directory is opened in one of two ways, which share no code that touches
// files by name:
//
//   - As a target it is written. All access goes through one [os.Root], and
//     symbolic links are never followed: no key leaves the directory, whatever
//     it holds, and every file has exactly one key. A link is not part of the
//     target: it is not listed, nothing is written or deleted through it, and
//     it gives way to a file that is written under its name. Where Linux can
//     ensure the same in one call (openat2), that call is tried first.
//   - As a source it is only read. Symbolic links are followed, also those that
//     lead outside, unless Options.IgnoreSymlinks says otherwise. The directory
//     is held open from Open to Close: another one that takes its path meanwhile
//     is never read. On Windows that holds because the system does not let go of
//     a directory that is open.
//
// An object is a regular file; its key is the path relative to the directory,
// with '/' between the segments. Keys that cannot be such a path fail with
// storage.ErrUnstorable; see [Store.MapKey].
//
// A file is written under a temporary name in its final directory,
// ".s3sync-", 26 letters and digits, ".tmp", and renamed when it is complete.
// Entries with such names are never listed, so that what a killed run left
// behind is not taken for data. A file is locked while it is written. One that
// is not locked and was last written a day ago is removed when something is
// written to its directory.
package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"s3sync/storage"
	"s3sync/storage/dir/internal/failure"
	"s3sync/storage/dir/internal/system"
	"s3sync/storage/dir/internal/tree"
	"s3sync/storage/dir/internal/walk"
)

// errReadOnly: a source is not written.
var errReadOnly = fmt.Errorf("%w: the directory was opened as a source", errors.ErrUnsupported)

// deleteBatch is how many files one Delete takes: enough to use a directory
// that was opened for many of them, few enough to notice cancellation.
const deleteBatch = 1000

// Options adjust how a directory is opened.
type Options struct {
	// Source opens the directory to be read only: writing to it fails with
	// errors.ErrUnsupported. The path may also name a regular file, which is
	// then the only object, under its file name.
	Source bool
	// IgnoreSymlinks leaves symbolic links out of a source. The path itself may
	// still be one.
	IgnoreSymlinks bool
	// Fsync makes each file, and the directories it needs, durable before its
	// write returns.
	Fsync bool
	// Missing allows a target that does not exist: it is empty, and is created
	// with the first write.
	Missing bool
	// Identify lets writes tell Info.File of the new file, which takes one more look at it.
	Identify bool
}

// A Store is a directory.
type Store struct {
	path   string // as it was opened
	view   view
	target *tree.Tree // nil for a source
	held   io.Closer  // what Close closes; nil if there is nothing
	place  place      // of a source
	pace   walk.Pace  // of listings
}

var (
	_ storage.Store     = (*Store)(nil)
	_ storage.KeyMapper = (*Store)(nil)
	_ storage.Located   = (*Store)(nil)
)

// Open opens a directory. It changes nothing. The error of a path that does
// not exist is fs.ErrNotExist, unless Options.Missing is set.
func Open(path string, opts Options) (*Store, error) {
	s, err := open(path, opts)
	if err != nil {
		return nil, err
	}
	s.path = path
	return s, nil
}

func open(path string, opts Options) (*Store, error) {
	if path == "" {
		return nil, errors.New("empty path")
	}
	fi, err := os.Stat(path)
	switch {
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist) || opts.Source || !opts.Missing:
		return nil, err
	default:
		if _, err := os.Lstat(path); err == nil {
			return nil, fmt.Errorf("%s is a symbolic link to nothing", path)
		}
		return opts.writable(tree.New(path, nil, nil, opts.Fsync)), nil
	}
	switch {
	case opts.Source:
		return openSource(path, fi, opts)
	case !fi.IsDir():
		return nil, fmt.Errorf("%s is not a directory", path)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return opts.writable(tree.New(path, root, system.NewShortcut(root), opts.Fsync)), nil
}

func (o *Options) writable(t *tree.Tree) *Store {
	if o.Identify {
		t.Identify()
	}
	return writable(t)
}

func writable(t *tree.Tree) *Store { return &Store{view: linkless{t}, target: t, held: t} }

// Caps says that listings are in order and that the store uses no digests.
func (s *Store) Caps() storage.Caps {
	return storage.Caps{Ordered: true, Files: true, DeleteBatch: deleteBatch}
}

// Stat describes a file. A key that ends in a slash asks for a directory.
// There are no versions: asking for one fails with fs.ErrNotExist.
func (s *Store) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	info, err := s.stat(ctx, key)
	if err == nil && opts.VersionID != "" {
		err = fs.ErrNotExist
	}
	if err != nil {
		return storage.Info{}, failure.Of("stat", key, err)
	}
	return info, nil
}

func (s *Store) stat(ctx context.Context, key string) (storage.Info, error) {
	if err := ctx.Err(); err != nil {
		return storage.Info{}, err
	}
	p, err := readable(key)
	if err != nil {
		return storage.Info{}, err
	}
	st, err := s.view.Stat(p.path)
	if err != nil {
		return storage.Info{}, failure.Lookup(err)
	}
	if p.dir && st.IsDir() {
		return directoryInfo(p, st), nil
	}
	if p.dir || !st.IsRegular() {
		return storage.Info{}, fs.ErrNotExist
	}
	return fileInfo(p.path, st), nil
}

func fileInfo(path string, st system.Status) storage.Info {
	return storage.Info{Object: storage.Object{Key: path, Size: st.Size, ModTime: st.ModTime, File: st.FileID()}}
}

func directoryInfo(p keyPath, st system.Status) storage.Info {
	return storage.Info{
		Object:    storage.Object{Key: p.key(), ModTime: st.ModTime},
		Directory: true,
	}
}

// Delete removes files. It leaves everything that is not a regular file, and directories
// that become empty. It is an error to name a directory, with a slash at the end.
func (s *Store) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	errs := make([]error, len(objects))
	remover := tree.Remover{Tree: s.target}
	defer remover.Close()
	for i, o := range objects {
		err := ctx.Err()
		switch {
		case opts.Stopped():
			err = storage.ErrNotBegun
		case err != nil:
		case s.target == nil:
			err = errReadOnly
		case opts.IfMatch:
			err = fmt.Errorf("%w: files have no ETags", errors.ErrUnsupported)
		default:
			err = remove(&remover, o.Key)
		}
		if err != nil {
			errs[i] = failure.Of("delete", o.Key, err)
		}
	}
	return errs
}

func remove(r *tree.Remover, key string) error {
	p, err := readable(key)
	if err != nil {
		return err
	}
	if p.dir {
		return failure.Unstorable("directories are not removed")
	}
	return r.Remove(p.path)
}

// Close closes the directory. It does not end writers that are still open.
func (s *Store) Close() error {
	if s.held == nil {
		return nil
	}
	return s.held.Close()
}
