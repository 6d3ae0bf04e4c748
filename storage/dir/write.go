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
	return directoryInfo(p, statusOf(fi)), nil
}

// A temp is a file that is being written, under a temporary name in its final directory.
// That directory is either held or folder.
type temp struct {
	tree   *tree
	held   *held
	folder folder
	path   string // the final one, relative to the tree
	dir    string // the directory of path
	base   string // the last segment of path
	name   string // the temporary one
	file   *descriptor
	opts   storage.WriteOptions
	mode   fs.FileMode // of the file that is replaced
	exists bool        // a file is replaced
}

func (t *tree) createTemp(path string, opts storage.WriteOptions) (*temp, error) {
	dir, base := split(path)
	tmp := &temp{tree: t, path: path, dir: dir, base: base, opts: opts}
	if tmp.held = t.hold(dir); tmp.held != nil {
		if tmp.createHeld() == nil {
			return tmp, nil
		}
		t.drop(dir)
		t.release(tmp.held)
		tmp.held = nil
	}
	again := t.isKnown(dir)
	f, err := t.make(dir)
	if err != nil {
		return nil, err
	}
	if t.isFirst(dir) {
		f.sweep()
	}
	tmp.folder, tmp.name = f, tempName()
	if err := tmp.create(); err != nil {
		f.close()
		return nil, err
	}
	if again && t.shortcut() != nil {
		t.keep(f, tmp.name)
	}
	return tmp, nil
}

// create looks at what has the final name, and creates the file.
func (t *temp) create() error {
	var st status
	fi, err := t.folder.lookup(t.base)
	if err == nil {
		st = statusOf(fi)
	}
	mode, err := t.replaces(st, err)
	if err != nil {
		return err
	}
	file, err := t.folder.OpenFile(t.name, createFlags, mode)
	if err != nil {
		return err
	}
	t.created(newDescriptor(file))
	return nil
}

// createHeld is create in a directory that is held.
func (t *temp) createHeld() error {
	mode, err := t.replaces(t.tree.short.lstat(t.path))
	if err != nil {
		return err
	}
	name := tempName()
	path := join(t.dir, name)
	file, err := t.tree.short.open(path, createFlags, mode)
	if err != nil {
		return err
	}
	t.name = path[len(path)-len(name):]
	t.created(file)
	return nil
}

const createFlags = os.O_RDWR | os.O_CREATE | os.O_EXCL | noWait

// replaces notes what has the final name. It returns the mode to create the file with.
func (t *temp) replaces(st status, err error) (fs.FileMode, error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return 0, err
	case st.isDir():
		return 0, unstorable("there is a directory of that name")
	case st.isRegular():
		t.mode, t.exists = st.mode.Perm(), true
		return t.mode, nil // never more than the old file, not even for a moment
	case !st.isLink():
		return 0, unstorable("not a regular file (%v) has that name", st.mode)
	}
	t.exists = false
	return 0o666, nil
}

func (t *temp) created(file *descriptor) {
	t.file = file
	_ = file.lock() // where there are no locks its age protects it: see removeStale
}

// publish completes the file and gives it its final name. If that fails, it removes the
// file.
func (t *temp) publish() (storage.Info, error) {
	st, err := t.complete()
	if err == nil {
		err = t.rename()
	}
	if err != nil {
		return storage.Info{}, errors.Join(err, t.remove())
	}
	if t.tree.fsync {
		err = t.syncDir()
	}
	t.done()
	if err != nil {
		return storage.Info{}, err
	}
	return fileInfo(t.path, st), nil
}

func (t *temp) syncDir() error {
	if t.held != nil {
		return syncEntries(t.held.dir)
	}
	return syncDir(t.folder.Root)
}

// done lets the directory go.
func (t *temp) done() {
	if t.held != nil {
		t.tree.release(t.held)
		return
	}
	t.folder.close()
}

// find opens the directory that the path leads to now, instead of the one that was held:
// the file is not in that.
func (t *temp) find() error {
	f, err := t.tree.find(t.dir)
	if err != nil {
		return err
	}
	t.tree.drop(t.dir)
	t.tree.release(t.held)
	t.held, t.folder = nil, f
	t.exists = false // names need not be exact here: see rename
	return nil
}

func (t *temp) rename() error {
	if t.held != nil {
		err := renameIn(t.held.dir, t.name, t.base)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := t.find(); err != nil {
			return err
		}
	}
	lock := t.tree.publisher(t.dir)
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
func (t *temp) complete() (status, error) {
	if !t.opts.ModTime.IsZero() {
		if err := setModTime(t.folder.Root, t.name, t.file, t.opts.ModTime); err != nil {
			return status{}, err
		}
	}
	st, err := t.file.stat()
	if err != nil {
		return status{}, err
	}
	if err := checkSize(st.size, t.opts.Size); err != nil {
		return status{}, err
	}
	if t.exists && st.mode.Perm() != t.mode { // the umask took some of it
		if err := t.file.chmod(t.mode); err != nil {
			return status{}, err
		}
	}
	if t.tree.fsync {
		if err := t.file.sync(); err != nil {
			return status{}, err
		}
	}
	// A network file system may report only now that it is full.
	return st, t.file.Close()
}

// remove removes the file. It fails if the temporary name still exists.
func (t *temp) remove() error {
	_ = t.file.Close() // what was written is not wanted
	defer t.done()
	if t.held != nil {
		err := removeIn(t.held.dir, t.name)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		switch err := t.find(); {
		case isGone(err):
			return nil // and so is its directory
		case err != nil:
			return err
		}
	}
	if err := t.folder.Remove(t.name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
