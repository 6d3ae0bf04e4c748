package tree

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"syscall"

	"s3sync/storage"
	"s3sync/storage/dir/internal/failure"
	"s3sync/storage/dir/internal/system"
)

// errOther says that there is another file already.
var errOther = fmt.Errorf("%w: there is another file of that name", storage.ErrPrecondition)

// Keep gives a regular file of another tree a second name in t, or copies it where that
// cannot be. With absent it fails with storage.ErrPrecondition if another file has the name;
// otherwise it replaces that one. The new name is durable after the next Append.
func (t *Tree) Keep(ctx context.Context, path string, from *Tree, fromPath string, absent bool) (system.Status, error) {
	st, err := t.link(path, from, fromPath, absent)
	if err == nil || !system.CannotLink(err) {
		return st, err
	}
	return t.copy(ctx, path, from, fromPath, absent)
}

// link is Keep without a copy.
func (t *Tree) link(path string, from *Tree, fromPath string, absent bool) (system.Status, error) {
	fromDir, fromBase := split(fromPath)
	source, err := from.find(fromDir)
	if err != nil {
		return system.Status{}, err
	}
	defer source.close()
	fi, err := source.lookup(fromBase)
	if errors.Is(err, storage.ErrUnstorable) || err == nil && !fi.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return system.Status{}, err
	}
	dir, base := split(path)
	target, err := t.make(dir)
	if err != nil {
		return system.Status{}, vanished(t.unusable(err))
	}
	defer target.close()
	st, err := target.take(source, fromBase, fi, base, absent)
	if err == nil {
		t.kept.add(dir)
	}
	return st, vanished(err)
}

// vanished makes an error that something is missing a temporary one: the file was there. So
// nobody takes it for a file that does not exist.
func vanished(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: it vanished, or the directory for it (%v)", storage.ErrTransient, err) //nolint:errorlint // it must not be fs.ErrNotExist
	}
	return err
}

// take gives a file of another directory, which fi describes, the name base in f.
func (f folder) take(source folder, name string, fi fs.FileInfo, base string, absent bool) (system.Status, error) {
	was, err := f.lookup(base)
	switch {
	case err == nil && os.SameFile(was, fi):
		return system.StatusOf(fi), nil
	case err == nil && was.IsDir():
		return system.Status{}, failure.Unstorable("there is a directory of that name")
	case err == nil && absent:
		return system.Status{}, errOther
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return system.Status{}, err
	}
	temp := system.TempName(f.tree.mark)
	if err := system.Link(source.Root, name, f.Root, temp); err != nil {
		return system.Status{}, err
	}
	st, err := f.publishLink(temp, base, absent)
	// A rename does nothing if both names are of one file.
	if rerr := f.Remove(temp); err == nil && !errors.Is(rerr, fs.ErrNotExist) {
		err = rerr
	}
	return st, err
}

// publishLink gives a file that was linked under a temporary name its final name.
func (f folder) publishLink(name, base string, absent bool) (system.Status, error) {
	fi, err := f.Lstat(name)
	if err == nil && !fi.Mode().IsRegular() { // something took its name since
		err = fmt.Errorf("%w: it is no file any more", storage.ErrTransient)
	}
	if err != nil {
		return system.Status{}, err
	}
	lock := f.tree.publisher(f.path)
	lock.Lock()
	defer lock.Unlock()
	_, err = f.lookup(base)
	switch {
	case err == nil && absent:
		return system.Status{}, errOther
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return system.Status{}, err
	}
	return system.StatusOf(fi), f.Rename(name, base)
}

// copy is Keep with a copy. The copy is read again before it is published, and has the
// permissions and the time of the file.
func (t *Tree) copy(ctx context.Context, path string, from *Tree, fromPath string, absent bool) (system.Status, error) {
	source, err := from.Open(fromPath)
	if err != nil {
		return system.Status{}, err
	}
	defer source.Close() //nolint:errcheck // it was only read
	before, err := source.Stat()
	switch {
	case err != nil:
		return system.Status{}, err
	case !before.IsRegular():
		return system.Status{}, fs.ErrNotExist
	}
	switch _, err := t.Stat(path); {
	case err == nil && absent:
		return system.Status{}, errOther
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return system.Status{}, err
	}
	tmp, err := t.Create(path, before.Size, before.ModTime)
	if err != nil {
		return system.Status{}, vanished(err)
	}
	tmp.mode, tmp.exists = before.Mode.Perm(), true
	err = tmp.fill(ctx, source, before.Size)
	if err == nil {
		after, serr := source.Stat()
		if err = serr; err == nil && (after.Size != before.Size || !after.ModTime.Equal(before.ModTime)) {
			err = storage.ErrChanged
		}
	}
	if err == nil { // perhaps another file has its name by now
		now, serr := from.Stat(fromPath)
		switch {
		case errors.Is(serr, fs.ErrNotExist), serr == nil && before.ID.Known() && !now.ID.Is(before.ID):
			err = storage.ErrChanged
		default:
			err = serr
		}
	}
	if err != nil {
		return system.Status{}, vanished(errors.Join(err, tmp.Remove()))
	}
	st, err := tmp.Publish()
	return st, vanished(err)
}

