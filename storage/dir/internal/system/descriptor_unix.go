//go:build !windows

package system

import (
	"io"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// maxCall is how many bytes one call reads or writes at most. Some systems refuse 2 GiB.
const maxCall = 1 << 30

// A Descriptor is an open file or directory. It may be used concurrently. os.File would
// prepare it for polling, which regular files do not need: that costs system calls and
// allocations.
type Descriptor struct {
	// mu is held for reading by calls that use fd, and for writing by Close. The system
	// gives the number of a closed file to the next one that is opened.
	mu sync.RWMutex
	fd int // -1 once it is closed
	// file owns fd, if it was opened by package os.
	file *os.File
}

// NewDescriptor takes a file over.
func NewDescriptor(f *os.File) *Descriptor { return &Descriptor{fd: int(f.Fd()), file: f} }

// use calls do with the number of the open file until no signal interrupts it.
func (d *Descriptor) use(do func(fd int) error) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.fd < 0 {
		return fs.ErrClosed
	}
	return uninterrupted(func() error { return do(d.fd) })
}

// ReadAt is that of io.ReaderAt.
func (d *Descriptor) ReadAt(p []byte, off int64) (read int, err error) {
	for read < len(p) {
		var n int
		err := d.use(func(fd int) (err error) {
			n, err = unix.Pread(fd, p[read:min(len(p), read+maxCall)], off+int64(read))
			return err
		})
		switch {
		case err != nil:
			return read, err
		case n == 0:
			return read, io.EOF
		}
		read += n
	}
	return read, nil
}

// WriteAt is that of io.WriterAt.
func (d *Descriptor) WriteAt(p []byte, off int64) (written int, err error) {
	for written < len(p) {
		var n int
		err := d.use(func(fd int) (err error) {
			n, err = unix.Pwrite(fd, p[written:min(len(p), written+maxCall)], off+int64(written))
			return err
		})
		switch {
		case err != nil:
			return written, err
		case n == 0:
			return written, io.ErrUnexpectedEOF
		}
		written += n
	}
	return written, nil
}

// Stat describes the file.
func (d *Descriptor) Stat() (Status, error) {
	var stat unix.Stat_t
	err := d.use(func(fd int) error { return unix.Fstat(fd, &stat) })
	if err != nil {
		return Status{}, err
	}
	return statusOfStat(&stat), nil
}

// Lstat describes an entry of the directory, and does not follow a link.
func (d *Descriptor) Lstat(name string) (Status, error) {
	var stat unix.Stat_t
	err := d.use(func(fd int) error { return unix.Fstatat(fd, name, &stat, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil {
		return Status{}, err
	}
	return statusOfStat(&stat), nil
}

// Chmod sets the permissions.
func (d *Descriptor) Chmod(mode fs.FileMode) error {
	return d.use(func(fd int) error { return unix.Fchmod(fd, uint32(mode.Perm())) })
}

// Sync makes the file durable.
func (d *Descriptor) Sync() error {
	if d.file != nil {
		return d.file.Sync() // which knows that fsync is not enough everywhere
	}
	return d.use(unix.Fsync)
}

// Lock takes the lock of the file, which ends when the file is closed, or fails if
// somebody else has it.
func (d *Descriptor) Lock() error {
	return d.use(func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
}

// Close closes the file; what is under way ends before. Once more it fails with fs.ErrClosed.
func (d *Descriptor) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fd < 0 {
		return fs.ErrClosed
	}
	fd := d.fd
	d.fd = -1
	if d.file != nil {
		return d.file.Close()
	}
	// It is closed even if that was interrupted, and the number may be another file's. But
	// then nobody knows whether what was written has arrived.
	return unix.Close(fd)
}
