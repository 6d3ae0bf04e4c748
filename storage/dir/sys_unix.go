//go:build !windows

package dir

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// noWait is a flag for opening. The call then does not wait for the other end of a named
// pipe, and does not make a terminal the controlling one. It has no effect on regular
// files.
const noWait = syscall.O_NONBLOCK | syscall.O_NOCTTY

// onlyDirectory is a flag for opening. The call then fails for anything but a directory.
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

// lastTouched returns when the file was last written or created, or when its time was last
// set. That time itself may have been set back.
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

// systemKind returns the kind of failures that exist only on this system. There are none.
func systemKind(syscall.Errno) error { return nil }