// fill copies a file, and reads the copy again.
func (t *Temp) fill(ctx context.Context, source io.ReaderAt, size int64) error {
	read, written := sha256.New(), sha256.New()
	buf := make([]byte, 1<<20)
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := buf[:min(int64(len(buf)), size-off)]
		if n, err := source.ReadAt(p, off); n < len(p) {
			if err == nil || errors.Is(err, io.EOF) {
				err = storage.ErrChanged
			}
			return err
		}
		_, _ = read.Write(p) // never fails
		if _, err := t.WriteAt(p, off); err != nil {
			return err
		}
		off += int64(len(p))
	}
	if err := t.file.Sync(); err != nil {
		return err
	}
	if _, err := io.CopyBuffer(written, io.NewSectionReader(t.file, 0, size), buf); err != nil {
		return err
	}
	if [sha256.Size]byte(read.Sum(nil)) != [sha256.Size]byte(written.Sum(nil)) {
		return fmt.Errorf("%w: the copy of the file is damaged", storage.ErrMismatch)
	}
	return nil
}

// Append adds data to a file, which it makes if it is missing. The data is durable when
// Append returns, and so are the names that Keep made, if the tree makes its files durable.
// The file, and the directories that it makes, are for their owner alone: they may hold and
// name what others could not see where it was.
func (t *Tree) Append(path string, data []byte) error {
	if err := t.syncKept(); err != nil {
		return err
	}
	dir, base := split(path)
	f, err := t.makeWith(dir, 0o700)
	if err != nil {
		return t.unusable(err)
	}
	defer f.close()
	flags := os.O_WRONLY | os.O_APPEND
	fi, err := f.lookup(base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		flags |= os.O_CREATE | os.O_EXCL
	case err != nil:
		return err
	case !fi.Mode().IsRegular():
		return failure.Unstorable("not a regular file has that name")
	}
	file, err := f.OpenFile(base, flags|system.NoWait, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil && t.fsync {
		err = file.Sync()
	}
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err == nil && t.fsync && flags&os.O_CREATE != 0 {
		err = system.SyncDir(f.Root)
	}
	return err
}

// syncKept makes the names durable that Keep made. Those that are not durable after an error
// are tried again by the next call.
func (t *Tree) syncKept() error {
	dirs := t.kept.take()
	if !t.fsync {
		return nil
	}
	for i, dir := range dirs {
		if err := t.syncFolder(dir); err != nil {
			for _, left := range dirs[i:] {
				t.kept.add(left)
			}
			return err
		}
	}
	return nil
}

func (t *Tree) syncFolder(dir string) error {
	f, err := t.find(dir)
	if err != nil {
		return err
	}
	defer f.close()
	return system.SyncDir(f.Root)
}

// Prune removes a directory and those in it, except where there is a file. What killed runs
// left there goes, too.
func (t *Tree) Prune(dir string) error {
	f, err := t.find(dir)
	if cannotBe(err) {
		return nil
	}
	if err != nil {
		return err
	}
	f.sweep(math.MinInt64) // some may be of the future
	names, err := f.directories()
	f.close()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := t.Prune(join(dir, name)); err != nil {
			return err
		}
	}
	above, base := split(dir)
	parent, err := t.find(above)
	if err != nil {
		return err
	}
	defer parent.close()
	t.paths.forget(dir)
	t.held.drop(dir)
	err = parent.Remove(base)
	if cannotBe(err) || errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// directories returns the names of the directories in f.
func (f folder) directories() ([]string, error) {
	d, err := f.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close() //nolint:errcheck // it was only read
	entries, err := d.ReadDir(-1)
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, err
}
