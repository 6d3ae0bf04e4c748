package system

import (
	"io/fs"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// changedOf returns Status.Changed of what package os tells of a file.
func changedOf(fi fs.FileInfo) int64 {
	if stat, ok := fi.Sys().(*syscall.Stat_t); ok {
		return stat.Ctim.Nano()
	}
	return 0
}

// SetModTime stamps a file that is open.
func SetModTime(_ *os.Root, _ string, d *Descriptor, t time.Time) error {
	written, err := unix.TimeToTimespec(t)
	if err != nil {
		return err
	}
	times := [2]unix.Timespec{{Nsec: unix.UTIME_OMIT}, written}
	return d.use(func(fd int) error {
		// This is futimens(3), which x/sys has no function for.
		_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0) //nolint:gosec // the call reads the two times before it returns
		if errno != 0 {
			return errno
		}
		return nil
	})
}

// Getdents reads the next records of a directory, and returns how many bytes they are: 0 at
// its end. See getdents64(2).
func (d *Descriptor) Getdents(buf []byte) (n int, err error) {
	err = d.use(func(fd int) (err error) {
		n, err = unix.Getdents(fd, buf)
		return err
	})
	return n, err
}
