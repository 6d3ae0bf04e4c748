package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"s3sync/storage/dir/internal/failure"
	"s3sync/storage/dir/internal/system"
)

// A Left names a temporary file that was left, in the directory of the path that it is for.
// The inode tells whether it is still that file.
type Left struct {
	Name  string `json:"name"`
	Inode string `json:"inode,omitempty"` // empty if the system has none
	Owner uint32 `json:"owner,omitempty"` // system.Status.Owner
}

// Left names the file of t.
func (t *Temp) Left() (Left, error) {
	st, err := t.file.Stat()
	return Left{Name: t.name, Inode: st.ID.Text(), Owner: st.Owner}, err
}

// Keep ends t in place of Publish and Remove, and keeps the file.
func (t *Temp) Keep() error {
	err := t.file.Close()
	t.done()
	return err
}

// ReadAt is that of io.ReaderAt.
func (t *Temp) ReadAt(p []byte, off int64) (int, error) { return t.file.ReadAt(p, off) }

// Adopt opens a file that was left, to be published as one of Create. It fails with
// fs.ErrNotExist if the file is not there, is another one, is larger than size or is
// locked. The same holds if it belongs to another user or has another name too: somebody else
// could still write to it.
func (t *Tree) Adopt(path string, left Left, size int64, modTime time.Time) (*Temp, error) {
	dir, base := split(path)
	f, err := t.find(dir)
	if err != nil {
		return nil, err
	}
	tmp := &Temp{tree: t, path: path, dir: dir, base: base, size: size, time: modTime, folder: f, name: left.Name}
	if err := tmp.adopt(left); err != nil {
		f.close()
		return nil, err
	}
	return tmp, nil
}

func (t *Temp) adopt(left Left) error {
	d, err := t.folder.openLeft(left)
	if err != nil {
		return err
	}
	st, err := d.Stat()
	if err == nil && (st.Owner != left.Owner || st.Links > 1) {
		err = fmt.Errorf("%w: %q has %d names and belongs to user %d, was of user %d", fs.ErrNotExist, left.Name, st.Links, st.Owner, left.Owner)
	}
	if err == nil && st.Size > t.size {
		err = fmt.Errorf("%w: %q has %d bytes, the object has %d", fs.ErrNotExist, left.Name, st.Size, t.size)
	}
	if err == nil {
		err = t.adoptMode(d)
	}
	if err != nil {
		return errors.Join(err, d.Close())
	}
	t.file = d
	return nil
}

// adoptMode looks at what has the final name by now. The file never has more permissions
// than the one that it replaces.
func (t *Temp) adoptMode(d *system.Descriptor) error {
	var st system.Status
	fi, err := t.folder.lookup(t.base)
	if err == nil {
		st = system.StatusOf(fi)
	}
	mode, err := t.replaces(st, err)
	if err != nil || !t.exists {
		return err
	}
	return d.Chmod(mode)
}

// openLeft opens and locks a file that was left. The name may lead to another file, also
// through a link, while it is opened: so it is looked up before and after.
func (f folder) openLeft(left Left) (*system.Descriptor, error) {
	if !system.IsTemp(left.Name) {
		return nil, fmt.Errorf("%w: %q is no name of a temporary file", fs.ErrNotExist, left.Name)
	}
	before, err := f.Lstat(left.Name)
	if err != nil {
		return nil, err
	}
	id := system.IdentityOf(before)
	if !before.Mode().IsRegular() || id.Text() != left.Inode {
		return nil, fmt.Errorf("%w: %q is another file", fs.ErrNotExist, left.Name)
	}
	file, err := f.OpenFile(left.Name, os.O_RDWR|system.NoWait, 0)
	if err != nil {
		return nil, err
	}
	d := system.NewDescriptor(file)
	if err := f.lockLeft(d, left.Name, id); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// lockLeft locks an open file, and makes sure that it is still the one of the name.
func (f folder) lockLeft(d *system.Descriptor, name string, id system.Identity) error {
	if err := d.Lock(); err != nil {
		return fmt.Errorf("%w: %q is in use (%w)", fs.ErrNotExist, name, err)
	}
	st, err := d.Stat()
	if err != nil {
		return err
	}
	after, err := f.Lstat(name)
	if err != nil {
		return err
	}
	if !st.ID.Is(id) || !system.IdentityOf(after).Is(id) {
		return fmt.Errorf("%w: %q is another file", fs.ErrNotExist, name)
	}
	return nil
}

// Discard removes a file that was left for a path. It is fine if it is gone, or another
// file has the name. It fails if the file is in use.
func (t *Tree) Discard(path string, left Left) error {
	dir, _ := split(path)
	f, err := t.find(dir)
	if failure.IsGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.close()
	d, err := f.openLeft(left)
	if err != nil {
		if fi, lerr := f.Lstat(left.Name); lerr != nil || system.IdentityOf(fi).Text() != left.Inode {
			return nil // it is gone
		}
		return fmt.Errorf("the temporary file %q could not be removed: %s", join(dir, left.Name), err.Error())
	}
	defer d.Close() //nolint:errcheck // nothing was written
	if err := f.Remove(left.Name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Expect keeps files of that name from being removed for their age.
func (t *Tree) Expect(left Left) { t.expected.Store(left.Name, struct{}{}) }

// Mark is what the names of the temporary files of t have in common.
func (t *Tree) Mark() string { return t.mark }

// Ended says that the process has ended whose Tree had a mark: its temporary files are not
// written any more.
func (t *Tree) Ended(mark string) { t.ended.Store(mark, struct{}{}) }

// A LeftFile is a temporary file somewhere in a tree.
type LeftFile struct {
	Left

	Path  string // of the file itself
	Size  int64
	Time  time.Time
	InUse bool // it is locked
}

// LeftFiles calls yield with each temporary file in the tree until that returns false.
// Directories that cannot be read are an error.
func (t *Tree) LeftFiles(yield func(LeftFile) bool) error {
	root, err := t.top()
	if failure.IsGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return fs.WalkDir(root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case failure.IsGone(err):
			return nil
		case err != nil:
			return err
		case !e.Type().IsRegular() || !system.IsTemp(e.Name()):
			return nil
		}
		l, err := t.describeLeft(path)
		if err != nil {
			return nil //nolint:nilerr // it is gone meanwhile
		}
		if !yield(l) {
			return fs.SkipAll
		}
		return nil
	})
}

func (t *Tree) describeLeft(path string) (LeftFile, error) {
	dir, name := split(path)
	f, err := t.find(dir)
	if err != nil {
		return LeftFile{}, err
	}
	defer f.close()
	fi, err := f.Lstat(name)
	if err != nil {
		return LeftFile{}, err
	}
	st := system.StatusOf(fi)
	l := LeftFile{Left: Left{Name: name, Inode: st.ID.Text(), Owner: st.Owner}, Path: path, Size: fi.Size(), Time: fi.ModTime()}
	d, err := f.openLeft(l.Left)
	if err != nil {
		l.InUse = true
		return l, nil // or it may not be opened, which is the same for the caller
	}
	return l, d.Close()
}
