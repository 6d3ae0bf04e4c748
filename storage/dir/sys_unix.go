//go:build !windows

package dir

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// noWait in the flags of an open keeps it from waiting for the other end of a
// named pipe, and from taking a terminal. Regular files do not mind.
const noWait = syscall.O_NONBLOCK | syscall.O_NOCTTY

// onlyDirectory in the flags of an open makes it fail for anything else.
const onlyDirectory = syscall.O_DIRECTORY

// setModTime stamps the file called name in dir, which is open as f.
func setModTime(dir *os.Root, name string, _ *os.File, t time.Time) error {
	return dir.Chtimes(name, time.Time{}, t)
}

// syncDir makes the entries of a directory durable. File systems that cannot
// do so on request say EINVAL or ENOTSUP.
func syncDir(dir *os.Root) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// lock takes the lock of a file, which ends when the file is closed, or fails if
// somebody else has it.
func lock(f *os.File) error {
	return control(f, func(fd int) error {
		return uninterrupted(func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	})
}

// lastTouched is when the file was last written, or made, or when its time was
// last set, which may have set it back.
func lastTouched(f *os.File) (time.Time, error) {
	var stat unix.Stat_t
	err := control(f, func(fd int) error {
		return uninterrupted(func() error { return unix.Fstat(fd, &stat) })
	})
	written, changed := time.Unix(stat.Mtim.Unix()), time.Unix(stat.Ctim.Unix())
	if changed.After(written) {
		return changed, err
	}
	return written, err
}

// control calls do with the descriptor of a file.
func control(f *os.File, do func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	err = conn.Control(func(fd uintptr) { failure = do(int(fd)) })
	return errors.Join(err, failure)
}

// systemKind tells the kind of failures that only one system knows: none here.
func systemKind(syscall.Errno) error { return nil }
