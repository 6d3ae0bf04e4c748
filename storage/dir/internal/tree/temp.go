package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"s3sync/storage"
	"s3sync/storage/dir/internal/failure"
	"s3sync/storage/dir/internal/system"
)

// A Temp is a file that is being written, under a temporary name in its final directory.
// That directory is either held or folder.
type Temp struct {
	tree   *Tree
	held   *held
	folder folder
	path   string // the final one, relative to the tree
	dir    string // the directory of path
	base   string // the last segment of path
	name   string // the temporary one
	file   *system.Descriptor
	size   int64
	time   time.Time   // of modification; if it is zero the file keeps its own
	mode   fs.FileMode // of the file that is replaced
	exists bool        // a file is replaced
}

// Create creates a file that is to be published at a path with a size and a time of
// modification, which is that of the last write if it is zero. It makes the directories that
// it needs. A new file gets the permissions 0666 without those of the umask, and one that
// replaces another one has its permissions from the start. What killed runs left in the
// directory is removed when the first file is written to it.
//
// The caller ends it with Publish or Remove. Create fails with storage.ErrUnstorable if the
// path leads through a link, a file or another name for the same, or to what is neither a
// file nor a link.
func (t *Tree) Create(path string, size int64, modTime time.Time) (*Temp, error) {
	dir, base := split(path)
	tmp := &Temp{tree: t, path: path, dir: dir, base: base, size: size, time: modTime}
	if tmp.held = t.held.hold(dir); tmp.held != nil {
		if tmp.createHeld() == nil {
			return tmp, nil
		}
		t.held.drop(dir)
		t.held.release(tmp.held)
		tmp.held = nil
	}
	again := t.paths.isKnown(dir)
	f, err := t.make(dir)
	if err != nil {
		return nil, t.unusable(err)
	}
	if t.paths.isFirst(dir) {
		f.sweep(staleAge)
	}
	tmp.folder, tmp.name = f, system.TempName(t.mark)
	if err := tmp.create(); err != nil {
		f.close()
		return nil, t.unusable(err)
	}
	if again && t.shortcut() != nil {
		t.held.keep(f, tmp.name)
	}
	return tmp, nil
}

// create looks at what has the final name, and creates the file.
func (t *Temp) create() error {
	var st system.Status
	fi, err := t.folder.lookup(t.base)
	if err == nil {
		st = system.StatusOf(fi)
	}
	mode, err := t.replaces(st, err)
	if err != nil {
		return err
	}
	file, err := t.folder.OpenFile(t.name, createFlags, mode)
	if err != nil {
		return err
	}
	t.created(system.NewDescriptor(file))
	return nil
}

// createHeld is create in a directory that is held.
func (t *Temp) createHeld() error {
	mode, err := t.replaces(t.tree.short.Lstat(t.path))
	if err != nil {
		return err
	}
	name := system.TempName(t.tree.mark)
	path := join(t.dir, name)
	file, err := t.tree.short.Open(path, createFlags, mode)
	if err != nil {
		return err
	}
	t.name = path[len(path)-len(name):]
	t.created(file)
	return nil
}

const createFlags = os.O_RDWR | os.O_CREATE | os.O_EXCL | system.NoWait

// replaces notes what has the final name. It returns the mode to create the file with.
func (t *Temp) replaces(st system.Status, err error) (fs.FileMode, error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return 0, err
	case st.IsDir():
		return 0, failure.Unstorable("there is a directory of that name")
	case st.IsRegular():
		t.mode, t.exists = st.Mode.Perm(), true
		return t.mode, nil // never more than the old file, not even for a moment
	case !st.IsLink():
		return 0, failure.Unstorable("not a regular file (%v) has that name", st.Mode)
	}
	t.exists = false
	return 0o666, nil
}

func (t *Temp) created(file *system.Descriptor) {
	t.file = file
	_ = file.Lock() // where there are no locks its age protects it: see removeStale
}

