package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"s3sync/storage"
)

// Put writes a file, with the directories it needs. A new file gets the permissions 0666
// without those of the umask. A replaced file keeps its permissions. A key that ends in a
// slash creates a directory.
//
// Put fails with storage.ErrUnstorable also if there is a file in place of a directory, or
// a directory in place of the file. It fails with storage.ErrUnusable if nothing can be
// written any more. On a full disk that is storage.ErrFull.
func (s *Store) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	info, err := s.put(ctx, key, b, opts)
	if err != nil {
		return storage.Info{}, fail("put", key, writeError(err))
	}
	return info, nil
}

func (s *Store) put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	p, err := s.begin(ctx, key, opts)
	if err != nil {
		return storage.Info{}, err
	}
	if err := checkSize(int64(len(b.Data)), opts.Size); err != nil {
		return storage.Info{}, err
	}
	if p.dir {
		return s.putDirectory(p)
	}
	t, err := s.target.createTemp(p.path, opts)
	if err != nil {
		return storage.Info{}, err
	}
	_, err = t.file.WriteAt(b.Data, 0)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return storage.Info{}, errors.Join(err, t.remove())
	}
	return t.publish()
}

// begin checks a write before it changes anything.
func (s *Store) begin(ctx context.Context, key string, opts storage.WriteOptions) (keyPath, error) {
	if err := ctx.Err(); err != nil {
		return keyPath{}, err
	}
	if s.target == nil {
		return keyPath{}, errReadOnly
	}
	p, err := storable(key, onWindows)
	if err == nil && p.dir && opts.Size != 0 {
		err = unstorable("a directory holds no data")
	}
	return p, err
}

func checkSize(got, want int64) error {
	if got != want {
		return fmt.Errorf("%w: %d of %d bytes written", storage.ErrMismatch, got, want)
	}
	return nil
}

func (s *Store) putDirectory(p keyPath) (storage.Info, error) {
	f, err := s.target.make(p.path)
	if err != nil {
		return storage.Info{}, err
	}
	defer f.close()
	fi, err := f.Stat(".")
	if err != nil {
		return storage.Info{}, err
	}
	return directoryInfo(p, fi), nil
}

// A temp is a file that is being written, under a temporary name in its final directory.
type temp struct {
	folder folder
	path   string // the final one, relative to the tree
	base   string // its last segment
	name   string // the temporary one in folder
	file   *os.File
	opts   storage.WriteOptions
	mode   fs.FileMode // of the file that is replaced
	exists bool        // a file is replaced
}

func (t *tree) createTemp(path string, opts storage.WriteOptions) (*temp, error) {
	dir, base := split(path)
	f, err := t.make(dir)
	if err != nil {
		return nil, err
	}
	if t.isFirst(dir) {
		f.sweep()
	}
	tmp := &temp{folder: f, path: path, base: base, name: tempName(), opts: opts}
	if err := tmp.create(); err != nil {
		f.close()
		return nil, err
	}
	return tmp, nil
}

// create looks at what has the final name, and creates the file.
func (t *temp) create() error {
	fi, err := t.folder.lookup(t.base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case fi.IsDir():
		return unstorable("there is a directory of that name")
	case fi.Mode().IsRegular():
		t.mode, t.exists = fi.Mode().Perm(), true
	case fi.Mode().Type() != fs.ModeSymlink:
		return unstorable("not a regular file (%v) has that name", fi.Mode())
	}
	mode := fs.FileMode(0o666)
	if t.exists {
		mode = t.mode // never more than the old file, not even for a moment
	}
	t.file, err = t.folder.OpenFile(t.name, os.O_RDWR|os.O_CREATE|os.O_EXCL|noWait, mode)
	if err != nil {
		return err
	}
	_ = lock(t.file) // where there are no locks its age protects it: see removeStale
	return nil
}

// publish completes the file and gives it its final name. If that fails, it removes the
// file.
func (t *temp) publish() (storage.Info, error) {
	fi, err := t.complete()
	if err == nil {
		err = t.rename()
	}
	if err != nil {
		return storage.Info{}, errors.Join(err, t.remove())
	}
	if t.folder.tree.fsync {
		err = syncDir(t.folder.Root)
	}
	t.folder.close()
	if err != nil {
		return storage.Info{}, err
	}
	return fileInfo(t.path, fi), nil
}

func (t *temp) rename() error {
	lock := t.folder.tree.publisher(t.folder.path)
	lock.Lock()
	defer lock.Unlock()
	if !t.exists {
		if _, err := t.folder.lookup(t.base); errors.Is(err, storage.ErrUnstorable) {
			return err
		}
	}
	return t.folder.Rename(t.name, t.base)
}

// complete sets what the file has besides its bytes, and closes it.
func (t *temp) complete() (fs.FileInfo, error) {
	if t.exists {
		if err := t.file.Chmod(t.mode); err != nil {
			return nil, err
		}
	}
	if !t.opts.ModTime.IsZero() {
		if err := setModTime(t.folder.Root, t.name, t.file, t.opts.ModTime); err != nil {
			return nil, err
		}
	}
	if t.folder.tree.fsync {
		if err := t.file.Sync(); err != nil {
			return nil, err
		}
	}
	fi, err := t.file.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkSize(fi.Size(), t.opts.Size); err != nil {
		return nil, err
	}
	// A network file system may report only now that it is full.
	return fi, t.file.Close()
}

// remove removes the file. It fails if the temporary name still exists.
func (t *temp) remove() error {
	_ = t.file.Close() // what was written is not wanted
	err := t.folder.Remove(t.name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	t.folder.close()
	return err
}
