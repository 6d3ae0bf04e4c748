package tree

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"time"

	"s3sync/storage/dir/internal/system"
)

// A run that is killed leaves temporary files behind. The next run that writes to their
// directory removes those that are not locked and that were not touched for a day. A
// temporary file is locked until it is complete. The age protects files on systems
// without locks, and between the end of the lock and the rename. So it does not matter if the
// writer is known to have ended: see Tree.Ended. A file that the state of earlier runs knows
// is left to the run: see Tree.Expect.

// staleAge is how long a temporary file must have been left alone.
const staleAge = 24 * time.Hour

// sweep removes what killed runs left in a directory that long ago. Files that cannot be
// removed stay.
func (f folder) sweep(age time.Duration) {
	dir, err := f.Open(".")
	if err != nil {
		return
	}
	defer dir.Close() //nolint:errcheck // it was only read
	for {
		names, err := dir.Readdirnames(512)
		for _, name := range names {
			if system.IsTemp(name) {
				f.removeStale(name, age)
			}
		}
		if err != nil { // io.EOF, or no more can be read
			return
		}
	}
}

func (f folder) removeStale(name string, age time.Duration) {
	if _, expected := f.tree.expected.Load(name); expected {
		return
	}
	if _, ended := f.tree.ended.Load(system.MarkOf(name)); ended {
		age = math.MinInt64 // it may be of the future
	}
	fi, err := f.Lstat(name)
	if err != nil || !fi.Mode().IsRegular() || time.Since(fi.ModTime()) < age {
		return
	}
	file, err := f.OpenFile(name, os.O_RDWR|system.NoWait, 0) // file systems over the network lock only what may be written
	if errors.Is(err, fs.ErrPermission) {
		file, err = f.OpenFile(name, os.O_RDONLY|system.NoWait, 0)
	}
	if err != nil {
		return
	}
	d := system.NewDescriptor(file)
	defer d.Close() //nolint:errcheck // nothing was written
	if d.Lock() != nil {
		return
	}
	if touched, err := d.LastTouched(); err != nil || time.Since(touched) < age {
		return
	}
	_ = f.Remove(name) // or a later run does
}
