package dir

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// A run that is killed leaves temporary files behind. The next run that writes to their
// directory removes those that are not locked and that were not touched for a day. A
// temporary file is locked until it is complete. The age protects files on systems
// without locks, and between the end of the lock and the rename.

// staleAge is how long a temporary file must have been left alone.
const staleAge = 24 * time.Hour

// isFirst reports whether a directory is written to for the first time. If there are very
// many directories, it may report that again.
func (t *tree) isFirst(dir string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.swept[dir]; ok {
		return false
	}
	if t.swept == nil || len(t.swept) >= maxKnown {
		t.swept = map[string]struct{}{}
	}
	t.swept[dir] = struct{}{}
	return true
}

// sweep removes what killed runs left in a directory. Files that cannot be removed stay.
func (f folder) sweep() {
	dir, err := f.Open(".")
	if err != nil {
		return
	}
	defer dir.Close() //nolint:errcheck // it was only read
	for {
		names, err := dir.Readdirnames(512)
		for _, name := range names {
			if isTemp(name) {
				f.removeStale(name)
			}
		}
		if err != nil { // io.EOF, or no more can be read
			return
		}
	}
}

func (f folder) removeStale(name string) {
	fi, err := f.Lstat(name)
	if err != nil || !fi.Mode().IsRegular() || time.Since(fi.ModTime()) < staleAge {
		return
	}
	file, err := f.OpenFile(name, os.O_RDWR|noWait, 0) // file systems over the network lock only what may be written
	if errors.Is(err, fs.ErrPermission) {
		file, err = f.OpenFile(name, os.O_RDONLY|noWait, 0)
	}
	if err != nil {
		return
	}
	d := newDescriptor(file)
	defer d.Close() //nolint:errcheck // nothing was written
	if d.lock() != nil {
		return
	}
	if touched, err := d.lastTouched(); err != nil || time.Since(touched) < staleAge {
		return
	}
	_ = f.Remove(name) // or a later run does
}