// WriteAt is that of io.WriterAt. It may be called concurrently.
func (t *Temp) WriteAt(p []byte, off int64) (int, error) { return t.file.WriteAt(p, off) }

// Publish completes the file and gives it its final name, in place of a file or link that has
// it. It fails with storage.ErrMismatch if the file has not its size. If it fails, it removes
// the file. It tells Status.Changed only after Tree.Identify.
func (t *Temp) Publish() (system.Status, error) {
	st, err := t.complete()
	if err == nil {
		err = t.rename()
	}
	if err != nil {
		return system.Status{}, errors.Join(err, t.Remove())
	}
	if t.tree.fsync {
		err = t.syncDir()
	}
	st.Changed = 0 // that was before the file got its name
	if t.tree.identify && err == nil {
		st.Changed = t.changed(&st)
	}
	t.done()
	if err != nil {
		return system.Status{}, err
	}
	return st, nil
}

// changed returns Status.Changed of the file that was published, or 0 if it is another one by
// now.
func (t *Temp) changed(st *system.Status) int64 {
	var now system.Status
	var err error
	if t.held != nil {
		now, err = system.StatAt(t.held.dir, t.base, false)
	} else if fi, ferr := t.folder.Lstat(t.base); ferr == nil {
		now = system.StatusOf(fi)
	}
	if err != nil || !now.ID.Is(st.ID) || now.Size != st.Size || !now.ModTime.Equal(st.ModTime) {
		return 0
	}
	return now.Changed
}

func (t *Temp) syncDir() error {
	if t.held != nil {
		return system.SyncEntries(t.held.dir)
	}
	return system.SyncDir(t.folder.Root)
}

// done lets the directory go.
func (t *Temp) done() {
	if t.held != nil {
		t.tree.held.release(t.held)
		return
	}
	t.folder.close()
}

// find opens the directory that the path leads to now, instead of the one that was held:
// perhaps the file is not in that.
func (t *Temp) find() error {
	t.tree.held.drop(t.dir)
	f, err := t.tree.find(t.dir)
	if err != nil {
		return err
	}
	t.tree.held.release(t.held)
	t.held, t.folder = nil, f
	t.exists = false // names need not be exact here: see rename
	return nil
}

func (t *Temp) rename() error {
	if t.held != nil {
		// Whatever fails is done again by the path, and that result counts: the directory
		// may be another one by now, on a file system that is read only or gone.
		if system.RenameIn(t.held.dir, t.name, t.base) == nil {
			return nil
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
func (t *Temp) complete() (system.Status, error) {
	if !t.time.IsZero() {
		if err := system.SetModTime(t.folder.Root, t.name, t.file, t.time); err != nil {
			return system.Status{}, err
		}
	}
	st, err := t.file.Stat()
	if err != nil {
		return system.Status{}, err
	}
	if err := CheckSize(st.Size, t.size); err != nil {
		return system.Status{}, err
	}
	if t.exists && st.Mode.Perm() != t.mode { // the umask took some of it
		if err := t.file.Chmod(t.mode); err != nil {
			return system.Status{}, err
		}
	}
	if t.tree.fsync {
		if err := t.file.Sync(); err != nil {
			return system.Status{}, err
		}
	}
	// A network file system may report only now that it is full.
	return st, t.file.Close()
}

// Remove removes the file, in place of Publish. It fails if the temporary name still exists.
func (t *Temp) Remove() error {
	_ = t.file.Close() // what was written is not wanted
	defer t.done()
	if t.held != nil {
		if system.RemoveIn(t.held.dir, t.name) == nil { // else as in rename
			return nil
		}
		switch err := t.find(); {
		case failure.IsGone(err):
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

// CheckSize fails with storage.ErrMismatch unless all bytes were written.
func CheckSize(got, want int64) error {
	if got != want {
		return fmt.Errorf("%w: %d of %d bytes written", storage.ErrMismatch, got, want)
	}
	return nil
}
